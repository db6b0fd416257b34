/**
 * The clock of a gateway: one that goes wrong has lost its mappings.
 *
 * @module
 */

/** Least time between two losses that are believed, in ms. */
const QUIET_MS = 10_000;

/** Follows a gateway's seconds (RFC 6887, 8.5; RFC 6886, 3.6). */
export class Epoch {
  #seconds: number | undefined;
  #at = 0;
  #lostAt = -Infinity;

  /**
   * Takes what an answer says.
   *
   * @param seconds The gateway's seconds.
   * @param now The time in ms.
   * @returns Whether the gateway has lost its mappings since the last answer.
   */
  isLost(seconds: number, now: number): boolean {
    const before = this.#seconds;
    const ours = (now - this.#at) / 1000;
    this.#seconds = seconds;
    this.#at = now;
    if (before === undefined) return false;
    const theirs = seconds - before;
    const isRight = theirs >= -1 &&
      ours + 2 >= theirs - theirs / 16 && theirs + 2 >= ours - ours / 16;
    if (isRight || now - this.#lostAt < QUIET_MS) return false;
    this.#lostAt = now;
    return true;
  }
}
