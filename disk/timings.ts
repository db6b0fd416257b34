/**
 * How long reading, writing and verifying take.
 *
 * @module
 */
import type { Clock } from "../_shared/clock.ts";
import { Histogram, type HistogramCounts } from "../_shared/metrics.ts";
import type { Awaitable } from "./awaitable.ts";

/** What is timed: a read or a write of a file, or the hash of a piece. */
export type DiskWork = "read" | "write" | "verify";

/** Histograms of times in seconds, by what was done. */
export class DiskTimings {
  readonly read: Histogram = new Histogram();
  readonly write: Histogram = new Histogram();
  readonly verify: Histogram = new Histogram();
  readonly #clock: Clock;

  /** @param clock Clock to use. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does something and notes how long it took, unless it fails. */
  time<T>(work: DiskWork, action: () => Awaitable<T>): Awaitable<T> {
    const start = this.#clock.now();
    const result = action();
    if (!(result instanceof Promise)) {
      this.#note(work, start);
      return result;
    }
    return result.then((value) => {
      this.#note(work, start);
      return value;
    });
  }

  /** The histograms of the moment, as plain JSON. */
  snapshot(): Record<DiskWork, HistogramCounts> {
    return {
      read: this.read.snapshot(),
      write: this.write.snapshot(),
      verify: this.verify.snapshot(),
    };
  }

  #note(work: DiskWork, start: number): void {
    this[work].observe((this.#clock.now() - start) / 1000);
  }
}
