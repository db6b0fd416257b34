/**
 * Candidates: what is thought of their sources, and how they compare.
 *
 * @module
 */
import {
  type CandidateSource,
  type Endpoint,
  hostKey,
  ipScope,
  isMappedIpv4,
  type PeerHints,
  siteKey,
  tryParseIp,
} from "../../_shared/address.ts";
import type { CandidateSourceTraits } from "../types.ts";
import {
  compareBytes,
  concatBytes,
  crc32c,
  writeUint16,
} from "../../_shared/bytes.ts";

/** What is thought of a source that nobody described. */
const DEFAULT_SOURCE_TRAITS: CandidateSourceTraits = {
  rank: 3,
  share: 0.5,
  isOpen: true,
  isTrusted: false,
  namesLocal: false,
};

/** The sources of this package. */
const STANDARD: ReadonlyMap<CandidateSource, CandidateSourceTraits> = new Map(
  ([
    ["manual", { rank: 0, share: 1, isOpen: false, isTrusted: true }],
    ["magnet", { rank: 1, share: 0.05, isOpen: false, namesLocal: true }],
    ["resume", { rank: 1, isOpen: false, isTrusted: true }],
    ["tracker", { rank: 2, share: 0.75, isOpen: false }],
    ["lpd", { rank: 2, share: 0.25 }],
    ["dht", { share: 0.75 }],
    ["incoming", { share: 0.25, isOpen: false }],
    ["pex", { rank: 4 }],
  ] satisfies [CandidateSource, Partial<CandidateSourceTraits>][]).map((
    [name, traits],
  ) => [name, { ...DEFAULT_SOURCE_TRAITS, ...traits }]),
);

/** Traits of sources by name; those that nobody described have the default. */
export class CandidateSources {
  readonly #own = new Map<CandidateSource, CandidateSourceTraits>();

  /**
   * Describes sources beside the standard ones.
   *
   * @param sources Name and traits of each; what is left out has the default.
   */
  constructor(
    sources: Iterable<
      readonly [CandidateSource, Partial<CandidateSourceTraits>]
    > = [],
  ) {
    for (const [name, traits] of sources) {
      if (STANDARD.has(name)) continue;
      this.#own.set(name, { ...DEFAULT_SOURCE_TRAITS, ...traits });
    }
  }

  /**
   * Looks a source up.
   *
   * @param source Its name.
   * @returns What is thought of it.
   */
  of(source: CandidateSource): CandidateSourceTraits {
    return STANDARD.get(source) ?? this.#own.get(source) ??
      DEFAULT_SOURCE_TRAITS;
  }
}

function ipOf(endpoint: Endpoint): Uint8Array | undefined {
  const ip = tryParseIp(endpoint.hostname);
  return ip !== undefined && isMappedIpv4(ip) ? ip.subarray(12) : ip;
}

function masked(ip: Uint8Array, keep: number): Uint8Array {
  return ip.map((byte, i) => i < keep ? byte : byte & 0x55);
}

/**
 * The priority that both ends of a connection agree on (BEP 40): 32 bits, the
 * higher the better; none between families.
 */
export function peerPriority(
  ours: Endpoint,
  theirs: Endpoint,
): number | undefined {
  const a = ipOf(ours);
  const b = ipOf(theirs);
  if (a === undefined || b === undefined || a.length !== b.length) {
    return undefined;
  }
  let common = 0;
  while (common < a.length && a[common] === b[common]) common++;
  if (common === a.length) {
    const ports = [ours.port, theirs.port].sort((x, y) => x - y);
    const bytes = new Uint8Array(4);
    writeUint16(bytes, 0, ports[0]!);
    writeUint16(bytes, 2, ports[1]!);
    return crc32c(bytes);
  }
  const keep = Math.max(a.length === 4 ? 2 : 6, common + 1);
  const pair = [masked(a, keep), masked(b, keep)].sort(compareBytes);
  return crc32c(concatBytes(pair));
}

/**
 * Failures in a row after which a candidate is given up, until somebody tells
 * of it again.
 */
export const MAX_FAILURES = 5;
/** Candidates of one host, which may be several behind one router. */
const MAX_PER_HOST = 2;
/** The same for our own machine: where programs are tried out. */
const MAX_PER_LOOPBACK = 16;
/** Candidates of one site (/24 or /48). */
const MAX_PER_SITE = 256;
/** The same for what peers tell of each other. */
const MAX_PER_GOSSIP_SITE = 32;
/** Peers of a site or port that nothing came of, from which on it is avoided. */
const AVOIDED_AT = 3;

/** A source of candidates, within one torrent. */
export interface SourceBook {
  readonly name: CandidateSource;
  readonly traits: CandidateSourceTraits;
  /** Candidates from it. */
  count: number;
  /** When its turn is: the lower the sooner. */
  turn: number;
  /** The turn of the teller that was served last. */
  tellerTurn: number;
  /** Those who told. */
  readonly tellers: Map<string, Teller>;
}

/** Somebody who told of candidates: all of a site count as one. */
export interface Teller {
  readonly key: string;
  readonly source: SourceBook;
  /** Candidates from it. */
  count: number;
  /** When its turn is: the lower the sooner. */
  turn: number;
}

