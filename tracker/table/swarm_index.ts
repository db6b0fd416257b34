/**
 * A hash table of info-hashes over typed arrays: looking one up makes no
 * garbage, and strangers cannot choose hashes that collide.
 *
 * @module
 */
import { readUint32, writeUint32 } from "../../_shared/bytes.ts";
import { SipHash, SIPHASH_KEY_LENGTH } from "../../_shared/sip_hash.ts";

const KEY_LENGTH = 20;

/** Hashes keys of 20 bytes. */
export class SwarmHash {
  /** Secret factors, one for each byte of a key. */
  readonly #factors = new Int32Array(KEY_LENGTH);

  constructor(seed: number) {
    const key = new Uint8Array(SIPHASH_KEY_LENGTH);
    writeUint32(key, 0, seed >>> 0);
    const hasher = new SipHash(key);
    for (let i = 0; i < KEY_LENGTH; i++) {
      hasher.start();
      hasher.finish(4, i);
      this.#factors[i] = hasher.low;
    }
  }

  /**
   * The multilinear hash of bytes modulo 2^32: of its upper 25 bits any two
   * values are equally likely for any two keys, however they were chosen, to
   * whom the factors are secret (Dietzfelbinger 1996). Mixed at the end, as
   * keys that differ by the same would come at the same distances.
   */
  of(bytes: Uint8Array, offset: number): number {
    const factors = this.#factors;
    let h = 0;
    for (let i = 0; i < KEY_LENGTH; i += 4) {
      h += Math.imul(factors[i]!, bytes[offset + i]!) +
        Math.imul(factors[i + 1]!, bytes[offset + i + 1]!) +
        Math.imul(factors[i + 2]!, bytes[offset + i + 2]!) +
        Math.imul(factors[i + 3]!, bytes[offset + i + 3]!);
      h |= 0;
    }
    h >>>= 7;
    h = Math.imul(h ^ (h >>> 15), 0x85ebca77);
    return h ^ (h >>> 13);
  }
}

const EMPTY = -1;
const WORDS = 5;

/** Numbers info-hashes: each one gets a slot that stays its own. */
export class SwarmIndex {
  readonly #hash: SwarmHash;
  /** Keys by slot, five words each. */
  #keys = new Uint32Array(WORDS * 16);
  /** Hashes by slot. */
  #hashes = new Int32Array(16);
  /** Slots by hash, with linear probing. */
  #table = new Int32Array(32).fill(EMPTY);
  #mask = 31;
  /** Slots that are free again, and then those never used. */
  #free: number[] = [];
  #top = 0;
  #size = 0;
  #live = new Uint8Array(16);

  constructor(seed: number) {
    this.#hash = new SwarmHash(seed);
  }

  /** Keys in the index. */
  get size(): number {
    return this.#size;
  }

  /** One more than the highest slot ever used. */
  get top(): number {
    return this.#top;
  }

  /** Bytes of the tables. */
  get bytes(): number {
    return this.#keys.byteLength + this.#hashes.byteLength +
      this.#table.byteLength + this.#live.byteLength + 8 * this.#free.length;
  }

  /** Whether a slot is in use. */
  has(slot: number): boolean {
    return this.#live[slot] === 1;
  }

  /** Looks a key of 20 bytes up: its slot, or -1. */
  find(bytes: Uint8Array, offset: number): number {
    const keys = this.#keys;
    const table = this.#table;
    const a = readUint32(bytes, offset);
    const b = readUint32(bytes, offset + 4);
    const c = readUint32(bytes, offset + 8);
    const d = readUint32(bytes, offset + 12);
    const e = readUint32(bytes, offset + 16);
    let at = this.#hash.of(bytes, offset) & this.#mask;
    while (true) {
      const slot = table[at]!;
      if (slot === EMPTY) return -1;
      const k = slot * WORDS;
      if (
        keys[k] === a && keys[k + 1] === b && keys[k + 2] === c &&
        keys[k + 3] === d && keys[k + 4] === e
      ) return slot;
      at = (at + 1) & this.#mask;
    }
  }

  /** Adds a key that is not there yet; gives its slot. */
  add(bytes: Uint8Array, offset: number): number {
    if ((this.#size + 1) * 2 > this.#table.length) this.#grow();
    const slot = this.#free.pop() ?? this.#top++;
    const k = slot * WORDS;
    if (k >= this.#keys.length) {
      const keys = new Uint32Array(2 * this.#keys.length);
      keys.set(this.#keys);
      this.#keys = keys;
      const live = new Uint8Array(2 * this.#live.length);
      live.set(this.#live);
      this.#live = live;
      const hashes = new Int32Array(2 * this.#hashes.length);
      hashes.set(this.#hashes);
      this.#hashes = hashes;
    }
    for (let i = 0; i < WORDS; i++) {
      this.#keys[k + i] = readUint32(bytes, offset + 4 * i);
    }
    this.#hashes[slot] = this.#hash.of(bytes, offset);
    this.#live[slot] = 1;
    this.#size++;
    this.#insert(slot);
    return slot;
  }

  /** Removes a key. */
  remove(slot: number): void {
    const table = this.#table;
    const mask = this.#mask;
    let hole = this.#home(slot);
    while (table[hole] !== slot) hole = (hole + 1) & mask;
    // Moves back what had to give way, so that probing needs no tombstones.
    let at = hole;
    while (true) {
      at = (at + 1) & mask;
      const other = table[at]!;
      if (other === EMPTY) break;
      const home = this.#home(other);
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        table[hole] = other;
        hole = at;
      }
    }
    table[hole] = EMPTY;
    this.#live[slot] = 0;
    this.#free.push(slot);
    this.#size--;
  }

  #home(slot: number): number {
    return this.#hashes[slot]! & this.#mask;
  }

  #insert(slot: number): void {
    let at = this.#home(slot);
    while (this.#table[at] !== EMPTY) at = (at + 1) & this.#mask;
    this.#table[at] = slot;
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Int32Array(2 * old.length).fill(EMPTY);
    this.#mask = this.#table.length - 1;
    for (const slot of old) if (slot !== EMPTY) this.#insert(slot);
  }
}
