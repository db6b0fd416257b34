/**
 * Search for the longest datagram that a path carries.
 *
 * @module
 */

/** Steps below this are not worth a probe, in bytes. */
const PRECISION = 24;
/** Probes of a length, where other packets are lost as well. */
const MAX_TRIES = 4;
/** Time after which a path is looked at again, in ms. */
const AGAIN_MS = 30 * 60_000;

/** Bounds of the search. */
export interface MtuRange {
  /** Bytes of a datagram that every path carries. */
  readonly floor: number;
  /** Bytes of the longest datagram to try. */
  readonly ceiling: number;
}

/** A binary search that begins with what most paths carry. */
export class PathMtu {
  /** Bytes of a datagram that got through. */
  size: number;
  readonly #range: MtuRange;
  #ceiling: number;
  #isFirst = true;
  #againAt = Infinity;
  #tries = 0;
  /** Bytes of the probe on the way, 0 for none. */
  probing = 0;

  /** @param range Bounds; a ceiling below the floor is taken for the floor. */
  constructor(range: MtuRange) {
    this.#range = range;
    this.size = range.floor;
    this.#ceiling = Math.max(range.floor, range.ceiling);
  }

  /** Bytes of the next probe, or 0 when there is nothing to try. */
  nextProbe(now: number): number {
    if (now >= this.#againAt) {
      this.#ceiling = Math.max(this.size, this.#range.ceiling);
      this.#againAt = Infinity;
      this.#isFirst = true;
    }
    if (this.probing > 0) return 0;
    const gap = this.#ceiling - this.size;
    if (gap === 0 || (!this.#isFirst && gap <= PRECISION)) return 0;
    return this.#isFirst ? this.#ceiling : this.size + (gap >> 1);
  }

  /** A probe is on the way. */
  sent(bytes: number): void {
    this.probing = bytes;
  }

  /** A probe arrived, perhaps one that was taken for lost. */
  arrived(bytes: number, now: number): void {
    if (bytes <= this.size) return;
    this.size = bytes;
    this.#ceiling = Math.max(this.#ceiling, bytes);
    this.#ended(now);
  }

  /**
   * A probe did not arrive. When shorter packets are lost, too, that tells
   * little: it is tried again, a few times.
   */
  lost(bytes: number, othersAreLost: boolean, now: number): void {
    if (this.probing !== bytes) return;
    this.probing = 0;
    if (othersAreLost && ++this.#tries < MAX_TRIES) return;
    this.#ceiling = Math.max(this.size, bytes - 1);
    this.#ended(now);
  }

  #ended(now: number): void {
    this.#isFirst = false;
    this.probing = this.#tries = 0;
    if (this.#ceiling - this.size <= PRECISION) {
      this.#ceiling = this.size;
      if (this.size < this.#range.ceiling) this.#againAt = now + AGAIN_MS;
    }
  }
}
