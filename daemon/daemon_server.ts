/**
 * A daemon over HTTP: remote control, and what else is shown of it.
 *
 * @module
 */
import { type Endpoint, formatEndpoint } from "../_shared/address.ts";
import { systemClock } from "../_shared/clock.ts";
import { formatMetrics } from "../_shared/metrics.ts";
import { randomBytes, systemRandom } from "../_shared/random.ts";
import type { Daemon } from "./daemon.ts";
import {
  type DaemonFigures,
  daemonMetrics,
  EventLoopLag,
} from "./figures/daemon_metrics.ts";
import { checkExposure, type FrontRoute, HttpFront } from "./http/front.ts";
import { Login } from "./http/password.ts";
import { streamRoute } from "./http/stream_route.ts";
import { pageRoutes } from "./page/page_route.ts";
import { rpcRoute } from "./rpc/rpc_route.ts";
import { RpcService } from "./rpc/rpc_service.ts";

/** Options of {@linkcode DaemonServer.open}. */
export interface DaemonServerOptions {
  /**
   * Where to listen. Others than this machine need a login.
   *
   * @default {127.0.0.1, port 9091}
   */
  readonly listen?: Endpoint | undefined;
  /**
   * `USER:PASSWORD`, the password in clear or as {@linkcode hashPassword} gives
   * it.
   *
   * @default {everybody on this machine may come in}
   */
  readonly login?: string | undefined;
  /** Certificate chain and key, both PEM: serves HTTPS. @default {HTTP} */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /**
   * Names that it may be called by beside IP addresses and `localhost`;
   * `*.example.org` stands for all below one.
   *
   * @default {[]}
   */
  readonly hosts?: readonly string[] | undefined;
  /** Origins whose pages may ask, such as those of add-ons. @default {[]} */
  readonly origins?: readonly string[] | undefined;
  /**
   * Folders below which torrent files are read that a remote names by path.
   *
   * @default {none}
   */
  readonly torrentDirs?: readonly string[] | undefined;
  /**
   * Whether files of torrents are sent at `/stream/HASH/INDEX`, also while they
   * are fetched.
   *
   * @default {false}
   */
  readonly stream?: boolean | undefined;
  /** Whether the page for browsers is at `/`. @default {true} */
  readonly page?: boolean | undefined;
  /** What else is answered where. @default {[]} */
  readonly routes?: readonly FrontRoute[] | undefined;
  /** Most connections. @default {256} */
  readonly maxConnections?: number | undefined;
  /** Name and version told to remotes. @default {the package's} */
  readonly version?: string | undefined;
  /** The folder of the state file, for remotes that ask. @default {""} */
  readonly configDir?: string | undefined;
  /**
   * Called when a remote wants the daemon to end.
   *
   * @default {closes the daemon}
   */
  readonly onShutdown?: (() => void) | undefined;
}

/** What `/metrics` is made of. */
function readFigures(daemon: Daemon, lag: EventLoopLag): DaemonFigures {
  const { rss, heapUsed, external } = Deno.memoryUsage();
  return {
    daemon: daemon.stats(),
    session: daemon.session.stats(),
    dht: daemon.session.dht?.stats(),
    torrents: daemon.torrents.map(({ status, labels, torrent }) => ({
      status,
      labels,
      ...torrent.stats(),
      peers: torrent.peerCount > 0 ? torrent.peers() : [],
      trackers: torrent.trackers().map(({ state }) => state),
    })),
    lag: lag.times,
    memoryBytes: rss,
    heapBytes: heapUsed + external,
  };
}

/**
 * Serves Transmission's RPC at `/transmission/rpc`, in both dialects, so that
 * programs made for Transmission steer a {@linkcode Daemon}; a page for browsers at
 * `/`, and figures for Prometheus at `/metrics`.
 *
 * @example
 * ```ts ignore
 * import { Daemon, DaemonServer } from "@bip/bip/daemon";
 *
 * await using daemon = await Daemon.open({ state: "state.db" });
 * await using server = DaemonServer.open(daemon);
 * console.log(server.url);
 * ```
 */
export class DaemonServer implements AsyncDisposable {
  readonly #front: HttpFront;
  readonly #service: RpcService;
  readonly #lag: EventLoopLag;
  readonly #hasTls: boolean;
  /** What is risky about where it listens, in one line. */
  readonly warning: string | undefined;

  private constructor(daemon: Daemon, options: DaemonServerOptions) {
    const { listen = { hostname: "127.0.0.1", port: 9091 }, tls } = options;
    const login = options.login === undefined
      ? undefined
      : new Login(options.login);
    this.#hasTls = tls !== undefined;
    this.warning = checkExposure(listen, login !== undefined, this.#hasTls);
    const sessionId = randomBytes(systemRandom, 36).toBase64({
      alphabet: "base64url",
    });
    const service = new RpcService({
      daemon,
      clock: systemClock,
      now: Date.now,
      sessionId,
      // Clients want to see a version of Transmission that speaks like that.
      version: `4.1.1 (${options.version ?? "bip 0.1.0"})`,
      configDir: options.configDir ?? "",
      torrentDirs: options.torrentDirs ?? [],
      shutdown: options.onShutdown ?? (() => void daemon.close()),
    });
    this.#service = service;
    const lag = this.#lag = new EventLoopLag(systemClock);
    try {
      this.#front = HttpFront.listen(listen, {
        routes: [
          rpcRoute(service, sessionId),
          {
            path: "/metrics",
            methods: ["GET"],
            handle: () => ({
              status: 200,
              contentType: "text/plain; version=0.0.4",
              body: formatMetrics(daemonMetrics(readFigures(daemon, lag))),
            }),
          },
          ...options.page === false ? [] : pageRoutes(),
          ...options.stream
            ? [streamRoute((hash) => daemon.get(hash)?.torrent)]
            : [],
          ...options.routes ?? [],
        ],
        clock: systemClock,
        login,
        hosts: options.hosts,
        origins: options.origins,
        tls,
        maxConnections: options.maxConnections,
      });
    } catch (error) {
      service[Symbol.dispose]();
      lag[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Opens a server. Needs `--allow-net` for the address it listens on.
   *
   * @param daemon What it shows.
   * @param options See {@linkcode DaemonServerOptions}.
   * @returns The server.
   * @throws {TypeError} If others could come in without a login. {SyntaxError}
   * if the login is none. Whatever the system says when the port cannot be bound
   * or the certificate cannot be used.
   */
  static open(daemon: Daemon, options: DaemonServerOptions = {}): DaemonServer {
    return new DaemonServer(daemon, options);
  }

  /** Where it listens. */
  get local(): Endpoint {
    return this.#front.local;
  }

  /** Where it is, as seen from this machine. */
  get url(): string {
    const scheme = this.#hasTls ? "https" : "http";
    return `${scheme}://${formatEndpoint(this.local)}/`;
  }

  /** Open connections. */
  get connections(): number {
    return this.#front.connections;
  }

  /**
   * Stops; answers under way may finish within seconds. The daemon goes on.
   * Idempotent.
   *
   * @returns A promise that resolves when nothing is left open.
   */
  async close(): Promise<void> {
    this.#service[Symbol.dispose]();
    this.#lag[Symbol.dispose]();
    await this.#front.close();
  }

  /** Same as {@linkcode DaemonServer.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
