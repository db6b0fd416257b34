/**
 * Asks HTTP and HTTPS trackers.
 *
 * @module
 */
import {
  type AnnounceRequest,
  type AnnounceResponse,
  blockedTracker,
  callTracker,
  checkTrackerTimeouts,
  type ScrapeEntry,
  type TrackerCallOptions,
  TrackerError,
} from "../_shared/announce.ts";
import { type Clock, systemClock } from "../_shared/clock.ts";
import { systemResolve } from "../_shared/datagram.ts";
import { CheckedFetch, fetchReason } from "../_shared/http/checked_fetch.ts";
import { readBody } from "../_shared/http/read_body.ts";
import { findHost, type HostPlace } from "../_shared/reach.ts";
import {
  checkTarget,
  formatAnnounceUrl,
  formatScrapeUrl,
  type LocalTrackerPolicy,
  parseTrackerUrl,
  trackerOrigin,
} from "./announce_url.ts";
import {
  decodeHttpAnnounceResponse,
  decodeHttpScrapeResponse,
  type ScrapeResponse,
} from "./response.ts";

/** Largest answer, decompressed, in bytes. */
const MAX_RESPONSE = 1024 * 1024;
/** Most redirects that are followed. */
const MAX_REDIRECTS = 5;
/** Info-hashes in one scrape: keeps the URL below 4 KiB. */
const SCRAPE_CHUNK = 50;
/** Secrets in URLs are at least this long. */
const MIN_SECRET = 8;

/** Parameters of announces: a URL that brings its own is after something else. */
const OUR_PARAMETERS: ReadonlySet<string> = new Set([
  "info_hash",
  "peer_id",
  "port",
  "uploaded",
  "downloaded",
  "left",
  "event",
  "key",
  "corrupt",
]);

/** Options of {@linkcode HttpTrackerClient}. */
export interface HttpTrackerClientOptions {
  /**
   * How long an announce or scrape may take, in milliseconds.
   *
   * @default {30_000}
   */
  readonly timeoutMs?: number | undefined;
  /**
   * How long an announce with the event `stopped` may take, in milliseconds.
   *
   * @default {5_000}
   */
  readonly stopTimeoutMs?: number | undefined;
  /**
   * Which trackers on loopback and private networks may be asked.
   *
   * @default {"announce-path"}
   */
  readonly localTrackers?: LocalTrackerPolicy | undefined;
  /**
   * Is asked before a redirect is followed, so that these count, too. A redirect
   * to a narrower scope than the tracker's own (from the internet to a private
   * network, from there to this machine) is refused in any case.
   *
   * @default {every redirect is followed}
   */
  readonly mayFollow?: ((url: string) => boolean) | undefined;
  /**
   * What we call ourselves.
   *
   * @default {"bip/0.1.0"}
   */
  readonly userAgent?: string | undefined;
  /**
   * Instead of the built-in `fetch`.
   *
   * @default {globalThis.fetch}
   */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /**
   * Resolves names, to see whether a redirect leads to a private network.
   *
   * @default {the system's resolver}
   */
  readonly resolve?:
    | ((hostname: string) => Promise<readonly string[]>)
    | undefined;
  /**
   * Whether we have nothing to do with an IP address: a tracker with one of them is not asked.
   *
   * @default {every address may be asked}
   */
  readonly isBlocked?: ((ip: string) => boolean) | undefined;
  /** Clock to use. @default {the system's} */
  readonly clock?: Clock | undefined;
}

/** Takes what may be a passkey out of a text that came from elsewhere. */
function redact(text: string, url: URL): string {
  // Without the punctuation of the sentence that it stands in.
  text = text.replace(
    /\bhttps?:\/\/[^\s)"']*[^\s)"':;,.]/gi,
    trackerOrigin(url.href),
  );
  const secrets = url.pathname.split("/").filter((part) => part !== "announce");
  for (const pair of url.search.slice(1).split("&")) {
    const equals = pair.indexOf("=");
    secrets.push(pair.slice(equals + 1));
  }
  secrets.push(url.password);
  for (const secret of secrets) {
    if (secret.length >= MIN_SECRET) text = text.replaceAll(secret, "[...]");
  }
  return text;
}

/** The body of an answer, and whose it is. */
interface Answer {
  readonly body: Uint8Array;
  readonly localTracker: boolean;
  readonly from: string | undefined;
}

