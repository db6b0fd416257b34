/**
 * Pieces that are wanted by a moment.
 *
 * @module
 */

/** A reader's moments that move by less than this stay, in milliseconds. */
const SLACK_MS = 250;
/** Of the many that nobody reads. */
const NONE: ReadonlyMap<number, number> = new Map();

/** Moments that a user set, and those of readers; the earlier one counts. */
export class DuePieces {
  #set: Map<number, number> | undefined;
  #read: ReadonlyMap<number, number> = NONE;

  /** Tells when a piece is wanted, in milliseconds. */
  at(pieceIndex: number): number | undefined {
    const set = this.#set?.get(pieceIndex);
    const read = this.#read.get(pieceIndex);
    return set === undefined || read === undefined
      ? set ?? read
      : Math.min(set, read);
  }

  /** All pieces that are due; those of readers may be twice. */
  *pieces(): Iterable<number> {
    yield* this.#set?.keys() ?? [];
    yield* this.#read.keys();
  }

  /** Sets the moment of a user. */
  set(pieceIndex: number, at: number | undefined): void {
    if (at === undefined) this.#set?.delete(pieceIndex);
    else (this.#set ??= new Map()).set(pieceIndex, at);
  }

  /** Sets all moments of readers; tells which pieces that concerns. */
  read(moments: ReadonlyMap<number, number>): number[] {
    const before = this.#read;
    const now = new Map<number, number>();
    const changed: number[] = [];
    for (const [pieceIndex, at] of moments) {
      const old = before.get(pieceIndex);
      const moved = old === undefined || Math.abs(old - at) >= SLACK_MS;
      now.set(pieceIndex, moved ? at : old);
      if (moved) changed.push(pieceIndex);
    }
    for (const pieceIndex of before.keys()) {
      if (!now.has(pieceIndex)) changed.push(pieceIndex);
    }
    this.#read = now;
    return changed;
  }

  /** Forgets what a user wanted of a piece that is there. */
  done(pieceIndex: number): void {
    this.#set?.delete(pieceIndex);
  }
}
