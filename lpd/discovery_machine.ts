/**
 * Local discovery as a pure machine: when to announce what, and whom to
 * believe.
 *
 * Invariant: nothing is ever sent about a hash that was not announced here or
 * that was removed, not even a repetition that was planned before.
 *
 * @module
 */
import {
  type Endpoint,
  formatEndpoint,
  type IpFamily,
  ipScope,
  type PeerCandidate,
  tryParseIp,
} from "../_shared/address.ts";
import { toByteString, toHex } from "../_shared/bytes.ts";
import type { Machine } from "../_shared/machine.ts";
import {
  randomBytes,
  randomInt,
  type RandomSource,
} from "../_shared/random.ts";
import { remember } from "../_shared/recent.ts";
import { TokenBucket, TokenBuckets } from "../_shared/token_bucket.ts";
import {
  encodeLpdAnnounce,
  type LpdAnnounce,
  tryDecodeLpdAnnounce,
} from "./announce.ts";
import { isOnNetwork, type LocalNetwork } from "./network.ts";

/** Options of {@linkcode LpdMachine}. */
export interface LpdMachineOptions {
  /** Where random bytes come from. */
  readonly random: RandomSource;
  /** When it starts, in ms. */
  readonly startedAt: number;
  /**
   * Time between two announces of a hash, in ms; up to a tenth is added at
   * random (BEP 14: 5 minutes).
   *
   * @default {300000}
   */
  readonly intervalMs?: number | undefined;
  /**
   * Whether peers are reported for every hash, not only for those that are
   * announced or watched.
   *
   * @default {false}
   */
  readonly anyInfoHash?: boolean | undefined;
}

/** What happens to an {@linkcode LpdMachine}. */
export type LpdInput =
  | {
    readonly type: "announce";
    readonly infoHash: Uint8Array;
    readonly port: number;
  }
  | { readonly type: "watch"; readonly infoHash: Uint8Array }
  | { readonly type: "remove"; readonly infoHash: Uint8Array }
  | {
    readonly type: "datagram";
    readonly data: Uint8Array;
    readonly from: Endpoint;
  }
  | {
    readonly type: "networks";
    readonly networks: readonly LocalNetwork[] | undefined;
  };

/** What an {@linkcode LpdMachine} wants done. */
export type LpdOutput =
  | {
    readonly type: "send";
    readonly family: IpFamily;
    readonly data: Uint8Array;
  }
  | { readonly type: "peer"; readonly candidate: PeerCandidate };

/** Why datagrams were dropped, and how many. */
export interface LpdDrops {
  /** No announce, or an impossible one. */
  readonly malformed: number;
  /** Our own, heard back. */
  readonly own: number;
  /** From outside of our networks. */
  readonly foreign: number;
  /** Heard a moment ago: a datagram comes in once for every interface. */
  readonly copies: number;
  /** More than the limits allow. */
  readonly flood: number;
}

interface Entry {
  readonly infoHash: Uint8Array;
  /** Absent when only watched. */
  readonly port: number | undefined;
  /** Sets it apart from the same hash at another time. */
  readonly number: number;
  dueAt: number;
}

interface Planned {
  readonly at: number;
  readonly keys: readonly string[];
}

/**
 * Least time between rounds of announces in the long run, in ms, and rounds that
 * may follow each other at once. A round is one datagram, or as many as the
 * hashes that are due need, up to 40 and one a second: 1000 hashes.
 */
const SPACING_MS = 60_000;
const MAX_ROUNDS = 5;
/**
 * Announces of our hashes heard in a second, of all and of one sender: one
 * that forges senders must not drown out the others.
 */
const INCOMING = 500;
const INCOMING_OF_ONE = 3;
/** How many times as many may come at once. */
const BURST = 5;
/** Time in which the same peer is reported once, in ms. */
const REPEAT_MS = 60_000;
/** Hashes in one datagram: 25 with our cookie fill 1400 bytes. */
const BATCH = 25;
/** Waits for more hashes to share the first datagram, in ms. */
const GATHER_MS = 100;
/** Datagrams of one round, and time between them in ms. */
const MAX_ROUND = 40;
const SLOT_MS = 1000;
/** When an announce is sent again, as datagrams get lost, in ms. */
const REPEATS_MS = [2000, 4000];
/** Larger rounds are not repeated. */
const MAX_REPEATED = 2;
/** Senders and peers remembered; the oldest are forgotten first. */
const MAX_SENDERS = 256;
const MAX_SEEN = 4096;
/** Within that time the same datagram is a copy, in ms. */
const COPY_MS = 500;
const MAX_COPIES = 64;

