/**
 * Many peers at once: one place that admits them, watches them and tells of
 * them.
 *
 * @module
 */
import { equalBytes, toByteString } from "../_shared/bytes.ts";
import { PeerConnection } from "./connection.ts";
import type {
  PeerCloseReason,
  PeerConnectionEvent,
  PeerConnectionOptions,
} from "./connection_options.ts";
import { copyPeerEvent } from "./event_copy.ts";
import type { BlockAddress } from "./message.ts";

/** What is needed to add a peer; events go to the manager. */
export type AddPeerOptions = Omit<PeerConnectionOptions, "onEvent">;

/** Why a peer was not added. */
export type PeerRefusal =
  /** The same peer id at the same host is there for this info-hash. */
  | "duplicate"
  /** There are as many peers as may be, and as many that wait. */
  | "full"
  /** The manager is closed. */
  | "closed"
  /** An option of the connection makes no sense. */
  | "invalid";

/** Commands that the writable side of a {@linkcode PeerManager} takes. */
export type PeerCommand =
  /** Adds a peer; waits while the manager is full. */
  | { readonly type: "add"; readonly options: AddPeerOptions }
  /** Removes a peer. */
  | {
    readonly type: "remove";
    readonly peer: PeerConnection;
    readonly error?: Error;
  }
  /** Chokes, unchokes. */
  | { readonly type: "choke" | "unchoke"; readonly peer: PeerConnection }
  /** Tells of our interest. */
  | {
    readonly type: "interest";
    readonly peer: PeerConnection;
    readonly interested: boolean;
  }
  /** Asks for blocks. */
  | {
    readonly type: "request";
    readonly peer: PeerConnection;
    readonly blocks: readonly BlockAddress[];
  }
  /** Takes a request back. */
  | {
    readonly type: "cancel";
    readonly peer: PeerConnection;
    readonly block: BlockAddress;
  }
  /** Tells of a piece: one peer, or all of an info-hash. */
  | {
    readonly type: "have";
    readonly infoHash: Uint8Array;
    readonly pieceIndex: number;
  }
  /** Answers a `serve` event; without data it is refused. */
  | {
    readonly type: "block";
    readonly peer: PeerConnection;
    readonly request: BlockAddress;
    readonly data?: Uint8Array;
  }
  /** Sends a message of an extension. */
  | {
    readonly type: "extended";
    readonly peer: PeerConnection;
    readonly name: string;
    readonly payload: Uint8Array;
  };

/** What the readable side of a {@linkcode PeerManager} tells. */
export type PeerEvent =
  /** A peer was added. */
  | { readonly type: "added"; readonly peer: PeerConnection }
  /** A peer was not added; its connection is closed. */
  | {
    readonly type: "refused";
    readonly reason: PeerRefusal;
    readonly options: AddPeerOptions;
  }
  /** Something happened at a peer. */
  | {
    readonly type: "event";
    readonly peer: PeerConnection;
    readonly event: PeerConnectionEvent;
  }
  /** A peer is gone; exactly once for each that was added. */
  | {
    readonly type: "disconnected";
    readonly peer: PeerConnection;
    readonly reason: PeerCloseReason;
  };

/** Options of {@linkcode PeerManager}. */
export interface PeerManagerOptions {
  /** Most peers at once, 1 to 100000. @default {1000} */
  readonly maxPeers?: number | undefined;
  /** Events that wait before reading from peers pauses. @default {1000} */
  readonly maxWaiting?: number | undefined;
  /**
   * Takes every event at once, in place of the readable side. Byte fields are
   * then valid only during the call. @default {undefined}
   */
  readonly onEvent?: ((event: PeerEvent) => void) | undefined;
  /** Closes the manager. */
  readonly signal?: AbortSignal | undefined;
}

/** Without the port: who dials us and whom we dial is then the same peer. */
function identity(options: AddPeerOptions): string {
  return toByteString(options.infoHash) + toByteString(options.peerId) +
    options.connection.remote.hostname;
}

function checked(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new RangeError(
    `Cannot use ${value} as "${name}": it must be an integer from 1 to ${most}`,
  );
}

