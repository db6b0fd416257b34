/**
 * Finds out what of a torrent is on disk.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import type { CheckOptions } from "../../disk/check_options.ts";
import type { FileSystem } from "../../disk/file_system.ts";
import type { PieceStorage } from "../../disk/piece_store.ts";
import type {
  DiskAddOptions,
  TorrentStorage,
  TorrentStorageEvent,
} from "../../disk/storage.ts";
import { type RenamedFile, renamedFiles } from "../../metainfo/disk_paths.ts";
import { type Metainfo, pieceRoot } from "../../metainfo/metainfo.ts";
import { SessionError } from "../error.ts";
import type { TorrentHost } from "./torrent_host.ts";
import { checkIndex } from "./wishes.ts";
import type { AddTorrentOptions, SessionOptions } from "../types.ts";

/** Where torrents are stored: a folder, or what a user brings. */
export type Place = string | FileSystem | PieceStorage;

/** Where a torrent is stored. */
export function placeOf(
  { storage, fileSystem, dir }: AddTorrentOptions,
  session: Pick<SessionOptions, "storage">,
): Place {
  return storage ?? fileSystem ?? dir ?? session.storage ?? ".";
}

/** How what is on disk is checked. */
export interface SetupOptions
  extends CheckOptions, Pick<DiskAddOptions, "existing" | "onReserve"> {
  /** Stops the opening. */
  readonly signal: AbortSignal;
}

/** Opens the storage of a torrent and checks what is there; throws `bad-metadata`. */
export async function openStorage(
  { context, options }: Pick<TorrentHost, "context" | "options">,
  metainfo: Metainfo,
  check: SetupOptions,
  onEvent: (event: TorrentStorageEvent) => void,
): Promise<{ storage: TorrentStorage; renamed: readonly RenamedFile[] }> {
  if (needsPieceLayers(metainfo)) {
    throw new SessionError(
      "bad-metadata",
      "Cannot download: the piece layers of this v2 torrent are not known",
    );
  }
  const disk = context.disk(placeOf(options, context.options));
  const readOnly = isReadOnly(options);
  const found = await disk.findPaths(metainfo, { readOnly });
  const paths = [...found];
  for (const [i, path] of options.renamedFiles ?? []) {
    if (i < paths.length) paths[i] = [...path];
  }
  check.signal.throwIfAborted();
  const storage = await disk.add({
    infoHash: metainfo.infoHash,
    layout: metainfo.layout,
    paths,
    pieces: metainfo.pieces,
    pieceRoot: (pieceIndex) => pieceRoot(metainfo, pieceIndex),
  }, {
    existing: options.seedMode
      ? "trust"
      : options.resumeData === undefined
      ? "verify"
      : "resume",
    resume: options.resumeData,
    skippedFiles: skippedFiles(metainfo, options),
    readOnly,
    overwrite: options.overwrite,
    expectFiles: options.expectFiles ?? context.options.expectFiles,
    allocation: options.allocation ?? context.options.allocation,
    incompleteSuffix: options.incompleteSuffix ??
      context.options.incompleteSuffix,
    ...check,
    onEvent,
  });
  return { storage, renamed: renamedFiles(metainfo, paths) };
}

/** Whether nothing is ever written. */
export function isReadOnly(torrent: AddTorrentOptions): boolean {
  return torrent.readOnly ?? torrent.seedMode ?? false;
}

/** The files that are not to be made, if any. */
function skippedFiles(
  metainfo: Metainfo,
  torrent: AddTorrentOptions,
): Set<number> | undefined {
  const { filePriorities } = torrent;
  const chosen = torrent.files ?? torrent.chooseFiles?.(metainfo);
  if (chosen === undefined && filePriorities === undefined) return undefined;
  for (const i of chosen ?? []) checkIndex("file", i, metainfo.files.length);
  const wanted = chosen && new Set(chosen);
  const skipped = new Set<number>();
  metainfo.files.forEach((file, i) => {
    if (file.pad) return;
    if (wanted?.has(i) === false || filePriorities?.[i] === 0) skipped.add(i);
  });
  return skipped;
}

/** Whether a torrent cannot be checked without the piece layers it lacks. */
export function needsPieceLayers(metainfo: Metainfo): boolean {
  return metainfo.pieces === undefined && !hasPieceLayers(metainfo);
}

/**
 * Whether every file longer than a piece has its piece layer (BEP 52), where it
 * is to have one.
 */
export function hasPieceLayers(metainfo: Metainfo): boolean {
  const { pieceLayers, pieceLength, files } = metainfo;
  return files.every(({ length, piecesRoot }) =>
    length <= pieceLength || piecesRoot === undefined ||
    pieceLayers?.has(toHex(piecesRoot))
  );
}
