/**
 * The face of every protocol state machine, and the table of its timers.
 *
 * The law: one mutation (`handle` or `handleTimeout`), then drain `poll()`
 * until it returns `undefined`, then wait for the first of input, deadline and
 * abort. A machine never awaits, reads no clock and owns no resource.
 *
 * @module
 */

/** A pure protocol machine: inputs and time go in, outputs come out as data. */
export interface Machine<Input, Output> {
  /**
   * Takes one input.
   *
   * @param input What happened.
   * @param now The time in milliseconds.
   */
  handle(input: Input, now: number): void;
  /**
   * Takes the next output.
   *
   * @returns What to do next, or `undefined` when nothing is left.
   */
  poll(): Output | undefined;
  /** When {@linkcode handleTimeout} wants to be called, in milliseconds. */
  readonly deadline: number | undefined;
  /**
   * Lets every timer that is due fire.
   *
   * @param now The time in milliseconds.
   */
  handleTimeout(now: number): void;
}

/** A few named deadlines of which the earliest counts. */
export class TimerTable<Name extends string> {
  readonly #at = new Map<Name, number>();

  /** The earliest deadline, or `undefined` when none is set. */
  get deadline(): number | undefined {
    let first: number | undefined;
    for (const at of this.#at.values()) {
      if (first === undefined || at < first) first = at;
    }
    return first;
  }

  /** Sets or moves a timer. */
  set(name: Name, at: number): void {
    this.#at.set(name, at);
  }

  /** Removes a timer. */
  clear(name: Name): void {
    this.#at.delete(name);
  }

  /** Looks a timer up. Returns when it is due, or `undefined`. */
  get(name: Name): number | undefined {
    return this.#at.get(name);
  }

  /**
   * Removes and returns one timer that is due. Returns the earliest due timer,
   * or `undefined` when none is due.
   */
  takeDue(now: number): Name | undefined {
    let due: Name | undefined;
    let first = Infinity;
    for (const [name, at] of this.#at) {
      if (at <= now && at < first) {
        due = name;
        first = at;
      }
    }
    if (due !== undefined) this.#at.delete(due);
    return due;
  }
}
