/**
 * Whose turn it is to download and to seed.
 *
 * @module
 */
import type { Limit } from "../settings.ts";

/** A torrent as the queue sees it. */
export interface QueueEntry {
  /** Its id. */
  readonly id: number;
  /** What it is, or would be, doing. */
  readonly kind: "download" | "seed";
  /** Whether it wants a turn. */
  readonly wanted: boolean;
  /** Whether it has one whatever others do. */
  readonly forced: boolean;
  /** Whether it moved nothing for long. */
  readonly stalled: boolean;
}

/** How many may have a turn at a time. */
export interface QueueLimits {
  /** Downloads. */
  readonly download: Limit;
  /** Seeds. */
  readonly seed: Limit;
}

/** Who begins and who ends. */
export interface QueueTurns {
  /** Ids of those that begin, in order. */
  readonly begin: readonly number[];
  /** Ids of those that end. */
  readonly end: readonly number[];
}

/**
 * Gives turns. Those that have one keep it when others come before them in the
 * queue or wake up: only a lower limit takes turns away, the last in the queue
 * first. A download that became a seed needs a turn as such.
 */
export class QueueMachine {
  /** Who has a turn, and for what. */
  readonly #turns = new Map<number, QueueEntry["kind"]>();
  #limits: QueueLimits | undefined;

  /** Whether a torrent has a turn. */
  has(id: number): boolean {
    return this.#turns.has(id);
  }

  /**
   * Looks at the queue.
   *
   * @param entries All torrents, in the order of the queue.
   * @param limits What holds now.
   * @returns Whose turn begins or ends.
   */
  plan(entries: readonly QueueEntry[], limits: QueueLimits): QueueTurns {
    const before = this.#limits;
    this.#limits = limits;
    const had = new Set(this.#turns.keys());
    const wanting = new Set<number>();
    for (const entry of entries) {
      if (entry.wanted) wanting.add(entry.id);
    }
    for (const id of had) if (!wanting.has(id)) this.#turns.delete(id);
    for (const kind of ["download", "seed"] as const) {
      const limit = limits[kind];
      const own = entries.filter((entry) =>
        entry.wanted && entry.kind === kind
      );
      this.#share(own, kind, limit, isLower(limit, before?.[kind]));
    }
    return {
      begin: entries.map(({ id }) => id)
        .filter((id) => this.#turns.has(id) && !had.has(id)),
      end: [...had].filter((id) => !this.#turns.has(id)),
    };
  }

  /** Gives the turns of one kind. */
  #share(
    entries: readonly QueueEntry[],
    kind: QueueEntry["kind"],
    { enabled, value }: Limit,
    isLowered: boolean,
  ): void {
    let free = enabled ? value : Infinity;
    const counts = ({ stalled }: QueueEntry) => !stalled;
    const running = entries.filter(({ id, forced }) =>
      forced || this.#turns.get(id) === kind
    );
    for (const entry of running) {
      this.#turns.set(entry.id, kind);
      if (counts(entry)) free--;
    }
    for (let i = running.length - 1; i >= 0 && free < 0 && isLowered; i--) {
      const entry = running[i]!;
      if (entry.forced || !counts(entry)) continue;
      this.#turns.delete(entry.id);
      free++;
    }
    for (const { id, forced } of entries) {
      if (forced || this.#turns.get(id) === kind) continue;
      if (free > 0) {
        free--;
        this.#turns.set(id, kind);
      } else this.#turns.delete(id);
    }
  }
}

const bound = ({ enabled, value }: Limit) => enabled ? value : Infinity;

function isLower(limit: Limit, before: Limit | undefined): boolean {
  return before !== undefined && bound(limit) < bound(before);
}
