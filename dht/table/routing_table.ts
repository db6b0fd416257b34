/**
 * The routing table of a node.
 *
 * @module
 */
import type { Endpoint, IpFamily } from "../../_shared/address.ts";
import { equalBytes } from "../../_shared/bytes.ts";
import type { RandomSource } from "../../_shared/random.ts";
import { ClosestSearch } from "./closest_search.ts";
import { BUCKET_SIZE, RoutingBuckets } from "./routing_buckets.ts";
import { checkLength, checkPositiveIntegers } from "../check_options.ts";
import {
  GOOD_MS,
  makeRoutingEntry,
  routingAddressKey,
  type RoutingEntry,
} from "./routing_entry.ts";
import { takeBytes } from "./slab.ts";
import { UnverifiedNodes } from "./unverified_nodes.ts";
import { compactNodeLength, type NodeContact } from "../compact_node.ts";
import { NODE_ID_LENGTH, randomNodeIdNear } from "../node_id.ts";
import type {
  RoutingFilter,
  RoutingRejection,
  RoutingTableOptions,
  RoutingUpdate,
} from "./routing_node.ts";

const UPDATED: RoutingUpdate = { type: "updated" };
const WAITING: RoutingUpdate = { type: "waiting" };
const DEFAULT_FIRST_BUCKETS = [128, 64, 32, 16];
/** A node without a replacement is kept so long, for outages of our own. */
const DROP_FAILURES = 6;
/** A questionable node is not offered for a ping more often. */
const PROBE_PAUSE_MS = 60_000;

/**
 * The nodes we know, by distance from our id (BEP 5). Bucket `i` has the nodes
 * that share exactly `i` leading bits with our id, which is what splitting only
 * the bucket of our own id leads to; the first four are wider, since half of
 * all keys fall into the first, and so on.
 *
 * In the buckets there are only nodes that answered us. Others wait apart,
 * until {@linkcode RoutingTable.nextUnverified} gives them out for a ping. A
 * full bucket drops bad nodes; while it has questionable ones, an update
 * says which to ping, and the newcomer waits.
 */
export class RoutingTable {
  readonly #family: IpFamily;
  readonly #random: RandomSource;
  readonly #restrict: boolean;
  readonly #secureIds: "ignore" | "prefer" | "require";
  readonly #buckets: RoutingBuckets;
  readonly #unverified: UnverifiedNodes;
  readonly #search: ClosestSearch;

