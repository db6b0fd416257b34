/**
 * Queueing: how many blocks to keep asked of one peer.
 *
 * @module
 */
import { BLOCK_SIZE } from "../metainfo/piece_layout.ts";

/** Options of {@linkcode RequestWindow}. */
export interface RequestWindowOptions {
  /** The queue, as time at the measured rate, in ms. @default {3000} */
  readonly queueMs?: number | undefined;
  /** The smallest window, in blocks. @default {2} */
  readonly min?: number | undefined;
  /** The largest window, in blocks. @default {2000} */
  readonly max?: number | undefined;
  /** The window to start with, in blocks. @default {8} */
  readonly initial?: number | undefined;
  /** The most that the peer accepts (`reqq`, BEP 10). @default {250} */
  readonly limit?: number | undefined;
}

/** How often growth is judged in slow start. */
const GROWTH_MS = 500;

/**
 * The request window of one peer. It starts small and grows by one with every
 * block (so it doubles each round trip) until the rate no longer grows; then
 * it holds what the peer sends in a few seconds. A peer that snubs us gets a
 * window of one.
 */
export class RequestWindow {
  readonly #queueMs: number;
  readonly #min: number;
  readonly #max: number;
  readonly #initial: number;
  #limit: number;
  #slowStart: number;
  #isStarting = true;
  #judgedAt: number | undefined;
  #judgedRate = 0;

  /**
   * Makes the window of a new connection.
   *
   * @param options See {@linkcode RequestWindowOptions}.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(options: RequestWindowOptions = {}) {
    const { queueMs = 3000, min = 2, max = 2000, initial = 8, limit = 250 } =
      options;
    if (!(min >= 1 && max >= min && initial >= 1 && queueMs > 0)) {
      throw new RangeError(
        `Cannot make a request window as 1 <= min <= max, initial >= 1 and a positive time are needed: min is ${min}, max ${max}, initial ${initial}, queueMs ${queueMs}`,
      );
    }
    this.#queueMs = queueMs;
    this.#min = min;
    this.#max = max;
    this.#initial = this.#slowStart = initial;
    this.#limit = 1;
    this.setLimit(limit);
  }

  /**
   * Sets the most that the peer accepts.
   *
   * @param limit Blocks (`reqq`, BEP 10); a stranger's number, so anything
   * below 1 counts as 1.
   */
  setLimit(limit: number): void {
    this.#limit = limit >= 1 ? Math.floor(limit) : 1;
  }

  /** Whether it still grows with every block. */
  get isStarting(): boolean {
    return this.#isStarting;
  }

  /**
   * Notes that a block arrived.
   *
   * @param rate Of the peer, in bytes a second.
   * @param now The time in milliseconds.
   */
  received(rate: number, now: number): void {
    if (!this.#isStarting) return;
    this.#slowStart++;
    if (this.#judgedAt === undefined) this.#judgedAt = now;
    else if (now - this.#judgedAt >= GROWTH_MS) {
      if (rate < this.#judgedRate * 1.1) this.#isStarting = false;
      this.#judgedRate = rate;
      this.#judgedAt = now;
    }
  }

  /** Starts anew after the peer unchoked us. */
  restart(): void {
    this.#isStarting = true;
    this.#slowStart = this.#initial;
    this.#judgedAt = undefined;
    this.#judgedRate = 0;
  }

  /**
   * How many blocks may be asked of the peer at a time.
   *
   * @param rate Of the peer, in bytes a second.
   * @param snubbed Whether it sends nothing though it was asked.
   * @returns The window, never more than the peer's limit.
   */
  size(rate: number, snubbed = false): number {
    if (snubbed) return 1;
    const steady = Math.ceil(rate * this.#queueMs / 1000 / BLOCK_SIZE);
    const wanted = this.#isStarting
      ? Math.max(steady, this.#slowStart)
      : Math.max(steady, this.#min);
    return Math.min(wanted, this.#max, this.#limit);
  }

  /**
   * How many more blocks to ask for now. Asking in batches saves work: nothing
   * is said before a quarter of the window is free.
   *
   * @param outstanding Blocks that are asked of the peer.
   * @param size The window.
   * @returns Blocks, 0 for none.
   */
  static room(outstanding: number, size: number): number {
    const room = size - outstanding;
    return room > 0 && room * 4 >= size ? room : 0;
  }
}