/** What candidates have in common: a host, a site or a port. */
export interface Crowd {
  readonly key: string;
  /** Candidates in it. */
  count: number;
  /** Connections that something came of. */
  useful: number;
  /** Connections that nothing came of. */
  useless: number;
}

/** A candidate. */
export interface Candidate {
  /** Its endpoint as text. */
  readonly key: string;
  readonly address: Endpoint;
  readonly host: Crowd;
  readonly site: Crowd;
  readonly port: Crowd;
  teller: Teller;
  readonly peerId: Uint8Array | undefined;
  /** What others say of it. */
  hints: PeerHints | undefined;
  /** The higher the sooner: chance, or canonical priority (BEP 40). */
  order: number;
  state: "idle" | "connecting" | "connected" | "banned";
  /** Connected peers that claim to listen there. */
  claims: number;
  /** In a row. */
  failures: number;
  /** When it may be tried, in milliseconds. */
  notBefore: number;
  isSeed: boolean;
}

/** How an attempt or a connection ended, for `PeerList.released`. */
export type CandidateOutcome =
  /** A connection worked and ended: again in a while. */
  | "ended"
  /** The other side's doing: again later and later. */
  | "failed"
  /** Connected, but of no use: counts as a failure, and against its like. */
  | "useless"
  /** Our own doing, such as a full queue: says nothing about it. */
  | "local"
  /** We left: again when we are back and the other side knows. */
  | "stopped";

/** How many of its crowds have proved of no use. */
function shade({ site, port }: Candidate): number {
  return Number(isAvoided(site)) + Number(isAvoided(port));
}

/** How often it failed, or another port of its host: new ones are no news. */
export function fails({ failures, host }: Candidate): number {
  return Math.max(failures, host.useless);
}

function isAvoided({ useful, useless }: Crowd): boolean {
  return useful === 0 && useless >= AVOIDED_AT;
}

/** Whether one candidate is to be tried before another. */
export function isBetter(a: Candidate, b: Candidate, turn: number): boolean {
  const [s, t] = [a.teller.source, b.teller.source];
  if (s !== t) {
    const [x, y] = [s.traits.rank, t.traits.rank];
    if (x === 0 || y === 0) return x < y;
    return (Math.max(s.turn, turn) - Math.max(t.turn, turn) || x - y) < 0;
  }
  const by = Math.max(a.teller.turn, s.tellerTurn) -
      Math.max(b.teller.turn, s.tellerTurn) ||
    shade(a) - shade(b) || fails(a) - fails(b) || a.failures - b.failures ||
    b.order - a.order;
  return by < 0;
}

/**
 * Whether a candidate has to give way to one from a certain teller: to a teller
 * of fewer candidates, or when it has failed before.
 */
export function isKeptLess(entry: Candidate, newcomer: Teller): boolean {
  const { teller } = entry;
  const hasFailed = fails(entry) > 0;
  if (teller === newcomer) return hasFailed;
  return teller.source.traits.rank >= newcomer.source.traits.rank &&
      hasFailed || teller.count > newcomer.count + 1;
}

/** Counts candidates by what they have in common. */
export class Crowds {
  readonly #crowds = new Map<string, Crowd>();

  /** Takes a candidate in. */
  enter(address: Endpoint): Pick<Candidate, "host" | "site" | "port"> {
    const { hostname, port } = address;
    return {
      host: this.#join(`h${hostKey(hostname)}`),
      site: this.#join(`s${siteKey(hostname)}`),
      port: this.#join(`p${port}`),
    };
  }

  /** Whether there is a candidate of a host. */
  hasHost({ hostname }: Endpoint): boolean {
    return this.#crowds.has(`h${hostKey(hostname)}`);
  }

  /** Forgets a candidate. */
  leave({ host, site, port }: Candidate): void {
    for (const crowd of [host, site, port]) {
      if (--crowd.count === 0) this.#crowds.delete(crowd.key);
    }
  }

  /** The crowd that has no room for another candidate from hearsay, if any. */
  fullFor(
    { hostname }: Endpoint,
    { rank, namesLocal }: CandidateSourceTraits,
  ): Crowd | undefined {
    const ip = tryParseIp(hostname);
    const isLoopback = ip !== undefined && ipScope(ip) === "loopback";
    const host = this.#crowds.get(`h${hostKey(hostname)}`);
    if (
      host !== undefined &&
      host.count >= (isLoopback ? MAX_PER_LOOPBACK : MAX_PER_HOST)
    ) return host;
    const site = this.#crowds.get(`s${siteKey(hostname)}`);
    const isGossip = rank >= 4 || namesLocal;
    return site !== undefined &&
        site.count >= (isGossip ? MAX_PER_GOSSIP_SITE : MAX_PER_SITE)
      ? site
      : undefined;
  }

  #join(key: string): Crowd {
    let crowd = this.#crowds.get(key);
    if (crowd === undefined) {
      crowd = { key, count: 0, useful: 0, useless: 0 };
      this.#crowds.set(key, crowd);
    }
    crowd.count++;
    return crowd;
  }
}
