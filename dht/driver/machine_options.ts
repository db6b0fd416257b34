/**
 * What a node on real sockets wants of its machine.
 *
 * @module
 */
import type { IpFamily } from "../../_shared/address.ts";
import type { DatagramSocket } from "../../_shared/datagram.ts";
import type { RandomSource } from "../../_shared/random.ts";
import { scopesOf } from "./sockets.ts";
import type { MainlineDhtOptions } from "../mainline_options.ts";
import type { DhtNodeMachineOptions } from "../node_options.ts";
import type { DhtState } from "../routing_state.ts";

/** Client and version that we tell: "BP" and 0.1 (BEP 5). */
const VERSION = Uint8Array.of(0x42, 0x50, 0, 1);

/** The options, and what follows from the sockets and the state of before. */
export function machineOptions(
  options: MainlineDhtOptions,
  sockets: ReadonlyMap<IpFamily, DatagramSocket>,
  saved: DhtState | undefined,
  random: RandomSource,
  startedAt: number,
): DhtNodeMachineOptions {
  const scopes = scopesOf(options, [...sockets.values()]);
  const onLoopback = scopes.includes("loopback");
  const { version, restrictAddresses, limits } = options;
  return {
    ...options,
    version: version?.length === 0 ? undefined : version ?? VERSION,
    restrictAddresses: restrictAddresses ?? !onLoopback,
    savedIds: { 4: saved?.id, 6: saved?.id6 },
    limits: {
      ...limits,
      limitLoopback: limits?.limitLoopback ?? !onLoopback,
    },
    scopes,
    families: [...sockets.keys()],
    random,
    startedAt,
  };
}
