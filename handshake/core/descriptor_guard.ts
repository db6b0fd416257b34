/**
 * Leaves file descriptors for others once the system has refused one: the limit
 * is not told anywhere, so it is learnt.
 *
 * @module
 */

/** Descriptors left to files and everything else. */
const RESERVED = 32;
/** Connections that are always allowed. */
const LEAST = 8;
/** After how long without a refusal more is tried again, in ms. */
const FORGET_MS = 60_000;
/** What is closed may keep its descriptor for so long, in ms. */
const SETTLE_MS = 1_000;

/** The number of connections that leaves descriptors for others. */
export class DescriptorGuard {
  #limit = Infinity;
  #forgetAt = 0;
  #refusedAt = -Infinity;

  /**
   * Notes that there was no descriptor left.
   *
   * @param open Connections that are open.
   * @param now The time in milliseconds.
   */
  refused(open: number, now: number): void {
    this.#forgetAt = now + FORGET_MS;
    // More of the same refusal, as those that have to go are not gone yet.
    if (now - this.#refusedAt < SETTLE_MS) return;
    this.#refusedAt = now;
    this.#limit = Math.max(LEAST, Math.min(this.#limit, open - RESERVED));
  }

  /**
   * Tells how many connections may be open.
   *
   * @param now The time in milliseconds.
   * @returns The number, or Infinity.
   */
  limit(now: number): number {
    if (now >= this.#forgetAt) this.#limit = Infinity;
    return this.#limit;
  }
}
