/**
 * Values to canonical bytes, in one pass with a stack of its own.
 *
 * @module
 */
import { encodeText } from "../_shared/bytes.ts";
import { formatBencodePath } from "./error.ts";
import type { BencodeInput, EncodeBencodeOptions } from "./types.ts";

const COLON = 0x3a;
const DICTIONARY = 0x64;
const END = 0x65;
const INTEGER = 0x69;
const LIST = 0x6c;
const MINUS = 0x2d;
const ZERO = 0x30;

const DEFAULT_MAX_DEPTH = 100;
/** Longer text goes through the text encoder. */
const SHORT_TEXT = 48;
/** Longer byte strings are copied by `set`. */
const SHORT_BYTES = 24;
/** The buffer of this size or less is kept for the next call. */
const KEPT_BUFFER = 65536;

type Fields = { readonly [key: string]: BencodeInput | undefined };

/** A list or dictionary that is being written. One is reused per depth. */
interface Frame {
  list: readonly BencodeInput[] | undefined;
  map: ReadonlyMap<string, BencodeInput> | undefined;
  fields: Fields | undefined;
  /** Of a dictionary, in the order of their bytes. */
  keys: readonly string[];
  /** Of the next item or key. */
  next: number;
}

let keptBuffer: Uint8Array<ArrayBuffer> | undefined;

function isSorted(keys: readonly string[]): boolean {
  for (let i = 1; i < keys.length; i++) {
    if (!(keys[i - 1]! < keys[i]!)) return false;
  }
  return true;
}

/** Names what cannot be written, for error messages. */
function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  const name = value.constructor?.name;
  return typeof name === "string" && name !== "" ? name : "object";
}

class Encoder {
  #out: Uint8Array<ArrayBuffer>;
  #length = 0;
  #depth = 0;
  readonly #frames: Frame[] = [];
  readonly #maxDepth: number;

  constructor(out: Uint8Array<ArrayBuffer>, maxDepth: number) {
    this.#out = out;
    this.#maxDepth = maxDepth;
  }

  get buffer(): Uint8Array<ArrayBuffer> {
    return this.#out;
  }

  encode(root: BencodeInput): Uint8Array<ArrayBuffer> {
    this.#write(root);
    while (this.#depth > 0) {
      const frame = this.#frames[this.#depth - 1]!;
      if (frame.list !== undefined) this.#continueList(frame, frame.list);
      else this.#continueDictionary(frame);
    }
    return this.#out.slice(0, this.#length);
  }

  /** Writes items until the list ends or one of them is a container. */
  #continueList(frame: Frame, list: readonly BencodeInput[]): void {
    const depth = this.#depth;
    while (frame.next < list.length) {
      this.#write(list[frame.next++]!);
      if (this.#depth !== depth) return;
    }
    this.#close(frame);
  }

  /** Writes entries until the dictionary ends or a value is a container. */
  #continueDictionary(frame: Frame): void {
    const depth = this.#depth;
    const { keys, map, fields } = frame;
    while (frame.next < keys.length) {
      const key = keys[frame.next++]!;
      const value = map !== undefined ? map.get(key) : fields![key];
      if (value === undefined && map === undefined) continue;
      this.#writeKey(key);
      this.#write(value!);
      if (this.#depth !== depth) return;
    }
    this.#close(frame);
  }

