/**
 * All buckets of a routing table, and who holds which address.
 *
 * @module
 */
import { equalBytes, readUint32 } from "../../_shared/bytes.ts";
import type { RoutingEntry } from "./routing_entry.ts";
import { NODE_ID_BITS, NODE_ID_LENGTH, sharedPrefixBits } from "../node_id.ts";

/** Nodes in a bucket, and most that wait for one (BEP 5). */
export const BUCKET_SIZE = 8;

/** The nodes that share a prefix with our id, and those waiting to join. */
export class RoutingBucket {
  readonly nodes: RoutingEntry[] = [];
  /** The first four bytes of each id, signed, beside the nodes. */
  readonly words: Int32Array;
  /** The newest last. */
  readonly replacements: RoutingEntry[] = [];
  changedAt: number;
  readonly #capacity: number;

  constructor(capacity: number, now: number) {
    this.words = new Int32Array(capacity);
    this.#capacity = capacity;
    this.changedAt = now;
  }

  get hasRoom(): boolean {
    return this.nodes.length < this.#capacity;
  }

  /** Adds a node, for which there is room. */
  add(entry: RoutingEntry): void {
    this.words[this.nodes.length] = entry.word;
    this.nodes.push(entry);
  }

  delete(entry: RoutingEntry): void {
    const index = this.nodes.indexOf(entry);
    this.nodes.splice(index, 1);
    this.words.copyWithin(index, index + 1);
  }

  clear(now: number): void {
    this.nodes.length = 0;
    this.replacements.length = 0;
    this.changedAt = now;
  }

  /**
   * Finds a node that must go for any newcomer: a bad one, of those the one
   * with most failures; else, for a secure newcomer, one with an id that does
   * not fit its address.
   */
  worst(forSecure: boolean): RoutingEntry | undefined {
    let worst: RoutingEntry | undefined;
    for (const entry of this.nodes) {
      if (
        entry.isBad() &&
        (worst === undefined || entry.failures > worst.failures)
      ) worst = entry;
    }
    return worst ??
      (forSecure ? this.nodes.find((entry) => !entry.isSecure) : undefined);
  }

  /** Finds the questionable node that was silent longest. */
  oldestQuestionable(
    now: number,
    probePauseMs: number,
  ): RoutingEntry | undefined {
    let oldest: RoutingEntry | undefined;
    for (const entry of this.nodes) {
      if (
        !entry.isGood(now) && now - entry.lastProbeAt >= probePauseMs &&
        (oldest === undefined || entry.lastSeenAt < oldest.lastSeenAt)
      ) oldest = entry;
    }
    return oldest;
  }

  /** Keeps a node for later, one an address; the oldest is forgotten. */
  keepReplacement(entry: RoutingEntry): void {
    const old = this.replacements.findIndex((other) =>
      other.addressKey === entry.addressKey || other.subnet === entry.subnet
    );
    if (old >= 0) this.replacements.splice(old, 1);
    else if (this.replacements.length >= BUCKET_SIZE) {
      this.replacements.shift();
    }
    this.replacements.push(entry);
  }
}

/** Bucket `i` has the nodes that share exactly `i` leading bits with our id. */
export class RoutingBuckets {
  /** As many as were needed so far, at least up to {@linkcode deepest}. */
  readonly list: readonly RoutingBucket[];
  ownId: Uint8Array;
  /** The last bucket with nodes, -1 when there is none. */
  deepest = -1;
  /** Whether a subnet may have one node only. */
  readonly #restrict: boolean;
  readonly #buckets: RoutingBucket[] = [];
  readonly #firstBucketSizes: readonly number[];
  /** When buckets that were not needed yet last changed. */
  #changedAt: number;
  readonly #byAddress = new Map<string, RoutingEntry>();
  readonly #bySubnet = new Map<string, RoutingEntry>();

  constructor(
    ownId: Uint8Array,
    firstBucketSizes: readonly number[],
    restrict: boolean,
    now: number,
  ) {
    this.ownId = ownId;
    this.#restrict = restrict;
    this.list = this.#buckets;
    this.#firstBucketSizes = firstBucketSizes;
    this.#changedAt = now;
  }

  get size(): number {
    return this.#byAddress.size;
  }

  /** The bucket of an id; our own would be in the last, which never has it. */
  of(id: Uint8Array): RoutingBucket {
    return this.#at(this.index(id));
  }

