/**
 * Requests of ours that wait for an answer: found again by transaction id and
 * address, timed out after what answers usually take.
 *
 * Invariant: an answer is given to a request only when both the transaction id
 * and the address it comes from are those of the request, and only once.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import { readUint32, writeUint32 } from "../../_shared/bytes.ts";
import type { RandomSource } from "../../_shared/random.ts";
import { checkPositive } from "../check_options.ts";

/** A request that waits for an answer. */
export interface DhtTransaction<Context> {
  /** Its id on the wire, as a number. */
  readonly id: number;
  /** Whom we asked. */
  readonly address: Endpoint;
  /** When, in ms. */
  readonly sentAt: number;
  /** Whatever the caller attached. */
  readonly context: Context;
  /** Whether it has failed: its answer is a sign of life, no more. */
  readonly isLate: boolean;
}

interface Waiting<Context> extends DhtTransaction<Context> {
  readonly slowAt: number;
  readonly failAt: number;
  isSlow: boolean;
  isLate: boolean;
}

/** What became of requests, by {@linkcode DhtTransactions.takeDue}. */
export interface DueTransaction<Context> {
  /** `slow`: the answer is late but still welcome; `failed`: it is over. */
  readonly state: "slow" | "failed";
  /** The request. */
  readonly transaction: DhtTransaction<Context>;
}

/**
 * Time after which a request counts as slow, and has failed, at most, in ms;
 * with experience it becomes shorter.
 */
const MAX_SLOW_MS = 1000;
const MAX_FAIL_MS = 10_000;
/** Shortest soft timeout: no answer is late before that, in ms. */
const MIN_TIMEOUT_MS = 100;
/** Shortest time until a request fails, in ms. */
const MIN_FAIL_MS = 2000;
/**
 * An answer is known as one for so long after its request, in ms, even if that
 * failed before: else nothing would ever tell that round trips became longer.
 */
const MAX_LATE_MS = 15_000;

/** Requests that wait for an answer, with timeouts that follow round trips. */
export class DhtTransactions<Context> {
  readonly #random: RandomSource;
  readonly #maxOutstanding: number;
  readonly #waiting = new Map<number, Waiting<Context>>();
  /** Those that failed, the first to fail first. */
  readonly #late = new Map<number, Waiting<Context>>();
  readonly #word = new Uint8Array(4);
  #deadline: number | undefined;
  /** Smoothed round trip and its deviation, in ms (as RFC 6298 does). */
  #roundTripMs: number | undefined;
  #deviationMs = 0;

  /**
   * Makes an empty set.
   *
   * @param random Draws the ids.
   * @param maxOutstanding Most requests that wait at once.
   * @throws {RangeError} If that is not positive.
   */
  constructor(random: RandomSource, maxOutstanding = 1024) {
    checkPositive({ maxOutstanding });
    this.#random = random;
    this.#maxOutstanding = maxOutstanding;
  }

