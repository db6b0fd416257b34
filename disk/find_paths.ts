/**
 * Finds the names that the files of a torrent have on disk.
 *
 * @module
 */
import { toHex } from "../_shared/bytes.ts";
import {
  type DiskNaming,
  diskPaths,
  type NamedTorrent,
  plainPaths,
} from "../metainfo/disk_paths.ts";
import { nextTurn } from "../metainfo/node.ts";
import { foldName } from "../metainfo/path_tree.ts";
import { attempt } from "./awaitable.ts";
import { DiskError } from "./error.ts";
import type { FileInfo, FilePath, FileSystem } from "./file_system.ts";

/** What {@linkcode findPaths} needs to know of a torrent. */
export interface FindPathsTorrent extends NamedTorrent {
  /** Its info-hash. */
  readonly infoHash: Uint8Array;
}

/** Options of {@linkcode findPaths}. */
export interface FindPathsOptions {
  /**
   * Whether nothing may be written. Otherwise a temporary file is created where
   * only that shows which names the disk treats as the same.
   *
   * @default {false}
   */
  readonly readOnly?: boolean | undefined;
}

/** All names are distinct. */
const EXACT: DiskNaming = { ignoresCase: false, ignoresForm: false };
/** Files that are looked at to learn about the disk. */
const MAX_WITNESSES = 16;

function samePath(a: FilePath, b: FilePath): boolean {
  return a.join("/") === b.join("/");
}

/**
 * Finds where the files of a torrent lie, or will: under the names as they
 * stand in the torrent where the disk has such files, else under safe names.
 * Two names are one only where the disk takes them for one.
 *
 * @param fileSystem Where the files are.
 * @param torrent Which files.
 * @param options Whether the disk may be tried out.
 * @returns One path a file, no two the same but for pad files, which are
 * nowhere.
 */
export async function findPaths(
  fileSystem: FileSystem,
  torrent: FindPathsTorrent,
  options: FindPathsOptions = {},
): Promise<string[][]> {
  const naming = await namingOf(fileSystem, torrent, options);
  const paths = diskPaths(torrent, naming);
  const plain = plainPaths(torrent);
  const taken = new Set<string>();
  const folders = new Set<string>();
  const keyOf = (path: FilePath) => foldName(path.join("/"), naming);
  const missing: number[] = [];
  for (let i = 0; i < paths.length; i++) {
    if (torrent.files[i]!.pad) continue;
    const candidate = plain[i];
    if (candidate !== undefined && !samePath(candidate, paths[i]!)) {
      const isFree = !taken.has(keyOf(candidate));
      if (isFree && await statOf(fileSystem, candidate) !== undefined) {
        paths[i] = [...candidate];
        folders.add(candidate.slice(0, -1).join("/"));
      } else missing.push(i);
      if (i % 256 === 255) await nextTurn();
    }
    taken.add(keyOf(paths[i]!));
  }
  // What is missing goes where its siblings are.
  for (const i of missing) {
    const folder = plain[i]!.slice(0, -1);
    const moved = [...folder, paths[i]!.at(-1)!];
    if (!folders.has(folder.join("/")) || taken.has(keyOf(moved))) continue;
    paths[i] = moved;
    taken.add(keyOf(moved));
  }
  return paths;
}

/** A file, or what else is there; `undefined` if nothing that could be it. */
async function statOf(
  fileSystem: FileSystem,
  path: FilePath,
): Promise<FileInfo | undefined> {
  try {
    return await fileSystem.stat(path);
  } catch (error) {
    if (error instanceof DiskError) return undefined;
    throw error;
  }
}

/** Two names that some disk takes for one. */
interface Witness {
  readonly path: FilePath;
  readonly twin: FilePath;
  /** The name of the second on such a disk. */
  readonly renamed: FilePath;
  /** What such a disk does not tell apart. */
  readonly ignores: readonly (keyof DiskNaming)[];
}

function witnessesOf(torrent: FindPathsTorrent): Witness[] {
  const careful = diskPaths(torrent);
  const exact = diskPaths(torrent, EXACT);
  const twins = new Map<string, FilePath>();
  const witnesses: Witness[] = [];
  for (let i = 0; i < exact.length; i++) {
    if (torrent.files[i]!.pad) continue;
    const path = exact[i]!;
    const text = path.join("/");
    const key = foldName(text);
    const twin = twins.get(key);
    if (twin === undefined) twins.set(key, path);
    else if (witnesses.length < MAX_WITNESSES) {
      const other = twin.join("/");
      const isFoldedBy = (naming: DiskNaming) =>
        foldName(text, naming) === foldName(other, naming);
      witnesses.push({
        path,
        twin,
        renamed: careful[i]!,
        ignores: isFoldedBy({ ignoresForm: false })
          ? ["ignoresCase"]
          : isFoldedBy({ ignoresCase: false })
          ? ["ignoresForm"]
          : ["ignoresCase", "ignoresForm"],
      });
    }
  }
  return witnesses;
}

/** Which names the disk takes for the same, if that matters here. */
async function namingOf(
  fileSystem: FileSystem,
  torrent: FindPathsTorrent,
  { readOnly = false }: FindPathsOptions,
): Promise<DiskNaming> {
  const { files, infoHash } = torrent;
  if (files.every((file) => file.sharedName === undefined)) return EXACT;
  const witnesses = witnessesOf(torrent);
  const naming: { -readonly [key in keyof DiskNaming]: DiskNaming[key] } = {};
  for (const { path, twin, renamed, ignores } of witnesses) {
    const one = await statOf(fileSystem, path);
    const other = await statOf(fileSystem, twin);
    // Where one of two is there they are not one.
    const isOne = one?.id !== undefined || other?.id !== undefined
      ? one?.id === other?.id
      : readOnly
      ? await statOf(fileSystem, renamed) !== undefined
      : undefined;
    if (isOne === undefined || (ignores.length > 1 && !isOne)) continue;
    for (const key of ignores) naming[key] ??= isOne;
  }
  const isOpen = (key: keyof DiskNaming) =>
    naming[key] === undefined &&
    witnesses.some(({ ignores }) => ignores.includes(key));
  const isTried = !readOnly && (isOpen("ignoresCase") || isOpen("ignoresForm"));
  const tried = isTried
    ? await tryNaming(fileSystem, toHex(infoHash.subarray(0, 8)))
    : EXACT;
  return { ...tried, ...naming };
}

/** Makes a file and looks for it under other names. */
async function tryNaming(
  fileSystem: FileSystem,
  tag: string,
): Promise<DiskNaming> {
  const name = `.bip-${tag}-\u00e9`;
  try {
    const handle = await fileSystem.open([name], { write: true });
    await handle.close();
    const has = async (other: string) =>
      await statOf(fileSystem, [other]) !== undefined;
    return {
      ignoresCase: await has(name.toUpperCase()),
      ignoresForm: await has(name.normalize("NFD")),
    };
  } catch (error) {
    if (error instanceof DiskError) return {};
    throw error;
  } finally {
    // It could not be made, or it stays: an empty file.
    await attempt(() => fileSystem.remove([name]), () => false);
  }
}