/**
 * A client of HTTP and HTTPS trackers. Certificates are always verified,
 * answers are bounded after decompression, and no error names more of a URL
 * than scheme and host.
 *
 * Trackers come with torrents, so their URLs are a stranger's: see
 * {@linkcode HttpTrackerClientOptions.localTrackers}; URLs that bring
 * parameters of announces are refused. Source: BEP 3, BEP 7, BEP 23, BEP 24,
 * BEP 31, BEP 48.
 *
 * @example
 * ```ts ignore
 * import { HttpTrackerClient } from "@bip/bip/htracker";
 *
 * using client = new HttpTrackerClient();
 * const { peers } = await client.announce("https://tracker.example/announce", {
 *   infoHash: new Uint8Array(20),
 *   peerId: crypto.getRandomValues(new Uint8Array(20)),
 *   port: 6881,
 *   uploaded: 0,
 *   downloaded: 0,
 *   left: 1,
 * });
 * ```
 */
export class HttpTrackerClient implements Disposable, AsyncDisposable {
  readonly #options: HttpTrackerClientOptions;
  readonly #clock: Clock;
  readonly #checked: CheckedFetch;
  readonly #running = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  /**
   * Makes a client; nothing is opened before the first request.
   *
   * @param options See {@linkcode HttpTrackerClientOptions}.
   * @throws {RangeError} If a timeout is not positive.
   */
  constructor(options: HttpTrackerClientOptions = {}) {
    checkTrackerTimeouts(options);
    this.#options = options;
    // Announces are minutes apart: a connection kept open would be of no use.
    this.#checked = new CheckedFetch(options.fetch, 0);
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Announces. Needs `--allow-net` for the tracker's host.
   *
   * @param url The announce URL, http or https.
   * @param request What to tell.
   * @param options See {@linkcode TrackerCallOptions}.
   * @returns The answer.
   * @throws {TrackerError} If there is none. The signal's reason if it fired.
   */
  announce(
    url: string,
    request: AnnounceRequest,
    options: TrackerCallOptions = {},
  ): Promise<AnnounceResponse> {
    const timeoutMs = request.event === "stopped"
      ? this.#options.stopTimeoutMs ?? 5_000
      : this.#options.timeoutMs ?? 30_000;
    return this.#call(url, timeoutMs, options, async (signal) => {
      const { body, localTracker, from } = await this.#get(
        formatAnnounceUrl(url, request),
        signal,
      );
      return { ...decodeHttpAnnounceResponse(body, { localTracker }), from };
    });
  }

  /**
   * Asks for the figures of torrents. Many hashes take several requests, one
   * after the other. Needs `--allow-net` for the tracker's host.
   *
   * @param url The *announce* URL.
   * @param infoHashes 20-byte info-hashes, at least one.
   * @param options See {@linkcode TrackerCallOptions}.
   * @returns The figures of those that the tracker knows, by info-hash in
   * lowercase hex.
   * @throws {TrackerError} `unsupported` if this tracker cannot be scraped,
   * and as for announces.
   */
  scrape(
    url: string,
    infoHashes: readonly Uint8Array[],
    options: TrackerCallOptions = {},
  ): Promise<ScrapeResponse> {
    const timeoutMs = this.#options.timeoutMs ?? 30_000;
    return this.#call(url, timeoutMs, options, async (signal) => {
      const result = new Map<string, ScrapeEntry>();
      for (let at = 0; at < infoHashes.length; at += SCRAPE_CHUNK) {
        const chunk = infoHashes.slice(at, at + SCRAPE_CHUNK);
        const target = formatScrapeUrl(url, chunk);
        if (target === undefined) {
          throw new TrackerError(
            "unsupported",
            `Cannot scrape ${
              trackerOrigin(url)
            }: the path of its URL does not end in "announce"`,
          );
        }
        const { body } = await this.#get(target, signal);
        for (const [key, entry] of decodeHttpScrapeResponse(body)) {
          result.set(key, entry);
        }
      }
      return result;
    });
  }

  /**
   * Ends what is under way and closes connections. Idempotent.
   *
   * @returns A promise that resolves when nothing is left open.
   */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#closing.abort(
      new TrackerError("closed", "The tracker client is closed"),
    );
    await Promise.allSettled([...this.#running]);
    this.#checked.close();
  }

  /** Same as {@linkcode HttpTrackerClient.close}, without waiting. */
  [Symbol.dispose](): void {
    void this.close();
  }

  /** Same as {@linkcode HttpTrackerClient.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Bounds a request in time and makes typed, redacted errors of failures. */
  async #call<T>(
    url: string,
    timeoutMs: number,
    options: TrackerCallOptions,
    action: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    options.signal?.throwIfAborted();
    const parsed = parseTrackerUrl(url);
    const name = trackerOrigin(url);
    for (const parameter of parsed.searchParams.keys()) {
      if (!OUR_PARAMETERS.has(parameter.toLowerCase())) continue;
      throw new TrackerError(
        "forbidden-target",
        `Cannot use tracker ${name}: its URL has a parameter "${parameter.toLowerCase()}", which only announces may have`,
        { retryInMs: Infinity },
      );
    }
    const call = {
      clock: this.#clock,
      timeoutMs,
      name: `Tracker ${name}`,
      closing: this.#closing.signal,
      signal: options.signal,
    };
    const task = callTracker(call, async (signal) => {
      try {
        return await action(signal);
      } catch (error) {
        if (signal.aborted || error instanceof RangeError) throw error;
        if (error instanceof TrackerError) {
          throw new TrackerError(error.code, redact(error.message, parsed), {
            retryInMs: error.retryInMs,
          });
        }
        throw new TrackerError(
          "unreachable",
          `Cannot reach tracker ${name}: ${redact(fetchReason(error), parsed)}`,
        );
      }
    });
    this.#running.add(task);
    try {
      return await task;
    } finally {
      this.#running.delete(task);
    }
  }

  async #get(target: string, signal: AbortSignal): Promise<Answer> {
    const { resolve = systemResolve } = this.#options;
    let url = new URL(target);
    const tracker = await findHost(url, resolve);
    let place = tracker;
    const localTracker = tracker.reach > 0;
    this.#check(url, tracker);
    for (let redirects = 0;; redirects++) {
      const response = await this.#fetch(url, place, signal);
      const location = response.headers.get("location");
      if (
        location === null || response.status < 300 || response.status > 399
      ) {
        const body = await readAnswer(response, url);
        return { body, localTracker, from: tracker.address };
      }
      await response.body?.cancel();
      if (redirects === MAX_REDIRECTS) {
        throw new TrackerError(
          "http-status",
          `Tracker ${
            trackerOrigin(target)
          } redirects more than ${MAX_REDIRECTS} times`,
        );
      }
      const next = URL.parse(location, url);
      if (next === null || !/^https?:$/.test(next.protocol)) {
        throw new TrackerError(
          "forbidden-target",
          `Tracker ${
            trackerOrigin(target)
          } redirects to what is no http or https URL`,
        );
      }
      next.hash = "";
      place = await findHost(next, resolve);
      if (place.reach > tracker.reach) {
        throw new TrackerError(
          "forbidden-target",
          `Tracker ${
            trackerOrigin(target)
          } redirects to ${next.host}, which is on a more private network`,
        );
      }
      this.#check(next, place);
      if (!(this.#options.mayFollow?.(next.href) ?? true)) {
        throw new TrackerError(
          "unreachable",
          `Tracker ${
            trackerOrigin(target)
          } redirects to ${next.host}, which is asked too often already`,
        );
      }
      url = next;
    }
  }

  /** Refuses what is no tracker, and whom we have nothing to do with. */
  #check(url: URL, host: HostPlace): void {
    const { isBlocked = () => false, localTrackers } = this.#options;
    checkTarget(url, host, localTrackers);
    if (host.addresses.some((ip) => isBlocked(ip))) {
      throw blockedTracker(trackerOrigin(url.href));
    }
  }

  #fetch(
    url: URL,
    place: HostPlace,
    signal: AbortSignal,
  ): Promise<Response> {
    return this.#checked.fetch(url, {
      redirect: "manual",
      signal,
      headers: { "user-agent": this.#options.userAgent ?? "bip/0.1.0" },
    }, place);
  }
}

async function readAnswer(response: Response, url: URL): Promise<Uint8Array> {
  const body = await readBody(response, MAX_RESPONSE);
  if (body === undefined) {
    throw new TrackerError(
      "too-large",
      `Tracker ${
        trackerOrigin(url.href)
      } answers with more than ${MAX_RESPONSE} bytes`,
    );
  }
  if (response.ok) return body;
  if (body[0] === 0x64) {
    // Private trackers give their reason with a status such as 403.
    try {
      decodeHttpAnnounceResponse(body);
    } catch (error) {
      if (error instanceof TrackerError && error.code === "refused") {
        throw error;
      }
    }
  }
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  throw new TrackerError(
    "http-status",
    `Tracker ${trackerOrigin(url.href)} answers with status ${response.status}`,
    {
      retryInMs: seconds > 0 ? Math.min(seconds, 86_400) * 1000 : undefined,
    },
  );
}
