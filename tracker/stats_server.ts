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
  type FigureText,
  formatMetrics,
} from "../_shared/metrics.ts";

/** Figures by name, in groups; what is `undefined` is left out. */
export interface TrackerFigures {
  /** A figure, or a group of figures. */
  readonly [name: string]: number | undefined | TrackerFigures;
}

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
  "announces": ["announces_total", "counter", "Announces accepted."],
  "scrapes": ["scrapes_total", "counter", "Torrents looked up by scrapes."],
  "denied": ["denied_total", "counter", "Announces refused by a list."],
  "failures": ["failures_total", "counter", "Failures of the store."],
  "udp.connects": ["udp_connects_total", "counter", "Connects answered."],
  "udp.announces": ["udp_announces_total", "counter", "Announces over UDP."],
  "udp.scrapes": ["udp_scrapes_total", "counter", "Scrapes over UDP."],
  "udp.errors": ["udp_errors_total", "counter", "Errors answered over UDP."],
  "udp.invalid": ["udp_invalid_total", "counter", "Malformed datagrams."],
  "udp.badConnectionIds": [
    "udp_bad_connection_ids_total",
    "counter",
    "Requests with a forged or expired connection id.",
  ],
  "udp.failures": [
    "udp_failures_total",
    "counter",
    "Requests over UDP that the store failed to answer.",
  ],
  "udp.received": ["udp_received_total", "counter", "Datagrams received."],
  "udp.sent": ["udp_sent_total", "counter", "Datagrams sent."],
  "udp.sendErrors": [
    "udp_send_errors_total",
    "counter",
    "Datagrams that could not be sent.",
  ],
  "udp.overloaded": [
    "udp_overloaded_total",
    "counter",
    "Requests over UDP dropped because too many were waiting.",
  ],
  "http.announces": ["http_announces_total", "counter", "Announces over HTTP."],
  "http.scrapes": ["http_scrapes_total", "counter", "Scrapes over HTTP."],
  "http.refused": [
    "http_refused_total",
    "counter",
    "HTTP requests refused or malformed.",
  ],
  "http.failures": [
    "http_failures_total",
    "counter",
    "Requests over HTTP that the store failed to answer.",
  ],
  "http.overloaded": [
    "http_overloaded_total",
    "counter",
    "Requests over HTTP turned away because too many were waiting.",
  ],
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
export function formatPrometheus(figures: TrackerFigures): string {
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
  readonly read: () => TrackerFigures | Promise<TrackerFigures>;
  /**
   * Writes what `/metrics` answers. @default {formatPrometheus}
   *
   * @param figures The figures of the moment.
   * @returns Text in Prometheus' format.
   */
  readonly format?: (figures: TrackerFigures) => string;
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
