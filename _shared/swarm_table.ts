/**
 * A {@linkcode SwarmStore} in memory: a dozen bytes a peer, no garbage.
 *
 * Invariants: a torrent is in the index while it has peers; its records are
 * one block a family, seeds first; the counters are the sums over all blocks.
 *
 * @module
 */
import type { ScrapeEntry } from "./announce.ts";
import { randomInt, type RandomSource } from "./random.ts";
import { SwarmIndex } from "./swarm_index.ts";
import { SwarmList } from "./swarm_list.ts";
import { SwarmShare } from "./swarm_share.ts";
import {
  checkSwarmLimits,
  type FullSwarmLimits,
  type SwarmAnnounce,
  type SwarmAnswer,
  type SwarmLimits,
  type SwarmStats,
  type SwarmStore,
} from "./swarm_store.ts";

/** Victims looked at before one has to go. */
const SAMPLES = 8;
/** Slots tried to find a sample. */
const TRIES = 64;
/** Most peers in one answer. */
export const MAX_SWARM_ANSWER = 200;
/** A round of expiry visits every torrent within this time. */
const EXPIRY_ROUND_MS = 120_000;

/** Options of {@linkcode SwarmTable}. */
export interface SwarmTableOptions extends SwarmLimits {
  /** Secrets of the tables, and whom answers name. */
  readonly random: RandomSource;
}