  #close(frame: Frame): void {
    frame.list = frame.map = frame.fields = undefined;
    frame.keys = [];
    this.#depth--;
    this.#reserve(1);
    this.#out[this.#length++] = END;
  }

  #write(value: BencodeInput): void {
    if (typeof value === "number") this.#writeInteger(value);
    else if (value instanceof Uint8Array) this.#writeBytes(value);
    else if (typeof value === "string") this.#writeText(value);
    else if (Array.isArray(value)) {
      this.#open(LIST).list = value;
    } else if (value instanceof Map) {
      const frame = this.#open(DICTIONARY);
      frame.map = value;
      frame.keys = this.#sortedKeys([...value.keys()]);
    } else if (typeof value === "bigint") {
      this.#writeAscii(`i${value}e`);
    } else if (typeof value === "object" && value !== null) {
      this.#writeObject(value as Fields);
    } else throw this.#notEncodable(value);
  }

  #notEncodable(value: unknown): TypeError {
    return new TypeError(
      `Cannot encode ${
        describe(value)
      }${this.#where()}: expected an integer, a byte string, text, a list or a dictionary`,
    );
  }

  #writeObject(value: Fields): void {
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      throw this.#notEncodable(value);
    }
    const frame = this.#open(DICTIONARY);
    frame.fields = value;
    frame.keys = this.#sortedKeys(Object.keys(value));
  }

  /** Sorts keys by their bytes, which is how byte strings compare. */
  #sortedKeys(keys: string[]): readonly string[] {
    return isSorted(keys) ? keys : keys.sort();
  }

  #open(type: number): Frame {
    if (this.#depth === this.#maxDepth) {
      throw new RangeError(
        `Cannot encode a value${this.#where()}: it has a cycle or is nested deeper than ${this.#maxDepth} levels`,
      );
    }
    this.#reserve(1);
    this.#out[this.#length++] = type;
    let frame = this.#frames[this.#depth];
    if (frame === undefined) {
      frame = {
        list: undefined,
        map: undefined,
        fields: undefined,
        keys: [],
        next: 0,
      };
      this.#frames.push(frame);
    }
    frame.next = 0;
    this.#depth++;
    return frame;
  }

  #writeInteger(value: number): void {
    if (!Number.isSafeInteger(value)) {
      throw new RangeError(
        `Cannot encode number ${value}${this.#where()}: expected a safe integer, or a bigint`,
      );
    }
    this.#reserve(19);
    const out = this.#out;
    out[this.#length++] = INTEGER;
    if (value < 0) {
      out[this.#length++] = MINUS;
      value = -value;
    }
    this.#writeDigits(value);
    out[this.#length++] = END;
  }

  /** Writes the digits of a safe integer of at least 0; space is reserved. */
  #writeDigits(value: number): void {
    const out = this.#out;
    if (value >= 1e8) {
      const high = Math.floor(value / 1e8);
      let low = (value - high * 1e8) | 0;
      this.#writeDigits(high);
      const start = this.#length;
      for (let i = start + 7; i >= start; i--) {
        const rest = (low / 10) | 0;
        out[i] = ZERO + low - rest * 10;
        low = rest;
      }
      this.#length = start + 8;
      return;
    }
    let small = value | 0;
    const count = small < 1e4
      ? (small < 100 ? (small < 10 ? 1 : 2) : (small < 1e3 ? 3 : 4))
      : (small < 1e6 ? (small < 1e5 ? 5 : 6) : (small < 1e7 ? 7 : 8));
    const start = this.#length;
    for (let i = start + count - 1; i >= start; i--) {
      const rest = (small / 10) | 0;
      out[i] = ZERO + small - rest * 10;
      small = rest;
    }
    this.#length = start + count;
  }

  #writeBytes(bytes: Uint8Array): void {
    const length = bytes.length;
    this.#reserve(length + 18);
    const out = this.#out;
    this.#writeDigits(length);
    out[this.#length++] = COLON;
    const start = this.#length;
    if (length > SHORT_BYTES) out.set(bytes, start);
    else for (let i = 0; i < length; i++) out[start + i] = bytes[i]!;
    this.#length = start + length;
  }

  #writeText(text: string): void {
    const length = text.length;
    if (length <= SHORT_TEXT) {
      this.#reserve(length + 18);
      const out = this.#out;
      const before = this.#length;
      this.#writeDigits(length);
      out[this.#length++] = COLON;
      const start = this.#length;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) break;
        out[start + i] = code;
      }
      if (i === length) {
        this.#length = start + length;
        return;
      }
      this.#length = before;
    }
    if (!text.isWellFormed()) {
      throw new RangeError(
        `Cannot encode text${this.#where()}: it has a lone surrogate`,
      );
    }
    this.#writeBytes(encodeText(text));
  }

  #writeKey(key: string): void {
    if (typeof key !== "string") {
      throw new TypeError(
        `Cannot encode a key of type ${
          describe(key)
        }${this.#where()}: expected a string`,
      );
    }
    const length = key.length;
    this.#reserve(length + 18);
    const out = this.#out;
    this.#writeDigits(length);
    out[this.#length++] = COLON;
    const start = this.#length;
    for (let i = 0; i < length; i++) {
      const code = key.charCodeAt(i);
      if (code > 0xff) {
        throw new RangeError(
          `Cannot encode a key${this.#where()}: character ${i} is above U+00FF, expected one character a byte`,
        );
      }
      out[start + i] = code;
    }
    this.#length = start + length;
  }

  #writeAscii(text: string): void {
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) {
      this.#out[this.#length++] = text.charCodeAt(i);
    }
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#out.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#out.length));
    grown.set(this.#out.subarray(0, this.#length));
    this.#out = grown;
  }

  /** The place of the current value, for error messages. */
  #where(): string {
    const path: (string | number)[] = [];
    for (const frame of this.#frames.slice(0, this.#depth)) {
      const index = Math.max(frame.next - 1, 0);
      path.push(frame.list !== undefined ? index : String(frame.keys[index]));
    }
    return path.length === 0 ? "" : ` at ${formatBencodePath(path)}`;
  }
}

/**
 * Encodes a value in the canonical form: dictionary keys in the order of their
 * bytes. Source: BEP 3.
 *
 * @param value What to encode. Text is written as UTF-8; keys have one
 * character a byte.
 * @param options How deep the value may be.
 * @returns The bencoded bytes.
 * @throws {RangeError} If a number is not a safe integer, text has a lone
 * surrogate, a key has a character above U+00FF, or the value has a cycle or
 * is nested too deep.
 * @throws {TypeError} If a value or key is of a type that bencode lacks, such
 * as `null` or a boolean.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeBencode } from "@bip/bip/bencode";
 *
 * const bytes = encodeBencode({ b: "text", a: [1, 2n ** 64n] });
 * assertEquals(
 *   new TextDecoder().decode(bytes),
 *   "d1:ali1ei18446744073709551616ee1:b4:texte",
 * );
 * ```
 */
export function encodeBencode(
  value: BencodeInput,
  options: EncodeBencodeOptions = {},
): Uint8Array<ArrayBuffer> {
  const { maxDepth = DEFAULT_MAX_DEPTH } = options;
  if (
    !(maxDepth === Infinity || Number.isSafeInteger(maxDepth)) || maxDepth < 0
  ) {
    throw new RangeError(
      `Option maxDepth must be an integer of at least 0 or Infinity: current value is ${maxDepth}`,
    );
  }
  const encoder = new Encoder(keptBuffer ?? new Uint8Array(4096), maxDepth);
  // Taken while in use: a getter of the value may encode, too.
  keptBuffer = undefined;
  try {
    return encoder.encode(value);
  } finally {
    if (encoder.buffer.length <= KEPT_BUFFER) keptBuffer = encoder.buffer;
  }
}