/** Announces hashes and hears others. Never give it a private torrent's. */
export class LpdMachine implements Machine<LpdInput, LpdOutput> {
  readonly #random: RandomSource;
  readonly #intervalMs: number;
  readonly #anyInfoHash: boolean;
  readonly #entries = new Map<string, Entry>();
  readonly #outputs: LpdOutput[] = [];
  readonly #rounds: TokenBucket;
  readonly #incoming: TokenBucket;
  readonly #senders = new TokenBuckets(
    INCOMING_OF_ONE,
    BURST * INCOMING_OF_ONE,
    MAX_SENDERS,
  );
  readonly #seen = new Map<string, number>();
  /** When datagrams came in that are remembered, the first one first. */
  readonly #heard = new Map<string, number>();
  readonly #drops = { malformed: 0, own: 0, foreign: 0, copies: 0, flood: 0 };
  #networks: readonly LocalNetwork[] | undefined;
  /** Datagrams to be sent, the first one first. */
  #planned: Planned[] = [];
  /** When the next datagram may be sent that is no repetition. */
  #freeAt = -Infinity;
  #dueAt: number | undefined;
  #added = 0;

  /** What tells our announces from others': 8 hex digits. */
  readonly cookie: string;

  /**
   * Makes a machine that announces nothing yet.
   *
   * @param options See {@linkcode LpdMachineOptions}.
   * @throws {RangeError} If the interval is not positive.
   */
  constructor(options: LpdMachineOptions) {
    const { random, startedAt, intervalMs = 300_000 } = options;
    if (!(intervalMs > 0)) {
      throw new RangeError(
        `Cannot use ${intervalMs} as "intervalMs": it must be a positive number`,
      );
    }
    this.#random = random;
    this.#intervalMs = intervalMs;
    this.#anyInfoHash = options.anyInfoHash ?? false;
    this.#rounds = new TokenBucket(1000 / SPACING_MS, MAX_ROUNDS, startedAt);
    this.#incoming = new TokenBucket(INCOMING, BURST * INCOMING, startedAt);
    this.cookie = toHex(randomBytes(random, 4));
  }

  /** Why datagrams were dropped. */
  get drops(): LpdDrops {
    return { ...this.#drops };
  }

  /** Hashes that are announced or watched. */
  get size(): number {
    return this.#entries.size;
  }

  /** When something is to be sent, in ms. */
  get deadline(): number | undefined {
    const planned = this.#planned[0]?.at;
    if (this.#dueAt === undefined) return planned;
    return planned === undefined ? this.#dueAt : Math.min(planned, this.#dueAt);
  }

  /**
   * Takes one input.
   *
   * @param input What happened.
   * @param now The time in ms.
   * @throws {RangeError} If a hash does not have 20 bytes or a port is not
   * from 1 to 65535.
   */
  handle(input: LpdInput, now: number): void {
    switch (input.type) {
      case "announce":
        if (
          !Number.isInteger(input.port) || input.port < 1 || input.port > 65535
        ) {
          throw new RangeError(
            `Cannot announce port ${input.port}: it must be an integer from 1 to 65535`,
          );
        }
        return this.#add(input.infoHash, input.port, now);
      case "watch":
        return this.#add(input.infoHash, undefined, now);
      case "remove":
        return this.#remove(toHex(input.infoHash));
      case "networks":
        this.#networks = input.networks;
        return;
      case "datagram":
        return this.#receive(input.data, input.from, now);
    }
  }

  /**
   * Takes the next output.
   *
   * @returns What to do, or `undefined`.
   */
  poll(): LpdOutput | undefined {
    return this.#outputs.shift();
  }

  /**
   * Sends what is due.
   *
   * @param now The time in ms.
   */
  handleTimeout(now: number): void {
    if (this.#dueAt !== undefined && this.#dueAt <= now) this.#announceDue(now);
    while (this.#planned.length > 0 && this.#planned[0]!.at <= now) {
      this.#send(this.#planned.shift()!.keys);
    }
  }

  #add(infoHash: Uint8Array, port: number | undefined, now: number): void {
    if (infoHash.length !== 20) {
      throw new RangeError(
        `Cannot announce a hash of ${infoHash.length} bytes: it must have 20`,
      );
    }
    const key = toHex(infoHash);
    const known = this.#entries.get(key);
    if (known !== undefined && known.port === port) return;
    const dueAt = port === undefined ? Infinity : now + GATHER_MS;
    const number = known?.number ?? ++this.#added;
    this.#entries.set(key, { infoHash: infoHash.slice(), port, number, dueAt });
    if (port === undefined) return;
    const at = Math.max(dueAt, this.#rounds.nextAt(now));
    this.#dueAt = Math.min(this.#dueAt ?? Infinity, at);
  }

  #remove(key: string): void {
    if (!this.#entries.delete(key)) return;
    // Added again, it is to hear of everybody again.
    this.#heard.clear();
  }

  /** Plans a round, if the rate allows one, of those that are due longest. */
  #announceDue(now: number): void {
    const due: [string, Entry][] = [];
    for (const pair of this.#entries) if (pair[1].dueAt <= now) due.push(pair);
    if (due.length > 0 && this.#rounds.take(now)) this.#plan(due, now);
    let first = Infinity;
    for (const { dueAt } of this.#entries.values()) {
      if (dueAt < first) first = dueAt;
    }
    this.#dueAt = first === Infinity
      ? undefined
      : Math.max(first, this.#rounds.nextAt(now));
  }

  #plan(due: [string, Entry][], now: number): void {
    due.sort((a, b) => a[1].dueAt - b[1].dueAt);
    const batches = new Map<number, string[][]>();
    for (const [key, { port }] of due) {
      const ofPort = batches.get(port!) ?? [];
      batches.set(port!, ofPort);
      const last = ofPort.at(-1);
      if (last !== undefined && last.length < BATCH) last.push(key);
      else ofPort.push([key]);
    }
    const round = [...batches.values()].flat().slice(0, MAX_ROUND);
    const isSmall = round.length <= MAX_REPEATED;
    for (const keys of round) {
      const at = isSmall ? now : Math.max(now, this.#freeAt);
      this.#freeAt = at + SLOT_MS;
      for (const key of keys) this.#entries.get(key)!.dueAt = this.#next(at);
      this.#planned.push({ at, keys });
      if (!isSmall) continue;
      for (const delay of REPEATS_MS) {
        this.#planned.push({ at: at + delay, keys });
      }
    }
    this.#planned.sort((a, b) => a.at - b.at);
  }

  #next(now: number): number {
    const spread = Math.min(0xffffffff, Math.ceil(this.#intervalMs / 10));
    return now + this.#intervalMs + randomInt(this.#random, spread);
  }

  #send(keys: readonly string[]): void {
    const hashes = new Map<number, Uint8Array[]>();
    for (const key of keys) {
      const { port, infoHash } = this.#entries.get(key) ?? {};
      if (port === undefined) continue;
      hashes.set(port, [...hashes.get(port) ?? [], infoHash!]);
    }
    const { cookie } = this;
    for (const [port, infoHashes] of hashes) {
      for (const family of [4, 6] as const) {
        const data = encodeLpdAnnounce({ family, port, infoHashes, cookie });
        this.#outputs.push({ type: "send", family, data });
      }
    }
  }

  #receive(data: Uint8Array, from: Endpoint, now: number): void {
    const announce = tryDecodeLpdAnnounce(data);
    const fault = this.#faultOf(announce, data, from, now);
    if (announce === undefined || fault !== undefined) {
      this.#drops[fault ?? "malformed"]++;
      return;
    }
    const ours = announce.infoHashes.map((infoHash) => ({
      infoHash,
      entry: this.#entries.get(toHex(infoHash)),
    })).filter(({ entry }) => this.#anyInfoHash || entry !== undefined);
    if (ours.length === 0) return;
    // A flooding sender uses up its own share before that of all.
    if (
      !this.#senders.use(from.hostname, now).take(now) ||
      !this.#incoming.take(now)
    ) {
      this.#drops.flood++;
      return;
    }
    const ip = tryParseIp(from.hostname)!;
    // Without its zone nobody can connect to a link-local IPv6 address.
    if (ip.length === 16 && ipScope(ip) === "link-local") return;
    const address = { hostname: from.hostname, port: announce.port };
    for (const { infoHash, entry } of ours) {
      const peer = `${toHex(infoHash)} ${entry?.number} ${
        formatEndpoint(address)
      }`;
      if (!this.#isNews(peer, now)) continue;
      const candidate = {
        infoHash,
        address,
        source: "lpd",
        teller: address.hostname,
      } as const;
      this.#outputs.push({ type: "peer", candidate });
    }
  }

  /** Why an announce is not listened to. */
  #faultOf(
    announce: LpdAnnounce | undefined,
    data: Uint8Array,
    from: Endpoint,
    now: number,
  ): keyof LpdDrops | undefined {
    if (announce === undefined) return "malformed";
    if (announce.cookie === this.cookie) return "own";
    if (!isOnNetwork(from.hostname, this.#networks)) return "foreign";
    return this.#isCopy(data, from, now) ? "copies" : undefined;
  }

  /**
   * Whether the same came in just now: where each interface has a socket in the
   * group, each of them hears what any of them does.
   */
  #isCopy(data: Uint8Array, from: Endpoint, now: number): boolean {
    const key = `${from.hostname} ${from.port} ${toByteString(data)}`;
    const heardAt = this.#heard.get(key);
    if (heardAt !== undefined && now - heardAt < COPY_MS) return true;
    remember(this.#heard, key, now, MAX_COPIES);
    return false;
  }

  #isNews(key: string, now: number): boolean {
    const until = this.#seen.get(key);
    if (until !== undefined && now < until) return false;
    remember(this.#seen, key, now + REPEAT_MS, MAX_SEEN);
    return true;
  }
}
