/**
 * Finds where a value ends without building it, across any split of the input.
 *
 * @module
 */
import type { ResolvedLimits } from "./limits.ts";
import type { BencodeSyntaxErrorCode } from "../error.ts";

const MINUS = 0x2d;
const ZERO = 0x30;
const COLON = 0x3a;
const DICTIONARY = 0x64;
const END = 0x65;
const INTEGER = 0x69;
const LIST = 0x6c;

/** What the next byte belongs to. */
const VALUE = 0;
const KEY = 1;
const SIGN = 2;
const DIGITS = 3;
const LENGTH = 4;
const BODY = 5;

/** {@linkcode BencodeScanner.scan}: all bytes are read, the value goes on. */
export const MORE = -1;
/** {@linkcode BencodeScanner.scan}: the bytes are no value. */
export const FAULT = -2;

/**
 * A scanner over one value at a time. Departures from the canonical form pass:
 * they do not change where a value ends.
 */
export class BencodeScanner {
  /** Why the last scan gave {@linkcode FAULT}. */
  code: BencodeSyntaxErrorCode = "invalid-value";
  /** Where, in bytes from the start of the value. */
  offset = 0;

  readonly #limits: ResolvedLimits;
  /** Of each open container, whether it is a dictionary. */
  readonly #stack: boolean[] = [];
  #baseDepth = 0;
  #state = VALUE;
  #isKey = false;
  #tokens = 0;
  /** Bytes of the value read by earlier scans. */
  #read = 0;
  /** Of the current token, in bytes from the start of the value. */
  #tokenOffset = 0;
  /** Digits of the current integer. */
  #digits = 0;
  /** Of the current string: its length, then what is left of its body. */
  #length = 0;

  /** @param limits Bounds on each value. */
  constructor(limits: ResolvedLimits) {
    this.#limits = limits;
  }

  /** Tokens read since the start. */
  get tokens(): number {
    return this.#tokens;
  }

  /**
   * Prepares for a value.
   *
   * @param depth How many containers are open around it.
   * @param tokens How many tokens were read before it.
   */
  start(depth = 0, tokens = 0): void {
    this.#stack.length = 0;
    this.#baseDepth = depth;
    this.#state = VALUE;
    this.#isKey = false;
    this.#tokens = tokens;
    this.#read = 0;
  }

  /**
   * Reads on in the current value.
   *
   * @param bytes Input.
   * @param start Of the part that was not scanned yet.
   * @param end Of what may be read.
   * @returns The offset in `bytes` after the value, {@linkcode MORE} or
   * {@linkcode FAULT}.
   */
  scan(bytes: Uint8Array, start: number, end: number): number {
    const room = this.#limits.maxLength - this.#read;
    const stop = end - start > room ? start + room : end;
    const result = this.#scan(bytes, start, stop);
    if (result !== MORE) return result;
    this.#read += stop - start;
    if (this.#read === this.#limits.maxLength) {
      return this.#fail("too-long", this.#read);
    }
    return MORE;
  }

  #scan(bytes: Uint8Array, start: number, end: number): number {
    const { maxDepth, maxTokens, maxIntegerDigits, maxLength } = this.#limits;
    const stack = this.#stack;
    const base = this.#read - start;
    let state = this.#state;
    let length = this.#length;
    let p = start;
    while (p < end) {
      const byte = bytes[p]!;
      switch (state) {
        case VALUE:
        case KEY:
          this.#tokenOffset = base + p;
          if (byte === END && stack.length > 0) {
            const isDictionary = stack[stack.length - 1]!;
            if (isDictionary && state === VALUE) {
              return this.#fail("missing-value", base + p);
            }
            stack.pop();
            p++;
            if (stack.length === 0) return p;
            state = stack[stack.length - 1]! ? KEY : VALUE;
          } else if (byte >= ZERO && byte < COLON) {
            this.#isKey = state === KEY;
            length = byte - ZERO;
            p++;
            if (
              state === VALUE && ++this.#tokens > maxTokens
            ) return this.#fail("too-many-tokens", this.#tokenOffset);
            state = LENGTH;
          } else if (state === KEY) {
            return this.#fail("invalid-key", base + p);
          } else if (byte === INTEGER) {
            if (++this.#tokens > maxTokens) {
              return this.#fail("too-many-tokens", base + p);
            }
            this.#digits = 0;
            state = SIGN;
            p++;
          } else if (byte === LIST || byte === DICTIONARY) {
            if (++this.#tokens > maxTokens) {
              return this.#fail("too-many-tokens", base + p);
            }
            if (this.#baseDepth + stack.length >= maxDepth) {
              return this.#fail("too-deep", base + p);
            }
            stack.push(byte === DICTIONARY);
            state = byte === DICTIONARY ? KEY : VALUE;
            p++;
          } else {
            // A stray byte is a fault even where no token is left to count.
            return this.#fail(
              this.#tokens >= maxTokens && byte !== END
                ? "too-many-tokens"
                : "invalid-value",
              base + p,
            );
          }
          break;
        case SIGN:
          state = DIGITS;
          if (byte === MINUS) p++;
          break;
        case DIGITS:
          if (byte >= ZERO && byte < COLON) {
            if (++this.#digits > maxIntegerDigits) {
              return this.#fail("integer-too-long", this.#tokenOffset);
            }
            p++;
          } else if (byte === END && this.#digits > 0) {
            p++;
            if (stack.length === 0) return p;
            state = stack[stack.length - 1]! ? KEY : VALUE;
          } else {
            return this.#fail("invalid-integer", base + p);
          }
          break;
        case LENGTH:
          if (byte >= ZERO && byte < COLON) {
            length = length * 10 + (byte - ZERO);
            p++;
          } else if (byte === COLON) {
            p++;
            if (length > Number.MAX_SAFE_INTEGER) {
              return this.#fail("length-overflow", this.#tokenOffset);
            }
            if (base + p + length > maxLength) {
              return this.#fail("too-long", maxLength);
            }
            if (this.#isKey && ++this.#tokens > maxTokens) {
              return this.#fail("too-many-tokens", this.#tokenOffset);
            }
            state = BODY;
          } else {
            return this.#fail("invalid-length", base + p);
          }
          break;
      }
      if (state === BODY) {
        const step = Math.min(length, end - p);
        p += step;
        length -= step;
        if (length > 0) break;
        if (this.#isKey) state = VALUE;
        else if (stack.length === 0) return p;
        else state = stack[stack.length - 1]! ? KEY : VALUE;
      }
    }
    this.#state = state;
    this.#length = length;
    return MORE;
  }

  #fail(code: BencodeSyntaxErrorCode, offset: number): number {
    this.code = code;
    this.offset = offset;
    return FAULT;
  }
}
