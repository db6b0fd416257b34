/**
 * Serving: bytes of verified pieces, a run at a time.
 *
 * @module
 */
import type { PieceLayout } from "../metainfo/piece_layout.ts";
import { type Awaitable, chain } from "./awaitable.ts";
import { DiskError } from "./error.ts";
import type { ReadCacheSection } from "./read_cache.ts";
import type { TorrentFiles } from "./torrent_files.ts";

/**
 * Reads runs of pieces ("extents") of which blocks are cut without copying, as
 * peers mostly ask for one block after the other.
 */
export class PieceReader {
  readonly #files: TorrentFiles;
  readonly #layout: PieceLayout;
  readonly #cache: ReadCacheSection;
  readonly #extentSize: number;
  readonly #perPiece: number;
  readonly #pending = new Map<number, Promise<Uint8Array<ArrayBuffer>>>();

  /**
   * Makes a reader.
   *
   * @param files Where to read.
   * @param layout The pieces.
   * @param cache Where extents are kept.
   * @param extentSize Bytes of a run; 0 to read exactly what is asked for.
   */
  constructor(
    files: TorrentFiles,
    layout: PieceLayout,
    cache: ReadCacheSection,
    extentSize: number,
  ) {
    this.#files = files;
    this.#layout = layout;
    this.#cache = cache;
    this.#extentSize = extentSize;
    this.#perPiece = Math.ceil(layout.pieceLength / Math.max(1, extentSize));
  }

  /**
   * Reads bytes of one piece.
   *
   * @param pieceIndex Which piece.
   * @param offset Where to start.
   * @param length How many; all must lie in the piece.
   * @param shared Whether the bytes may be kept; if not, they are good until
   * the next read.
   * @returns The bytes, often a view into something larger.
   * @throws {DiskError} If they cannot be read.
   */
  read(
    pieceIndex: number,
    offset: number,
    length: number,
    shared = true,
  ): Awaitable<Uint8Array> {
    const size = this.#extentSize;
    if (size === 0) return this.#readNow(pieceIndex, offset, length);
    const index = Math.floor(offset / size);
    const start = offset - index * size;
    if (start + length > size) return this.#join(pieceIndex, offset, length);
    const extent = this.#cache.get(
      pieceIndex * this.#perPiece + index,
      shared,
    ) ?? this.#load(pieceIndex, index, shared);
    return extent instanceof Promise
      ? extent.then((bytes) => bytes.subarray(start, start + length))
      : extent.subarray(start, start + length);
  }

  /** Forgets what was cached. */
  clear(): void {
    this.#cache.clear();
    this.#pending.clear();
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
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    const offset = index * this.#extentSize;
    const length = Math.min(
      this.#extentSize,
      this.#layout.pieceSize(pieceIndex) - offset,
    );
    const bytes = this.#readNow(
      pieceIndex,
      offset,
      length,
      this.#cache.buffer(length),
    );
    if (!(bytes instanceof Promise)) {
      this.#cache.set(key, bytes, shared);
      return bytes;
    }
    const loading = bytes.then(
      (bytes) => {
        if (this.#pending.get(key) === loading) {
          this.#pending.delete(key);
          // Whoever waits looks at it later.
          this.#cache.set(key, bytes, true);
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

  #readNow(
    pieceIndex: number,
    offset: number,
    length: number,
    bytes: Uint8Array<ArrayBuffer> = new Uint8Array(length),
  ): Awaitable<Uint8Array<ArrayBuffer>> {
    return chain(
      this.#files.readRange(pieceIndex, offset, bytes),
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
