/**
 * Which candidate to dial next, and when; the streams that candidates come from.
 *
 * Invariant: a torrent's lane exists while it has candidates waiting or
 * connections half open. Lanes take turns, so that a torrent with a thousand
 * candidates does not starve the others.
 *
 * @module
 */
import { TokenBucket } from "../../_shared/token_bucket.ts";
import type { PeerCandidate } from "../../_shared/address.ts";
import { failure } from "../error.ts";

/** What the sinks write to. */
interface CandidateTarget {
  /** Whether writes must wait. */
  full(): boolean;
  /** Takes one. */
  connect(candidate: PeerCandidate): void;
}

/** All sinks of one handshaker. */
export class CandidateSinks {
  readonly #target: CandidateTarget;
  readonly #controllers = new Set<WritableStreamDefaultController>();
  readonly #waiting: (() => void)[] = [];
  #closed = false;

  /** Makes none yet. */
  constructor(target: CandidateTarget) {
    this.#target = target;
  }

  /** Makes a sink. */
  open(): WritableStream<PeerCandidate> {
    let own: WritableStreamDefaultController;
    const forget = () => void this.#controllers.delete(own);
    return new WritableStream<PeerCandidate>({
      start: (controller) => {
        own = controller;
        if (this.#closed) controller.error(failure("closed"));
        else this.#controllers.add(controller);
      },
      write: async (candidate) => {
        while (this.#target.full() && !this.#closed) {
          await new Promise<void>((resolve) => this.#waiting.push(resolve));
        }
        if (this.#closed) throw failure("closed");
        this.#target.connect(candidate);
        // It may have been refused: then its room is for the next.
        this.wake();
      },
      close: forget,
      abort: forget,
    });
  }

  /** Lets as many waiting writes go on as there is room for. */
  wake(): void {
    while (this.#waiting.length > 0 && (this.#closed || !this.#target.full())) {
      // Each woken write runs later, so room is checked by it once more.
      this.#waiting.shift()!();
      if (!this.#closed) return;
    }
  }

  /** Makes every sink fail with `closed`. */
  close(): void {
    this.#closed = true;
    for (const controller of this.#controllers) {
      controller.error(failure("closed"));
    }
    this.#controllers.clear();
    this.wake();
  }
}

/** Half open for so long, a connection counts for its torrent no more, in ms. */
const SLOW_MS = 2_000;
/**
 * Half open for so long, it hardly comes about, and gives way where all places
 * are taken, in ms: the dead must not keep the living waiting.
 */
const LATE_MS = 4_000;

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
  /** Whether it was told to give way. */
  isLeaving: boolean;
}

interface Lane<T> {
  readonly waiting: T[];
  /** Those half open, the oldest first. */
  readonly begun: Dial<T>[];
}

/** Candidates in lanes, one a torrent, that take turns. */
export class DialQueue<T> {
  readonly #options: DialQueueOptions;
  readonly #bucket: TokenBucket;
  readonly #lanes = new Map<string, Lane<T>>();
  /** Those half open, the oldest first. */
  readonly #begun = new Set<Dial<T>>();
  /** Candidates waiting. */
  size = 0;

  /** Makes an empty queue. */
  constructor(options: DialQueueOptions, now: number) {
    this.#options = options;
    const rate = options.connectsPerSecond;
    this.#bucket = new TokenBucket(rate, Math.max(1, rate), now);
  }

  /** Connections half open. */
  get halfOpen(): number {
    return this.#begun.size;
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
    const dial = { key, item, begunAt: now, isLeaving: false };
    lane.begun.push(dial);
    this.#begun.add(dial);
    // To the end of the line.
    this.#lanes.delete(key);
    this.#lanes.set(key, lane);
    return dial;
  }

  /** Tells whose connection gives way to those that wait, if one is to: once. */
  takeLate(now: number): Dial<T> | undefined {
    const late = this.#late();
    if (late === undefined || late.begunAt + LATE_MS > now) return undefined;
    late.isLeaving = true;
    return late;
  }

  /** Ends what {@linkcode take} began. */
  done(dial: Dial<T>): void {
    if (!this.#begun.delete(dial)) return;
    const { key } = dial;
    const lane = this.#lanes.get(key)!;
    lane.begun.splice(lane.begun.indexOf(dial), 1);
    this.#prune(key, lane);
  }

  /** When to look again for whom to dial, if only time is missing. */
  nextAt(now: number): number | undefined {
    const late = this.#late();
    if (late !== undefined) return late.begunAt + LATE_MS;
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

  /** The oldest that has to go, now or later, as there is no place. */
  #late(): Dial<T> | undefined {
    if (this.size === 0 || this.halfOpen < this.#options.maxHalfOpen) {
      return undefined;
    }
    return this.#begun.values().find(({ isLeaving }) => !isLeaving);
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
      const last = begun.at(-most);
      if (last === undefined || last.begunAt + SLOW_MS <= now) return { key };
      first = Math.min(first, last.begunAt + SLOW_MS);
    }
    return first === Infinity ? {} : { at: first };
  }
}
