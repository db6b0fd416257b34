/**
 * The peers of all torrents that have addresses of one family.
 *
 * @module
 */
import type { IpFamily } from "./address.ts";
import { NO_BLOCK, SwarmPool } from "./swarm_pool.ts";
import type { SwarmShare } from "./swarm_share.ts";
import type { SwarmAnnounce } from "./swarm_store.ts";

/**
 * Records of `address words, port, seconds last heard of`: a block a torrent,
 * seeds first. Peers of a torrent are named by their place in its block, which
 * holds until the next change.
 */
export class SwarmList {
  readonly #pool: SwarmPool;
  readonly #share: SwarmShare;
  readonly #ipWords: number;
  #block = new Int32Array(16).fill(NO_BLOCK);
  #order = new Uint8Array(16);
  #seeds = new Int32Array(16);
  #count = new Int32Array(16);
  #peers = 0;
  #seeders = 0;

  /**
   * Makes an empty list.
   *
   * @param family Of all its peers.
   * @param share Counts what each address holds.
   */
  constructor(family: IpFamily, share: SwarmShare) {
    this.#ipWords = family === 4 ? 1 : 4;
    this.#pool = new SwarmPool(this.#ipWords + 2);
    this.#share = share;
  }

  /** Peers of all torrents. */
  get peers(): number {
    return this.#peers;
  }

  /** Seeds of all torrents. */
  get seeders(): number {
    return this.#seeders;
  }

  /** Bytes of the tables. */
  get bytes(): number {
    return this.#pool.bytes + 13 * this.#count.length;
  }

  /**
   * Peers of a torrent.
   *
   * @param slot Which torrent.
   * @returns Seeds and leechers.
   */
  count(slot: number): number {
    return this.#count[slot]!;
  }

  /**
   * Seeds of a torrent.
   *
   * @param slot Which torrent.
   * @returns How many.
   */
  seeds(slot: number): number {
    return this.#seeds[slot]!;
  }

  /**
   * Whether a peer is a seed.
   *
   * @param slot Which torrent.
   * @param at Which peer.
   * @returns True for a seed.
   */
  isSeed(slot: number, at: number): boolean {
    return at < this.#seeds[slot]!;
  }

  /**
   * Makes the tables long enough.
   *
   * @param slot A torrent without peers.
   */
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
    const order = new Uint8Array(length);
    order.set(this.#order);
    this.#order = order;
  }

  /**
   * Looks a peer up by address and port.
   *
   * @param slot Which torrent.
   * @param peer The announce.
   * @returns Its place, or -1.
   */
  find(slot: number, peer: SwarmAnnounce): number {
    const { words, recordWords } = this.#pool;
    const { port } = peer;
    const ip0 = peer.ip0 | 0;
    const count = this.#count[slot]!;
    let w = this.#block[slot]! * recordWords;
    if (recordWords === 3) {
      for (let at = 0; at < count; at++, w += 3) {
        if (words[w] === ip0 && words[w + 1] === port) return at;
      }
      return -1;
    }
    const ip1 = peer.ip1 | 0;
    const ip2 = peer.ip2 | 0;
    const ip3 = peer.ip3 | 0;
    for (let at = 0; at < count; at++, w += recordWords) {
      if (
        words[w + 3] === ip3 && words[w + 4] === port && words[w] === ip0 &&
        words[w + 1] === ip1 && words[w + 2] === ip2
      ) return at;
    }
    return -1;
  }

