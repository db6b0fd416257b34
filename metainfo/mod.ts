/**
 * Torrent files, magnet links and the piece layout.
 *
 * @module
 */
export * from "./piece_layout.ts";
export * from "./merkle.ts";
