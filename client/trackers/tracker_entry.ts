/**
 * Trackers of a torrent: their hosts, what is known of each, and when it may be
 * asked.
 *
 * @module
 */
import type {
  AnnounceEvent,
  AnnounceResponse,
  TrackerError,
  TrackerErrorCode,
} from "../../_shared/announce.ts";
import { hostKey, siteKey } from "../../_shared/address.ts";

/** Most trackers of one torrent that are used. */
const MAX_TRACKERS = 100;
/** Most of them at one host: over HTTP, HTTPS and UDP, and what it had before. */
export const MAX_PER_HOST = 8;
/** Most of them in one subnet or below one domain. */
const MAX_PER_SITE = 12;

/** Names a tracker without what may be a passkey. */
export function trackerName(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null
    ? "(invalid URL)"
    : `${parsed.protocol}//${parsed.host}`;
}

/**
 * Tells which host an announce URL leads to. What is the same host by another
 * spelling gives the same text; `localhost` is 127.0.0.1.
 */
export function trackerHost(url: string): string {
  return hostKey(hostnameOf(url));
}

function hostnameOf(url: string): string {
  // As HTTP: then numbers such as 127.1 are read as fetch does.
  const parsed = URL.parse(url.replace(/^[a-z]+:/i, "http:"));
  if (parsed === null) return "";
  const host = parsed.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  return /(^|\.)localhost$|^::1$/.test(host) ? "127.0.0.1" : host;
}

/** Counts the trackers of a torrent. */
export class TrackerLimits {
  readonly #counts = new Map<string, number>();
  #total = 0;

  /** Counts one more tracker, if it may be used. */
  admit(url: string): boolean {
    if (this.#total >= MAX_TRACKERS) return false;
    const hostname = hostnameOf(url);
    const host = hostKey(hostname);
    const site = `site ${siteKey(hostname)}`;
    const ofHost = this.#counts.get(host) ?? 0;
    const ofSite = this.#counts.get(site) ?? 0;
    if (ofHost >= MAX_PER_HOST || ofSite >= MAX_PER_SITE) return false;
    this.#counts.set(host, ofHost + 1);
    this.#counts.set(site, ofSite + 1);
    this.#total++;
    return true;
  }
}

/** Longest wait after failures, in milliseconds. */
const MAX_BACKOFF_MS = 60 * 60_000;
/** No announce for want of peers comes sooner after another, in milliseconds. */
const EARLIEST_MS = 5 * 60_000;
/** Nor does one that a person asks for, where the tracker sets no limit. */
const IMPATIENT_MS = 60_000;

/** What a tracker is up to. */
export type TrackerState =
  /** It was not asked yet, or the torrent does not run. */
  | "idle"
  /** An announce is under way. */
  | "announcing"
  /** Its last answer was good. */
  | "working"
  /** It failed and is asked again later. */
  | "failed"
  /** It is never asked again, unless a person wants it. */
  | "disabled";

/** A snapshot of one tracker of a torrent. Times by the session's clock. */
export interface TrackerStatus {
  /** Announce URL, which may hold a passkey. */
  readonly url: string;
  /** Scheme and host: fit to be shown to others. */
  readonly name: string;
  /** Index of its tier. */
  readonly tier: number;
  /** What it is up to. */
  readonly state: TrackerState;
  /** What went wrong last, or what it wants to be shown. */
  readonly message: string | undefined;
  /** Failures in a row. */
  readonly failures: number;
  /** What kind the last of these is. */
  readonly failure: TrackerErrorCode | undefined;
  /** When it is asked next, in milliseconds, where that is known. */
  readonly nextAt: number | undefined;
  /** When it answered last, in milliseconds. */
  readonly lastAt: number | undefined;
  /** When it was asked last, in milliseconds. */
  readonly askedAt: number | undefined;
  /** Complete peers that it told of, if it did. */
  readonly seeders: number | undefined;
  /** Incomplete peers that it told of, if it did. */
  readonly leechers: number | undefined;
  /** Times downloaded, if it told. */
  readonly downloads: number | undefined;
  /** Peers in its last answer. */
  readonly peers: number | undefined;
}

/**
 * Wait after failures in a row: about 7, 15, 27, 45, 67 and 95 seconds, then
 * longer.
 */
export function announceBackoffMs(failures: number): number {
  return Math.min(MAX_BACKOFF_MS, 5_000 + 2_500 * failures * failures);
}

type Figures = Pick<
  TrackerStatus,
  "seeders" | "leechers" | "downloads" | "peers"
>;
const NOTHING_TOLD: Figures = {
  seeders: undefined,
  leechers: undefined,
  downloads: undefined,
  peers: undefined,
};

/** One tracker, as the announce machine sees it. */
export class TrackerEntry {
  /** Announce URL. */
  readonly url: string;
  /** Index of its tier. */
  tier: number;
  /** Whether an announce waits for its turn, or for its answer. */
  phase: "idle" | "queued" | "asking" = "idle";
  /** When the last announce went out. */
  askedAt = -Infinity;
  /** Its event. */
  sentEvent: AnnounceEvent | undefined = undefined;
  /** Whether the tracker counts us. */
  started = false;
  /** Whether it is to hear that we completed the torrent. */
  completedDue = false;
  /** Failures in a row. */
  failures = 0;
  /** When it is asked next. */
  nextAt: number;
  /** Whether it is asked then whatever others do. */
  forced = false;
  /** When a good-bye is given up; Infinity where there is none. */
  leaveBy = Infinity;
  /** What it wants to be told again. */
  trackerId: string | undefined = undefined;
  #lastAt = -Infinity;
  #minIntervalMs: number | undefined = undefined;
  /** Whether none was early for want of peers since there were some. */
  #mayBeEarly = true;
  #message: string | undefined = undefined;
  #failure: TrackerErrorCode | undefined = undefined;
  #told: Figures = NOTHING_TOLD;

