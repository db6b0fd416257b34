/**
 * How late timers are: what keeps the one thread busy.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import { Histogram } from "../../_shared/metrics.ts";

/** Between two timers, in milliseconds. */
const TICK_MS = 1000;

/** Measures how late its timer is, until it is disposed of. */
export class EventLoopLag implements Disposable {
  /** Seconds. */
  readonly times: Histogram = new Histogram();
  readonly #clock: Clock;
  #cancel: () => void;

  /** Starts to measure. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#cancel = this.#next();
  }

  #next(): () => void {
    const due = this.#clock.now() + TICK_MS;
    return this.#clock.schedule(due, () => {
      this.times.observe(Math.max(0, this.#clock.now() - due) / 1000);
      this.#cancel = this.#next();
    });
  }

  /** Ends it. Idempotent. */
  [Symbol.dispose](): void {
    this.#cancel();
  }
}
