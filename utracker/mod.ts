/**
 * UDP trackers.
 *
 * {@linkcode UdpTrackerClient} announces and scrapes, and
 * {@linkcode UdpTrackerServer} answers: by a ready {@linkcode SwarmService}, or
 * as a handler of yours says. Codec, machine and responder can be used alone
 * and need no permission.
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
 * | 15 | the server's side | {@linkcode UdpTrackerServer}, {@linkcode UdpTrackerResponder} |
 * | 41 | path and query of the URL | `urlData` of {@linkcode UdpAnnounceRequest} |
 *
 * Permissions: `--allow-net` for the trackers and for binding sockets; none for
 * codec, machine and responder. `--unstable-net` doubles the server's speed.
 *
 * @module
 */
export * from "./client.ts";
export * from "./client_machine.ts";
export * from "./client_messages.ts";
export * from "./client_options.ts";
export * from "./packet.ts";
export * from "./packet_types.ts";
export * from "./responder.ts";
export * from "./server.ts";
export * from "./tracker_url.ts";
export type { Endpoint, IpFamily } from "../_shared/address.ts";
export {
  type AnnounceEvent,
  type AnnounceRequest,
  type AnnounceResponse,
  type ScrapeEntry,
  TrackerError,
  type TrackerErrorCode,
  type TrackerErrorOptions,
} from "../_shared/announce.ts";
export { type Clock, systemClock } from "../_shared/clock.ts";
export type {
  Datagram,
  DatagramAnswerer,
  DatagramSocket,
  ServeOptions,
} from "../_shared/datagram.ts";
export type { Machine } from "../_shared/machine.ts";
export { type RandomSource, systemRandom } from "../_shared/random.ts";
