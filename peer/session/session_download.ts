/**
 * The downloading half of a session: their choke, our interest, our requests.
 *
 * Invariants: never more requests outstanding than allowed; a request that was
 * accepted comes back exactly once, as a block or in a `rejected` event, unless
 * it is cancelled or the session ends.
 *
 * @module
 */
import { PeerProtocolError } from "../error.ts";
import { flipLimit, type SessionCore } from "./session_core.ts";
import {
  DEFAULT_PEER_QUEUE,
  JUNK_BYTES,
  MAX_ALLOWED_FAST,
  MAX_CHOKE_FLIPS,
  MAX_OUTSTANDING_REQUESTS,
  MAX_REJECTS,
  MAX_UNREQUESTED_BLOCKS,
  QUEUE_SHARE,
  REPEAT_COST,
  REQUEST_TIMEOUT_MS,
  SNUB_TIMEOUT_MS,
} from "../limits.ts";
import type { BlockAddress, PeerMessage } from "../message.ts";
import type { RemotePieces } from "./session_pieces.ts";
import { type OutstandingRequest, RequestLedger } from "./request_ledger.ts";
import type {
  PeerSessionOptions,
  RequestReturnReason,
} from "../session_types.ts";

const NO_PIECES = new Set<number>();
const NOTHING: readonly BlockAddress[] = [];

/** Their choke, our interest and our requests. */
export class DownloadSide {
  readonly #core: SessionCore;
  readonly #remote: RemotePieces;
  readonly #fast: boolean;
  readonly #ledger = new RequestLedger();
  #allowed: Set<number> = NO_PIECES;
  readonly #flips = flipLimit(MAX_CHOKE_FLIPS);
  #peerQueue = DEFAULT_PEER_QUEUE;
  choking = true;
  interested = false;
  snubbed = false;
  #progressAt = 0;
  #rejects = 0;
  /** How long reading was paused by us: no fault of the peer. */
  #paused = 0;
  #pausedAt: number | undefined;

  constructor(
    options: PeerSessionOptions,
    core: SessionCore,
    remote: RemotePieces,
  ) {
    this.#core = core;
    this.#remote = remote;
    this.#fast = options.fast ?? false;
  }

  get outstanding(): number {
    return this.#ledger.size;
  }
  get requests(): IterableIterator<OutstandingRequest> {
    return this.#ledger.values();
  }
  get allowedFast(): ReadonlySet<number> {
    return this.#allowed;
  }
  /** Most requests that may be outstanding at this peer. */
  get window(): number {
    // What some take back is counted a while longer: a few per cent are left.
    const queue = Math.max(1, Math.floor(this.#peerQueue * QUEUE_SHARE));
    return Math.min(MAX_OUTSTANDING_REQUESTS, queue);
  }
  set peerQueue(requests: number) {
    this.#peerQueue = requests;
  }

  canRequest(pieceIndex: number): boolean {
    return this.#remote.pieces.has(pieceIndex) &&
      (!this.choking || this.#allowed.has(pieceIndex));
  }

  setInterested(interested: boolean, now: number): void {
    if (interested === this.interested) return;
    this.interested = interested;
    this.#core.send(
      { type: interested ? "interested" : "not-interested" },
      now,
    );
  }

  /** Sends requests; returns those that are not possible now. */
  request(
    blocks: readonly BlockAddress[],
    now: number,
  ): readonly BlockAddress[] {
    let refused: BlockAddress[] | undefined;
    const time = this.#time(now);
    for (const block of blocks) {
      const wasEmpty = this.#ledger.size === 0;
      if (
        this.#ledger.size < this.window && this.canRequest(block.pieceIndex) &&
        this.#ledger.add(block, time)
      ) {
        if (wasEmpty) this.#progressAt = time;
        this.#core.send({
          type: "request",
          pieceIndex: block.pieceIndex,
          blockOffset: block.blockOffset,
          length: block.length,
        }, now);
      } else (refused ??= []).push(block);
    }
    return refused ?? NOTHING;
  }

  cancel(block: BlockAddress, now: number): boolean {
    if (!this.#ledger.cancel(block)) return false;
    this.#sendCancel(block, now);
    return true;
  }

  onChoke(now: number): void {
    if (this.choking) return;
    this.#flip(now);
    this.choking = true;
    this.#core.emit({ type: "choked" });
    // With the Fast extension every request is refused one by one (BEP 6).
    if (this.#fast) return;
    this.#giveUp("choked", () => true);
  }

  onUnchoke(now: number): void {
    if (!this.choking) return;
    this.#flip(now);
    this.choking = false;
    this.#core.emit({ type: "unchoked" });
  }

  onPiece(message: Extract<PeerMessage, { type: "piece" }>, now: number): void {
    const { pieceIndex, blockOffset, data } = message;
    const arrival = this.#ledger.arrive(pieceIndex, blockOffset, data.length);
    if (arrival === "unrequested") {
      this.#core.counters.wasted += data.length;
      this.#core.spend(data.length / JUNK_BYTES);
      if (++this.#core.counters.unrequested > MAX_UNREQUESTED_BLOCKS) {
        throw new PeerProtocolError(
          "unrequested",
          `Peer sent block ${pieceIndex}+${blockOffset} and ${MAX_UNREQUESTED_BLOCKS} others that were not requested`,
        );
      }
      return;
    }
    this.#core.counters.down.add(data.length, now);
    this.#progressAt = this.#time(now);
    this.#rejects = 0;
    if (this.snubbed) {
      this.snubbed = false;
      this.#core.emit({ type: "unsnubbed" });
    }
    this.#core.emit({
      type: "block",
      pieceIndex,
      blockOffset,
      data,
      late: arrival === "late",
    });
  }

