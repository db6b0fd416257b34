/**
 * Which client speaks a tracker's scheme.
 *
 * @module
 */
import { HttpTrackerClient } from "../htracker/client.ts";
import { UdpTrackerClient } from "../utracker/client.ts";
import type { SessionOptions, TrackerClient } from "./types.ts";

/** The clients of a session, made when the first tracker needs them. */
export interface TrackerClients {
  /**
   * Chooses a client by scheme.
   *
   * @param url An announce URL.
   * @returns Its client, or `undefined` when nobody speaks its scheme.
   */
  clientFor(url: string): TrackerClient | undefined;
  /**
   * Closes the clients made here; not those of the options.
   *
   * @returns A promise that resolves when nothing is left open.
   */
  close(): Promise<void>;
}

/**
 * Chooses clients by scheme.
 *
 * @param options Clients to use instead of the built-in ones, the clock and
 * the source of randomness.
 * @returns The clients; close them with the session.
 */
export function defaultTrackerClients(options: SessionOptions): TrackerClients {
  let http: HttpTrackerClient | undefined;
  let udp: UdpTrackerClient | undefined;
  return {
    clientFor(url) {
      if (/^https?:/i.test(url)) {
        return options.httpTracker ??
          (http ??= new HttpTrackerClient({ clock: options.clock }));
      }
      if (/^udp:/i.test(url)) {
        const { clock, random } = options;
        return options.udpTracker ??
          (udp ??= new UdpTrackerClient({ clock, random }));
      }
      return undefined;
    },
    async close() {
      await Promise.all([http?.close(), udp?.close()]);
    },
  };
}
