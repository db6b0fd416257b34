/**
 * Files as a store of pieces.
 *
 * @module
 */
import { systemClock } from "../_shared/clock.ts";
import type { FileSystem } from "./file_system.ts";
import { HandleCache } from "./files/handle_cache.ts";
import { TorrentFiles } from "./files/torrent_files.ts";
import type { PieceStorage, PieceStore } from "./piece_store.ts";
import type { StorageTorrent } from "./storage.ts";

/**
 * Keeps pieces in the files that they belong to. A `DiskManager` with a
 * `fileSystem` does that too, and can do more with files: move, rename, leave
 * out, resume. This is the plain port, to put other storages beside or around it.
 *
 * @example
 * ```ts
 * import { DiskManager, FileStorage, MemoryFileSystem } from "@bip/bip/disk";
 *
 * await using storage = new FileStorage(new MemoryFileSystem());
 * await using disk = new DiskManager({ storage });
 * ```
 */
export class FileStorage implements PieceStorage, AsyncDisposable {
  readonly #files: HandleCache;

  /**
   * Touches nothing yet.
   *
   * @param fileSystem Where the files are; closed by `close`.
   */
  constructor(fileSystem: FileSystem) {
    this.#files = new HandleCache(fileSystem);
  }

  /**
   * Opens the files of one torrent.
   *
   * @param torrent Its layout and paths.
   * @returns Its store; what it finds is doubtful.
   */
  open(torrent: StorageTorrent): PieceStore {
    const { layout } = torrent;
    const files = new TorrentFiles(
      this.#files,
      [],
      torrent,
      { allocation: "sparse", clock: systemClock },
    );
    const isThere = (pieceIndex: number) =>
      layout.spans(pieceIndex, 0, layout.pieceSize(pieceIndex)).every((span) =>
        span.pad ||
        files.stored.size(span.fileIndex) >= span.fileOffset + span.length
      );
    return {
      async find() {
        await files.load(() => true, false);
        const doubtful: number[] = [];
        for (let i = 0; i < layout.pieceCount; i++) {
          if (layout.payloadSize(i) > 0 && isThere(i)) doubtful.push(i);
        }
        return { good: [], doubtful };
      },
      writePiece: (pieceIndex, runs) => files.writePiece(pieceIndex, runs),
      writeRange: (pieceIndex, offset, bytes) =>
        files.writeRange(pieceIndex, offset, bytes),
      readRange: (pieceIndex, offset, into) =>
        files.readRange(pieceIndex, offset, into),
      finish: (fileIndex) => files.settle((i) => i === fileIndex),
      async remove() {
        const [failure] = await files.remove();
        if (failure !== undefined) throw failure;
      },
    };
  }

  /** Closes the files. */
  async close(): Promise<void> {
    await this.#files.close();
  }

  /** Closes the files. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
