/**
 * A whole BitTorrent client: a {@linkcode Session} adds, pauses, resumes and
 * removes torrents and wires the other modules together. Time, randomness,
 * connections, trackers and storage can all be given by the caller.
 *
 * @example From one session to another, all in memory but for the sockets
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Session } from "@bip/bip/client";
 * import { MemoryFileSystem } from "@bip/bip/disk";
 * import { createMetainfo } from "@bip/bip/metainfo";
 *
 * const data = crypto.getRandomValues(new Uint8Array(50_000));
 * const metainfo = await createMetainfo({
 *   inputs: [{ path: ["data.bin"], bytes: data }],
 * });
 * const listen = { hostname: "127.0.0.1", port: 0 };
 *
 * const stock = new MemoryFileSystem();
 * stock.open(["data.bin"], { write: true }).write(data, 0);
 * await using seeder = await Session.open({ listen });
 * seeder.add(metainfo, { fileSystem: stock });
 *
 * await using leecher = await Session.open({ listen });
 * const torrent = leecher.add(metainfo, {
 *   fileSystem: new MemoryFileSystem(),
 *   peers: [seeder.local!],
 * });
 * await torrent.completed;
 * assertEquals(torrent.stats().doneBytes, 50_000);
 * ```
 *
 * | BEP | What | How far |
 * | --- | --- | --- |
 * | 3 | downloading and seeding | all |
 * | 5 | DHT | a node of our own, with `dht` |
 * | 6 | fast extension | all |
 * | 9 | metadata from peers, magnet links | fetched and served |
 * | 10 | extension protocol | all |
 * | 11 | peer exchange | both ways |
 * | 12, 31 | tiers of trackers, retry times | all |
 * | 14 | local discovery | with `lpd` |
 * | 16 | superseeding | with `revelation` |
 * | 19 | web seeds | asked beside peers, alone where there are none |
 * | 21 | partial seeds (`upload_only`, `paused`) | told to peers and trackers, and understood |
 * | 27 | private torrents | no peer exchange, no further discovery |
 * | 29 | uTP | accepted, and dialled beside TCP |
 * | 40 | canonical peer priority | orders candidates |
 * | 47 | pad files, symbolic links | padding is never asked for; links are stored as empty files |
 * | 52 | v2 and hybrid torrents | downloading, seeding, hashes asked for and answered |
 * | 53 | choice of files in magnet links (`so`) | obeyed unless options choose |
 * | 54 | `lt_donthave` | understood |
 * | 55 | holepunch | as initiator, relay and target |
 *
 * Permissions: `--allow-net` for peers and trackers; for torrents in folders
 * `--allow-read` and, unless `readOnly`, `--allow-write` of these. Importing
 * asks for none.
 *
 * @module
 */
export type { Endpoint, PeerCandidate, PeerHints } from "../_shared/address.ts";
export { type ByteTransport, tcpTransport } from "../_shared/byte_conn.ts";
export { type Clock, systemClock } from "../_shared/clock.ts";
export { type RandomSource, systemRandom } from "../_shared/random.ts";
export { SessionError, type SessionErrorCode } from "./error.ts";
export type { AddSource } from "./torrent/add_source.ts";
export { LimitGroup } from "./limit_group.ts";
export * from "./file_options.ts";
export * from "./policy_options.ts";
export * from "./session.ts";
export type {
  SessionEvent,
  SessionSnapshot,
  SessionStats,
} from "./session_view.ts";
export type { SavedSession, SavedTorrent } from "./torrent/saved.ts";
export { incompletePlace } from "./incomplete_place.ts";
export { linkSimilarFiles } from "./similar_files.ts";
export { fileResponse } from "./file_response.ts";
export { isPlayable, mediaType } from "./media_type.ts";
export type { FileStreamOptions } from "./reading/readers.ts";
export { Torrent } from "./torrent.ts";
export { TorrentFile } from "./torrent/torrent_file.ts";
export type {
  DiscoverySnapshot,
  FileSnapshot,
  PeerInfo,
  PiecesInfo,
  TorrentSnapshot,
  TrackerSnapshot,
} from "./torrent/torrent_view.ts";
export type { DiscoveryStatus } from "./discovery_runner.ts";
export type { TrackerState, TrackerStatus } from "./trackers/tracker_entry.ts";
export * from "./types.ts";
