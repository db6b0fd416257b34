/**
 * One connection to one peer as a pure state machine (BEP 3, 5, 6, 10, 52).
 *
 * @module
 */
import type { Bitfield } from "../../_shared/bitfield.ts";
import { PeerProtocolError } from "../error.ts";
import {
  ANSWER_SEND_WATERMARK,
  MAX_BLOCK_LENGTH,
  MAX_PIECE_COUNT,
  READ_COST,
  READ_SEND_WATERMARK,
  SMALL_READ,
} from "../limits.ts";
import type { BlockAddress, HashRange, PeerMessage } from "../message.ts";
import type {
  LocalExtensionFields,
  PeerSessionOptions,
  PeerSessionOutput,
  PeerSessionState,
} from "../session_types.ts";
import type { PeerStats, SessionCore } from "./session_core.ts";
import { SessionParts } from "./session_parts.ts";

/**
 * Checks options once.
 *
 * @throws {RangeError} If one makes no sense.
 */
function checkSessionOptions(options: PeerSessionOptions): void {
  const limits: [string, number | undefined, number, number][] = [
    ["pieceCount", options.pieceCount, 0, MAX_PIECE_COUNT],
    ["maxRequestLength", options.maxRequestLength, 1, MAX_BLOCK_LENGTH],
    ["maxQueuedRequests", options.maxQueuedRequests, 1, 65_536],
  ];
  for (const [name, value, least, most] of limits) {
    if (
      value !== undefined &&
      (!Number.isInteger(value) || value < least || value > most)
    ) {
      throw new RangeError(
        `Cannot use ${value} as "${name}": it must be an integer from ${least} to ${most}`,
      );
    }
  }
}

/**
 * The rules of one peer connection after the handshake. After each call,
 * {@linkcode PeerSessionMachine.poll} tells what happened, and
 * {@linkcode PeerSessionMachine.take} gives the bytes to send. Mistakes of the
 * peer that can hurt end in a `close` output; odd ones are counted.
 */
export class PeerSessionMachine {
  /** States of both sides; live. */
  readonly state: PeerSessionState;
  readonly #core: SessionCore;
  readonly #parts: SessionParts;

  /**
   * Makes the machine; the messages that open a session wait to be polled.
   *
   * @param options See {@linkcode PeerSessionOptions}.
   * @param now The time in milliseconds.
   * @throws {RangeError} If an option makes no sense.
   */
  constructor(options: PeerSessionOptions, now: number) {
    checkSessionOptions(options);
    this.state = this.#parts = new SessionParts(options, now);
    this.#core = this.#parts.core;
    if (options.extended) this.#parts.extensions.sendHandshake(now);
    this.#parts.pieces.sendFirst(now);
    if (options.dhtPort !== undefined) this.sendPort(options.dhtPort, now);
    if (options.pieceCount !== undefined) {
      this.#parts.upload.grant(options.pieceCount, now);
    }
  }

