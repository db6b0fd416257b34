/**
 * The uploading half of a session: our choke, their interest, their requests.
 *
 * Invariants: a request is handed out only while the send buffer is below its
 * watermark; with the Fast extension every request is answered by exactly one
 * piece or reject (BEP 6).
 *
 * @module
 */
import type { Bitfield } from "../../_shared/bitfield.ts";
import { PeerProtocolError } from "../error.ts";
import { flipLimit, type SessionCore } from "./session_core.ts";
import {
  ALLOWED_FAST_COUNT,
  DEFAULT_BLOCK_LENGTH,
  INITIAL_SEND_WATERMARK,
  MAX_INTEREST_FLIPS,
  MAX_INVALID_REQUESTS,
  MAX_QUEUED_REQUESTS,
  MAX_SEND_WATERMARK,
  MIN_SEND_WATERMARK,
  PIECES_PER_ALLOWED_FAST,
  REPEAT_COST,
  TINY_COST,
  TINY_REQUEST,
} from "../limits.ts";
import type { BlockAddress } from "../message.ts";
import type { RemotePieces } from "./session_pieces.ts";
import type { PeerSessionOptions, PiecesFirst } from "../session_types.ts";
import { UploadQueue } from "./request_ledger.ts";
import { sha1 } from "../../_shared/sha1.ts";
import { readUint32 } from "../../_shared/bytes.ts";

/**
 * Generates the canonical allowed fast set of a peer (BEP 6).
 *
 * @param infoHash 20-byte info-hash.
 * @param ip The peer's IPv4 address, 4 bytes.
 * @param pieceCount How many pieces the torrent has.
 * @param count How many pieces are allowed.
 * @returns The piece indices in the order of generation, no more than there
 * are pieces.
 * @throws {RangeError} If the address has not 4 bytes, as BEP 6 knows no other.
 */
export function generateAllowedFastSet(
  infoHash: Uint8Array,
  ip: Uint8Array,
  pieceCount: number,
  count: number,
): number[] {
  if (ip.length !== 4) {
    throw new RangeError(
      `Cannot generate an allowed fast set as the address must have 4 bytes: it has ${ip.length}`,
    );
  }
  const goal = Math.min(count, pieceCount);
  const set = new Set<number>();
  let x = new Uint8Array(4 + infoHash.length);
  x.set(ip.subarray(0, 3));
  x.set(infoHash, 4);
  while (set.size < goal) {
    x = sha1(x);
    for (let i = 0; i < 20 && set.size < goal; i += 4) {
      set.add(readUint32(x, i) % pieceCount);
    }
  }
  return [...set];
}

const WATERMARK_AGE_MS = 100;
const NO_PIECES: readonly number[] = [];

/** Our choke, their interest and their requests. */
export class UploadSide {
  readonly #mostLength: number;
  /** Until it is used. */
  #allowedFast: PeerSessionOptions["allowedFast"];
  readonly #core: SessionCore;
  readonly #remote: RemotePieces;
  readonly #fast: boolean;
  readonly #first: PiecesFirst | undefined;
  readonly #capacity: number;
  readonly #queue: UploadQueue;
  #granted = NO_PIECES;
  readonly #flips = flipLimit(MAX_INTEREST_FLIPS);
  #pieceSize: ((pieceIndex: number) => number) | undefined;
  #own: Bitfield | undefined;
  choking = true;
  interested = false;
  #grantBudget = 0;
  #tooMany = 0;
  #watermark = INITIAL_SEND_WATERMARK;
  #watermarkAt = -Infinity;

  constructor(
    options: PeerSessionOptions,
    core: SessionCore,
    remote: RemotePieces,
  ) {
    this.#mostLength = options.maxRequestLength ?? DEFAULT_BLOCK_LENGTH;
    this.#allowedFast = options.fast ? options.allowedFast : undefined;
    this.#core = core;
    this.#remote = remote;
    this.#fast = options.fast ?? false;
    this.#first = options.servedFirst;
    this.#capacity = options.maxQueuedRequests ?? MAX_QUEUED_REQUESTS;
    this.#queue = new UploadQueue(this.#capacity);
    this.#pieceSize = options.pieceSize;
    this.#own = options.ownPieces;
  }

  /** How many requests wait or are handed out. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Applies what becomes known with the number of pieces. */
  setPieces(
    pieceSize: ((pieceIndex: number) => number) | undefined,
    own: Bitfield | undefined,
  ): void {
    this.#pieceSize = pieceSize ?? this.#pieceSize;
    this.#own = own ?? this.#own;
  }

