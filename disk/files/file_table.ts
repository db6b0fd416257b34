/**
 * What is known of a torrent's files without looking again.
 *
 * @module
 */
import { foldName } from "../../metainfo/path_tree.ts";
import type { FileInfo, FilePath, FileSystem } from "../file_system.ts";
import type { Turns } from "../turns.ts";

const MISSING = -1;
const WRITTEN = -2;
const UNSEEN = -3;

/** A folder with so many of the files is listed: looking for each costs more. */
const LISTED_FILES = 8;

/** Size, time and number of every file as they were last seen. */
export class FileTable {
  readonly #sizes: Float64Array;
  /** When it was modified: last seen, or left by our own last write. */
  readonly #times: Float64Array;
  /** The same of any change; 0 where it is not known. */
  readonly #changes: Float64Array;
  /** Kept while the rest is not known; 0 for none. */
  readonly #ids: Float64Array;
  /** Files that somebody else wrote to since they were last forgotten. */
  #foreign: Set<number> | undefined;

  constructor(count: number) {
    this.#sizes = new Float64Array(count).fill(UNSEEN);
    this.#times = new Float64Array(count);
    this.#changes = new Float64Array(count);
    this.#ids = new Float64Array(count);
  }

  /** Whether a file was seen since it was last written. */
  isKnown(fileIndex: number): boolean {
    return this.#sizes[fileIndex]! >= MISSING;
  }

  /** The size of a file; negative when there is none, or not known. */
  size(fileIndex: number): number {
    return this.#sizes[fileIndex]!;
  }

  /** What a file was seen as; `undefined` when there is none. */
  info(fileIndex: number): FileInfo | undefined {
    const size = this.#sizes[fileIndex]!;
    if (size < 0) return undefined;
    return {
      size,
      modifiedMs: this.#times[fileIndex]!,
      changedMs: this.#changes[fileIndex]! || undefined,
      id: this.#ids[fileIndex]! || undefined,
    };
  }

  /** Takes what was seen. */
  set(fileIndex: number, info: FileInfo | undefined): void {
    this.compare(fileIndex, info);
    this.#sizes[fileIndex] = info?.size ?? MISSING;
    this.#ids[fileIndex] = info?.id ?? 0;
    this.stamp(fileIndex, info);
  }

  /** Whatever the file is next, it is not held against anybody. */
  forget(fileIndex: number): void {
    this.stamp(fileIndex, undefined);
    this.#foreign?.delete(fileIndex);
  }

  /** A file is written to: only its number stays known. */
  touch(fileIndex: number, id?: number): void {
    this.#sizes[fileIndex] = WRITTEN;
    this.stamp(fileIndex, undefined);
    if (id !== undefined && this.#ids[fileIndex] === 0) {
      this.#ids[fileIndex] = id;
    }
  }

  /** Takes the times that our own last change left, if they are known. */
  stamp(fileIndex: number, info: FileInfo | undefined): void {
    this.#times[fileIndex] = info?.modifiedMs ?? 0;
    this.#changes[fileIndex] = info?.changedMs ?? 0;
  }

  /** Compares a file with what was last seen of it, or what we left. */
  compare(fileIndex: number, info: FileInfo | undefined): void {
    const time = this.#times[fileIndex]!;
    const change = this.#changes[fileIndex]!;
    if (info === undefined || time === 0 || info.modifiedMs === 0) return;
    const { modifiedMs, changedMs = 0 } = info;
    if (
      modifiedMs !== time ||
      change !== 0 && changedMs !== 0 && changedMs !== change
    ) (this.#foreign ??= new Set()).add(fileIndex);
  }

  /** Whether somebody else wrote to a file, which we know by now. */
  isForeign(fileIndex: number): boolean {
    return this.#foreign?.has(fileIndex) === true;
  }

  /** Whether a file is gone, or another than the one we know. */
  isOther(fileIndex: number, info: FileInfo | undefined): boolean {
    const size = this.#sizes[fileIndex]!;
    if (info === undefined) return size >= 0 || size === WRITTEN;
    const id = this.#ids[fileIndex]!;
    return id !== 0 && info.id !== undefined && id !== info.id;
  }
}

/** Looks at files; in folders that can be listed only at those there. */
export async function lookAtFiles(
  fileSystem: FileSystem,
  paths: readonly FilePath[],
  which: readonly number[],
  turns: Turns,
  found: (fileIndex: number, info: FileInfo | undefined) => void,
  failed: (fileIndex: number, error: unknown) => void,
): Promise<void> {
  const folders = new Folders(fileSystem, paths, which);
  for (const fileIndex of which) {
    const path = paths[fileIndex]!;
    let info: FileInfo | undefined;
    try {
      if (await folders.mayHave(path)) {
        const seen = fileSystem.stat(path);
        info = seen instanceof Promise ? await seen : seen;
      }
    } catch (error) {
      failed(fileIndex, error);
    }
    found(fileIndex, info);
    const others = turns.take(1);
    if (others !== undefined) await others;
  }
}

/** Names in folders, folded; `undefined` for no folder, `null` if not known. */
type Names = ReadonlySet<string> | null | undefined;

/** Tells files that cannot be there by the names in their folders. */
class Folders {
  readonly #fileSystem: FileSystem;
  readonly #counts = new Map<string, number>();
  readonly #names = new Map<string, Names>();

  constructor(
    fileSystem: FileSystem,
    paths: readonly FilePath[],
    which: readonly number[],
  ) {
    this.#fileSystem = fileSystem;
    if (fileSystem.listFolder === undefined || which.length < LISTED_FILES) {
      return;
    }
    for (const fileIndex of which) {
      const path = paths[fileIndex]!;
      let folder = "";
      for (const name of path.slice(0, -1)) {
        folder += `${name}/`;
        this.#counts.set(folder, (this.#counts.get(folder) ?? 0) + 1);
      }
    }
  }

  async mayHave(path: FilePath): Promise<boolean> {
    if (this.#counts.size === 0) return true;
    let key = "";
    let names: Names = null;
    for (let depth = 0; depth < path.length; depth++) {
      const name = path[depth]!;
      if (names !== null && !names.has(foldName(name))) return false;
      if (depth === path.length - 1) return true;
      key += `${name}/`;
      if (!this.#names.has(key)) {
        this.#names.set(key, await this.#list(path.slice(0, depth + 1), key));
      }
      names = this.#names.get(key);
      if (names === undefined) return false;
    }
    return true;
  }

  async #list(folder: FilePath, key: string): Promise<Names> {
    if (this.#counts.get(key)! < LISTED_FILES) return null;
    const names = await this.#fileSystem.listFolder!(folder);
    return names && new Set(names.map((name) => foldName(name)));
  }
}
