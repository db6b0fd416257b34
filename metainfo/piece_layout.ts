/**
 * Piece, block and file arithmetic: where the bytes of a piece live.
 *
 * @module
 */
import type { BlockAddress } from "../_shared/bytes.ts";
export type { BlockAddress };

/**
 * Bytes of one request on the wire; the last block of a piece may be shorter
 * (BEP 3), and the leaf size of BEP 52's trees.
 */
export const BLOCK_SIZE = 16384;

/** One file of a torrent, as far as the layout cares. */
export interface LayoutFile {
  /** Length in bytes. */
  readonly length: number;
  /**
   * Whether the file is only padding: zeros that are hashed but never stored
   * (BEP 47, attribute `p`).
   *
   * @default {false}
   */
  readonly pad?: boolean;
}

/** Options of {@linkcode PieceLayout}. */
export interface PieceLayoutOptions {
  /** Bytes of a piece, a positive integer. */
  readonly pieceLength: number;
  /** The files in the order of the torrent, pad files included. */
  readonly files: readonly LayoutFile[];
  /**
   * Whether every file starts on a piece boundary and its last piece is short,
   * as in a v2-only torrent (BEP 52).
   *
   * @default {false}
   */
  readonly alignFiles?: boolean | undefined;
}

/** A file with its place in the address space of the pieces. */
export interface PlacedFile extends LayoutFile {
  /** Where the file starts, counted from the start of piece 0. */
  readonly offset: number;
  /** Whether the file is only padding (BEP 47). */
  readonly pad: boolean;
}

/** A run of bytes of a block that lies in one file. */
export interface FileSpan {
  /** Index of the file. */
  readonly fileIndex: number;
  /** Where the run starts in the file. */
  readonly fileOffset: number;
  /** Bytes of the run, at least 1. */
  readonly length: number;
  /** Where the run starts in the block. */
  readonly dataOffset: number;
  /** Whether the run is padding: zeros that are not stored (BEP 47). */
  readonly pad: boolean;
}

/** A half-open range of pieces. */
export interface PieceRange {
  /** The first piece. */
  readonly first: number;
  /** One past the last piece. */
  readonly end: number;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/**
 * All arithmetic between pieces, blocks and files (BEP 3, 47, 52). Immutable
 * and pure.
 *
 * @example Where a block lives
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { PieceLayout } from "@bip/bip/metainfo";
 *
 * const layout = new PieceLayout({
 *   pieceLength: 32768,
 *   files: [{ length: 10 }, { length: 50000 }],
 * });
 * assertEquals(layout.pieceCount, 2);
 * assertEquals(layout.pieceSize(1), 17242);
 * assertEquals(layout.spans(0, 0, 16384).map((span) => span.length), [10, 16374]);
 * ```
 */
export class PieceLayout {
  /** Bytes of a piece. */
  readonly pieceLength: number;
  /** How many pieces there are. */
  readonly pieceCount: number;
  /** Bytes of payload: all files but the pad files. */
  readonly totalLength: number;
  /** Whether every file starts on a piece boundary and its last piece is short. */
  readonly alignFiles: boolean;
  readonly #lengths: Float64Array;
  readonly #offsets: Float64Array;
  /** Absent where there are none: torrents are many. */
  readonly #pads: Uint8Array | undefined;
  /** Made on demand: there may be millions. */
  #files: readonly PlacedFile[] | undefined;
  /** One past the last address of the last file. */
  readonly #end: number;

