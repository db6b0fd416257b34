/**
 * A keyed hash whose key changes, for proofs that nobody has to remember.
 *
 * @module
 */
import { randomBytes, type RandomSource } from "./random.ts";
import { SipHash, SIPHASH_KEY_LENGTH } from "./sip_hash.ts";

/** SipHash-2-4 under a key that is drawn anew again and again. */
export class RotatingHash {
  readonly #random: RandomSource;
  readonly #everyMs: number;
  #rotatedAt: number;
  /** The hash under the newest key. */
  current: SipHash;
  /** The hash under the key before that. */
  previous: SipHash;

  /** Draws the first keys; each is the newest one for so many ms. */
  constructor(random: RandomSource, everyMs: number, now: number) {
    this.#random = random;
    this.#everyMs = everyMs;
    this.#rotatedAt = now;
    this.current = this.#draw();
    this.previous = this.#draw();
  }

  /** Draws keys anew when it is time. */
  rotate(now: number): void {
    const periods = Math.floor((now - this.#rotatedAt) / this.#everyMs);
    if (!(periods >= 1)) return;
    this.previous = periods === 1 ? this.current : this.#draw();
    this.current = this.#draw();
    this.#rotatedAt += periods * this.#everyMs;
  }

  #draw(): SipHash {
    return new SipHash(randomBytes(this.#random, SIPHASH_KEY_LENGTH));
  }
}
