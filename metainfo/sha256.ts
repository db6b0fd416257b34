/**
 * SHA-256 of what is short: the inner nodes of BEP 52's trees, where calling
 * out to a native digest costs several times what two compressions cost here,
 * and info dictionaries. Payload is hashed natively, see `hash_native.ts`.
 *
 * @module
 */

/** Bytes of a SHA-256 digest. */
export const SHA256_LENGTH = 32;

function fractionBits(root: number): number {
  return Math.floor((root - Math.floor(root)) * 0x100000000) | 0;
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) {
    if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  }
  return primes;
}

const PRIMES = firstPrimes(64);
/** Round constants: fractions of the cube roots of the first 64 primes. */
const K = Int32Array.from(PRIMES, (prime) => fractionBits(Math.cbrt(prime)));
/** Initial state: fractions of the square roots of the first 8 primes. */
const INITIAL = Int32Array.from(
  PRIMES.slice(0, 8),
  (prime) => fractionBits(Math.sqrt(prime)),
);

function expand(words: Int32Array): void {
  for (let i = 16; i < 64; i++) {
    const x = words[i - 15]!;
    const y = words[i - 2]!;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^
      (y >>> 10);
    words[i] = (words[i - 16]! + s0 + words[i - 7]! + s1) | 0;
  }
}

/** Round constants plus the expanded padding block of a 64-byte message. */
const PADDING_ROUNDS = (() => {
  const words = new Int32Array(64);
  words[0] = 0x80000000 | 0;
  words[15] = 512;
  expand(words);
  return words.map((word, i) => (word + K[i]!) | 0);
})();

/** Takes one block: the words, expanded, plus the round constants. */
function compress(state: Int32Array, rounds: Int32Array): void {
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let f = state[5]!;
  let g = state[6]!;
  let h = state[7]!;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^
      ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + (g ^ (e & (f ^ g))) + rounds[i]!) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^
      ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) | (c & (a | b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] = (state[0]! + a) | 0;
  state[1] = (state[1]! + b) | 0;
  state[2] = (state[2]! + c) | 0;
  state[3] = (state[3]! + d) | 0;
  state[4] = (state[4]! + e) | 0;
  state[5] = (state[5]! + f) | 0;
  state[6] = (state[6]! + g) | 0;
  state[7] = (state[7]! + h) | 0;
}

const words = new Int32Array(64);
const state = new Int32Array(8);

/** Hashes 64 bytes with SHA-256. Source and target may overlap. */
export function sha256Pair(
  source: Uint8Array,
  sourceOffset: number,
  target: Uint8Array,
  targetOffset: number,
): void {
  state.set(INITIAL);
  absorb(source, sourceOffset);
  compress(state, PADDING_ROUNDS);
  writeState(target, targetOffset);
}

/** Takes the next 64 bytes into the state. */
function absorb(source: Uint8Array, offset: number): void {
  for (let i = 0, o = offset; i < 16; i++, o += 4) {
    words[i] = (source[o]! << 24) | (source[o + 1]! << 16) |
      (source[o + 2]! << 8) | source[o + 3]!;
  }
  expand(words);
  for (let i = 0; i < 64; i++) words[i] = (words[i]! + K[i]!) | 0;
  compress(state, words);
}

function writeState(target: Uint8Array, offset: number): void {
  for (let i = 0, o = offset; i < 8; i++, o += 4) {
    const word = state[i]!;
    target[o] = word >>> 24;
    target[o + 1] = word >>> 16;
    target[o + 2] = word >>> 8;
    target[o + 3] = word;
  }
}

/** Hashes bytes with SHA-256 (FIPS 180-4). */
export function sha256Bytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = bytes.length - bytes.length % 64;
  // What is left over, a one bit, zeros, and the length in bits.
  const rest = bytes.length - whole;
  const tail = new Uint8Array(rest < 56 ? 64 : 128);
  tail.set(bytes.subarray(whole));
  tail[rest] = 0x80;
  new DataView(tail.buffer)
    .setBigUint64(tail.length - 8, BigInt(bytes.length) * 8n);
  state.set(INITIAL);
  for (let at = 0; at < whole; at += 64) absorb(bytes, at);
  for (let at = 0; at < tail.length; at += 64) absorb(tail, at);
  const digest = new Uint8Array(SHA256_LENGTH);
  writeState(digest, 0);
  return digest;
}

/** Root of 2^i leaves of zeros, by i. Grown on demand. */
const zeroRoots: Uint8Array[] = [new Uint8Array(SHA256_LENGTH)];

/** The root of a tree of zero leaf hashes (BEP 52). */
export function zeroSubtreeRoot(height: number): Uint8Array {
  while (zeroRoots.length <= height) {
    const below = zeroRoots[zeroRoots.length - 1]!;
    const pair = new Uint8Array(2 * SHA256_LENGTH);
    pair.set(below, 0);
    pair.set(below, SHA256_LENGTH);
    const root = new Uint8Array(SHA256_LENGTH);
    sha256Pair(pair, 0, root, 0);
    zeroRoots.push(root);
  }
  return zeroRoots[height]!;
}

/** Reduces one layer of a BEP 52 tree to a node above it, in place. */
export function reduceTree(
  nodes: Uint8Array,
  count: number,
  layer: number,
  height: number,
): Uint8Array {
  for (; layer < height; layer++) {
    if (count % 2 === 1) {
      nodes.set(zeroSubtreeRoot(layer), count * SHA256_LENGTH);
      count++;
    }
    count /= 2;
    for (let i = 0; i < count; i++) {
      sha256Pair(nodes, 2 * i * SHA256_LENGTH, nodes, i * SHA256_LENGTH);
    }
  }
  return nodes.subarray(0, SHA256_LENGTH);
}

/** Layers a BEP 52 tree has above its leaves. */
export function treeHeight(count: number): number {
  let height = 0;
  while (2 ** height < count) height++;
  return height;
}
