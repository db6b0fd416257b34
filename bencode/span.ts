/**
 * The raw bytes of a node inside bencoded input.
 *
 * @module
 */
import { type ResolvedLimits, resolveLimits } from "./syntax/limits.ts";
import { BencodeScanner, FAULT, MORE } from "./syntax/scanner.ts";
import { BencodeSyntaxError } from "./error.ts";
import type { BencodeLimits } from "./types.ts";

const ZERO = 0x30;
const COLON = 0x3a;
const DICTIONARY = 0x64;
const END = 0x65;
const LIST = 0x6c;

/** Where a node is in the input. */
export interface BencodeSpan {
  /** Offset of its first byte. */
  readonly start: number;
  /** Offset after its last byte. */
  readonly end: number;
}

/**
 * Finds the exact bytes of a node, without building any value: the info-hash
 * is the hash of the span of `["info"]`, whatever way it was written.
 * Source: BEP 3.
 *
 * Takes every input that the lenient mode of `decodeBencode` takes, and of
 * duplicate keys the first, as it does. What follows the node is not read.
 *
 * @param bytes The bencoded bytes.
 * @param path The way to the node: a string (one character a byte) enters a
 * dictionary, an index enters a list. Empty for the first value itself.
 * @param options Limits.
 * @returns The span, or `undefined` when there is no such node.
 * @throws {BencodeSyntaxError} If the bytes up to the node's end are not
 * bencode or beyond a limit.
 * @throws {RangeError} If a limit is not an integer of at least 0 or Infinity.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { bencodeSpan } from "@bip/bip/bencode";
 *
 * const bytes = new TextEncoder().encode("d4:infod4:name1:xee");
 * assertEquals(bencodeSpan(bytes, ["info"]), { start: 7, end: 18 });
 * assertEquals(bencodeSpan(bytes, ["info", "name"]), { start: 14, end: 17 });
 * assertEquals(bencodeSpan(bytes, ["announce"]), undefined);
 * ```
 */
export function bencodeSpan(
  bytes: Uint8Array,
  path: readonly (string | number)[],
  options?: BencodeLimits,
): BencodeSpan | undefined {
  const limits = resolveLimits(options);
  if (bytes.length > limits.maxLength) {
    throw new BencodeSyntaxError("too-long", limits.maxLength);
  }
  const finder = new SpanFinder(bytes, limits);
  for (const step of path) {
    if (!finder.enter(step)) return undefined;
  }
  const start = finder.offset;
  finder.skip();
  return { start, end: finder.offset };
}

class SpanFinder {
  /** Of the current node. */
  offset = 0;
  readonly #bytes: Uint8Array;
  readonly #limits: ResolvedLimits;
  readonly #scanner: BencodeScanner;
  #depth = 0;
  #tokens = 0;

  constructor(bytes: Uint8Array, limits: ResolvedLimits) {
    this.#bytes = bytes;
    this.#limits = limits;
    this.#scanner = new BencodeScanner(limits);
  }

  /** Moves to a child of the current node, if it has that one. */
  enter(step: string | number): boolean {
    const type = this.#byte();
    if (type !== (typeof step === "string" ? DICTIONARY : LIST)) {
      // Not such a container: it may still be junk, which is for skip to say.
      this.skip();
      return false;
    }
    this.#count(this.offset);
    if (this.#depth >= this.#limits.maxDepth) {
      throw new BencodeSyntaxError("too-deep", this.offset);
    }
    this.#depth++;
    this.offset++;
    return typeof step === "string" ? this.#findKey(step) : this.#find(step);
  }

  /** Moves after the current node. */
  skip(): void {
    const scanner = this.#scanner;
    const start = this.offset;
    scanner.start(this.#depth, this.#tokens);
    const end = scanner.scan(this.#bytes, start, this.#bytes.length);
    if (end === FAULT) {
      throw new BencodeSyntaxError(scanner.code, start + scanner.offset);
    }
    if (end === MORE) {
      throw new BencodeSyntaxError("unexpected-end", this.#bytes.length);
    }
    this.#tokens = scanner.tokens;
    this.offset = end;
  }

  #find(index: number): boolean {
    for (let i = 0; this.#byte() !== END; i++) {
      if (i === index) return true;
      this.skip();
    }
    return false;
  }

  #findKey(key: string): boolean {
    while (this.#byte() !== END) {
      const found = this.#readKey(key);
      if (this.#byte() === END) {
        throw new BencodeSyntaxError("missing-value", this.offset);
      }
      if (found) return true;
      this.skip();
    }
    return false;
  }

  /** Moves after a key, and says whether it is the wanted one. */
  #readKey(wanted: string): boolean {
    const start = this.offset;
    const first = this.#byte();
    if (first < ZERO || first >= COLON) {
      throw new BencodeSyntaxError("invalid-key", start);
    }
    // A string ends where its body does, so the body is found from the end.
    this.skip();
    const body = this.offset - wanted.length;
    if (body <= start || this.#bytes[body - 1] !== COLON) return false;
    for (let i = start; i < body - 1; i++) {
      const byte = this.#bytes[i]!;
      if (byte < ZERO || byte >= COLON) return false;
    }
    for (let i = 0; i < wanted.length; i++) {
      if (wanted.charCodeAt(i) !== this.#bytes[body + i]) return false;
    }
    return true;
  }

  #byte(): number {
    const byte = this.#bytes[this.offset];
    if (byte === undefined) {
      throw new BencodeSyntaxError("unexpected-end", this.#bytes.length);
    }
    return byte;
  }

  #count(offset: number): void {
    if (++this.#tokens > this.#limits.maxTokens) {
      throw new BencodeSyntaxError("too-many-tokens", offset);
    }
  }
}
