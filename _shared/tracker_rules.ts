/**
 * What holds for answers of HTTP and UDP trackers alike: clamps, and which
 * peers may be believed.
 *
 * @module
 */
import { ipScope } from "./address.ts";

/** Shortest interval that a tracker can ask for, in milliseconds. */
export const MIN_ANNOUNCE_INTERVAL_MS = 60_000;
/** Longest interval that a tracker can ask for, in milliseconds. */
export const MAX_ANNOUNCE_INTERVAL_MS = 86_400_000;
/** Interval where a tracker names none, in milliseconds. */
export const DEFAULT_ANNOUNCE_INTERVAL_MS = 1_800_000;
/** Most peers taken from one answer. */
export const MAX_TRACKER_PEERS = 2000;

/**
 * Brings an interval into sane bounds: a tracker can neither cause a storm of
 * announces nor silence a client.
 */
export function clampAnnounceInterval(seconds: number): number {
  return Math.min(
    MAX_ANNOUNCE_INTERVAL_MS,
    Math.max(MIN_ANNOUNCE_INTERVAL_MS, seconds * 1000),
  );
}

/**
 * Whether an endpoint that a tracker named can be a peer; false for port 0 and
 * for addresses nobody can listen on.
 */
export function isUsablePeer(
  ip: Uint8Array,
  port: number,
  localTracker: boolean,
): boolean {
  if (port < 1 || port > 65535) return false;
  switch (ipScope(ip)) {
    case "unspecified":
    case "multicast":
      return false;
    case "loopback":
    case "link-local":
      return localTracker;
    case "reserved":
      return ip[0] !== 255;
    default:
      return true;
  }
}