  /** Requests that wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** How many more requests may be opened now. */
  get room(): number {
    return Math.max(0, this.#maxOutstanding - this.#waiting.size);
  }

  /** A moment not after the first timeout, in ms; `undefined` when nothing waits. */
  get deadline(): number | undefined {
    return this.#deadline;
  }

  /** Time after which a new request counts as slow, in ms. */
  get softTimeoutMs(): number {
    if (this.#roundTripMs === undefined) return MAX_SLOW_MS;
    const usual = this.#roundTripMs + 4 * this.#deviationMs;
    return Math.min(MAX_SLOW_MS, Math.max(MIN_TIMEOUT_MS, usual));
  }

  /** Time after which a new request has failed, in ms. */
  get timeoutMs(): number {
    if (this.#roundTripMs === undefined) return MAX_FAIL_MS;
    const usual = 4 * (this.#roundTripMs + 4 * this.#deviationMs);
    return Math.min(MAX_FAIL_MS, Math.max(MIN_FAIL_MS, usual));
  }

  /**
   * Starts to wait for an answer.
   *
   * @param address Whom we ask.
   * @param context What to give back with the answer or the timeout.
   * @param now The time in ms.
   * @returns The 4-byte transaction id to send, or `undefined` when too many
   * requests wait already.
   */
  open(
    address: Endpoint,
    context: Context,
    now: number,
  ): Uint8Array<ArrayBuffer> | undefined {
    if (this.#waiting.size >= this.#maxOutstanding) return undefined;
    let id: number;
    do {
      id = readUint32(this.#random.getRandomValues(this.#word), 0);
    } while (this.#waiting.has(id) || this.#late.has(id));
    const slowAt = now + this.softTimeoutMs;
    const failAt = Math.max(slowAt, now + this.timeoutMs);
    this.#waiting.set(id, {
      id,
      address,
      sentAt: now,
      context,
      slowAt,
      failAt,
      isSlow: false,
      isLate: false,
    });
    if (this.#deadline === undefined || slowAt < this.#deadline) {
      this.#deadline = slowAt;
    }
    const bytes = new Uint8Array(4);
    writeUint32(bytes, 0, id);
    return bytes;
  }

  /**
   * Tells whether a datagram is the answer to a request; it stays waited for.
   *
   * @param transactionId The id in the answer.
   * @param from Where the answer came from.
   * @param now The time in ms.
   * @returns Whether somebody at that address was asked with that id.
   */
  expects(transactionId: Uint8Array, from: Endpoint, now: number): boolean {
    return this.#find(transactionId, from, now) !== undefined;
  }

  /**
   * Finds the request that an answer belongs to, and stops to wait for it. That
   * goes for requests that failed, too, up to 15 s after they were sent.
   *
   * @param transactionId The id in the answer.
   * @param from Where the answer came from.
   * @param now The time in ms.
   * @returns The request, or `undefined` when nobody at that address was asked
   * with that id.
   */
  match(
    transactionId: Uint8Array,
    from: Endpoint,
    now: number,
  ): DhtTransaction<Context> | undefined {
    const found = this.abandon(transactionId, from, now);
    if (found !== undefined) this.#learn(now - found.sentAt);
    return found;
  }

  /**
   * Does the same for a request that never left.
   *
   * @param transactionId Its id.
   * @param to Whom we wanted to ask.
   * @param now The time in ms.
   * @returns The request, or `undefined`.
   */
  abandon(
    transactionId: Uint8Array,
    to: Endpoint,
    now: number,
  ): DhtTransaction<Context> | undefined {
    const found = this.#find(transactionId, to, now);
    if (found === undefined) return undefined;
    if (found.isLate) this.#late.delete(found.id);
    else this.#forget(found.id);
    return found;
  }

  /**
   * Takes the requests that became slow or failed.
   *
   * @param now The time in ms.
   * @returns Them, oldest first; failed ones wait no longer.
   */
  takeDue(now: number): DueTransaction<Context>[] {
    const due: DueTransaction<Context>[] = [];
    if (this.#deadline === undefined || this.#deadline > now) return due;
    let next: number | undefined;
    for (const [id, one] of this.#waiting) {
      if (one.failAt <= now) {
        this.#waiting.delete(id);
        this.#keepLate(one, now);
        due.push({ state: "failed", transaction: one });
        continue;
      }
      if (!one.isSlow && one.slowAt <= now) {
        one.isSlow = true;
        due.push({ state: "slow", transaction: one });
      }
      const at = one.isSlow ? one.failAt : one.slowAt;
      if (next === undefined || at < next) next = at;
    }
    this.#deadline = next;
    return due;
  }

  #find(
    transactionId: Uint8Array,
    from: Endpoint,
    now: number,
  ): Waiting<Context> | undefined {
    if (transactionId.length !== 4) return undefined;
    const id = readUint32(transactionId, 0);
    const found = this.#waiting.get(id) ?? this.#late.get(id);
    if (
      found === undefined || found.address.port !== from.port ||
      found.address.hostname !== from.hostname ||
      (found.isLate && now - found.sentAt >= MAX_LATE_MS)
    ) return undefined;
    return found;
  }

  #keepLate(one: Waiting<Context>, now: number): void {
    for (const [id, { sentAt }] of this.#late) {
      if (
        now - sentAt < MAX_LATE_MS && this.#late.size < this.#maxOutstanding
      ) break;
      this.#late.delete(id);
    }
    one.isLate = true;
    this.#late.set(one.id, one);
  }

  #forget(id: number): void {
    this.#waiting.delete(id);
    // A deadline that is too early does no harm: takeDue() looks again.
    if (this.#waiting.size === 0) this.#deadline = undefined;
  }

  #learn(sampleMs: number): void {
    if (this.#roundTripMs === undefined) {
      this.#roundTripMs = sampleMs;
      this.#deviationMs = sampleMs / 2;
      return;
    }
    const error = Math.abs(this.#roundTripMs - sampleMs);
    this.#deviationMs += (error - this.#deviationMs) / 4;
    this.#roundTripMs += (sampleMs - this.#roundTripMs) / 8;
  }
}
