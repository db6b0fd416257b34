/**
 * A whole BitTorrent client: a {@linkcode Session} that adds, pauses, resumes
 * and removes torrents and wires the other modules together.
 *
 * @module
 */
export * from "./error.ts";
export * from "./session.ts";
export { Torrent } from "./torrent.ts";
export * from "./types.ts";
