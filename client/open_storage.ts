/**
 * Finds out what of a torrent is on disk.
 *
 * @module
 */
import type {
  CheckProgress,
  TorrentStorage,
  TorrentStorageEvent,
} from "../disk/mod.ts";
import { type RenamedFile, renamedFiles } from "../metainfo/disk_paths.ts";
import { type Metainfo, pieceRoot } from "../metainfo/metainfo.ts";
import type { SessionContext } from "./session_context.ts";
import type { AddTorrentOptions } from "./types.ts";

/** Options of {@linkcode openStorage}. */
export interface OpenStorageOptions {
  /** What the torrents of the session share. */
  readonly context: SessionContext;
  /** The torrent. */
  readonly metainfo: Metainfo;
  /** What the person asked for. */
  readonly torrent: AddTorrentOptions;
  /** Is told how far the check of the files is. */
  readonly onProgress: (progress: CheckProgress) => void;
  /** Stops the opening. */
  readonly signal: AbortSignal;
}

/** What {@linkcode openStorage} found. */
export interface OpenedStorage {
  /** Where the pieces are. */
  readonly storage: TorrentStorage;
  /** Files that lie under other names than the torrent says. */
  readonly renamed: readonly RenamedFile[];
}

/**
 * Opens the files of a torrent and checks them as far as that is needed.
 *
 * @param options See {@linkcode OpenStorageOptions}.
 * @param onEvent Takes events, from the first on.
 * @returns The storage.
 * @throws {DiskError} If the files cannot be used. The reason of the signal if
 * it was aborted.
 */
export async function openStorage(
  options: OpenStorageOptions,
  onEvent: (event: TorrentStorageEvent) => void,
): Promise<OpenedStorage> {
  const { metainfo, context, torrent, onProgress, signal } = options;
  const chosen = torrent.files ?? torrent.chooseFiles?.(metainfo);
  const disk = context.disk(torrent.fileSystem ?? torrent.dir ?? ".");
  const readOnly = isReadOnly(torrent);
  const paths = await disk.findPaths(metainfo, { readOnly });
  signal.throwIfAborted();
  const storage = await disk.add({
    infoHash: metainfo.infoHash,
    layout: metainfo.layout,
    paths,
    pieces: metainfo.pieces,
    pieceRoot: (pieceIndex) => pieceRoot(metainfo, pieceIndex),
  }, {
    existing: torrent.seedMode
      ? "trust"
      : torrent.resumeData === undefined
      ? "verify"
      : "resume",
    resume: torrent.resumeData,
    skippedFiles: skippedOf(metainfo, chosen && new Set(chosen)),
    readOnly,
    overwrite: torrent.overwrite,
    onProgress,
    onEvent,
    signal,
  });
  return { storage, renamed: renamedFiles(metainfo, paths) };
}

/**
 * Whether nothing of a torrent is ever written.
 *
 * @param torrent What the person asked for.
 * @returns Whether it is only seeded.
 */
export function isReadOnly(torrent: AddTorrentOptions): boolean {
  return torrent.readOnly ?? torrent.seedMode ?? false;
}

function skippedOf(
  metainfo: Metainfo,
  chosen: ReadonlySet<number> | undefined,
): Set<number> | undefined {
  if (chosen === undefined) return undefined;
  const skipped = new Set<number>();
  metainfo.files.forEach((file, i) => {
    if (!file.pad && !chosen.has(i)) skipped.add(i);
  });
  return skipped;
}
