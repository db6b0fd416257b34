/**
 * The ranked candidate list of one torrent: every discovery source feeds it,
 * the handshaker takes from it.
 *
 * @module
 */
import {
  type CandidateSource,
  type Endpoint,
  formatEndpoint,
  ipScope,
  normalizeHostname,
  type PeerCandidate,
  subnetKey,
  tryParseIp,
} from "../_shared/address.ts";
import { peerPriority } from "./peer_priority.ts";

/** Most candidates kept for a torrent (libtorrent's default). */
export const MAX_CANDIDATES = 3000;
/**
 * Failures in a row after which a candidate is given up, until somebody tells
 * of it again. Those that a person named are never given up.
 */
const MAX_FAILURES = 5;
/** First wait after a failure, in milliseconds; doubles each time. */
const BACKOFF_MS = 5_000;
/** Longest wait after failures, in milliseconds. */
const MAX_BACKOFF_MS = 10 * 60_000;
/** Wait after a connection that worked and ended, in milliseconds. */
const RECONNECT_MS = 15_000;
/** Candidates from PEX that one /24 or /64 may hold. */
const MAX_PEX_PER_SUBNET = 32;

/** The best candidates come from the sources with the lowest rank. */
const RANK: Record<CandidateSource, number> = {
  manual: 0,
  resume: 1,
  tracker: 2,
  lpd: 2,
  dht: 3,
  pex: 4,
};
/** Sources that private torrents must not use (BEP 27). */
const OPEN_SOURCES: ReadonlySet<CandidateSource> = new Set([
  "dht",
  "lpd",
  "pex",
]);

/**
 * Whether a private torrent must not use a candidate (BEP 27).
 *
 * @param source Where it is known from.
 * @returns True for the DHT, local discovery and peer exchange.
 */
export function isOpenSource(source: CandidateSource | undefined): boolean {
  return source !== undefined && OPEN_SOURCES.has(source);
}

/** The share of the list that one source may fill. */
const SHARE: Record<CandidateSource, number> = {
  manual: 1,
  resume: 0.5,
  tracker: 0.75,
  lpd: 0.25,
  dht: 0.75,
  pex: 0.5,
};

type PeerState = "idle" | "connecting" | "connected" | "banned";

interface Entry {
  readonly address: Endpoint;
  source: CandidateSource;
  readonly subnet: string;
  readonly peerId: Uint8Array | undefined;
  readonly salt: number;
  state: PeerState;
  failures: number;
  notBefore: number;
  isSeed: boolean;
}

/** Options of {@linkcode PeerList}. */
export interface PeerListOptions {
  /** Draws an integer below a bound: breaks ties. */
  readonly randomInt: (below: number) => number;
  /** Most candidates kept. @default {3000} */
  readonly capacity?: number | undefined;
}

/** Candidates of one torrent, each in exactly one state. */
export class PeerList {
  readonly #entries = new Map<string, Entry>();
  readonly #perSource = new Map<CandidateSource, number>();
  readonly #pexSubnets = new Map<string, number>();
  readonly #bannedHosts = new Set<string>();
  readonly #randomInt: (below: number) => number;
  readonly #capacity: number;
  #external: Endpoint | undefined;

  /**
   * Makes an empty list.
   *
   * @param options See {@linkcode PeerListOptions}.
   */
  constructor(options: PeerListOptions) {
    this.#randomInt = options.randomInt;
    this.#capacity = options.capacity ?? MAX_CANDIDATES;
  }

  /** Candidates known, in any state. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Sets our endpoint as others see it, for canonical priorities (BEP 40).
   *
   * @param endpoint Our external address and port.
   */
  setExternalEndpoint(endpoint: Endpoint): void {
    this.#external = endpoint;
  }

