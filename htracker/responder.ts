/**
 * Announces and scrapes over HTTP, answered by a swarm service: what
 * `HttpTrackerServer` and `createHttpTrackerHandler` have in common.
 *
 * @module
 */
import { orAborted } from "../_shared/abort.ts";
import { ipScope, isMappedIpv4, tryParseIp } from "../_shared/address.ts";
import type { ScrapeEntry } from "../_shared/announce.ts";
import { readUint32 } from "../_shared/bytes.ts";
import type { Clock } from "../_shared/clock.ts";
import type { HttpRequest } from "../tracker/http_request.ts";
import type { HttpAnswer } from "../tracker/http_answer.ts";
import type { SwarmService } from "../tracker/swarm_service.ts";
import { newSwarmAnnounce } from "../tracker/swarm_store.ts";
import {
  encodeHttpAnnounceResponse,
  encodeHttpFailure,
  encodeHttpScrapeResponse,
  parseAnnounceQuery,
  parseScrapeQuery,
  TrackerQueryError,
} from "./query.ts";

/** When a client that could not be served shall try again, in minutes. */
const RETRY_MINUTES = 5;

/** Options that server and handler share. */
export interface HttpTrackerAnswerOptions {
  /**
   * Folder that announce and scrape URLs begin with, such as `"/tracker"`;
   * other paths are answered with status 404.
   *
   * @default {any}
   */
  readonly basePath?: string | undefined;
  /**
   * Header in which a proxy names the client, such as `"x-forwarded-for"`; the
   * last address in it counts. Only for trackers that strangers cannot reach
   * without the proxy: they could send any address.
   *
   * @default {none: the address of the connection}
   */
  readonly proxyHeader?: string | undefined;
  /**
   * Most requests that wait for the store at a time; beyond that they are
   * turned away.
   *
   * @default {1024}
   */
  readonly maxWaiting?: number | undefined;
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

/** What is read of a request. */
export type HttpTrackerRequest = Pick<
  HttpRequest,
  "method" | "target" | "headers"
>;

/** Answers requests. */
export class HttpTrackerResponder {
  readonly #service: SwarmService;
  readonly #clock: Clock;
  /** What paths begin with, a slash at the end. */
  readonly basePath: string;
  readonly #proxyHeader: string | undefined;
  readonly #maxWaiting: number;
  /** Requests that wait for the store. */
  #waiting = 0;
  readonly #abandoned = new AbortController();
  readonly #stats = {
    announces: 0,
    scrapes: 0,
    refused: 0,
    failures: 0,
    overloaded: 0,
  };

  /** Makes a responder. */
  constructor(
    service: SwarmService,
    clock: Clock,
    options: HttpTrackerAnswerOptions,
  ) {
    const { basePath = "" } = options;
    if (basePath !== "" && !basePath.startsWith("/")) {
      throw new TypeError(
        `Cannot use basePath ${JSON.stringify(basePath)}: expected "/..."`,
      );
    }
    this.#service = service;
    this.#clock = clock;
    this.basePath = `${basePath.replace(/\/+$/, "")}/`;
    this.#proxyHeader = options.proxyHeader?.toLowerCase();
    this.#maxWaiting = options.maxWaiting ?? 1024;
  }

  /** Reads the figures of the moment. */
  stats(): HttpTrackerServerStats {
    return { ...this.#stats };
  }

  /** Waits for the store no longer. */
  abandon(): void {
    this.#abandoned.abort();
  }

  /** Answers a request of the host at `hostname`. */
  async respond(
    request: HttpTrackerRequest,
    hostname: string,
  ): Promise<HttpAnswer> {
    const { method, target } = request;
    if (method !== "GET" && method !== "HEAD") {
      this.#stats.refused++;
      return { status: 405 };
    }
    const question = target.indexOf("?");
    const path = question < 0 ? target : target.slice(0, question);
    const isOurs = path.startsWith(this.basePath);
    const search = question < 0 ? "" : target.slice(question);
    const last = path.slice(path.lastIndexOf("/") + 1);
    try {
      if (isOurs && last.startsWith("announce")) {
        return await this.#announce(request, hostname, search);
      }
      if (isOurs && last.startsWith("scrape")) {
        return await this.#scrape(search);
      }
    } catch (error) {
      if (!(error instanceof TrackerQueryError)) return this.#fail();
      this.#stats.refused++;
      return { status: 200, body: encodeHttpFailure(error.message, "never") };
    }
    this.#stats.refused++;
    const body = "Not found: announce URLs end in /announce\n";
    return { status: 404, body };
  }

  async #announce(
    request: HttpTrackerRequest,
    hostname: string,
    search: string,
  ): Promise<HttpAnswer> {
    const query = parseAnnounceQuery(search);
    if (this.#isBusy) return this.#turnAway();
    let ip = tryParseIp(this.#clientOf(request) ?? hostname);
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
      this.#stats.refused++;
      const body = encodeHttpFailure("Torrent not served", "never");
      return { status: 200, body };
    }
    const answer = result instanceof Promise
      ? await this.#wait(result)
      : result;
    this.#stats.announces++;
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

  /** The address that a trusted proxy names, without its port. */
  #clientOf({ headers }: HttpTrackerRequest): string | undefined {
    const name = this.#proxyHeader;
    const value = headers.findLast(([key]) => key === name)?.[1];
    return value?.slice(value.lastIndexOf(",") + 1).trim()
      .replace(/^\[(.*)\](:\d+)?$/, "$1")
      .replace(/^([\d.]+):\d+$/, "$1");
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
        { ...(found instanceof Promise ? await this.#wait(found) : found) },
      ]);
    }
    this.#stats.scrapes++;
    const { interval } = this.#service;
    return { status: 200, body: encodeHttpScrapeResponse(entries, interval) };
  }

  get #isBusy(): boolean {
    return this.#waiting >= this.#maxWaiting;
  }

  async #wait<T>(answer: Promise<T>): Promise<T> {
    this.#waiting++;
    try {
      return await orAborted(answer, this.#abandoned.signal);
    } finally {
      this.#waiting--;
    }
  }

  #turnAway(): HttpAnswer {
    this.#stats.overloaded++;
    const body = encodeHttpFailure("The tracker is overloaded", RETRY_MINUTES);
    return { status: 503, body };
  }

  #fail(): HttpAnswer {
    this.#stats.failures++;
    this.#service.failed();
    const body = encodeHttpFailure(
      "The tracker has an internal error",
      RETRY_MINUTES,
    );
    return { status: 500, body };
  }
}
