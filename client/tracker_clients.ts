/**
 * Which client speaks a tracker's scheme.
 *
 * @module
 */
import type { SessionOptions, TrackerClient } from "./types.ts";

/**
 * Chooses clients by scheme.
 *
 * @param options Clients to use instead of the built-in ones.
 * @returns A function from an announce URL to its client.
 */
export function defaultTrackerClients(
  options: SessionOptions,
): (url: string) => TrackerClient | undefined {
  return (url) => {
    if (/^https?:/i.test(url)) return options.httpTracker;
    if (/^udp:/i.test(url)) return options.udpTracker;
    return undefined;
  };
}
