/**
 * A token bucket whose rate can change while callers wait.
 *
 * @module
 */
import type { Clock } from "../_shared/clock.ts";

/** Options of {@linkcode RateLimiter}. */
export interface RateLimiterOptions {
  /** Whose time passes. */
  readonly clock: Clock;
  /** Bytes a second; `Infinity` for no limit. @default {Infinity} */
  readonly bytesPerSecond?: number | undefined;
}

/**
 * Lets bytes through at a rate. A taker may overdraw the bucket once; the debt
 * is paid off before the next one is let through, so the average holds for any
 * size of bite.
 */
export class RateLimiter {
  readonly #clock: Clock;
  #rate: number;
  #balance: number;
  #at: number;
  #waiting: { bytes: number; resolve: () => void }[] = [];
  #cancel: (() => void) | undefined;

  /**
   * Makes a full bucket.
   *
   * @param options See {@linkcode RateLimiterOptions}.
   */
  constructor(options: RateLimiterOptions) {
    this.#clock = options.clock;
    this.#at = options.clock.now();
    this.#rate = 0;
    this.#balance = 0;
    this.rate = options.bytesPerSecond ?? Infinity;
  }

  /** Bytes a second; `Infinity` for no limit. */
  get rate(): number {
    return this.#rate;
  }

  set rate(bytesPerSecond: number) {
    if (!(bytesPerSecond > 0)) {
      throw new RangeError(
        `Cannot limit to ${bytesPerSecond} bytes a second: the rate must be positive`,
      );
    }
    if (this.#rate !== 0) this.#refill();
    this.#rate = bytesPerSecond;
    this.#balance = Math.min(this.#balance, this.#burst);
    if (bytesPerSecond === Infinity) this.#balance = 0;
    this.#release();
  }

  /**
   * Takes bytes out of the bucket.
   *
   * @param bytes How many.
   * @returns `undefined` when they may pass at once, else a promise that
   * resolves when they may.
   */
  take(bytes: number): Promise<void> | undefined {
    if (this.#rate === Infinity) return undefined;
    this.#refill();
    if (this.#waiting.length === 0 && this.#balance >= 0) {
      this.#balance -= bytes;
      return undefined;
    }
    const promise = new Promise<void>((resolve) =>
      this.#waiting.push({ bytes, resolve })
    );
    this.#arm();
    return promise;
  }

  /**
   * Corrects a take whose size turned out differently.
   *
   * @param bytes How many to give back; negative to take more.
   */
  refund(bytes: number): void {
    if (this.#rate === Infinity) return;
    this.#balance = Math.min(this.#burst, this.#balance + bytes);
    if (bytes > 0 && this.#waiting.length > 0) this.#release();
  }

  /** Lets every waiting caller go and stops the timer. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#rate = Infinity;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** A quarter of a second's worth may pass at once. */
  get #burst(): number {
    return this.#rate / 4;
  }

  #refill(): void {
    const now = this.#clock.now();
    this.#balance = Math.min(
      this.#burst,
      this.#balance + (now - this.#at) * this.#rate / 1000,
    );
    this.#at = now;
  }

  #release(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    while (this.#waiting.length > 0) {
      if (this.#rate !== Infinity && this.#balance < 0) break;
      const { bytes, resolve } = this.#waiting.shift()!;
      if (this.#rate !== Infinity) this.#balance -= bytes;
      resolve();
    }
    this.#arm();
  }

  #arm(): void {
    if (this.#waiting.length === 0 || this.#cancel !== undefined) return;
    const wait = Math.max(1, -this.#balance * 1000 / this.#rate);
    this.#cancel = this.#clock.schedule(this.#clock.now() + wait, () => {
      this.#cancel = undefined;
      this.#refill();
      this.#release();
    });
  }
}
