/**
 * What tests of programs that use this package need in place of time, network
 * and disk: a virtual clock, connections and datagrams in memory, whole swarms
 * in virtual time, and the tests that every storage and every store of a
 * tracker has to pass. The tests of this package use nothing else.
 *
 * | Class, function | In place of |
 * | --- | --- |
 * | {@linkcode SimClock} | time |
 * | {@linkcode MemoryNetwork} | TCP: `transports` of a `Session` or `Handshaker` |
 * | {@linkcode DatagramNetwork} | UDP: `socket` of a `MainlineDht`, `openSocket` of a `UdpTrackerClient` |
 * | {@linkcode SwarmWorld} | hosts with a `Session` each, and a network between them |
 * | {@linkcode simulateSwarm} | a swarm of hundreds, to compare policies by |
 * | {@linkcode testFileSystem} | tests of a `FileSystem` |
 * | {@linkcode testPieceStorage} | tests of a `PieceStorage` |
 * | {@linkcode testSwarmStore} | tests of a `SwarmStore` |
 *
 * | BEP | Checked by {@linkcode SwarmWorld} |
 * | --- | --- |
 * | [3](https://www.bittorrent.org/beps/bep_0003.html) | requests, chokes and HAVE on the wire; events and intervals of announces |
 * | [6](https://www.bittorrent.org/beps/bep_0006.html) | fast pieces, rejects |
 * | [10](https://www.bittorrent.org/beps/bep_0010.html) | extensions offered, request queues |
 * | [21](https://www.bittorrent.org/beps/bep_0021.html) | partial seeds in announces |
 *
 * The module face of the package does not re-export it: it imports
 * `@std/assert`, and programs need none of it to run.
 *
 * Permissions: none.
 *
 * @example A download in virtual time
 * ```ts
 * import { assertFiles, simTorrent, SwarmWorld } from "@bip/bip/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using world = new SwarmWorld({ latencyMs: 50 });
 * const torrent = await simTorrent([["a.bin", 100_000], ["b/c.txt", 10]]);
 * const seeder = await world.seeder(torrent);
 * const leecher = await world.host();
 * const download = leecher.add(torrent, { peers: [seeder.address] });
 * await world.until(() => download.state === "seeding", 10_000);
 * assertFiles(torrent, leecher.files);
 * assertEquals(leecher.peersIn("failed"), []);
 * ```
 *
 * @module
 */
export * from "./sim_clock.ts";
export * from "./memory_network.ts";
export * from "./datagram_network.ts";
export * from "./sim_torrent.ts";
export * from "./sim_host.ts";
export * from "./swarm_world.ts";
export * from "./simulation.ts";
export * from "./file_system_compliance.ts";
export * from "./swarm_store_compliance.ts";
export {
  type PieceStorageSubject,
  type PieceStorageWorld,
  testPieceStorage,
} from "./compliance/piece_storage.ts";
export { AnnounceAudit } from "./audit/announce_audit.ts";
export {
  type MetadataOffers,
  WireTotals,
  type WireTruth,
} from "./audit/wire_audit.ts";
export type {
  OpenSwarmStore,
  SwarmStoreWorld,
} from "./compliance/swarm_say.ts";
export type {
  SimBehaviour,
  SimChokerName,
  SimPeerGroup,
  SimStrategyName,
  SimulationConfig,
} from "./simulation/config.ts";
export { checkSimulation, SimulationError } from "./simulation/config.ts";
export {
  type NamedSimulations,
  plotSimulations,
  type SimGroupSummary,
  summarizeSimulation,
} from "./simulation/report.ts";
export type {
  SimPeerResult,
  SimSample,
  SimulationResult,
} from "./simulation/result.ts";
