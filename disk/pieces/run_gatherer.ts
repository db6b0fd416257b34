/**
 * Verified pieces that wait for those beside them, to be written at once.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import type { PieceLayout } from "../../metainfo/piece_layout.ts";
import { bytesOf, runOf } from "../run_of.ts";

/** How long a piece waits at most, and for the next of its run, in milliseconds. */
const LONGEST_WAIT_MS = 20_000;
const NEXT_WAIT_MS = 5000;

/** How often it is looked whether anything more can come, in milliseconds. */
const LOOK_MS = 500;

/** What a {@linkcode RunGatherer} works with. */
export interface RunGathererContext<T> {
  readonly layout: PieceLayout;
  /** How many pieces a run has. */
  readonly runPieces: number;
  /** Runs of more bytes are not waited for. */
  readonly maxBytes: number;
  readonly clock: Clock;
  /** Whether a piece is written, or being written. */
  readonly isApart: (pieceIndex: number) => boolean;
  /** Whether no more pieces are in the making. */
  readonly isQuiet: () => boolean;
  /** Takes pieces that wait no longer for the rest of their run. */
  readonly release: (pieces: T[]) => void;
}

/** Pieces of one run. */
interface Gathered<T> {
  readonly pieces: Map<number, T>;
  /** When the first of them came, and the last. */
  readonly since: number;
  last: number;
}

/** Brings pieces of a run together, as far as they come in time. */
export class RunGatherer<T> {
  readonly #context: RunGathererContext<T>;
  /** By the first piece of each run, the oldest first. */
  readonly #runs = new Map<number, Gathered<T>>();
  /** When the last piece came, of any run. */
  #last = 0;
  #cancel: (() => void) | undefined;

  constructor(context: RunGathererContext<T>) {
    this.#context = context;
  }

  /** Takes a verified piece; gives the pieces to be written now, in order. */
  take(pieceIndex: number, piece: T): T[] {
    const { layout, runPieces, maxBytes, clock } = this.#context;
    const run = runOf(layout, runPieces, pieceIndex);
    const { first, end } = run;
    let gathered = this.#runs.get(first);
    const now = this.#last = clock.now();
    if (gathered === undefined) {
      if (end - first === 1 || bytesOf(layout, run) > maxBytes) return [piece];
      for (let i = first; i < end; i++) {
        // It cannot get whole.
        if (i !== pieceIndex && this.#context.isApart(i)) return [piece];
      }
      gathered = { pieces: new Map(), since: now, last: now };
      this.#runs.set(first, gathered);
    }
    const { pieces } = gathered;
    pieces.set(pieceIndex, piece);
    gathered.last = now;
    if (pieces.size === end - first) {
      this.#runs.delete(first);
      if (this.#runs.size === 0) this.#rest();
      return [...pieces].sort(([a], [b]) => a - b).map(([, piece]) => piece);
    }
    this.#cancel ??= this.#later();
    return [];
  }

  /** Has pieces wait no longer: the run of one, or all. */
  release(pieceIndex?: number): void {
    const { layout, runPieces } = this.#context;
    const only = pieceIndex === undefined
      ? undefined
      : runOf(layout, runPieces, pieceIndex).first;
    this.#release((_, first) => only === undefined || first === only);
  }

  /** Gives all pieces that wait, and forgets them. */
  drop(): T[] {
    const pieces = [...this.#runs.values()].flatMap(({ pieces }) => [
      ...pieces.values(),
    ]);
    this.#runs.clear();
    this.#rest();
    return pieces;
  }

  #release(isDue: (run: Gathered<T>, first: number) => boolean): void {
    for (const [first, run] of [...this.#runs]) {
      if (!isDue(run, first)) continue;
      this.#runs.delete(first);
      this.#context.release([...run.pieces.values()]);
    }
    if (this.#runs.size === 0) this.#rest();
  }

  #later(): () => void {
    const { clock, isQuiet } = this.#context;
    return clock.schedule(clock.now() + LOOK_MS, () => {
      this.#cancel = undefined;
      const now = clock.now();
      const isLast = now - this.#last >= LOOK_MS && isQuiet();
      this.#release(({ since, last }) =>
        isLast || now - since >= LONGEST_WAIT_MS || now - last >= NEXT_WAIT_MS
      );
      if (this.#runs.size > 0) this.#cancel ??= this.#later();
    });
  }

  #rest(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
