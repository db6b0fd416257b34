/**
 * Web seeds: plain web servers as sources of a torrent's data. URL rules,
 * judgement of answers, a machine for one web seed, and {@linkcode WebSeed},
 * which fetches.
 *
 * @example The first piece from a server on this machine
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createMetainfo, parseMetainfo } from "@bip/bip/metainfo";
 * import { WebSeed } from "@bip/bip/webseed";
 *
 * const data = new Uint8Array(20_000).fill(7);
 * await using server = Deno.serve(
 *   { hostname: "127.0.0.1", port: 0, onListen: () => {} },
 *   () => new Response(data),
 * );
 * const torrent = parseMetainfo(
 *   await createMetainfo({ inputs: [{ path: ["a.bin"], bytes: data }], pieceLength: 32768 }),
 * );
 * const { promise, resolve } = Promise.withResolvers<void>();
 * let received = 0;
 * await using seed = new WebSeed({
 *   url: `http://127.0.0.1:${server.addr.port}/a.bin`,
 *   torrent,
 *   isNamed: true,
 *   onEvent(event) {
 *     if (event.type === "block") received += event.data.length;
 *     if (received === data.length) resolve();
 *   },
 * });
 * seed.request([torrent.layout.block(0, 0), torrent.layout.block(0, 1)]);
 * await promise;
 * assertEquals(received, 20_000);
 * ```
 *
 * | BEP | What | How far |
 * | --- | --- | --- |
 * | 19 | web seeds, `url-list` | parts and whole files, single files and folders |
 * | 47 | pad files | never asked for |
 * | 52 | v2 and hybrid torrents | all |
 *
 * Permissions: `--allow-net` of the hosts. Importing asks for none.
 *
 * @module
 */
export {
  type AnswerHeaders,
  type ContentRange,
  judgeWebSeedAnswer,
  parseContentRange,
  parseRetryAfter,
  type WantedRange,
  type WebSeedVerdict,
} from "./answer.ts";
export { type HostSlot, WebSeedHosts } from "./host_slots.ts";
export { parseWebSeedUrl, webSeedFileUrl, type WebSeedTorrent } from "./url.ts";
export * from "./web_seed.ts";
export * from "./web_seed_options.ts";
export { WebSeedMachine } from "./web_seed_machine.ts";
export * from "./web_seed_types.ts";
