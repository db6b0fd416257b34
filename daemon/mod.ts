/**
 * A daemon: torrents that are looked after for months, with a queue, seed goals,
 * limits by the clock, labels, and a state in one SQLite file that survives a
 * crash at any moment.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Daemon } from "@bip/bip/daemon";
 * import { createMetainfo } from "@bip/bip/metainfo";
 *
 * const dir = await Deno.makeTempDir();
 * await using daemon = await Daemon.open({
 *   state: `${dir}/state.db`,
 *   dir,
 *   session: { listen: false, dht: false, lpd: false, portMap: false },
 * });
 * const metainfo = await createMetainfo({
 *   inputs: [{ path: ["hello.txt"], bytes: new TextEncoder().encode("hello") }],
 * });
 * const torrent = await daemon.add(metainfo, { paused: true, labels: ["texts"] });
 * assertEquals(torrent.labels, ["texts"]);
 * assertEquals(daemon.get(torrent.id)?.name, "hello.txt");
 * await daemon.close();
 * await Deno.remove(dir, { recursive: true });
 * ```
 *
 * | BEP | What | How far |
 * | --- | --- | --- |
 * | all of the client's | | a daemon is a session that remembers |
 *
 * Permissions: `--allow-net` for peers and trackers, `--allow-read` and
 * `--allow-write` of the state file and of the folders of torrents,
 * `--allow-sys=statfs` for the room on disks, `--allow-run` for the program that
 * runs when a torrent is complete. Importing asks for none.
 *
 * @module
 */
export { Daemon } from "./daemon.ts";
export { DaemonTorrent, type TorrentChanges } from "./daemon_torrent.ts";
export * from "./daemon_server.ts";
export { DaemonError, type DaemonErrorCode } from "./error.ts";
export type { GoalName } from "./rules/seed_goal.ts";
export type { FrontRequest, FrontRoute } from "./http/front.ts";
export type { HttpAnswer } from "../tracker/http_answer.ts";
export type { ReadBody } from "../tracker/http_body.ts";
export { hashPassword } from "./http/password.ts";
export * from "./remote_client.ts";
export type { QueueMove } from "./rules/queue_order.ts";
export * from "./settings.ts";
export type { SeedGoal, TorrentRecord } from "./state/record.ts";
export type { UnreadTorrent } from "./state/state_file.ts";
export * from "./types.ts";
