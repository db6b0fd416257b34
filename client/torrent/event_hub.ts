/**
 * One producer of notices, any number of subscribers with bounded queues.
 *
 * @module
 */
import { EventQueue } from "../../_shared/event_queue.ts";
import type { EventsOptions } from "../types.ts";

/** Notices that wait for one subscriber before the oldest is dropped. */
const CAPACITY = 4096;

/** Fans notices out; a slow subscriber loses its oldest, nobody else's. */
export class EventHub<T> {
  readonly #queues = new Set<EventQueue<T>>();
  #closed = false;

  /** Whether nobody listens. */
  get idle(): boolean {
    return this.#queues.size === 0;
  }

  /** Subscribes to what comes from now on. */
  subscribe({ signal }: EventsOptions = {}): AsyncIterable<T> {
    const queue = new EventQueue<T>(CAPACITY);
    if (this.#closed || signal?.aborted) queue.close();
    else this.#queues.add(queue);
    return signal === undefined ? queue : endedBy(queue, signal);
  }

  /** Tells every subscriber. */
  publish(notice: T): void {
    for (const queue of this.#queues) {
      if (queue.closed) this.#queues.delete(queue);
      else queue.push(notice);
    }
  }

  /** Ends every subscription after what it still holds. */
  close(): void {
    this.#closed = true;
    for (const queue of this.#queues) queue.close();
    this.#queues.clear();
  }
}

function endedBy<T>(
  queue: EventQueue<T>,
  signal: AbortSignal,
): AsyncIterable<T> {
  const onAbort = () => queue.close();
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    async *[Symbol.asyncIterator]() {
      try {
        yield* queue;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
  };
}
