/** Random values and bytes for the tests of bencode. */
import { randomInt, type RandomSource } from "../../_shared/random.ts";
import type { BencodeValue } from "../../bencode/mod.ts";

function randomBytes(random: RandomSource, below: number): Uint8Array {
  return random.getRandomValues(new Uint8Array(randomInt(random, below)));
}

function randomInteger(random: RandomSource): number | bigint {
  const sign = randomInt(random, 2) === 0 ? 1n : -1n;
  let magnitude = 0n;
  for (let i = randomInt(random, 5); i > 0; i--) {
    magnitude = magnitude * 0x100000000n + BigInt(randomInt(random, 2 ** 32));
  }
  const value = sign * (magnitude >> BigInt(randomInt(random, 32)));
  const isSafe = value <= BigInt(Number.MAX_SAFE_INTEGER) &&
    value >= BigInt(Number.MIN_SAFE_INTEGER);
  return isSafe ? Number(value) : value;
}

/** Makes a value of up to `budget` tokens or so. */
export function randomValue(
  random: RandomSource,
  budget: number,
): BencodeValue {
  switch (budget <= 1 ? randomInt(random, 2) : 1 + randomInt(random, 3)) {
    case 0:
      return randomInteger(random);
    case 1:
      return randomBytes(random, 40);
    case 2: {
      const list: BencodeValue[] = [];
      for (let i = randomInt(random, 6); i > 0; i--) {
        list.push(randomValue(random, Math.floor(budget / 3)));
      }
      return list;
    }
    default: {
      const keys = new Set<string>();
      for (let i = randomInt(random, 6); i > 0; i--) {
        keys.add(String.fromCharCode(...randomBytes(random, 4)));
      }
      return new Map(
        [...keys].sort().map((key) =>
          [key, randomValue(random, Math.floor(budget / 3))] as const
        ),
      );
    }
  }
}

/** Encodes by recursion and string building: slow, and checked by eye. */
export function plainEncode(value: BencodeValue): string {
  if (typeof value === "number" || typeof value === "bigint") {
    return `i${value}e`;
  }
  if (value instanceof Uint8Array) {
    return `${value.length}:${String.fromCharCode(...value)}`;
  }
  if (Array.isArray(value)) return `l${value.map(plainEncode).join("")}e`;
  let text = "d";
  for (const [key, item] of value) {
    text += `${key.length}:${key}${plainEncode(item)}`;
  }
  return text + "e";
}

/** The bytes of a string of one character a byte. */
export function raw(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** A seed for this run, to print with a failure. */
export function freshSeed(): number {
  return Math.floor(Math.random() * 2 ** 32);
}
