/**
 * How large a buffer the next read gets.
 *
 * @module
 */

const QUIET_READS = 32;
const FIRST_READ = 512;
/** Bytes at least while blocks are awaited, at most while none are. */
const BLOCK_READ = 16_384;

/**
 * Small for peers that bring no payload; while blocks are awaited it grows as
 * reads fill it, and shrinks when they no longer do.
 */
export class ReadBuffer {
  readonly #least: number;
  readonly #most: number;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #size: number;
  #quiet = 0;

  /** Makes an empty buffer. */
  constructor(most: number) {
    this.#least = Math.min(FIRST_READ, most);
    this.#most = most;
    this.#size = this.#least;
  }

  /** Chooses the size of the next read. */
  size(awaited: boolean): number {
    const most = this.#most;
    return this.#size = awaited
      ? Math.max(this.#size, Math.min(BLOCK_READ, most))
      : Math.min(this.#size, Math.max(this.#least, BLOCK_READ));
  }

  /** The buffer for a read of that size. */
  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.#bytes.length !== this.#size) {
      this.#bytes = new Uint8Array(this.#size);
    }
    return this.#bytes;
  }

  /** Learns how much a read gave. */
  used(length: number): void {
    const size = this.#size;
    if (length === size) {
      this.#quiet = 0;
      this.#size = Math.min(size * 2, this.#most);
    } else if (length * 4 >= size || size === this.#least) this.#quiet = 0;
    else if (size <= BLOCK_READ || ++this.#quiet >= QUIET_READS) {
      this.#quiet = 0;
      this.#size = Math.max(size >>> 1, this.#least);
    }
  }
}
