/**
 * How many requests run at a time, and at one host, over all web seeds.
 *
 * @module
 */
import type { Clock } from "../_shared/clock.ts";
import { TokenBuckets } from "../_shared/limits/token_buckets.ts";

/** Requests at a time at one host, and in all. */
const AT_ONCE_A_HOST = 3;
const AT_ONCE = 24;
/** Requests that brought nothing: so many at once, then one a second a host. */
const VAIN_BURST = 30;
/** Hosts of which failures are remembered. */
const MAX_HOSTS = 256;

/** A permission to ask a host. */
export interface HostSlot {
  /** Which host. */
  readonly host: string;
  /** Gives it back, once. */
  free(): void;
}

/**
 * Shares the requests of any number of web seeds: three at a time a host, 24 in
 * all. A host whose requests brought nothing thirty times is asked once a second.
 */
export class WebSeedHosts {
  readonly #clock: Clock;
  readonly #taken = new Map<string, number>();
  readonly #vain = new TokenBuckets(1, VAIN_BURST, MAX_HOSTS);
  readonly #waiting = new Set<() => void>();
  #count = 0;

  /**
   * Makes a budget of which nothing is used.
   *
   * @param clock Clock to use.
   */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Requests under way. */
  get active(): number {
    return this.#count;
  }

  /**
   * Whether there is a place.
   *
   * @param host The host's name.
   * @returns Whether a request may run.
   */
  hasRoom(host: string): boolean {
    return (this.#taken.get(host) ?? 0) < AT_ONCE_A_HOST &&
      this.#count < AT_ONCE && this.#opensAt(host) <= this.#clock.now();
  }

  /**
   * Takes a place, if there is one.
   *
   * @param host The host's name.
   * @returns The place, or `undefined`.
   */
  tryTake(host: string): HostSlot | undefined {
    if (!this.hasRoom(host)) return undefined;
    this.#taken.set(host, (this.#taken.get(host) ?? 0) + 1);
    this.#count++;
    let isFree = false;
    return {
      host,
      free: () => {
        if (isFree) return;
        isFree = true;
        this.#free(host);
      },
    };
  }

  /**
   * Notes that a request brought nothing.
   *
   * @param host The host's name.
   */
  failed(host: string): void {
    const now = this.#clock.now();
    this.#vain.use(host, now).spend(1, now);
  }

  /**
   * Calls back, once, when a place became free or the host may be asked again.
   *
   * @param host The host's name.
   * @param callback What to call.
   * @returns A function that cancels it.
   */
  whenFree(host: string, callback: () => void): () => void {
    const opensAt = this.#opensAt(host);
    if (opensAt > this.#clock.now()) {
      return this.#clock.schedule(opensAt, callback);
    }
    this.#waiting.add(callback);
    return () => void this.#waiting.delete(callback);
  }

  /** When a host may be asked, as far as its failures go. */
  #opensAt(host: string): number {
    return this.#vain.nextAt(host, this.#clock.now());
  }

  #free(host: string): void {
    this.#count--;
    const taken = this.#taken.get(host)! - 1;
    if (taken > 0) this.#taken.set(host, taken);
    else this.#taken.delete(host);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of waiting) callback();
  }
}
