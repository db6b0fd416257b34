/**
 * Holds events until somebody takes them. Failures are notices: the oldest is
 * dropped when there are too many. Connections are never dropped; their number
 * is bounded by whoever asks {@linkcode EventBuffer.full} before making more.
 *
 * @module
 */
import type { HandshakeConnected, HandshakeEvent } from "./event.ts";

interface Entry {
  readonly sequence: number;
  readonly event: HandshakeEvent;
}

/** A first-in first-out list with cheap removal at the front. */
class Fifo {
  #items: Entry[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  get first(): Entry | undefined {
    return this.#items[this.#head];
  }

  push(entry: Entry): void {
    this.#items.push(entry);
  }

  shift(): Entry | undefined {
    const entry = this.#items[this.#head];
    if (entry === undefined) return undefined;
    this.#head++;
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }
}

/** How an {@linkcode EventBuffer} is bounded. */
export interface EventBufferOptions {
  /** Connections waiting from which on the buffer calls itself full. */
  readonly maxConnected: number;
  /** Failures that wait; the oldest goes first. */
  readonly maxFailed: number;
  /** What to tell of a connection that waited: that it ended, if it did. */
  readonly revise: (event: HandshakeConnected) => HandshakeEvent;
  /** Called when the buffer stops being full. */
  readonly onRoom: () => void;
}

/** See the module. One consumer at a time. */
export class EventBuffer {
  readonly #options: EventBufferOptions;
  readonly #connected = new Fifo();
  readonly #failed = new Fifo();
  readonly #consumers: (() => void)[] = [];
  readonly #roomWaiters: (() => void)[] = [];
  #sequence = 0;
  #dropped = 0;
  #closed = false;

  /** Makes an empty buffer. */
  constructor(options: EventBufferOptions) {
    this.#options = options;
  }

  /** Failures that were dropped. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether no more connections should be made for now. */
  get full(): boolean {
    return this.#connected.size >= this.#options.maxConnected;
  }

  /** Adds an event; ignored after close. */
  push(event: HandshakeEvent): void {
    if (this.#closed) return;
    const queue = event.type === "connected" ? this.#connected : this.#failed;
    queue.push({ sequence: this.#sequence++, event });
    if (this.#failed.size > this.#options.maxFailed) {
      this.#failed.shift();
      this.#dropped++;
    }
    this.#consumers.shift()?.();
  }

  /** Waits for the next event; `undefined` at the end. */
  async next(): Promise<HandshakeEvent | undefined> {
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

  /** Ends the buffer; connections that nobody took are closed. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    let entry: Entry | undefined;
    while ((entry = this.#connected.shift()) !== undefined) {
      if (entry.event.type === "connected") entry.event.connection.close();
    }
    while (this.#failed.shift() !== undefined);
    for (const wake of this.#consumers.splice(0)) wake();
    for (const wake of this.#roomWaiters.splice(0)) wake();
  }

  #take(): HandshakeEvent | undefined {
    const connected = this.#connected.first;
    const failed = this.#failed.first;
    if (
      connected === undefined ||
      (failed !== undefined && failed.sequence < connected.sequence)
    ) return this.#failed.shift()?.event;
    const wasFull = this.full;
    const event = this.#connected.shift()!.event as HandshakeConnected;
    if (wasFull && !this.full) {
      for (const wake of this.#roomWaiters.splice(0)) wake();
      this.#options.onRoom();
    }
    return this.#options.revise(event);
  }
}