  /**
   * Enters a peer that is not there yet.
   *
   * @param slot Which torrent.
   * @param peer The announce.
   * @param seconds The time.
   * @returns Its place.
   */
  add(slot: number, peer: SwarmAnnounce, seconds: number): number {
    const count = this.#count[slot]!;
    this.#resize(slot, count + 1);
    const first = this.#block[slot]!;
    let at = count;
    this.#count[slot] = count + 1;
    this.#peers++;
    if (peer.seed) {
      at = this.#seeds[slot]!++;
      this.#seeders++;
      if (at !== count) this.#pool.copy(first + at, first + count);
    }
    const { words, recordWords } = this.#pool;
    const w = (first + at) * recordWords;
    words[w] = peer.ip0;
    if (recordWords !== 3) {
      words[w + 1] = peer.ip1;
      words[w + 2] = peer.ip2;
      words[w + 3] = peer.ip3;
    }
    words[w + this.#ipWords] = peer.port;
    words[w + this.#ipWords + 1] = seconds;
    this.#countShare(w, 1);
    return at;
  }

  /**
   * Notes that a peer was heard of.
   *
   * @param slot Which torrent.
   * @param at Which peer.
   * @param seed Whether it is a seed now.
   * @param seconds The time.
   * @returns Its new place.
   */
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
    if (border !== at) this.#swap(first + at, first + border);
    return border;
  }

  /**
   * Removes a peer.
   *
   * @param slot Which torrent.
   * @param at Which peer.
   */
  remove(slot: number, at: number): void {
    const first = this.#block[slot]!;
    const { recordWords } = this.#pool;
    this.#countShare((first + at) * recordWords, -1);
    const last = this.#count[slot]! - 1;
    if (at < this.#seeds[slot]!) {
      const lastSeed = --this.#seeds[slot]!;
      this.#seeders--;
      if (at !== lastSeed) this.#pool.copy(first + lastSeed, first + at);
      at = lastSeed;
    }
    if (at !== last) this.#pool.copy(first + last, first + at);
    this.#count[slot] = last;
    this.#peers--;
    this.#resize(slot, last);
  }

  /**
   * Removes all peers of a torrent.
   *
   * @param slot Which torrent.
   */
  clear(slot: number): void {
    while (this.#count[slot]! > 0) this.remove(slot, this.#count[slot]! - 1);
  }

  /**
   * Removes the peers of a torrent that were not heard of.
   *
   * @param slot Which torrent.
   * @param oldest Seconds; who was heard of before goes.
   */
  expire(slot: number, oldest: number): void {
    const { recordWords } = this.#pool;
    // Backwards: what fills a hole has been looked at already.
    for (let at = this.#count[slot]! - 1; at >= 0; at--) {
      const w = (this.#block[slot]! + at) * recordWords + this.#ipWords + 1;
      if (this.#pool.words[w]! >>> 0 < oldest) this.remove(slot, at);
    }
  }

  /**
   * How many entries the address of a peer holds, roughly.
   *
   * @param slot Which torrent.
   * @param at Which peer.
   * @returns A count, over all torrents.
   */
  shareOf(slot: number, at: number): number {
    const { words, recordWords } = this.#pool;
    const w = (this.#block[slot]! + at) * recordWords;
    return this.#share.of(words[w]!, this.#ipWords === 1 ? 0 : words[w + 1]!);
  }

  /**
   * How many entries the address of an announce holds, roughly.
   *
   * @param peer The announce.
   * @returns A count, over all torrents.
   */
  shareOfAnnounce(peer: SwarmAnnounce): number {
    return this.#share.of(peer.ip0, this.#ipWords === 1 ? 0 : peer.ip1);
  }

  /**
   * Whether a peer should rather go than another one: it is of an address that
   * holds more entries, else its swarm is smaller, else it is older.
   *
   * @param slot Torrent of the one.
   * @param at The one.
   * @param size Of its swarm.
   * @param otherSlot Torrent of the other.
   * @param otherAt The other.
   * @param otherSize Of the other's swarm.
   * @param other Where the other is listed. @default {this list}
   * @returns True if the one should go.
   */
  isWorse(
    slot: number,
    at: number,
    size: number,
    otherSlot: number,
    otherAt: number,
    otherSize: number,
    other: SwarmList = this,
  ): boolean {
    const share = this.shareOf(slot, at);
    const otherShare = other.shareOf(otherSlot, otherAt);
    if (share !== otherShare) return share > otherShare;
    if (size !== otherSize) return size < otherSize;
    return this.#heard(slot, at) < other.#heard(otherSlot, otherAt);
  }

  /**
   * Picks peers for an answer: runs of the block from random places. Seeds get
   * leechers first; leechers get as many seeds as leechers, as far as there
   * are.
   *
   * @param slot Which torrent.
   * @param own Place of the peer that asks, or -1.
   * @param seed Whether it is a seed.
   * @param want Most peers to pick.
   * @param dice A random 32-bit number.
   * @param out Where compact peers are written, from its start.
   * @returns Bytes written.
   */
  pick(
    slot: number,
    own: number,
    seed: boolean,
    want: number,
    dice: number,
    out: Uint8Array,
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
    let length = 0;
    length = this.#copyRun(slot, seeds, count, own, fromLeechers, dice, out, 0);
    return this.#copyRun(slot, 0, seeds, own, fromSeeds, dice, out, length);
  }

  /** Copies a run of a region of a block, around its end if need be. */
  #copyRun(
    slot: number,
    start: number,
    end: number,
    own: number,
    want: number,
    dice: number,
    out: Uint8Array,
    offset: number,
  ): number {
    if (want <= 0) return offset;
    const { words, recordWords } = this.#pool;
    const first = this.#block[slot]!;
    let at = start + dice % (end - start);
    let w = (first + at) * recordWords;
    while (want > 0) {
      if (at !== own) {
        // Arrays of bytes take the lowest eight bits of a number.
        for (let i = w + this.#ipWords; w < i; w++, offset += 4) {
          const word = words[w]!;
          out[offset] = word >>> 24;
          out[offset + 1] = word >>> 16;
          out[offset + 2] = word >>> 8;
          out[offset + 3] = word;
        }
        const port = words[w]!;
        out[offset] = port >>> 8;
        out[offset + 1] = port;
        offset += 2;
        w += 2;
        want--;
      } else w += recordWords;
      if (++at === end) {
        at = start;
        w = (first + at) * recordWords;
      }
    }
    return offset;
  }

  #heard(slot: number, at: number): number {
    const { words, recordWords } = this.#pool;
    const w = (this.#block[slot]! + at) * recordWords + this.#ipWords + 1;
    return words[w]! >>> 0;
  }

  #countShare(w: number, by: 1 | -1): void {
    const { words } = this.#pool;
    this.#share.count(words[w]!, this.#ipWords === 1 ? 0 : words[w + 1]!, by);
  }

  #swap(a: number, b: number): void {
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
      return;
    }
    if (block !== NO_BLOCK && count <= 1 << order && count * 4 > 1 << order) {
      return;
    }
    const fitting = 32 - Math.clz32(count - 1);
    if (block !== NO_BLOCK && fitting === order) return;
    if (pool.isScattered(fitting)) {
      pool.compact(this.#block, this.#order);
      block = this.#block[slot]!;
    }
    const next = pool.take(fitting);
    if (block !== NO_BLOCK) {
      const { words, recordWords } = pool;
      const start = block * recordWords;
      const kept = Math.min(count, 1 << order);
      words.copyWithin(
        next * recordWords,
        start,
        start + kept * recordWords,
      );
      pool.give(block, order);
    }
    this.#block[slot] = next;
    this.#order[slot] = fitting;
  }
}
