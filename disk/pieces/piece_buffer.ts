/**
 * A piece that is being assembled.
 *
 * @module
 */
import { BLOCK_SIZE, type PieceLayout } from "../../metainfo/piece_layout.ts";
import { Bitfield } from "../../_shared/bitfield.ts";
import type { PieceRun } from "../piece_store.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { IntervalSet } from "./interval_set.ts";

/**
 * The bytes of one piece as they come in: any order, any size, overlapping or
 * not; the first to bring a byte wins. They wait in buffers of one size; what
 * was written out early ("stored") needs no memory. Padding counts as there
 * from the start.
 */
export class PieceBuffer {
  /** Which piece. */
  readonly pieceIndex: number;
  /** Bytes of the piece. */
  readonly size: number;
  /** Bytes of a buffer; the last one of a piece is used in part. */
  readonly chunkSize: number;
  /** When it was written to last, by the pool's tick. */
  lastUse = 0;
  readonly #pool: BufferPool;
  readonly #chunks: (Uint8Array<ArrayBuffer> | undefined)[];
  readonly #held = new IntervalSet();
  readonly #stored = new IntervalSet();
  readonly #pads: readonly number[];
  #memory = 0;
  /** What is stored and in no buffer. */
  #away: IntervalSet | undefined;

  constructor(
    pieceIndex: number,
    size: number,
    chunkSize: number,
    pool: BufferPool,
    pads: readonly number[] = [],
  ) {
    this.pieceIndex = pieceIndex;
    this.size = size;
    this.chunkSize = chunkSize;
    this.#pool = pool;
    this.#pads = pads;
    this.#chunks = new Array(Math.ceil(size / chunkSize)).fill(undefined);
    for (let i = 0; i < pads.length; i += 2) {
      this.#held.add(pads[i]!, pads[i + 1]!);
      this.#stored.add(pads[i]!, pads[i + 1]!);
    }
  }

  /** Bytes of buffers it holds. */
  get memoryBytes(): number {
    return this.#memory;
  }

  /** Whether every byte is there. */
  get isWhole(): boolean {
    return this.#held.total === this.size;
  }

  /** Takes bytes in; they are copied. Returns whether any of them was new. */
  write(offset: number, data: Uint8Array): boolean {
    const end = offset + data.length;
    if (!this.#held.overlaps(offset, end)) this.#copy(offset, data);
    else {
      const gaps = this.#held.gaps(offset, end);
      if (gaps.length === 0) return false;
      for (let i = 0; i < gaps.length; i += 2) {
        this.#copy(
          gaps[i]!,
          data.subarray(gaps[i]! - offset, gaps[i + 1]! - offset),
        );
      }
    }
    this.#held.add(offset, end);
    return true;
  }

  /** Whether a range is there, in memory or stored. */
  has(start: number, end: number): boolean {
    return this.#held.covers(start, end);
  }

  /** Runs of a range that are stored and in no buffer: start, end, … */
  storedRuns(start: number, end: number): number[] {
    return this.#away?.runs(start, end) ?? [];
  }

