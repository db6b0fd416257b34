/**
 * Stored pieces that are still in memory.
 *
 * @module
 */

/** Bytes that are kept at most. */
const MOST_KEPT = 32 * 1024 * 1024;

/** Keeps what was stored last. */
export class KeptPieces {
  /** The oldest first. */
  readonly #pieces = new Map<number, Uint8Array<ArrayBuffer>>();
  #bytes = 0;

  /** Keeps a piece; the oldest give way. */
  add(pieceIndex: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.take(pieceIndex);
    this.#pieces.set(pieceIndex, bytes);
    this.#bytes += bytes.length;
    for (const oldest of this.#pieces.keys()) {
      if (this.#bytes <= MOST_KEPT) return;
      this.take(oldest);
    }
  }

  /** Gives a piece that is there, and keeps it no longer. */
  take(pieceIndex: number): Uint8Array<ArrayBuffer> | undefined {
    const bytes = this.#pieces.get(pieceIndex);
    this.#bytes -= bytes?.length ?? 0;
    this.#pieces.delete(pieceIndex);
    return bytes;
  }

  clear(): void {
    this.#pieces.clear();
    this.#bytes = 0;
  }
}