  /**
   * Makes an empty table.
   *
   * @param options See {@linkcode RoutingTableOptions}.
   * @throws {RangeError} If the id does not have 20 bytes, or a size is no
   * integer of at least 1.
   */
  constructor(options: RoutingTableOptions) {
    const {
      firstBucketSizes = DEFAULT_FIRST_BUCKETS,
      restrictAddresses = true,
      secureIds = "prefer",
    } = options;
    checkLength("an id", options.ownId, NODE_ID_LENGTH);
    for (const size of firstBucketSizes) {
      checkPositiveIntegers({ firstBucketSizes: size });
    }
    this.#family = options.family;
    this.#random = options.random;
    this.#restrict = restrictAddresses;
    this.#secureIds = secureIds;
    this.#unverified = new UnverifiedNodes();
    this.#buckets = new RoutingBuckets(
      options.ownId.slice(),
      firstBucketSizes,
      restrictAddresses,
      options.now,
    );
    this.#search = new ClosestSearch(this.#buckets.list);
  }

  /** Our id. */
  get ownId(): Uint8Array {
    return this.#buckets.ownId;
  }

  /** IP version of the nodes. */
  get family(): IpFamily {
    return this.#family;
  }

  /** How many nodes are in the buckets. */
  get size(): number {
    return this.#buckets.size;
  }

  /** How many nodes wait to be verified. */
  get unverifiedSize(): number {
    return this.#unverified.size;
  }

  /** Counts the good nodes. */
  countGood(now: number): number {
    let count = 0;
    for (const node of this.nodes()) if (node.isGood(now)) count++;
    return count;
  }

  /**
   * Lists all nodes in the buckets, the farthest bucket first.
   *
   * @returns An iterator; the table must not change while it is in use.
   */
  *nodes(): Generator<RoutingEntry, void, undefined> {
    for (let i = 0; i <= this.#buckets.deepest; i++) {
      yield* this.#buckets.list[i]!.nodes;
    }
  }

  /**
   * Finds a node by its id.
   *
   * @param id 20-byte id.
   * @returns The node, or `undefined` when it is not in a bucket.
   */
  find(id: Uint8Array): RoutingEntry | undefined {
    return this.#buckets.find(id);
  }

  /**
   * Whether a good node is at an address: it has answered us from there.
   *
   * @param id Its 20-byte id.
   * @param address Where it says it is.
   * @param now The time in milliseconds.
   */
  isAt(id: Uint8Array, address: Endpoint, now: number): boolean {
    const entry = this.#buckets.find(id);
    return entry !== undefined && isAt(entry, address) && entry.isGood(now);
  }

  /**
   * Takes note of an answer to a query of ours: the node is verified.
   *
   * @param id 20-byte id in the answer.
   * @param address Where it came from.
   * @param now The time in milliseconds.
   * @returns What became of the node.
   */
  responded(
    id: Uint8Array,
    address: Endpoint,
    now: number,
  ): RoutingUpdate {
    const known = this.#buckets.find(id);
    if (known !== undefined && isAt(known, address)) {
      known.answered(now);
      this.#buckets.of(id).changedAt = now;
      return UPDATED;
    }
    const entry = this.#entry(id, address);
    if (typeof entry === "string") return rejected(entry);
    this.#unverified.delete(entry.addressKey);
    if (known !== undefined) {
      if (!known.isBad()) return rejected("id-taken");
      this.#buckets.remove(known);
    }
    const holder = this.#buckets.holder(entry);
    if (holder !== undefined) {
      if (holder.address.port === entry.address.port) {
        // A node has one id. It may come back with the new one.
        this.#buckets.remove(holder);
        return rejected("id-changed");
      }
      if (!holder.isBad()) return rejected("address-taken");
      this.#buckets.remove(holder);
    }
    const neighbour = this.#buckets.neighbour(entry);
    if (neighbour !== undefined) {
      if (!neighbour.isBad()) return rejected("subnet-taken");
      this.#buckets.remove(neighbour);
    }
    if (this.#secureIds === "require" && !entry.isSecure) {
      return rejected("insecure-id");
    }
    entry.answered(now);
    return this.#insert(entry, now);
  }

  /**
   * Takes note of a query of a node. An unknown one is remembered as
   * unverified. Do not call this for read-only nodes (BEP 43).
   *
   * @param id 20-byte id in the query.
   * @param address Where it came from.
   * @param now The time in milliseconds.
   * @returns What became of the node.
   */
  queried(id: Uint8Array, address: Endpoint, now: number): RoutingUpdate {
    const known = this.#buckets.find(id);
    if (known !== undefined) {
      // The source of a query can be forged: it changes nothing else.
      if (!isAt(known, address)) return rejected("id-taken");
      known.lastQueryAt = now;
      return UPDATED;
    }
    return this.#hear(id, address, now, false);
  }

  /**
   * Remembers a node that somebody else vouches for, such as a saved one. It is
   * unverified and worth a ping at once.
   *
   * @param id 20-byte id.
   * @param address Where it should be.
   * @param now The time in milliseconds.
   * @returns What became of the node.
   */
  heard(id: Uint8Array, address: Endpoint, now: number): RoutingUpdate {
    if (this.#buckets.find(id) !== undefined) return UPDATED;
    return this.#hear(id, address, now, true);
  }

  /**
   * Takes note of a query of ours that stayed unanswered.
   *
   * @param id 20-byte id of the node.
   * @param address Where it is.
   * @param now The time in milliseconds.
   * @returns What became of the node; `"ping"` when it should be tried again.
   */
  failed(id: Uint8Array, address: Endpoint, now: number): RoutingUpdate {
    const entry = this.#buckets.find(id);
    if (entry === undefined || !isAt(entry, address)) {
      return rejected("unknown-node");
    }
    entry.failures++;
    const bucket = this.#buckets.of(id);
    if (!entry.isBad()) {
      if (bucket.replacements.length === 0) return UPDATED;
      entry.lastProbeAt = now;
      return { type: "ping", node: entry };
    }
    const next = this.#buckets.takeReplacement(entry);
    if (next !== undefined) {
      this.#buckets.remove(entry);
      this.#buckets.place(next, now);
      return { type: "added", node: next, removed: entry };
    }
    if (entry.failures < DROP_FAILURES) return UPDATED;
    this.#buckets.remove(entry);
    return { type: "removed", node: entry };
  }

  /**
   * Finds the nodes closest to a key, in order. Source: BEP 5.
   *
   * @param target 20-byte key.
   * @param count Most nodes to find.
   * @param now The time in milliseconds.
   * @param filter Which nodes count.
   * @returns The nodes, the closest first.
   */
  closest(
    target: Uint8Array,
    count: number,
    now: number,
    filter: RoutingFilter = "good",
  ): RoutingEntry[] {
    return this.#findClosest(target, count, now, filter)
      .slice(0, this.#search.count);
  }

  /**
   * Finds the nodes closest to a key, packed for an answer. Source: BEP 5,
   * BEP 32.
   *
   * @param target 20-byte key.
   * @param count Most nodes to find.
   * @param now The time in milliseconds.
   * @param filter Which nodes count.
   * @returns 26 or 38 bytes a node, the closest first.
   */
  closestCompact(
    target: Uint8Array,
    count: number,
    now: number,
    filter: RoutingFilter = "good",
  ): Uint8Array<ArrayBuffer> {
    const found = this.#findClosest(target, count, now, filter);
    const size = compactNodeLength(this.#family);
    const result = takeBytes(this.#search.count * size);
    for (let i = 0, at = 0; i < this.#search.count; i++) {
      const { compact } = found[i]!;
      for (let k = 0; k < size; k++) result[at++] = compact[k]!;
    }
    return result;
  }

  /**
   * Takes an unverified node that is to be pinged now. Those for which there
   * is no place are forgotten.
   *
   * @param now The time in milliseconds.
   * @returns The node, which is no longer remembered, or `undefined`.
   */
  nextUnverified(now: number): NodeContact | undefined {
    const hurry = this.size < BUCKET_SIZE;
    while (true) {
      const contact = this.#unverified.take(now, hurry);
      if (contact === undefined || this.#hasUse(contact.id, now)) {
        return contact;
      }
    }
  }

  /**
   * Takes the questionable node that was silent longest, to ping it. It is not
   * given again for a minute.
   *
   * @param now The time in milliseconds.
   * @returns The node, or `undefined` when none is due.
   */
  nextQuestionable(now: number): RoutingEntry | undefined {
    const oldest = this.#buckets.oldestQuestionable(now, PROBE_PAUSE_MS);
    if (oldest !== undefined) oldest.lastProbeAt = now;
    return oldest;
  }

  /**
   * Takes a bucket that had no change for 15 minutes. Look its target up.
   * Source: BEP 5.
   *
   * @param now The time in milliseconds.
   * @returns A random id in the range of the bucket, or `undefined` when every
   * bucket is fresh.
   */
  nextRefresh(now: number): Uint8Array | undefined {
    const index = this.#buckets.takeStale(now, GOOD_MS);
    return index === undefined
      ? undefined
      : randomNodeIdNear(this.#buckets.ownId, index, this.#random);
  }

  /**
   * Changes our id, as after a change of the external address (BEP 42). Nodes
   * for which the new buckets have no place are forgotten.
   *
   * @param id Our new 20-byte id.
   * @param now The time in milliseconds.
   * @throws {RangeError} If the id does not have 20 bytes.
   */
  setOwnId(id: Uint8Array, now: number): void {
    checkLength("an id", id, NODE_ID_LENGTH);
    this.#buckets.setOwnId(id.slice(), now);
  }

  #findClosest(
    target: Uint8Array,
    count: number,
    now: number,
    filter: RoutingFilter,
  ): readonly RoutingEntry[] {
    checkLength("a target", target, NODE_ID_LENGTH);
    return this.#search.run(
      target,
      this.#buckets.index(target),
      this.#buckets.deepest,
      count,
      now,
      filter,
    );
  }

  #entry(
    id: Uint8Array,
    address: Endpoint,
  ): RoutingEntry | RoutingRejection {
    if (equalBytes(id, this.#buckets.ownId)) return "own-id";
    return makeRoutingEntry(
      id,
      address,
      this.#family,
      this.#restrict,
      this.#secureIds !== "ignore",
    ) ?? "bad-address";
  }

  #hear(
    id: Uint8Array,
    address: Endpoint,
    now: number,
    isVouchedFor: boolean,
  ): RoutingUpdate {
    const key = routingAddressKey(address, this.#restrict);
    if (this.#unverified.has(key)) {
      if (isVouchedFor) this.#unverified.hasten(key, now);
      return WAITING;
    }
    const entry = this.#entry(id, address);
    if (typeof entry === "string") return rejected(entry);
    if (this.#buckets.holder(entry) !== undefined) {
      return rejected("address-taken");
    }
    if (this.#buckets.neighbour(entry) !== undefined) {
      return rejected("subnet-taken");
    }
    if (this.#secureIds === "require" && !entry.isSecure) {
      return rejected("insecure-id");
    }
    const contact = { id: entry.id, address: entry.address };
    this.#unverified.add(entry.addressKey, contact, now, isVouchedFor);
    return WAITING;
  }

  /** Whether a node of such an id would do more than fill a waiting list. */
  #hasUse(id: Uint8Array, now: number): boolean {
    const bucket = this.#buckets.of(id);
    return bucket.hasRoom || !bucket.nodes.every((entry) => entry.isGood(now));
  }

  #insert(entry: RoutingEntry, now: number): RoutingUpdate {
    const bucket = this.#buckets.of(entry.id);
    if (bucket.hasRoom) {
      this.#buckets.place(entry, now);
      return { type: "added", node: entry, removed: undefined };
    }
    const victim = bucket.worst(this.#secureIds !== "ignore" && entry.isSecure);
    if (victim !== undefined) {
      this.#buckets.remove(victim);
      this.#buckets.place(entry, now);
      return { type: "added", node: entry, removed: victim };
    }
    bucket.keepReplacement(entry);
    const silent = bucket.oldestQuestionable(now, PROBE_PAUSE_MS);
    if (silent === undefined) return WAITING;
    silent.lastProbeAt = now;
    return { type: "ping", node: silent };
  }
}

function rejected(reason: RoutingRejection): RoutingUpdate {
  return { type: "rejected", reason };
}

function isAt(entry: RoutingEntry, address: Endpoint): boolean {
  return entry.address.port === address.port &&
    entry.address.hostname === address.hostname;
}
