/**
 * Local discovery: peers on the same network, without any server.
 *
 * {@linkcode LocalDiscovery} announces 20-byte values by multicast on every
 * interface and reports who announces the same: torrents, or any service that
 * has a name ({@linkcode hashServiceName}). The codec and the machine can be
 * used alone and need no permission.
 *
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { hashServiceName, LpdMachine } from "@bip/bip/lpd";
 *
 * // Two machines on an imaginary network.
 * const alice = new LpdMachine({ random: crypto, startedAt: 0 });
 * const bob = new LpdMachine({ random: crypto, startedAt: 0 });
 * const infoHash = hashServiceName("example-chat/lobby");
 * alice.handle({ type: "announce", infoHash, port: 4000 }, 0);
 * bob.handle({ type: "watch", infoHash }, 0);
 *
 * alice.handleTimeout(alice.deadline!);
 * const output = alice.poll();
 * assert(output?.type === "send");
 * const from = { hostname: "192.168.1.2", port: 6771 };
 * bob.handle({ type: "datagram", data: output.data, from }, 200);
 * const heard = bob.poll();
 * assert(heard?.type === "peer");
 * assertEquals(heard.candidate.address, { hostname: "192.168.1.2", port: 4000 });
 * ```
 *
 * | BEP | What | Where |
 * | --- | --- | --- |
 * | 14 | Local Service Discovery, IPv4 and IPv6 | all of it |
 * | 27 | Private torrents must not be announced | up to the caller |
 *
 * Permissions: `--allow-net` for {@linkcode LocalDiscovery}, and
 * `--allow-sys=networkInterfaces` to use every interface instead of the one
 * the system prefers; none for the rest.
 *
 * @module
 */
export * from "./announce.ts";
export * from "./discovery.ts";
export * from "./discovery_machine.ts";
export { LpdError } from "./error.ts";
export type { LocalNetwork } from "./network.ts";
export type { Endpoint, IpFamily, PeerCandidate } from "../_shared/address.ts";
export type { Clock } from "../_shared/clock.ts";
export type { DatagramOptions, DatagramSocket } from "../_shared/datagram.ts";
export type { RandomSource } from "../_shared/random.ts";
