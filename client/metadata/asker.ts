/**
 * Asking several peers for numbered parts of one thing: what each owes, when it
 * may be asked again, how well it answers. Pure.
 *
 * @module
 */
import { backoffMs } from "../../_shared/backoff.ts";

/** Requests a peer may owe us. */
const MAX_OUTSTANDING = 4;
/** After this time a request is taken for lost. */
const REQUEST_TIMEOUT_MS = 3_000;
/** After this time without an answer as many peers again are asked as were. */
const WIDEN_MS = 750;
/** A peer that rejected is asked again after this time, then twice as long. */
const REJECT_BACKOFF_MS = 5_000;
const MAX_REJECT_BACKOFF_MS = 40_000;

/** One peer that is asked for parts. */
export class Asker {
  readonly peer: number;
  /** Part to the time it was asked for. */
  readonly outstanding = new Map<number, number>();
  /** When it may be asked again, in milliseconds. */
  notBefore = 0;
  /** How often it let us wait: such peers come last. */
  failures = 0;
  /** Parts that it was asked for and has not answered, in time or late. */
  readonly #asked = new Set<number>();
  #window = MAX_OUTSTANDING;
  #rejects = 0;
  /** Its place among those that answered, by who was first. */
  #answered = Infinity;

  constructor(peer: number) {
    this.peer = peer;
  }

  /** Whether it may be asked for one more part. */
  hasRoom(part: number): boolean {
    return this.outstanding.size < this.#window && !this.outstanding.has(part);
  }

  /** Notes a request. */
  ask(part: number, now: number): void {
    this.outstanding.set(part, now);
    this.#asked.add(part);
  }

  /** Notes an answer, in time or late; false when there was no request. */
  answer(part: number): boolean {
    this.outstanding.delete(part);
    return this.#asked.delete(part);
  }

  /** Notes that an answer was right: peers that answered first are asked first. */
  approve(place: number): void {
    this.#answered = Math.min(this.#answered, place);
    this.#window = Math.min(MAX_OUTSTANDING, this.#window + 1);
    // Slow, not silent.
    if (this.#rejects === 0) this.notBefore = 0;
  }

  /** Notes that it refused a part; false when there was no request. */
  reject(part: number, now: number): boolean {
    if (!this.answer(part)) return false;
    this.notBefore = now +
      backoffMs(++this.#rejects, REJECT_BACKOFF_MS, MAX_REJECT_BACKOFF_MS);
    this.failures++;
    return true;
  }

  /** Gives requests up that it owes for too long; whether there were any. */
  giveUpLate(now: number): boolean {
    let isLate = false;
    for (const [part, at] of this.outstanding) {
      if (now < at + REQUEST_TIMEOUT_MS) continue;
      this.outstanding.delete(part);
      isLate = true;
    }
    if (!isLate) return false;
    this.failures++;
    this.#window = Math.max(1, this.#window >> 1);
    this.notBefore = Math.max(this.notBefore, now + REQUEST_TIMEOUT_MS);
    return true;
  }

  /** When a pause or a request ends, or others are to be asked as well. */
  wakeAt(now: number, widens: boolean): number {
    let wake = this.notBefore > now ? this.notBefore : Infinity;
    for (const at of this.outstanding.values()) {
      const isEarly = widens && at + WIDEN_MS > now;
      wake = Math.min(wake, at + (isEarly ? WIDEN_MS : REQUEST_TIMEOUT_MS));
    }
    return wake;
  }

  /** Orders peers: the best to ask comes first. */
  static compare(a: Asker, b: Asker): number {
    return a.failures - b.failures ||
      (a.#answered === b.#answered ? 0 : a.#answered - b.#answered);
  }
}

/** Asks for each part one peer, and twice as many whenever they let us wait. */
export function askJointly(
  missing: Iterable<number>,
  askers: readonly Asker[],
  now: number,
  request: (asker: Asker, part: number) => void,
): void {
  const asks = new Map<number, { count: number; at: number }>();
  for (const { outstanding } of askers) {
    for (const [part, at] of outstanding) {
      const known = asks.get(part);
      if (known === undefined) asks.set(part, { count: 1, at });
      else {
        known.count++;
        known.at = Math.max(known.at, at);
      }
    }
  }
  /** How many more may be asked for a part. */
  const open = new Map<number, number>();
  for (const part of missing) {
    const known = asks.get(part);
    if (known === undefined) open.set(part, 1);
    else if (now >= known.at + WIDEN_MS) open.set(part, known.count);
  }
  for (const asker of askers) {
    if (asker.notBefore > now) continue;
    for (const [part, left] of open) {
      if (!asker.hasRoom(part)) continue;
      request(asker, part);
      if (left === 1) open.delete(part);
      else open.set(part, left - 1);
    }
  }
}
