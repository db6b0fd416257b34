/**
 * Blocks of peer records in one typed array: a few words a peer, no objects.
 *
 * @module
 */

/** No block. */
export const NO_BLOCK = -1;

/** Hands out blocks of 2^n records of a fixed size. */
export class SwarmPool {
  /** Words of one record. */
  readonly recordWords: number;
  /** All records; replaced when the pool grows. */
  words: Int32Array<ArrayBuffer>;
  /** First free block of each size, linked through the blocks' first words. */
  #free: number[] = [];
  /** Records in use or free, and those in use. */
  #used = 0;
  #live = 0;

  constructor(recordWords: number) {
    this.recordWords = recordWords;
    this.words = new Int32Array(recordWords * 64);
  }

  /** Bytes of the pool. */
  get bytes(): number {
    return this.words.byteLength;
  }

  /** Takes a block of 2^order records: the index of its first. */
  take(order: number): number {
    const first = this.#free[order] ?? NO_BLOCK;
    this.#live += 1 << order;
    if (first !== NO_BLOCK) {
      // One more than the index: a fresh word is 0.
      this.#free[order] = this.words[first * this.recordWords]! - 1;
      return first;
    }
    const start = this.#used;
    this.#used += 1 << order;
    const needed = this.#used * this.recordWords;
    if (needed > this.words.length) {
      const words = new Int32Array(
        Math.max(needed, Math.ceil(this.words.length * 1.5)),
      );
      words.set(this.words);
      this.words = words;
    }
    return start;
  }

  /**
   * Whether taking a block would make the pool grow although most of it is
   * free: blocks of other sizes, left by swarms that were larger or smaller;
   * true if the pool should be compacted first.
   */
  isScattered(order: number): boolean {
    return (this.#free[order] ?? NO_BLOCK) === NO_BLOCK &&
      (this.#used + (1 << order)) * this.recordWords > this.words.length &&
      this.#live * 2 < this.#used;
  }

  /** Moves all blocks in use together and frees the rest. */
  compact(blocks: Int32Array, orders: Uint8Array): void {
    const { recordWords, words: old } = this;
    const words = new Int32Array(
      recordWords * Math.max(64, Math.ceil(this.#live * 1.5)),
    );
    let used = 0;
    for (let i = 0; i < blocks.length; i++) {
      const first = blocks[i]!;
      if (first === NO_BLOCK) continue;
      const end = first + (1 << orders[i]!);
      words.set(
        old.subarray(first * recordWords, end * recordWords),
        used * recordWords,
      );
      blocks[i] = used;
      used += end - first;
    }
    this.words = words;
    this.#used = used;
    this.#free = [];
  }

  /** Gives a block back. */
  give(block: number, order: number): void {
    this.#live -= 1 << order;
    this.words[block * this.recordWords] = (this.#free[order] ?? NO_BLOCK) + 1;
    this.#free[order] = block;
  }

  /** Copies a record over another. */
  copy(from: number, to: number): void {
    const { words, recordWords } = this;
    let a = from * recordWords;
    let b = to * recordWords;
    for (let i = 0; i < recordWords; i++) words[b++] = words[a++]!;
  }
}
