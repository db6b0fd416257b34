/**
 * Mutated inputs from a seed: the n-th input depends on the seed, the start
 * inputs and n alone, so that any input can be made again.
 *
 * @module
 */

const encoder = new TextEncoder();

/** What parsers of this project look for, in the bytes of their formats. */
const TOKENS: readonly Uint8Array[] = [
  ..."d l e i : - 0: 1: le de i0e i-0e i-1e i01e 00: d0: 1:a 2:ab 99999999999: 18446744073709551615: "
    .split(" "),
  ..."i9007199254740992e i-9223372036854775809e i18446744073709551616e 4:info 6:lengthi-1e 4:path 5:files"
    .split(" "),
  ..."1:y1:q 1:y1:r 1:y1:e 1:t 2:id20: 1:ad 1:rd 5:nodes 6:values 5:token 8:msg_typei 5:piecei 1:md 1:p"
    .split(" "),
  ..."magnet:? xt=urn:btih: xt=urn:btmh:1220 &dn= &tr= &so=0-9 % %00 %zz %ff + ? & = # ../ / \\ . .."
    .split(" "),
  ..."http:// udp:// [::1]:6881 127.0.0.1:0 HTTP/1.1 200 Host: Content-Length: Transfer-Encoding: chunked"
    .split(" "),
  "\x13BitTorrent protocol",
  "BT-SEARCH * HTTP/1.1\r\n",
  "\r\n",
  "\r\n\r\n",
  "\0",
  "\u202e",
  "\ufeff",
].map((text) => encoder.encode(text));

const NUMBERS: readonly Uint8Array[] =
  "0 1 9 10 19 20 21 99 255 256 16384 16385 65535 65536 131072 2147483647 2147483648 4294967295 4294967296 9007199254740991 9007199254740992 9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616 00 01 -0 -1"
    .split(" ").map((text) => encoder.encode(text));

/** Written over 1, 2, 4 or 8 bytes, most significant first. */
const INTEGERS: readonly number[] = [
  0,
  1,
  2,
  7,
  8,
  9,
  13,
  16,
  20,
  0x7f,
  0x80,
  0xff,
  0x100,
  0x3fff,
  0x4000,
  0x4001,
  0x7fff,
  0x8000,
  0xffff,
  0x10000,
  0x7fffffff,
  0x80000000,
  0xfffffffe,
  0xffffffff,
  0x1fffffffffffff,
];

const POOL = 64;
const MOST_GROWTH = 4096;

/** A fast generator (splitmix32) of numbers that need not be secret. */
export class Prng {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Draws an integer from 0 to `limit - 1`, nearly even. */
  below(limit: number): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return Math.floor(((z ^ (z >>> 15)) >>> 0) / 0x100000000 * limit);
  }
}

/** Mixes a target's name into a seed, so that targets do not share inputs. */
export function targetSeed(seed: number, name: string): number {
  let hash = seed >>> 0;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) >>> 0;
  }
  return hash;
}

/** Makes inputs out of start inputs. */
export class Mutator {
  readonly #random: Prng;
  readonly #seeds: readonly Uint8Array[];
  /** Mutated inputs that are mutated again. */
  readonly #pool: Uint8Array[] = [];
  /** The longest input that is made. */
  readonly #maxLength: number;
  /** The input in the making, and its length. */
  readonly #work: Uint8Array;
  #length = 0;

