/**
 * What trackers of any protocol stand on: who is in which swarm, which
 * torrents are served, and figures.
 *
 * A {@linkcode SwarmService} answers announces out of a {@linkcode SwarmStore}:
 * a {@linkcode SwarmTable} in memory, or a {@linkcode KvSwarmStore} in a
 * database that several trackers share. Give one service to a
 * `UdpTrackerServer` and an `HttpTrackerServer`, and both serve the same
 * swarms. {@linkcode TrackerStatsServer} serves figures over HTTP.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { InfoHashList, SwarmService, SwarmTable } from "@bip/bip/tracker";
 *
 * const served = new Uint8Array(20).fill(1);
 * const service = new SwarmService({
 *   store: new SwarmTable(),
 *   allow: new InfoHashList([served]),
 * });
 * assertEquals(service.isAllowed(served, 0), true);
 * assertEquals(service.isAllowed(new Uint8Array(20), 0), false);
 * ```
 *
 * | BEP | What | Where |
 * | --- | --- | --- |
 * | 3, 15 | swarms of HTTP and UDP trackers | {@linkcode SwarmStore} |
 * | 7 | IPv6 peers beside IPv4 peers | {@linkcode SwarmAnnounce} |
 * | 48 | figures of a torrent | {@linkcode SwarmStore.scrape} |
 *
 * Permissions: none, but `--allow-net` for the address that a
 * {@linkcode TrackerStatsServer} listens on.
 *
 * @module
 */
export * from "./kv_swarm_store.ts";
export * from "./stats_server.ts";
export * from "./swarm_kv.ts";
export {
  InfoHashList,
  InfoHashListError,
  SwarmService,
  type SwarmServiceOptions,
  type SwarmServiceStats,
} from "./swarm_service.ts";
export type {
  SwarmAnnounce,
  SwarmAnswer,
  SwarmLimits,
  SwarmStats,
  SwarmStore,
} from "./swarm_store.ts";
export { SwarmTable, type SwarmTableOptions } from "./swarm_table.ts";
