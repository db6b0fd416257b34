/**
 * The handshaker: candidates in, connected peers or failures with a reason out.
 *
 * @module
 */
import { onAborted } from "../_shared/abort.ts";
import type { Endpoint, PeerCandidate } from "../_shared/address.ts";
import { HandshakerCore } from "./core/core.ts";
import { Dialer } from "./dial/dialer.ts";
import { failure } from "./error.ts";
import { type Door, Greeter } from "./core/greeter.ts";
import {
  type HandshakerSettings,
  resolveHandshakerOptions,
} from "./core/settings.ts";
import type { HandshakeEvent, HandshakerEvent } from "./event.ts";
import type { HandshakeFilters } from "./filter.ts";
import type {
  DialOptions,
  HandshakerOptions,
  HandshakerStats,
  HandshakeTorrentOptions,
} from "./handshaker_options.ts";
import { BITTORRENT_PROTOCOL } from "./message.ts";

/**
 * Shakes hands with many peers at once, in both directions.
 *
 * {@linkcode Handshaker.dial} dials a candidate and returns what became of it.
 * Candidates from streams go into {@linkcode Handshaker.writable}; every one of
 * them, and every connection that is accepted and says something, comes out as
 * exactly one event.
 * Take them from {@linkcode Handshaker.readable} or
 * {@linkcode Handshaker.events}, not both. Needs `--allow-net`.
 */
export class Handshaker implements AsyncDisposable {
  readonly #core: HandshakerCore;
  readonly #dialer: Dialer;
  readonly #greeter: Greeter;
  readonly #doors: readonly Door[];
  #detachSignal = () => {};
  readonly #ended = Promise.withResolvers<void>();

  // Made when asked for: web streams cost milliseconds to load.
  #writable: WritableStream<PeerCandidate> | undefined;
  #readable: ReadableStream<HandshakerEvent> | undefined;

