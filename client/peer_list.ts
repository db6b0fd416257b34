/**
 * The candidates of one torrent: every discovery source feeds the list, the
 * dialler takes from it. Sources take turns by rank, and within a source those
 * who told do: nobody gets more attention by naming more.
 *
 * @module
 */
import {
  type CandidateSource,
  type Endpoint,
  formatEndpoint,
  ipScope,
  mayTellOf,
  normalizeHostname,
  type PeerCandidate,
  siteKey,
  tryParseIp,
} from "../_shared/address.ts";
import { backoffMs } from "../_shared/backoff.ts";
import { BanList, HostBook } from "./limits/host_book.ts";
import {
  type Candidate,
  type CandidateOutcome,
  CandidateSources,
  Crowds,
  fails,
  isBetter,
  isKeptLess,
  MAX_FAILURES,
  peerPriority,
  type SourceBook,
  type Teller,
} from "./peers/candidate.ts";
import { isServicePort } from "../_shared/reach.ts";

/** Most candidates kept for a torrent (libtorrent's default). */
export const MAX_CANDIDATES = 3000;
/** First wait after a failure, in milliseconds; doubles each time. */
const BACKOFF_MS = 5_000;
/** Longest wait after failures, in milliseconds. */
const MAX_BACKOFF_MS = 10 * 60_000;
/** Wait after a connection that worked, in milliseconds. */
const RECONNECT_MS = 15_000;
/** Wait until a peer must have noticed that we left, in milliseconds. */
const NOTICE_MS = 1_000;

/** Options of {@linkcode PeerList}. */
export interface PeerListOptions {
  /** Draws an integer below a bound: breaks ties. */
  readonly randomInt: (below: number) => number;
  /** Most candidates kept. @default {3000} */
  readonly capacity?: number | undefined;
  /** What is thought of sources. @default {the standard ones} */
  readonly sources?: CandidateSources | undefined;
  /** When hosts may be dialled; shared by torrents. @default {a new one} */
  readonly hosts?: HostBook | undefined;
}

/** Candidates of one torrent, each in exactly one state. */
export class PeerList {
  readonly #entries = new Map<string, Candidate>();
  readonly #named = new Set<Candidate>();
  readonly #books = new Map<CandidateSource, SourceBook>();
  readonly #crowds = new Crowds();
  readonly #randomInt: (below: number) => number;
  readonly #capacity: number;
  readonly #sources: CandidateSources;
  readonly #hosts: HostBook;
  #bans: BanList | undefined;
  #external: Endpoint | undefined;
  /** No candidate may be tried before; a later time is found by looking. */
  #quietUntil = 0;
  /** The turn of the source that was served last. */
  #turn = 0;

  constructor(options: PeerListOptions) {
    this.#randomInt = options.randomInt;
    this.#capacity = options.capacity ?? MAX_CANDIDATES;
    this.#sources = options.sources ?? new CandidateSources();
    this.#hosts = options.hosts ?? new HostBook();
  }

  /** Candidates known, in any state. */
  get size(): number {
    return this.#entries.size;
  }

  /** Sets our endpoint as others see it, for canonical priorities (BEP 40). */
  setExternalEndpoint(endpoint: Endpoint): void {
    this.#external = endpoint;
    for (const entry of this.#entries.values()) {
      entry.order = peerPriority(endpoint, entry.address) ?? entry.order;
    }
  }

