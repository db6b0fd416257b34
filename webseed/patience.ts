/**
 * How long a web server is left alone, and when for good.
 *
 * @module
 */
import { backoffMs } from "../_shared/backoff.ts";
import { randomInt, type RandomSource } from "../_shared/random.ts";
import type { WebSeedState } from "./web_seed_types.ts";

/** The first wait after failures, the longest, and the longest a server sets. */
const FIRST_WAIT_MS = 10_000;
const LONGEST_WAIT_MS = 30 * 60_000;
const LONGEST_RETRY_AFTER_MS = 60 * 60_000;
/** How long a server waits that would send much for little. */
const UNWORTHY_MS = 60_000;
/** So many files in a row that are not there count as a failure. */
const DROPS_IN_A_ROW = 8;

/** The state of one server, and what led to it. */
export class Patience {
  readonly #random: RandomSource;
  readonly #changed: () => void;
  #state: WebSeedState = "ready";
  #until = 0;
  #failures = 0;
  #drops = 0;

  /** Begins with a server that may be asked; tells of every other state. */
  constructor(random: RandomSource, changed: () => void) {
    this.#random = random;
    this.#changed = changed;
  }

  /** What it is doing. */
  get state(): WebSeedState {
    return this.#state;
  }

  /** When it may be asked again, in state `waiting`. */
  get waitsUntil(): number | undefined {
    return this.#state === "waiting" ? this.#until : undefined;
  }

  /** Whether the last that it was asked for failed. */
  get hasFailed(): boolean {
    return this.#failures > 0;
  }

  /** Ends a wait that is over. */
  handleTimeout(now: number): void {
    if (this.#state === "waiting" && this.#until <= now) this.to("ready");
  }

  /** It failed; `afterMs` is what it said itself. */
  failed(now: number, afterMs?: number): void {
    // Transfers side by side fail for one reason.
    if (this.#state !== "ready") return;
    this.#failures++;
    // Who says "soon" again and again is not believed.
    const isBelieved = afterMs !== undefined && this.#failures <= 3;
    const least = isBelieved ? 1000 : this.#backoff();
    const wait = Math.max(least, afterMs ?? 0);
    this.#wait(Math.min(LONGEST_RETRY_AFTER_MS, wait), now);
  }

  /** A file was not there. */
  dropped(now: number): void {
    if (++this.#drops % DROPS_IN_A_ROW === 0) this.failed(now);
  }

  /** A file was there. */
  answered(): void {
    this.#drops = 0;
  }

  /** What was asked for came. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** It would send much for little. */
  unworthy(now: number): void {
    this.#wait(UNWORTHY_MS, now);
  }

  /** Goes over to a state; from those that are for good only to `closed`. */
  to(state: WebSeedState): void {
    const isOver = this.#state !== "ready" && this.#state !== "waiting";
    if (this.#state === state || (isOver && state !== "closed")) return;
    this.#state = state;
    this.#changed();
  }

  /** A wait that differs by a quarter at most from what is due. */
  #backoff(): number {
    const ms = backoffMs(this.#failures, FIRST_WAIT_MS, LONGEST_WAIT_MS);
    return ms * (0.75 + randomInt(this.#random, 1001) / 2000);
  }

  #wait(ms: number, now: number): void {
    this.#until = now + ms;
    this.to("waiting");
  }
}
