/**
 * Where a block lies in a torrent.
 *
 * @module
 */

/** A run of bytes in a piece, as requests name it (BEP 3). */
export interface BlockAddress {
  /** Which piece. */
  readonly pieceIndex: number;
  /** Where the block starts in the piece, in bytes. */
  readonly blockOffset: number;
  /** Its length in bytes. */
  readonly length: number;
}
