/**
 * Taking and trusting the saved state of a torrent's files.
 *
 * @module
 */
import { Bitfield } from "../../_shared/bitfield.ts";
import type { FileInfo } from "../file_system.ts";
import type { TorrentFiles } from "../files/torrent_files.ts";
import type { StorageTorrent } from "../storage.ts";
import {
  decodeResumeData,
  encodeResumeData,
  type PartialPiece,
  ResumeDataError,
} from "./resume_data.ts";

/** What {@linkcode takeResumeData} describes. */
export interface ResumeState {
  /** The torrent. */
  readonly torrent: StorageTorrent;
  /** Its files. */
  readonly files: TorrentFiles;
  /** Verified pieces. */
  readonly have: Bitfield;
  /** 1 for every file that is wanted. */
  readonly wanted: Uint8Array;
  /** Blocks of other pieces that are in the files. */
  readonly partials: () => Iterable<readonly [number, Bitfield]>;
}

/** Describes the state of a torrent's files. */
export async function takeResumeData(
  state: ResumeState,
): Promise<Uint8Array<ArrayBuffer>> {
  const { torrent, files, wanted, partials } = state;
  // All of it before the first wait: later pieces belong to later times.
  const have = state.have.clone();
  let stored: PartialPiece[] = [];
  for (const [pieceIndex, blocks] of partials()) {
    stored.push({ pieceIndex, blocks });
  }
  stored.sort((a, b) => a.pieceIndex - b.pieceIndex);
  const { files: infos, strange } = await files.infos();
  // What was written is not in the files that are there now.
  for (const fileIndex of strange) {
    const { first, end } = torrent.layout.filePieces(fileIndex);
    for (let i = first; i < end; i++) have.clear(i);
    stored = stored.filter(({ pieceIndex }) =>
      pieceIndex < first || pieceIndex >= end
    );
  }
  return encodeResumeData({
    infoHash: torrent.infoHash,
    have,
    files: infos,
    partFile: await files.statPartFile(),
    wanted: Array.from(wanted, (value) => value === 1),
    partials: stored,
  }, torrent.layout);
}

/** What can be believed of resume data. */
export interface TrustedResume {
  /** Pieces that need no check. */
  readonly have: Bitfield;
  /** Pieces whose files are not as they were: to be checked. */
  readonly doubtful: readonly number[];
  /** Blocks that count as written. */
  readonly partials: readonly PartialPiece[];
  /** Whether a file has the size and time that it had. */
  readonly isSame: (fileIndex: number) => boolean;
  /** Files that have, but were touched since, as far as is known. */
  readonly touched: readonly number[];
  /** Whether there was something, and nothing is there any more. */
  readonly isGone: boolean;
}

/**
 * Compares resume data with the files. A piece is believed only if every file
 * that it touches has the size and time that it had. Returns what can be
 * believed; `undefined` when nothing can.
 */
export async function trustResumeData(
  bytes: Uint8Array,
  torrent: StorageTorrent,
  files: TorrentFiles,
): Promise<TrustedResume | undefined> {
  const { layout } = torrent;
  let data;
  try {
    data = decodeResumeData(bytes, torrent.infoHash, layout);
  } catch (error) {
    if (error instanceof ResumeDataError) return undefined;
    throw error;
  }
  const { files: infos } = await files.infos();
  const partFile = await files.statPartFile();
  const isPartSame = isSame(partFile, data.partFile);
  const have = new Bitfield(layout.pieceCount);
  const doubtful: number[] = [];
  const isBelieved = (pieceIndex: number): boolean => {
    const spans = layout.spans(pieceIndex, 0, layout.pieceSize(pieceIndex));
    const isInFiles = spans.every(({ pad, fileIndex, fileOffset, length }) =>
      pad || (infos[fileIndex]?.size ?? 0) >= fileOffset + length
    );
    const isInPart = files.apart.isInPartFile(pieceIndex);
    // What neither has may have been in the part file.
    const isLost = isInPart || isInFiles
      ? isInPart && !isPartSame
      : !isPartSame || data.have.has(pieceIndex);
    if (isLost) return false;
    return spans.every((span) =>
      span.pad || isSame(infos[span.fileIndex], data.files[span.fileIndex])
    );
  };
  for (let i = 0; i < layout.pieceCount; i++) {
    if (!isBelieved(i)) doubtful.push(i);
    else if (data.have.has(i)) have.set(i);
  }
  const partials = data.partials.filter((partial) =>
    isBelieved(partial.pieceIndex)
  );
  return {
    have,
    doubtful,
    partials,
    touched: [...infos.keys()].filter((i) =>
      isSame(infos[i], data.files[i]) && isTouched(infos[i], data.files[i])
    ),
    isSame: (fileIndex) => isSame(infos[fileIndex], data.files[fileIndex]),
    isGone: [partFile, ...infos].every((info) => info === undefined) &&
      [data.partFile, ...data.files].some((info) => info !== undefined),
  };
}

function isSame(a: FileInfo | undefined, b: FileInfo | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.size === b.size && Math.floor(a.modifiedMs) === b.modifiedMs;
}

/** Where the time of any change is not known it may have been touched. */
function isTouched(a: FileInfo | undefined, b: FileInfo | undefined): boolean {
  return a !== undefined &&
    (a.changedMs === undefined || Math.floor(a.changedMs) !== b?.changedMs);
}