  /**
   * Lays files out over pieces.
   *
   * @param options Piece length and files.
   * @throws {RangeError} If the piece length is not a positive safe integer, a
   * length is not a non-negative safe integer, or their sum is not safe.
   */
  constructor(options: PieceLayoutOptions) {
    const { pieceLength, files, alignFiles = false } = options;
    if (!isCount(pieceLength) || pieceLength === 0) {
      throw new RangeError(
        `Cannot lay out pieces as the piece length must be a positive integer: it is ${pieceLength}`,
      );
    }
    const lengths = new Float64Array(files.length);
    const offsets = new Float64Array(files.length);
    const pads = new Uint8Array(files.length);
    let address = 0;
    let end = 0;
    let payload = 0;
    let hasPads = false;
    for (let i = 0; i < files.length; i++) {
      const { length, pad = false } = files[i]!;
      if (!isCount(length)) {
        throw new RangeError(
          `Cannot lay out file ${i} as its length must be a non-negative integer: it is ${length}`,
        );
      }
      if (alignFiles) {
        address = Math.ceil(address / pieceLength) * pieceLength;
      }
      offsets[i] = address;
      lengths[i] = length;
      address += length;
      if (length > 0) end = address;
      if (pad) {
        pads[i] = 1;
        hasPads = true;
      } else payload += length;
      if (!isCount(address + pieceLength)) {
        throw new RangeError(
          `Cannot lay out file ${i} as the total length must be at most 2^53 - 1`,
        );
      }
    }
    this.pieceLength = pieceLength;
    this.pieceCount = Math.ceil(end / pieceLength);
    this.totalLength = payload;
    this.#lengths = lengths;
    this.#offsets = offsets;
    this.#pads = hasPads ? pads : undefined;
    this.alignFiles = alignFiles;
    this.#end = end;
  }

  /** How many files there are, pad files included. */
  get fileCount(): number {
    return this.#lengths.length;
  }

  /** The files with their places, in the order given. */
  get files(): readonly PlacedFile[] {
    return this.#files ??= Array.from(this.#lengths, (_, i) => this.file(i));
  }

