/**
 * Those who watch the events of a node.
 *
 * @module
 */
import { EventQueue } from "../../_shared/event_queue.ts";
import { checkPositiveIntegers } from "../check_options.ts";
import type { DhtEventsOptions } from "../mainline_options.ts";
import type { DhtNodeEvent } from "../node_types.ts";

/** Gives every event to everybody who wants it. */
export class Watchers {
  readonly #capacity: number;
  readonly #want: (queries: boolean) => void;
  /** Whether a watcher is told of queries. */
  readonly #queues = new Map<EventQueue<DhtNodeEvent>, boolean>();
  #isClosed = false;

  /**
   * @param capacity Events that wait for one watcher.
   * @param want Called when queries begin or cease to be of interest.
   */
  constructor(
    capacity: number | undefined = 1024,
    want: (queries: boolean) => void,
  ) {
    checkPositiveIntegers({ maxEvents: capacity });
    this.#capacity = capacity;
    this.#want = want;
  }

  /** Tells everybody. */
  push(event: DhtNodeEvent): void {
    const isQuery = event.type === "query";
    for (const [queue, queries] of this.#queues) {
      if (queries || !isQuery) queue.push(event);
    }
  }

  /** Ends all that watch, and those who come later at once. */
  close(): void {
    this.#isClosed = true;
    for (const queue of this.#queues.keys()) queue.close();
  }

  /** Events from now on. */
  watch(
    { queries = true }: DhtEventsOptions,
  ): AsyncGenerator<DhtNodeEvent, void, undefined> {
    const queue = new EventQueue<DhtNodeEvent>(this.#capacity);
    if (this.#isClosed) queue.close();
    this.#queues.set(queue, queries);
    if (queries) this.#want(true);
    return this.#run(queue);
  }

  async *#run(
    queue: EventQueue<DhtNodeEvent>,
  ): AsyncGenerator<DhtNodeEvent, void, undefined> {
    try {
      yield* queue;
    } finally {
      this.#queues.delete(queue);
      this.#want(this.#queues.values().some((queries) => queries));
    }
  }
}
