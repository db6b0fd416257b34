/**
 * One live peer: a byte connection, the codec and a session machine.
 *
 * @module
 */
import { tryParseIp } from "../_shared/address.ts";
import type { Bitfield } from "../_shared/bitfield.ts";
import type { ByteConnection } from "../_shared/byte_conn.ts";
import { type Clock, systemClock } from "../_shared/clock.ts";
import { PeerProtocolError } from "./error.ts";
import {
  ALLOWED_FAST_COUNT,
  DEFAULT_BLOCK_LENGTH,
  MAX_BLOCK_LENGTH,
} from "./limits.ts";
import type { BlockAddress, HashRange, PeerMessage } from "./message.ts";
import { PeerMessageDecoder } from "./message_decoder.ts";
import { PeerMessageBuffer } from "./message_encode.ts";
import type { PeerStats } from "./peer_stats.ts";
import { ReadBuffer } from "./read_buffer.ts";
import { PeerSessionMachine } from "./session_machine.ts";
import type {
  LocalExtensionFields,
  PeerSessionEvent,
  PeerSessionOptions,
  PeerSessionState,
} from "./session_types.ts";
import { encodeUploadOnly } from "./small_extensions.ts";
import { encodeUtMetadata, type UtMetadataMessage } from "./ut_metadata.ts";
import { encodeUtPex, type UtPexMessage } from "./ut_pex.ts";

/** Why a connection ended. */
export interface PeerCloseReason {
  /**
   * `local`: we closed it; `remote`: the peer did; `protocol`: the peer broke
   * the rules or a time limit; `io`: reading or writing failed.
   */
  readonly type: "local" | "remote" | "protocol" | "io";
  /** What went wrong, if anything. */
  readonly error?: Error | undefined;
}

/** The last event of every connection. */
export interface PeerClosedEvent {
  /** Which event. */
  readonly type: "closed";
  /** Why. */
  readonly reason: PeerCloseReason;
  /** Requests that will not be answered. */
  readonly outstanding: readonly BlockAddress[];
}

/** What a {@linkcode PeerConnection} tells. */
export type PeerConnectionEvent = PeerSessionEvent | PeerClosedEvent;

/** Options of {@linkcode PeerConnection.start}. */
export interface PeerConnectionOptions
  extends Omit<PeerSessionOptions, "allowedFast"> {
  /** The connection after the handshake; owned from now on. */
  readonly connection: ByteConnection;
  /** 20-byte info-hash that was agreed on. */
  readonly infoHash: Uint8Array;
  /** The peer's 20-byte id. */
  readonly peerId: Uint8Array;
  /** Bytes that were read behind the handshake. @default {undefined} none */
  readonly initialBytes?: Uint8Array | undefined;
  /**
   * Called synchronously for every event; byte fields are valid only during
   * the call. Commands may be given from within.
   */
  readonly onEvent: (event: PeerConnectionEvent, peer: PeerConnection) => void;
  /**
   * Asked before each read of the socket; reading waits for the promise. For
   * back-pressure and rate limits. Let it resolve when the peer closes.
   * @default {undefined}
   */
  readonly beforeRead?:
    | ((peer: PeerConnection) => Promise<void> | undefined)
    | undefined;
  /** Told of each read and its bytes. @default {undefined} */
  readonly afterRead?:
    | ((bytes: number, peer: PeerConnection) => void)
    | undefined;
  /**
   * Asked before each write of so many bytes; writing waits for the promise.
   * @default {undefined}
   */
  readonly beforeWrite?:
    | ((bytes: number, peer: PeerConnection) => Promise<void> | undefined)
    | undefined;
  /** Pieces granted to a choked IPv4 peer (BEP 6); 0 for none. @default {5} */
  readonly allowedFastCount?: number | undefined;
  /** Longest block accepted in bytes. @default {131072} */
  readonly maxBlockLength?: number | undefined;
  /** Bytes of the first read buffer. @default {16384} */
  readonly minReadBuffer?: number | undefined;
  /** Bytes that a read buffer may grow to. @default {524288} */
  readonly maxReadBuffer?: number | undefined;
  /** Whose time passes. @default {systemClock} */
  readonly clock?: Clock | undefined;
}

