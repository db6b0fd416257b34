/**
 * The peers of all torrents that have addresses of one family.
 *
 * @module
 */
import type { IpFamily } from "../../_shared/address.ts";
import { SwarmPeerIndex } from "./swarm_peer_index.ts";
import { NO_BLOCK, SwarmPool } from "./swarm_pool.ts";
import { copyPeers, hashPeer, isSamePeer, writePeer } from "./swarm_record.ts";
import type { SwarmShare } from "../../_shared/swarm_share.ts";
import type { SwarmAnnounce } from "../swarm_store.ts";

/**
 * Blocks of up to 2^9 records are looked through: one after the other they come
 * faster than one from anywhere. Larger ones are indexed.
 */
const SCANNED_ORDER = 9;

/**
 * Records of `address words, port, seconds last heard of`: a block a torrent,
 * seeds first. Peers of a torrent are named by their place in its block, which
 * holds until the next change.
 */
export class SwarmList {
  /** Of all its addresses. */
  readonly family: IpFamily;
  /** What each address holds. */
  readonly share: SwarmShare;
  readonly #pool: SwarmPool;
  readonly #index = new SwarmPeerIndex();
  readonly #seed: number;
  /** The peer that is looked up. */
  readonly #wanted = new Int32Array(5);
  readonly #ipWords: number;
  #block = new Int32Array(16).fill(NO_BLOCK);
  #order = new Uint8Array(16);
  /** Whether somebody may have many peers of a torrent. */
  #mixed = new Uint8Array(16);
  #seeds = new Int32Array(16);
  #count = new Int32Array(16);
  #peers = 0;
  #seeders = 0;

  constructor(family: IpFamily, share: SwarmShare, seed: number) {
    this.#seed = seed;
    this.family = family;
    this.#ipWords = family === 4 ? 1 : 4;
    this.#pool = new SwarmPool(this.#ipWords + 2);
    this.share = share;
  }

  /** Peers of all torrents. */
  get peers(): number {
    return this.#peers;
  }

  /** Seeds of all torrents. */
  get seeders(): number {
    return this.#seeders;
  }

  /** Records of all torrents; replaced when they become more. */
  get words(): Int32Array {
    return this.#pool.words;
  }

  /** Bytes of the tables. */
  get bytes(): number {
    return this.#pool.bytes + this.#index.bytes + 14 * this.#count.length;
  }

  /** Peers of a torrent. */
  count(slot: number): number {
    return this.#count[slot]!;
  }

  /** Seeds of a torrent. */
  seeds(slot: number): number {
    return this.#seeds[slot]!;
  }

  /** Whether a peer is a seed. */
  isSeed(slot: number, at: number): boolean {
    return at < this.#seeds[slot]!;
  }

  /** Makes the tables long enough. */
  reserve(slot: number): void {
    if (slot < this.#count.length) return;
    const length = 2 * this.#count.length;
    const grown = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const array = new Int32Array(length);
      array.set(old);
      return array;
    };
    const used = this.#block.length;
    this.#block = grown(this.#block).fill(NO_BLOCK, used);
    this.#seeds = grown(this.#seeds);
    this.#count = grown(this.#count);
    const grownBytes = (old: Uint8Array): Uint8Array<ArrayBuffer> => {
      const array = new Uint8Array(length);
      array.set(old);
      return array;
    };
    this.#order = grownBytes(this.#order);
    this.#mixed = grownBytes(this.#mixed);
  }

