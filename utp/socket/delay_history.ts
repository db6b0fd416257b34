/**
 * Delay above the least one seen (RFC 6817).
 *
 * @module
 */
import { timeDistance } from "./sequence.ts";

/** Minutes that the least delay is remembered. */
const BUCKETS = 20;
const BUCKET_MS = 60_000;

/**
 * The least of many one-way delays. Two clocks that do not agree measure them,
 * so that only differences mean something.
 */
export class DelayHistory {
  readonly #least = new Uint32Array(BUCKETS);
  #used = 0;
  #bucket = 0;
  #since = 0;
  /** The least delay remembered, in microseconds modulo 2^32. */
  base = 0;

  /** Whether there was a sample. */
  get hasBase(): boolean {
    return this.#used > 0;
  }

  /** Takes a sample in microseconds. Returns its delay above the least one. */
  add(sample: number, now: number): number {
    if (this.#used === 0) {
      this.#used = 1;
      this.#since = now;
      this.#least[0] = this.base = sample;
      return 0;
    }
    if (now - this.#since >= BUCKET_MS) {
      this.#since = now;
      this.#bucket = (this.#bucket + 1) % BUCKETS;
      this.#used = Math.min(this.#used + 1, BUCKETS);
      this.#least[this.#bucket] = sample;
      this.#findBase();
    } else if (timeDistance(sample, this.#least[this.#bucket]!) < 0) {
      this.#least[this.#bucket] = sample;
      this.#findBase();
    }
    return Math.max(0, timeDistance(sample, this.base));
  }

  /** Raises every delay remembered, as the clocks drift apart. */
  raise(microseconds: number): void {
    for (let i = 0; i < this.#used; i++) this.#least[i]! += microseconds;
    this.base = (this.base + microseconds) >>> 0;
  }

  #findBase(): void {
    let base = this.#least[this.#bucket]!;
    for (let i = 0; i < this.#used; i++) {
      if (timeDistance(this.#least[i]!, base) < 0) base = this.#least[i]!;
    }
    this.base = base;
  }
}
