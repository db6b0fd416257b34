/**
 * Which bytes of a piece there are.
 *
 * @module
 */

/**
 * A set of integers kept as half-open intervals that neither touch nor
 * overlap. Blocks in order cost nothing; others a binary search and a move.
 */
export class IntervalSet {
  /**
   * Start, end, start, end, … ascending. What is not there compares as false:
   * behind the last one every loop ends.
   */
  readonly #bounds: number[] = [];
  #total = 0;

  /** How many integers are in the set. */
  get total(): number {
    return this.#total;
  }

  /** The intervals: start, end, start, end, … ascending. Not a copy. */
  get bounds(): readonly number[] {
    return this.#bounds;
  }

  /** Whether a whole range is in the set. */
  covers(start: number, end: number): boolean {
    if (start >= end) return true;
    const i = this.#firstEndingAfter(start);
    const bounds = this.#bounds;
    return bounds[i]! <= start && bounds[i + 1]! >= end;
  }

  /** Whether any of a range is in the set. */
  overlaps(start: number, end: number): boolean {
    if (start >= end) return false;
    const i = this.#firstEndingAfter(start);
    return this.#bounds[i]! < end;
  }

  /** What of a range is missing. */
  gaps(start: number, end: number): number[] {
    const gaps: number[] = [];
    const bounds = this.#bounds;
    let at = start;
    for (
      let i = this.#firstEndingAfter(start);
      bounds[i]! < end;
      i += 2
    ) {
      if (bounds[i]! > at) gaps.push(at, bounds[i]!);
      at = bounds[i + 1]!;
    }
    if (at < end) gaps.push(at, end);
    return gaps;
  }

  /** What of a range is in the set: start, end, start, end, … */
  runs(start: number, end: number): number[] {
    const runs: number[] = [];
    const bounds = this.#bounds;
    for (
      let i = this.#firstEndingAfter(start);
      bounds[i]! < end;
      i += 2
    ) runs.push(Math.max(start, bounds[i]!), Math.min(end, bounds[i + 1]!));
    return runs;
  }

  /** Adds a range. */
  add(start: number, end: number): void {
    if (start >= end) return;
    const bounds = this.#bounds;
    const last = bounds.length - 1;
    if (start > bounds[last]!) {
      bounds.push(start, end);
      this.#total += end - start;
      return;
    }
    if (start === bounds[last]!) {
      bounds[last] = end;
      this.#total += end - start;
      return;
    }
    const first = this.#firstEndingAfter(start - 1);
    let behind = first;
    let low = start;
    let high = end;
    while (bounds[behind]! <= end) {
      low = Math.min(low, bounds[behind]!);
      high = Math.max(high, bounds[behind + 1]!);
      this.#total -= bounds[behind + 1]! - bounds[behind]!;
      behind += 2;
    }
    this.#total += high - low;
    if (behind - first === 2) {
      bounds[first] = low;
      bounds[first + 1] = high;
    } else bounds.splice(first, behind - first, low, high);
  }

  /** Takes a range out. */
  remove(start: number, end: number): void {
    if (start >= end) return;
    const bounds = this.#bounds;
    const first = this.#firstEndingAfter(start);
    let behind = first;
    const rest: number[] = [];
    while (bounds[behind]! < end) {
      const low = bounds[behind]!;
      const high = bounds[behind + 1]!;
      if (low < start) rest.push(low, start);
      if (high > end) rest.push(end, high);
      this.#total -= Math.min(high, end) - Math.max(low, start);
      behind += 2;
    }
    bounds.splice(first, behind - first, ...rest);
  }

  /** Index of the start of the first interval whose end is above a value. */
  #firstEndingAfter(value: number): number {
    const bounds = this.#bounds;
    let low = 0;
    let high = bounds.length >>> 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (bounds[2 * middle + 1]! > value) high = middle;
      else low = middle + 1;
    }
    return 2 * low;
  }
}
