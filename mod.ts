/**
 * BitTorrent for Deno: bencode, torrent files and magnet links, disk,
 * handshake, peers, piece selection, DHT, trackers, local discovery, web seeds,
 * and a client that joins them.
 *
 * This module re-exports the faces of all modules, nothing else. Each can be
 * imported alone, such as `@bip/bip/bencode`; the command is `@bip/bip/cli`.
 *
 * @example
 * ```ts
 * import { createMetainfo, parseMetainfo } from "@bip/bip";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = await createMetainfo({
 *   inputs: [{ path: ["hello.txt"], bytes: new TextEncoder().encode("hello") }],
 * });
 * const metainfo = parseMetainfo(bytes);
 * assertEquals(metainfo.name, "hello.txt");
 * assertEquals(metainfo.totalLength, 5);
 * ```
 *
 * | BEP | Subject | Module |
 * | --- | --- | --- |
 * | 3 | torrent files, peer protocol, HTTP trackers | metainfo, peer, htracker |
 * | 5, 32, 33, 42, 43, 44, 45, 46, 51 | DHT | dht |
 * | 6 | fast extension | peer |
 * | 7, 12, 23, 24, 31, 48 | HTTP trackers | htracker |
 * | 9, 53 | magnet links, metadata exchange | metainfo, peer |
 * | 10, 11 | extension protocol, peer exchange | peer |
 * | 14 | local discovery | lpd |
 * | 15, 41 | UDP trackers | utracker |
 * | 17, 19, 27, 38, 39, 47, 52 | torrent files of v1 and v2 | metainfo |
 * | 19 | web seeds | webseed |
 *
 * Permissions: importing asks for none. Sockets need `--allow-net`, files
 * `--allow-read` and `--allow-write`; each module says what it needs.
 *
 * @module
 */
export * from "./bencode/mod.ts";
export * from "./metainfo/mod.ts";
export * from "./disk/mod.ts";
export * from "./handshake/mod.ts";
export * from "./peer/mod.ts";
export * from "./select/mod.ts";
export * from "./dht/mod.ts";
export * from "./tracker/mod.ts";
export * from "./utp/mod.ts";
export * from "./utracker/mod.ts";
export * from "./htracker/mod.ts";
export * from "./lpd/mod.ts";
export * from "./webseed/mod.ts";
export * from "./portmap/mod.ts";
export * from "./client/mod.ts";
export * from "./daemon/mod.ts";
