/**
 * The peers of one torrent in the peer store.
 *
 * @module
 */
import { randomInt, type RandomSource } from "../../_shared/random.ts";
import { takeBytes } from "../table/slab.ts";
import { type BloomFilter, bloomFilterBits } from "../bloom_filter.ts";

/** A peer in the store: strings cost less memory than arrays. */
export interface StoredPeer {
  /** Address and port, one character a byte: 6 or 18. */
  readonly compact: string;
  isSeed: boolean;
  expiresAt: number;
  /** Place in the list that is drawn from. */
  index: number;
  /** Computed for the first scrape. */
  bloomBits: number | undefined;
}

/** A set of peers, in the order of their expiry and in random order. */
export class StoredTorrent {
  /** Its 20-byte info-hash. */
  readonly key: Uint8Array;
  /** By compact address, the first to expire first. */
  readonly #peers = new Map<string, StoredPeer>();
  readonly #list: StoredPeer[] = [];

  constructor(key: Uint8Array) {
    this.key = key;
  }

  get size(): number {
    return this.#list.length;
  }

  /** The first to expire. */
  get oldest(): StoredPeer | undefined {
    for (const peer of this.#peers.values()) return peer;
    return undefined;
  }

  /** Keeps a known peer for longer; says whether it is known. */
  renew(key: string, isSeed: boolean, expiresAt: number): boolean {
    const peer = this.#peers.get(key);
    if (peer === undefined) return false;
    peer.isSeed = isSeed;
    peer.expiresAt = expiresAt;
    this.#peers.delete(key);
    this.#peers.set(key, peer);
    return true;
  }

  add(peer: StoredPeer): void {
    peer.index = this.#list.length;
    this.#list.push(peer);
    this.#peers.set(peer.compact, peer);
  }

  remove(peer: StoredPeer): void {
    this.#peers.delete(peer.compact);
    const last = this.#list.pop()!;
    if (last !== peer) {
      last.index = peer.index;
      this.#list[peer.index] = last;
    }
  }

  /** The oldest peer of an address that has as many ports as it may. */
  portsOf(address: string, limit: number): StoredPeer | undefined {
    let oldest: StoredPeer | undefined;
    let count = 0;
    for (const peer of this.#peers.values()) {
      if (!peer.compact.startsWith(address)) continue;
      oldest ??= peer;
      count++;
    }
    return count >= limit ? oldest : undefined;
  }

  /** All peers, in no order. */
  get peers(): readonly StoredPeer[] {
    return this.#list;
  }

  /** Draws peers without repetition, by shuffling the head of the list. */
  sample(count: number, noSeeds: boolean, random: RandomSource): Uint8Array[] {
    const list = this.#list;
    const result: Uint8Array[] = [];
    // One start drawn from the good source, steps from a cheap one.
    let state = randomInt(random, 0x100000000) | 1;
    for (let i = 0; i < list.length && result.length < count; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      const k = i + (state >>> 0) % (list.length - i);
      const peer = list[k]!;
      const other = list[i]!;
      list[i] = peer;
      list[k] = other;
      peer.index = i;
      other.index = k;
      if (!noSeeds || !peer.isSeed) {
        result.push(bytesOf(peer.compact));
      }
    }
    return result;
  }

  /** Puts every address into the filter that it belongs to. */
  fill(seeds: BloomFilter, peers: BloomFilter): void {
    for (const peer of this.#list) {
      peer.bloomBits ??= bloomFilterBits(bytesOf(peer.compact).subarray(0, -2));
      (peer.isSeed ? seeds : peers).insertBits(peer.bloomBits);
    }
  }
}

/** The bytes of address and port, in an array that is not kept. */
export function bytesOf(compact: string): Uint8Array {
  const bytes = takeBytes(compact.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = compact.charCodeAt(i);
  return bytes;
}
