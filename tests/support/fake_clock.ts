import type { Clock } from "../../_shared/clock.ts";

/** A clock that moves only when told to. */
export class FakeClock implements Clock {
  #now = 0;
  #sequence = 0;
  readonly #timers = new Map<number, { at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.size;
  }

  schedule(at: number, callback: () => void): () => void {
    const id = this.#sequence++;
    this.#timers.set(id, { at, callback });
    return () => this.#timers.delete(id);
  }

  /** Lets time pass; timers fire in order, with microtasks run in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    while (true) {
      let first: number | undefined;
      let at = Infinity;
      for (const [id, timer] of this.#timers) {
        if (timer.at <= end && timer.at < at) {
          first = id;
          at = timer.at;
        }
      }
      if (first === undefined) break;
      const { callback } = this.#timers.get(first)!;
      this.#timers.delete(first);
      this.#now = Math.max(this.#now, at);
      callback();
      await settle();
    }
    this.#now = end;
  }
}

/** Runs the microtasks that are ready, and what they make ready. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
