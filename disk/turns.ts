/**
 * Long work in parts, so that others go on and it can be ended; checks of one
 * disk in turn.
 *
 * @module
 */
import { type Clock, sleep } from "../_shared/clock.ts";
import { orAborted } from "../_shared/abort.ts";

/**
 * Lets work on one disk go on one after the other, in the order in which it was
 * asked for: two checks at a time make a disk seek, and are done later.
 */
export class CheckQueue {
  /** The end of the last work of each disk. */
  readonly #ends = new Map<unknown, Promise<void>>();

  /** Does something when it is its turn. */
  async run<T>(
    disk: unknown,
    work: () => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const before = this.#ends.get(disk);
    const { promise: mine, resolve: done } = Promise.withResolvers<void>();
    const end = before === undefined ? mine : before.then(() => mine);
    this.#ends.set(disk, end);
    try {
      if (before !== undefined) await orAborted(before, signal);
      return await work();
    } finally {
      done();
      // Who gives up while others are before it does not end theirs.
      void end.then(() => {
        if (this.#ends.get(disk) === end) this.#ends.delete(disk);
      });
    }
  }
}

/** Bytes of one turn. */
export const TURN_BYTES = 4 * 1024 * 1024;

/** What a file or piece counts beside its bytes. */
export const STEP_BYTES = 8192;

/** Turns of the event loop during long work. */
export class Turns {
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  #done = 0;

  /** The signal ends the work. */
  constructor(clock: Clock, signal?: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  /**
   * Counts a step and its bytes. Gives a promise when it is the turn of others;
   * that rejects with the reason of the signal when the work is to end.
   */
  take(bytes = 0): Promise<void> | undefined {
    this.#done += STEP_BYTES + bytes;
    if (this.#done < TURN_BYTES) return undefined;
    this.#done = 0;
    return sleep(this.#clock, 0, { signal: this.#signal });
  }
}
