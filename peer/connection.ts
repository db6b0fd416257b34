/**
 * One live peer: a byte connection, the codec and a session machine.
 *
 * @module
 */
import type { Bitfield } from "../_shared/bitfield.ts";
import type { ByteConnection } from "../_shared/byte_conn.ts";
import { type Clock, systemClock } from "../_shared/clock.ts";
import {
  type PeerCloseReason,
  type PeerConnectionOptions,
  sessionOptionsOf,
} from "./connection_options.ts";
import { READ_SEND_WATERMARK } from "./limits.ts";
import type { BlockAddress, HashRange } from "./message.ts";
import { type ChannelHost, MessageChannel } from "./wire/message_channel.ts";
import type { PeerStats } from "./session/session_core.ts";
import { PeerSessionMachine } from "./session/session_machine.ts";
import type {
  LocalExtensionFields,
  PeerSessionState,
} from "./session_types.ts";
import { encodeUploadOnly } from "./small_extensions.ts";
import { UserExtensions } from "./extension_registry.ts";
import { encodeUtMetadata, type UtMetadataMessage } from "./ut_metadata.ts";
import { encodeUtPex, type UtPexMessage } from "./ut_pex.ts";

/**
 * Drives a {@linkcode PeerSessionMachine} over a {@linkcode ByteConnection}.
 * Exactly one `disconnected` event ends it.
 */
export class PeerConnection implements AsyncDisposable {
  /** The info-hash that was agreed on. */
  readonly infoHash: Uint8Array;
  /** The peer's id. */
  readonly peerId: Uint8Array;
  /** Addresses of both ends, and the transport. */
  readonly connection: ByteConnection;
  readonly #onEvent: PeerConnectionOptions["onEvent"];
  readonly #afterRead: PeerConnectionOptions["afterRead"];
  readonly #clock: Clock;
  readonly #machine: PeerSessionMachine;
  readonly #channel: MessageChannel<PeerConnection>;
  readonly #extensions: UserExtensions | undefined;
  #now: number;
  #draining = false;
  #reason: PeerCloseReason | undefined;
  /** Made when it is asked for: peers are many. */
  #closed: PromiseWithResolvers<void> | undefined;
  #timerAt = Infinity;
  #cancelTimer: (() => void) | undefined;
  #closeType: PeerCloseReason["type"] = "protocol";
  /** Ends a rest in reading. */
  #wake: (() => void) | undefined;

  /** The side of the channels; one for all, as peers are many. */
  static readonly #host: ChannelHost<PeerConnection> = {
    awaitsBlocks: (peer) => peer.#machine.outstanding > 0,
    onPause(peer, paused) {
      peer.#machine.setReading(!paused, peer.#tick());
      peer.#settle();
    },
    onChunk: (peer) => void (peer.#now = peer.#clock.now()),
    onMessage(peer, message) {
      peer.#machine.receive(message, peer.#now);
      peer.#drain();
    },
    onChunkEnd(peer, length, error) {
      if (error !== undefined) peer.#machine.close(error);
      const at = peer.#machine.chunkEnd(length, peer.#tick());
      peer.#settle();
      peer.#afterRead?.(length, peer);
      return at > peer.#now ? peer.#rest(at) : undefined;
    },
    waiting: (peer) => peer.#machine.waitingBytes,
    take: (peer) => peer.#machine.take(),
    recycle: (peer, bytes) => peer.#machine.recycle(bytes),
    onSent(peer, underWay) {
      peer.#machine.sent(underWay, peer.#tick());
      peer.#settle();
      if (peer.bufferedBytes <= READ_SEND_WATERMARK / 2) peer.#wake?.();
    },
    onEnd: (peer) => peer.#finish({ type: "remote" }),
    onError: (peer, error) => peer.#fail(error),
  };

