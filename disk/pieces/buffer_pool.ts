/**
 * The memory in which pieces are assembled, with its limit.
 *
 * @module
 */
import { BLOCK_SIZE } from "../../metainfo/piece_layout.ts";
import type { PieceBuffer } from "./piece_buffer.ts";

/** Most bytes of a buffer that a piece is assembled in. */
export const CHUNK_SIZE = 262144;

/**
 * Buffers that there is memory for at least: with too few, a block here and
 * there fills it, and blocks that were asked for find no room.
 */
const LEAST_CHUNKS = 64;

/** Freed bytes that are kept for the next piece. */
const MAX_IDLE_BYTES = 16 * 1024 * 1024;

/** Holds pieces that could be written out early. */
export interface PieceHolder {
  /** The pieces that could be. */
  spillable(): readonly PieceBuffer[];
  /** Writes one out and frees its memory. */
  spill(piece: PieceBuffer): void;
}

/**
 * Hands out buffers and counts them. It never refuses one: callers look at
 * {@linkcode BufferPool.isOver} and make room.
 */
export class BufferPool {
  /** How many bytes may be out before callers are asked to wait. */
  readonly maxBytes: number;
  /**
   * Bytes of a buffer that a piece is assembled in: a power of two and a
   * multiple of the leaf size of BEP 52. A shorter piece has one buffer.
   */
  readonly chunkSize: number;
  readonly #idle = new Map<number, Uint8Array<ArrayBuffer>[]>();
  #idleBytes = 0;
  #used = 0;
  /** Holders of incomplete pieces. */
  readonly holders: Set<PieceHolder> = new Set();
  /** Bytes that are being written out and will come back. */
  leavingBytes = 0;
  #pressure: Promise<void> | undefined;
  #release: (() => void) | undefined;
  #tick = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
    let chunkSize = CHUNK_SIZE;
    while (chunkSize > BLOCK_SIZE && chunkSize * LEAST_CHUNKS > maxBytes) {
      chunkSize /= 2;
    }
    this.chunkSize = chunkSize;
  }

  /** Bytes that are out. */
  get usedBytes(): number {
    return this.#used;
  }

  /** Whether more is out than should be. */
  get isOver(): boolean {
    return this.#used > this.maxBytes;
  }

  /**
   * Defined while too much is out: resolves when it no longer is. Making room
   * frees more than the excess, so this does not flicker.
   */
  get pressure(): Promise<void> | undefined {
    if (this.isOver) this.makeRoom();
    if (this.#pressure === undefined && this.isOver) {
      this.#pressure = new Promise((resolve) => this.#release = resolve);
    }
    return this.#pressure;
  }

  /** A number that is higher than all before: tells what was used last. */
  tick(): number {
    return ++this.#tick;
  }

  /** Takes a buffer. Its content is whatever it was. */
  take(size: number): Uint8Array<ArrayBuffer> {
    this.#used += size;
    const buffer = this.#idle.get(size)?.pop();
    if (buffer === undefined) return new Uint8Array(size);
    this.#idleBytes -= size;
    return buffer;
  }

  /** Returns a buffer, which must not be used after that. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    const size = buffer.length;
    this.#used -= size;
    if (this.#idleBytes + size <= MAX_IDLE_BYTES) {
      const idle = this.#idle.get(size);
      if (idle === undefined) this.#idle.set(size, [buffer]);
      else idle.push(buffer);
      this.#idleBytes += size;
    }
    if (!this.isOver) this.relieve();
  }

  /** Has the coldest partial pieces written out until a quarter is free. */
  makeRoom(): void {
    const list: { piece: PieceBuffer; holder: PieceHolder }[] = [];
    for (const holder of this.holders) {
      for (const piece of holder.spillable()) list.push({ piece, holder });
    }
    list.sort((a, b) => a.piece.lastUse - b.piece.lastUse);
    let excess = this.#used - this.leavingBytes - this.maxBytes * 3 / 4;
    for (const { piece, holder } of list) {
      if (excess <= 0) return;
      excess -= piece.memoryBytes;
      holder.spill(piece);
    }
  }

  /** Ends the pressure, whatever is out. */
  relieve(): void {
    const release = this.#release;
    this.#release = undefined;
    this.#pressure = undefined;
    release?.();
  }
}
