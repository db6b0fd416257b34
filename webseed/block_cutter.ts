/**
 * From the bytes of files to blocks of pieces.
 *
 * @module
 */
import { BLOCK_SIZE, type PieceLayout } from "../metainfo/piece_layout.ts";

/**
 * Takes a block.
 *
 * @param pieceIndex Its piece.
 * @param blockOffset Where it starts in the piece.
 * @param data Its bytes, in the array that was fed or in one of their own.
 */
export type BlockSink = (
  pieceIndex: number,
  blockOffset: number,
  data: Uint8Array,
) => void;

/**
 * Cuts runs of bytes of files into blocks. A block that lies in several files
 * is whole when they are fed one after the other; padding between them need not
 * be fed. At most one block is kept.
 */
export class BlockCutter {
  readonly #layout: PieceLayout;
  readonly #sink: BlockSink;
  /** What there is of a block that came in parts. */
  #part: Uint8Array | undefined;
  /** The next address, from the start of piece 0. */
  #at = -1;
  /** Whether the start of the block at that address is missing. */
  #isTorn = false;

  constructor(layout: PieceLayout, sink: BlockSink) {
    this.#layout = layout;
    this.#sink = sink;
  }

  /** Takes bytes of a file that lie inside of it. */
  feed(fileIndex: number, fileOffset: number, bytes: Uint8Array): void {
    const { offset, length } = this.#layout.file(fileIndex);
    const address = offset + fileOffset;
    if (address !== this.#at) this.#jump(address);
    this.#take(bytes);
    if (fileOffset + bytes.length === length) this.#pad();
  }

  #jump(address: number): void {
    const { within } = this.#place(address);
    const start = within - within % BLOCK_SIZE;
    this.#at = address - within + start;
    this.#isTorn = false;
    if (start === within) return;
    this.#pad(true);
    this.#isTorn = this.#at !== address;
    this.#at = address;
  }

  /** The piece of an address, and where that is in the piece. */
  #place(address: number): { readonly piece: number; readonly within: number } {
    const { pieceLength } = this.#layout;
    const piece = Math.floor(address / pieceLength);
    return { piece, within: address - piece * pieceLength };
  }

  #take(bytes: Uint8Array): void {
    for (let pos = 0; pos < bytes.length;) {
      const { piece, within } = this.#place(this.#at);
      const start = within - within % BLOCK_SIZE;
      const size = Math.min(BLOCK_SIZE, this.#layout.pieceSize(piece) - start);
      const count = Math.min(start + size - within, bytes.length - pos);
      const isEnd = within + count === start + size;
      if (count === size) {
        this.#sink(piece, start, bytes.subarray(pos, pos + size));
      } else if (!this.#isTorn) {
        this.#part ??= new Uint8Array(BLOCK_SIZE);
        this.#part.set(bytes.subarray(pos, pos + count), within - start);
        if (isEnd) {
          this.#sink(piece, start, this.#part.subarray(0, size));
          this.#part = undefined;
        }
      }
      if (isEnd) this.#isTorn = false;
      pos += count;
      this.#at += count;
    }
  }

  /** Fills in the padding that follows, up to the end of the block. */
  #pad(isStart = false): void {
    const layout = this.#layout;
    const { piece, within } = this.#place(this.#at);
    if (within % BLOCK_SIZE === 0 && !isStart) return;
    const end = Math.min(
      layout.pieceSize(piece),
      within - within % BLOCK_SIZE + BLOCK_SIZE,
    );
    if (end <= within) return;
    for (const span of layout.spans(piece, within, end - within)) {
      if (!span.pad) return;
      this.#take(new Uint8Array(span.length));
    }
  }
}
