/**
 * From what UDP trackers send to what callers get.
 *
 * @module
 */
import { type Endpoint, ipScope, tryParseIp } from "../_shared/address.ts";
import type { AnnounceResponse } from "../_shared/announce.ts";
import {
  clampAnnounceInterval,
  isUsablePeer,
  MAX_TRACKER_PEERS,
} from "../_shared/tracker_rules.ts";
import type { UdpAnnounceResponse } from "./packet_types.ts";

/** Clamps and filters an answer. */
export function answerOf(
  response: UdpAnnounceResponse,
  tracker: Endpoint,
): AnnounceResponse {
  const ip = tryParseIp(tracker.hostname);
  const local = ip !== undefined && ipScope(ip) !== "global";
  const peers: Endpoint[] = [];
  for (const peer of response.peers) {
    if (peers.length >= MAX_TRACKER_PEERS) break;
    if (isUsablePeer(tryParseIp(peer.hostname)!, peer.port, local)) {
      peers.push(peer);
    }
  }
  return {
    intervalMs: clampAnnounceInterval(response.interval),
    seeders: response.seeders,
    leechers: response.leechers,
    peers,
    from: ip && tracker.hostname,
  };
}

/** Joins the answers of one tracker's addresses. */
export function mergeAnswers(
  answers: readonly AnnounceResponse[],
): AnnounceResponse {
  const [first, second] = answers;
  if (second === undefined) return first!;
  return {
    intervalMs: Math.min(first!.intervalMs, second.intervalMs),
    seeders: Math.max(first!.seeders ?? 0, second.seeders ?? 0),
    leechers: Math.max(first!.leechers ?? 0, second.leechers ?? 0),
    peers: [...first!.peers, ...second.peers],
    from: first!.from,
  };
}