  onReject(message: BlockAddress): void {
    const request = this.#ledger.reject(message);
    // So a cancel is answered (BEP 6).
    if (request === "given-up") return;
    if (request === undefined) this.#core.spend(REPEAT_COST);
    if (this.choking) this.#allowed.delete(message.pieceIndex);
    else this.#refused(1);
    if (request !== undefined) {
      this.#core.emit({
        type: "rejected",
        blocks: [request],
        reason: "rejected",
      });
    }
  }

  onAllowedFast(pieceIndex: number): void {
    if (
      this.#allowed.size >= MAX_ALLOWED_FAST || this.#allowed.has(pieceIndex)
    ) return;
    if (this.#allowed === NO_PIECES) this.#allowed = new Set();
    this.#allowed.add(pieceIndex);
    this.#core.emit({ type: "allowed-fast", pieceIndex });
  }

  onDontHave(pieceIndex: number): void {
    if (!this.#remote.onDontHave(pieceIndex)) {
      return this.#core.odd(REPEAT_COST);
    }
    this.#core.emit({ type: "dont-have", pieceIndex });
    const blocks = this.#giveUp(
      "dont-have",
      (block) => block.pieceIndex === pieceIndex,
    );
    // It had the piece a moment ago, and may have it again the next.
    this.#core.spend(REPEAT_COST * blocks.length);
    this.#refused(blocks.length);
  }

  /** Counts requests that come back from a peer that does not choke us. */
  #refused(count: number): void {
    this.#rejects += count;
    if (this.#rejects <= MAX_REJECTS) return;
    this.#core.close(
      new PeerProtocolError(
        "refusing",
        `Peer rejected ${this.#rejects} requests in a row`,
      ),
    );
  }

  /** Forgets grants that turn out to be for pieces that do not exist. */
  checkAllowed(pieceCount: number): void {
    for (const pieceIndex of this.#allowed) {
      if (pieceIndex >= pieceCount) this.#allowed.delete(pieceIndex);
    }
  }

  /** Stops and starts the clock by which the peer owes us blocks. */
  setReading(reading: boolean, now: number): void {
    if (!reading) this.#pausedAt ??= now;
    else if (this.#pausedAt !== undefined) {
      this.#paused += now - this.#pausedAt;
      this.#pausedAt = undefined;
    }
  }

  get deadline(): number {
    const oldest = this.#ledger.oldestSentAt;
    if (oldest === undefined || this.#pausedAt !== undefined) return Infinity;
    const expiry = oldest + REQUEST_TIMEOUT_MS;
    return this.#paused +
      (this.snubbed
        ? expiry
        : Math.min(expiry, this.#progressAt + SNUB_TIMEOUT_MS));
  }

  handleTimeout(now: number): void {
    const time = this.#time(now);
    if (
      this.#ledger.size > 0 && !this.snubbed &&
      time - this.#progressAt >= SNUB_TIMEOUT_MS
    ) {
      this.snubbed = true;
      this.#core.emit({ type: "snubbed" });
    }
    const oldest = time - REQUEST_TIMEOUT_MS;
    const blocks = this.#giveUp("timeout", ({ sentAt }) => sentAt <= oldest);
    for (const block of blocks) this.#sendCancel(block, now);
  }

  /** Gives up the requests that a test picks, and tells of them. */
  #giveUp(
    reason: RequestReturnReason,
    picked: (request: OutstandingRequest) => boolean,
  ): readonly OutstandingRequest[] {
    const blocks = this.#ledger.giveUpWhere(picked);
    if (blocks.length > 0) {
      this.#core.emit({ type: "rejected", blocks, reason });
    }
    return blocks;
  }

  /** The time without the pauses. */
  #time(now: number): number {
    return (this.#pausedAt ?? now) - this.#paused;
  }

  #sendCancel(block: BlockAddress, now: number): void {
    this.#core.send({
      type: "cancel",
      pieceIndex: block.pieceIndex,
      blockOffset: block.blockOffset,
      length: block.length,
    }, now);
  }

  #flip(now: number): void {
    if (this.#flips.take(now)) return;
    throw new PeerProtocolError(
      "flapping",
      `Peer choked and unchoked us more than ${MAX_CHOKE_FLIPS} times in ten seconds`,
    );
  }
}
