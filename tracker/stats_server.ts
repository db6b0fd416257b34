/**
 * Figures over HTTP, as JSON and for Prometheus.
 *
 * @module
 */
import { orAborted } from "../_shared/abort.ts";
import type { Endpoint } from "../_shared/address.ts";
import { systemClock } from "../_shared/clock.ts";
import { HttpServer } from "./http_server.ts";
import { formatPrometheus, type TrackerFigures } from "./metrics.ts";

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
