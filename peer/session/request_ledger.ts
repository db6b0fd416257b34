/**
 * The blocks we asked one peer for, and those it asked us for.
 *
 * Invariants: a request of ours has at most one place in two tables: outstanding
 * (we count on an answer) and given up (cancelled or timed out; an answer is
 * still welcome). A block that is asked for again is in both; what was given up
 * is answered first (BEP 6). Both are in the order of asking and bounded. A
 * request of the peer waits or is handed out to be read; both together are
 * bounded.
 *
 * @module
 */
import type { BlockAddress } from "../message.ts";
import { MAX_LATE_BLOCKS } from "../limits.ts";

/** A request that waits for its answer. */
export interface OutstandingRequest extends BlockAddress {
  /** When it was sent, in milliseconds. */
  readonly sentAt: number;
}

/** How an arriving block relates to the requests. */
export type BlockArrival = "requested" | "late" | "unrequested";

/**
 * A key for a block; exact as long as pieces are below 2^21 and offsets below
 * 2^32.
 */
export function blockKey(pieceIndex: number, blockOffset: number): number {
  return pieceIndex * 0x100000000 + blockOffset;
}

/** In place of tables that are made when they are needed: most peers are idle. */
const NO_REQUESTS = new Map<number, OutstandingRequest>();
const NO_LENGTHS = new Map<number, GivenUp>();
const NO_QUEUED = new Map<number, BlockAddress>();
const NO_KEYS = new Set<number>();

/** Requests for a block that were given up. */
interface GivenUp {
  readonly length: number;
  times: number;
}

/** Requests to one peer and what became of them. */
export class RequestLedger {
  #outstanding = NO_REQUESTS;
  #given = NO_LENGTHS;

  /** How many requests are outstanding. */
  get size(): number {
    return this.#outstanding.size;
  }

  /** The outstanding requests, oldest first. */
  values(): IterableIterator<OutstandingRequest> {
    return this.#outstanding.values();
  }

  /** When the oldest outstanding request was sent, if there is one. */
  get oldestSentAt(): number | undefined {
    for (const request of this.#outstanding.values()) return request.sentAt;
    return undefined;
  }

  /** Notes a request. Returns false when it is outstanding already. */
  add(block: BlockAddress, now: number): boolean {
    const key = blockKey(block.pieceIndex, block.blockOffset);
    if (this.#outstanding.has(key)) return false;
    if (this.#outstanding === NO_REQUESTS) this.#outstanding = new Map();
    this.#outstanding.set(key, {
      pieceIndex: block.pieceIndex,
      blockOffset: block.blockOffset,
      length: block.length,
      sentAt: now,
    });
    return true;
  }

  /** Settles a block that arrived. Returns whether it was asked for. */
  arrive(
    pieceIndex: number,
    blockOffset: number,
    length: number,
  ): BlockArrival {
    const key = blockKey(pieceIndex, blockOffset);
    if (this.#outstanding.get(key)?.length === length) {
      this.#outstanding.delete(key);
      return "requested";
    }
    return this.#settle(key, length) ? "late" : "unrequested";
  }

  /**
   * Settles a request that the peer refused. Returns the request, whether it was
   * `"given-up"`, or `undefined` when it is none of ours.
   */
  reject(block: BlockAddress): OutstandingRequest | "given-up" | undefined {
    const key = blockKey(block.pieceIndex, block.blockOffset);
    if (this.#settle(key, block.length)) return "given-up";
    const request = this.#outstanding.get(key);
    if (request?.length !== block.length) return undefined;
    this.#outstanding.delete(key);
    return request;
  }

  /**
   * Gives a request up; a late answer stays welcome. Returns false when it was
   * not outstanding.
   */
  cancel(block: BlockAddress): boolean {
    const key = blockKey(block.pieceIndex, block.blockOffset);
    const request = this.#outstanding.get(key);
    if (request === undefined || request.length !== block.length) return false;
    this.#outstanding.delete(key);
    this.#giveUp(key, request.length);
    return true;
  }

  /** Gives up every request that a test picks. */
  giveUpWhere(
    picked: (request: OutstandingRequest) => boolean,
  ): OutstandingRequest[] {
    const result: OutstandingRequest[] = [];
    for (const [key, request] of this.#outstanding) {
      if (!picked(request)) continue;
      this.#outstanding.delete(key);
      this.#giveUp(key, request.length);
      result.push(request);
    }
    return result;
  }

  /** Takes an answer for a request that was given up, if there is one. */
  #settle(key: number, length: number): boolean {
    const given = this.#given.get(key);
    if (given?.length !== length) return false;
    if (--given.times === 0) this.#given.delete(key);
    return true;
  }

  #giveUp(key: number, length: number): void {
    const known = this.#given.get(key);
    if (known?.length === length) {
      known.times++;
      return;
    }
    if (this.#given === NO_LENGTHS) this.#given = new Map();
    if (this.#given.size >= MAX_LATE_BLOCKS) {
      for (const oldest of this.#given.keys()) {
        this.#given.delete(oldest);
        break;
      }
    }
    this.#given.set(key, { length, times: 1 });
  }
}

/** Requests that one for a piece that comes first may overtake. */
const MOST_PASSED_OVER = 256;

const keyOf = (request: BlockAddress) =>
  blockKey(request.pieceIndex, request.blockOffset);

/** Requests of one peer, in the order of arrival. */
export class UploadQueue {
  readonly #capacity: number;
  #requests = NO_QUEUED;
  /** Those that are handed out. */
  #serving = NO_KEYS;
  /** What came in, from `#head` on; a map is slow to take from its front. */
  #order: BlockAddress[] = [];
  #head = 0;
  /** How many bytes are handed out to be read. */
  servingBytes = 0;