  constructor(url: string, tier: number, now: number) {
    this.url = url;
    this.tier = tier;
    this.nextAt = now;
  }

  /** When it may be asked for want of peers; Infinity where it may not. */
  get earlyAt(): number {
    if (!this.#mayBeEarly || this.failures > 0 || !this.started) {
      return Infinity;
    }
    const pause = Math.max(EARLIEST_MS, this.#minIntervalMs ?? 0);
    return Math.ceil(this.#lastAt + pause);
  }

  /** Brings the next announce forward, as far as the tracker allows. */
  hurry(now: number, forced: boolean): void {
    const pause = this.#minIntervalMs ?? IMPATIENT_MS;
    const at = Math.max(now, Math.max(this.#lastAt, this.askedAt) + pause);
    this.nextAt = Math.min(this.nextAt, at);
    this.forced = forced;
  }

  /** Notes a good answer. */
  succeeded(response: AnnounceResponse, now: number, wanted: boolean): void {
    const { intervalMs, minIntervalMs } = response;
    if (now < this.nextAt) this.#mayBeEarly = false;
    else if (!wanted) this.#mayBeEarly = true;
    this.phase = "idle";
    this.failures = 0;
    this.#failure = undefined;
    this.started = this.sentEvent !== "stopped";
    if (this.sentEvent === "completed") this.completedDue = false;
    this.#lastAt = now;
    this.#minIntervalMs = minIntervalMs;
    this.nextAt = this.completedDue || !this.started
      ? now
      : Math.ceil(now + Math.max(intervalMs, minIntervalMs ?? 0));
    this.trackerId = response.trackerId ?? this.trackerId;
    this.#message = response.warning;
    const { seeders, leechers, downloads, peers } = response;
    this.#told = { seeders, leechers, downloads, peers: peers.length };
  }

  /** Notes a failure. */
  failed(error: TrackerError, now: number): void {
    this.phase = "idle";
    this.failures++;
    this.#message = error.message;
    this.#failure = error.code;
    this.nextAt = now +
      Math.max(announceBackoffMs(this.failures), error.retryInMs ?? 0);
  }

  /** Tells what is known. */
  status(running: boolean): TrackerStatus {
    const { url, tier, phase, failures, nextAt } = this;
    const known = this.#lastAt > -Infinity;
    return {
      url,
      name: trackerName(url),
      tier,
      state: phase !== "idle"
        ? "announcing"
        : nextAt === Infinity
        ? "disabled"
        : failures > 0
        ? "failed"
        : running && known
        ? "working"
        : "idle",
      message: this.#message,
      failures,
      failure: this.#failure,
      nextAt: running && phase === "idle" && nextAt < Infinity &&
          (known || failures > 0)
        ? nextAt
        : undefined,
      lastAt: known ? this.#lastAt : undefined,
      askedAt: this.askedAt > -Infinity ? this.askedAt : undefined,
      ...this.#told,
    };
  }
}
