/**
 * Figures over HTTP, as JSON and for Prometheus.
 *
 * @module
 */
import { orAborted } from "../_shared/abort.ts";
import type { Endpoint } from "../_shared/address.ts";
import { systemClock } from "../_shared/clock.ts";
import { HttpServer } from "./http_server.ts";
import {
  figureFamilies,
  type Figures,
  type FigureText,
  formatMetrics,
} from "../_shared/metrics.ts";

export type { Figures as TrackerFigures };

const FIGURES: Readonly<Record<string, FigureText>> = {
  "uptime": ["uptime_seconds", "gauge", "Time since the tracker started."],
  "memory": ["memory_bytes", "gauge", "Resident memory of the process."],
  "swarms.torrents": ["torrents", "gauge", "Torrents that have peers."],
  "swarms.seeders": ["seeders", "gauge", "Complete peers."],
  "swarms.leechers": ["leechers", "gauge", "Incomplete peers."],
  "swarms.peers4": ["peers_ipv4", "gauge", "Peers with an IPv4 address."],
  "swarms.peers6": ["peers_ipv6", "gauge", "Peers with an IPv6 address."],
  "swarms.evicted": [
    "evicted_total",
    "counter",
    "Peers evicted or refused because a limit was reached.",
  ],
  "swarms.bytes": ["swarms_bytes", "gauge", "Memory used by the swarms."],
  "swarms.pending": ["pending", "gauge", "Writes waiting for the database."],
  "announces": "Announces accepted.",
  "scrapes": "Torrents looked up by scrapes.",
  "denied": "Announces refused by a list.",
  "failures": "Failures of the store.",
  "udp.connects": "Connects answered.",
  "udp.announces": "Announces over UDP.",
  "udp.scrapes": "Scrapes over UDP.",
  "udp.errors": "Errors answered over UDP.",
  "udp.invalid": "Malformed datagrams.",
  "udp.badConnectionIds": "Requests with a forged or expired connection id.",
  "udp.failures": "Requests over UDP that the store failed to answer.",
  "udp.received": "Datagrams received.",
  "udp.sent": "Datagrams sent.",
  "udp.sendErrors": "Datagrams that could not be sent.",
  "udp.overloaded": "Requests over UDP dropped because too many were waiting.",
  "http.announces": "Announces over HTTP.",
  "http.scrapes": "Scrapes over HTTP.",
  "http.refused": "HTTP requests refused or malformed.",
  "http.failures": "Requests over HTTP that the store failed to answer.",
  "http.overloaded":
    "Requests over HTTP turned away because too many were waiting.",
};

/**
 * Formats figures for Prometheus: `{udp: {announces: 3}}` becomes
 * `bip_tracker_udp_announces_total 3`.
 *
 * @param figures The figures; those that no tracker of this package has are
 * counters named after their path.
 * @returns Lines of text, the last one ended.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { formatPrometheus } from "@bip/bip/tracker";
 *
 * assertEquals(
 *   formatPrometheus({ swarms: { torrents: 2 } }),
 *   "# HELP bip_tracker_torrents Torrents that have peers.\n" +
 *     "# TYPE bip_tracker_torrents gauge\n" +
 *     "bip_tracker_torrents 2\n",
 * );
 * ```
 */
export function formatPrometheus(figures: Figures): string {
  return formatMetrics(figureFamilies(figures, FIGURES, "bip_tracker"));
}

/** How long `close()` waits for answers under way, in milliseconds. */
const SHUTDOWN_MS = 1000;
/** Most connections at a time. */
const MAX_CONNECTIONS = 64;

/** Options of {@linkcode TrackerStatsServer.open}. */
export interface TrackerStatsServerOptions {
  /** Where to listen. A loopback address, unless everybody may read the figures. */
  readonly listen: Endpoint;
  /**
   * Reads the figures.
   *
   * @returns The figures of the moment.
   */
  readonly read: () => Figures | Promise<Figures>;
  /**
   * Writes what `/metrics` answers. @default {formatPrometheus}
   *
   * @param figures The figures of the moment.
   * @returns Text in Prometheus' format.
   */
  readonly format?: (figures: Figures) => string;
}

/**
 * Serves figures: `/stats` as JSON, `/metrics` in Prometheus' text format.
 *
 * @example
 * ```ts ignore
 * import { TrackerStatsServer } from "@bip/bip/tracker";
 * import { UdpTrackerServer } from "@bip/bip/utracker";
 *
 * await using tracker = await UdpTrackerServer.open();
 * await using stats = TrackerStatsServer.open({
 *   listen: { hostname: "127.0.0.1", port: 9100 },
 *   read: () => ({ udp: { ...tracker.stats() } }),
 * });
 * ```
 */
export class TrackerStatsServer implements AsyncDisposable {
  readonly #server: HttpServer;
  /** Fires when figures are waited for no longer. */
  readonly #late = new AbortController();
  #closing: Promise<void> | undefined;

  private constructor(options: TrackerStatsServerOptions) {
    const { listen, read, format = formatPrometheus } = options;
    this.#server = HttpServer.listen(listen, {
      clock: systemClock,
      maxConnections: MAX_CONNECTIONS,
      handler: async ({ target }) => {
        const path = target.split("?", 1)[0];
        if (path !== "/metrics" && path !== "/stats" && path !== "/") {
          return { status: 404, body: "Not found: /stats or /metrics\n" };
        }
        try {
          const figures = await orAborted(
            Promise.resolve(read()),
            this.#late.signal,
          );
          return path === "/metrics"
            ? {
              status: 200,
              contentType: "text/plain; version=0.0.4",
              body: format(figures),
            }
            : {
              status: 200,
              contentType: "application/json",
              body: JSON.stringify(figures),
            };
        } catch {
          return { status: 500, body: "No statistics\n" };
        }
      },
    });
  }

  /**
   * Opens the server. Needs `--allow-net` for the address it listens on.
   *
   * @param options See {@linkcode TrackerStatsServerOptions}.
   * @returns The server.
   * @throws Whatever the system says when the port cannot be bound.
   */
  static open(options: TrackerStatsServerOptions): TrackerStatsServer {
    return new TrackerStatsServer(options);
  }

  /** Where it listens. */
  get local(): Endpoint {
    return this.#server.local;
  }

  /**
   * Stops: figures that take more than a second to read are not waited for.
   * Idempotent.
   *
   * @returns A promise that resolves when nothing is left open.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    const timer = setTimeout(() => this.#late.abort(), SHUTDOWN_MS);
    await this.#server.close();
    clearTimeout(timer);
  }

  /** Same as {@linkcode TrackerStatsServer.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