  /**
   * Looks a peer up by address and port. Returns its place; or, below 0, one
   * less than minus the number of peers of the same address, IPv6 by /64, as
   * far as that was seen.
   */
  find(slot: number, peer: SwarmAnnounce): number {
    const { words, recordWords } = this.#pool;
    const wanted = this.#wanted;
    const ipWords = this.#ipWords;
    writePeer(peer, wanted, 0, ipWords);
    const first = this.#block[slot]!;
    const count = this.#count[slot]!;
    if (!this.#isIndexed(slot)) {
      const ip0 = wanted[0];
      let of = 0;
      let w = first * recordWords;
      for (let at = 0; at < count; at++, w += recordWords) {
        if (words[w] !== ip0) continue;
        if (isSamePeer(words, w, wanted, 0, ipWords)) return at;
        if (ipWords === 1 || words[w + 1] === wanted[1]) of++;
      }
      return -1 - of;
    }
    const index = this.#index;
    const hash = hashPeer(this.#seedOf(slot), wanted, 0, ipWords);
    for (let i = index.next(hash, -1); i >= 0; i = index.next(hash, i)) {
      const record = index.record(i);
      const at = record - first;
      // Peers of other torrents may have the same hash.
      if (
        at >= 0 && at < count &&
        isSamePeer(words, record * recordWords, wanted, 0, ipWords)
      ) return at;
    }
    return -1;
  }

  /** Enters a peer that is not there yet; gives its place. */
  add(
    slot: number,
    peer: SwarmAnnounce,
    seconds: number,
    isCrowd: boolean,
  ): number {
    const count = this.#count[slot]!;
    this.#resize(slot, count + 1);
    const first = this.#block[slot]!;
    let at = count;
    this.#count[slot] = count + 1;
    this.#peers++;
    if (peer.seed) {
      at = this.#seeds[slot]!++;
      this.#seeders++;
      if (at !== count) this.#move(slot, first + at, first + count);
    }
    const { words, recordWords } = this.#pool;
    const w = (first + at) * recordWords;
    writePeer(peer, words, w, this.#ipWords);
    words[w + this.#ipWords + 1] = seconds;
    if (this.#isIndexed(slot)) this.#enter(slot, first + at);
    this.#countShare(w, 1);
    if (isCrowd) this.#mixed[slot] = 1;
    return at;
  }

  /** Notes that a peer was heard of; gives its new place. */
  refresh(slot: number, at: number, seed: boolean, seconds: number): number {
    const first = this.#block[slot]!;
    const { words, recordWords } = this.#pool;
    words[(first + at) * recordWords + this.#ipWords + 1] = seconds;
    const seeds = this.#seeds[slot]!;
    if (seed === (at < seeds)) return at;
    // Trades places with the record at the border and moves the border.
    const border = seed ? seeds : seeds - 1;
    this.#seeds[slot] = seed ? seeds + 1 : seeds - 1;
    this.#seeders += seed ? 1 : -1;
    if (border !== at) this.#swap(slot, first + at, first + border);
    return border;
  }

  /** Removes a peer. */
  remove(slot: number, at: number): void {
    const first = this.#block[slot]!;
    const { recordWords } = this.#pool;
    this.#countShare((first + at) * recordWords, -1);
    if (this.#isIndexed(slot)) {
      this.#index.remove(this.#hashOf(slot, first + at), first + at);
    }
    const last = this.#count[slot]! - 1;
    if (at < this.#seeds[slot]!) {
      const lastSeed = --this.#seeds[slot]!;
      this.#seeders--;
      if (at !== lastSeed) this.#move(slot, first + lastSeed, first + at);
      at = lastSeed;
    }
    if (at !== last) this.#move(slot, first + last, first + at);
    this.#count[slot] = last;
    this.#peers--;
    this.#resize(slot, last);
  }

  /** Removes all peers of a torrent. */
  clear(slot: number): void {
    while (this.#count[slot]! > 0) this.remove(slot, this.#count[slot]! - 1);
  }

  /** Removes the peers of a torrent last heard of before a second. */
  expire(slot: number, oldest: number): void {
    const { recordWords } = this.#pool;
    // Backwards: what fills a hole has been looked at already.
    for (let at = this.#count[slot]! - 1; at >= 0; at--) {
      const w = (this.#block[slot]! + at) * recordWords + this.#ipWords + 1;
      if (this.#pool.words[w]! >>> 0 < oldest) this.remove(slot, at);
    }
  }

  /** Where the record of a peer begins in {@linkcode SwarmList.words}. */
  wordOf(slot: number, at: number): number {
    return (this.#block[slot]! + at) * this.#pool.recordWords;
  }

  /** Copies address and port of a peer. Returns 6 or 18 bytes. */
  compactOf(slot: number, at: number): Uint8Array {
    const halves = new Uint16Array(this.#ipWords === 1 ? 3 : 9);
    const w = this.#block[slot]! + at;
    const { words } = this.#pool;
    copyPeers(words, w, w + 1, w, -1, 1, halves, 0, this.#ipWords, undefined);
    return new Uint8Array(halves.buffer);
  }

  /**
   * Picks peers for an answer: runs of the block from random places. Seeds get
   * leechers first; leechers get as many seeds as leechers, as far as there
   * are.
   */
  pick(
    slot: number,
    own: number,
    seed: boolean,
    want: number,
    dice: number,
    out: Uint16Array,
  ): number {
    const count = this.#count[slot]!;
    if (count === 0 || want <= 0) return 0;
    const seeds = this.#seeds[slot]!;
    const ownSeed = own >= 0 && own < seeds ? 1 : 0;
    const ownLeecher = own >= seeds ? 1 : 0;
    const freeSeeds = seeds - ownSeed;
    const freeLeechers = count - seeds - ownLeecher;
    const fromSeeds = seed
      ? Math.min(freeSeeds, Math.max(0, want - freeLeechers))
      : Math.min(freeSeeds, Math.max((want + 1) >> 1, want - freeLeechers));
    const fromLeechers = Math.min(freeLeechers, want - fromSeeds);
    const { words } = this.#pool;
    const ipWords = this.#ipWords;
    const first = this.#block[slot]!;
    const border = first + seeds;
    const end = first + count;
    const skip = own < 0 ? -1 : first + own;
    const mixed = this.#mixed[slot]! === 1 ? this.#seed : undefined;
    let length = 0;
    if (fromLeechers > 0) {
      const from = border + dice % (end - border);
      length = copyPeers(
        words,
        border,
        end,
        from,
        skip,
        fromLeechers,
        out,
        0,
        ipWords,
        mixed,
      );
    }
    if (fromSeeds > 0) {
      const from = first + dice % seeds;
      length = copyPeers(
        words,
        first,
        border,
        from,
        skip,
        fromSeeds,
        out,
        length,
        ipWords,
        mixed,
      );
    }
    return 2 * length;
  }

  #countShare(w: number, by: 1 | -1): void {
    const { words } = this.#pool;
    this.share.count(this.family, words[w]!, this.#second(words, w), by);
  }

  #second(words: Int32Array, w: number): number {
    return this.#ipWords === 1 ? 0 : words[w + 1]!;
  }

  #seedOf(slot: number): number {
    return Math.imul(slot ^ this.#seed, 0x9e3779b1);
  }

  /** The hash of a record of a torrent. */
  #hashOf(slot: number, record: number): number {
    const { words, recordWords } = this.#pool;
    const w = record * recordWords;
    return hashPeer(this.#seedOf(slot), words, w, this.#ipWords);
  }

  #isIndexed(slot: number): boolean {
    return this.#order[slot]! > SCANNED_ORDER;
  }

  #enter(slot: number, record: number): void {
    this.#index.add(this.#hashOf(slot, record), record);
  }

  /** Copies a record over one that is not in the index. */
  #move(slot: number, from: number, to: number): void {
    if (this.#isIndexed(slot)) {
      this.#index.move(this.#hashOf(slot, from), from, to);
    }
    this.#pool.copy(from, to);
  }

  #swap(slot: number, a: number, b: number): void {
    if (this.#isIndexed(slot)) {
      this.#index.swap(this.#hashOf(slot, a), a, this.#hashOf(slot, b), b);
    }
    const { words, recordWords } = this.#pool;
    for (let i = 0; i < recordWords; i++) {
      const word = words[a * recordWords + i]!;
      words[a * recordWords + i] = words[b * recordWords + i]!;
      words[b * recordWords + i] = word;
    }
  }

  /** Gives a torrent a block that fits; shrinks late, so as not to flutter. */
  #resize(slot: number, count: number): void {
    let block = this.#block[slot]!;
    const order = this.#order[slot]!;
    const pool = this.#pool;
    if (count === 0) {
      if (block !== NO_BLOCK) pool.give(block, order);
      this.#block[slot] = NO_BLOCK;
      this.#order[slot] = 0;
      this.#mixed[slot] = 0;
      return;
    }
    if (block !== NO_BLOCK && count <= 1 << order && count * 4 > 1 << order) {
      return;
    }
    const fitting = 32 - Math.clz32(count - 1);
    if (block !== NO_BLOCK && fitting === order) return;
    if (pool.isScattered(fitting)) {
      pool.compact(this.#block, this.#order);
      this.#reindex();
      block = this.#block[slot]!;
    }
    const next = pool.take(fitting);
    const kept = block === NO_BLOCK ? 0 : this.#count[slot]!;
    const wasIndexed = kept > 0 && order > SCANNED_ORDER;
    const isIndexed = fitting > SCANNED_ORDER;
    for (let i = 0; i < kept; i++) {
      if (wasIndexed && isIndexed) {
        this.#index.move(this.#hashOf(slot, block + i), block + i, next + i);
      } else if (wasIndexed) {
        this.#index.remove(this.#hashOf(slot, block + i), block + i);
      }
      pool.copy(block + i, next + i);
      if (isIndexed && !wasIndexed) this.#enter(slot, next + i);
    }
    if (block !== NO_BLOCK) pool.give(block, order);
    this.#block[slot] = next;
    this.#order[slot] = fitting;
  }

  #reindex(): void {
    this.#index.clear();
    for (let slot = 0; slot < this.#block.length; slot++) {
      if (!this.#isIndexed(slot)) continue;
      const first = this.#block[slot]!;
      const end = first + this.#count[slot]!;
      for (let i = first; i < end; i++) this.#enter(slot, i);
    }
  }
}
