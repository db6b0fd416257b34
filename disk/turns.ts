/**
 * Long work in parts, so that others go on and it can be ended.
 *
 * @module
 */
import { type Clock, sleep } from "../_shared/clock.ts";

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
