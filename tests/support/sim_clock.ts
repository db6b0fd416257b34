import { setImmediate } from "node:timers";
import type { Clock } from "../../_shared/clock.ts";

interface Timer {
  readonly at: number;
  readonly sequence: number;
  callback: (() => void) | undefined;
}

/**
 * A virtual clock for whole swarms: as `FakeClock`, but with a heap of timers,
 * and everything that is ready runs before time goes on.
 */
export class SimClock implements Clock {
  #now = 0;
  #sequence = 0;
  #live = 0;
  readonly #heap: Timer[] = [];
  /** Called whenever everything that is ready has run. */
  onQuiet: () => void = () => {};

  now(): number {
    return this.#now;
  }

  /** Timers that have neither fired nor been cancelled. */
  get pending(): number {
    return this.#live;
  }

  schedule(at: number, callback: () => void): () => void {
    const timer: Timer = { at, sequence: this.#sequence++, callback };
    this.#push(timer);
    this.#live++;
    return () => {
      if (timer.callback === undefined) return;
      timer.callback = undefined;
      this.#live--;
    };
  }

  /** Lets time pass up to a moment at most; true when the condition was met. */
  async runUntil(end: number, condition: () => boolean): Promise<boolean> {
    await drain();
    while (true) {
      this.onQuiet();
      if (condition()) return true;
      const next = this.#peek();
      if (next === undefined || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      // All of one moment at once, in the order of their making.
      for (let fired = 0;; fired++) {
        if (fired > 1e6) throw new Error(`Time stands still at ${this.#now}`);
        const timer = this.#peek();
        if (timer === undefined || timer.at > this.#now) break;
        this.#pop();
        const { callback } = timer;
        timer.callback = undefined;
        this.#live--;
        callback!();
      }
      await drain();
    }
    this.#now = Math.max(this.#now, end);
    return condition();
  }

  /** Lets time pass. */
  async advance(ms: number): Promise<void> {
    await this.runUntil(this.#now + ms, () => false);
  }

  #peek(): Timer | undefined {
    while (this.#heap.length > 0 && this.#heap[0]!.callback === undefined) {
      this.#pop();
    }
    return this.#heap[0];
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let i = heap.push(timer) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    while (true) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (
        child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)
      ) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}

/** Runs every microtask that is ready, and what they make ready. */
export function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
