/**
 * Many peers at once: admits them and merges their events.
 *
 * @module
 */
import { onAborted } from "../_shared/abort.ts";
import { equalBytes, toByteString } from "../_shared/bytes.ts";
import { PeerConnection } from "./connection.ts";
import type {
  PeerCloseReason,
  PeerConnectionEvent,
  PeerConnectionOptions,
} from "./connection_options.ts";

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

/**
 * Commands that the writable side of a {@linkcode PeerManager} takes. What is
 * for one peer is a method of its {@linkcode PeerConnection}.
 */
export type PeerCommand =
  /** Adds a peer; waits while the manager is full. */
  | { readonly type: "add"; readonly options: AddPeerOptions }
  /** Removes a peer. */
  | {
    readonly type: "remove";
    readonly peer: PeerConnection;
    readonly error?: Error;
  }
  /** Tells all peers of an info-hash of a piece. */
  | {
    readonly type: "have";
    readonly infoHash: Uint8Array;
    readonly pieceIndex: number;
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
    readonly type: "peer-disconnected";
    readonly peer: PeerConnection;
    readonly reason: PeerCloseReason;
  };

/** Options of {@linkcode PeerManager}. */
export interface PeerManagerOptions {
  /** Most peers at once, 1 to 100000. @default {1000} */
  readonly maxPeers?: number | undefined;
  /** Events that wait before reading from peers pauses, 1 to 100000. @default {1000} */
  readonly maxWaiting?: number | undefined;
  /** Closes the manager. */
  readonly signal?: AbortSignal | undefined;
}

/** Without the port: a peer that dials us and that we dial is one peer. */
function identity(options: AddPeerOptions): string {
  return toByteString(options.infoHash) + toByteString(options.peerId) +
    options.connection.remote.hostname;
}

function checked(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= 100_000) return value;
  throw new RangeError(
    `Cannot use ${value} as "${name}": it must be an integer from 1 to 100000`,
  );
}

/** Copies the byte fields of an event. */
function copyEvent(event: PeerConnectionEvent): PeerConnectionEvent {
  switch (event.type) {
    case "block":
      return { ...event, data: event.data.slice() };
    case "extended":
      return { ...event, payload: event.payload.slice() };
    case "hashes":
      return { ...event, hashes: event.hashes.slice() };
    case "metadata":
      return event.message.type === "data"
        ? {
          ...event,
          message: { ...event.message, data: event.message.data.slice() },
        }
        : event;
    default:
      return event;
  }
}

/**
 * Multiplexes {@linkcode PeerConnection}s: commands in on `writable`, events
 * out on `readable`, or the same by methods. Reading from all peers pauses
 * while events are not taken.
 */
export class PeerManager implements AsyncDisposable {
  readonly #maxPeers: number;
  readonly #peers = new Map<string, PeerConnection>();
  readonly #vacancies: (() => void)[] = [];
  readonly #readable: ReadableStream<PeerEvent>;
  readonly #writable: WritableStream<PeerCommand>;
  #drained: PromiseWithResolvers<void> | undefined;
  #controller: ReadableStreamDefaultController<PeerEvent> | undefined;
  #closing: Promise<void> | undefined;
  #detachSignal = () => {};

  /**
   * Makes a manager without peers.
   *
   * @param options See {@linkcode PeerManagerOptions}.
   * @throws {RangeError} If an option makes no sense. The reason of the signal
   * if it was aborted.
   */
  constructor(options: PeerManagerOptions = {}) {
    this.#maxPeers = checked("maxPeers", options.maxPeers ?? 1_000);
    const highWaterMark = checked("maxWaiting", options.maxWaiting ?? 1_000);
    this.#readable = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#release(),
      cancel: () => {
        this.#controller = undefined;
        return this.close();
      },
    }, { highWaterMark });
    this.#writable = new WritableStream({
      write: (command) => this.#perform(command),
      close: () => this.close(),
      abort: () => this.close(),
    });
    const { signal } = options;
    signal?.throwIfAborted();
    this.#detachSignal = onAborted(signal, () => void this.close());
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
    const reason = this.#closing !== undefined
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
      this.#closing === undefined && this.#peers.size >= this.#maxPeers &&
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
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#detachSignal();
    for (const wake of this.#vacancies.splice(0)) wake();
    this.#release();
    await Promise.all([...this.#peers.values()].map((peer) => peer.close()));
    this.#controller?.close();
    this.#controller = undefined;
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
    if (event.type !== "disconnected") {
      this.#tell({ type: "event", peer, event });
      return;
    }
    this.#peers.delete(key);
    this.#tell({ type: "peer-disconnected", peer, reason: event.reason });
    this.#vacancies.shift()?.();
  }

  #tell(event: PeerEvent): void {
    this.#controller?.enqueue(
      event.type === "event"
        ? { ...event, event: copyEvent(event.event) }
        : event,
    );
  }

  /** What reading waits for, if anything. */
  #room(): Promise<void> | undefined {
    if (this.#closing || (this.#controller?.desiredSize ?? 1) > 0) return;
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
      case "have":
        return void this.have(command.infoHash, command.pieceIndex);
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
}
