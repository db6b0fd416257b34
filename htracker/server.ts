/**
 * An HTTP tracker: an HTTP server around an {@linkcode HttpTrackerResponder}.
 *
 * @module
 */
import { onAborted } from "../_shared/abort.ts";
import { type Endpoint, formatEndpoint } from "../_shared/address.ts";
import { type Clock, systemClock } from "../_shared/clock.ts";
import { type RandomSource, systemRandom } from "../_shared/random.ts";
import { HttpServer } from "../tracker/http_server.ts";
import { SwarmService } from "../tracker/swarm_service.ts";
import { SwarmTable } from "../tracker/swarm_table.ts";
import {
  type HttpTrackerAnswerOptions,
  HttpTrackerResponder,
  type HttpTrackerServerStats,
} from "./responder.ts";

/** How often a part of the table is looked through, in milliseconds. */
const EXPIRY_TICK_MS = 1000;
/** How long `close()` waits for answers under way, in milliseconds. */
const SHUTDOWN_MS = 3000;

/** Options of {@linkcode HttpTrackerServer.open}. */
export interface HttpTrackerServerOptions extends HttpTrackerAnswerOptions {
  /**
   * Where to listen.
   *
   * @default {0.0.0.0, port 6969}
   */
  readonly listen?: Endpoint | undefined;
  /**
   * Swarm service to answer with; the caller closes its store.
   *
   * @default {one of its own, in memory}
   */
  readonly service?: SwarmService | undefined;
  /**
   * Most connections at a time; then the one that waits for a request longest
   * is closed.
   *
   * @default {1024}
   */
  readonly maxConnections?: number | undefined;
  /**
   * Most connections at a time of one IPv4 address or IPv6 /64.
   *
   * @default {64; all where `proxyHeader` is given, as they are the proxy's}
   */
  readonly maxConnectionsPerAddress?: number | undefined;
  /** Clock to use. @default {the system's} */
  readonly clock?: Clock | undefined;
  /** Source of the table's secrets. @default {the system's} */
  readonly random?: RandomSource | undefined;
  /** Closes the server. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * An HTTP tracker. Paths end in `announce` or `scrape`; what is in front of
 * that does not matter, unless there is a base path. Source: BEP 3, BEP 7, BEP 23, BEP 24, BEP 31, BEP 48.
 *
 * @example
 * ```ts ignore
 * import { HttpTrackerServer } from "@bip/bip/htracker";
 *
 * await using server = HttpTrackerServer.open({
 *   listen: { hostname: "127.0.0.1", port: 0 },
 * });
 * console.log(server.url);
 * ```
 */
export class HttpTrackerServer implements AsyncDisposable {
  readonly #server: HttpServer;
  readonly #service: SwarmService;
  readonly #ownsService: boolean;
  readonly #clock: Clock;
  readonly #responder: HttpTrackerResponder;
  readonly #detachSignal: () => void;
  #cancelTick: () => void = () => {};
  #closing: Promise<void> | undefined;

  private constructor(options: HttpTrackerServerOptions) {
    const {
      clock = systemClock,
      random = systemRandom,
      listen = { hostname: "0.0.0.0", port: 6969 },
    } = options;
    this.#clock = clock;
    this.#ownsService = options.service === undefined;
    this.#service = options.service ??
      new SwarmService({ store: new SwarmTable({ random }) });
    this.#responder = new HttpTrackerResponder(this.#service, clock, options);
    this.#server = HttpServer.listen(listen, {
      handler: (request, { hostname }) =>
        this.#responder.respond(request, hostname),
      clock,
      maxConnections: options.maxConnections,
      maxConnectionsPerAddress: options.maxConnectionsPerAddress ??
        (options.proxyHeader === undefined ? undefined : Infinity),
    });
    this.#tick();
    this.#detachSignal = onAborted(options.signal, () => void this.close());
  }

  /**
   * Opens a tracker. Needs `--allow-net` for the address it listens on.
   *
   * @param options See {@linkcode HttpTrackerServerOptions}.
   * @returns The tracker, which answers already.
   * @throws Whatever the system says when the port cannot be bound; the
   * signal's reason if it fired.
   */
  static open(options: HttpTrackerServerOptions = {}): HttpTrackerServer {
    options.signal?.throwIfAborted();
    return new HttpTrackerServer(options);
  }

  /** Where it listens. */
  get local(): Endpoint {
    return this.#server.local;
  }

  /** Its announce URL, as seen from where it listens. */
  get url(): string {
    return `http://${
      formatEndpoint(this.local)
    }${this.#responder.basePath}announce`;
  }

  /** The swarm service. */
  get service(): SwarmService {
    return this.#service;
  }

  /**
   * Reads the figures of the moment.
   *
   * @returns A snapshot.
   */
  stats(): HttpTrackerServerStats {
    return this.#responder.stats();
  }

  /**
   * Stops: answers under way are finished, unless they take more than three
   * seconds. Idempotent.
   *
   * @returns A promise that resolves when nothing is left open.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** Same as {@linkcode HttpTrackerServer.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#detachSignal();
    this.#cancelTick();
    // Answers under way may finish, but not without end.
    const clock = this.#clock;
    const cancel = clock.schedule(
      clock.now() + SHUTDOWN_MS,
      () => this.#responder.abandon(),
    );
    await this.#server.close();
    cancel();
    if (this.#ownsService) await this.#service.store.close();
  }

  #tick(): void {
    const clock = this.#clock;
    this.#cancelTick = clock.schedule(clock.now() + EXPIRY_TICK_MS, () => {
      void this.#service.expire(clock.now());
      this.#tick();
    });
  }
}
