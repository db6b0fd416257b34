/**
 * Finds the files of a torrent among others, whatever their names and folders
 * are: by size, then by the hashes of pieces.
 *
 * @module
 */
import { filePath, type Metainfo, pieceRoot } from "../../metainfo/metainfo.ts";
import { plural, safeText } from "../text.ts";
import { ioError } from "../io_error.ts";
import { joinPath, nameOf } from "../paths.ts";

/** Folders in folders that are looked into. */
const MAX_DEPTH = 64;
/** Files of one size that are tried for a file of the torrent. */
const MAX_CANDIDATES = 64;
/** Pieces within a file that are hashed to know it. */
const SAMPLES = 4;

/** Options of {@linkcode findFiles}. */
export interface FindFilesOptions {
  /** Indices of the files that are looked for. @default {all} */
  readonly only?: readonly number[] | undefined;
  /** Ends the search with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks for the files of a torrent below folders. Links are not followed, nothing
 * is written. A file is known by up to four pieces that lie within it, a smaller
 * one by the pieces that it has with its neighbours, if these were found.
 *
 * @param metainfo The torrent.
 * @param folders Where to look.
 * @param options See {@linkcode FindFilesOptions}.
 * @returns Paths by file index; empty files and padding are in no need of one.
 * @throws {CommandError} If a folder cannot be read (exit code 6).
 */
export async function findFiles(
  metainfo: Metainfo,
  folders: readonly string[],
  { only, signal }: FindFilesOptions = {},
): Promise<Map<number, string>> {
  const { files, layout } = metainfo;
  const open = new Set(
    (only ?? files.keys()).filter((i) =>
      !files[i]!.pad && files[i]!.length > 0
    ),
  );
  const bySize = new Map<number, string[]>();
  for (const i of open) bySize.set(files[i]!.length, []);
  for (const folder of folders) await gather(folder, bySize, signal);
  const candidates = new Map<number, readonly string[]>();
  for (const i of open) {
    const name = filePath(metainfo, i).at(-1);
    const paths = bySize.get(files[i]!.length)!;
    // Most files have kept their names.
    const named = paths.filter((path) => nameOf(path) === name);
    const list = [...new Set([...named, ...paths.slice(0, MAX_CANDIDATES)])];
    candidates.set(i, list.slice(0, MAX_CANDIDATES));
    if (list.length === 0) open.delete(i);
  }
  const found = new Map<number, string>();
  const rounds = Math.max(
    0,
    ...[...open].map((i) => candidates.get(i)!.length),
  );
  // Twice: small files are known once their neighbours are.
  for (let round = 0; round < 2 * rounds && open.size > 0; round++) {
    const at = round % rounds;
    const tried = [...open].filter((i) => at < candidates.get(i)!.length);
    const good = await goodPieces(metainfo, tried, (i) => {
      return found.get(i) ?? candidates.get(i)?.[at] ?? "";
    }, signal);
    for (const i of tried) {
      if (!samplesOf(layout, i).every((piece) => good.has(piece))) continue;
      found.set(i, candidates.get(i)![at]!);
      open.delete(i);
    }
  }
  return found;
}

/** Says how much was found. */
export function foundNote(
  count: number,
  { files }: Metainfo,
  folders: readonly string[],
): string {
  const all = files.filter(({ pad, length }) => !pad && length > 0).length;
  return `Found ${count} of ${plural(all, "file")} below ${
    safeText(folders.join(", "))
  }`;
}

/** Which of the sample pieces of files are good, as the files are taken to lie. */
async function goodPieces(
  metainfo: Metainfo,
  tried: readonly number[],
  pathOf: (fileIndex: number) => string,
  signal: AbortSignal | undefined,
): Promise<Set<number>> {
  const { layout, pieces, files } = metainfo;
  const good = new Set<number>();
  const { verifyPieces } = await import("../../metainfo/verify.ts");
  await verifyPieces({
    layout,
    filePaths: files.map((_, i) => pathOf(i)),
    expected: { pieces, pieceRoot: (i) => pieceRoot(metainfo, i) },
    pieces: new Set(tried.flatMap((i) => samplesOf(layout, i))),
    onPiece: (piece, isGood) => void (isGood && good.add(piece)),
    signal,
  });
  return good;
}

/** Pieces by which a file is known: within it, or else all that it has. */
function samplesOf(layout: Metainfo["layout"], fileIndex: number): number[] {
  const { first, end } = layout.filePieces(fileIndex);
  const { offset, length } = layout.files[fileIndex]!;
  const inner = offset % layout.pieceLength === 0 ? first : first + 1;
  const last = Math.floor((offset + length) / layout.pieceLength);
  const from = inner < last ? inner : first;
  const count = (inner < last ? last : end) - from;
  if (count <= SAMPLES) {
    return Array.from({ length: count }, (_, i) => from + i);
  }
  return Array.from(
    { length: SAMPLES },
    (_, i) => from + Math.floor(i * (count - 1) / (SAMPLES - 1)),
  );
}

/** Sorts the files below a folder by size, as far as the size is asked for. */
async function gather(
  root: string,
  bySize: ReadonlyMap<number, string[]>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const open: [folder: string, depth: number][] = [[root, 0]];
  for (let entry; (entry = open.pop()) !== undefined;) {
    const [folder, depth] = entry;
    const below: string[] = [];
    try {
      for await (const { name, isFile, isDirectory } of Deno.readDir(folder)) {
        signal?.throwIfAborted();
        const path = joinPath(folder, [name]);
        if (isDirectory && depth < MAX_DEPTH) below.push(path);
        else if (isFile) await note(path, bySize);
      }
    } catch (error) {
      signal?.throwIfAborted();
      // Others may have folders there that are not for us.
      if (depth === 0) throw ioError(error, "look for files in", folder);
    }
    below.sort().reverse();
    for (const path of below) open.push([path, depth + 1]);
  }
}

async function note(
  path: string,
  bySize: ReadonlyMap<number, string[]>,
): Promise<void> {
  try {
    bySize.get((await Deno.lstat(path)).size)?.push(path);
  } catch {
    // It has gone meanwhile.
  }
}
