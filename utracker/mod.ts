/**
 * UDP trackers.
 *
 * {@linkcode UdpTrackerClient} announces and scrapes, and
 * {@linkcode UdpTrackerServer} answers: by a `SwarmService` of
 * `@bip/bip/tracker`, or as a {@linkcode UdpTrackerHandler} of yours says. The
 * codec can be used alone and needs no permission.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   encodeUdpTrackerRequest,
 *   tryDecodeUdpTrackerRequest,
 * } from "@bip/bip/utracker";
 *
 * const bytes = encodeUdpTrackerRequest({ type: "connect", transactionId: 1 });
 * assertEquals(tryDecodeUdpTrackerRequest(bytes), {
 *   type: "connect",
 *   transactionId: 1,
 * });
 * ```
 *
 * | BEP | What | Where |
 * | --- | --- | --- |
 * | 7, 15 | IPv6 | 18-byte peers by the family of the packet |
 * | 15 | connect, announce, scrape | {@linkcode UdpTrackerClient} |
 * | 15 | the server's side | {@linkcode UdpTrackerServer} |
 * | 41 | path and query of the URL | `urlData` of {@linkcode UdpAnnounceRequest} |
 *
 * Permissions: `--allow-net` for the trackers and for binding sockets; none for the
 * codec. `--unstable-net` doubles the server's speed.
 *
 * @module
 */
export { UdpTrackerClient } from "./client.ts";
export * from "./client_options.ts";
export {
  encodeUdpTrackerRequest,
  encodeUdpTrackerResponse,
  tryDecodeUdpTrackerRequest,
  tryDecodeUdpTrackerResponse,
} from "./packet.ts";
export * from "./packet_types.ts";
export type {
  UdpAnnounceAnswer,
  UdpTrackerCounters,
  UdpTrackerHandler,
} from "./responder.ts";
export * from "./server.ts";
export { parseUdpTrackerUrl, type UdpTrackerUrl } from "./url_data.ts";
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
