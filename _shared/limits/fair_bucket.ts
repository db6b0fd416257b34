/**
 * A rate limit that strangers cannot use up, one or hundreds.
 *
 * @module
 */
import { remember } from "../recent.ts";
import { TokenBucket } from "../token_bucket.ts";

/** Names whose use is remembered. */
const MAX_NAMES = 4096;
/** What was taken counts for so long, in milliseconds: then a third is left. */
const MEMORY_MS = 60_000;

/** Rates of a {@linkcode FairBucket}. */
export interface FairBucketOptions {
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
