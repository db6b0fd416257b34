/**
 * Queueing: how many requests to keep outstanding at one peer.
 *
 * @module
 */
import { BLOCK_SIZE } from "../metainfo/piece_layout.ts";

/** The queue, as time at the measured rate, in milliseconds. */
const QUEUE_MS = 3_000;

/** Blocks of the smallest window, of the largest, and of the first. */
const MIN = 2;
const MAX = 2_000;
const INITIAL = 4;

/** How often growth is judged in slow start. */
const GROWTH_MS = 500;

/**
 * The request window of one peer. It starts small and grows by one with every
 * block (so it doubles each round trip) until the rate no longer grows; then
 * it holds what the peer sends in a few seconds. A peer that snubs us gets a
 * window of one.
 */
export class RequestWindow {
  #slowStart = INITIAL;
  #isStarting = true;
  #judgedAt: number | undefined;
  #judgedRate = 0;

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
    this.#slowStart = INITIAL;
    this.#judgedAt = undefined;
    this.#judgedRate = 0;
  }

  /**
   * How many blocks may be requested from the peer at a time.
   *
   * @param rate Of the peer, in bytes a second.
   * @param snubbed Whether it leaves requests unanswered.
   * @param queueMs The queue, as time at that rate; less than usual where
   * something that comes to be urgent must not wait.
   * @returns The window; a peer may accept less (`reqq`, BEP 10).
   */
  size(rate: number, snubbed = false, queueMs: number = QUEUE_MS): number {
    if (snubbed) return 1;
    const steady = Math.ceil(rate * queueMs / 1000 / BLOCK_SIZE);
    let wanted = Math.max(steady, MIN);
    if (this.#isStarting) {
      wanted = Math.max(steady, this.#slowStart);
      if (queueMs < QUEUE_MS) {
        wanted = Math.min(wanted, Math.max(2 * steady, MIN));
      }
    }
    return Math.min(wanted, MAX);
  }

  /**
   * How many more blocks to request now. Batches save work: it is 0 until a quarter of the window is free.
   *
   * @param outstanding Blocks requested from the peer.
   * @param size The window.
   * @returns Blocks, 0 for none.
   */
  static room(outstanding: number, size: number): number {
    const room = size - outstanding;
    return room * 4 >= size ? room : 0;
  }
}
