/**
 * What is known of hosts, whatever the port: when they may be dialled, what they
 * owe, to whom pieces were granted, who is banned.
 *
 * @module
 */
import {
  hostKey,
  ipScope,
  isMappedIpv4,
  normalizeHostname,
  siteKey,
  tryParseIp,
} from "../../_shared/address.ts";
import { backoffMs } from "../../_shared/backoff.ts";
import { remember } from "../../_shared/recent.ts";
import { TokenBuckets } from "../../_shared/token_bucket.ts";
import { BUDGET_PATIENCE, PATIENCE_RATE } from "../../peer/limits.ts";

/** IPv6 networks that bans widen over: bytes of prefix, offences it takes. */
const NETWORKS = [
  { bytes: 8, offences: 1 },
  { bytes: 7, offences: 3 },
  { bytes: 6, offences: 6 },
] as const;

/** Banned hosts and IPv6 networks of one torrent. */
export class BanList {
  readonly #banned = new Set<string>();
  /** Offences in each network. */
  readonly #offences = new Map<string, number>();

  /**
   * Bans a host; of IPv6 its /64, with the third offence in a /56 all of that,
   * with the sixth in a /48 all of that.
   */
  ban(hostname: string): void {
    if (this.has(hostname)) return;
    for (const [i, key] of keysOf(hostname).entries()) {
      const count = (this.#offences.get(key) ?? 0) + 1;
      if (count >= NETWORKS[i]!.offences) this.#banned.add(key);
      else this.#offences.set(key, count);
    }
  }

  /** Whether a host is banned. */
  has(hostname: string): boolean {
    return this.#banned.size > 0 &&
      keysOf(hostname).some((key) => this.#banned.has(key));
  }
}

/** The host, or the networks that it is in, the narrowest first. */
function keysOf(hostname: string): string[] {
  const ip = tryParseIp(hostname);
  if (ip === undefined || ip.length === 4 || isMappedIpv4(ip)) {
    return [normalizeHostname(hostname)];
  }
  return NETWORKS.map(({ bytes }) => `${ip.subarray(0, bytes).join(".")}/`);
}

/** Between two grants of pieces to one host, in milliseconds. */
const GRANT_MS = 30 * 60_000;
/** Hosts that are remembered. */
const MAX_GRANTED = 500;

/** Grants by host: a host that connects again and again gets one once in a while. */
export class GrantBook {
  readonly #granted = new Map<string, number>();

  /** Whether a host may be granted pieces; it is, then. */
  take(hostname: string, now: number): boolean {
    const host = hostKey(hostname);
    const at = this.#granted.get(host);
    if (at !== undefined && now - at < GRANT_MS) return false;
    remember(this.#granted, host, now, MAX_GRANTED);
    return true;
  }
}

/** Less is forgotten at once: honest peers owe a little. */
const LEAST = 600;
/** Hosts that owe; the longest unused are forgotten. */
const MAX_DEBTORS = 1024;

/** Debts by host, paid back by staying away. */
export class DebtBook {
  readonly #debts = new Map<string, { debt: number; at: number }>();

  /** What a host owes now, in the units of message costs. */
  of(hostname: string, now: number): number {
    const noted = this.#debts.get(hostKey(hostname));
    if (noted === undefined) return 0;
    const paid = Math.max(0, now - noted.at) / 1000 * PATIENCE_RATE;
    return Math.max(0, noted.debt - paid);
  }

  /** Whether it owes so much that it is not to be let in. */
  isClosedTo(hostname: string, now: number): boolean {
    return this.of(hostname, now) >= BUDGET_PATIENCE;
  }

  /** Notes what a peer owed when its connection ended. */
  note(hostname: string, debt: number, now: number): void {
    if (debt < LEAST || debt <= this.of(hostname, now)) return;
    const key = hostKey(hostname);
    remember(this.#debts, key, { debt, at: now }, MAX_DEBTORS);
  }
}

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
