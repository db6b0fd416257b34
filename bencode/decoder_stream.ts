/**
 * Values out of a stream of bytes.
 *
 * @module
 */
import {
  IncrementalBencodeDecoder,
  type IncrementalBencodeDecoderOptions,
} from "./incremental_decoder.ts";
import type { BencodeValue } from "./types.ts";

/**
 * A transform stream from bytes, in chunks of any size, to the values they
 * hold one after another. Both sides fail with a `BencodeSyntaxError` when the
 * bytes are at fault; the values before it are delivered. Source: BEP 3.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BencodeDecoderStream } from "@bip/bip/bencode";
 *
 * const values = ReadableStream.from(["i1ei", "2e"])
 *   .pipeThrough(new TextEncoderStream())
 *   .pipeThrough(new BencodeDecoderStream());
 * assertEquals(await Array.fromAsync(values), [1, 2]);
 * ```
 */
export class BencodeDecoderStream
  implements TransformStream<Uint8Array, BencodeValue> {
  readonly #readable: ReadableStream<BencodeValue>;
  readonly #writable: WritableStream<Uint8Array>;

  /**
   * Makes a stream at the start of its input.
   *
   * @param options Limits on each value, and which departures from the
   * canonical form are accepted.
   * @throws {RangeError} If a limit is not an integer of at least 0 or
   * Infinity.
   * @throws {TypeError} If the mode is unknown.
   */
  constructor(options: IncrementalBencodeDecoderOptions = {}) {
    const decoder = new IncrementalBencodeDecoder(options);
    const bytes = new TransformStream<Uint8Array, Uint8Array>();
    const reader = bytes.readable.getReader();
    this.#writable = bytes.writable;
    // An erring stream drops what it has queued. With nothing queued ahead,
    // pull runs, and fails, only after every value before was taken.
    this.#readable = new ReadableStream<BencodeValue>({
      async pull(controller): Promise<void> {
        try {
          let values: BencodeValue[] = [];
          while (values.length === 0) {
            const { done, value } = await reader.read();
            if (done) {
              decoder.finish();
              controller.close();
              return;
            }
            values = decoder.push(value);
          }
          for (const value of values) controller.enqueue(value);
        } catch (error) {
          // Without waiting: the other side may have failed already.
          reader.cancel(error).catch(() => {});
          throw error;
        }
      },
      cancel(reason): Promise<void> {
        return reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }

  /**
   * The values.
   *
   * @returns The stream to read from.
   */
  get readable(): ReadableStream<BencodeValue> {
    return this.#readable;
  }

  /**
   * The bytes.
   *
   * @returns The stream to write to.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable;
  }
}
