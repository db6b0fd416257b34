/**
 * What the routing table shows of its nodes, and what happens to them.
 *
 * @module
 */
import type { IpFamily } from "../../_shared/address.ts";
import type { RandomSource } from "../../_shared/random.ts";
import type { NodeContact } from "../compact_node.ts";

/**
 * How reliable a node is: good ones answered in the last 15 minutes, or have
 * ever answered and asked in the last 15 minutes; bad ones left two queries in
 * a row unanswered. Source: BEP 5.
 */
export type RoutingNodeState = "good" | "questionable" | "bad";

/** A node that answered us at least once. Times are the caller's `now`. */
export interface RoutingNode extends NodeContact {
  /** Compact form of id, address and port, 26 or 38 bytes. Not to be changed. */
  readonly compact: Uint8Array;
  /** 4 or 16 bytes of the address. Not to be changed. */
  readonly ip: Uint8Array;
  /** Whether the id fits the address. Source: BEP 42. */
  readonly isSecure: boolean;
  /** When it came into the table, in milliseconds. */
  readonly addedAt: number;
  /** When it last answered, in milliseconds. */
  readonly lastResponseAt: number;
  /** When it last asked, in milliseconds; -Infinity for never. */
  readonly lastQueryAt: number;
  /** Unanswered queries in a row. */
  readonly failures: number;
  /** Smoothed round-trip time in milliseconds, when known. */
  readonly rttMs: number | undefined;
  /**
   * Judges the node.
   *
   * @param now The time in milliseconds.
   * @returns Its state.
   */
  state(now: number): RoutingNodeState;
}

/** Why the table does not take a node. */
export type RoutingRejection =
  | "own-id"
  | "bad-address"
  | "id-taken"
  | "id-changed"
  | "address-taken"
  | "subnet-taken"
  | "insecure-id"
  | "unknown-node";

/** What became of a node that the table was told of. */
export type RoutingUpdate =
  /** It was there; its times are set. */
  | { readonly type: "updated" }
  /** It is in the table now, in place of `removed` if any. */
  | {
    readonly type: "added";
    readonly node: RoutingNode;
    readonly removed: RoutingNode | undefined;
  }
  /** It waits for a place. Ping `node` now: it may have to go. */
  | { readonly type: "ping"; readonly node: RoutingNode }
  /** It waits for a place, or until it is worth a ping of its own. */
  | { readonly type: "waiting" }
  /** It left the table and nothing came in its place. */
  | { readonly type: "removed"; readonly node: RoutingNode }
  /** It is not taken. */
  | { readonly type: "rejected"; readonly reason: RoutingRejection };

/**
 * Which nodes count in a search of the table: `"good"` ones only, as in
 * answers; `"usable"`: also questionable ones, as at the start of a lookup;
 * `"any"`: bad ones as well, as after an outage of our own.
 */
export type RoutingFilter = "good" | "usable" | "any";

/** Options of a routing table. */
export interface RoutingTableOptions {
  /** Our 20-byte id. */
  readonly ownId: Uint8Array;
  /** IP version: one table each. Source: BEP 32. */
  readonly family: IpFamily;
  /** Draws the targets of refreshes. */
  readonly random: RandomSource;
  /** The time in milliseconds. */
  readonly now: number;
  /**
   * Nodes in a bucket. Source: BEP 5.
   *
   * @default {8}
   */
  readonly bucketSize?: number | undefined;
  /**
   * Nodes in the first buckets, which cover most of the keys: wider ones make
   * lookups shorter.
   *
   * @default {[128, 64, 32, 16]}
   */
  readonly firstBucketSizes?: readonly number[] | undefined;
  /**
   * Whether at most one node of an address, and one of a subnet (/24 of IPv4,
   * /64 of IPv6), is taken. Without it, nodes differ by address and port.
   *
   * @default {true}
   */
  readonly restrictAddresses?: boolean | undefined;
  /**
   * What ids that do not fit their address mean: `"ignore"` nothing;
   * `"prefer"`: such nodes make room for others; `"require"`: they are not
   * taken. Source: BEP 42.
   *
   * @default {"prefer"}
   */
  readonly secureIds?: "ignore" | "prefer" | "require" | undefined;
  /**
   * How long a node that only asked us waits for a ping of ours, in
   * milliseconds. It does not wait while the table has less than a bucket.
   *
   * @default {90_000}
   */
  readonly verifyDelayMs?: number | undefined;
  /**
   * How many unverified nodes are remembered.
   *
   * @default {256}
   */
  readonly maxUnverified?: number | undefined;
}