  /**
   * Adds a candidate. One that is known already is from then on as good as the
   * best source that tells of it, and if it failed it gets another chance; at
   * once when a person names it.
   */
  add(candidate: PeerCandidate): boolean {
    const { source = "manual" } = candidate;
    const address = {
      hostname: normalizeHostname(candidate.address.hostname),
      port: candidate.address.port,
    };
    if (!this.#isAllowed(address, source, candidate.teller)) return false;
    const key = formatEndpoint(address);
    const known = this.#entries.get(key);
    if (known !== undefined) {
      this.#hearAgain(known, source, candidate);
      return false;
    }
    const teller = this.#tellerOf(source, candidate.teller);
    if (!this.#makeRoom(address, teller)) return false;
    const crowds = this.#crowds.enter(address);
    crowds.host.useless = this.#hosts.failuresOf(address.hostname);
    const entry: Candidate = {
      key,
      address,
      ...crowds,
      teller,
      peerId: candidate.peerId,
      hints: candidate.hints,
      order: (this.#external && peerPriority(this.#external, address)) ??
        this.#randomInt(0x100000000),
      state: "idle",
      claims: 0,
      failures: 0,
      notBefore: 0,
      isSeed: false,
    };
    this.#entries.set(key, entry);
    this.#join(teller);
    if (isNamed(entry)) this.#named.add(entry);
    this.#quietUntil = 0;
    return true;
  }

  /** Takes the candidate whose turn it is; it becomes "connecting". */
  next(
    now: number,
    options: { readonly skipSeeds?: boolean; readonly namedOnly?: boolean } =
      {},
  ): Omit<PeerCandidate, "infoHash"> | undefined {
    const { skipSeeds = false, namedOnly = false } = options;
    let best: Candidate | undefined;
    let soonest = Infinity;
    for (const entry of namedOnly ? this.#named : this.#entries.values()) {
      if (!mayBeTried(entry) || (skipSeeds && isSeed(entry))) continue;
      if (entry.notBefore > now) {
        if (entry.notBefore < soonest) soonest = entry.notBefore;
        continue;
      }
      if (best !== undefined && !isBetter(entry, best, this.#turn)) continue;
      if (!isNamed(entry)) {
        const at = this.#hosts.readyAt(entry.address.hostname, now);
        if (at > now) {
          if (at < soonest) soonest = at;
          continue;
        }
      }
      best = entry;
    }
    if (!namedOnly) this.#quietUntil = best === undefined ? soonest : 0;
    if (best === undefined) return undefined;
    const { address, peerId, teller, hints } = best;
    const { source } = teller;
    this.#turn = Math.max(source.turn, this.#turn);
    source.turn = this.#turn + 2 ** source.traits.rank;
    source.tellerTurn = Math.max(teller.turn, source.tellerTurn);
    teller.turn = source.tellerTurn + 1;
    best.state = "connecting";
    this.#hosts.dialled(address.hostname, now);
    return {
      address,
      source: source.name,
      hints,
      ...(peerId ? { peerId } : {}),
    };
  }

  /** Before when it is of no use to ask for the next candidate. */
  get quietUntil(): number {
    return this.#entries.size === 0 ? Infinity : this.#quietUntil;
  }

  /** Has candidates looked at anew, as others are of use than before. */
  wake(): void {
    this.#quietUntil = 0;
  }

  /** When one that a person named may be tried; `Infinity` for never. */
  get namedReadyAt(): number {
    let soonest = Infinity;
    for (const entry of this.#named) {
      if (mayBeTried(entry)) soonest = Math.min(soonest, entry.notBefore);
    }
    return soonest;
  }

  /** Notes that a candidate that was dialled is connected. */
  connected(address: Endpoint): void {
    this.#hosts.connected(address.hostname);
    const entry = this.#find(address);
    if (entry === undefined || entry.state === "banned") return;
    entry.host.useless = 0;
    entry.state = "connected";
  }

  /** Notes that an attempt failed or a connection ended. */
  released(address: Endpoint, now: number, outcome: CandidateOutcome): void {
    if (outcome === "failed") this.#hosts.failed(address.hostname, now);
    const entry = this.#find(address);
    if (entry === undefined || entry.state === "banned") return;
    entry.state = "idle";
    this.#quietUntil = 0;
    if (outcome === "failed" || outcome === "useless") {
      entry.failures++;
      entry.host.useless++;
      entry.notBefore = now + this.#randomInt(1000) +
        backoffMs(entry.failures, BACKOFF_MS, MAX_BACKOFF_MS);
    } else {
      entry.notBefore = now +
        (outcome === "stopped" ? NOTICE_MS : RECONNECT_MS);
      if (outcome === "ended") entry.failures = 0;
    }
  }

  /**
   * Notes what came of a connection: peers of one site or port that nothing
   * comes of are tried after others.
   */
  judge(address: Endpoint, useful: boolean): void {
    const entry = this.#find(address);
    if (entry === undefined) return;
    for (const crowd of [entry.site, entry.port]) {
      if (useful) crowd.useful++;
      else crowd.useless++;
    }
  }

  /**
   * Notes that an inbound peer claims to listen there, or no longer does. The
   * address is not dialled meanwhile. Anybody can claim anything, so the claim of
   * a useless peer is withdrawn.
   */
  claim(address: Endpoint, change: 1 | -1): void {
    const entry = this.#find(address);
    if (entry === undefined) return;
    entry.claims = Math.max(0, entry.claims + change);
    this.#quietUntil = 0;
  }

  /** Forgets a candidate, such as our own address. */
  remove(address: Endpoint): void {
    const entry = this.#find(address);
    if (entry !== undefined) this.#delete(entry);
  }

  /** Forgets whom a private torrent must not use (BEP 27). */
  removeOpenSources(): void {
    for (const entry of this.#entries.values()) {
      if (entry.teller.source.traits.isOpen) this.#delete(entry);
    }
  }

  /** Whether a private torrent must not use a source (BEP 27). */
  isOpen(source: CandidateSource): boolean {
    return this.#sources.of(source).isOpen;
  }

  /** Where a candidate is known from. */
  sourceOf(address: Endpoint): CandidateSource | undefined {
    return this.#find(address)?.teller.source.name;
  }

  /** Whether a person named a candidate. */
  isNamed(address: Endpoint): boolean {
    const entry = this.#find(address);
    return entry !== undefined && isNamed(entry);
  }

  /** Notes that a candidate has every piece. */
  setSeed(address: Endpoint): void {
    const entry = this.#find(address);
    if (entry === undefined) return;
    entry.isSeed = true;
    this.#quietUntil = 0;
  }

  /**
   * Bans a host: no candidate of it is ever taken again. See {@linkcode
   * BanList.ban} for IPv6.
   */
  ban(hostname: string): void {
    const bans = this.#bans ??= new BanList();
    bans.ban(hostname);
    for (const entry of this.#entries.values()) {
      if (bans.has(entry.address.hostname)) entry.state = "banned";
    }
  }

  /** Whether a host is banned. */
  isBanned(hostname: string): boolean {
    return this.#bans?.has(hostname) ?? false;
  }

  /** The endpoints worth keeping for another run. */
  good(limit: number): Endpoint[] {
    const list = [...this.#entries.values()].filter((entry) =>
      entry.failures === 0 && entry.state !== "banned"
    );
    list.sort((a, b) =>
      Number(b.state === "connected") - Number(a.state === "connected")
    );
    return list.slice(0, limit).map((entry) => entry.address);
  }

  #find(address: Endpoint): Candidate | undefined {
    return this.#entries.get(formatEndpoint(address));
  }

  #isAllowed(
    { hostname, port }: Endpoint,
    source: CandidateSource,
    teller: string | undefined,
  ): boolean {
    if (!Number.isInteger(port) || port < 1 || port > 65535) return false;
    const { isTrusted, namesLocal } = this.#sources.of(source);
    const ip = tryParseIp(hostname);
    // What a name leads to is not known before it is dialled.
    const scope = ip === undefined ? "unknown" : ipScope(ip);
    if (["multicast", "unspecified", "reserved"].includes(scope)) return false;
    if (this.isBanned(hostname)) return false;
    if (isTrusted) return true;
    if (isServicePort(port, scope === "global")) return false;
    if (namesLocal) return scope !== "link-local";
    const from = teller === undefined ? undefined : tryParseIp(teller);
    return scope !== "unknown" &&
      mayTellOf(scope, from === undefined ? "global" : ipScope(from));
  }

  #hearAgain(
    entry: Candidate,
    source: CandidateSource,
    { teller, hints }: PeerCandidate,
  ): void {
    // Others say more than that it is there, or take it back.
    if (hints?.seed !== entry.hints?.seed || hints !== undefined) {
      entry.hints = { ...entry.hints, ...hints, seed: hints?.seed };
      this.#quietUntil = 0;
    }
    const before = entry.teller.source.traits;
    const { rank, isOpen } = this.#sources.of(source);
    if (rank < before.rank || (before.isOpen && !isOpen)) {
      this.#leave(entry.teller);
      entry.teller = this.#tellerOf(source, teller);
      this.#join(entry.teller);
    }
    if (rank === 0) {
      this.#named.add(entry);
      entry.failures = entry.notBefore = 0;
    } // What peers tell of each other is no news.
    else if (rank < 4 && entry.failures > 0) entry.failures--;
    else return;
    this.#quietUntil = 0;
  }

  #tellerOf(name: CandidateSource, teller = ""): Teller {
    let source = this.#books.get(name);
    if (source === undefined) {
      const traits = this.#sources.of(name);
      const tellers = new Map<string, Teller>();
      source = { name, traits, count: 0, turn: 0, tellerTurn: 0, tellers };
      this.#books.set(name, source);
    }
    const key = siteKey(teller);
    return source.tellers.get(key) ?? { key, source, count: 0, turn: 0 };
  }

  #join(teller: Teller): void {
    teller.source.count++;
    if (teller.count++ === 0) teller.source.tellers.set(teller.key, teller);
  }

