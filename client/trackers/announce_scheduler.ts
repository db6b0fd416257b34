/**
 * The announces of a session: how many a second in all, how many to one host,
 * and whose turn it is.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import { backoffMs } from "../../_shared/backoff.ts";
import { remember } from "../../_shared/recent.ts";
import { TokenBucket } from "../../_shared/token_bucket.ts";
import { ipScope, tryParseIp } from "../../_shared/address.ts";
import { MAX_PER_HOST, trackerHost } from "./tracker_entry.ts";

/** Announces under way at once, in all and at one host; good-byes besides. */
const AT_ONCE = { goodbye: 256, other: 100 };
const AT_ONCE_A_HOST = { goodbye: 64, other: 8 };
/** Announces a second, and how many at once, in all and at one host. */
const PER_SECOND = 20;
const BURST = 50;
const PER_SECOND_A_HOST = 10;
const BURST_A_HOST = 20;
/** The same for seeds, which are in no hurry; more where very many wait. */
const SEEDS_PER_SECOND = 6;
const SEEDS_BURST = 20;
/** All seeds that wait get their turn within that time, in seconds. */
const SEEDS_SECONDS = 900;
/**
 * A host that fails so often in a row is left alone for a while: when none of the
 * trackers that a torrent may have there answers.
 */
const FAILURES = MAX_PER_HOST;
const FIRST_REST_MS = 5_000;
const LONGEST_REST_MS = 10 * 60_000;
/** Who gives up is seldom alone: the next turn is after that, in milliseconds. */
const GIVE_UP_MS = 50;
/** Hosts that are remembered while nothing is under way there. */
const MAX_HOSTS = 1024;
/** URLs of one host that are remembered as they answered last time. */
const MAX_GOOD = 16;
/** Hosts whose word of our address is remembered. */
const MAX_VOTES = 64;

/** What an announce is for; the first kind goes before the second. */
export type AnnounceKind = "goodbye" | "download" | "seed";

/** How an announce ended, as far as its host is to blame. */
export type AnnounceOutcome = "answered" | "failed" | "cancelled";

/** Who wants to announce. */
export interface AnnounceRequestor {
  /** It is the turn; {@linkcode AnnounceTurn.end} has to follow. */
  readonly granted: () => void;
  /** The host is left alone for now. */
  readonly refused: (retryInMs: number) => void;
}

/** A place in the queue, then a permission. */
export interface AnnounceTurn {
  /** Gives the place, or the permission, back. */
  end(outcome?: AnnounceOutcome): void;
}

interface Turn extends AnnounceTurn {
  readonly url: string;
  readonly kind: AnnounceKind;
  readonly requestor: AnnounceRequestor;
  state: "waiting" | "active" | "ended";
}

type Lane = keyof typeof AT_ONCE;

interface Host {
  readonly name: string;
  readonly waiting: Readonly<Record<AnnounceKind, Set<Turn>>>;
  readonly bucket: TokenBucket;
  readonly active: Record<Lane, number>;
  failures: number;
  restsUntil: number;
  /** URLs that answered last time: what others make of the host is not theirs. */
  readonly good: Map<string, true>;
}

const KINDS: readonly AnnounceKind[] = ["goodbye", "download", "seed"];

/** Shares the announces of a session between its torrents and trackers. */
export class AnnounceScheduler {
  readonly #clock: Clock;
  readonly #hosts = new Map<string, Host>();
  readonly #all: TokenBucket;
  readonly #seeds: TokenBucket;
  readonly #votes = new Map<string, string>();
  readonly #active = { goodbye: 0, other: 0 };
  #waitingSeeds = 0;
  #heldUntil = -Infinity;
  #wakeAt = Infinity;
  #cancelTimer = () => {};

  constructor(clock: Clock) {
    const now = clock.now();
    this.#clock = clock;
    this.#all = new TokenBucket(PER_SECOND, BURST, now);
    this.#seeds = new TokenBucket(SEEDS_PER_SECOND, SEEDS_BURST, now);
  }

