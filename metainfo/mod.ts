/**
 * Torrent files, magnet links and the piece layout.
 *
 * @module
 */
export * from "./piece_layout.ts";
export * from "./merkle.ts";
export * from "./magnet.ts";
export * from "./parse_magnet.ts";
export type { Endpoint } from "../_shared/address.ts";