  /**
   * Adds a candidate. One that is known already is from then on as good as the
   * best source that tells of it, and if it failed it gets another chance; at
   * once when a person names it.
   *
   * @param candidate Where a peer may be.
   * @returns Whether it is new and was kept.
   */
  add(candidate: PeerCandidate): boolean {
    const { port } = candidate.address;
    if (!Number.isInteger(port) || port < 1 || port > 65535) return false;
    const hostname = normalizeHostname(candidate.address.hostname);
    const ip = tryParseIp(hostname);
    const source = candidate.source ?? "manual";
    const scope = ip === undefined ? "global" : ipScope(ip);
    if (ip === undefined && source !== "manual") return false;
    if (
      scope === "multicast" || scope === "unspecified" || scope === "reserved"
    ) return false;
    if (this.#bannedHosts.has(hostname)) return false;
    const address = { hostname, port };
    const key = formatEndpoint(address);
    const known = this.#entries.get(key);
    if (known !== undefined) {
      if (
        RANK[source] < RANK[known.source] ||
        (isOpenSource(known.source) && !isOpenSource(source))
      ) this.#move(known, source);
      if (source === "manual") known.failures = known.notBefore = 0;
      else if (source !== "pex" && known.failures > 0) known.failures--;
      return false;
    }
    const subnet = ip === undefined ? hostname : subnetKey(ip);
    if (source === "pex" && scope === "global") {
      if ((this.#pexSubnets.get(subnet) ?? 0) >= MAX_PEX_PER_SUBNET) {
        return false;
      }
    }
    const ofSource = this.#perSource.get(source) ?? 0;
    if (ofSource >= this.#capacity * SHARE[source]) return false;
    if (this.#entries.size >= this.#capacity && !this.#evict(source)) {
      return false;
    }
    this.#entries.set(key, {
      address,
      source,
      subnet,
      peerId: candidate.peerId,
      salt: this.#randomInt(0x100000000),
      state: "idle",
      failures: 0,
      notBefore: 0,
      isSeed: false,
    });
    this.#perSource.set(source, ofSource + 1);
    if (source === "pex") {
      this.#pexSubnets.set(subnet, (this.#pexSubnets.get(subnet) ?? 0) + 1);
    }
    return true;
  }

  /**
   * Takes the best candidates that may be tried now; they become
   * "connecting".
   *
   * @param count Most to take.
   * @param now The time in milliseconds.
   * @param skipSeeds Whether peers known to be seeds are of no use.
   * @returns The candidates, best first.
   */
  take(
    count: number,
    now: number,
    skipSeeds = false,
  ): { address: Endpoint; source: CandidateSource; peerId?: Uint8Array }[] {
    if (count <= 0) return [];
    const ready: Entry[] = [];
    for (const entry of this.#entries.values()) {
      if (
        entry.notBefore <= now && mayBeTried(entry) &&
        !(skipSeeds && entry.isSeed)
      ) ready.push(entry);
    }
    const external = this.#external;
    const order = new Map<Entry, number>();
    for (const entry of ready) {
      const priority = external && peerPriority(external, entry.address);
      order.set(entry, priority ?? entry.salt);
    }
    ready.sort((a, b) =>
      a.failures - b.failures || RANK[a.source] - RANK[b.source] ||
      order.get(b)! - order.get(a)!
    );
    return ready.slice(0, count).map((entry) => {
      entry.state = "connecting";
      return {
        address: entry.address,
        source: entry.source,
        ...(entry.peerId ? { peerId: entry.peerId } : {}),
      };
    });
  }

  /**
   * Notes that a candidate is connected.
   *
   * @param address Its listening endpoint.
   */
  connected(address: Endpoint): void {
    const entry = this.#entries.get(formatEndpoint(address));
    if (entry === undefined || entry.state === "banned") return;
    entry.state = "connected";
    entry.failures = 0;
  }

  /**
   * Notes that an attempt failed or a connection ended.
   *
   * @param address Its listening endpoint.
   * @param now The time in milliseconds.
   * @param failed Whether it counts as a failure.
   */
  released(address: Endpoint, now: number, failed: boolean): void {
    const entry = this.#entries.get(formatEndpoint(address));
    if (entry === undefined || entry.state === "banned") return;
    entry.state = "idle";
    if (failed) {
      entry.failures++;
      entry.notBefore = now + this.#randomInt(1000) +
        Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** (entry.failures - 1));
    } else entry.notBefore = now + RECONNECT_MS;
  }

