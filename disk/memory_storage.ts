/**
 * Pieces in memory.
 *
 * @module
 */
import { toHex } from "../_shared/bytes.ts";
import type { PieceStorage, PieceStore } from "./piece_store.ts";
import type { StorageTorrent } from "./storage.ts";

/**
 * Keeps pieces in memory as long as it lives: for tests, and the shortest
 * pattern of a {@linkcode PieceStorage}.
 */
export class MemoryStorage implements PieceStorage {
  readonly #torrents = new Map<string, Map<number, Uint8Array<ArrayBuffer>>>();

  /**
   * Opens the pieces of one torrent.
   *
   * @param torrent What is stored.
   * @returns Its store.
   */
  open({ infoHash, layout }: StorageTorrent): PieceStore {
    const key = toHex(infoHash);
    const pieces = this.#torrents.get(key) ?? new Map();
    this.#torrents.set(key, pieces);
    return {
      find: () => ({ good: pieces.keys() }),
      writePiece(pieceIndex, runs) {
        const piece = new Uint8Array(layout.pieceSize(pieceIndex));
        for (const { offset, bytes } of runs) piece.set(bytes, offset);
        pieces.set(pieceIndex, piece);
      },
      readRange(pieceIndex, offset, into) {
        const piece = pieces.get(pieceIndex);
        if (piece === undefined) return false;
        into.set(piece.subarray(offset, offset + into.length));
        return true;
      },
      remove: () => pieces.clear(),
    };
  }
}
