/**
 * A rate limit that one stranger cannot use up.
 *
 * @module
 */
import { TokenBucket } from "../token_bucket.ts";
import { TokenBuckets } from "./token_buckets.ts";

/** Names whose use is remembered. */
const MAX_NAMES = 1024;

/** Rates of a {@linkcode FairBucket}. */
export interface FairBucketOptions {
  /** Tokens a second in all. */
  readonly perSecond: number;
  /** Most that are there at once. @default {perSecond} */
  readonly burst?: number | undefined;
  /** Tokens a second of one name, and at once, when few are left. */
  readonly each: number;
}

/** Fills at a rate; once half is used up, each name has a rate of its own. */
export class FairBucket {
  readonly #half: number;
  readonly #all: TokenBucket;
  readonly #each: TokenBuckets;

  /** Makes a full one. */
  constructor(options: FairBucketOptions, now: number) {
    const { perSecond, burst = perSecond, each } = options;
    this.#half = burst / 2;
    this.#all = new TokenBucket(perSecond, burst, now);
    this.#each = new TokenBuckets(each, each, MAX_NAMES);
  }

  /** Takes tokens if they are there for this name. Returns whether they were. */
  take(name: string, now: number, tokens = 1): boolean {
    const level = this.#all.level(now);
    if (level < tokens) return false;
    if (level < this.#half) {
      const own = this.#each.use(name, now);
      // One that is dearer than all that a name has is owed.
      if (own.level(now) < Math.min(tokens, 1)) return false;
      own.spend(tokens, now);
    }
    this.#all.spend(tokens, now);
    return true;
  }
}
