/**
 * How a node is set up.
 *
 * @module
 */
import type { IpFamily, IpScope } from "../_shared/address.ts";
import type { RandomSource } from "../_shared/random.ts";

/** Limits of what strangers may ask of a node. */
export interface RateGuardOptions {
  /**
   * Datagrams of one IPv4 address or IPv6 /64 in 10 s; of more, nothing is heard
   * for 5 minutes. Infinity lifts the limit.
   *
   * @default {50}
   */
  readonly maxPackets?: number | undefined;
  /**
   * Bytes of answers in a second, to all; those of 3 s may be sent at once.
   * Infinity lifts the limit.
   *
   * @default {8_000}
   */
  readonly replyBytesPerSecond?: number | undefined;
  /** Whether loopback addresses are limited, too. @default {true} */
  readonly limitLoopback?: boolean | undefined;
}

/** Limits of the peers that a node keeps, for each IP version. */
export interface PeerStoreOptions {
  /** Torrents. @default {2_000} */
  readonly maxTorrents?: number | undefined;
  /** Peers of a torrent. @default {500} */
  readonly maxPeers?: number | undefined;
  /**
   * Peers that one IPv4 address or IPv6 /64 may have in all torrents; a /24 or
   * /48 may have twice, a /16 or /32 twenty times as many. Loopback addresses
   * are not limited.
   *
   * @default {200}
   */
  readonly maxPeersPerAddress?: number | undefined;
  /**
   * Peers in all torrents; then the farthest torrent makes room for closer
   * ones.
   *
   * @default {200_000}
   */
  readonly maxTotalPeers?: number | undefined;
}

/** Limits of the items that a node keeps (BEP 44). */
export interface ItemStoreOptions {
  /** Items. @default {700} */
  readonly maxItems?: number | undefined;
  /**
   * Items that one IPv4 address or IPv6 /64 may have stored; a /24 or /48 may
   * have twice, a /16 or /32 four times as many. Loopback is not limited.
   *
   * @default {50}
   */
  readonly maxItemsPerAddress?: number | undefined;
}

/** Options of {@linkcode DhtNodeMachine}. */
export interface DhtNodeMachineOptions {
  /** Where random bytes come from. */
  readonly random: RandomSource;
  /** When it starts, in ms. */
  readonly startedAt: number;
  /** What we call ourselves: client and version, at most 16 bytes (BEP 5). */
  readonly version?: Uint8Array | undefined;
  /** Limits of the peers that are kept for others. */
  readonly peerStore?: PeerStoreOptions | undefined;
  /** Limits of the items that are kept for others (BEP 44). */
  readonly itemStore?: ItemStoreOptions | undefined;
  /** Limits of what strangers may ask. */
  readonly limits?: RateGuardOptions | undefined;
  /** IP versions it takes part with. @default {[4]} */
  readonly families?: readonly IpFamily[] | undefined;
  /**
   * Our 20-byte id, for every IP version.
   *
   * @default a random one that follows our external address (BEP 42)
   */
  readonly id?: Uint8Array | undefined;
  /**
   * Our 20-byte ids of an earlier run, by IP version: without `id` we begin
   * with them, and they follow our external address (BEP 42).
   *
   * @default random ones
   */
  readonly savedIds?: {
    readonly 4?: Uint8Array | undefined;
    readonly 6?: Uint8Array | undefined;
  };
  /** Whether to ask only, and never answer (BEP 43). @default {false} */
  readonly readOnly?: boolean | undefined;
  /**
   * Kinds of addresses that others may tell us of and that the routing table
   * takes.
   *
   * @default {["global"]}
   */
  readonly scopes?: readonly IpScope[] | undefined;
  /**
   * Whether one address, and one /24 (IPv4) or /64 (IPv6) of the internet,
   * counts for one node only. Do without where all nodes share an address.
   *
   * @default {true}
   */
  readonly restrictAddresses?: boolean | undefined;
  /** What ids that do not fit their address mean (BEP 42). @default {"prefer"} */
  readonly secureIds?: "ignore" | "prefer" | "require" | undefined;
  /** Requests a lookup waits for at once. @default {5} */
  readonly alpha?: number | undefined;
  /** Closest nodes that a lookup finds, 1 to 20. @default {8} */
  readonly k?: number | undefined;
  /** Most nodes that a lookup asks. @default {256} */
  readonly maxRequests?: number | undefined;
  /** Most requests that wait for an answer at once. @default {1024} */
  readonly maxOutstanding?: number | undefined;
  /** Nodes in the first buckets of the table. @default {[128, 64, 32, 16]} */
  readonly firstBucketSizes?: readonly number[] | undefined;
}
