/**
 * Many deadlines of which the earliest counts, and many timers on one.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

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

/** One deadline; {@linkcode DeadlineHeap.cancel} takes it back. */
export interface Deadline<T> {
  /** When it is due, in milliseconds. */
  readonly at: number;
  /** Of two that are due at once, which comes first. */
  readonly order: number;
  /** What is due. */
  readonly value: T;
  /** False once cancelled. */
  live: boolean;
}

/**
 * A binary heap of deadlines, in the order of their making where they are due at
 * once; cancelled ones stay until they surface.
 */
export class DeadlineHeap<T> {
  readonly #heap: Deadline<T>[] = [];
  #order = 0;
  #dead = 0;

  /** How many there are. */
  get size(): number {
    return this.#heap.length - this.#dead;
  }

  /** The earliest deadline, or `undefined` when there is none. */
  get earliest(): number | undefined {
    this.#dropDead();
    return this.#heap[0]?.at;
  }

  /** Adds a deadline. */
  add(at: number, value: T): Deadline<T> {
    const item = { at, order: this.#order++, value, live: true };
    const heap = this.#heap;
    let index = heap.push(item) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(item, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = item;
    return item;
  }

  /** Takes a deadline back. */
  cancel(deadline: Deadline<T> | undefined): void {
    if (deadline === undefined || !deadline.live) return;
    deadline.live = false;
    this.#dead++;
    if (this.#dead > 64 && this.#dead * 2 > this.#heap.length) this.#rebuild();
  }

  /** Removes one deadline that is due. Returns what is due, or `undefined`. */
  takeDue(now: number): T | undefined {
    this.#dropDead();
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    first.live = false;
    this.#pop();
    return first.value;
  }

  #dropDead(): void {
    while (this.#heap.length > 0 && !this.#heap[0]!.live) {
      this.#pop();
      this.#dead--;
    }
  }

  #rebuild(): void {
    const live = this.#heap.filter((item) => item.live);
    live.sort((a, b) => a.at - b.at || a.order - b.order);
    this.#heap.length = 0;
    for (const item of live) this.#heap.push(item);
    this.#dead = 0;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    while (true) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (
        child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)
      ) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Deadline<unknown>, b: Deadline<unknown>): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
