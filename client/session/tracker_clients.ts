/**
 * Which client speaks a tracker's scheme.
 *
 * @module
 */
import type { AnnounceScheduler } from "../trackers/announce_scheduler.ts";
import type { SessionOptions, TrackerClient } from "../types.ts";
import type { Privacy } from "./privacy.ts";

/** A client whose modules are loaded when the first announce needs them. */
class LazyClient implements TrackerClient {
  readonly #load: () => Promise<TrackerClient & AsyncDisposable>;
  #client: Promise<TrackerClient & AsyncDisposable> | undefined;

  constructor(load: () => Promise<TrackerClient & AsyncDisposable>) {
    this.#load = load;
  }

  async announce(
    ...args: Parameters<TrackerClient["announce"]>
  ): ReturnType<TrackerClient["announce"]> {
    const client = await (this.#client ??= this.#load());
    return await client.announce(...args);
  }

  async close(): Promise<void> {
    // Of one that could not be made who announced was told.
    const client = await this.#client?.catch(() => undefined);
    await client?.[Symbol.asyncDispose]();
  }
}

/** Chooses clients by scheme; made when the first announce needs them. */
export class TrackerClients {
  readonly #options: SessionOptions;
  readonly #http: LazyClient;
  readonly #udp: LazyClient;

  constructor(
    options: SessionOptions,
    scheduler: AnnounceScheduler,
    privacy: Privacy,
  ) {
    const { clock, random } = options;
    const isBlocked = privacy.blocklist.has;
    this.#options = options;
    this.#http = new LazyClient(async () => {
      const { HttpTrackerClient } = await import("../../htracker/client.ts");
      const mayFollow = (url: string) => scheduler.follow(url);
      return new HttpTrackerClient({
        clock,
        mayFollow,
        isBlocked,
        ...privacy.httpTrackers(),
      });
    });
    this.#udp = new LazyClient(async () => {
      const { UdpTrackerClient } = await import("../../utracker/client.ts");
      return new UdpTrackerClient({
        clock,
        random,
        isBlocked,
        ...privacy.udpTrackers(),
      });
    });
  }

  /** Chooses a client by scheme. */
  clientFor(url: string): TrackerClient | undefined {
    const { httpTracker = this.#http, udpTracker = this.#udp } = this.#options;
    if (/^https?:/i.test(url)) return httpTracker;
    return /^udp:/i.test(url) ? udpTracker : undefined;
  }

  /** Closes the clients made here; not those of the options. */
  async close(): Promise<void> {
    await Promise.all([this.#http.close(), this.#udp.close()]);
  }
}