  /** Makes an empty queue. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many requests wait or are handed out. */
  get size(): number {
    return this.#requests.size;
  }

  /** Whether requests wait. */
  get isWaiting(): boolean {
    return this.#requests.size > this.#serving.size;
  }

  /** Adds a request. */
  add(request: BlockAddress): "added" | "duplicate" | "full" {
    const key = keyOf(request);
    const known = this.#requests.get(key);
    if (known?.length === request.length) return "duplicate";
    if (known !== undefined || this.size >= this.#capacity) return "full";
    if (this.#requests === NO_QUEUED) {
      this.#requests = new Map();
      this.#serving = new Set();
    }
    this.#requests.set(key, request);
    // Requests that are sent and cancelled without end make no list grow.
    if (this.#order.length > 4 * this.#capacity) {
      this.#order = this.#order.slice(this.#head)
        .filter((queued) => this.#requests.get(keyOf(queued)) === queued);
      this.#head = 0;
    }
    this.#order.push(request);
    return "added";
  }

  /**
   * Hands out the oldest request that waits, if there is one; before it the
   * oldest for a piece that comes first.
   */
  next(
    comesFirst?: (pieceIndex: number) => boolean,
  ): BlockAddress | undefined {
    const order = this.#order;
    while (this.#head < order.length && !this.#waits(order[this.#head]!)) {
      this.#head++;
    }
    let request = order[this.#head];
    if (request === undefined) {
      order.length = this.#head = 0;
      return undefined;
    }
    if (comesFirst !== undefined) {
      const end = Math.min(order.length, this.#head + MOST_PASSED_OVER);
      for (let i = this.#head; i < end; i++) {
        if (!comesFirst(order[i]!.pieceIndex) || !this.#waits(order[i]!)) {
          continue;
        }
        request = order[i]!;
        break;
      }
    }
    this.#serving.add(keyOf(request));
    this.servingBytes += request.length;
    return request;
  }

  /** Whether a request was neither taken back nor handed out. */
  #waits(request: BlockAddress): boolean {
    const key = keyOf(request);
    return this.#requests.get(key) === request && !this.#serving.has(key);
  }

  /** Settles a request; returns false unless it was handed out. */
  finish(request: BlockAddress): boolean {
    return this.#serving.has(keyOf(request)) &&
      this.cancel(request) === "serving";
  }

  /** Takes a request back; tells where it was, if anywhere. */
  cancel(request: BlockAddress): "waiting" | "serving" | undefined {
    const key = keyOf(request);
    if (this.#requests.get(key)?.length !== request.length) return undefined;
    this.#requests.delete(key);
    if (!this.#serving.delete(key)) return "waiting";
    this.servingBytes -= request.length;
    return "serving";
  }

  /** Takes back every request but some. */
  clear(kept: (request: BlockAddress) => boolean): BlockAddress[] {
    const taken = [...this.#requests.values()].filter((r) => !kept(r));
    for (const request of taken) this.cancel(request);
    return taken;
  }
}
