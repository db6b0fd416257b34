/**
 * The search for the closest nodes, without allocation.
 *
 * @module
 */
import { readUint32 } from "../../_shared/bytes.ts";
import type { RoutingBucket } from "./routing_buckets.ts";
import type { RoutingEntry } from "./routing_entry.ts";
import { compareNodeDistance } from "../node_id.ts";
import type { RoutingFilter } from "./routing_node.ts";

/** Walks buckets in the order of distance and keeps the closest few. */
export class ClosestSearch {
  /** How many of the last result's entries count. */
  count = 0;
  readonly #buckets: readonly RoutingBucket[];
  readonly #found: RoutingEntry[] = [];
  /** Distance in the first four bytes, beside each found entry. */
  #distances = new Uint32Array(32);
  #limit = 0;
  /** Where the group of equal rank starts that is being searched. */
  #groupStart = 0;

  constructor(buckets: readonly RoutingBucket[]) {
    this.#buckets = buckets;
  }

  /** Searches. */
  run(
    target: Uint8Array,
    shared: number,
    deepest: number,
    limit: number,
    now: number,
    filter: RoutingFilter,
  ): readonly RoutingEntry[] {
    this.count = 0;
    this.#limit = Math.max(0, Math.trunc(limit));
    if (this.#limit > this.#distances.length) {
      // Bounded by the table, whatever the caller wishes.
      let total = 0;
      for (const { nodes } of this.#buckets) total += nodes.length;
      this.#limit = Math.min(this.#limit, total);
      if (this.#limit > this.#distances.length) {
        this.#distances = new Uint32Array(this.#limit);
      }
    }
    const word = readUint32(target, 0) | 0;
    // Those in the target's own bucket are closest; then come all that share
    // just as many bits with the target as we do, in any order; then bucket
    // by bucket those that share less.
    this.#groupStart = 0;
    if (shared <= deepest) {
      this.#searchBucket(shared, target, word, now, filter);
    }
    this.#groupStart = this.count;
    for (let i = shared + 1; i <= deepest && !this.#isDone; i++) {
      this.#searchBucket(i, target, word, now, filter);
    }
    for (let i = Math.min(shared - 1, deepest); i >= 0; i--) {
      this.#groupStart = this.count;
      if (this.#isDone) break;
      this.#searchBucket(i, target, word, now, filter);
    }
    return this.#found;
  }

  /** Whether nothing that is searched now could still matter. */
  get #isDone(): boolean {
    return this.#groupStart >= this.#limit;
  }

  #searchBucket(
    index: number,
    target: Uint8Array,
    word: number,
    now: number,
    filter: RoutingFilter,
  ): void {
    const { nodes, words } = this.#buckets[index]!;
    const found = this.#found;
    const distances = this.#distances;
    const limit = this.#limit;
    const start = this.#groupStart;
    let count = this.count;
    for (let i = 0; i < nodes.length; i++) {
      const distance = (words[i]! ^ word) >>> 0;
      if (count === limit && distance > distances[count - 1]!) continue;
      const entry = nodes[i]!;
      if (
        filter === "good"
          ? !entry.isGood(now)
          : (filter === "usable" && entry.isBad())
      ) continue;
      let place = count;
      while (place > start) {
        const other = distances[place - 1]!;
        if (distance > other) break;
        if (
          distance === other &&
          compareNodeDistance(target, found[place - 1]!.id, entry.id) <= 0
        ) break;
        place--;
      }
      if (place >= limit) continue;
      if (count < limit) count++;
      for (let k = count - 1; k > place; k--) {
        found[k] = found[k - 1]!;
        distances[k] = distances[k - 1]!;
      }
      found[place] = entry;
      distances[place] = distance;
    }
    this.count = count;
  }
}