  /** Tells the peer which pieces it may have while choked (BEP 6). */
  grant(pieceCount: number, now: number): void {
    const allowedFast = this.#allowedFast;
    this.#allowedFast = undefined;
    if (allowedFast === undefined) return;
    this.#granted = generateAllowedFastSet(
      allowedFast.infoHash,
      allowedFast.ip,
      pieceCount,
      Math.min(
        ALLOWED_FAST_COUNT,
        Math.floor(pieceCount / PIECES_PER_ALLOWED_FAST),
      ),
    );
    for (const pieceIndex of this.#granted) {
      // Enough to fetch a damaged piece again, not to fetch it endlessly.
      this.#grantBudget += 2 * (this.#pieceSize?.(pieceIndex) ?? 1 << 20);
      this.#core.send({ type: "allowed-fast", pieceIndex }, now);
    }
  }

  choke(now: number): void {
    if (this.choking) return;
    this.choking = true;
    this.#tooMany = 0;
    this.#core.send({ type: "choke" }, now);
    for (const request of this.#queue.clear((r) => this.#useGrant(r))) {
      this.#refuse(request, now);
    }
  }

  unchoke(now: number): void {
    if (!this.choking) return;
    this.choking = false;
    this.#tooMany = 0;
    this.#core.send({ type: "unchoke" }, now);
  }

  onInterest(interested: boolean, now: number): void {
    if (interested === this.interested) return;
    if (!this.#flips.take(now)) {
      throw new PeerProtocolError(
        "flapping",
        `Peer changed its interest more than ${MAX_INTEREST_FLIPS} times in ten seconds`,
      );
    }
    this.interested = interested;
    this.#core.emit({ type: interested ? "interested" : "not-interested" });
  }

  onRequest(message: BlockAddress, now: number): void {
    const { pieceIndex, blockOffset, length } = message;
    const request: BlockAddress = { pieceIndex, blockOffset, length };
    if (this.#remote.pieceCount === undefined) {
      return this.#refuseFlood(request, now);
    }
    if (!this.#isServable(request)) {
      if (++this.#core.counters.invalid > MAX_INVALID_REQUESTS) {
        throw new PeerProtocolError(
          "request-flood",
          `Peer requested block ${pieceIndex}+${blockOffset} of ${length} bytes and ${MAX_INVALID_REQUESTS} others that are not served`,
        );
      }
      return this.#refuse(request, now);
    }
    if (this.choking && !this.#useGrant(request)) {
      return this.#refuseFlood(request, now);
    }
    const added = this.#queue.add(request);
    if (added === "full") this.#refuseFlood(request, now);
    else if (added === "duplicate") this.#core.spend(REPEAT_COST);
    else if (length < TINY_REQUEST && !this.#isWhole(request)) {
      this.#core.spend(TINY_COST);
    }
  }

  /** Whether a request is for a block as pieces are usually cut. */
  #isWhole({ pieceIndex, blockOffset, length }: BlockAddress): boolean {
    const size = this.#pieceSize?.(pieceIndex) ?? Infinity;
    return blockOffset % DEFAULT_BLOCK_LENGTH === 0 &&
      blockOffset + length === size;
  }

  onCancel(message: BlockAddress, now: number): void {
    const { pieceIndex, blockOffset, length } = message;
    const request: BlockAddress = { pieceIndex, blockOffset, length };
    const cancelled = this.#queue.cancel(request);
    if (cancelled === undefined) return;
    if (cancelled === "serving") {
      this.#core.emit({ type: "serve-cancelled", request });
    }
    this.#refuse(request, now);
  }

  /** Answers a request that was handed out. */
  sendBlock(request: BlockAddress, data: Uint8Array, now: number): boolean {
    if (data.length !== request.length) {
      throw new RangeError(
        `Cannot send block ${request.pieceIndex}+${request.blockOffset} as it must have ${request.length} bytes: it has ${data.length}`,
      );
    }
    if (!this.#queue.finish(request)) return false;
    this.#core.counters.up.add(data.length, now);
    this.#core.send({
      type: "piece",
      pieceIndex: request.pieceIndex,
      blockOffset: request.blockOffset,
      data,
    }, now);
    return true;
  }

  /** Refuses a request that was handed out. */
  reject(request: BlockAddress, now: number): boolean {
    if (!this.#queue.finish(request)) return false;
    this.#refuse(request, now);
    return true;
  }

  /** Hands requests out as long as the send buffer has room. */
  pump(bufferedBytes: number, now: number): void {
    if (!this.#queue.isWaiting) return;
    if (now - this.#watermarkAt >= WATERMARK_AGE_MS) this.#adapt(now);
    let pending = bufferedBytes + this.#queue.servingBytes;
    const first = this.#first?.();
    while (pending < this.#watermark) {
      const request = this.#queue.next(first);
      if (request === undefined) return;
      pending += request.length;
      this.#core.emit({ type: "serve", request });
    }
  }

  /** Half of what goes out in a second. */
  #adapt(now: number): void {
    this.#watermarkAt = now;
    const { up } = this.#core.counters;
    const least = up.total < 4 * INITIAL_SEND_WATERMARK
      ? INITIAL_SEND_WATERMARK
      : MIN_SEND_WATERMARK;
    this.#watermark = Math.max(
      least,
      Math.min(up.rate(now) / 2, MAX_SEND_WATERMARK),
    );
  }

  /** Whether a request may be served while we choke; it is paid for now. */
  #useGrant({ pieceIndex, length }: BlockAddress): boolean {
    if (!this.#granted.includes(pieceIndex) || this.#grantBudget < length) {
      return false;
    }
    this.#grantBudget -= length;
    return true;
  }

  #isServable(request: BlockAddress): boolean {
    const { pieceIndex, blockOffset, length } = request;
    if (!this.#remote.isPiece(pieceIndex)) return false;
    if (length === 0 || length > this.#mostLength) return false;
    if (
      this.#pieceSize !== undefined &&
      blockOffset + length > this.#pieceSize(pieceIndex)
    ) return false;
    return this.#own === undefined || this.#own.has(pieceIndex);
  }

  /** Refuses what honest peers also send now and then, up to a limit. */
  #refuseFlood(request: BlockAddress, now: number): void {
    if (++this.#tooMany > 2 * this.#capacity) {
      throw new PeerProtocolError(
        "request-flood",
        `Peer sent ${this.#tooMany} requests that were too many or came while it was choked`,
      );
    }
    this.#refuse(request, now);
  }

  #refuse(request: BlockAddress, now: number): void {
    this.#core.spend(REPEAT_COST);
    if (!this.#fast) return;
    this.#core.send({
      type: "reject",
      pieceIndex: request.pieceIndex,
      blockOffset: request.blockOffset,
      length: request.length,
    }, now);
  }
}
