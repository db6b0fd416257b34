/**
 * An HTTP tracker: announces and scrapes answered by a swarm service, and
 * figures for people and for Prometheus.
 *
 * @module
 */
import {
  type Endpoint,
  formatEndpoint,
  ipScope,
  isMappedIpv4,
  tryParseIp,
} from "../_shared/address.ts";
import type { ScrapeEntry } from "../_shared/announce.ts";
import { readUint32 } from "../_shared/bytes.ts";
import { type Clock, systemClock } from "../_shared/clock.ts";
import type { HttpRequest } from "../tracker/http_request.ts";
import { type HttpAnswer, HttpServer } from "../tracker/http_server.ts";
import { PendingAnswers } from "../tracker/pending_answers.ts";
import { type RandomSource, systemRandom } from "../_shared/random.ts";
import { SwarmService } from "../tracker/swarm_service.ts";
import { newSwarmAnnounce } from "../tracker/swarm_store.ts";
import { SwarmTable } from "../tracker/swarm_table.ts";
import {
  encodeHttpAnnounceResponse,
  encodeHttpFailure,
  encodeHttpScrapeResponse,
  parseAnnounceQuery,
  parseScrapeQuery,
  TrackerQueryError,
} from "./query.ts";

/** How often a part of the table is looked through, in milliseconds. */
const EXPIRY_TICK_MS = 1000;
/** When a client that could not be served shall try again, in minutes. */
const RETRY_MINUTES = 5;
/** How long `close()` waits for answers under way, in milliseconds. */
const SHUTDOWN_MS = 3000;

/** Options of {@linkcode HttpTrackerServer.open}. */
export interface HttpTrackerServerOptions {
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
   * The client's address where it is not that of the connection, as behind a
   * proxy: read it from a header that the proxy sets and strangers cannot.
   *
   * @default {the address of the connection}
   */
  readonly clientAddress?:
    | ((request: Request, remote: Endpoint) => string | undefined)
    | undefined;
  /**
   * Most requests that wait for the store at a time; beyond that they are
   * turned away.
   *
   * @default {1024}
   */
  readonly maxWaiting?: number | undefined;
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
   * @default {64; all where `clientAddress` is given, as they are a proxy's}
   */
  readonly maxConnectionsPerAddress?: number | undefined;
  /** Whose time passes. @default {the system's} */
  readonly clock?: Clock | undefined;
  /** Where the table's secrets come from. @default {the system's} */
  readonly random?: RandomSource | undefined;
  /** Closes the server. */
  readonly signal?: AbortSignal | undefined;
}

/** Figures of a {@linkcode HttpTrackerServer}. */
export interface HttpTrackerServerStats {
  /** Announces answered. */
  readonly announces: number;
  /** Scrapes answered. */
  readonly scrapes: number;
  /** Requests refused or not understood. */
  readonly refused: number;
  /** Requests that the store failed to answer. */
  readonly failures: number;
  /** Requests turned away because too many wait for their answer. */
  readonly overloaded: number;
}

/**
 * An HTTP tracker. Paths end in `announce` or `scrape`; what is in front of
 * that does not matter. Source: BEP 3, BEP 7, BEP 23, BEP 24, BEP 31, BEP 48.
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
  readonly #options: HttpTrackerServerOptions;
  /** Requests that wait for the store. */
  readonly #waiting = new PendingAnswers();
  readonly #onAbort = (): void => void this.close();
  #cancelTick: () => void = () => {};
  #closing: Promise<void> | undefined;
  #announces = 0;
  #scrapes = 0;
  #refused = 0;
  #failures = 0;
  #overloaded = 0;

