/**
 * One bucket of the routing table.
 *
 * @module
 */
import type { RoutingEntry } from "./routing_entry.ts";

/** Nodes in a bucket, and most that wait for one (BEP 5). */
export const BUCKET_SIZE = 8;

/** The nodes that share a prefix with our id, and those waiting to join. */
export class RoutingBucket {
  readonly nodes: RoutingEntry[] = [];
  /** The first four bytes of each id, signed, beside the nodes. */
  readonly words: Int32Array;
  /** The newest last. */
  readonly replacements: RoutingEntry[] = [];
  changedAt: number;
  readonly #capacity: number;

  constructor(capacity: number, now: number) {
    this.words = new Int32Array(capacity);
    this.#capacity = capacity;
    this.changedAt = now;
  }

  get hasRoom(): boolean {
    return this.nodes.length < this.#capacity;
  }

  /** Adds a node, for which there is room. */
  add(entry: RoutingEntry): void {
    this.words[this.nodes.length] = entry.word;
    this.nodes.push(entry);
  }

  delete(entry: RoutingEntry): void {
    const index = this.nodes.indexOf(entry);
    this.nodes.splice(index, 1);
    this.words.copyWithin(index, index + 1);
  }

  clear(now: number): void {
    this.nodes.length = 0;
    this.replacements.length = 0;
    this.changedAt = now;
  }

  /**
   * Finds a node that must go for any newcomer: a bad one, of those the one
   * with most failures; else, for a secure newcomer, one with an id that does
   * not fit its address.
   */
  worst(forSecure: boolean): RoutingEntry | undefined {
    let worst: RoutingEntry | undefined;
    for (const entry of this.nodes) {
      if (
        entry.isBad() &&
        (worst === undefined || entry.failures > worst.failures)
      ) worst = entry;
    }
    return worst ??
      (forSecure ? this.nodes.find((entry) => !entry.isSecure) : undefined);
  }

  /** Finds the questionable node that was silent longest. */
  oldestQuestionable(
    now: number,
    probePauseMs: number,
  ): RoutingEntry | undefined {
    let oldest: RoutingEntry | undefined;
    for (const entry of this.nodes) {
      if (
        !entry.isGood(now) && now - entry.lastProbeAt >= probePauseMs &&
        (oldest === undefined || entry.lastSeenAt < oldest.lastSeenAt)
      ) oldest = entry;
    }
    return oldest;
  }

  /** Keeps a node for later, one an address; the oldest is forgotten. */
  keepReplacement(entry: RoutingEntry): void {
    const old = this.replacements.findIndex((other) =>
      other.addressKey === entry.addressKey || other.subnet === entry.subnet
    );
    if (old >= 0) this.replacements.splice(old, 1);
    else if (this.replacements.length >= BUCKET_SIZE) {
      this.replacements.shift();
    }
    this.replacements.push(entry);
  }
}
