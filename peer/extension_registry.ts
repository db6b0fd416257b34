/**
 * Which extension has which id, on each side of one connection (BEP 10), and
 * the extensions of a user.
 *
 * @module
 */
import type { ExtensionHandshake } from "./extension_handshake.ts";
import { MAX_EXTENSIONS } from "./limits.ts";
import { PeerProtocolError } from "./error.ts";
import type { PeerSessionEvent } from "./session_types.ts";

/** What the extensions need of their connection. */
interface ExtensionCarrier {
  /** Whether the peer speaks an extension. */
  supports(name: string): boolean;
  /** Sends a message of an extension. */
  sendExtended(name: string, payload: Uint8Array): boolean;
}

/** Extensions by name, each with what it may do at any time. */
export class UserExtensions {
  readonly #all = new Map<string, [PeerExtension, PeerExtensionContext]>();

  constructor(
    extensions: readonly PeerExtension[],
    carrier: ExtensionCarrier,
    end: (error: PeerProtocolError) => void,
  ) {
    for (const extension of extensions) {
      const { name } = extension;
      this.#all.set(name, [extension, {
        get supported() {
          return carrier.supports(name);
        },
        send: (payload) => carrier.sendExtended(name, payload),
        fail: (message) => end(new PeerProtocolError("malformed", message)),
      }]);
    }
  }

  /** Takes an event; returns whether it was for an extension only. */
  handle(event: PeerSessionEvent): boolean {
    if (event.type === "extension-handshake") {
      for (const [extension, context] of this.#all.values()) {
        extension.onHandshake?.(event.handshake, context);
      }
    } else if (event.type === "extended") {
      const [extension, context] = this.#all.get(event.name) ?? [];
      if (extension?.onMessage === undefined) return false;
      extension.onMessage(event.payload, context!);
      return true;
    }
    return false;
  }
}

/** Extensions this package speaks, in the order of the ids we give them. */
export const STANDARD_EXTENSIONS = [
  "ut_metadata",
  "ut_pex",
  "lt_donthave",
  "upload_only",
  "ut_holepunch",
] as const;

/** What an extension of a user can do on a connection, at any time. */
export interface PeerExtensionContext {
  /** Whether the peer has told an id for this extension. */
  readonly supported: boolean;
  /**
   * Sends a message of this extension.
   *
   * @param payload The bytes; copied.
   * @returns False when the peer does not speak this extension, or is gone.
   */
  send(payload: Uint8Array): boolean;
  /**
   * Ends the connection because the peer misbehaved; returns all the same.
   *
   * @param message What it did.
   */
  fail(message: string): void;
}

/**
 * An extension of a user. One without `onMessage` gives its messages out as
 * `extended` events.
 */
export interface PeerExtension {
  /** Name in the handshake, such as `"xy_chat"`. */
  readonly name: string;
  /**
   * Called after each extension handshake of the peer.
   *
   * @param handshake What the peer told.
   * @param context What can be done.
   */
  onHandshake?(
    handshake: ExtensionHandshake,
    context: PeerExtensionContext,
  ): void;
  /**
   * Called for each message.
   *
   * @param payload A view that is valid only during the call.
   * @param context What can be done.
   */
  onMessage?(payload: Uint8Array, context: PeerExtensionContext): void;
}

/** Our side: names and ids. */
interface LocalExtensions {
  readonly ids: ReadonlyMap<string, number>;
  readonly names: readonly (string | undefined)[];
}

/** Peers that are offered the same share what was made of it. */
const shared = new WeakMap<readonly string[], LocalExtensions>();
const NO_IDS = new Map<string, number>();

function localExtensions(names: readonly string[]): LocalExtensions {
  const ids = new Map<string, number>();
  for (const name of names) {
    if (ids.has(name)) {
      throw new RangeError(`Cannot register extension "${name}" twice`);
    }
    if (ids.size === MAX_EXTENSIONS) {
      throw new RangeError(
        `Cannot register extension "${name}": the most are ${MAX_EXTENSIONS}`,
      );
    }
    ids.set(name, ids.size + 1);
  }
  return { ids, names: [undefined, ...names] };
}

/** Names and ids of both directions of one connection. */
export class ExtensionRegistry {
  readonly #local: LocalExtensions;
  #remote = NO_IDS;

  /**
   * Gives every extension an id from 1 on.
   *
   * @param names The extensions to offer; not changed afterwards.
   * @throws {RangeError} If there are more than 64 or a name is given twice.
   */
  constructor(names: readonly string[] = STANDARD_EXTENSIONS) {
    let local = shared.get(names);
    if (local === undefined) {
      local = localExtensions(names);
      shared.set(names, local);
    }
    this.#local = local;
  }

  /** Our names and the ids under which we want their messages. */
  get localIds(): ReadonlyMap<string, number> {
    return this.#local.ids;
  }

  /**
   * Finds what an incoming message belongs to.
   *
   * @param id One of our ids.
   * @returns The name, or `undefined` for an id that we never gave.
   */
  nameOf(id: number): string | undefined {
    return this.#local.names[id];
  }

  /**
   * Finds the id that the peer wants to see.
   *
   * @param name The name.
   * @returns 1 to 255, or `undefined` when the peer does not speak it.
   */
  remoteId(name: string): number | undefined {
    return this.#remote.get(name);
  }

  /**
   * Applies a handshake of the peer: names are added, id 0 removes.
   *
   * @param messageIds What the handshake says.
   */
  applyRemote(messageIds: ReadonlyMap<string, number>): void {
    for (const [name, id] of messageIds) {
      if (id === 0) this.#remote.delete(name);
      else if (this.#remote.has(name) || this.#remote.size < MAX_EXTENSIONS) {
        if (this.#remote === NO_IDS) this.#remote = new Map();
        this.#remote.set(name, id);
      }
    }
  }
}
