/**
 * Bencode, the serialisation of BitTorrent: decoding and canonical encoding,
 * raw spans for info-hashes, typed access to fields, and decoding of streams.
 *
 * Integers are `number` when safe and `bigint` beyond, byte strings are
 * `Uint8Array` (views of the input, not copies), lists are arrays, and
 * dictionaries are `Map`s whose keys have one character (U+0000 to U+00FF) a
 * byte. Nothing recurses, and depth, tokens and sizes are bounded, so that
 * bytes from strangers can be given to every function here.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   bencodeSpan,
 *   decodeBencode,
 *   encodeBencode,
 *   getBencodeText,
 * } from "@bip/bip/bencode";
 *
 * const bytes = encodeBencode({
 *   info: { name: "a file", length: 7 },
 *   announce: "http://tracker.example/announce",
 * });
 * const torrent = decodeBencode(bytes);
 * assertEquals(getBencodeText(torrent, ["info", "name"]), "a file");
 *
 * // The bytes to hash are cut out, never written anew.
 * const span = bencodeSpan(bytes, ["info"])!;
 * assertEquals(
 *   new TextDecoder().decode(bytes.subarray(span.start, span.end)),
 *   "d6:lengthi7e4:name6:a filee",
 * );
 * ```
 *
 * | BEP | What | Where |
 * | --- | --- | --- |
 * | 3 | bencode, canonical form | {@linkcode decodeBencode}, {@linkcode encodeBencode} |
 * | 3 | bytes under the info-hash | {@linkcode bencodeSpan} |
 * | 9, 10 | a dictionary with a payload behind it | {@linkcode decodeBencodePrefix} |
 * | 44 | canonical form demanded | strict mode, the default |
 *
 * Permissions: none.
 *
 * @module
 */
export * from "./access.ts";
export * from "./decode.ts";
export * from "./decoder_stream.ts";
export * from "./encode.ts";
export * from "./error.ts";
export * from "./incremental_decoder.ts";
export * from "./span.ts";
export * from "./types.ts";
