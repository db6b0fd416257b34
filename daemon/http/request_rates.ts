/**
 * How many requests an address may make.
 *
 * @module
 */
import { TokenBucket } from "../../_shared/token_bucket.ts";

/** Addresses that are remembered. */
const MAX_ADDRESSES = 4_096;

/** Counts the requests of each address. */
export class RequestRates {
  readonly #perSecond: number;
  readonly #burst: number;
  /** By address, the one not heard of longest first. */
  readonly #buckets = new Map<string, TokenBucket>();

  /** Allows so many a second, and so many at once. */
  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Whether one more is allowed. */
  take(address: string, now: number): boolean {
    const bucket = this.#buckets.get(address) ??
      new TokenBucket(this.#perSecond, this.#burst, now);
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    if (this.#buckets.size > MAX_ADDRESSES) {
      this.#buckets.delete(this.#buckets.keys().next().value!);
    }
    return bucket.take(now);
  }
}
