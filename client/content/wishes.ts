/**
 * What of a torrent is wanted how much and by when, and how much is there.
 *
 * @module
 */
import type { Bitfield } from "../../_shared/bitfield.ts";
import type { PieceLayout, PieceRange } from "../../metainfo/mod.ts";
import {
  DEFAULT_PRIORITY,
  TOP_PRIORITY,
} from "../../select/selection_strategy.ts";

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

/**
 * Priorities of the files and pieces of one torrent, 0 (not wanted) to 7
 * (first). A piece has the highest priority of its files, unless it was given
 * one of its own; one of nothing but padding is never wanted. Costs nothing
 * while everything is wanted alike.
 */
export class Wishes {
  readonly #layout: PieceLayout;
  /** Whether the ends of files come before the rest. */
  readonly #endsFirst: boolean;
  readonly #have: Bitfield;
  /** The priorities of all files; absent while all have the default. */
  filePriorities: Uint8Array | undefined;
  /** The pieces with a priority of their own. */
  ownPriorities: Map<number, number> | undefined;
  /** The priorities of all pieces; absent while all have the default. */
  priorities: Uint8Array | undefined;
  /** Pieces that are wanted in any case. */
  #read: readonly PieceRange[] = [];
  /** Payload bytes of wanted pieces. */
  wantedBytes = 0;
  /** Wanted payload bytes that are verified. */
  doneBytes = 0;
  #lacking = 0;

  constructor(layout: PieceLayout, have: Bitfield, endsFirst = false) {
    this.#endsFirst = endsFirst;
    this.#layout = layout;
    this.#have = have;
    this.recount();
  }

  /** Payload bytes of the whole torrent, wanted or not, that are not verified. */
  get missingBytes(): number {
    const layout = this.#layout;
    if (this.#have.count === layout.pieceCount) return 0;
    let missing = 0;
    for (let i = 0; i < layout.pieceCount; i++) {
      if (!this.#have.has(i)) missing += layout.payloadSize(i);
    }
    return missing;
  }

  /** Whether every wanted piece is verified. */
  get isDone(): boolean {
    return this.#lacking === 0;
  }

  /** Tells how much a file is wanted. */
  filePriority(fileIndex: number): number {
    return this.filePriorities?.[fileIndex] ?? DEFAULT_PRIORITY;
  }

  /** Tells how much a piece is wanted. */
  piecePriority(pieceIndex: number): number {
    return this.priorities?.[pieceIndex] ?? DEFAULT_PRIORITY;
  }

  /** Whether a piece is wanted and not there. */
  lacks(pieceIndex: number): boolean {
    return !this.#have.has(pieceIndex) && this.piecePriority(pieceIndex) > 0;
  }

  /** Wants files otherwise than before. */
  setFiles(priorities: Iterable<readonly [number, number]>): void {
    const files = this.filePriorities ??
      new Uint8Array(this.#layout.files.length).fill(DEFAULT_PRIORITY);
    for (const [fileIndex, priority] of priorities) files[fileIndex] = priority;
    this.filePriorities = isUniform(files) ? undefined : files;
    this.recount();
  }

  /** Gives pieces a priority of their own; `undefined` for that of their files. */
  setPieces(
    priorities: Iterable<readonly [number, number | undefined]>,
  ): void {
    const pieces = this.ownPriorities ?? new Map<number, number>();
    for (const [pieceIndex, priority] of priorities) {
      if (priority === undefined) pieces.delete(pieceIndex);
      else pieces.set(pieceIndex, priority);
    }
    this.ownPriorities = pieces.size === 0 ? undefined : pieces;
    this.recount();
  }

  /**
   * Wants pieces that are read, though their files may be left out; whether
   * that made a difference.
   */
  setRead(ranges: readonly PieceRange[]): boolean {
    const none = this.#read.length + ranges.length === 0;
    this.#read = ranges;
    // While everything is wanted alike, it makes none.
    if (none || this.priorities === undefined && this.#derive() === undefined) {
      return false;
    }
    this.recount();
    return true;
  }

  /** Notes that a piece was verified, after its bit was set. */
  verified(pieceIndex: number): void {
    if (this.piecePriority(pieceIndex) === 0) return;
    this.doneBytes += this.#layout.payloadSize(pieceIndex);
    this.#lacking--;
  }

  /** Counts anew, after many pieces came or went. */
  recount(): void {
    const layout = this.#layout;
    this.priorities = this.#derive();
    this.wantedBytes = this.doneBytes = this.#lacking = 0;
    for (let i = 0; i < layout.pieceCount; i++) {
      if (this.piecePriority(i) === 0) continue;
      const size = layout.payloadSize(i);
      this.wantedBytes += size;
      if (this.#have.has(i)) this.doneBytes += size;
      else this.#lacking++;
    }
  }

  #derive(): Uint8Array | undefined {
    const layout = this.#layout;
    if (
      !this.#endsFirst && this.filePriorities === undefined &&
      this.ownPriorities === undefined &&
      !layout.files.some((file) => file.pad)
    ) return undefined;
    const priorities = new Uint8Array(layout.pieceCount);
    for (let i = 0; i < layout.files.length; i++) {
      if (layout.files[i]!.pad) continue;
      const priority = this.filePriority(i);
      const { first, end } = layout.filePieces(i);
      for (let p = first; p < end; p++) {
        if (priorities[p]! < priority) priorities[p] = priority;
      }
    }
    if (this.#endsFirst) {
      layout.files.forEach(({ pad }, i) => {
        const { first, end } = layout.filePieces(i);
        if (pad || first === end || this.filePriority(i) === 0) return;
        priorities[first] = priorities[end - 1] = TOP_PRIORITY;
      });
    }
    for (const [pieceIndex, priority] of this.ownPriorities ?? []) {
      priorities[pieceIndex] = priority;
    }
    for (const { first, end } of this.#read) {
      for (let p = first; p < end; p++) priorities[p] ||= DEFAULT_PRIORITY;
    }
    return isUniform(priorities) ? undefined : priorities;
  }
}

function isUniform(priorities: Uint8Array): boolean {
  return priorities.every((priority) => priority === DEFAULT_PRIORITY);
}

/** Throws a `RangeError` unless a priority is an integer from 0 to 7. */
export function checkPriority(priority: number): void {
  if (!Number.isInteger(priority) || priority < 0 || priority > TOP_PRIORITY) {
    throw new RangeError(
      `Cannot use priority ${priority}: it must be an integer from 0 to ${TOP_PRIORITY}`,
    );
  }
}

/** Throws a `RangeError` unless there is something of an index. */
export function checkIndex(what: string, index: number, count: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    throw new RangeError(
      `There is no ${what} ${index}: the torrent has ${count}`,
    );
  }
}
