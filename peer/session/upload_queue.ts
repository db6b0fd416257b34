/**
 * The blocks one peer asked us for.
 *
 * Invariant: a request is in exactly one of two tables: waiting, or handed out
 * to be read; both together are bounded.
 *
 * @module
 */
import type { BlockAddress } from "../message.ts";
import { blockKey } from "./request_ledger.ts";

/** In place of maps that are made when they are needed: most peers are idle. */
const NO_REQUESTS = new Map<number, BlockAddress>();

/** Requests of one peer, in the order of arrival. */
export class UploadQueue {
  readonly #capacity: number;
  #waiting = NO_REQUESTS;
  #serving = NO_REQUESTS;
  /** What came in, from `#head` on; a map is slow to take from its front. */
  #order: BlockAddress[] = [];
  #head = 0;
  #servingBytes = 0;

  /** Makes an empty queue. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many requests are waiting or handed out. */
  get size(): number {
    return this.#waiting.size + this.#serving.size;
  }

  /** How many requests wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** How many bytes are handed out to be read. */
  get servingBytes(): number {
    return this.#servingBytes;
  }

  /** Adds a request. */
  add(request: BlockAddress): "added" | "duplicate" | "full" {
    const key = blockKey(request.pieceIndex, request.blockOffset);
    const known = this.#waiting.get(key) ?? this.#serving.get(key);
    if (known !== undefined && known.length === request.length) {
      return "duplicate";
    }
    if (known !== undefined || this.size >= this.#capacity) return "full";
    if (this.#waiting === NO_REQUESTS) {
      this.#waiting = new Map();
      this.#serving = new Map();
    }
    this.#waiting.set(key, request);
    // Whoever asks and takes back for ever makes no list grow.
    if (
      this.#head > 2 * this.#capacity || this.#order.length > 4 * this.#capacity
    ) {
      this.#order = this.#order.slice(this.#head).filter((waiting) =>
        this.#waiting.get(blockKey(waiting.pieceIndex, waiting.blockOffset)) ===
          waiting
      );
      this.#head = 0;
    }
    this.#order.push(request);
    return "added";
  }

  /**
   * Hands out the oldest waiting request. Returns the request, or `undefined`
   * when none waits.
   */
  next(): BlockAddress | undefined {
    while (this.#head < this.#order.length) {
      const request = this.#order[this.#head++]!;
      const key = blockKey(request.pieceIndex, request.blockOffset);
      // Those that were taken back meanwhile are passed over here.
      if (this.#waiting.get(key) !== request) continue;
      this.#waiting.delete(key);
      this.#serving.set(key, request);
      this.#servingBytes += request.length;
      return request;
    }
    this.#order.length = this.#head = 0;
    return undefined;
  }

  /**
   * Settles a request that was handed out. Returns false when it was cancelled
   * meanwhile, or never handed out.
   */
  finish(request: BlockAddress): boolean {
    const key = blockKey(request.pieceIndex, request.blockOffset);
    if (this.#serving.get(key)?.length !== request.length) return false;
    this.#serving.delete(key);
    this.#servingBytes -= request.length;
    return true;
  }

  /** Takes back a request in either table. Returns false when there is none. */
  cancel(request: BlockAddress): boolean {
    const key = blockKey(request.pieceIndex, request.blockOffset);
    if (this.#waiting.get(key)?.length === request.length) {
      return this.#waiting.delete(key);
    }
    return this.finish(request);
  }

  /** Takes back every request but some. */
  clear(kept: (request: BlockAddress) => boolean): BlockAddress[] {
    const result: BlockAddress[] = [];
    for (const request of this.#serving.values()) {
      if (!kept(request) && this.finish(request)) result.push(request);
    }
    for (const [key, request] of this.#waiting) {
      if (kept(request)) continue;
      this.#waiting.delete(key);
      result.push(request);
    }
    return result;
  }
}