  private constructor(options: HttpTrackerServerOptions) {
    const {
      clock = systemClock,
      random = systemRandom,
      listen = { hostname: "0.0.0.0", port: 6969 },
    } = options;
    this.#options = options;
    this.#clock = clock;
    this.#ownsService = options.service === undefined;
    this.#service = options.service ??
      new SwarmService({ store: new SwarmTable({ random }) });
    this.#server = HttpServer.listen(listen, {
      handler: (request, remote) => this.#respond(request, remote),
      clock,
      maxConnections: options.maxConnections,
      maxConnectionsPerAddress: options.maxConnectionsPerAddress ??
        (options.clientAddress && Infinity),
    });
    this.#tick();
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
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
  get address(): Endpoint {
    return this.#server.address;
  }

  /** Its announce URL, as seen from where it listens. */
  get url(): string {
    return `http://${formatEndpoint(this.address)}/announce`;
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
    return {
      announces: this.#announces,
      scrapes: this.#scrapes,
      refused: this.#refused,
      failures: this.#failures,
      overloaded: this.#overloaded,
    };
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
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#cancelTick();
    // Answers under way may finish, but not for ever.
    const clock = this.#clock;
    const cancel = clock.schedule(
      clock.now() + SHUTDOWN_MS,
      () => this.#waiting.abandon(new Error("The tracker is closing")),
    );
    await this.#server.close();
    cancel();
    if (this.#ownsService) await this.#service.store.close();
  }

  async #respond(request: HttpRequest, remote: Endpoint): Promise<HttpAnswer> {
    const { method, target } = request;
    if (method !== "GET" && method !== "HEAD") {
      this.#refused++;
      return { status: 405 };
    }
    const question = target.indexOf("?");
    const path = question < 0 ? target : target.slice(0, question);
    const search = question < 0 ? "" : target.slice(question);
    const last = path.slice(path.lastIndexOf("/") + 1);
    try {
      if (last.startsWith("announce")) {
        return await this.#announce(request, remote, search);
      }
      if (last.startsWith("scrape")) return await this.#scrape(search);
    } catch (error) {
      if (!(error instanceof TrackerQueryError)) return this.#fail();
      this.#refused++;
      return { status: 200, body: encodeHttpFailure(error.message, "never") };
    }
    this.#refused++;
    const body = "Not found: announce URLs end in /announce\n";
    return { status: 404, body };
  }

  async #announce(
    request: HttpRequest,
    remote: Endpoint,
    search: string,
  ): Promise<HttpAnswer> {
    const query = parseAnnounceQuery(search);
    if (this.#isBusy) return this.#turnAway();
    const text =
      this.#options.clientAddress?.(this.#webRequest(request), remote) ??
        remote.hostname;
    let ip: Uint8Array | undefined = tryParseIp(text);
    if (ip === undefined) return this.#fail();
    if (isMappedIpv4(ip)) ip = ip.subarray(12);
    const announce = newSwarmAnnounce();
    announce.infoHash = query.infoHash;
    announce.family = ip.length === 4 ? 4 : 6;
    announce.ip0 = readUint32(ip, 0);
    if (ip.length === 16) {
      announce.ip1 = readUint32(ip, 4);
      announce.ip2 = readUint32(ip, 8);
      announce.ip3 = readUint32(ip, 12);
    }
    announce.port = query.port;
    announce.seed = query.left === 0;
    announce.event = query.event;
    announce.numWant = query.numWant;
    announce.bothFamilies = true;
    const { infoHash, peerId } = query;
    const now = this.#clock.now();
    const result = this.#service.announce(announce, now, peerId);
    if (result === undefined) {
      this.#refused++;
      const body = encodeHttpFailure("Torrent not served", "never");
      return { status: 200, body };
    }
    const answer = result instanceof Promise
      ? await this.#waiting.wait(result)
      : result;
    this.#announces++;
    const body = encodeHttpAnnounceResponse({
      interval: this.#service.interval,
      seeders: answer.seeders,
      leechers: answer.leechers,
      downloads: answer.downloads,
      peers4: answer.peers4.subarray(0, answer.length4),
      peers6: answer.peers6.subarray(0, answer.length6),
      peerIdOf: query.noPeerId
        ? undefined
        : (compact) => this.#service.peerIdOf(infoHash, compact),
      externalIp: ipScope(ip) === "global" ? ip : undefined,
    }, query.compact);
    return { status: 200, body };
  }

  /** For those who read a proxy's header. */
  #webRequest({ method, target, headers }: HttpRequest): Request {
    return new Request(`http://${formatEndpoint(this.address)}${target}`, {
      method,
      headers: headers.map(([name, value]): [string, string] => [name, value]),
    });
  }

  async #scrape(search: string): Promise<HttpAnswer> {
    const now = this.#clock.now();
    const entries: [Uint8Array, ScrapeEntry][] = [];
    const infoHashes = parseScrapeQuery(search);
    if (this.#isBusy) return this.#turnAway();
    for (const infoHash of infoHashes) {
      const found = this.#service.scrape(infoHash, 0, now);
      entries.push([
        infoHash,
        {
          ...(found instanceof Promise
            ? await this.#waiting.wait(found)
            : found),
        },
      ]);
    }
    this.#scrapes++;
    const { interval } = this.#service;
    return { status: 200, body: encodeHttpScrapeResponse(entries, interval) };
  }

  get #isBusy(): boolean {
    return this.#waiting.size >= (this.#options.maxWaiting ?? 1024);
  }

  #turnAway(): HttpAnswer {
    this.#overloaded++;
    const body = encodeHttpFailure("The tracker is overloaded", RETRY_MINUTES);
    return { status: 503, body };
  }

  #fail(): HttpAnswer {
    this.#failures++;
    this.#service.failed();
    const body = encodeHttpFailure("The tracker has a problem", RETRY_MINUTES);
    return { status: 500, body };
  }

  #tick(): void {
    const clock = this.#clock;
    this.#cancelTick = clock.schedule(clock.now() + EXPIRY_TICK_MS, () => {
      void this.#service.expire(clock.now());
      this.#tick();
    });
  }
}
