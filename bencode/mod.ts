/**
 * Bencode, the serialisation of BitTorrent.
 *
 * @module
 */
export * from "./decode.ts";
export * from "./encode.ts";
export * from "./error.ts";
export * from "./types.ts";
