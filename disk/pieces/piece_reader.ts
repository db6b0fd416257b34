/**
 * Serving: bytes of verified pieces, a run at a time.
 *
 * @module
 */
import type { PieceLayout } from "../../metainfo/piece_layout.ts";
import { type Awaitable, chain } from "../awaitable.ts";
import { DiskError } from "../error.ts";
import type { ReadCache, ReadCacheSection } from "./read_cache.ts";
import type { PieceStore } from "../piece_store.ts";

/** What a {@linkcode PieceReader} reads from. */
type PieceReads = Pick<PieceStore, "readRange">;

/**
 * Reads runs of pieces ("extents") of which blocks are cut without copying, as
 * peers mostly ask for one block after the other. The first block of a run is
 * read alone, unless the run before was read: scattered or very small requests
 * do not read more than was asked for, unless asking is what costs
 * (`isFar`).
 */
export class PieceReader {
  readonly #store: PieceReads;
  readonly #layout: PieceLayout;
  readonly #cache: ReadCache;
  readonly #section: ReadCacheSection;
  readonly #extentSize: number;
  readonly #isFar: boolean;
  readonly #perPiece: number;
  readonly #pending = new Map<number, Promise<Uint8Array<ArrayBuffer>>>();

  constructor(
    store: PieceReads,
    layout: PieceLayout,
    cache: ReadCache,
    isFar = false,
  ) {
    this.#isFar = isFar;
    this.#store = store;
    this.#layout = layout;
    this.#cache = cache;
    this.#section = cache.section();
    this.#extentSize = cache.extentSize;
    this.#perPiece = Math.ceil(
      layout.pieceLength / Math.max(1, this.#extentSize),
    );
  }

  /** Reads bytes of one piece. */
  read(
    pieceIndex: number,
    offset: number,
    length: number,
    shared = true,
  ): Awaitable<Uint8Array> {
    const size = this.#extentSize;
    if (size === 0) return this.#readAlone(pieceIndex, offset, length, shared);
    const index = Math.floor(offset / size);
    const start = offset - index * size;
    if (start + length > size) return this.#join(pieceIndex, offset, length);
    const key = pieceIndex * this.#perPiece + index;
    const extent = this.#section.get(key, shared) ?? this.#pending.get(key) ??
      (this.#isWorth(pieceIndex, index, start, length)
        ? this.#load(pieceIndex, index, shared)
        : undefined);
    if (extent === undefined) {
      return this.#readAlone(pieceIndex, offset, length, shared);
    }
    return extent instanceof Promise
      ? extent.then((bytes) => bytes.subarray(start, start + length))
      : extent.subarray(start, start + length);
  }

  /** Forgets what was cached. */
  clear(): void {
    this.#section.clear();
    this.#pending.clear();
  }

  /** Whether more of an extent is likely to be asked for. */
  #isWorth(
    pieceIndex: number,
    index: number,
    start: number,
    length: number,
  ): boolean {
    const key = pieceIndex * this.#perPiece + index;
    return this.#isFar || this.#section.touch(key, start, length) ||
      2 * length >= this.#lengthOf(pieceIndex, index) ||
      (start === 0 && this.#section.get(key - 1, false) !== undefined);
  }

  #lengthOf(pieceIndex: number, index: number): number {
    return Math.min(
      this.#extentSize,
      this.#layout.pieceSize(pieceIndex) - index * this.#extentSize,
    );
  }

  #join(
    pieceIndex: number,
    offset: number,
    length: number,
  ): Awaitable<Uint8Array> {
    const size = this.#extentSize;
    const run = Math.min(length, size - offset % size);
    const bytes = new Uint8Array(length);
    const next = (done: number): Awaitable<Uint8Array> => {
      while (done < length) {
        const want = done === 0 ? run : Math.min(size, length - done);
        const part = this.read(pieceIndex, offset + done, want);
        if (part instanceof Promise) {
          return part.then((part) => {
            bytes.set(part, done);
            return next(done + want);
          });
        }
        bytes.set(part, done);
        done += want;
      }
      return bytes;
    };
    return next(0);
  }

  #load(
    pieceIndex: number,
    index: number,
    shared: boolean,
  ): Awaitable<Uint8Array<ArrayBuffer>> {
    const key = pieceIndex * this.#perPiece + index;
    const bytes = this.#readNow(
      pieceIndex,
      index * this.#extentSize,
      this.#cache.buffer(this.#lengthOf(pieceIndex, index)),
    );
    if (!(bytes instanceof Promise)) {
      this.#section.set(key, bytes, shared);
      return bytes;
    }
    const loading = bytes.then(
      (bytes) => {
        if (this.#pending.get(key) === loading) {
          this.#pending.delete(key);
          // Waiting callers look at it later.
          this.#section.set(key, bytes, true);
        }
        return bytes;
      },
      (error) => {
        if (this.#pending.get(key) === loading) this.#pending.delete(key);
        throw error;
      },
    );
    this.#pending.set(key, loading);
    return loading;
  }

  /** Reads what is asked for and nothing else; nothing is kept. */
  #readAlone(
    pieceIndex: number,
    offset: number,
    length: number,
    shared: boolean,
  ): Awaitable<Uint8Array> {
    if (shared) {
      return this.#readNow(pieceIndex, offset, new Uint8Array(length));
    }
    const bytes = this.#readNow(
      pieceIndex,
      offset,
      this.#cache.buffer(length),
    );
    if (!(bytes instanceof Promise)) this.#cache.giveBack(bytes);
    return bytes;
  }

  #readNow(
    pieceIndex: number,
    offset: number,
    bytes: Uint8Array<ArrayBuffer>,
  ): Awaitable<Uint8Array<ArrayBuffer>> {
    return chain(
      this.#store.readRange(pieceIndex, offset, bytes),
      (isWhole) => {
        if (isWhole) return bytes;
        throw new DiskError(
          "short-read",
          `A file of piece ${pieceIndex} is missing or shorter than it was`,
          { operation: "read" },
        );
      },
    );
  }
}
