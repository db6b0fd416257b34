/**
 * A rate limit that one stranger cannot use up.
 *
 * @module
 */
import { TokenBucket } from "../token_bucket.ts";
import { TokenBuckets } from "./token_buckets.ts";

/** Names whose use is remembered. */
const MAX_NAMES = 1024;

/** Fills at a rate; once half is used up, each name has a rate of its own. */
export class FairBucket {
  readonly #perSecond: number;
  readonly #all: TokenBucket;
  readonly #each: TokenBuckets;

  /** Makes a full one, for so many a second, in all and of one name. */
  constructor(perSecond: number, eachPerSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#all = new TokenBucket(perSecond, perSecond, now);
    this.#each = new TokenBuckets(eachPerSecond, eachPerSecond, MAX_NAMES);
  }

  /** Takes a token if there is one for this name. Returns whether it did. */
  take(name: string, now: number): boolean {
    const isFew = this.#each.use(name, now).take(now);
    return (isFew || this.#all.level(now) >= this.#perSecond / 2) &&
      this.#all.take(now);
  }
}
