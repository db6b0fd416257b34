/**
 * The objects that hold pieces of a torrent.
 *
 * @module
 */
import { Bitfield } from "../../_shared/bitfield.ts";
import type { PieceLayout, PieceRange } from "../../metainfo/piece_layout.ts";
import { bytesOf, runOf } from "../run_of.ts";
import { runLength } from "./part_plan.ts";

/** An object of one piece, or of a run of them. */
export interface PieceObject extends PieceRange {
  readonly key: string;
  /** Bytes of it. */
  readonly length: number;
}

/** Which pieces of a torrent are in which objects. */
export class PieceObjects {
  readonly layout: PieceLayout;
  /** How many pieces a run has. */
  readonly runPieces: number;
  readonly #folder: string;
  /** Pieces that are objects of their own. */
  #alone: Bitfield;
  /** The first pieces of runs that are. */
  #runs: Bitfield;

  /** Knows of none; `folder` is what their keys begin with. */
  constructor(layout: PieceLayout, folder: string) {
    this.layout = layout;
    this.runPieces = runLength(layout);
    this.#folder = folder;
    this.#alone = new Bitfield(layout.pieceCount);
    this.#runs = new Bitfield(layout.pieceCount);
  }

  /** The object of so many pieces, whether it is there or not. */
  of(first: number, count: number): PieceObject {
    const end = first + count;
    const names = count === 1 ? [first] : [first, end - 1];
    return {
      key: this.#folder +
        names.map((i) => `${i}`.padStart(7, "0")).join("-"),
      first,
      end,
      length: bytesOf(this.layout, { first, end }),
    };
  }

  /** Takes an object that was found, if it is one of whole pieces. */
  note(key: string, size: number): void {
    const name = key.slice(this.#folder.length);
    const match = /^(\d{7,9})(-\d{7,9})?$/.exec(name);
    const first = Number(match?.[1]);
    if (!(first < this.layout.pieceCount)) return;
    const { end } = this.#runOf(first);
    const object = this.of(first, match![2] === undefined ? 1 : end - first);
    if (object.key === key && object.length === size) this.add(object);
  }

  /** Forgets what is there. */
  clear(): void {
    this.#alone = new Bitfield(this.layout.pieceCount);
    this.#runs = new Bitfield(this.layout.pieceCount);
  }

  add({ first, end }: PieceRange): void {
    (end - first === 1 ? this.#alone : this.#runs).set(first);
  }

  /** Takes note that an object is gone; whether it was there. */
  lose({ first, end }: PieceRange): boolean {
    const among = end - first === 1 ? this.#alone : this.#runs;
    const was = among.has(first);
    among.clear(first);
    return was;
  }

  /** Whether some object has a piece. */
  has(pieceIndex: number): boolean {
    return this.#alone.has(pieceIndex) ||
      this.#runs.has(this.#runOf(pieceIndex).first);
  }

  /** An object that has a piece. */
  at(pieceIndex: number): PieceObject | undefined {
    const { first, end } = this.#runOf(pieceIndex);
    if (this.#runs.has(first)) return this.of(first, end - first);
    return this.#alone.has(pieceIndex) ? this.of(pieceIndex, 1) : undefined;
  }

  /** All objects that have some of these pieces. */
  *within({ first, end }: PieceRange): Generator<PieceObject> {
    for (let i = first; i < end; i++) {
      if (this.#alone.has(i)) yield this.of(i, 1);
      const run = this.#runOf(i);
      if (i !== first && i !== run.first || !this.#runs.has(run.first)) {
        continue;
      }
      yield this.of(run.first, run.end - run.first);
    }
  }

  #runOf(pieceIndex: number): PieceRange {
    return runOf(this.layout, this.runPieces, pieceIndex);
  }
}
