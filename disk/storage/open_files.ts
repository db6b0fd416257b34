/**
 * Opens a torrent in files.
 *
 * @module
 */
import { systemRandom } from "../../_shared/random.ts";
import { oddFiles } from "../check/check.ts";
import { allGone, type DiskError, foreignFiles } from "../error.ts";
import type { TorrentFiles } from "../files/torrent_files.ts";
import { type TrustedResume, trustResumeData } from "../resume/resume_state.ts";
import type { DiskAddOptions, StorageTorrent } from "../storage.ts";
import { padPieces } from "./check_torrent.ts";
import { checkSample } from "./lost_pieces.ts";
import type { ManagedStorage } from "./torrent_storage.ts";

/** Of the many whose files are as they were. */
const NONE: ReadonlySet<number> = new Set();

/** Looks at the files, finds out which pieces are there, and settles them. */
export async function openFiles(
  files: TorrentFiles,
  torrent: StorageTorrent,
  options: DiskAddOptions,
  isWanted: (fileIndex: number) => boolean,
  make: () => ManagedStorage,
): Promise<ManagedStorage> {
  const { existing = "verify", readOnly = false, signal } = options;
  // What is only read is served as far as it is good.
  const unreadable = readOnly ? new Map<number, DiskError>() : undefined;
  files.stored.unreadable = unreadable;
  if (!readOnly) files.stored.own.claim(isWanted);
  await files.load(
    isWanted,
    existing === "trust" ||
      existing === "assume-empty" && options.allocation !== "compact" &&
        !files.stored.places.hasSuffix,
  );
  const { layout } = torrent;
  // What another torrent has is read only: it must be whole, and the other's own.
  // Before anything of it is there, the first to write has it.
  const refuse = (isOdd: (fileIndex: number) => boolean) =>
    files.stored.own.refuse((i) =>
      isWanted(i) && files.stored.size(i) >= 0 && isOdd(i)
    );
  if (existing === "verify" || existing === "resume") {
    const { places } = files.stored;
    refuse((i) =>
      places.suffixed.has(i) ||
      files.stored.size(i) !== layout.files[i]!.length
    );
  }
  const storage = make();
  const { have } = storage;
  files.isGood = (pieceIndex) => have.has(pieceIndex);
  const { hold, onProgress } = options;
  const check = (pieces?: readonly number[]) =>
    storage.check({ hold, onProgress, signal }, pieces);
  let resume: TrustedResume | undefined;
  let damaged = NONE;
  if (existing === "resume" && options.resume !== undefined) {
    resume = await trustResumeData(options.resume, torrent, files);
    if (resume?.isGone && options.expectFiles) throw allGone(torrent.paths[0]!);
  } else if (existing === "assume-empty" && options.resume !== undefined) {
    // Nothing is good, but what is deleted may be known by it.
    const known = await trustResumeData(options.resume, torrent, files);
    files.stored.own.isReadersOwn = (i) =>
      isWanted(i) || known?.isSame(i) === true;
  }
  if (resume !== undefined) {
    for (const i of resume.have) have.set(i);
    if (resume.doubtful.length > 0) await check(resume.doubtful);
    const random = systemRandom;
    damaged = await checkSample(resume.touched, {
      layout,
      have,
      random,
      check,
    });
  } else if (existing === "trust") have.setAll();
  else if (existing === "assume-empty") {
    // Pieces of nothing but padding are never downloaded.
    await check(padPieces(torrent));
  } else await check();
  files.stored.unreadable = undefined;
  const strange = files.sortOut(resume?.isSame);
  if (strange.length > 0) await check(strange);
  refuse((i) => {
    if (!files.stored.own.isOwnersPart(i)) return true;
    const { first, end } = layout.filePieces(i);
    for (let k = first; k < end; k++) if (!have.has(k)) return true;
    return false;
  });
  if (unreadable !== undefined) {
    const [error] = unreadable.values();
    if (error !== undefined && have.isEmpty) throw error;
    if (error !== undefined) {
      storage.tell({
        type: "unreadable",
        files: [...unreadable.keys()],
        error,
      });
    }
  }
  if (existing === "verify" || existing === "resume") {
    const { foreign: odd, surplus } = oddFiles(files);
    const { hasSuffix, suffixed } = files.stored.places;
    // With resume data it is ours, unless it came in the place of one of ours.
    const foreign = odd.filter((i) =>
      resume === undefined || hasSuffix && !suffixed.has(i) && !resume.isSame(i)
    );
    if (foreign.length > 0 && !options.overwrite && !readOnly) {
      throw foreignFiles(foreign.map((i) => files.stored.places.at(i)));
    }
    // Nothing will be written to those that are to be empty.
    const empty = foreign.filter((i) => layout.files[i]!.length === 0);
    const longer = [...surplus, ...options.overwrite ? empty : []]
      .filter(isWanted);
    if (longer.length > 0) storage.tell({ type: "surplus", files: longer });
    if (!readOnly) { for (const i of longer) await files.stored.cut(i); }
  }
  if (!readOnly) {
    await files.settle(isWanted);
    await files.finish();
  }
  for (const { pieceIndex, blocks } of resume?.partials ?? []) {
    const size = layout.pieceSize(pieceIndex);
    const isDoubtful = layout.spans(pieceIndex, 0, size)
      .some(({ fileIndex }) => damaged.has(fileIndex));
    if (isDoubtful) continue;
    storage.adopt(pieceIndex, blocks);
  }
  if (!readOnly) await storage.reserve(options);
  files.shareParts();
  return storage;
}
