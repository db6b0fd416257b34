/**
 * A bounded queue between a driver that produces and a caller that iterates or
 * pipes.
 *
 * Two policies, chosen by the producer: {@linkcode EventQueue.push} for notices
 * drops the oldest and counts it; {@linkcode EventQueue.send} for protocol data
 * waits for room.
 *
 * @module
 */
import { onAborted } from "./abort.ts";

/** A bounded, closable queue with one consumer. */
export class EventQueue<T> implements AsyncIterable<T> {
  readonly #capacity: number;
  #items: T[] = [];
  #head = 0;
  #dropped = 0;
  #closed = false;
  #error: unknown;
  #consumer: (() => void) | undefined;
  readonly #producers: (() => void)[] = [];

  /**
   * Makes an empty queue.
   *
   * @param capacity Most items that wait, at least 1.
   */
  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new RangeError(
        `Cannot make a queue of capacity ${capacity}: it must be a positive integer`,
      );
    }
    this.#capacity = capacity;
  }

  /** Items waiting. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  /** Items that {@linkcode push} threw away. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Adds an item; when full the oldest is dropped and counted. Ignored after
   * close.
   *
   * @param item What to add.
   */
  push(item: T): void {
    if (this.#closed) return;
    if (this.size >= this.#capacity) {
      this.#take();
      this.#dropped++;
    }
    this.#items.push(item);
    this.#wake();
  }

  /**
   * Adds an item once there is room.
   *
   * @param item What to add.
   * @returns Whether it was added; false when the queue was closed first.
   */
  async send(item: T): Promise<boolean> {
    while (!this.#closed && this.size >= this.#capacity) {
      await new Promise<void>((resolve) => this.#producers.push(resolve));
    }
    if (this.#closed) return false;
    this.#items.push(item);
    this.#wake();
    return true;
  }

  /**
   * Ends the queue: waiting items are still delivered, then the iteration ends
   * (or throws the error).
   *
   * @param error What the consumer sees at the end, if anything.
   */
  close(error?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    this.#wake();
    for (const resolve of this.#producers.splice(0)) resolve();
  }

  /**
   * Waits for the next item.
   *
   * @returns The item, or `undefined` at the end.
   */
  async next(): Promise<T | undefined> {
    while (this.size === 0) {
      if (this.#closed) {
        if (this.#error !== undefined) throw this.#error;
        return undefined;
      }
      await new Promise<void>((resolve) => this.#consumer = resolve);
    }
    return this.#take();
  }

  /** Iterates to the end of the queue; leaving the loop closes it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      while (true) {
        const item = await this.next();
        if (item === undefined) return;
        yield item;
      }
    } finally {
      this.close();
    }
  }

  /**
   * The queue as a stream; cancelling the stream closes the queue.
   *
   * @returns A stream that pulls from this queue.
   */
  readable(): ReadableStream<T> {
    return new ReadableStream<T>({
      pull: async (controller) => {
        const item = await this.next();
        if (item === undefined) controller.close();
        else controller.enqueue(item);
      },
      cancel: () => this.close(),
    }, { highWaterMark: 0 });
  }

  #take(): T {
    const item = this.#items[this.#head]!;
    this.#head++;
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    this.#producers.shift()?.();
    return item;
  }

  #wake(): void {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    consumer?.();
  }
}

/** Notices that wait for one subscriber before the oldest is dropped. */
const CAPACITY = 4096;

/** Fans notices out; a slow subscriber loses its oldest, nobody else's. */
export class EventHub<T> {
  /** Made for the first subscriber: hubs are many. */
  #queues: Set<EventQueue<T>> | undefined;
  #closed = false;

  /** Whether nobody listens. */
  get idle(): boolean {
    return (this.#queues?.size ?? 0) === 0;
  }

  /** Subscribes to what comes from now on, behind what is given. */
  subscribe(
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
    first: Iterable<T> = [],
  ): AsyncIterable<T> {
    const queue = new EventQueue<T>(CAPACITY);
    for (const notice of first) queue.push(notice);
    if (this.#closed || signal?.aborted) queue.close();
    else (this.#queues ??= new Set()).add(queue);
    return signal === undefined ? queue : endedBy(queue, signal);
  }

  /** Tells every subscriber. */
  publish(notice: T): void {
    if (this.#queues === undefined) return;
    for (const queue of this.#queues) {
      if (queue.closed) this.#queues.delete(queue);
      else queue.push(notice);
    }
  }

  /** Ends every subscription after what it still holds. */
  close(): void {
    this.#closed = true;
    for (const queue of this.#queues ?? []) queue.close();
    this.#queues = undefined;
  }
}

function endedBy<T>(
  queue: EventQueue<T>,
  signal: AbortSignal,
): AsyncIterable<T> {
  const forget = onAborted(signal, () => queue.close());
  return {
    async *[Symbol.asyncIterator]() {
      try {
        yield* queue;
      } finally {
        forget();
      }
    },
  };
}
