/**
 * Which client speaks a tracker's scheme.
 *
 * @module
 */
import type { AnnounceScheduler } from "../trackers/announce_scheduler.ts";
import type { SessionOptions, TrackerClient } from "../types.ts";

/** The clients of a session, made when the first tracker needs them. */
export interface TrackerClients {
  /** Chooses a client by scheme. */
  clientFor(url: string): TrackerClient | undefined;
  /** Closes the clients made here; not those of the options. */
  close(): Promise<void>;
}

/** A client whose modules are loaded when the first announce needs them. */
class LazyClient implements TrackerClient, AsyncDisposable {
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

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#client)?.[Symbol.asyncDispose]();
  }
}

/** Chooses clients by scheme. */
export function defaultTrackerClients(
  options: SessionOptions,
  scheduler: AnnounceScheduler,
): TrackerClients {
  const { clock, random } = options;
  const http = new LazyClient(async () => {
    const { HttpTrackerClient } = await import("../../htracker/client.ts");
    const mayFollow = (url: string) => scheduler.follow(url);
    return new HttpTrackerClient({ clock, mayFollow });
  });
  const udp = new LazyClient(async () => {
    const { UdpTrackerClient } = await import("../../utracker/client.ts");
    return new UdpTrackerClient({ clock, random });
  });
  return {
    clientFor(url) {
      if (/^https?:/i.test(url)) return options.httpTracker ?? http;
      if (/^udp:/i.test(url)) return options.udpTracker ?? udp;
      return undefined;
    },
    async close() {
      await Promise.all([
        http[Symbol.asyncDispose](),
        udp[Symbol.asyncDispose](),
      ]);
    },
  };
}
