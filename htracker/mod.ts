/**
 * HTTP and HTTPS trackers.
 *
 * {@linkcode HttpTrackerClient} announces and scrapes, and
 * {@linkcode HttpTrackerServer} answers; {@linkcode createHttpTrackerHandler}
 * does so inside a web server of your own. The codec can be used alone and
 * needs no permission.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   decodeHttpAnnounceResponse,
 *   formatScrapeUrl,
 * } from "@bip/bip/htracker";
 *
 * const body = new TextEncoder().encode(
 *   "d8:completei3e10:incompletei1e8:intervali900e5:peers0:e",
 * );
 * const { intervalMs, seeders } = decodeHttpAnnounceResponse(body);
 * assertEquals([intervalMs, seeders], [900_000, 3]);
 *
 * assertEquals(
 *   formatScrapeUrl("http://tracker.example/announce", []),
 *   "http://tracker.example/scrape",
 * );
 * ```
 *
 * | BEP | What | Where |
 * | --- | --- | --- |
 * | 3 | announces | {@linkcode HttpTrackerClient.announce} |
 * | 7, 23 | compact peers, IPv6 | {@linkcode decodeHttpAnnounceResponse} |
 * | 24 | our external address | `externalIp` of the answer |
 * | 31 | when to ask again after a failure | `retryInMs` of {@linkcode TrackerError} |
 * | 48 | scrapes | {@linkcode HttpTrackerClient.scrape} |
 * | 3, 7, 23, 24, 31, 48 | the server's side | {@linkcode HttpTrackerServer} |
 *
 * Permissions: `--allow-net` for the trackers' hosts or the address to listen
 * on; none for the codec.
 *
 * @module
 */
export { formatAnnounceUrl, formatScrapeUrl } from "./announce_url.ts";
export * from "./client.ts";
export * from "./handler.ts";
export type { LocalTrackerPolicy } from "./announce_url.ts";
export {
  encodeHttpAnnounceResponse,
  encodeHttpFailure,
  encodeHttpScrapeResponse,
  type HttpAnnounceAnswer,
  type HttpAnnounceQuery,
  parseAnnounceQuery,
  parseScrapeQuery,
  TrackerQueryError,
} from "./query.ts";
export type {
  HttpTrackerAnswerOptions,
  HttpTrackerServerStats,
} from "./responder.ts";
export * from "./response.ts";
export * from "./server.ts";
export {
  type AnnounceEvent,
  type AnnounceRequest,
  type AnnounceResponse,
  type ScrapeEntry,
  type TrackerCallOptions,
  TrackerError,
  type TrackerErrorCode,
  type TrackerErrorOptions,
} from "../_shared/announce.ts";
