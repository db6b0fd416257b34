/**
 * How many peers and torrents a shared database holds, and how many of them
 * each address: counted now and then, and kept up to date between.
 *
 * Every process counts what it enters and removes in the database, in the same
 * atomic operation; entries that expire are missed only by the next count. So
 * the figures are never too low by more than other processes do in a second,
 * and near a cap by what they do at the moment.
 *
 * @module
 */
import type { IpFamily } from "../../_shared/address.ts";
import { equalBytes } from "../../_shared/bytes.ts";
import { randomInt } from "../../_shared/random.ts";
import { shareWords, SwarmShare } from "../../_shared/swarm_share.ts";
import type { SwarmStats } from "../swarm_store.ts";
import { counterOf, DownloadsSweep } from "./kv_swarm_downloads.ts";
import type { KvPlace } from "./kv_swarm_layout.ts";
import type { SwarmKvAtomic } from "../swarm_kv.ts";

/** How often the counters are read, in milliseconds. */
const READ_INTERVAL_MS = 1_000;
/** How often all peers are counted, in milliseconds. */
const COUNT_INTERVAL_MS = 300_000;
/** How often at a cap, where peers that expired make room, in milliseconds. */
const FULL_INTERVAL_MS = 30_000;
/** How old the figures for people may be, in milliseconds. */
const STATS_AGE_MS = 5_000;
/** Counting takes at most a part of the time. */
const COUNT_SHARE = 10;

/** Counters in the database; all of them only rise. */
const NAMES = ["added", "removed", "newTorrents", "goneTorrents"] as const;
type Counters = Record<typeof NAMES[number], number>;

/** What a count found, and the counters when it began. */
interface Counted extends Counters {
  readonly peers: number;
  readonly torrents: number;
}

const NONE: Counters = {
  added: 0,
  removed: 0,
  newTorrents: 0,
  goneTorrents: 0,
};

/** Figures of one count. */
export type SwarmCount = Omit<SwarmStats, "evicted" | "bytes">;

/** Counts what is in a database. */
export class KvSwarmCensus {
  readonly #place: KvPlace;
  /** A secret 32-bit number. */
  readonly #seed: number;
  #share: SwarmShare;
  /** Of the count under way. */
  #nextShare: SwarmShare | undefined;
  /** Of the last count, by whomever. */
  #counted: Counted = { peers: 0, torrents: 0, ...NONE };
  #counters: Counters = NONE;
  /** What we did since the counters were read. */
  #ownPeers = 0;
  #ownTorrents = 0;
  #reading: Promise<void> | undefined;
  #readAt = -Infinity;
  #count: Promise<SwarmCount> | undefined;
  #counting = false;
  #countedAt = -Infinity;
  #tookMs = 0;
  #closed = false;

  /** Makes a census that has counted nothing yet. */
  constructor(place: KvPlace) {
    this.#place = place;
    this.#seed = randomInt(place.random, 0x100000000);
    this.#share = new SwarmShare(this.#seed);
  }

  /** Peers, rather too many than too few. */
  get peers(): number {
    const { peers, added, removed } = this.#counted;
    const counters = this.#counters;
    return peers + counters.added - added - (counters.removed - removed) +
      this.#ownPeers;
  }

  /** Torrents, rather too many than too few. */
  get torrents(): number {
    const { torrents, newTorrents, goneTorrents } = this.#counted;
    const counters = this.#counters;
    return torrents + counters.newTorrents - newTorrents -
      (counters.goneTorrents - goneTorrents) + this.#ownTorrents;
  }

  /**
   * What an address and its subnets hold: entries of the last count, and those
   * entered here since.
   */
  shareOf(compact: Uint8Array): number {
    return this.#share.of(...wordsOf(compact));
  }

  /** Counts peers in, as part of an atomic operation. */
  countIn(operation: SwarmKvAtomic, peers: number, torrents: number): void {
    this.#sum(operation, "added", peers);
    this.#sum(operation, "newTorrents", torrents);
  }

  /** Counts peers out, as part of an atomic operation. */
  countOut(operation: SwarmKvAtomic, peers: number, torrents: number): void {
    this.#sum(operation, "removed", peers);
    this.#sum(operation, "goneTorrents", torrents);
  }

  /** Notes that an operation took place. */
  note(compact: Uint8Array, by: 1 | -1, torrents: number): void {
    this.#ownPeers += by;
    this.#ownTorrents += torrents;
    const words = wordsOf(compact);
    this.#share.count(...words, by);
    this.#nextShare?.count(...words, by);
  }