function sessionOptions(options: PeerConnectionOptions): PeerSessionOptions {
  const ip = tryParseIp(options.connection.remote.hostname);
  const count = options.allowedFastCount ?? ALLOWED_FAST_COUNT;
  return {
    ...options,
    allowedFast: ip?.length === 4 && count > 0
      ? { infoHash: options.infoHash, ip, count }
      : undefined,
    extensionFields: ip === undefined
      ? options.extensionFields
      : { yourIp: ip, ...options.extensionFields },
  };
}

/**
 * Drives a {@linkcode PeerSessionMachine} over a {@linkcode ByteConnection}.
 * Whatever happens, exactly one `closed` event ends it.
 */
export class PeerConnection implements AsyncDisposable {
  readonly #options: PeerConnectionOptions;
  readonly #connection: ByteConnection;
  readonly #clock: Clock;
  readonly #machine: PeerSessionMachine;
  readonly #decoder: PeerMessageDecoder;
  readonly #buffer = new PeerMessageBuffer();
  readonly #closed = Promise.withResolvers<PeerCloseReason>();
  readonly #onMessage: (message: PeerMessage) => void;
  #now: number;
  #draining = false;
  #finished = false;
  #flushing = false;
  #writing = false;
  #inFlight = 0;
  #timerAt = Infinity;
  #cancelTimer: (() => void) | undefined;
  #closeType: PeerCloseReason["type"] = "protocol";