  /** One buffer, as far as the piece goes; `undefined` for none. */
  chunk(index: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#chunks[index]?.subarray(
      0,
      Math.min(this.chunkSize, this.size - index * this.chunkSize),
    );
  }

  /** What is only in memory, cut at the ends of the buffers. */
  dirtyRuns(): PieceRun[] {
    const runs: PieceRun[] = [];
    const held = this.#held.bounds;
    for (let i = 0; i < held.length; i += 2) {
      const dirty = this.#stored.gaps(held[i]!, held[i + 1]!);
      for (let k = 0; k < dirty.length; k += 2) {
        let start = dirty[k]!;
        while (start < dirty[k + 1]!) {
          const index = Math.floor(start / this.chunkSize);
          const base = index * this.chunkSize;
          const end = Math.min(dirty[k + 1]!, base + this.chunkSize);
          runs.push({
            offset: start,
            bytes: this.#chunks[index]!.subarray(start - base, end - base),
          });
          start = end;
        }
      }
    }
    return runs;
  }

  /** Takes note that bytes are in the files that are not in memory. */
  markStored(start: number, end: number): void {
    this.#held.add(start, end);
    this.#stored.add(start, end);
    (this.#away ??= new IntervalSet()).add(start, end);
  }

  /** Takes note that runs were written out; they stay in memory, too. */
  markWritten(runs: readonly PieceRun[]): void {
    for (const { offset, bytes } of runs) {
      this.#stored.add(offset, offset + bytes.length);
    }
  }

  /**
   * Takes the buffers out, with the runs in them, so that they can be written
   * while new blocks come in. Counts as stored from now on.
   */
  detach(): DetachedRuns {
    const runs = this.dirtyRuns();
    const chunks = this.#chunks.filter((chunk) => chunk !== undefined);
    this.#chunks.fill(undefined);
    this.#memory = 0;
    this.markWritten(runs);
    this.#away ??= new IntervalSet();
    const held = this.#held.bounds;
    for (let i = 0; i < held.length; i += 2) {
      this.#away.add(held[i]!, held[i + 1]!);
    }
    return { runs, chunks };
  }

  /** Puts detached bytes back, when they could not be written. */
  reattach(detached: DetachedRuns): void {
    for (const { offset, bytes } of detached.runs) {
      this.#stored.remove(offset, offset + bytes.length);
      this.#away?.remove(offset, offset + bytes.length);
      this.#copy(offset, bytes);
    }
    for (const chunk of detached.chunks) this.#pool.give(chunk);
  }

  /** Lends all buffers out, if the whole piece is in them. */
  lend(): ArrayBuffer[] | undefined {
    const buffers: ArrayBuffer[] = [];
    for (const chunk of this.#chunks) {
      if (chunk !== undefined) buffers.push(chunk.buffer);
    }
    const isAll = buffers.length === this.#chunks.length &&
      this.storedRuns(0, this.size).length === 0;
    if (!isAll) return undefined;
    this.#chunks.fill(undefined);
    return buffers;
  }

  /** Takes lent buffers back, or others in place of lost ones. */
  takeBack(buffers: readonly ArrayBuffer[] = []): void {
    for (let i = 0; i < this.#chunks.length; i++) {
      this.#chunks[i] = new Uint8Array(
        buffers[i] ?? new ArrayBuffer(this.chunkSize),
      );
    }
  }

  /** Gives every buffer back. */
  release(): void {
    for (let i = 0; i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i];
      if (chunk !== undefined) this.#pool.give(chunk);
      this.#chunks[i] = undefined;
    }
    this.#memory = 0;
  }

  /** Which blocks are there. */
  blocks(stored = false): Bitfield {
    const set = stored ? this.#stored : this.#held;
    const blocks = new Bitfield(Math.ceil(this.size / BLOCK_SIZE));
    const bounds = set.bounds;
    for (let i = 0; i < bounds.length; i += 2) {
      const first = Math.ceil(bounds[i]! / BLOCK_SIZE);
      const end = bounds[i + 1]! === this.size
        ? blocks.length
        : Math.floor(bounds[i + 1]! / BLOCK_SIZE);
      for (let block = first; block < end; block++) blocks.set(block);
    }
    return blocks;
  }

  #copy(offset: number, data: Uint8Array): void {
    let done = 0;
    while (done < data.length) {
      const at = offset + done;
      const index = Math.floor(at / this.chunkSize);
      const start = at - index * this.chunkSize;
      const run = Math.min(this.chunkSize - start, data.length - done);
      const chunk = this.#chunks[index] ?? this.#take(index);
      chunk.set(
        run === data.length ? data : data.subarray(done, done + run),
        start,
      );
      done += run;
    }
  }

  #take(index: number): Uint8Array<ArrayBuffer> {
    const chunk = this.#pool.take(this.chunkSize);
    this.#chunks[index] = chunk;
    this.#memory += this.chunkSize;
    if (this.#pads.length > 0) chunk.fill(0);
    return chunk;
  }
}

/** Buffers on their way to the files. See {@linkcode PieceBuffer.detach}. */
export interface DetachedRuns {
  /** What is to be written. */
  readonly runs: readonly PieceRun[];
  /** The buffers that hold it. */
  readonly chunks: readonly Uint8Array<ArrayBuffer>[];
}

/** Where a piece is padding: start, end, … */
export function padsOf(layout: PieceLayout, pieceIndex: number): number[] {
  const size = layout.pieceSize(pieceIndex);
  if (layout.payloadSize(pieceIndex) === size) return [];
  return layout.spans(pieceIndex, 0, size).filter(({ pad }) => pad)
    .flatMap(({ dataOffset, length }) => [dataOffset, dataOffset + length]);
}