  /** Sees to it that the figures are not older than a second. */
  async refresh(isNearlyFull: boolean): Promise<void> {
    const age = this.#place.wallClock() - this.#readAt;
    if (age < READ_INTERVAL_MS && !isNearlyFull) return;
    this.#reading ??= this.#read().finally(() => this.#reading = undefined);
    await this.#reading;
  }

  /** Counts all peers, if that was not done for a while. */
  async recount(isFull: boolean): Promise<void> {
    const interval = isFull ? FULL_INTERVAL_MS : COUNT_INTERVAL_MS;
    if (this.#isYoung(interval) || this.#counting) return;
    await this.#start();
  }

  /**
   * Reads figures for people: a few seconds old, or some more where counting
   * takes long.
   */
  stats(): Promise<SwarmCount> {
    return this.#count !== undefined &&
        (this.#counting || this.#isYoung(STATS_AGE_MS))
      ? this.#count
      : this.#start();
  }

  /** Stops counting. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled([this.#reading, this.#count]);
  }

  #sum(
    operation: SwarmKvAtomic,
    name: typeof NAMES[number],
    by: number,
  ): void {
    if (by > 0) operation.sum(this.#place.layout.countKey(name), BigInt(by));
  }

  #isYoung(ageMs: number): boolean {
    return this.#place.wallClock() - this.#countedAt <=
      Math.max(ageMs, COUNT_SHARE * this.#tookMs);
  }

  async #read(): Promise<void> {
    const counters = { ...NONE };
    const { kv, layout } = this.#place;
    for await (const entry of kv.list({ prefix: layout.counts })) {
      const { key, value } = entry;
      const name = NAMES.find((name) => name === key[2]);
      if (name !== undefined) counters[name] = counterOf(value);
      else if (key[2] === "last") this.#adopt(value);
    }
    this.#counters = counters;
    this.#ownPeers = this.#ownTorrents = 0;
    this.#readAt = this.#place.wallClock();
  }

  /** Another process may have counted later. */
  #adopt(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    const theirs = value as Record<string, unknown>;
    const numbers = Object.keys(this.#counted).map((key) => theirs[key]);
    if (!numbers.every((number) => typeof number === "number")) return;
    const counted = value as Counted;
    if (
      counted.added >= this.#counted.added &&
      counted.removed >= this.#counted.removed
    ) this.#counted = { ...counted };
  }

  #start(): Promise<SwarmCount> {
    this.#counting = true;
    this.#countedAt = this.#place.wallClock();
    const count = this.#countAll().finally(() => this.#counting = false);
    this.#count = count;
    count.catch(() => {
      if (this.#count === count) this.#count = undefined;
    });
    return count;
  }

  async #countAll(): Promise<SwarmCount> {
    const { kv, layout, wallClock, limits } = this.#place;
    const start = wallClock();
    const oldest = (start - limits.peerLifeMs) / 1000;
    const share = new SwarmShare(this.#seed);
    this.#nextShare = share;
    let torrents = 0;
    let seeders = 0;
    let peers4 = 0;
    let peers6 = 0;
    let last: Uint8Array | undefined;
    await this.#read();
    const before = this.#counters;
    const sweep = new DownloadsSweep(kv, layout);
    const list = kv.list({ prefix: layout.peers }, { batchSize: 500 });
    for await (const entry of list) {
      const peer = layout.peerOf(entry);
      if (this.#closed) break;
      if (peer === undefined || peer.heard < oldest) continue;
      if (last === undefined || !equalBytes(last, peer.torrent)) {
        torrents++;
        await sweep.reach(peer.torrent);
      }
      last = peer.torrent;
      if (peer.seed) seeders++;
      if (peer.compact.length === 6) peers4++;
      else peers6++;
      share.count(...wordsOf(peer.compact), 1);
    }
    this.#nextShare = undefined;
    const peers = peers4 + peers6;
    const count = { torrents, seeders, leechers: peers - seeders };
    if (this.#closed) await sweep.stop();
    else {
      await sweep.reach(undefined);
      this.#share = share;
      this.#counted = { peers, torrents, ...before };
      await kv.atomic().set(layout.countKey("last"), this.#counted).commit();
      await this.#read();
      this.#tookMs = wallClock() - start;
    }
    return { ...count, peers4, peers6 };
  }
}

/** Family and words of an address, as shares are counted by. */
function wordsOf(compact: Uint8Array): [IpFamily, number, number] {
  const family = compact.length === 6 ? 4 : 6;
  return [family, ...shareWords(compact, family)];
}
