/**
 * How a node is set up.
 *
 * @module
 */
import type { IpFamily, IpScope } from "../_shared/address.ts";
import type { RateGuardOptions } from "./server/rate_guard.ts";
import type { DhtResponderOptions } from "./server/responder.ts";

/** Options of {@linkcode DhtNodeMachine}. */
export interface DhtNodeMachineOptions extends DhtResponderOptions {
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
  /** Soft timeout of requests at most, in ms. @default {1000} */
  readonly softTimeoutMs?: number | undefined;
  /** Timeout of requests at most, in ms. @default {10000} */
  readonly timeoutMs?: number | undefined;
  /** Nodes in the first buckets of the table. @default {[128, 64, 32, 16]} */
  readonly firstBucketSizes?: readonly number[] | undefined;
  /** See {@linkcode RateGuardOptions}. */
  readonly limits?: RateGuardOptions | undefined;
}
