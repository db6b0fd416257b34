/**
 * Finds the few known keys of a message in its bytes, without building any
 * value. One reader is reused for all messages.
 *
 * @module
 */

/** Keys of the outer dictionary. */
export const TOP = { a: 0, e: 1, ip: 2, q: 3, r: 4, ro: 5, t: 6, v: 7, y: 8 };

/** Keys of the arguments and of the answer. */
export const INNER = {
  id: 0,
  target: 1,
  info_hash: 2,
  token: 3,
  nodes: 4,
  nodes6: 5,
  values: 6,
  want: 7,
  port: 8,
  implied_port: 9,
  seed: 10,
  noseed: 11,
  scrape: 12,
  v: 13,
  k: 14,
  seq: 15,
  sig: 16,
  salt: 17,
  cas: 18,
  interval: 19,
  num: 20,
  samples: 21,
  BFsd: 22,
  BFpe: 23,
};

/** Slots by length and first byte, as several keys may share both. */
function keyTable(keys: readonly string[]): readonly (readonly number[])[] {
  const table: number[][] = Array.from({ length: 16 * 128 }, () => []);
  keys.forEach((key, slot) =>
    table[key.length * 128 + key.charCodeAt(0)]!.push(slot)
  );
  return table;
}

/** The keys of one dictionary and where their values are. */
export class KrpcFields {
  readonly #keys: readonly string[];
  readonly #table: readonly (readonly number[])[];
  readonly #start: Int32Array;
  readonly #end: Int32Array;

  /** Takes the keys in the order of their slots. */
  constructor(slots: Readonly<Record<string, number>>) {
    const keys = Object.keys(slots);
    this.#keys = keys;
    this.#table = keyTable(keys);
    this.#start = new Int32Array(keys.length);
    this.#end = new Int32Array(keys.length);
  }

  /** Where the value of a key starts, 0 when there is none. */
  start(slot: number): number {
    return this.#start[slot]!;
  }

  /** Where the value of a key ends; of a string, where its body does. */
  end(slot: number): number {
    return this.#end[slot]!;
  }

  /** Reads a dictionary. */
  read(bytes: Uint8Array, at: number): number {
    this.#start.fill(0);
    if (bytes[at] !== 0x64) return -1;
    at++;
    while (bytes[at] !== 0x65) {
      const body = stringBody(bytes, at);
      if (body < 0) return -1;
      at = body + stringLength;
      const slot = this.#find(bytes, body, stringLength);
      const end = skipValue(bytes, at);
      if (end < 0) return -1;
      if (slot >= 0 && this.#start[slot] === 0) {
        this.#start[slot] = at;
        this.#end[slot] = end;
      }
      at = end;
    }
    return at + 1;
  }

  #find(bytes: Uint8Array, at: number, length: number): number {
    const first = bytes[at]!;
    if (length === 0 || length > 15 || first > 127) return -1;
    const slots = this.#table[length * 128 + first]!;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      const key = this.#keys[slot]!;
      let k = 1;
      while (k < length && bytes[at + k] === key.charCodeAt(k)) k++;
      if (k === length) return slot;
    }
    return -1;
  }

  /** The bytes of a string, as a view; `undefined` for anything else. */
  string(bytes: Uint8Array, slot: number): Uint8Array | undefined {
    const start = this.#start[slot]!;
    if (start === 0) return undefined;
    const body = stringBody(bytes, start);
    return body < 0 ? undefined : bytes.subarray(body, this.#end[slot]!);
  }

  /** A string of a certain length; `undefined` for anything else. */
  fixed(
    bytes: Uint8Array,
    slot: number,
    length: number,
  ): Uint8Array | undefined {
    const start = this.#start[slot]!;
    if (start === 0) return undefined;
    const body = stringBody(bytes, start);
    return body < 0 || stringLength !== length
      ? undefined
      : bytes.subarray(body, body + length);
  }

  /** An integer of at most 15 digits; `undefined` for anything else. */
  integer(bytes: Uint8Array, slot: number): number | undefined {
    const start = this.#start[slot]!;
    if (start === 0) return undefined;
    return readInteger(bytes, start, this.#end[slot]!);
  }

  /** An integer of at most 19 digits; `undefined` for anything else. */
  bigInteger(bytes: Uint8Array, slot: number): bigint | undefined {
    const start = this.#start[slot]!;
    if (start === 0 || bytes[start] !== 0x69) return undefined;
    const end = this.#end[slot]! - 1;
    if (end - start > 21) return undefined;
    const small = readInteger(bytes, start, end + 1);
    if (small !== undefined) return BigInt(small);
    let value = 0n;
    let at = start + 1;
    const negative = bytes[at] === 0x2d;
    if (negative) at++;
    for (; at < end; at++) value = value * 10n + BigInt(bytes[at]! - 0x30);
    return negative ? -value : value;
  }
}

/** Length of the string that {@linkcode stringBody} was last called for. */
export let stringLength = 0;

/** Reads the length of a string, into {@linkcode stringLength}. */
export function stringBody(bytes: Uint8Array, at: number): number {
  let digit = bytes[at]! - 0x30;
  if (!(digit >= 0 && digit <= 9)) return -1;
  let length = digit;
  at++;
  digit = bytes[at]! - 0x30;
  while (digit >= 0 && digit <= 9) {
    length = length * 10 + digit;
    if (length > bytes.length) return -1;
    at++;
    digit = bytes[at]! - 0x30;
  }
  if (bytes[at] !== 0x3a) return -1;
  at++;
  if (at + length > bytes.length) return -1;
  stringLength = length;
  return at;
}

/** Finds the offset after an integer, or -1 when there is no whole one. */
function skipInteger(bytes: Uint8Array, at: number): number {
  at++;
  if (bytes[at] === 0x2d) at++;
  const first = at;
  while (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
  return at > first && bytes[at] === 0x65 ? at + 1 : -1;
}

/**
 * Finds the offset after a value, or -1 when there is no whole one. What is
 * inside lists and dictionaries is only counted: depth costs nothing.
 */
export function skipValue(bytes: Uint8Array, at: number): number {
  let depth = 0;
  do {
    const type = bytes[at];
    if (type === 0x69) {
      at = skipInteger(bytes, at);
      if (at < 0) return -1;
    } else if (type === 0x6c || type === 0x64) {
      depth++;
      at++;
    } else if (type === 0x65) {
      if (depth === 0) return -1;
      depth--;
      at++;
    } else {
      at = stringBody(bytes, at);
      if (at < 0) return -1;
      at += stringLength;
    }
  } while (depth > 0);
  return at;
}

/** Reads an integer of at most 15 digits that ends at a known place. */
export function readInteger(
  bytes: Uint8Array,
  start: number,
  end: number,
): number | undefined {
  if (bytes[start] !== 0x69) return undefined;
  let at = start + 1;
  const negative = bytes[at] === 0x2d;
  if (negative) at++;
  if (end - 1 - at > 15) return undefined;
  let value = 0;
  for (; at < end - 1; at++) value = value * 10 + bytes[at]! - 0x30;
  return negative && value !== 0 ? -value : value;
}
