/**
 * Holds events until they are taken. None is ever dropped: ask
 * {@linkcode EventBuffer.full} or wait for {@linkcode EventBuffer.room} before
 * making more.
 *
 * @module
 */
import type {
  HandshakeConnected,
  HandshakeEvent,
  HandshakerEvent,
} from "../event.ts";

/** How an {@linkcode EventBuffer} is bounded. */
export interface EventBufferOptions {
  /** Events waiting from which on the buffer calls itself full. */
  readonly capacity: number;
  /** What to tell of a connection that waited: that it ended, if it did. */
  readonly revise: (event: HandshakeConnected) => HandshakeEvent;
  /** Called when the buffer stops being full. */
  readonly onRoom: () => void;
}

/** Events that wait; one consumer at a time. */
export class EventBuffer {
  readonly #options: EventBufferOptions;
  readonly #events: HandshakerEvent[] = [];
  readonly #consumers: (() => void)[] = [];
  readonly #roomWaiters: (() => void)[] = [];
  #closed = false;

  /** Makes an empty buffer. */
  constructor(options: EventBufferOptions) {
    this.#options = options;
  }

  /** Whether nothing new should be begun for now. */
  get full(): boolean {
    return this.#events.length >= this.#options.capacity;
  }

  /** Adds an event; after close a connection is closed instead. */
  push(event: HandshakerEvent): void {
    if (!this.#closed) this.#events.push(event);
    else if (event.type === "connected") event.connection.close();
    this.#consumers.shift()?.();
  }

  /** Waits for the next event; `undefined` at the end. */
  async next(): Promise<HandshakerEvent | undefined> {
    while (true) {
      const event = this.#take();
      if (event !== undefined || this.#closed) return event;
      await new Promise<void>((resolve) => this.#consumers.push(resolve));
    }
  }

  /** Resolves once the buffer is not full, or closed. */
  async room(): Promise<void> {
    while (this.full && !this.#closed) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
    }
  }

  /** Ends the buffer; connections that were not taken are closed. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const event of this.#events.splice(0)) {
      if (event.type === "connected") event.connection.close();
    }
    for (const wake of this.#consumers.splice(0)) wake();
    for (const wake of this.#roomWaiters.splice(0)) wake();
  }

  #take(): HandshakerEvent | undefined {
    const wasFull = this.full;
    const event = this.#events.shift();
    if (wasFull && !this.full) {
      for (const wake of this.#roomWaiters.splice(0)) wake();
      this.#options.onRoom();
    }
    return event?.type === "connected" ? this.#options.revise(event) : event;
  }
}