  constructor(seeds: readonly Uint8Array[], seed: number) {
    this.#random = new Prng(seed);
    this.#seeds = seeds.length === 0 ? [new Uint8Array(0)] : seeds;
    let longest = 0;
    for (const input of this.#seeds) longest = Math.max(longest, input.length);
    this.#maxLength = longest + MOST_GROWTH;
    this.#work = new Uint8Array(this.#maxLength);
  }

  /** Makes the next input, an array of its own. */
  next(): Uint8Array<ArrayBuffer> {
    const random = this.#random;
    const pooled = this.#pool.length > 0 && random.below(3) === 0;
    this.#load(pooled ? this.#pick(this.#pool) : this.#pick(this.#seeds));
    // Mostly one or two changes, now and then many.
    let changes = 1 + random.below(random.below(8) === 0 ? 16 : 3);
    while (changes-- > 0) this.#change();
    const input = this.#work.slice(0, this.#length);
    if (random.below(16) === 0) {
      if (this.#pool.length < POOL) this.#pool.push(input);
      else this.#pool[random.below(POOL)] = input;
    }
    // The target must not change what later inputs are made of.
    return input.slice();
  }

  #pick(from: readonly Uint8Array[]): Uint8Array {
    return from[this.#random.below(from.length)]!;
  }

  #load(input: Uint8Array): void {
    this.#work.set(input);
    this.#length = input.length;
  }

  /** A short length more often than a long one. */
  #someLength(limit: number): number {
    return 1 + this.#random.below(1 + this.#random.below(limit));
  }

  #change(): void {
    const random = this.#random;
    const work = this.#work;
    const length = this.#length;
    const at = random.below(length + 1);
    if (length === 0) return this.#insert(0, this.#pick(TOKENS));
    const on = random.below(length);
    switch (random.below(14)) {
      case 0:
      case 1:
        work[on]! ^= 1 << random.below(8);
        return;
      case 2:
        work[on] = random.below(256);
        return;
      case 3:
        work[on] = "0123456789:deil-"
          .charCodeAt(random.below(16));
        return;
      case 4:
        this.#length = on;
        return;
      case 5:
        return this.#remove(on, this.#someLength(32));
      case 6: {
        const end = on + this.#someLength(64);
        return this.#insert(at, work.slice(on, Math.min(end, length)));
      }
      case 7:
        return this.#insert(at, this.#pick(TOKENS));
      case 8: {
        const token = this.#pick(TOKENS);
        const room = Math.min(token.length, length - on);
        work.set(token.subarray(0, room), on);
        return;
      }
      case 9:
        return this.#changeNumber(on);
      case 10:
      case 11:
        return this.#changeInteger(on);
      case 12: {
        const other = this.#pick(this.#seeds);
        const from = random.below(other.length + 1);
        const part = other.subarray(
          from,
          from + this.#someLength(other.length + 1),
        );
        if (random.below(2) === 0) this.#length = at;
        return this.#insert(Math.min(at, this.#length), part);
      }
      default: {
        const run = new Uint8Array(
          this.#someLength(random.below(8) ? 40 : 3000),
        );
        run.fill(
          random.below(2)
            ? work[on]!
            : "ldi0\xff\0%1".charCodeAt(random.below(8)),
        );
        return this.#insert(at, run);
      }
    }
  }

  /** Replaces the decimal number at or after an offset. */
  #changeNumber(from: number): void {
    let start = from;
    while (start < this.#length && !isDigit(this.#work[start]!)) start++;
    let end = start;
    while (end < this.#length && isDigit(this.#work[end]!)) end++;
    this.#remove(start, end - start);
    this.#insert(start, this.#pick(NUMBERS));
  }

  /** Overwrites a big-endian integer, also by what is near the length. */
  #changeInteger(from: number): void {
    const random = this.#random;
    let value = random.below(4) === 0
      ? Math.max(0, this.#length - from + random.below(9) - 4)
      : INTEGERS[random.below(INTEGERS.length)]!;
    const width = Math.min(1 << random.below(4), this.#length - from);
    for (let i = from + width - 1; i >= from; i--) {
      this.#work[i] = value % 256;
      value = Math.floor(value / 256);
    }
  }

  #remove(start: number, count: number): void {
    const end = Math.min(start + count, this.#length);
    this.#work.copyWithin(start, end, this.#length);
    this.#length -= end - start;
  }

  #insert(at: number, part: Uint8Array): void {
    const count = Math.min(part.length, this.#maxLength - this.#length);
    this.#work.copyWithin(at + count, at, this.#length);
    this.#work.set(part.subarray(0, count), at);
    this.#length += count;
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
