/**
 * Calls one after the other, none of which holds up the others for long.
 *
 * @module
 */
import { type Clock, sleep } from "../../_shared/clock.ts";
import { RpcError } from "./error.ts";

/** How long an answer waits for work that may take minutes, in milliseconds. */
const PATIENCE_MS = 3_000;
/** How long a call has its turn, in milliseconds. */
const TURN_MS = 6_000;

/** Waits for work, but not for minutes; it goes on then. */
export class CallTurns {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #last: Promise<unknown> = Promise.resolve();

  /** `signal` ends all waiting. */
  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  /**
   * Has work begin when what was asked for before is done, or takes long.
   *
   * @throws {RpcError} `system` if it takes long itself; it goes on.
   */
  async take<T extends object>(work: () => T | Promise<T>): Promise<T> {
    const before = this.#last;
    const done = before.then(work);
    const inTime = before.then(() => this.#inTime(done, TURN_MS));
    this.#last = inTime.catch(() => {});
    const result = await inTime;
    if (result !== undefined) return result;
    throw new RpcError("system", "this takes long, and goes on");
  }

  /** Waits until all of it is done, or it takes long. */
  async patiently(work: readonly Promise<unknown>[]): Promise<void> {
    await this.#inTime(Promise.all(work), PATIENCE_MS);
  }

  async #inTime<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
    work.catch(() => {});
    const enough = new AbortController();
    const signal = AbortSignal.any([enough.signal, this.#signal]);
    try {
      return await Promise.race([
        work,
        sleep(this.#clock, ms, { signal }).then(() => undefined),
      ]);
    } finally {
      enough.abort();
    }
  }
}
