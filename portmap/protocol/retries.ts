/**
 * Datagrams that are sent again until they are answered.
 *
 * @module
 */

/** A request is sent this often: at once, then 250 ms later, 500, 750 ... */
const MAX_TRIES = 9;
const STEP_MS = 250;

/** Times at which requests are sent again, by the requests' names. */
export class Retries {
  readonly #waiting = new Map<string, { tries: number; at: number }>();

  /** When the next is due, in ms. */
  get deadline(): number | undefined {
    let first: number | undefined;
    for (const { at } of this.#waiting.values()) {
      if (first === undefined || at < first) first = at;
    }
    return first;
  }

  /** Requests without an answer. */
  get size(): number {
    return this.#waiting.size;
  }

  /** A request has been sent for the first time. */
  start(name: string, now: number): void {
    this.#waiting.set(name, { tries: 1, at: now + STEP_MS });
  }

  /** A request is answered. Returns whether it was waiting. */
  stop(name: string): boolean {
    return this.#waiting.delete(name);
  }

  /** Whether a request is without an answer. */
  has(name: string): boolean {
    return this.#waiting.has(name);
  }

  /** Forgets all. */
  clear(): void {
    this.#waiting.clear();
  }

  /** Names what is to be sent again, and what has been sent often enough. */
  takeDue(now: number): [name: string, isOver: boolean][] {
    const due: [string, boolean][] = [];
    for (const [name, entry] of this.#waiting) {
      if (entry.at > now) continue;
      const isOver = entry.tries === MAX_TRIES;
      if (isOver) this.#waiting.delete(name);
      else entry.at = now + ++entry.tries * STEP_MS;
      due.push([name, isOver]);
    }
    return due;
  }
}
