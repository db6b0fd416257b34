/**
 * Many timers on one.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import { DeadlineHeap } from "../../_shared/deadline_heap.ts";

/** A clock for thousands of sleepers: it arms one timer, the earliest. */
export class SharedClock implements Clock {
  readonly #clock: Clock;
  readonly #heap = new DeadlineHeap<() => void>();
  #armedAt = Infinity;
  #disarm = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Reads the clock. */
  now(): number {
    return this.#clock.now();
  }

  /** Calls back once at a time. */
  schedule(at: number, callback: () => void): () => void {
    const deadline = this.#heap.add(at, callback);
    this.#arm();
    return () => {
      if (!deadline.live) return;
      this.#heap.cancel(deadline);
      this.#arm();
    };
  }

  #arm(): void {
    const at = this.#heap.earliest ?? Infinity;
    if (at === this.#armedAt) return;
    this.#disarm();
    this.#armedAt = at;
    this.#disarm = at === Infinity
      ? () => {}
      : this.#clock.schedule(at, () => this.#fire());
  }

  #fire(): void {
    this.#armedAt = Infinity;
    this.#disarm = () => {};
    const now = this.#clock.now();
    try {
      let callback: (() => void) | undefined;
      while ((callback = this.#heap.takeDue(now)) !== undefined) callback();
    } finally {
      this.#arm();
    }
  }
}
