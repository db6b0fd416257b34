/**
 * The routing table of a node.
 *
 * @module
 */
import {
  type Endpoint,
  formatIp,
  type IpFamily,
  subnetKey,
} from "../_shared/address.ts";
import { equalBytes, readUint32 } from "../_shared/bytes.ts";
import type { RandomSource } from "../_shared/random.ts";
import { ClosestSearch } from "./_closest_search.ts";
import { RoutingBucket } from "./_routing_bucket.ts";
import { GOOD_MS, RoutingEntry } from "./_routing_entry.ts";
import { UnverifiedNodes } from "./_unverified_nodes.ts";
import {
  compactNodeLength,
  type NodeContact,
  tryEncodeCompactNode,
} from "./compact_node.ts";
import {
  isSecureNodeId,
  NODE_ID_BITS,
  NODE_ID_LENGTH,
  randomNodeIdNear,
  sharedPrefixBits,
} from "./node_id.ts";
import type {
  RoutingFilter,
  RoutingNode,
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
 * full bucket lets go of bad nodes; while it has questionable ones, an update
 * says which to ping, and the newcomer waits.
 */
export class RoutingTable {
  readonly #family: IpFamily;
  readonly #random: RandomSource;
  readonly #bucketSize: number;
  readonly #restrict: boolean;
  readonly #secureIds: "ignore" | "prefer" | "require";
  readonly #buckets: RoutingBucket[] = [];
  readonly #byAddress = new Map<string, RoutingEntry>();
  readonly #bySubnet = new Map<string, RoutingEntry>();
  readonly #unverified: UnverifiedNodes;
  readonly #search: ClosestSearch;
  #ownId: Uint8Array;
  #deepest = -1;

  /**
   * Makes an empty table.
   *
   * @param options See {@linkcode RoutingTableOptions}.
   * @throws {RangeError} If the id does not have 20 bytes, or a size is no
   * integer of at least 1.
   */
  constructor(options: RoutingTableOptions) {
    const {
      bucketSize = 8,
      firstBucketSizes = DEFAULT_FIRST_BUCKETS,
      restrictAddresses = true,
      secureIds = "prefer",
      verifyDelayMs = 90_000,
      maxUnverified = 256,
    } = options;
    checkId(options.ownId);
    for (const size of [bucketSize, maxUnverified, ...firstBucketSizes]) {
      if (!Number.isInteger(size) || size < 1) {
        throw new RangeError(
          `Size of a bucket must be an integer of at least 1: current value is ${size}`,
        );
      }
    }
    this.#ownId = options.ownId.slice();
    this.#family = options.family;
    this.#random = options.random;
    this.#bucketSize = bucketSize;
    this.#restrict = restrictAddresses;
    this.#secureIds = secureIds;
    this.#unverified = new UnverifiedNodes(maxUnverified, verifyDelayMs);
    for (let i = 0; i < NODE_ID_BITS; i++) {
      const size = Math.max(firstBucketSizes[i] ?? 0, bucketSize);
      this.#buckets.push(new RoutingBucket(size, bucketSize, options.now));
    }
    this.#search = new ClosestSearch(this.#buckets);
  }

  /** Our id. */
  get ownId(): Uint8Array {
    return this.#ownId;
  }

  /** IP version of the nodes. */
  get family(): IpFamily {
    return this.#family;
  }

  /** How many nodes are in the buckets. */
  get size(): number {
    return this.#byAddress.size;
  }

  /** How many nodes wait to be verified. */
  get unverifiedSize(): number {
    return this.#unverified.size;
  }

  /** How many nodes that answered wait for a place in a full bucket. */
  get replacementSize(): number {
    let count = 0;
    for (const bucket of this.#buckets) count += bucket.replacements.length;
    return count;
  }

  /**
   * Counts nodes by state.
   *
   * @param now The time in milliseconds.
   * @returns How many are good, questionable and bad.
   */
  count(now: number): { good: number; questionable: number; bad: number } {
    const result = { good: 0, questionable: 0, bad: 0 };
    for (const node of this.nodes()) result[node.state(now)]++;
    return result;
  }

  /**
   * Lists all nodes in the buckets, the farthest bucket first.
   *
   * @returns An iterator; the table must not change while it is in use.
   */
  *nodes(): Generator<RoutingNode, void, undefined> {
    for (let i = 0; i <= this.#deepest; i++) yield* this.#buckets[i]!.nodes;
  }

  /**
   * Finds a node by its id.
   *
   * @param id 20-byte id.
   * @returns The node, or `undefined` when it is not in a bucket.
   */
  find(id: Uint8Array): RoutingNode | undefined {
    return this.#find(id);
  }

  /**
   * Takes note of an answer to a query of ours: the node is verified.
   *
   * @param id 20-byte id in the answer.
   * @param address Where it came from.
   * @param now The time in milliseconds.
   * @param rttMs How long it took, in milliseconds.
   * @returns What became of the node.
   */
  responded(
    id: Uint8Array,
    address: Endpoint,
    now: number,
    rttMs?: number,
  ): RoutingUpdate {
    const known = this.#find(id);
    if (known !== undefined && isAt(known, address)) {
      known.answered(now, rttMs);
      this.#buckets[this.#index(id)]!.changedAt = now;
      return UPDATED;
    }
    const entry = this.#entry(id, address);
    if (typeof entry === "string") return rejected(entry);
    this.#unverified.delete(this.#key(entry.address));
    if (known !== undefined) {
      if (!known.isBad()) return rejected("id-taken");
      this.#remove(known);
    }
    const holder = this.#byAddress.get(entry.addressKey);
    if (holder !== undefined) {
      if (holder.address.port === entry.address.port) {
        // A node has one id. It may come back with the new one.
        this.#remove(holder);
        return rejected("id-changed");
      }
      if (!holder.isBad()) return rejected("address-taken");
      this.#remove(holder);
    }
    const neighbour = this.#restrict
      ? this.#bySubnet.get(entry.subnet)
      : undefined;
    if (neighbour !== undefined) {
      if (!neighbour.isBad()) return rejected("subnet-taken");
      this.#remove(neighbour);
    }
    if (this.#secureIds === "require" && !entry.isSecure) {
      return rejected("insecure-id");
    }
    entry.answered(now, rttMs);
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
    const known = this.#find(id);
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
    if (this.#find(id) !== undefined) return UPDATED;
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
    const entry = this.#find(id);
    if (entry === undefined || !isAt(entry, address)) {
      return rejected("unknown-node");
    }
    entry.failures++;
    const bucket = this.#buckets[this.#index(id)]!;
    if (!entry.isBad()) {
      if (bucket.replacements.length === 0) return UPDATED;
      entry.lastProbeAt = now;
      return { type: "ping", node: entry };
    }
    const next = this.#takeReplacement(bucket, entry);
    if (next !== undefined) {
      this.#remove(entry);
      this.#place(bucket, next, now);
      return { type: "added", node: next, removed: entry };
    }
    if (entry.failures < DROP_FAILURES) return UPDATED;
    this.#remove(entry);
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
  ): RoutingNode[] {
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
    const result = new Uint8Array(this.#search.count * size);
    for (let i = 0; i < this.#search.count; i++) {
      result.set(found[i]!.compact, i * size);
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
    const hurry = this.size < this.#bucketSize;
    while (true) {
      const contact = this.#unverified.take(now, hurry);
      if (contact === undefined || this.#hasUse(contact.id, now)) {
        return contact;
      }
    }
  }

  /** When an unverified node is next to be pinged, in milliseconds. */
  get nextUnverifiedAt(): number | undefined {
    return this.#unverified.nextAt(this.size < this.#bucketSize);
  }

  /**
   * Takes the questionable node that was silent longest, to ping it. It is not
   * given again for a minute.
   *
   * @param now The time in milliseconds.
   * @returns The node, or `undefined` when none is due.
   */
  nextQuestionable(now: number): RoutingNode | undefined {
    let oldest: RoutingEntry | undefined;
    for (let i = 0; i <= this.#deepest; i++) {
      for (const entry of this.#buckets[i]!.nodes) {
        if (
          !entry.isGood(now) && now - entry.lastProbeAt >= PROBE_PAUSE_MS &&
          (oldest === undefined || entry.lastSeenAt < oldest.lastSeenAt)
        ) oldest = entry;
      }
    }
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
    for (let i = 0; i <= this.#deepest; i++) {
      const bucket = this.#buckets[i]!;
      if (now - bucket.changedAt < GOOD_MS) continue;
      bucket.changedAt = now;
      return randomNodeIdNear(this.#ownId, i, this.#random);
    }
    return undefined;
  }

  /** When a bucket is next to be refreshed, in milliseconds. */
  get nextRefreshAt(): number | undefined {
    let first: number | undefined;
    for (let i = 0; i <= this.#deepest; i++) {
      const at = this.#buckets[i]!.changedAt + GOOD_MS;
      if (first === undefined || at < first) first = at;
    }
    return first;
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
    checkId(id);
    const entries: RoutingEntry[] = [];
    for (const bucket of this.#buckets) {
      entries.push(...bucket.nodes);
      bucket.clear(now);
    }
    this.#byAddress.clear();
    this.#bySubnet.clear();
    this.#deepest = -1;
    this.#ownId = id.slice();
    // The longer a node has been there, the longer it stays.
    entries.sort((a, b) =>
      Number(a.isBad()) - Number(b.isBad()) || a.addedAt - b.addedAt
    );
    for (const entry of entries) {
      if (equalBytes(entry.id, id)) continue;
      const bucket = this.#buckets[this.#index(entry.id)]!;
      if (bucket.hasRoom) this.#place(bucket, entry, entry.addedAt);
      bucket.changedAt = now;
    }
  }

  #findClosest(
    target: Uint8Array,
    count: number,
    now: number,
    filter: RoutingFilter,
  ): readonly RoutingEntry[] {
    checkId(target);
    const shared = Math.min(
      sharedPrefixBits(this.#ownId, target),
      NODE_ID_BITS - 1,
    );
    return this.#search.run(target, shared, this.#deepest, count, now, filter);
  }

  #find(id: Uint8Array): RoutingEntry | undefined {
    if (id.length !== NODE_ID_LENGTH) return undefined;
    const { nodes } = this.#buckets[this.#index(id)]!;
    const word = readUint32(id, 0);
    for (let i = 0; i < nodes.length; i++) {
      const entry = nodes[i]!;
      if (entry.word === word && equalBytes(entry.id, id)) return entry;
    }
    return undefined;
  }

  /** Our own id would belong into the last bucket, which never has it. */
  #index(id: Uint8Array): number {
    return Math.min(sharedPrefixBits(this.#ownId, id), NODE_ID_BITS - 1);
  }

  #key(address: Endpoint): string {
    return this.#restrict
      ? address.hostname
      : `${address.hostname} ${address.port}`;
  }

  #entry(
    id: Uint8Array,
    address: Endpoint,
  ): RoutingEntry | RoutingRejection {
    if (id.length !== NODE_ID_LENGTH) return "bad-address";
    if (equalBytes(id, this.#ownId)) return "own-id";
    const { port } = address;
    const compact = tryEncodeCompactNode(id, address);
    if (
      !(port >= 1 && port <= 65535) ||
      compact?.length !== compactNodeLength(this.#family)
    ) return "bad-address";
    const ip = compact.subarray(NODE_ID_LENGTH, compact.length - 2);
    const normal = { hostname: formatIp(ip), port };
    const isSecure = this.#secureIds === "ignore" || isSecureNodeId(id, ip);
    return new RoutingEntry(
      compact,
      normal,
      isSecure,
      this.#key(normal),
      subnetKey(ip),
    );
  }

  #hear(
    id: Uint8Array,
    address: Endpoint,
    now: number,
    isVouchedFor: boolean,
  ): RoutingUpdate {
    const key = this.#key(address);
    if (this.#unverified.has(key)) {
      if (isVouchedFor) this.#unverified.hasten(key, now);
      return WAITING;
    }
    const entry = this.#entry(id, address);
    if (typeof entry === "string") return rejected(entry);
    if (this.#byAddress.has(entry.addressKey)) {
      return rejected("address-taken");
    }
    if (this.#restrict && this.#bySubnet.has(entry.subnet)) {
      return rejected("subnet-taken");
    }
    if (this.#secureIds === "require" && !entry.isSecure) {
      return rejected("insecure-id");
    }
    const contact = { id: entry.id, address: entry.address };
    this.#unverified.add(key, contact, now, isVouchedFor);
    return WAITING;
  }

  /** Whether a node of such an id would do more than fill a waiting list. */
  #hasUse(id: Uint8Array, now: number): boolean {
    const bucket = this.#buckets[this.#index(id)]!;
    return bucket.hasRoom || !bucket.nodes.every((entry) => entry.isGood(now));
  }

  #insert(entry: RoutingEntry, now: number): RoutingUpdate {
    const bucket = this.#buckets[this.#index(entry.id)]!;
    if (bucket.hasRoom) {
      this.#place(bucket, entry, now);
      return { type: "added", node: entry, removed: undefined };
    }
    const victim = bucket.worst(this.#secureIds !== "ignore" && entry.isSecure);
    if (victim !== undefined) {
      this.#remove(victim);
      this.#place(bucket, entry, now);
      return { type: "added", node: entry, removed: victim };
    }
    bucket.keepReplacement(entry);
    const silent = bucket.oldestQuestionable(now, PROBE_PAUSE_MS);
    if (silent === undefined) return WAITING;
    silent.lastProbeAt = now;
    return { type: "ping", node: silent };
  }

  #place(bucket: RoutingBucket, entry: RoutingEntry, now: number): void {
    entry.addedAt = now;
    bucket.nodes.push(entry);
    bucket.changedAt = now;
    this.#byAddress.set(entry.addressKey, entry);
    this.#bySubnet.set(entry.subnet, entry);
    this.#deepest = Math.max(this.#deepest, this.#index(entry.id));
  }

  #remove(entry: RoutingEntry): void {
    const { nodes } = this.#buckets[this.#index(entry.id)]!;
    nodes.splice(nodes.indexOf(entry), 1);
    this.#byAddress.delete(entry.addressKey);
    if (this.#bySubnet.get(entry.subnet) === entry) {
      this.#bySubnet.delete(entry.subnet);
    }
    while (
      this.#deepest >= 0 && this.#buckets[this.#deepest]!.nodes.length === 0
    ) this.#deepest--;
  }

  /** The newest waiting node whose address is free once `leaving` is gone. */
  #takeReplacement(
    bucket: RoutingBucket,
    leaving: RoutingEntry,
  ): RoutingEntry | undefined {
    const isFree = (holder: RoutingEntry | undefined) =>
      holder === undefined || holder === leaving;
    for (
      let entry = bucket.replacements.pop();
      entry !== undefined;
      entry = bucket.replacements.pop()
    ) {
      if (
        isFree(this.#byAddress.get(entry.addressKey)) &&
        (!this.#restrict || isFree(this.#bySubnet.get(entry.subnet)))
      ) return entry;
    }
    return undefined;
  }
}

function rejected(reason: RoutingRejection): RoutingUpdate {
  return { type: "rejected", reason };
}

function isAt(entry: RoutingEntry, address: Endpoint): boolean {
  return entry.address.port === address.port &&
    entry.address.hostname === address.hostname;
}

function checkId(id: Uint8Array): void {
  if (id.length !== NODE_ID_LENGTH) {
    throw new RangeError(
      `Cannot use an id of ${id.length} bytes: it must have ${NODE_ID_LENGTH}`,
    );
  }
}
