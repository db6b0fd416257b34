/**
 * How large a buffer the next read gets.
 *
 * @module
 */

const QUIET_READS = 32;

/** Grows while reads fill it, shrinks when they no longer do. */
export class ReadBuffer {
  readonly #least: number;
  readonly #most: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #quiet = 0;

  /**
   * Makes the smallest buffer.
   *
   * @param least Bytes to begin with.
   * @param most Bytes to grow to.
   */
  constructor(least: number, most: number) {
    this.#least = least;
    this.#most = Math.max(least, most);
    this.#bytes = new Uint8Array(least);
  }

  /** The buffer for the next read. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /**
   * Learns how much a read gave; the buffer may be another one afterwards.
   *
   * @param length Bytes that were read.
   */
  used(length: number): void {
    const size = this.#bytes.length;
    if (length === size) {
      this.#quiet = 0;
      if (size < this.#most) this.#resize(Math.min(size * 2, this.#most));
    } else if (length * 4 >= size || size === this.#least) this.#quiet = 0;
    else if (++this.#quiet >= QUIET_READS) {
      this.#quiet = 0;
      this.#resize(Math.max(size >>> 1, this.#least));
    }
  }

  /** Frees the memory. */
  clear(): void {
    this.#bytes = new Uint8Array(0);
  }

  #resize(size: number): void {
    this.#bytes = new Uint8Array(size);
  }
}
