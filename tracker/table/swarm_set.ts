/**
 * Swarms in typed arrays, and the rules of one torrent: who goes when it is
 * full, and whom answers name. What is allowed in all is its owner's matter.
 *
 * Invariants: a torrent is in the index while it has peers; its records are
 * one block a family, seeds first; the counters are the sums over all blocks.
 *
 * @module
 */
import type { IpFamily } from "../../_shared/address.ts";
import { randomInt, type RandomSource } from "../../_shared/random.ts";
import { SwarmIndex } from "./swarm_index.ts";
import { SwarmList } from "./swarm_list.ts";
import {
  isCrowd,
  isWorse,
  oldestOfCrowd,
  shareOf,
  shareOfAnnounce,
} from "./swarm_rank.ts";
import { SwarmShare } from "../../_shared/swarm_share.ts";
import type { SwarmAnnounce, SwarmAnswer } from "../swarm_store.ts";

/** Most peers in one answer. */
export const MAX_SWARM_ANSWER = 200;
/** Victims looked at before one has to go. */
export const SWARM_SAMPLES = 8;
/** Nobody has to go for a newcomer. */
export const NO_VICTIM = -1;
/** The newcomer is not let in. */
export const REFUSED = -2;

/** Torrents and their peers. */
export class SwarmSet {
  /** Torrents by info-hash. */
  readonly index: SwarmIndex;
  /** IPv4 peers. */
  readonly v4: SwarmList;
  /** IPv6 peers. */
  readonly v6: SwarmList;
  /** Place of the peer that was entered last. */
  added = -1;
  readonly #share: SwarmShare;
  #downloads = new Uint32Array(16);
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

  constructor(random: RandomSource) {
    const secret = () => randomInt(random, 0x100000000);
    this.index = new SwarmIndex(secret());
    this.#share = new SwarmShare(secret());
    this.v4 = new SwarmList(4, this.#share, secret());
    this.v6 = new SwarmList(6, this.#share, secret());
    this.#state = secret() | 1;
  }

  /** Peers of all torrents. */
  get size(): number {
    return this.v4.peers + this.v6.peers;
  }

  /** Bytes of the tables. */
  get bytes(): number {
    return this.index.bytes + this.#share.bytes + this.v4.bytes +
      this.v6.bytes + this.#downloads.byteLength;
  }

  /** Where peers of a family are. */
  listOf(family: IpFamily): SwarmList {
    return family === 4 ? this.v4 : this.v6;
  }

  /** Peers of a torrent. */
  count(slot: number): number {
    return this.v4.count(slot) + this.v6.count(slot);
  }

  /** Seeds of a torrent. */
  seeds(slot: number): number {
    return this.v4.seeds(slot) + this.v6.seeds(slot);
  }

  /** Times a torrent was completed. */
  downloads(slot: number): number {
    return this.#downloads[slot]!;
  }

  /** Sets how often a torrent was completed. */
  setDownloads(slot: number, downloads: number): void {
    this.#downloads[slot] = downloads;
  }

  /** Enters a peer; gives the slot, and its place in `added`. */
  add(request: SwarmAnnounce, found: number, seconds: number): number {
    const { infoHash, infoHashOffset } = request;
    let slot = this.index.find(infoHash, infoHashOffset);
    if (slot < 0) slot = this.#newSlot(infoHash, infoHashOffset);
    const list = this.listOf(request.family);
    const crowd = isCrowd(list, request, found);
    this.added = list.add(slot, request, seconds, crowd);
    return slot;
  }

  /** Drops a torrent without peers; whether it was dropped. */
  dropIfEmpty(slot: number): boolean {
    if (this.count(slot) > 0) return false;
    this.index.remove(slot);
    return true;
  }

  /** Removes a torrent and all its peers. */
  clear(slot: number): void {
    this.v4.clear(slot);
    this.v6.clear(slot);
    this.index.remove(slot);
  }

  /**
   * Finds who of a torrent has to go for a newcomer: where its address or
   * subnet has its fill, the oldest of that; where the torrent is full, one of
   * whom holds most, but nobody who holds less than the newcomer.
   */
  victimFor(slot: number, newcomer: SwarmAnnounce, limit: number): number {
    const list = this.listOf(newcomer.family);
    const crowd = oldestOfCrowd(list, slot, newcomer);
    const count = list.count(slot);
    if (crowd >= 0 || count < limit) return crowd;
    let victim = -1;
    for (let i = 0; i < SWARM_SAMPLES; i++) {
      const at = this.random() % count;
      if (victim < 0 || isWorse(list, slot, at, 0, list, slot, victim, 0)) {
        victim = at;
      }
    }
    return shareOfAnnounce(list, newcomer) > shareOf(list, slot, victim)
      ? REFUSED
      : victim;
  }

  /** Answers an announce. */
  answer(slot: number, own: number, request: SwarmAnnounce): SwarmAnswer {
    const answer = this.#answer;
    answer.length4 = answer.length6 = 0;
    if (slot < 0) {
      answer.seeders = answer.leechers = answer.downloads = 0;
      return answer;
    }
    const { v4, v6 } = this;
    answer.seeders = this.seeds(slot);
    answer.leechers = this.count(slot) - answer.seeders;
    answer.downloads = this.#downloads[slot]!;
    if (request.event === "stopped") return answer;
    const want = Math.min(request.numWant, MAX_SWARM_ANSWER);
    const { seed } = request;
    const dice = this.random();
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

  /** Draws a number that is no secret. */
  random(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  #newSlot(infoHash: Uint8Array, offset: number): number {
    const slot = this.index.add(infoHash, offset);
    if (slot >= this.#downloads.length) {
      const downloads = new Uint32Array(2 * this.#downloads.length);
      downloads.set(this.#downloads);
      this.#downloads = downloads;
    }
    this.#downloads[slot] = 0;
    this.v4.reserve(slot);
    this.v6.reserve(slot);
    return slot;
  }
}
