/**
 * Opens a torrent in a store of pieces.
 *
 * @module
 */
import { DiskError } from "../error.ts";
import type { PieceStorage } from "../piece_store.ts";
import type { DiskAddOptions, StorageTorrent } from "../storage.ts";
import { padPieces } from "./check_torrent.ts";
import { StoreBacking } from "./store_backing.ts";
import type { ManagedStorage } from "./torrent_storage.ts";

/** Opens it and finds out which pieces are there. */
export async function openStore(
  from: PieceStorage,
  torrent: StorageTorrent,
  options: DiskAddOptions,
  wanted: Uint8Array,
  memory: number,
  make: (backing: StoreBacking) => ManagedStorage,
): Promise<ManagedStorage> {
  const { existing = "verify", readOnly = false, signal } = options;
  const { hold, onProgress, overwrite } = options;
  const { pieceLength, pieceCount } = torrent.layout;
  const isPiece = (i: number) =>
    Number.isInteger(i) && i >= 0 && i < pieceCount;
  const store = await from.open(torrent, { readOnly, overwrite, signal });
  if (store.writeRange === undefined && !readOnly && 2 * pieceLength > memory) {
    await store.close?.();
    throw new DiskError(
      "unsupported",
      `Pieces of ${pieceLength} bytes need a maxBufferedBytes of twice that`,
      { operation: "add torrent" },
    );
  }
  const runPieces = from.runPieces?.(torrent.layout);
  const backing = new StoreBacking(
    torrent,
    store,
    wanted,
    readOnly,
    runPieces,
  );
  const storage = make(backing);
  try {
    const { good, doubtful = [] } = await store.find(signal);
    const { have } = storage;
    for (const i of [...padPieces(torrent), ...good]) {
      if (isPiece(i)) have.set(i);
    }
    if (existing === "trust") have.setAll();
    const pieces = existing === "trust" || existing === "assume-empty"
      ? []
      : [...doubtful].filter((i) => isPiece(i) && !have.has(i));
    await storage.check({ hold, onProgress, signal }, pieces);
    await backing.confirm();
    return storage;
  } catch (error) {
    await storage.close().catch(() => {});
    throw error;
  }
}
