/**
 * The blocks one peer asked us for.
 *
 * Invariant: a request waits or is handed out to be read; both together are
 * bounded.
 *
 * @module
 */
import type { BlockAddress } from "../message.ts";
import { blockKey } from "./request_ledger.ts";

/** In place of tables that are made when they are needed: most peers are idle. */
const NO_REQUESTS = new Map<number, BlockAddress>();
const NO_KEYS = new Set<number>();

/** Requests that one for a piece that comes first may overtake. */
const MOST_PASSED_OVER = 256;

const keyOf = (request: BlockAddress) =>
  blockKey(request.pieceIndex, request.blockOffset);

/** Requests of one peer, in the order of arrival. */
export class UploadQueue {
  readonly #capacity: number;
  #requests = NO_REQUESTS;
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
    if (this.#requests === NO_REQUESTS) {
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
