/**
 * Rate limits with a burst: for all, for each of many, and such that strangers
 * cannot use up, one or hundreds.
 *
 * @module
 */
import { remember } from "./recent.ts";

/** Names whose use is remembered. */
const MAX_NAMES = 4096;
/** What was taken counts for so long, in milliseconds: then a third is left. */
const MEMORY_MS = 60_000;

/** Rates of a {@linkcode FairBucket}. */
interface FairBucketOptions {
  /** Tokens a second in all. */
  readonly perSecond: number;
  /** Most that are there at once. @default {perSecond} */
  readonly burst?: number | undefined;
  /** Tokens a second of one name, and at once, when few are left. */
  readonly each: number;
  /** Tokens that are left to those who are known, below half. @default {0} */
  readonly reserve?: number | undefined;
}

/** What one name had. */
interface Use {
  readonly own: TokenBucket;
  /** Tokens lately, as of `at`. */
  taken: number;
  at: number;
}

/**
 * Fills at a rate; once half is used up, each name has a rate of its own, and
 * the fewer are left, the less a name may have had lately: however many ask
 * without end, who asks for little finds something left.
 */
export class FairBucket {
  readonly #half: number;
  readonly #each: number;
  readonly #reserve: number;
  readonly #all: TokenBucket;
  readonly #uses = new Map<string, Use>();

  /** Makes a full one. */
  constructor(options: FairBucketOptions, now: number) {
    const { perSecond, burst = perSecond, each } = options;
    this.#half = burst / 2;
    this.#each = each;
    this.#reserve = options.reserve ?? 0;
    this.#all = new TokenBucket(perSecond, burst, now);
  }

  /**
   * Takes tokens if they are there for this name, which may be known. Returns
   * whether they were.
   */
  take(
    name: string,
    now: number,
    tokens = 1,
    isKnown: () => boolean = () => false,
  ): boolean {
    const level = this.#all.level(now);
    if (level < tokens) return false;
    const each = this.#each;
    const use = this.#uses.get(name) ??
      { own: new TokenBucket(each, each, now), taken: 0, at: now };
    remember(this.#uses, name, use, MAX_NAMES);
    use.taken *= Math.exp(-Math.max(0, now - use.at) / MEMORY_MS);
    use.at = now;
    if (level < this.#half) {
      const kept = this.#reserve > 0 && !isKnown() ? this.#reserve : 0;
      if (level < tokens + kept) return false;
      const part = (level - kept) / (this.#half - kept);
      const most = each * MEMORY_MS / 1000 * part ** 3;
      // One that is dearer than all that a name has is owed.
      const isOwn = use.own.level(now) >= Math.min(tokens, 1);
      if (!isOwn || use.taken > most) return false;
      use.own.spend(tokens, now);
    }
    use.taken += tokens;
    this.#all.spend(tokens, now);
    return true;
  }
}

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

/** Fills at a rate up to a burst; each use takes tokens. */
export class TokenBucket {
  #perSecond: number;
  #burst: number;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Changes how fast it fills from now on. */
  setRate(perSecond: number, now: number, burst: number = this.#burst): void {
    this.#fill(now);
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#fill(now);
  }

  /** Takes tokens, there or not; a negative number gives some back. */
  spend(tokens: number, now: number): void {
    this.#fill(now);
    if (this.#perSecond === Infinity) return;
    this.#tokens = Math.min(this.#burst, this.#tokens - tokens);
  }

  /** How many tokens are there; negative after too many were spent. */
  level(now: number): number {
    this.#fill(now);
    return this.#tokens;
  }

  /** Takes a token if there is one. Returns whether there was one. */
  take(now: number): boolean {
    this.#fill(now);
    // Rounding must not make a timer that fires in time come too early.
    if (this.#tokens < 1 - 1e-6) return false;
    this.#tokens -= 1;
    return true;
  }

  /** When so many tokens will be there, in milliseconds. */
  nextAt(now: number, tokens = 1): number {
    this.#fill(now);
    return this.#tokens >= tokens - 1e-6
      ? now
      : now + (tokens - this.#tokens) * 1000 / this.#perSecond;
  }

  #fill(now: number): void {
    if (this.#perSecond === Infinity) this.#tokens = this.#burst;
    else {
      this.#tokens = Math.min(
        this.#burst,
        this.#tokens + Math.max(0, now - this.#at) * this.#perSecond / 1000,
      );
    }
    // A clock that jumps back gives nothing twice.
    this.#at = Math.max(this.#at, now);
  }
}