  private constructor(options: PeerConnectionOptions) {
    this.#options = options;
    this.#connection = options.connection;
    this.#clock = options.clock ?? systemClock;
    this.#now = this.#clock.now();
    this.#machine = new PeerSessionMachine(sessionOptions(options), this.#now);
    this.#decoder = new PeerMessageDecoder({
      pieceCount: options.pieceCount,
      maxBlockLength: options.maxBlockLength ?? MAX_BLOCK_LENGTH,
    });
    this.#onMessage = (message) => {
      this.#machine.receive(message, this.#now);
      this.#drain();
    };
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
    queueMicrotask(() => void peer.#run());
    return peer;
  }

  /** The info-hash that was agreed on. */
  get infoHash(): Uint8Array {
    return this.#options.infoHash;
  }
  /** The peer's id. */
  get peerId(): Uint8Array {
    return this.#options.peerId;
  }
  /** Addresses of both ends, and the transport. */
  get connection(): ByteConnection {
    return this.#connection;
  }
  /** States of both sides. */
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
  /** The outstanding requests, oldest first. */
  get outstandingRequests(): IterableIterator<BlockAddress> {
    return this.#machine.outstandingRequests;
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
    return this.#buffer.length + this.#inFlight;
  }
  /** Whether the connection is over. */
  get isClosed(): boolean {
    return this.#finished;
  }
  /** Resolves, never rejects, when the connection is over. */
  get closed(): Promise<PeerCloseReason> {
    return this.#closed.promise;
  }

  /**
   * What was transferred.
   *
   * @returns A snapshot.
   */
  stats(): PeerStats {
    return this.#machine.stats(this.#clock.now());
  }
  /**
   * Whether the peer speaks an extension (BEP 10).
   *
   * @param name Such as `"ut_pex"`.
   * @returns True when it told an id for it.
   */
  supports(name: string): boolean {
    return this.#machine.supports(name);
  }
  /**
   * Whether a block of a piece may be requested now.
   *
   * @param pieceIndex Which piece.
   * @returns True when the peer has it and we are unchoked or it is allowed.
   */
  canRequest(pieceIndex: number): boolean {
    return this.#machine.canRequest(pieceIndex);
  }
  /** Chokes the peer and takes back what it asked for. */
  choke(): void {
    this.#machine.setChoking(true, this.#tick());
    this.#settle();
  }
  /** Unchokes the peer. */
  unchoke(): void {
    this.#machine.setChoking(false, this.#tick());
    this.#settle();
  }
  /**
   * Tells the peer whether we want something, if that is news.
   *
   * @param interested Whether we do.
   */
  setInterested(interested: boolean): void {
    this.#machine.setInterested(interested, this.#tick());
    this.#settle();
  }
  /**
   * Asks for blocks. Each that is accepted comes back once, in a `block`,
   * `rejected` or `closed` event, unless it is cancelled.
   *
   * @param blocks Which ones; all of one call go out together.
   * @returns Those that cannot be asked for now.
   */
  request(blocks: readonly BlockAddress[]): readonly BlockAddress[] {
    const refused = this.#machine.request(blocks, this.#tick());
    this.#settle();
    return refused;
  }
  /**
   * Takes a request back; the block may still come, marked as late.
   *
   * @param block Which one.
   * @returns False when it is not outstanding.
   */
  cancel(block: BlockAddress): boolean {
    const known = this.#machine.cancel(block, this.#tick());
    this.#settle();
    return known;
  }
  /**
   * Tells the peer of a piece, unless it has it.
   *
   * @param pieceIndex Which piece.
   * @returns Whether it was told.
   */
  have(pieceIndex: number): boolean {
    const told = this.#machine.have(pieceIndex, this.#tick());
    this.#settle();
    return told;
  }
  /**
   * Recommends a piece, if the peer understands that (BEP 6).
   *
   * @param pieceIndex Which piece.
   */
  suggest(pieceIndex: number): void {
    this.#machine.suggest(pieceIndex, this.#tick());
    this.#settle();
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
    const sent = this.#machine.sendBlock(request, data, this.#tick());
    this.#settle();
    return sent;
  }
  /**
   * Answers a `serve` event with a refusal.
   *
   * @param request The request of the event.
   * @returns False when the request was taken back meanwhile.
   */
  rejectRequest(request: BlockAddress): boolean {
    const known = this.#machine.rejectRequest(request, this.#tick());
    this.#settle();
    return known;
  }
  /**
   * Sends a message of an extension (BEP 10).
   *
   * @param name Such as `"ut_metadata"`.
   * @param payload The bytes; copied.
   * @returns False when the peer does not speak it.
   */
  sendExtended(name: string, payload: Uint8Array): boolean {
    const sent = this.#machine.sendExtended(name, payload, this.#tick());
    this.#settle();
    return sent;
  }
  /**
   * Sends a message of ut_metadata (BEP 9).
   *
   * @param message The message.
   * @returns False when the peer does not speak it.
   */
  sendMetadata(message: UtMetadataMessage): boolean {
    return this.sendExtended("ut_metadata", encodeUtMetadata(message));
  }
  /**
   * Sends a message of ut_pex (BEP 11).
   *
   * @param message The message; not to be sent more than once a minute.
   * @returns False when the peer does not speak it.
   */
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
    this.#machine.sendExtensionHandshake(fields, this.#tick());
    this.#settle();
  }
  /**
   * Tells the port of our DHT node (BEP 5).
   *
   * @param port UDP port.
   */
  sendPort(port: number): void {
    this.#machine.send({ type: "port", port }, this.#tick());
    this.#settle();
  }
  /**
   * Asks for merkle hashes (BEP 52).
   *
   * @param range Which ones.
   * @returns False when that is not possible, or asked already.
   */
  requestHashes(range: HashRange): boolean {
    const sent = this.#machine.requestHashes(range, this.#tick());
    this.#settle();
    return sent;
  }
  /**
   * Answers a `hash-request` event.
   *
   * @param range The range of the event.
   * @param hashes The run and its proof, or `undefined` to refuse.
   * @returns False when that request does not wait.
   */
  sendHashes(range: HashRange, hashes: Uint8Array | undefined): boolean {
    const sent = this.#machine.sendHashes(range, hashes, this.#tick());
    this.#settle();
    return sent;
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
    if (!this.#finished) this.#decoder.setPieceCount(pieceCount);
    this.#settle();
  }
  /**
   * Closes the connection. Idempotent.
   *
   * @param error Why, if something is wrong with the peer.
   * @returns Resolves when it is closed.
   */
  close(error?: Error): Promise<void> {
    if (!this.#machine.closed) this.#closeType = "local";
    this.#machine.close(error);
    this.#settle();
    return this.#closed.promise.then(() => {});
  }
  /** Same as {@linkcode PeerConnection.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Reads the clock for one command, or once for a whole chunk. */
  #tick(): number {
    return this.#draining ? this.#now : this.#now = this.#clock.now();
  }

  /** Performs outputs, then sees to the timer and the send buffer. */
  #settle(): void {
    if (this.#draining) return;
    this.#drain();
    if (this.#finished) return;
    this.#armTimer();
    this.#scheduleFlush();
  }

  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    try {
      while (!this.#finished) {
        const output = this.#machine.poll();
        if (output === undefined) return;
        if (output.type === "send") this.#buffer.append(output.message);
        else if (output.type === "event") {
          this.#options.onEvent(output.event, this);
        } else this.#finish({ type: this.#closeType, error: output.error });
      }
    } finally {
      this.#draining = false;
    }
  }

  async #run(): Promise<void> {
    try {
      const { initialBytes } = this.#options;
      if (initialBytes !== undefined && initialBytes.length > 0) {
        this.#receive(initialBytes);
      }
      await this.#read();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #read(): Promise<void> {
    const { beforeRead, afterRead } = this.#options;
    const buffer = new ReadBuffer(
      this.#options.minReadBuffer ?? DEFAULT_BLOCK_LENGTH,
      this.#options.maxReadBuffer ?? 524_288,
    );
    while (!this.#finished) {
      const wait = beforeRead?.(this);
      if (wait !== undefined) {
        await wait;
        if (this.#finished) return;
      }
      const { bytes } = buffer;
      const length = await this.#connection.read(bytes);
      if (this.#finished) return;
      if (length === null) return this.#finish({ type: "remote" });
      this.#receive(bytes.subarray(0, length));
      afterRead?.(length, this);
      buffer.used(length);
    }
  }

  #receive(chunk: Uint8Array): void {
    this.#now = this.#clock.now();
    try {
      this.#decoder.push(chunk, this.#onMessage);
    } catch (error) {
      if (!(error instanceof PeerProtocolError)) throw error;
      this.#machine.close(error);
    }
    this.#settle();
  }

  #scheduleFlush(): void {
    if (this.#flushing || this.#writing || this.#buffer.length === 0) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      if (!this.#writing && !this.#finished) void this.#write();
    });
  }

  /** One write at a time; what is queued meanwhile makes up the next one. */
  async #write(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#buffer.length > 0 && !this.#finished) {
        const wait = this.#options.beforeWrite?.(this.#buffer.length, this);
        if (wait !== undefined) {
          await wait;
          if (this.#finished) return;
        }
        const bytes = this.#buffer.take();
        this.#inFlight = bytes.length;
        let offset = 0;
        while (offset < bytes.length) {
          const taken = await this.#connection.write(
            offset === 0 ? bytes : bytes.subarray(offset),
          );
          if (this.#finished) return;
          offset += taken;
          this.#inFlight = bytes.length - offset;
          // Messages of the next part are copied before this one is reused.
          this.#machine.sent(this.bufferedBytes, this.#tick());
          this.#drain();
          this.#armTimer();
        }
        this.#buffer.recycle(bytes);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#writing = false;
    }
  }

  #armTimer(): void {
    const { deadline } = this.#machine;
    if (deadline === undefined || this.#timerAt <= deadline) return;
    this.#cancelTimer?.();
    this.#timerAt = deadline;
    this.#cancelTimer = this.#clock.schedule(deadline, () => this.#onTimer());
  }

  #onTimer(): void {
    this.#timerAt = Infinity;
    this.#cancelTimer = undefined;
    if (this.#finished) return;
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
        : new Error("Cannot go on with the connection", { cause: error }),
    });
  }

  /** The only way out: runs once. */
  #finish(reason: PeerCloseReason): void {
    if (this.#finished) return;
    this.#finished = true;
    const outstanding = [...this.#machine.outstandingRequests];
    this.#machine.close(reason.error);
    this.#decoder.stop();
    this.#buffer.clear();
    this.#inFlight = 0;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#connection.close();
    this.#closed.resolve(reason);
    this.#options.onEvent({ type: "closed", reason, outstanding }, this);
  }
}
