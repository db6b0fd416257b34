/**
 * Which candidate to dial next, and when.
 *
 * Invariant: a torrent's lane exists while it has candidates waiting or
 * connections half open. Lanes take turns, so that a torrent with a thousand
 * candidates does not starve the others.
 *
 * @module
 */
import { TokenBucket } from "../../_shared/token_bucket.ts";

/**
 * A connection half open for so long hardly comes about, and does not count for
 * its torrent any more, in ms: the dead must not keep the living waiting.
 */
export const SLOW_DIAL_MS = 4_000;

/** Limits of a {@linkcode DialQueue}. */
export interface DialQueueOptions {
  /** Candidates that may wait. */
  readonly maxQueued: number;
  /** Connections half open at once. */
  readonly maxHalfOpen: number;
  /** Connections half open at once for one torrent, slow ones not counted. */
  readonly maxHalfOpenPerTorrent: number;
  /** Connections begun in a second. */
  readonly connectsPerSecond: number;
}

/** An item whose turn it is. */
export interface Dial<T> {
  /** The torrent's key. */
  readonly key: string;
  /** Whom to dial. */
  readonly item: T;
  /** When that was, in ms. */
  readonly begunAt: number;
}

interface Lane<T> {
  readonly waiting: T[];
  /** When those half open were begun, the oldest first. */
  readonly begun: number[];
}

/** Candidates in lanes, one a torrent, that take turns. */
export class DialQueue<T> {
  readonly #options: DialQueueOptions;
  readonly #bucket: TokenBucket;
  readonly #lanes = new Map<string, Lane<T>>();
  /** Candidates waiting. */
  size = 0;
  /** Connections half open. */
  halfOpen = 0;

  /** Makes an empty queue. */
  constructor(options: DialQueueOptions, now: number) {
    this.#options = options;
    const rate = options.connectsPerSecond;
    this.#bucket = new TokenBucket(rate, Math.max(1, rate), now);
  }

  /** Whether no candidate can be added. */
  get full(): boolean {
    return this.size >= this.#options.maxQueued;
  }

  /** Adds a candidate; false when the queue is full. */
  push(key: string, item: T): boolean {
    if (this.full) return false;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = { waiting: [], begun: [] };
      this.#lanes.set(key, lane);
    }
    lane.waiting.push(item);
    this.size++;
    return true;
  }

  /** Takes the next candidate and counts it as half open. */
  take(now: number): Dial<T> | undefined {
    const { key } = this.#eligible(now);
    if (key === undefined || !this.#bucket.take(now)) return undefined;
    const lane = this.#lanes.get(key)!;
    const item = lane.waiting.shift()!;
    this.size--;
    lane.begun.push(now);
    this.halfOpen++;
    // To the end of the line.
    this.#lanes.delete(key);
    this.#lanes.set(key, lane);
    return { key, item, begunAt: now };
  }

  /** Ends what {@linkcode take} began. */
  done({ key, begunAt }: Dial<T>): void {
    const lane = this.#lanes.get(key);
    if (lane === undefined) return;
    lane.begun.splice(lane.begun.indexOf(begunAt), 1);
    this.halfOpen--;
    this.#prune(key, lane);
  }

  /** When {@linkcode take} is worth another try, if only time is missing. */
  nextAt(now: number): number | undefined {
    const { key, at } = this.#eligible(now);
    return key === undefined ? at : this.#bucket.nextAt(now);
  }

  /** Removes and returns what waits for a torrent. */
  remove(key: string): T[] {
    const lane = this.#lanes.get(key);
    if (lane === undefined) return [];
    const removed = lane.waiting.splice(0);
    this.size -= removed.length;
    this.#prune(key, lane);
    return removed;
  }

  /** Removes one that waits; false when it is not there. */
  removeItem(key: string, item: T): boolean {
    const lane = this.#lanes.get(key);
    const index = lane?.waiting.indexOf(item) ?? -1;
    if (lane === undefined || index < 0) return false;
    lane.waiting.splice(index, 1);
    this.size--;
    this.#prune(key, lane);
    return true;
  }

  /** Removes and returns everything that waits. */
  clear(): T[] {
    return [...this.#lanes.keys()].flatMap((key) => this.remove(key));
  }

  #prune(key: string, lane: Lane<T>): void {
    if (lane.begun.length === 0 && lane.waiting.length === 0) {
      this.#lanes.delete(key);
    }
  }

  /**
   * The first lane that may dial, or when one may whose places are taken. Lanes
   * passed over are all half open.
   */
  #eligible(now: number): { key?: string; at?: number } {
    const { maxHalfOpen, maxHalfOpenPerTorrent: most } = this.#options;
    if (this.size === 0 || this.halfOpen >= maxHalfOpen) return {};
    let first = Infinity;
    for (const [key, { waiting, begun }] of this.#lanes) {
      if (waiting.length === 0) continue;
      const at = begun.length < most ? now : begun.at(-most)! + SLOW_DIAL_MS;
      if (at <= now) return { key };
      first = Math.min(first, at);
    }
    return first === Infinity ? {} : { at: first };
  }
}
