/**
 * Figures over HTTP, as JSON and for Prometheus.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import { PendingAnswers } from "../_shared/pending_answers.ts";
import { formatPrometheus, type TrackerFigures } from "./metrics.ts";

/** How long `close()` waits for answers under way, in milliseconds. */
const SHUTDOWN_MS = 1000;

/** Options of {@linkcode TrackerStatsServer.open}. */
export interface TrackerStatsServerOptions {
  /** Where to listen. Figures are no secret, but nobody's business either. */
  readonly listen: Endpoint;
  /**
   * Reads the figures.
   *
   * @returns The figures of the moment.
   */
  readonly read: () => TrackerFigures | Promise<TrackerFigures>;
}

/**
 * Serves figures: `/stats` as JSON, `/metrics` in Prometheus' text format.
 *
 * @example
 * ```ts ignore
 * import { TrackerStatsServer, UdpTrackerServer } from "@bip/bip/utracker";
 *
 * await using tracker = await UdpTrackerServer.open();
 * await using stats = TrackerStatsServer.open({
 *   listen: { hostname: "127.0.0.1", port: 9100 },
 *   read: () => ({ udp: { ...tracker.stats() } }),
 * });
 * ```
 */
export class TrackerStatsServer implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #waiting = new PendingAnswers();
  #closing: Promise<void> | undefined;

  private constructor(options: TrackerStatsServerOptions) {
    const { listen: { hostname, port }, read } = options;
    this.#server = Deno.serve({
      hostname,
      port,
      onListen: () => {},
      onError: () => new Response("No figures\n", { status: 500 }),
    }, async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/metrics") {
        return new Response(
          formatPrometheus(await this.#waiting.wait(read())),
          {
            headers: { "content-type": "text/plain; version=0.0.4" },
          },
        );
      }
      if (pathname === "/stats" || pathname === "/") {
        return Response.json(await this.#waiting.wait(read()));
      }
      return new Response("Not found: /stats or /metrics\n", { status: 404 });
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
  get address(): Endpoint {
    const { hostname, port } = this.#server.addr;
    return { hostname, port };
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
    const timer = setTimeout(
      () => this.#waiting.abandon(new Error("The server is closing")),
      SHUTDOWN_MS,
    );
    await this.#server.shutdown();
    clearTimeout(timer);
  }

  /** Same as {@linkcode TrackerStatsServer.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
