/**
 * Queueing: how many blocks to keep asked of one peer.
 *
 * @module
 */
import { BLOCK_SIZE } from "../metainfo/piece_layout.ts";
import { RateMeter } from "./rate_meter.ts";

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
  /** After so long without a block a peer counts as snubbing us. @default {30000} */
  readonly snubMs?: number | undefined;
}

/** How often growth is judged in slow start. */
const GROWTH_MS = 500;

/**
 * The request window of one peer. It starts small and grows by one with every
 * block (so it doubles each round trip) until the rate no longer grows; then
 * it holds what the peer sends in a few seconds. A peer that sends nothing for
 * long while it was asked is snubbing us and gets a window of one.
 */
export class RequestWindow {
  readonly #meter = new RateMeter();
  readonly #queueMs: number;
  readonly #min: number;
  readonly #max: number;
  readonly #initial: number;
  readonly #snubMs: number;
  #limit: number;
  #slowStart: number;
  #isStarting = true;
  #judgedAt: number | undefined;
  #judgedRate = 0;
  /** Since when an answer is awaited. */
  #waitingSince: number | undefined;
  #isSnubbed = false;

  /**
   * Makes the window of a new connection.
   *
   * @param options See {@linkcode RequestWindowOptions}.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(options: RequestWindowOptions = {}) {
    const {
      queueMs = 3000,
      min = 2,
      max = 2000,
      initial = 8,
      limit = 250,
      snubMs = 30_000,
    } = options;
    if (
      !(min >= 1 && max >= min && initial >= 1 && queueMs > 0 && snubMs > 0)
    ) {
      throw new RangeError(
        `Cannot make a request window as 1 <= min <= max, initial >= 1 and positive times are needed: min is ${min}, max ${max}, initial ${initial}, queueMs ${queueMs}, snubMs ${snubMs}`,
      );
    }
    this.#queueMs = queueMs;
    this.#min = min;
    this.#max = max;
    this.#initial = this.#slowStart = initial;
    this.#snubMs = snubMs;
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

  /**
   * Notes that blocks were asked of the peer.
   *
   * @param now The time in milliseconds.
   */
  requested(now: number): void {
    this.#waitingSince ??= now;
  }

  /**
   * Notes that a block arrived.
   *
   * @param bytes Its length.
   * @param outstanding Blocks that are still asked of the peer.
   * @param now The time in milliseconds.
   */
  received(bytes: number, outstanding: number, now: number): void {
    this.#meter.add(bytes, now);
    this.#waitingSince = outstanding > 0 ? now : undefined;
    this.#isSnubbed = false;
    if (!this.#isStarting) return;
    this.#slowStart++;
    if (this.#judgedAt === undefined) this.#judgedAt = now;
    else if (now - this.#judgedAt >= GROWTH_MS) {
      const rate = this.#meter.rate(now);
      if (rate < this.#judgedRate * 1.1) this.#isStarting = false;
      this.#judgedRate = rate;
      this.#judgedAt = now;
    }
  }

  /** Notes that nothing is asked of the peer any more: choked or released. */
  released(): void {
    this.#waitingSince = undefined;
  }

  /** Starts anew after the peer unchoked us: a snub is forgiven. */
  restart(): void {
    this.#isStarting = true;
    this.#slowStart = this.#initial;
    this.#judgedAt = undefined;
    this.#judgedRate = 0;
    this.#waitingSince = undefined;
    this.#isSnubbed = false;
    this.#meter.reset();
  }

  /**
   * How many blocks may be asked of the peer at a time.
   *
   * @param now The time in milliseconds.
   * @returns The window, never more than the peer's limit.
   */
  size(now: number): number {
    if (this.isSnubbed(now)) return 1;
    const steady = Math.ceil(
      this.#meter.rate(now) * this.#queueMs / 1000 / BLOCK_SIZE,
    );
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
   * @param now The time in milliseconds.
   * @returns Blocks, 0 for none.
   */
  room(outstanding: number, now: number): number {
    const size = this.size(now);
    const room = size - outstanding;
    return room > 0 && room * 4 >= size ? room : 0;
  }

  /**
   * Whether the peer sends nothing though it was asked. Stays until it sends
   * a block.
   *
   * @param now The time in milliseconds.
   * @returns True after the time set in the options.
   */
  isSnubbed(now: number): boolean {
    if (
      this.#waitingSince !== undefined &&
      now - this.#waitingSince >= this.#snubMs
    ) this.#isSnubbed = true;
    return this.#isSnubbed;
  }

  /** When the peer will count as snubbing, in ms; `undefined` while idle. */
  get snubAt(): number | undefined {
    return this.#waitingSince === undefined || this.#isSnubbed
      ? undefined
      : this.#waitingSince + this.#snubMs;
  }

  /**
   * The rate of the peer.
   *
   * @param now The time in milliseconds.
   * @returns Bytes per second.
   */
  rate(now: number): number {
    return this.#meter.rate(now);
  }
}