/** Swarms in memory. */
export class SwarmTable implements SwarmStore {
  readonly #limits: FullSwarmLimits;
  readonly #lifeSeconds: number;
  readonly #index: SwarmIndex;
  readonly #share: SwarmShare;
  readonly #v4: SwarmList;
  readonly #v6: SwarmList;
  #downloads = new Uint32Array(16);
  #evicted = 0;
  #cursor = 0;
  #expiredAt: number | undefined;
  /** State of a xorshift generator: whom to name is no secret. */
  #state: number;
  /** Compact peers of the answer, as lists write them. */
  readonly #halves4 = new Uint16Array(3 * MAX_SWARM_ANSWER);
  readonly #halves6 = new Uint16Array(9 * MAX_SWARM_ANSWER);
  readonly #answer: SwarmAnswer = {
    seeders: 0,
    leechers: 0,
    downloads: 0,
    peers4: new Uint8Array(this.#halves4.buffer),
    length4: 0,
    peers6: new Uint8Array(this.#halves6.buffer),
    length6: 0,
  };
  readonly #entry = { seeders: 0, leechers: 0, downloads: 0 };

  /**
   * Makes an empty table.
   *
   * @param options See {@linkcode SwarmTableOptions}.
   * @throws {RangeError} If a limit is not positive.
   */
  constructor(options: SwarmTableOptions) {
    this.#limits = checkSwarmLimits(options);
    this.#lifeSeconds = Math.ceil(this.#limits.peerLifeMs / 1000);
    const secret = () => randomInt(options.random, 0x100000000);
    this.#index = new SwarmIndex(secret());
    this.#share = new SwarmShare(secret());
    this.#v4 = new SwarmList(4, this.#share, secret());
    this.#v6 = new SwarmList(6, this.#share, secret());
    this.#state = secret() | 1;
  }

  /** Peers in the table. */
  get size(): number {
    return this.#v4.peers + this.#v6.peers;
  }

  /**
   * Takes an announce.
   *
   * @param request What the peer said.
   * @param now The time in milliseconds.
   * @returns Figures and peers, valid until the next call.
   */
  announce(request: SwarmAnnounce, now: number): SwarmAnswer {
    const { infoHash, infoHashOffset, event, port } = request;
    const list = request.family === 4 ? this.#v4 : this.#v6;
    const seconds = Math.trunc(now / 1000);
    let slot = this.#index.find(infoHash, infoHashOffset);
    let own = slot < 0 ? -1 : list.find(slot, request);
    if (event === "stopped") {
      if (own >= 0) {
        list.remove(slot, own);
        own = -1;
        if (this.#isEmpty(slot)) {
          this.#drop(slot);
          slot = -1;
        }
      }
    } else if (port !== 0) {
      if (own >= 0) {
        const wasSeed = list.isSeed(slot, own);
        own = list.refresh(slot, own, request.seed, seconds);
        if (event === "completed" && !wasSeed) this.#downloads[slot]!++;
      } else {
        const room = this.#makeRoom(slot, list, request);
        // Making room may have emptied this very torrent.
        slot = this.#index.find(infoHash, infoHashOffset);
        if (room) {
          if (slot < 0) slot = this.#newSlot(infoHash, infoHashOffset);
          own = list.add(slot, request, seconds);
          if (event === "completed") this.#downloads[slot]!++;
        }
      }
    }
    return this.#fill(slot, own, request);
  }

  /**
   * Looks up the figures of a torrent.
   *
   * @param infoHash Bytes that hold the info-hash.
   * @param offset Where in them the 20 bytes begin.
   * @returns The figures, valid until the next call.
   */
  scrape(infoHash: Uint8Array, offset: number): ScrapeEntry {
    const slot = this.#index.find(infoHash, offset);
    const entry = this.#entry;
    entry.seeders = slot < 0 ? 0 : this.#v4.seeds(slot) + this.#v6.seeds(slot);
    entry.leechers = slot < 0
      ? 0
      : this.#v4.count(slot) + this.#v6.count(slot) - entry.seeders;
    entry.downloads = slot < 0 ? 0 : this.#downloads[slot]!;
    return entry;
  }

  /**
   * Lets peers go that were not heard of for too long. Called every second or
   * so, every torrent is visited within two minutes.
   *
   * @param now The time in milliseconds.
   */
  expire(now: number): void {
    const passed = now - (this.#expiredAt ?? now);
    this.#expiredAt = now;
    const { top } = this.#index;
    const oldest = Math.trunc(now / 1000) - this.#lifeSeconds;
    let visits = Math.ceil(top * Math.min(1, passed / EXPIRY_ROUND_MS));
    while (visits-- > 0) {
      if (this.#cursor >= top) this.#cursor = 0;
      const slot = this.#cursor++;
      if (!this.#index.has(slot)) continue;
      this.#v4.expire(slot, oldest);
      this.#v6.expire(slot, oldest);
      if (this.#isEmpty(slot)) this.#drop(slot);
    }
  }

  /**
   * Reads the figures of the moment.
   *
   * @returns A snapshot.
   */
  stats(): SwarmStats {
    const seeders = this.#v4.seeders + this.#v6.seeders;
    return {
      torrents: this.#index.size,
      seeders,
      leechers: this.size - seeders,
      peers4: this.#v4.peers,
      peers6: this.#v6.peers,
      evicted: this.#evicted,
      bytes: this.#index.bytes + this.#share.bytes + this.#v4.bytes +
        this.#v6.bytes + this.#downloads.byteLength,
    };
  }

  /** Does nothing: memory is freed with the table. */
  close(): void {}

  #fill(slot: number, own: number, request: SwarmAnnounce): SwarmAnswer {
    const answer = this.#answer;
    answer.length4 = answer.length6 = 0;
    if (slot < 0) {
      answer.seeders = answer.leechers = answer.downloads = 0;
      return answer;
    }
    const v4 = this.#v4;
    const v6 = this.#v6;
    answer.seeders = v4.seeds(slot) + v6.seeds(slot);
    answer.leechers = v4.count(slot) + v6.count(slot) - answer.seeders;
    answer.downloads = this.#downloads[slot]!;
    if (request.event === "stopped") return answer;
    const want = Math.min(request.numWant, MAX_SWARM_ANSWER);
    const { seed } = request;
    const dice = this.#random();
    if (request.family === 4) {
      answer.length4 = v4.pick(slot, own, seed, want, dice, this.#halves4);
      if (request.bothFamilies) {
        const rest = want - answer.length4 / 6;
        answer.length6 = v6.pick(slot, -1, seed, rest, dice, this.#halves6);
      }
    } else {
      answer.length6 = v6.pick(slot, own, seed, want, dice, this.#halves6);
      if (request.bothFamilies) {
        const rest = want - answer.length6 / 18;
        answer.length4 = v4.pick(slot, -1, seed, rest, dice, this.#halves4);
      }
    }
    return answer;
  }

  /**
   * Sees to it that one more peer, perhaps of a new torrent, is allowed: one
   * of an address that holds as many entries as the newcomer's goes, or the
   * newcomer is not let in. So nobody displaces those who hold less.
   */
  #makeRoom(slot: number, list: SwarmList, newcomer: SwarmAnnounce): boolean {
    const { maxPeers, maxPeersPerTorrent, maxTorrents } = this.#limits;
    const share = list.shareOfAnnounce(newcomer);
    if (slot >= 0 && list.count(slot) >= maxPeersPerTorrent) {
      return this.#evictFrom(slot, list, share);
    }
    const full = slot < 0 && this.#index.size >= maxTorrents;
    if (full || this.size >= maxPeers) return this.#evictAny(full, share);
    return true;
  }

  /** One peer of a torrent goes: of whom has most entries, or the oldest. */
  #evictFrom(slot: number, list: SwarmList, share: number): boolean {
    const count = list.count(slot);
    let victim = -1;
    for (let i = 0; i < SAMPLES; i++) {
      const at = this.#random() % count;
      if (victim < 0 || list.isWorse(slot, at, 0, slot, victim, 0)) {
        victim = at;
      }
    }
    this.#evicted++;
    if (share > list.shareOf(slot, victim)) return false;
    list.remove(slot, victim);
    if (this.#isEmpty(slot)) this.#drop(slot);
    return true;
  }

  /**
   * One peer of any torrent goes: of whom has most entries, then one that is
   * alone, then the oldest. A flood of random torrents so displaces itself.
   * Where a whole torrent has to go, the smaller one goes.
   */
  #evictAny(wholeTorrent: boolean, share: number): boolean {
    let victimSlot = -1;
    let victim = -1;
    let victims = this.#v4;
    let victimSize = 0;
    const { top } = this.#index;
    let samples = 0;
    let at = this.#random() % top;
    for (let i = 0; samples < SAMPLES && (i < TRIES || victim < 0); i++) {
      // After many misses the next one in use is taken.
      at = i < TRIES ? this.#random() % top : (at + 1) % top;
      if (!this.#index.has(at)) continue;
      const list = this.#v4.count(at) > 0 ? this.#v4 : this.#v6;
      const peer = this.#random() % list.count(at);
      const all = this.#v4.count(at) + this.#v6.count(at);
      const size = wholeTorrent ? all : Math.min(all, 2);
      samples++;
      if (
        victim < 0 ||
        list.isWorse(at, peer, size, victimSlot, victim, victimSize, victims)
      ) {
        victimSlot = at;
        victim = peer;
        victims = list;
        victimSize = size;
      }
    }
    if (share > victims.shareOf(victimSlot, victim)) {
      this.#evicted++;
      return false;
    }
    if (wholeTorrent) {
      this.#evicted += this.#v4.count(victimSlot) + this.#v6.count(victimSlot);
      this.#v4.clear(victimSlot);
      this.#v6.clear(victimSlot);
    } else {
      victims.remove(victimSlot, victim);
      this.#evicted++;
    }
    if (this.#isEmpty(victimSlot)) this.#drop(victimSlot);
    return true;
  }

  #isEmpty(slot: number): boolean {
    return this.#v4.count(slot) === 0 && this.#v6.count(slot) === 0;
  }

  #drop(slot: number): void {
    this.#index.remove(slot);
  }

  #newSlot(infoHash: Uint8Array, offset: number): number {
    const slot = this.#index.add(infoHash, offset);
    if (slot >= this.#downloads.length) {
      const downloads = new Uint32Array(2 * this.#downloads.length);
      downloads.set(this.#downloads);
      this.#downloads = downloads;
    }
    this.#downloads[slot] = 0;
    this.#v4.reserve(slot);
    this.#v6.reserve(slot);
    return slot;
  }

  #random(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }
}
