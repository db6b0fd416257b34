/**
 * When a host may be dialled again, whatever port and torrent it is for: nobody
 * is to be flooded with connections because somebody names it often.
 *
 * @module
 */
import {
  hostKey,
  ipScope,
  siteKey,
  tryParseIp,
} from "../../_shared/address.ts";
import { backoffMs } from "../../_shared/backoff.ts";
import { remember } from "../../_shared/recent.ts";
import { TokenBuckets } from "../../_shared/limits/token_buckets.ts";

/** Between two dials of one host, in milliseconds. */
const GAP_MS = 250;
/** First wait after a failure, in milliseconds; doubles each time. */
const BACKOFF_MS = 5_000;
/** Longest wait, in milliseconds. */
const MAX_BACKOFF_MS = 10 * 60_000;
/** Failures in a row, whatever the port, after which a host is left alone. */
const LEAVE_ALONE_AFTER = 10;
/** For how long, in milliseconds. */
const LEAVE_ALONE_MS = 60 * 60_000;
/** Dials a second to one site (/24 or /48), and how many at once. */
const SITE_PER_SECOND = 4;
const SITE_BURST = 16;
/** Hosts and sites remembered; the longest unused are forgotten. */
const MAX_REMEMBERED = 8192;

interface Host {
  failures: number;
  notBefore: number;
}

/** When hosts may be dialled, over all torrents of a session. */
export class HostBook {
  readonly #hosts = new Map<string, Host>();
  readonly #sites = new TokenBuckets(
    SITE_PER_SECOND,
    SITE_BURST,
    MAX_REMEMBERED,
  );

  /** When a host may be dialled. */
  readyAt(hostname: string, now: number): number {
    const host = this.#hosts.get(hostKey(hostname));
    const siteAt = isNear(hostname)
      ? 0
      : this.#sites.nextAt(siteKey(hostname), now);
    return Math.max(siteAt, host?.notBefore ?? 0);
  }

  /** How often it failed in a row. */
  failuresOf(hostname: string): number {
    return this.#hosts.get(hostKey(hostname))?.failures ?? 0;
  }

  /** Notes that a host is dialled. */
  dialled(hostname: string, now: number): void {
    if (!isNear(hostname)) this.#sites.use(siteKey(hostname), now).take(now);
    const host = hostKey(hostname);
    const { failures, notBefore } = this.#hosts.get(host) ??
      { failures: 0, notBefore: 0 };
    remember(this.#hosts, host, {
      failures,
      notBefore: Math.max(notBefore, now + GAP_MS),
    }, MAX_REMEMBERED);
  }

  /** Notes that a dial failed, by the other side's doing. */
  failed(hostname: string, now: number): void {
    const key = hostKey(hostname);
    const failures = (this.#hosts.get(key)?.failures ?? 0) + 1;
    const wait = failures >= LEAVE_ALONE_AFTER
      ? LEAVE_ALONE_MS
      : backoffMs(failures, BACKOFF_MS, MAX_BACKOFF_MS);
    const host = { failures, notBefore: now + wait };
    remember(this.#hosts, key, host, MAX_REMEMBERED);
  }

  /** Notes that a host shook hands: it is a peer. */
  connected(hostname: string): void {
    this.#hosts.delete(hostKey(hostname));
  }
}

/**
 * Whether it is of our own network: only neighbours send us there, who reach it
 * as well, and one who names hundreds must not keep us from the one that is there.
 */
function isNear(hostname: string): boolean {
  const ip = tryParseIp(hostname);
  return ip !== undefined && ipScope(ip) === "private";
}