  /** What the peer has; of length 0 while the number of pieces is not known. */
  get peerHas(): Bitfield {
    return this.#parts.remote.pieces;
  }
  /** How many requests are outstanding. */
  get outstanding(): number {
    return this.#parts.download.outstanding;
  }
  /** The outstanding requests, oldest first. */
  get outstandingRequests(): IterableIterator<BlockAddress> {
    return this.#parts.download.requests;
  }
  /** Most requests that may be outstanding at this peer. */
  get requestWindow(): number {
    return this.#parts.download.window;
  }
  /** How many requests of the peer wait or are handed out. */
  get queuedRequests(): number {
    return this.#parts.upload.queued;
  }
  /** Pieces we may request while choked (BEP 6). */
  get allowedFast(): ReadonlySet<number> {
    return this.#parts.download.allowedFast;
  }
  /** Bytes waiting to be sent. */
  get bufferedBytes(): number {
    return this.#core.bufferedBytes;
  }
  /** Whether the session is over. */
  get isClosed(): boolean {
    return this.#core.isClosed;
  }
  /** When {@linkcode handleTimeout} wants to be called. */
  get deadline(): number | undefined {
    return this.#core.isClosed ? undefined : this.#core.timers.deadline;
  }
  /**
   * What was transferred.
   *
   * @param now The time in milliseconds.
   * @returns A snapshot.
   */
  stats(now: number): PeerStats {
    return this.#core.counters.snapshot(now);
  }
  /** What the peer owes for messages, should it come again. */
  debt(now: number): number {
    return this.#core.budget.debt(now);
  }
  /**
   * How fast blocks come in.
   *
   * @param now The time in milliseconds.
   * @returns Bytes a second.
   */
  downloadRate(now: number): number {
    return this.#core.counters.down.rate(now);
  }
  /**
   * Whether the peer speaks an extension (BEP 10).
   *
   * @param name Such as `"ut_pex"`.
   * @returns True when it told an id for it.
   */
  supports(name: string): boolean {
    return this.#parts.extensions.registry.remoteId(name) !== undefined;
  }
  /** Takes the next output. */
  poll(): PeerSessionOutput | undefined {
    return this.#core.poll();
  }
  /**
   * Takes a message of the peer.
   *
   * @param message The message; its byte fields are shown on in events.
   * @param now The time in milliseconds.
   */
  receive(message: PeerMessage, now: number): void {
    if (this.#core.isClosed) return;
    this.#core.heard(message, now);
    try {
      this.#parts.receive(message, now);
    } catch (error) {
      if (!(error instanceof PeerProtocolError)) throw error;
      this.close(error);
    }
  }
  /**
   * Learns that a read of the socket is done with, and tells when the next one
   * may be: a peer may not cost us more than its budget, nor is it read while
   * it does not take what it asked for.
   *
   * @param bytes How much was read.
   * @param now The time in milliseconds.
   * @returns When to read on: not after `now` for at once, `Infinity` for when
   * the send buffer has drained.
   */
  chunkEnd(bytes: number, now: number): number {
    const core = this.#core;
    if (core.isClosed) return now;
    if (bytes < SMALL_READ) core.budget.spend(READ_COST);
    const at = core.budget.settle(now);
    if (at === Infinity) {
      this.close(
        new PeerProtocolError(
          "flood",
          "Peer sent far too many messages",
        ),
      );
      return now;
    }
    return core.bufferedBytes > READ_SEND_WATERMARK ? Infinity : at;
  }
  /** Takes all bytes that wait to be sent. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#core.take();
  }
  /**
   * Gives back what {@linkcode PeerSessionMachine.take} returned, to be used
   * again.
   *
   * @param bytes The bytes.
   */
  recycle(bytes: Uint8Array<ArrayBuffer>): void {
    this.#core.outgoing.recycle(bytes);
  }
  /** Bytes that wait to be taken. */
  get waitingBytes(): number {
    return this.#core.outgoing.length;
  }
  /**
   * Whether an answer of some bytes may be sent now: more is not piled up for
   * a peer that does not read.
   *
   * @param bytes Length of the answer.
   * @returns False when it is to be refused.
   */
  hasSendRoom(bytes: number): boolean {
    return this.#core.bufferedBytes + bytes <= ANSWER_SEND_WATERMARK;
  }
  /**
   * Learns how much of what was taken is still under way.
   *
   * @param underWay Bytes in writes that are not done.
   * @param now The time in milliseconds.
   */
  sent(underWay: number, now: number): void {
    if (this.#core.isClosed) return;
    this.#core.sent(underWay, now);
    this.#parts.upload.pump(this.#core.bufferedBytes, now);
  }
  /**
   * Learns whether we read at all: while we do not, for a rate limit or a full
   * disk, silence and missing blocks are no fault of the peer.
   *
   * @param reading Whether we read.
   * @param now The time in milliseconds.
   */
  setReading(reading: boolean, now: number): void {
    if (this.#core.isClosed) return;
    this.#core.timers.setReading(reading, now);
    this.#parts.download.setReading(reading, now);
    this.#core.timers.atLatest(this.#parts.download.deadline);
  }
  /**
   * Chokes or unchokes the peer; choking takes back what it asked for.
   *
   * @param choking Whether to choke.
   * @param now The time in milliseconds.
   */
  setChoking(choking: boolean, now: number): void {
    if (this.#core.isClosed) return;
    if (choking) this.#parts.upload.choke(now);
    else this.#parts.upload.unchoke(now);
  }
  /**
   * Tells the peer whether we want something, if that is news.
   *
   * @param interested Whether we do.
   * @param now The time in milliseconds.
   */
  setInterested(interested: boolean, now: number): void {
    if (this.#core.isClosed) return;
    this.#core.timers.wantedAt = now;
    this.#parts.download.setInterested(interested, now);
  }
  /**
   * Asks for blocks.
   *
   * @param blocks Which ones.
   * @param now The time in milliseconds.
   * @returns Those that cannot be asked for: the peer lacks them, chokes us,
   * was asked already, or its window is full.
   */
  request(
    blocks: readonly BlockAddress[],
    now: number,
  ): readonly BlockAddress[] {
    if (this.#core.isClosed) return blocks;
    const refused = this.#parts.download.request(blocks, now);
    this.#core.timers.atLatest(this.#parts.download.deadline);
    return refused;
  }
  /**
   * Takes a request back.
   *
   * @param block Which one.
   * @param now The time in milliseconds.
   * @returns False when it is not outstanding.
   */
  cancel(block: BlockAddress, now: number): boolean {
    return !this.#core.isClosed && this.#parts.download.cancel(block, now);
  }
  /**
   * Tells the peer of pieces, whether it has them or not: it shows our
   * progress by that.
   *
   * @param pieces Which pieces.
   * @param now The time in milliseconds.
   */
  have(pieces: readonly number[], now: number): void {
    for (const pieceIndex of pieces) {
      this.#core.send({ type: "have", pieceIndex }, now);
    }
  }
  /**
   * Recommends a piece, if the peer understands that (BEP 6).
   *
   * @param pieceIndex Which piece.
   * @param now The time in milliseconds.
   */
  suggest(pieceIndex: number, now: number): void {
    if (this.#parts.fast) {
      this.#core.send({ type: "suggest", pieceIndex }, now);
    }
  }
  /**
   * Answers a `serve` event with its block.
   *
   * @param request The request of the event.
   * @param data Exactly its bytes.
   * @param now The time in milliseconds.
   * @returns False when the request was taken back meanwhile.
   * @throws {RangeError} If the number of bytes is wrong.
   */
  sendBlock(request: BlockAddress, data: Uint8Array, now: number): boolean {
    if (this.#core.isClosed) return false;
    const sent = this.#parts.upload.sendBlock(request, data, now);
    if (sent) this.#parts.upload.pump(this.#core.bufferedBytes, now);
    return sent;
  }
  /**
   * Answers a `serve` event with a refusal.
   *
   * @param request The request of the event.
   * @param now The time in milliseconds.
   * @returns False when the request was taken back meanwhile.
   */
  rejectRequest(request: BlockAddress, now: number): boolean {
    if (this.#core.isClosed) return false;
    const known = this.#parts.upload.reject(request, now);
    if (known) this.#parts.upload.pump(this.#core.bufferedBytes, now);
    return known;
  }
  /**
   * Sends a message of an extension (BEP 10).
   *
   * @param name Such as `"ut_metadata"`.
   * @param payload The bytes; copied when sent.
   * @param now The time in milliseconds.
   * @returns False when the peer does not speak it.
   */
  sendExtended(name: string, payload: Uint8Array, now: number): boolean {
    return !this.#core.isClosed &&
      this.#parts.extensions.send(name, payload, now);
  }
  /**
   * Sends another extension handshake, if the peer speaks the protocol.
   *
   * @param fields What has changed.
   * @param now The time in milliseconds.
   */
  sendExtensionHandshake(fields: LocalExtensionFields, now: number): void {
    if (this.#core.isClosed || !this.#parts.extended) return;
    this.#parts.extensions.sendHandshake(now, fields);
  }
  /**
   * Tells the number of pieces once it is known; what the peer told before is
   * applied and given out as an event.
   *
   * @param pieceCount How many pieces there are.
   * @param now The time in milliseconds.
   * @param more Length of each piece, and what we have.
   * @throws {RangeError} If the number makes no sense or differs from before.
   */
  setPieceCount(
    pieceCount: number,
    now: number,
    more: {
      readonly pieceSize?: ((pieceIndex: number) => number) | undefined;
      readonly ownPieces?: Bitfield | undefined;
    } = {},
  ): void {
    checkSessionOptions({ pieceCount });
    const known = this.#parts.remote.pieceCount;
    if (known !== undefined && known !== pieceCount) {
      throw new RangeError(
        `Cannot set the number of pieces to ${pieceCount}: it is ${known}`,
      );
    }
    if (this.#core.isClosed) return;
    this.#parts.upload.setPieces(more.pieceSize, more.ownPieces);
    if (known !== undefined) return;
    try {
      this.#parts.pieces.setPieceCount(pieceCount);
      this.#parts.download.checkAllowed(pieceCount);
    } catch (error) {
      if (!(error instanceof PeerProtocolError)) throw error;
      return this.close(error);
    }
    // Too late for a bitfield: the first message is long gone.
    if (more.ownPieces !== undefined) this.have([...more.ownPieces], now);
    this.#parts.upload.grant(pieceCount, now);
  }
  /**
   * Tells the port of our DHT node (BEP 5).
   *
   * @param port UDP port.
   * @param now The time in milliseconds.
   */
  sendPort(port: number, now: number): void {
    this.#core.send({ type: "port", port }, now);
  }
  /**
   * Asks for merkle hashes (BEP 52).
   *
   * @param range Which ones.
   * @param now The time in milliseconds.
   * @returns False when that is not possible, or asked already.
   */
  requestHashes(range: HashRange, now: number): boolean {
    return !this.#core.isClosed &&
      (this.#parts.hashes?.request(range, now) ?? false);
  }
  /**
   * Answers a `hash-request` event.
   *
   * @param range The range of the event.
   * @param hashes The run and its proof, or `undefined` to refuse.
   * @param now The time in milliseconds.
   * @param cost What the answer cost us, in microseconds.
   * @returns False when that request does not wait.
   */
  sendHashes(
    range: HashRange,
    hashes: Uint8Array | undefined,
    now: number,
    cost = 0,
  ): boolean {
    this.#core.budget.spend(cost);
    return !this.#core.isClosed &&
      (this.#parts.hashes?.reply(range, hashes, now) ?? false);
  }
  /**
   * Ends the session. What was put out before is still to be polled.
   *
   * @param error Why, unless it is a normal end.
   */
  close(error?: Error): void {
    this.#core.close(error);
  }

  /** Lets every timer that is due fire. */
  handleTimeout(now: number): void {
    if (this.#core.isClosed) return;
    const timers = this.#core.timers;
    if (this.#parts.download.interested || this.#parts.upload.interested) {
      timers.wantedAt = now;
    }
    if (this.#core.bufferedBytes === 0) timers.progressAt = now;
    const error = timers.violation(now, this.#core.bufferedBytes);
    if (error !== undefined) return this.close(error);
    if (timers.isKeepAliveDue(now)) {
      this.#core.outgoing.release();
      this.#core.send({ type: "keep-alive" }, now);
    }
    this.#parts.download.handleTimeout(now);
    timers.arm(this.#parts.download.deadline);
  }
}