  /** Finds a place for a newcomer, at the cost of the least worth keeping. */
  #makeRoom(address: Endpoint, teller: Teller): boolean {
    const { source } = teller;
    const { rank, share } = source.traits;
    if (rank > 0) {
      const full = this.#crowds.fullFor(address, source.traits);
      if (full !== undefined) {
        const hasFailed = (entry: Candidate) =>
          fails(entry) > 0 && (entry.host === full || entry.site === full);
        // One of each host of a site goes before two of any.
        const isSecond = ({ site, host, teller }: Candidate) =>
          site === full && host.count > 1 && teller.source.traits.rank >= rank;
        return this.#evict(teller, hasFailed) ||
          (!this.#crowds.hasHost(address) && this.#evict(undefined, isSecond));
      }
      if (source.count >= Math.floor(this.#capacity * share)) {
        return this.#evict(teller, (entry) => entry.teller.source === source);
      }
    }
    return this.#entries.size < this.#capacity ||
      this.#evict(teller, () => true);
  }

  /** Forgets one that is meant, and kept less than what a teller tells. */
  #evict(
    teller: Teller | undefined,
    isMeant: (entry: Candidate) => boolean,
  ): boolean {
    let worst: Candidate | undefined;
    for (const entry of this.#entries.values()) {
      if (entry.state !== "idle" || isNamed(entry) || !isMeant(entry)) continue;
      if (teller !== undefined && !isKeptLess(entry, teller)) continue;
      if (
        worst === undefined || entry.teller.count > worst.teller.count ||
        (entry.teller === worst.teller && entry.failures > worst.failures)
      ) worst = entry;
    }
    if (worst === undefined) return false;
    this.#delete(worst);
    return true;
  }

  #delete(entry: Candidate): void {
    this.#entries.delete(entry.key);
    this.#named.delete(entry);
    this.#crowds.leave(entry);
    this.#leave(entry.teller);
  }

  #leave(teller: Teller): void {
    teller.source.count--;
    if (--teller.count === 0) teller.source.tellers.delete(teller.key);
  }
}

function isSeed(entry: Candidate): boolean {
  return entry.isSeed || entry.hints?.seed === true;
}

function isNamed({ teller }: Candidate): boolean {
  return teller.source.traits.rank === 0;
}

function mayBeTried(entry: Candidate): boolean {
  return entry.state === "idle" && entry.claims === 0 &&
    (entry.failures < MAX_FAILURES || isNamed(entry));
}