  private constructor(
    settings: HandshakerSettings,
    doors: readonly Door[],
  ) {
    const core = new HandshakerCore(settings, () => this.#dialer.sinks.wake());
    this.#core = core;
    this.#dialer = new Dialer(core);
    this.#greeter = new Greeter(core, doors);
    this.#doors = doors;
  }

  /**
   * Starts a handshaker, listening if asked to.
   *
   * @param options See {@linkcode HandshakerOptions}.
   * @returns The handshaker.
   * @throws {RangeError} If an option makes no sense.
   * @throws {unknown} `signal.reason` when aborted already, and what the
   * transport throws when it cannot listen.
   */
  static async open(options: HandshakerOptions = {}): Promise<Handshaker> {
    const settings = resolveHandshakerOptions(options);
    const { signal } = options;
    signal?.throwIfAborted();
    const doors: Door[] = [];
    try {
      for (const { hostname, port } of settings.listen) {
        let bound = port;
        for (const transport of settings.transports) {
          const local = { hostname, port: bound };
          const listener = await transport.listen(local);
          doors.push({ transport, listener });
          bound = listener.local.port;
        }
      }
      signal?.throwIfAborted();
    } catch (error) {
      for (const { listener } of doors) listener.close();
      throw error;
    }
    const handshaker = new Handshaker(settings, doors);
    handshaker.#detachSignal = onAborted(signal, () => void handshaker.close());
    return handshaker;
  }

  /**
   * Takes candidates; a write waits while too many wait already. Closing it
   * does not close the handshaker.
   */
  get writable(): WritableStream<PeerCandidate> {
    return this.#writable ??= this.sink();
  }

  /** Gives the events; cancelling it closes the handshaker. */
  get readable(): ReadableStream<HandshakerEvent> {
    return this.#readable ??= new ReadableStream<HandshakerEvent>({
      pull: async (controller) => {
        const event = await this.#core.events.next();
        if (event === undefined) controller.close();
        else controller.enqueue(event);
      },
      cancel: () => this.close(),
    }, { highWaterMark: 0 });
  }

  /** The first address that is listened on, if any. */
  get local(): Endpoint | undefined {
    return this.#doors[0]?.listener.local;
  }

  /** All addresses that are listened on. */
  get locals(): Endpoint[] {
    return this.#doors.map(({ listener }) => listener.local);
  }

  /** Our 20-byte peer id. */
  get peerId(): Uint8Array {
    return this.#core.settings.peerId;
  }

  /** Names of the transports that peers are dialled by, the first choice first. */
  get transports(): readonly string[] {
    return this.#core.settings.transports
      .filter(({ dials = true }) => dials).map(({ name }) => name);
  }

  /** Who may shake hands; can be changed at any time. */
  get filters(): HandshakeFilters {
    return this.#core.settings.filters;
  }

  /** Whether {@linkcode Handshaker.close} was called. */
  get isClosed(): boolean {
    return this.#core.isClosed;
  }
  /** Resolves when everything has ended; never rejects. */
  get closed(): Promise<void> {
    return this.#ended.promise;
  }

  /**
   * Starts to answer for a torrent, or changes how. Inbound handshakes for
   * anything else are closed without an answer.
   *
   * @param infoHash 20 bytes: the SHA-1 hash, or the first 20 bytes of the v2
   * hash.
   * @param options See {@linkcode HandshakeTorrentOptions}.
   * @throws {RangeError} If a hash has the wrong length or belongs to another
   * torrent, or the protocol string is impossible.
   */
  addTorrent(
    infoHash: Uint8Array,
    options: HandshakeTorrentOptions = {},
  ): void {
    this.#core.torrents.add(infoHash, options);
  }

  /**
   * Stops to answer for a torrent; its candidates and handshakes fail with
   * `torrent-removed`. Connected peers stay.
   *
   * @param infoHash Any of its hashes.
   * @param options The protocol it was added with.
   * @returns Whether it was there.
   */
  removeTorrent(
    infoHash: Uint8Array,
    options: Pick<HandshakeTorrentOptions, "protocol"> = {},
  ): boolean {
    const { protocol = BITTORRENT_PROTOCOL } = options;
    const entry = this.#core.torrents.remove(infoHash, protocol);
    if (entry === undefined) return false;
    const error = failure("torrent-removed");
    this.#dialer.remove(entry.key);
    for (const pending of [...this.#core.pending]) {
      if (pending.key === entry.key) pending.fail(error);
    }
    return true;
  }

  /**
   * Dials a candidate when its turn comes. Torrents take turns.
   *
   * @param candidate Whom to dial.
   * @param options See {@linkcode DialOptions}.
   * @returns What became of it, also when the candidate is impossible, too many
   * wait already or the handshaker is closed. Close the connection you get.
   */
  dial(
    candidate: PeerCandidate,
    options: DialOptions = {},
  ): Promise<HandshakeEvent> {
    return this.#dialer.dial(candidate, options);
  }

  /**
   * Waits for a torrent's next turn, then dials the best candidate of that
   * moment.
   * For many torrents with many candidates this is fairer and needs less memory
   * than to queue them all.
   *
   * @param infoHash 20 bytes of the torrent.
   * @param choose Called once, when the turn has come; `undefined` for none.
   * @param options See {@linkcode DialOptions}.
   * @returns What became of it; `undefined` when none was chosen or the turn
   * never came. Rejects with what `choose` throws.
   */
  dialNext(
    infoHash: Uint8Array,
    choose: () => PeerCandidate | undefined,
    options: DialOptions = {},
  ): Promise<HandshakeEvent | undefined> {
    return this.#dialer.dialNext(infoHash, choose, options);
  }

  /**
   * Makes one more stream that takes candidates, as {@linkcode
   * Handshaker.writable} does, for a further source to be piped in.
   *
   * @returns The stream; closing it does not close the handshaker.
   */
  sink(): WritableStream<PeerCandidate> {
    return this.#dialer.sinks.open();
  }

  /**
   * Tells what goes on.
   *
   * @returns A snapshot.
   */
  stats(): HandshakerStats {
    return {
      queued: this.#dialer.queued,
      halfOpen: this.#dialer.halfOpen,
      pendingInbound: this.#core.pendingInbound.size,
      established: this.#core.table.established,
      connected: { ...this.#core.connected },
      failed: { ...this.#core.failed },
    };
  }

  /** Iterates over the events; leaving the loop closes the handshaker. */
  async *events(): AsyncGenerator<HandshakerEvent, void, void> {
    try {
      let event: HandshakerEvent | undefined;
      while ((event = await this.#core.events.next()) !== undefined) {
        yield event;
      }
    } finally {
      await this.close();
    }
  }

  /**
   * Stops listening, dialling and shaking hands and ends every stream.
   * Connections in events that were taken stay open; others are closed.
   * Idempotent.
   *
   * @returns A promise that resolves when everything has ended.
   */
  close(): Promise<void> {
    if (!this.isClosed) void this.#close();
    return this.closed;
  }

  /** Same as {@linkcode Handshaker.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#detachSignal();
    const closing = this.#core.close();
    this.#dialer.close();
    this.#greeter.close();
    await closing;
    this.#ended.resolve();
  }
}
