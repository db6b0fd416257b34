/**
 * How many requests run at a time, and at one host, over all web seeds.
 *
 * @module
 */
import type { Clock } from "../_shared/clock.ts";
import { remember } from "../_shared/recent.ts";
import { TokenBuckets } from "../_shared/token_bucket.ts";

/** Requests at a time at one host, and in all. */
const AT_ONCE_A_HOST = 3;
const AT_ONCE = 24;
/** Places that slow hosts leave to others. */
const NOT_FOR_SLOW = 6;
/** Where all places are taken, one who has had one for so long gives way, in ms. */
const TURN_MS = 10_000;
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

interface Taken extends HostSlot {
  readonly since: number;
  /** Has the holder free it. */
  readonly giveWay: () => void;
}

/**
 * Shares the requests of any number of web seeds: three at a time a host, 24 in
 * all; then the oldest gives way to a newcomer after ten seconds. A host that takes
 * so long has one of 18, and nobody gives way to it. One whose requests brought
 * nothing thirty times is asked once a second.
 */
export class WebSeedHosts {
  readonly #clock: Clock;
  readonly #taken = new Map<string, number>();
  readonly #vain = new TokenBuckets(1, VAIN_BURST, MAX_HOSTS);
  readonly #waiting = new Set<() => void>();
  /** The oldest first. */
  readonly #slots = new Set<Taken>();
  /** Hosts that took long the last time. */
  readonly #slow = new Map<string, true>();

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
    return this.#slots.size;
  }

  /**
   * Whether there is a place, or one that somebody gives up.
   *
   * @param host The host's name.
   * @returns Whether a request may run.
   */
  hasRoom(host: string): boolean {
    return this.#opensAt(host) <= this.#clock.now();
  }

  /**
   * Takes a place, if there is one or somebody gives one up.
   *
   * @param host The host's name.
   * @param giveWay Called after ten seconds or more, once, when another has taken
   * the place: it is to be freed.
   * @returns The place, or `undefined`.
   */
  tryTake(host: string, giveWay: () => void): HostSlot | undefined {
    if (!this.hasRoom(host)) return undefined;
    const [oldest] = this.#slots.size < AT_ONCE ? [] : this.#slots;
    if (oldest !== undefined) this.#slots.delete(oldest);
    this.#taken.set(host, (this.#taken.get(host) ?? 0) + 1);
    let isFree = false;
    const slot: Taken = {
      host,
      since: this.#clock.now(),
      giveWay,
      free: () => {
        if (isFree) return;
        isFree = true;
        this.#slots.delete(slot);
        const isSlow = this.#clock.now() >= slot.since + TURN_MS;
        if (isSlow) remember(this.#slow, host, true, MAX_HOSTS);
        else this.#slow.delete(host);
        this.#free(host);
      },
    };
    this.#slots.add(slot);
    oldest?.giveWay();
    return slot;
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
    const cancelTimer = opensAt === Infinity
      ? undefined
      : this.#clock.schedule(opensAt, () => {
        this.#waiting.delete(told);
        callback();
      });
    const told = () => {
      cancelTimer?.();
      callback();
    };
    this.#waiting.add(told);
    return () => {
      cancelTimer?.();
      this.#waiting.delete(told);
    };
  }

  /** When a host may be asked, as far as is known. */
  #opensAt(host: string): number {
    const now = this.#clock.now();
    if ((this.#taken.get(host) ?? 0) >= AT_ONCE_A_HOST) return Infinity;
    const isSlow = this.#slow.has(host);
    const [oldest] = this.#slots;
    const roomAt = this.#slots.size < AT_ONCE - (isSlow ? NOT_FOR_SLOW : 0)
      ? now
      : isSlow
      ? Infinity
      : oldest!.since + TURN_MS;
    return Math.max(roomAt, this.#vain.nextAt(host, now));
  }

  #free(host: string): void {
    const taken = this.#taken.get(host)! - 1;
    if (taken > 0) this.#taken.set(host, taken);
    else this.#taken.delete(host);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of waiting) callback();
  }
}
