/**
 * A rate limit for each of many strangers.
 *
 * @module
 */
import { remember } from "../recent.ts";
import { TokenBucket } from "../token_bucket.ts";

/** Buckets by name; those not used for longest are forgotten. */
export class TokenBuckets {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #most: number;
  readonly #buckets = new Map<string, TokenBucket>();

  /** Each fills at a rate up to a burst; so many are remembered. */
  constructor(perSecond: number, burst: number, most: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#most = most;
  }

  /** The bucket of a name, which is used now. */
  use(name: string, now: number): TokenBucket {
    const bucket = this.#buckets.get(name) ??
      new TokenBucket(this.#perSecond, this.#burst, now);
    remember(this.#buckets, name, bucket, this.#most);
    return bucket;
  }

  /** When there will be a token for a name, in milliseconds. */
  nextAt(name: string, now: number): number {
    return this.#buckets.get(name)?.nextAt(now) ?? now;
  }
}
