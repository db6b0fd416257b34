/**
 * A rate from amounts and times.
 *
 * @module
 */

const BUCKET_MS = 250;
const BUCKETS = 20;

/** Measures bytes per second over the last five seconds. */
export class RateMeter {
  readonly #bytes = new Float64Array(BUCKETS);
  #sum = 0;
  #total = 0;
  #bucket = 0;
  #startedAt: number | undefined;

  /**
   * Counts bytes.
   *
   * @param bytes How many.
   * @param now The time in milliseconds.
   */
  add(bytes: number, now: number): void {
    this.#startedAt ??= now;
    this.#advance(now);
    this.#bytes[this.#bucket % BUCKETS]! += bytes;
    this.#sum += bytes;
    this.#total += bytes;
  }

  /**
   * The rate.
   *
   * @param now The time in milliseconds.
   * @returns Bytes per second; a short history is not stretched below a
   * quarter of a second.
   */
  rate(now: number): number {
    if (this.#startedAt === undefined) return 0;
    this.#advance(now);
    const span = (BUCKETS - 1) * BUCKET_MS + now % BUCKET_MS;
    const age = Math.max(BUCKET_MS, now - this.#startedAt);
    return this.#sum * 1000 / Math.min(span, age);
  }

  /** All bytes that were counted. */
  get total(): number {
    return this.#total;
  }

  /** Forgets the history, but not the total. */
  reset(): void {
    this.#bytes.fill(0);
    this.#sum = 0;
    this.#startedAt = undefined;
  }

  #advance(now: number): void {
    const bucket = Math.floor(now / BUCKET_MS);
    if (bucket <= this.#bucket) return;
    if (bucket - this.#bucket >= BUCKETS) {
      this.#bytes.fill(0);
      this.#sum = 0;
    } else {
      for (let i = this.#bucket + 1; i <= bucket; i++) {
        this.#sum -= this.#bytes[i % BUCKETS]!;
        this.#bytes[i % BUCKETS] = 0;
      }
    }
    this.#bucket = bucket;
  }
}
