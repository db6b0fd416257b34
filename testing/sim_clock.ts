/**
 * Virtual time.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock } from "../_shared/clock.ts";
import { DeadlineHeap } from "../_shared/deadline_heap.ts";

/**
 * A virtual clock: time passes only when it is told to, and everything that is
 * ready runs before it goes on. Give it as `clock` to whatever takes one.
 *
 * @example
 * ```ts
 * import { SimClock } from "@bip/bip/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const clock = new SimClock();
 * let rang = false;
 * clock.schedule(clock.now() + 60_000, () => rang = true);
 * await clock.advance(59_999);
 * assertEquals(rang, false);
 * await clock.advance(1);
 * assertEquals(rang, true);
 * ```
 */
export class SimClock implements Clock {
  #now = 0;
  readonly #timers = new DeadlineHeap<() => void>();
  /**
   * Called whenever everything that is ready has run, before time goes on.
   * What it throws ends {@linkcode SimClock.runUntil}: the place for what must
   * always hold.
   */
  onQuiet: () => void = () => {};

  /**
   * Reads the clock.
   *
   * @returns Milliseconds since it was made.
   */
  now(): number {
    return this.#now;
  }

  /** Timers that have neither fired nor been cancelled. */
  get pending(): number {
    return this.#timers.size;
  }

  /**
   * Calls back once at a time.
   *
   * @param at When, in milliseconds of this clock.
   * @param callback What to call.
   * @returns A function that cancels the call.
   */
  schedule(at: number, callback: () => void): () => void {
    const timer = this.#timers.add(at, callback);
    return () => this.#timers.cancel(timer);
  }

  /**
   * Lets time pass until a condition is met, or up to a moment.
   *
   * @param end The last moment, in milliseconds of this clock.
   * @param condition Looked at whenever everything that is ready has run.
   * @returns Whether the condition was met.
   */
  async runUntil(end: number, condition: () => boolean): Promise<boolean> {
    await drain();
    while (true) {
      this.onQuiet();
      if (condition()) return true;
      if (!this.#step(end)) break;
      await drain();
    }
    this.#now = Math.max(this.#now, end);
    return condition();
  }

  /**
   * Lets time pass.
   *
   * @param ms Milliseconds.
   */
  async advance(ms: number): Promise<void> {
    await this.runUntil(this.#now + ms, () => false);
  }

  /**
   * Lets time pass at once, for what needs no promises: machines, and
   * {@linkcode DatagramNetwork}. Promises do not go on meanwhile.
   *
   * @param end The last moment, in milliseconds of this clock.
   * @param condition Looked at after each moment at which something happened.
   * @returns Whether the condition was met.
   */
  runSync(end: number, condition: () => boolean = () => false): boolean {
    while (!condition()) {
      if (this.#step(end)) continue;
      this.#now = Math.max(this.#now, end);
      return false;
    }
    return true;
  }

  /** Fires all timers of the next moment, in the order of their making. */
  #step(end: number): boolean {
    const next = this.#timers.earliest ?? Infinity;
    if (next > end || next === Infinity) return false;
    this.#now = Math.max(this.#now, next);
    for (let fired = 0;; fired++) {
      if (fired > 1e6) throw new Error(`Time stands still at ${this.#now}`);
      const callback = this.#timers.takeDue(this.#now);
      if (callback === undefined) return true;
      callback();
    }
  }
}

/**
 * Lets every promise that is ready go on, and what these make ready.
 *
 * @returns A promise that resolves when nothing is left to do at this moment.
 */
export function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
