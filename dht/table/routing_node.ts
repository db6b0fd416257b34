/**
 * What the routing table shows of its nodes, and what happens to them.
 *
 * @module
 */
import type { IpFamily } from "../../_shared/address.ts";
import type { RandomSource } from "../../_shared/random.ts";
import type { RoutingEntry } from "./routing_entry.ts";

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
    readonly node: RoutingEntry;
    readonly removed: RoutingEntry | undefined;
  }
  /** It waits for a place. Ping `node` now: it may have to go. */
  | { readonly type: "ping"; readonly node: RoutingEntry }
  /** It waits for a place, or until it is worth a ping of its own. */
  | { readonly type: "waiting" }
  /** It left the table and nothing came in its place. */
  | { readonly type: "removed"; readonly node: RoutingEntry }
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
}