  /** Announces that wait, and those that are under way. */
  get stats(): { readonly waiting: number; readonly active: number } {
    let waiting = 0;
    for (const host of this.#hosts.values()) {
      for (const kind of KINDS) waiting += host.waiting[kind].size;
    }
    return { waiting, active: this.#active.goodbye + this.#active.other };
  }

  /** Queues for an announce. */
  request(
    url: string,
    kind: AnnounceKind,
    requestor: AnnounceRequestor,
  ): AnnounceTurn {
    const host = this.#host(trackerHost(url));
    const turn: Turn = {
      url,
      kind,
      requestor,
      state: "waiting",
      end: (outcome = "cancelled") => {
        const { state } = turn;
        turn.state = "ended";
        if (state === "waiting") this.#unqueue(host, turn);
        else if (state === "active") this.#ended(host, turn, outcome);
      },
    };
    host.waiting[kind].add(turn);
    if (kind === "seed") this.#waitingSeeds++;
    // Requests that could be granted earlier have been.
    const now = this.#clock.now();
    const at = this.#mayAt(host, kind, now);
    if (at <= now) this.#grant(host, kind, now);
    else this.#wake(at);
    return turn;
  }

  /** Has all but good-byes wait until then, in milliseconds. */
  hold(until: number): void {
    this.#heldUntil = until;
    this.#pump();
  }

  /** Counts a request that an answer leads to, such as a redirect. */
  follow(url: string): boolean {
    const host = this.#host(trackerHost(url));
    const now = this.#clock.now();
    return host.restsUntil <= now && host.bucket.take(now);
  }

  /** Counts what a tracker says of our address. One alone is not believed. */
  vote(url: string, ip: string): string | undefined {
    const bytes = tryParseIp(ip);
    if (bytes === undefined || ipScope(bytes) !== "global") return undefined;
    const host = trackerHost(url);
    remember(this.#votes, host, ip, MAX_VOTES);
    for (const [other, said] of this.#votes) {
      if (other !== host && said === ip) return ip;
    }
    return undefined;
  }

  /** Forgets who waits, and wakes nobody any more. */
  close(): void {
    this.#cancelTimer();
    this.#hosts.clear();
  }

  #host(name: string): Host {
    let host = this.#hosts.get(name);
    if (host === undefined) {
      const now = this.#clock.now();
      host = {
        name,
        waiting: { goodbye: new Set(), download: new Set(), seed: new Set() },
        bucket: new TokenBucket(PER_SECOND_A_HOST, BURST_A_HOST, now),
        active: { goodbye: 0, other: 0 },
        failures: 0,
        restsUntil: -Infinity,
        good: new Map(),
      };
      this.#hosts.set(name, host);
      if (this.#hosts.size > MAX_HOSTS) this.#forgetOne();
    }
    return host;
  }

  #forgetOne(): void {
    for (const host of this.#hosts.values()) {
      const { active, waiting } = host;
      if (active.goodbye + active.other > 0) continue;
      if (KINDS.some((kind) => waiting[kind].size > 0)) continue;
      this.#hosts.delete(host.name);
      return;
    }
  }

  #unqueue(host: Host, turn: Turn): void {
    if (host.waiting[turn.kind].delete(turn) && turn.kind === "seed") {
      this.#waitingSeeds--;
    }
  }

  #ended(host: Host, { url, kind }: Turn, outcome: AnnounceOutcome): void {
    const lane = laneOf(kind);
    this.#active[lane]--;
    host.active[lane]--;
    if (outcome === "answered") {
      host.failures = 0;
      remember(host.good, url, true, MAX_GOOD);
    } else if (outcome === "failed") {
      host.good.delete(url);
      host.failures++;
    }
    if (outcome === "failed" && host.failures >= FAILURES) {
      host.restsUntil = this.#clock.now() +
        backoffMs(host.failures - FAILURES + 1, FIRST_REST_MS, LONGEST_REST_MS);
    }
    if (outcome !== "cancelled") this.#pump();
    else if (this.stats.waiting > 0) this.#wake(this.#clock.now() + GIVE_UP_MS);
  }

  /** Gives turns while there are any; one a host and kind at a time. */
  #pump(): void {
    const now = this.#clock.now();
    this.#cancelTimer();
    this.#wakeAt = Infinity;
    for (const kind of KINDS) {
      for (let granted = true; granted;) {
        granted = false;
        for (const host of [...this.#hosts.values()]) {
          if (host.waiting[kind].size === 0) continue;
          const at = this.#mayAt(host, kind, now);
          if (at <= now) {
            this.#grant(host, kind, now);
            granted = true;
          } else this.#wake(at);
        }
      }
    }
  }

  #wake(at: number): void {
    if (at >= this.#wakeAt) return;
    this.#cancelTimer();
    this.#wakeAt = at;
    this.#cancelTimer = this.#clock.schedule(at, () => this.#pump());
  }

  /** When a host may be asked: Infinity while others have to end first. */
  #mayAt(host: Host, kind: AnnounceKind, now: number): number {
    if (host.restsUntil > now) {
      for (const turn of [...host.waiting[kind]]) {
        if (host.good.has(turn.url)) continue;
        this.#unqueue(host, turn);
        turn.state = "ended";
        turn.requestor.refused(host.restsUntil - now);
      }
      if (host.waiting[kind].size === 0) return Infinity;
    }
    const lane = laneOf(kind);
    // After its rest one announce shows whether a host is back.
    const most = lane === "other" && host.failures >= FAILURES
      ? 1
      : AT_ONCE_A_HOST[lane];
    if (this.#active[lane] >= AT_ONCE[lane] || host.active[lane] >= most) {
      return Infinity;
    }
    if (kind === "goodbye") return now;
    const at = Math.max(
      this.#heldUntil,
      this.#all.nextAt(now),
      host.bucket.nextAt(now),
    );
    if (kind === "download") return at;
    const perSecond = this.#waitingSeeds / SEEDS_SECONDS;
    this.#seeds.setRate(Math.max(SEEDS_PER_SECOND, perSecond), now);
    return Math.max(at, this.#seeds.nextAt(now));
  }

  #grant(host: Host, kind: AnnounceKind, now: number): void {
    const turn = host.waiting[kind].values().next().value!;
    this.#unqueue(host, turn);
    const lane = laneOf(kind);
    this.#active[lane]++;
    host.active[lane]++;
    if (lane === "other") {
      this.#all.take(now);
      host.bucket.take(now);
      if (kind === "seed") this.#seeds.take(now);
    }
    // Hosts take turns.
    this.#hosts.delete(host.name);
    this.#hosts.set(host.name, host);
    turn.state = "active";
    turn.requestor.granted();
  }
}

/** Good-byes are counted apart, and not paced. */
function laneOf(kind: AnnounceKind): Lane {
  return kind === "goodbye" ? "goodbye" : "other";
}