  /**
   * Forgets a candidate, such as our own address.
   *
   * @param address Its listening endpoint.
   */
  remove(address: Endpoint): void {
    this.#delete(formatEndpoint(address));
  }

  /** Forgets whom a private torrent must not use (BEP 27). */
  removeOpenSources(): void {
    for (const [key, { source }] of this.#entries) {
      if (isOpenSource(source)) this.#delete(key);
    }
  }

  /**
   * Where a candidate is known from.
   *
   * @param address Its listening endpoint.
   * @returns The best source that told of it, if any did.
   */
  sourceOf(address: Endpoint): CandidateSource | undefined {
    return this.#entries.get(formatEndpoint(address))?.source;
  }

  /**
   * Notes whether a candidate has every piece.
   *
   * @param address Its listening endpoint.
   * @param isSeed Whether it is a seed.
   */
  setSeed(address: Endpoint, isSeed: boolean): void {
    const entry = this.#entries.get(formatEndpoint(address));
    if (entry !== undefined) entry.isSeed = isSeed;
  }

  /**
   * Bans a host: no candidate of it is ever taken again.
   *
   * @param hostname Its IP address.
   */
  ban(hostname: string): void {
    const host = normalizeHostname(hostname);
    this.#bannedHosts.add(host);
    for (const entry of this.#entries.values()) {
      if (entry.address.hostname === host) entry.state = "banned";
    }
  }

  /**
   * Whether a host is banned.
   *
   * @param hostname Its IP address.
   * @returns True when it is.
   */
  isBanned(hostname: string): boolean {
    return this.#bannedHosts.has(normalizeHostname(hostname));
  }

  /** Lets every candidate be tried at once again, as after a pause. */
  resetBackoff(): void {
    for (const entry of this.#entries.values()) {
      entry.notBefore = 0;
      entry.failures = 0;
    }
  }

  /**
   * When the next idle candidate may be tried.
   *
   * @returns The time in milliseconds, or `undefined` when there is none.
   */
  nextAttempt(): number | undefined {
    let first: number | undefined;
    for (const entry of this.#entries.values()) {
      if (
        mayBeTried(entry) &&
        (first === undefined || entry.notBefore < first)
      ) first = entry.notBefore;
    }
    return first;
  }

  /**
   * The endpoints that worked, for the resume data.
   *
   * @param limit Most to list.
   * @returns Connected ones first, then idle ones that never failed.
   */
  good(limit: number): Endpoint[] {
    const list = [...this.#entries.values()].filter((entry) =>
      entry.failures === 0 && entry.state !== "banned"
    );
    list.sort((a, b) =>
      Number(b.state === "connected") - Number(a.state === "connected")
    );
    return list.slice(0, limit).map((entry) => entry.address);
  }

  #evict(newcomer: CandidateSource): boolean {
    let worst: string | undefined;
    let score = RANK[newcomer];
    for (const [key, entry] of this.#entries) {
      if (entry.state !== "idle") continue;
      const value = entry.failures * 10 + RANK[entry.source];
      if (value > score) {
        worst = key;
        score = value;
      }
    }
    if (worst === undefined) return false;
    this.#delete(worst);
    return true;
  }

  #delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#leave(entry);
  }

  /** Counts an entry under another source; known peers may exceed its share. */
  #move(entry: Entry, source: CandidateSource): void {
    this.#leave(entry);
    entry.source = source;
    this.#perSource.set(source, (this.#perSource.get(source) ?? 0) + 1);
  }

  #leave(entry: Entry): void {
    this.#perSource.set(entry.source, this.#perSource.get(entry.source)! - 1);
    if (entry.source === "pex") {
      const left = this.#pexSubnets.get(entry.subnet)! - 1;
      if (left > 0) this.#pexSubnets.set(entry.subnet, left);
      else this.#pexSubnets.delete(entry.subnet);
    }
  }
}

function mayBeTried({ state, failures, source }: Entry): boolean {
  return state === "idle" && (failures < MAX_FAILURES || source === "manual");
}