  /**
   * A file with its place.
   *
   * @param fileIndex Index of the file.
   * @returns Its length, offset and whether it is padding.
   * @throws {RangeError} If there is no such file.
   */
  file(fileIndex: number): PlacedFile {
    const length = this.#lengths[fileIndex];
    if (length === undefined) {
      throw new RangeError(
        `Cannot use file ${fileIndex}: there are ${this.fileCount} files`,
      );
    }
    const pad = this.#pads?.[fileIndex] === 1;
    return { length, pad, offset: this.#offsets[fileIndex]! };
  }

  /**
   * Bytes of a piece on the wire: pad bytes count; where files are aligned
   * (v2-only) the last piece of a file is short (BEP 3, 47, 52).
   *
   * @param pieceIndex Index of the piece.
   * @returns Its size, at least 1.
   * @throws {RangeError} If there is no such piece.
   */
  pieceSize(pieceIndex: number): number {
    this.#checkPiece(pieceIndex);
    const start = pieceIndex * this.pieceLength;
    let end = this.#end;
    if (this.alignFiles) {
      const i = this.#fileAt(start);
      end = this.#offsets[i]! + this.#lengths[i]!;
    }
    return Math.min(this.pieceLength, end - start);
  }

  /**
   * Bytes of a piece that are payload and not padding (BEP 47).
   *
   * @param pieceIndex Index of the piece.
   * @returns Bytes, possibly 0.
   * @throws {RangeError} If there is no such piece.
   */
  payloadSize(pieceIndex: number): number {
    const size = this.pieceSize(pieceIndex);
    if (this.#pads === undefined) return size;
    const start = pieceIndex * this.pieceLength;
    const end = start + size;
    let payload = 0;
    for (
      let i = this.#fileAt(start);
      i < this.fileCount && this.#offsets[i]! < end;
      i++
    ) {
      const offset = this.#offsets[i]!;
      const length = this.#lengths[i]!;
      if (this.#pads[i] === 1 || length === 0) continue;
      payload += Math.min(end, offset + length) - Math.max(start, offset);
    }
    return payload;
  }

  /**
   * How many blocks of {@linkcode BLOCK_SIZE} a piece has.
   *
   * @param pieceIndex Index of the piece.
   * @returns The count, at least 1.
   * @throws {RangeError} If there is no such piece.
   */
  blockCount(pieceIndex: number): number {
    return Math.ceil(this.pieceSize(pieceIndex) / BLOCK_SIZE);
  }

  /**
   * Bytes of a block.
   *
   * @param pieceIndex Index of the piece.
   * @param blockIndex Index of the block in the piece.
   * @returns {@linkcode BLOCK_SIZE}, or less for the last block.
   * @throws {RangeError} If there is no such block.
   */
  blockSize(pieceIndex: number, blockIndex: number): number {
    const size = this.pieceSize(pieceIndex);
    const offset = blockIndex * BLOCK_SIZE;
    if (!isCount(blockIndex) || offset >= size) {
      throw new RangeError(
        `Cannot use block ${blockIndex} of piece ${pieceIndex}: it has ${
          Math.ceil(size / BLOCK_SIZE)
        } blocks`,
      );
    }
    return Math.min(BLOCK_SIZE, size - offset);
  }

  /**
   * The address of a block.
   *
   * @param pieceIndex Index of the piece.
   * @param blockIndex Index of the block in the piece.
   * @returns Piece, offset and length, as a request wants them.
   * @throws {RangeError} If there is no such block.
   */
  block(pieceIndex: number, blockIndex: number): BlockAddress {
    const length = this.blockSize(pieceIndex, blockIndex);
    return { pieceIndex, blockOffset: blockIndex * BLOCK_SIZE, length };
  }

  /**
   * Whether a range names bytes of a piece. Safe for numbers from the wire.
   *
   * @param pieceIndex Index of the piece.
   * @param blockOffset Where the range starts in the piece.
   * @param length Bytes of the range.
   * @returns Whether the piece exists, the length is above 0 and the range
   * lies inside the piece; any alignment will do.
   */
  isBlock(pieceIndex: number, blockOffset: number, length: number): boolean {
    return isCount(pieceIndex) && pieceIndex < this.pieceCount &&
      isCount(blockOffset) && isCount(length) && length > 0 &&
      length <= this.pieceLength &&
      blockOffset + length <= this.pieceSize(pieceIndex);
  }

  /**
   * The runs of files that a range of a piece covers. Takes
   * O(log files + spans passed).
   *
   * @param pieceIndex Index of the piece.
   * @param offset Where the range starts in the piece.
   * @param length Bytes of the range; 0 gives no spans.
   * @returns The runs in order, together exactly the range. Files of length 0
   * never appear; pad files do, marked.
   * @throws {RangeError} If the range is not inside the piece.
   */
  spans(pieceIndex: number, offset: number, length: number): FileSpan[] {
    const size = this.pieceSize(pieceIndex);
    if (!isCount(offset) || !isCount(length) || offset + length > size) {
      throw new RangeError(
        `Cannot use bytes ${offset} to ${
          offset + length
        } of piece ${pieceIndex}: it has ${size} bytes`,
      );
    }
    const spans: FileSpan[] = [];
    if (length === 0) return spans;
    const start = pieceIndex * this.pieceLength + offset;
    let done = 0;
    for (let i = this.#fileAt(start); done < length; i++) {
      const fileLength = this.#lengths[i]!;
      if (fileLength === 0) continue;
      const fileOffset = start + done - this.#offsets[i]!;
      const run = Math.min(length - done, fileLength - fileOffset);
      spans.push({
        fileIndex: i,
        fileOffset,
        length: run,
        dataOffset: done,
        pad: this.#pads?.[i] === 1,
      });
      done += run;
    }
    return spans;
  }

  /**
   * The pieces that hold bytes of a file.
   *
   * @param fileIndex Index of the file.
   * @returns The range; empty (`first === end`) for a file of length 0.
   * @throws {RangeError} If there is no such file.
   */
  filePieces(fileIndex: number): PieceRange {
    const { offset, length } = this.file(fileIndex);
    const first = Math.floor(offset / this.pieceLength);
    const end = length === 0
      ? first
      : Math.ceil((offset + length) / this.pieceLength);
    return { first, end };
  }

  /**
   * The file that holds a byte of a piece.
   *
   * @param pieceIndex Index of the piece.
   * @param offset Of the byte in the piece.
   * @returns Index of the file, possibly a pad file.
   * @throws {RangeError} If there is no such byte.
   */
  fileAt(pieceIndex: number, offset = 0): number {
    if (!this.isBlock(pieceIndex, offset, 1)) {
      throw new RangeError(
        `Cannot use byte ${offset} of piece ${pieceIndex}: there is no such byte`,
      );
    }
    return this.#fileAt(pieceIndex * this.pieceLength + offset);
  }

  #checkPiece(pieceIndex: number): void {
    if (!isCount(pieceIndex) || pieceIndex >= this.pieceCount) {
      throw new RangeError(
        `Cannot use piece ${pieceIndex}: there are ${this.pieceCount} pieces`,
      );
    }
  }

  /** The last file that starts at or before an address: it is never empty. */
  #fileAt(address: number): number {
    const offsets = this.#offsets;
    let low = 0;
    let high = offsets.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (offsets[middle]! <= address) low = middle;
      else high = middle;
    }
    return low;
  }
}