/**
 * Multiplexes {@linkcode PeerConnection}s: commands in on `writable`, events
 * out on `readable`, or the same by methods. Reading from all peers pauses
 * while nobody takes the events.
 */
export class PeerManager implements AsyncDisposable {
  readonly #maxPeers: number;
  readonly #maxWaiting: number;
  readonly #onEvent: ((event: PeerEvent) => void) | undefined;
  readonly #peers = new Map<string, PeerConnection>();
  readonly #vacancies: (() => void)[] = [];
  readonly #readable: ReadableStream<PeerEvent>;
  readonly #writable: WritableStream<PeerCommand>;
  #events: PeerEvent[] = [];
  #taken = 0;
  #drained: PromiseWithResolvers<void> | undefined;
  #controller: ReadableStreamDefaultController<PeerEvent> | undefined;
  #closed = false;
  #detachSignal = () => {};

  /**
   * Makes a manager without peers.
   *
   * @param options See {@linkcode PeerManagerOptions}.
   * @throws {RangeError} If an option makes no sense. The reason of the signal
   * if it was aborted.
   */
  constructor(options: PeerManagerOptions = {}) {
    this.#maxPeers = checked("maxPeers", options.maxPeers ?? 1_000, 100_000);
    this.#maxWaiting = checked(
      "maxWaiting",
      options.maxWaiting ?? 1_000,
      1_000_000,
    );
    this.#onEvent = options.onEvent;
    this.#readable = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#deliver(),
      cancel: () => this.close(),
    }, { highWaterMark: 1 });
    this.#writable = new WritableStream({
      write: (command) => this.#perform(command),
      close: () => this.close(),
      abort: () => this.close(),
    });
    const { signal } = options;
    signal?.throwIfAborted();
    const onAbort = () => void this.close();
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#detachSignal = () => signal?.removeEventListener("abort", onAbort);
  }

  /** Events come out here. A torrent of blocks waits until they are read. */
  get readable(): ReadableStream<PeerEvent> {
    return this.#readable;
  }
  /** Commands go in here. Closing it closes the manager. */
  get writable(): WritableStream<PeerCommand> {
    return this.#writable;
  }
  /** How many peers there are. */
  get size(): number {
    return this.#peers.size;
  }
  /** The peers. */
  get peers(): IterableIterator<PeerConnection> {
    return this.#peers.values();
  }

  /**
   * Adds a peer if there is room now. One that is refused is told of in a
   * `refused` event as well, and its connection is closed.
   *
   * @param options See {@linkcode PeerConnectionOptions}.
   * @returns The peer, or why it is not added.
   * @throws {RangeError} If an option of the connection makes no sense.
   */
  tryAdd(options: AddPeerOptions): PeerConnection | PeerRefusal {
    const key = identity(options);
    const reason = this.#closed
      ? "closed"
      : this.#peers.has(key)
      ? "duplicate"
      : this.#peers.size >= this.#maxPeers
      ? "full"
      : undefined;
    if (reason !== undefined) {
      options.connection.close();
      this.#tell({ type: "refused", reason, options });
      return reason;
    }
    const { beforeRead } = options;
    const peer = PeerConnection.start({
      ...options,
      onEvent: (event, peer) => this.#onPeerEvent(key, peer, event),
      beforeRead: (wanted, peer) => {
        const room = this.#room();
        const ask = () => beforeRead?.(wanted, peer) ?? wanted;
        return room === undefined ? ask() : room.then(ask);
      },
    });
    this.#peers.set(key, peer);
    this.#tell({ type: "added", peer });
    return peer;
  }

  /**
   * Adds a peer, waiting for room first.
   *
   * @param options See {@linkcode PeerConnectionOptions}.
   * @returns The peer, or why it is not added.
   * @throws {RangeError} If an option of the connection makes no sense.
   */
  async add(options: AddPeerOptions): Promise<PeerConnection | PeerRefusal> {
    while (
      !this.#closed && this.#peers.size >= this.#maxPeers &&
      !this.#peers.has(identity(options))
    ) {
      await new Promise<void>((resolve) => this.#vacancies.push(resolve));
    }
    return this.tryAdd(options);
  }

  /**
   * Tells all peers of an info-hash of pieces.
   *
   * @param infoHash 20-byte info-hash.
   * @param pieces One piece, or many.
   * @returns How many peers were told.
   */
  have(infoHash: Uint8Array, pieces: number | readonly number[]): number {
    let told = 0;
    for (const peer of this.#peers.values()) {
      if (!equalBytes(peer.infoHash, infoHash)) continue;
      peer.have(pieces);
      told++;
    }
    return told;
  }

  /**
   * Closes all peers, and the readable side once its events are read.
   * Idempotent.
   *
   * @returns Resolves when all connections are closed.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#detachSignal();
    for (const wake of this.#vacancies.splice(0)) wake();
    await Promise.all([...this.#peers.values()].map((peer) => peer.close()));
    this.#release();
    this.#deliver();
  }

  /** Same as {@linkcode PeerManager.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #onPeerEvent(
    key: string,
    peer: PeerConnection,
    event: PeerConnectionEvent,
  ): void {
    if (event.type !== "closed") {
      this.#tell({ type: "event", peer, event });
      return;
    }
    this.#peers.delete(key);
    this.#tell({ type: "disconnected", peer, reason: event.reason });
    this.#vacancies.shift()?.();
  }

  #tell(event: PeerEvent): void {
    if (this.#onEvent !== undefined) return this.#onEvent(event);
    if (this.#controller === undefined) return;
    this.#events.push(
      event.type === "event"
        ? { ...event, event: copyPeerEvent(event.event) }
        : event,
    );
    this.#deliver();
  }

  /** Hands events to the stream as far as somebody takes them. */
  #deliver(): void {
    const controller = this.#controller;
    if (controller === undefined) return;
    while (this.#waiting > 0 && (controller.desiredSize ?? 0) > 0) {
      controller.enqueue(this.#events[this.#taken++]!);
    }
    if (this.#taken * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#taken);
      this.#taken = 0;
    }
    if (this.#waiting < this.#maxWaiting) this.#release();
    if (this.#closed && this.#peers.size === 0 && this.#waiting === 0) {
      this.#controller = undefined;
      try {
        controller.close();
      } catch {
        // It was cancelled.
      }
    }
  }

  get #waiting(): number {
    return this.#events.length - this.#taken;
  }

  /** What reading waits for, if anything. */
  #room(): Promise<void> | undefined {
    if (this.#closed || this.#waiting < this.#maxWaiting) return undefined;
    return (this.#drained ??= Promise.withResolvers<void>()).promise;
  }

  #release(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  #perform(command: PeerCommand): Promise<void> | void {
    switch (command.type) {
      case "add":
        return this.#addLater(command.options);
      case "remove":
        return command.peer.close(command.error);
      case "choke":
        return command.peer.choke();
      case "unchoke":
        return command.peer.unchoke();
      case "interest":
        return command.peer.setInterested(command.interested);
      case "request":
        return this.#request(command.peer, command.blocks);
      case "cancel":
        return void command.peer.cancel(command.block);
      case "have":
        return void this.have(command.infoHash, command.pieceIndex);
      case "block":
        if (command.data === undefined) {
          command.peer.rejectRequest(command.request);
        } else command.peer.sendBlock(command.request, command.data);
        return;
      case "extended":
        return void command.peer.sendExtended(command.name, command.payload);
    }
  }

  /** One that waits for room must not hold up the commands that make room. */
  #addLater(options: AddPeerOptions): void {
    if (
      this.#peers.size < this.#maxPeers ||
      this.#vacancies.length >= this.#maxPeers
    ) return void this.tryAdd(options);
    this.add(options).catch(() =>
      this.#tell({ type: "refused", reason: "invalid", options })
    );
  }

  #request(peer: PeerConnection, requests: readonly BlockAddress[]): void {
    const blocks = peer.request(requests);
    if (blocks.length === 0) return;
    this.#tell({
      type: "event",
      peer,
      event: { type: "rejected", blocks, reason: "refused" },
    });
  }
}
