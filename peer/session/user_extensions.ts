/**
 * The extensions of a user on one connection.
 *
 * @module
 */
import { PeerProtocolError } from "../error.ts";
import type {
  PeerExtension,
  PeerExtensionContext,
} from "../extension_registry.ts";
import type { PeerSessionEvent } from "../session_types.ts";

/** What the extensions need of their connection. */
export interface ExtensionCarrier {
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