  private constructor(options: PeerConnectionOptions) {
    this.infoHash = options.infoHash;
    this.peerId = options.peerId;
    this.connection = options.connection;
    this.#onEvent = options.onEvent;
    this.#afterRead = options.afterRead;
    this.#clock = options.clock ?? systemClock;
    this.#now = this.#clock.now();
    this.#machine = new PeerSessionMachine(
      sessionOptionsOf(options),
      this.#now,
    );
    const { extensions = [] } = options;
    if (extensions.length > 0) {
      this.#extensions = new UserExtensions(extensions, this, (error) => {
        this.#machine.close(error);
        this.#settle();
      });
    }
    this.#channel = new MessageChannel(options, PeerConnection.#host, this);
  }

  /**
   * Starts a session: our first messages are sent and reading begins. No event
   * is given out before this returns.
   *
   * @param options See {@linkcode PeerConnectionOptions}.
   * @returns The live connection.
   * @throws {RangeError} If an option makes no sense; the connection is then
   * closed.
   */
  static start(options: PeerConnectionOptions): PeerConnection {
    let peer: PeerConnection;
    try {
      peer = new PeerConnection(options);
    } catch (error) {
      options.connection.close();
      throw error;
    }
    peer.#settle();
    peer.#channel.start();
    return peer;
  }

  /** States of both sides; live. */
  get state(): PeerSessionState {
    return this.#machine.state;
  }
  /** What the peer has (live); of length 0 before the number is known. */
  get peerHas(): Bitfield {
    return this.#machine.peerHas;
  }
  /** How many requests are outstanding. */
  get outstanding(): number {
    return this.#machine.outstanding;
  }
  /** Most requests that may be outstanding at this peer. */
  get requestWindow(): number {
    return this.#machine.requestWindow;
  }
  /** How many requests of the peer wait. */
  get queuedRequests(): number {
    return this.#machine.queuedRequests;
  }
  /** Pieces we may request while choked (BEP 6). */
  get allowedFast(): ReadonlySet<number> {
    return this.#machine.allowedFast;
  }
  /** Bytes waiting to be sent. */
  get bufferedBytes(): number {
    return this.isClosed ? 0 : this.#machine.bufferedBytes;
  }
  /** Whether the connection is over. */
  get isClosed(): boolean {
    return this.#reason !== undefined;
  }
  /** Why the connection is over; `undefined` while it is not. */
  get reason(): PeerCloseReason | undefined {
    return this.#reason;
  }
  /** Resolves when the connection is over; never rejects. */
  get closed(): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = Promise.withResolvers();
      if (this.isClosed) this.#closed.resolve();
    }
    return this.#closed.promise;
  }

  /** How fast blocks come in, in bytes a second. */
  get downloadRate(): number {
    return this.#machine.downloadRate(this.#tick());
  }
  /** A snapshot of what was transferred. */
  stats(): PeerStats {
    return this.#machine.stats(this.#clock.now());
  }
  /** What the peer owes for messages: the option `debt` of its next connection. */
  get debt(): number {
    return this.#machine.debt(this.#clock.now()) + this.#channel.unfinishedCost;
  }
  /** Whether the peer speaks an extension (BEP 10), such as `"ut_pex"`. */
  supports(name: string): boolean {
    return this.#machine.supports(name);
  }
  /** Chokes the peer and takes back what it asked for. */
  choke(): void {
    this.#settled(this.#machine.setChoking(true, this.#tick()));
  }
  /** Unchokes the peer. */
  unchoke(): void {
    this.#settled(this.#machine.setChoking(false, this.#tick()));
  }
  /**
   * Tells the peer whether we want something, if that is news.
   *
   * @param interested Whether we do.
   */
  setInterested(interested: boolean): void {
    this.#settled(this.#machine.setInterested(interested, this.#tick()));
  }
  /**
   * Asks for blocks. Each that is accepted comes back once, in a `block` or
   * `rejected` event, unless it is cancelled or the connection ends before.
   *
   * @param blocks Which ones; all of one call go out together.
   * @returns Those that cannot be asked for now.
   */
  request(blocks: readonly BlockAddress[]): readonly BlockAddress[] {
    return this.#settled(this.#machine.request(blocks, this.#tick()));
  }
  /**
   * Takes a request back; the block may still come, marked as late.
   *
   * @param block Which one.
   * @returns False when it is not outstanding.
   */
  cancel(block: BlockAddress): boolean {
    return this.#settled(this.#machine.cancel(block, this.#tick()));
  }
  /**
   * Whether an answer of some bytes may be sent now. Ask this before answering
   * a peer's question and refuse otherwise: nothing then piles up for a peer
   * that does not read.
   *
   * @param bytes Length of the answer.
   * @returns False when it is to be refused.
   */
  hasSendRoom(bytes: number): boolean {
    return this.#machine.hasSendRoom(bytes);
  }
  /**
   * Tells the peer of pieces, including those that it has: that is how it knows
   * our progress.
   *
   * @param pieces One piece, or many, which go out together.
   */
  have(pieces: number | readonly number[]): void {
    this.#machine.have(
      typeof pieces === "number" ? [pieces] : pieces,
      this.#tick(),
    );
    this.#settle();
  }
  /** Recommends a piece, if the peer understands that (BEP 6). */
  suggest(pieceIndex: number): void {
    this.#settled(this.#machine.suggest(pieceIndex, this.#tick()));
  }
  /**
   * Answers a `serve` event with its block.
   *
   * @param request The request of the event.
   * @param data Exactly its bytes; copied.
   * @returns False when the request was taken back meanwhile.
   * @throws {RangeError} If the number of bytes is wrong.
   */
  sendBlock(request: BlockAddress, data: Uint8Array): boolean {
    return this.#settled(this.#machine.sendBlock(request, data, this.#tick()));
  }
  /**
   * Answers a `serve` event with a refusal.
   *
   * @param request The request of the event.
   * @returns False when the request was taken back meanwhile.
   */
  rejectRequest(request: BlockAddress): boolean {
    return this.#settled(this.#machine.rejectRequest(request, this.#tick()));
  }
  /**
   * Sends a message of an extension (BEP 10).
   *
   * @param name Such as `"ut_metadata"`.
   * @param payload The bytes; copied.
   * @returns False when the peer does not speak it.
   */
  sendExtended(name: string, payload: Uint8Array): boolean {
    return this.#settled(
      this.#machine.sendExtended(name, payload, this.#tick()),
    );
  }
  /** Sends a message of ut_metadata (BEP 9), as {@linkcode PeerConnection.sendExtended} does. */
  sendMetadata(message: UtMetadataMessage): boolean {
    return this.sendExtended("ut_metadata", encodeUtMetadata(message));
  }
  /** Sends a message of ut_pex (BEP 11), as {@linkcode PeerConnection.sendExtended} does; at most once a minute. */
  sendPex(message: UtPexMessage): boolean {
    return this.sendExtended("ut_pex", encodeUtPex(message));
  }
  /**
   * Tells the peer whether we want nothing more (BEP 21).
   *
   * @param uploadOnly Whether we want nothing.
   */
  setUploadOnly(uploadOnly: boolean): void {
    if (!this.sendExtended("upload_only", encodeUploadOnly(uploadOnly))) {
      this.sendExtensionHandshake({ uploadOnly });
    }
  }
  /**
   * Sends another extension handshake, if the peer speaks the protocol.
   *
   * @param fields What has changed.
   */
  sendExtensionHandshake(fields: LocalExtensionFields): void {
    this.#settled(this.#machine.sendExtensionHandshake(fields, this.#tick()));
  }
  /** Tells the UDP port of our DHT node (BEP 5). */
  sendPort(port: number): void {
    this.#settled(this.#machine.sendPort(port, this.#tick()));
  }
  /**
   * Asks for merkle hashes (BEP 52).
   *
   * @param range Which ones.
   * @returns False when that is not possible, or asked already.
   */
  requestHashes(range: HashRange): boolean {
    return this.#settled(this.#machine.requestHashes(range, this.#tick()));
  }
  /**
   * Answers a `hash-request` event.
   *
   * @param range The range of the event.
   * @param hashes The run and its proof, or `undefined` to refuse.
   * @param cost What the answer cost us, in microseconds.
   * @returns False when that request does not wait.
   */
  sendHashes(range: HashRange, hashes?: Uint8Array, cost = 0): boolean {
    return this.#settled(
      this.#machine.sendHashes(range, hashes, this.#tick(), cost),
    );
  }
  /**
   * Tells the number of pieces once it is known; what the peer told before is
   * given out as an event.
   *
   * @param pieceCount How many pieces there are.
   * @param more Length of each piece, and what we have.
   * @throws {RangeError} If the number makes no sense or differs from before.
   */
  setPieceCount(
    pieceCount: number,
    more: {
      readonly pieceSize?: ((pieceIndex: number) => number) | undefined;
      readonly ownPieces?: Bitfield | undefined;
    } = {},
  ): void {
    this.#machine.setPieceCount(pieceCount, this.#tick(), more);
    this.#channel.setPieceCount(pieceCount);
    this.#settle();
  }
  /**
   * Closes the connection. Idempotent.
   *
   * @param error Why, if something is wrong with the peer.
   * @returns Resolves when it is closed.
   */
  close(error?: Error): Promise<void> {
    if (!this.#machine.isClosed) this.#closeType = "local";
    this.#machine.close(error);
    this.#settle();
    return this.closed;
  }
  /** Same as {@linkcode PeerConnection.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Reads the clock for one command, or once for a whole chunk. */
  #tick(): number {
    return this.#draining ? this.#now : this.#now = this.#clock.now();
  }

  /** Passes the result of a command on, once its outputs are performed. */
  #settled<T>(result: T): T {
    this.#settle();
    return result;
  }

  /** Performs outputs, then sees to the timer and the send buffer. */
  #settle(): void {
    if (this.#draining) return;
    this.#drain();
    if (this.isClosed) return;
    this.#armTimer();
    this.#channel.flush();
  }

  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    try {
      while (!this.isClosed) {
        const output = this.#machine.poll();
        if (output === undefined) return;
        if (output.type === "close") {
          this.#finish({ type: this.#closeType, error: output.error });
        } else if (!this.#extensions?.handle(output)) {
          this.#onEvent(output, this);
        }
      }
    } finally {
      this.#draining = false;
    }
  }

  /** A rest in reading: until a time, or until the peer has taken enough. */
  #rest(until: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = until === Infinity
      ? () => {}
      : this.#clock.schedule(until, () => this.#wake?.());
    this.#wake = () => {
      if (until !== Infinity && !this.isClosed && this.#clock.now() < until) {
        return;
      }
      this.#wake = undefined;
      cancel();
      resolve();
    };
    return promise;
  }

  #armTimer(): void {
    const { deadline } = this.#machine;
    if (deadline === undefined || this.#timerAt <= deadline) return;
    this.#cancelTimer?.();
    this.#timerAt = deadline;
    // Rounding may leave a deadline due that has just been seen to.
    const at = Math.max(deadline, this.#now + 1);
    this.#cancelTimer = this.#clock.schedule(at, () => this.#onTimer());
  }

  #onTimer(): void {
    this.#timerAt = Infinity;
    this.#cancelTimer = undefined;
    if (this.isClosed) return;
    this.#now = this.#clock.now();
    try {
      const { deadline } = this.#machine;
      if (deadline !== undefined && deadline <= this.#now) {
        this.#machine.handleTimeout(this.#now);
      }
      this.#settle();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#finish({
      type: "io",
      error: error instanceof Error
        ? error
        : new Error("Connection failed", { cause: error }),
    });
  }

  /** The only way out: runs once. */
  #finish(reason: PeerCloseReason): void {
    if (this.isClosed) return;
    this.#reason = reason;
    this.#machine.close(reason.error);
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#wake?.();
    this.#channel.close();
    this.#closed?.resolve();
    this.#onEvent({ type: "disconnected", reason }, this);
  }
}