  index(id: Uint8Array): number {
    return Math.min(sharedPrefixBits(this.ownId, id), NODE_ID_BITS - 1);
  }

  find(id: Uint8Array): RoutingEntry | undefined {
    if (id.length !== NODE_ID_LENGTH) return undefined;
    const { nodes, words } = this.of(id);
    const word = readUint32(id, 0) | 0;
    for (let i = 0; i < nodes.length; i++) {
      if (words[i] === word && equalBytes(nodes[i]!.id, id)) return nodes[i];
    }
    return undefined;
  }

  /** Who holds the address that another node has. */
  holder(entry: RoutingEntry): RoutingEntry | undefined {
    return this.#byAddress.get(entry.addressKey);
  }

  /** Who holds the subnet of another node, where that matters. */
  neighbour(entry: RoutingEntry): RoutingEntry | undefined {
    return this.#restrict ? this.#bySubnet.get(entry.subnet) : undefined;
  }

  place(entry: RoutingEntry, now: number): void {
    const index = this.index(entry.id);
    const bucket = this.#at(index);
    entry.addedAt = now;
    bucket.add(entry);
    bucket.changedAt = now;
    this.#byAddress.set(entry.addressKey, entry);
    if (this.#restrict) this.#bySubnet.set(entry.subnet, entry);
    if (index > this.deepest) this.deepest = index;
  }

  remove(entry: RoutingEntry): void {
    this.of(entry.id).delete(entry);
    this.#byAddress.delete(entry.addressKey);
    if (this.#restrict) this.#bySubnet.delete(entry.subnet);
    while (this.deepest >= 0 && this.list[this.deepest]!.nodes.length === 0) {
      this.deepest--;
    }
  }

  /** Sorts all nodes into new buckets, as far as they have places. */
  setOwnId(ownId: Uint8Array, now: number): void {
    const entries: RoutingEntry[] = [];
    for (const bucket of this.list) {
      entries.push(...bucket.nodes);
      bucket.clear(now);
    }
    this.#byAddress.clear();
    this.#bySubnet.clear();
    this.deepest = -1;
    this.ownId = ownId;
    this.#changedAt = now;
    // The longer a node has been there, the longer it stays.
    entries.sort((a, b) =>
      Number(a.isBad()) - Number(b.isBad()) || a.addedAt - b.addedAt
    );
    for (const entry of entries) {
      if (equalBytes(entry.id, ownId)) continue;
      const bucket = this.of(entry.id);
      if (bucket.hasRoom) this.place(entry, entry.addedAt);
      bucket.changedAt = now;
    }
  }

  /** Finds the questionable node that was silent longest. */
  oldestQuestionable(
    now: number,
    probePauseMs: number,
  ): RoutingEntry | undefined {
    let oldest: RoutingEntry | undefined;
    for (let i = 0; i <= this.deepest; i++) {
      const entry = this.list[i]!.oldestQuestionable(now, probePauseMs);
      if (
        entry !== undefined &&
        (oldest === undefined || entry.lastSeenAt < oldest.lastSeenAt)
      ) oldest = entry;
    }
    return oldest;
  }

  /** Takes the index of a bucket that did not change for so long. */
  takeStale(now: number, staleMs: number): number | undefined {
    for (let i = 0; i <= this.deepest; i++) {
      const bucket = this.list[i]!;
      if (now - bucket.changedAt < staleMs) continue;
      bucket.changedAt = now;
      return i;
    }
    return undefined;
  }

  /** Few of all the buckets there could be ever have a node. */
  #at(index: number): RoutingBucket {
    for (let i = this.#buckets.length; i <= index; i++) {
      const first = this.#firstBucketSizes[i] ?? 0;
      const capacity = Math.max(first, BUCKET_SIZE);
      this.#buckets.push(new RoutingBucket(capacity, this.#changedAt));
    }
    return this.#buckets[index]!;
  }

  /** The newest waiting node whose address is free once `leaving` is gone. */
  takeReplacement(leaving: RoutingEntry): RoutingEntry | undefined {
    const { replacements } = this.of(leaving.id);
    for (
      let entry = replacements.pop();
      entry !== undefined;
      entry = replacements.pop()
    ) {
      const holder = this.holder(entry);
      const neighbour = this.neighbour(entry);
      if (
        (holder === undefined || holder === leaving) &&
        (neighbour === undefined || neighbour === leaving)
      ) return entry;
    }
    return undefined;
  }
}
