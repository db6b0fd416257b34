/**
 * Values out of bytes that arrive in pieces.
 *
 * @module
 */
import { decodeAt } from "./syntax/decode_at.ts";
import {
  type Fault,
  type ResolvedOptions,
  resolveOptions,
  toSyntaxError,
} from "./syntax/limits.ts";
import { BencodeScanner, FAULT, MORE } from "./syntax/scanner.ts";
import type { BencodeSyntaxError } from "./error.ts";
import type { BencodeValue, DecodeBencodeOptions } from "./types.ts";

const DEFAULT_MAX_LENGTH = 16 * 1024 * 1024;
const FIRST_BUFFER = 256;

/** Options of the decoders for input in pieces. */
export interface IncrementalBencodeDecoderOptions extends DecodeBencodeOptions {
  /**
   * How many bytes a value may take, which is also how much is buffered.
   *
   * @default {16 MiB}
   */
  readonly maxLength?: number | undefined;
}

/**
 * Decodes a sequence of values from chunks of any size. How the input is split
 * changes neither the values nor the error. Source: BEP 3.
 *
 * At most one unfinished value is buffered, and a string that would go beyond
 * `maxLength` is refused when its length is read. Values own their bytes:
 * chunks may be reused.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { IncrementalBencodeDecoder } from "@bip/bip/bencode";
 *
 * const decoder = new IncrementalBencodeDecoder();
 * const encoder = new TextEncoder();
 * assertEquals(decoder.push(encoder.encode("i1")), []);
 * assertEquals(decoder.push(encoder.encode("2ei3eli")), [12, 3]);
 * assertEquals(decoder.push(encoder.encode("4ee")), [[4]]);
 * decoder.finish();
 * ```
 */
export class IncrementalBencodeDecoder {
  readonly #options: ResolvedOptions;
  readonly #scanner: BencodeScanner;
  /** The start of the unfinished value. */
  #buffer = new Uint8Array(0);
  #buffered = 0;
  /** Of the unfinished value, in bytes from the start of the input. */
  #offset = 0;
  #error: BencodeSyntaxError | undefined;

  /**
   * Makes a decoder at the start of its input.
   *
   * @param options Limits on each value, and which departures from the
   * canonical form are accepted.
   * @throws {RangeError} If a limit is not an integer of at least 0 or
   * Infinity.
   * @throws {TypeError} If the mode is unknown.
   */
  constructor(options: IncrementalBencodeDecoderOptions = {}) {
    const resolved = resolveOptions(options, DEFAULT_MAX_LENGTH);
    const { onLeniency } = resolved;
    this.#options = onLeniency === undefined ? resolved : {
      ...resolved,
      onLeniency: ({ leniency, offset }) =>
        onLeniency({ leniency, offset: this.#offset + offset }),
    };
    this.#scanner = new BencodeScanner(resolved);
    this.#scanner.start();
  }

  /**
   * Bytes of the unfinished value that are buffered.
   *
   * @returns A number of bytes, at most `maxLength`.
   */
  get buffered(): number {
    return this.#buffered;
  }

  /**
   * What the input is refused for.
   *
   * @returns The error, `undefined` while there is none.
   */
  get error(): BencodeSyntaxError | undefined {
    return this.#error;
  }

  /**
   * Takes the next bytes.
   *
   * @param chunk The bytes; not kept.
   * @returns The values that are complete with them. Those before a fault are
   * returned, too: `error` is set then, and the next call throws it.
   * @throws {BencodeSyntaxError} If the input is at fault and no value comes
   * before. Its offset counts from the start of the input. Every later call
   * throws it again.
   */
  push(chunk: Uint8Array): BencodeValue[] {
    if (this.#error !== undefined) throw this.#error;
    const values: BencodeValue[] = [];
    let p = 0;
    while (p < chunk.length) {
      const end = this.#scanner.scan(chunk, p, chunk.length);
      if (end === MORE) {
        this.#append(chunk, p, chunk.length);
        return values;
      }
      const value = end === FAULT
        ? this.#refuse(this.#scanner)
        : this.#decode(chunk, p, end);
      if (value === undefined) break;
      values.push(value);
      p = end;
    }
    if (this.#error !== undefined && values.length === 0) throw this.#error;
    return values;
  }

  /**
   * Ends the input.
   *
   * @throws {BencodeSyntaxError} If it ends inside a value, or was at fault
   * before.
   */
  finish(): void {
    if (this.#error === undefined && this.#buffered > 0) {
      this.#refuse({ code: "unexpected-end", offset: this.#buffered });
    }
    if (this.#error !== undefined) throw this.#error;
  }

  /** Decodes the value that ends inside a chunk. */
  #decode(
    chunk: Uint8Array,
    start: number,
    end: number,
  ): BencodeValue | undefined {
    let bytes: Uint8Array;
    if (this.#buffered === 0) {
      bytes = chunk.slice(start, end);
    } else {
      this.#append(chunk, start, end);
      bytes = this.#buffer.slice(0, this.#buffered);
    }
    const fault: Fault = { code: undefined, offset: 0 };
    const value = decodeAt(bytes, 0, bytes.length, this.#options, fault);
    if (value === undefined) return this.#refuse(fault);
    this.#offset += bytes.length;
    this.#buffered = 0;
    if (this.#buffer.length > 65536) this.#buffer = new Uint8Array(0);
    this.#scanner.start();
    return value;
  }

  #append(chunk: Uint8Array, start: number, end: number): void {
    const needed = this.#buffered + end - start;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(
        Math.max(needed, 2 * this.#buffer.length, FIRST_BUFFER),
      );
      grown.set(this.#buffer.subarray(0, this.#buffered));
      this.#buffer = grown;
    }
    this.#buffer.set(chunk.subarray(start, end), this.#buffered);
    this.#buffered = needed;
  }

  #refuse(fault: Fault): undefined {
    const offset = this.#offset + fault.offset;
    this.#error = toSyntaxError({ code: fault.code, offset });
    this.#buffer = new Uint8Array(0);
    this.#buffered = 0;
    return undefined;
  }
}
