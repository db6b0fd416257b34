/**
 * Randomness as a port: the system's source, and one from a seed for tests and
 * simulations.
 *
 * @module
 */
import { readUint32 } from "./bytes.ts";

/** Where chance comes from; `crypto` is one. */
export interface RandomSource {
  /**
   * Fills an array with random bytes.
   *
   * @param bytes What to fill, at most 65536 bytes.
   * @returns The same array.
   */
  getRandomValues<T extends Uint8Array<ArrayBuffer>>(bytes: T): T;
}

/** The system's cryptographic source. */
export const systemRandom: RandomSource = crypto;

/** A source that repeats itself; as a function it fills arrays of any size. */
export interface SeededRandom extends RandomSource {
  <T extends Uint8Array>(bytes: T): T;
}

/** Makes a repeatable source from a seed. Not for secrets. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = () => {
    // splitmix32
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  const fill = <T extends Uint8Array>(bytes: T): T => {
    for (let i = 0; i < bytes.length; i += 4) {
      const word = next();
      for (let k = 0; k < 4 && i + k < bytes.length; k++) {
        bytes[i + k] = word >>> (8 * k);
      }
    }
    return bytes;
  };
  return Object.assign(fill, { getRandomValues: fill });
}

/** Draws a random byte string. */
export function randomBytes(
  random: RandomSource,
  length: number,
): Uint8Array<ArrayBuffer> {
  return random.getRandomValues(new Uint8Array(length));
}

const word = new Uint8Array(4);

/** Draws an integer from 0 to `below - 1` (below 2^32) without bias. */
export function randomInt(random: RandomSource, below: number): number {
  if (!(below >= 1 && below <= 0x100000000)) {
    throw new RangeError(
      `Cannot draw below ${below}: it must be an integer from 1 to 2^32`,
    );
  }
  const limit = 0x100000000 - 0x100000000 % below;
  while (true) {
    const value = readUint32(random.getRandomValues(word), 0);
    if (value < limit) return value % below;
  }
}

/** Shuffles in place (Fisher-Yates). */
export function shuffle<T>(random: RandomSource, items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const k = randomInt(random, i + 1);
    const item = items[i]!;
    items[i] = items[k]!;
    items[k] = item;
  }
  return items;
}
