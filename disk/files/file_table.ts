/**
 * What is known of a torrent's files without looking again.
 *
 * @module
 */
import { foldName } from "../../metainfo/path_tree.ts";
import type { FileInfo, FilePath, FileSystem } from "../file_system.ts";
import type { Turns } from "../turns.ts";

/** The size of what is not there. */
export const MISSING = -1;
const WRITTEN = -2;
const UNSEEN = -3;

const SIZE = 0;
/** When it was modified: last seen, or left by our own last write. */
const TIME = 1;
/** The same of any change; 0 where it is not known. */
const CHANGE = 2;
/** Number of the file, kept while the rest is not known; 0 for none. */
const ID = 3;
const FACTS = 4;

/** A folder with so many of the files is listed: looking for each costs more. */
const LISTED_FILES = 8;

/** Size, time and number of every file as they were last seen. */
export class FileTable {
  /** Four numbers of each file, all in one array: torrents are many. */
  readonly #facts: Float64Array;
  /** Files that somebody else wrote to since they were last forgotten. */
  #foreign: Set<number> | undefined;
  /** Files that may really have other paths. */
  #aliases: Set<number> | undefined;

  constructor(count: number) {
    this.#facts = new Float64Array(FACTS * count);
    for (let i = 0; i < count; i++) this.#put(i, SIZE, UNSEEN);
  }

  /** Whether a file was seen since it was last written. */
  isKnown(fileIndex: number): boolean {
    return this.#get(fileIndex, SIZE) >= MISSING;
  }

  /** The size of a file; negative when there is none, or not known. */
  size(fileIndex: number): number {
    return this.#get(fileIndex, SIZE);
  }

  /** What a file was seen as; `undefined` when there is none. */
  info(fileIndex: number): FileInfo | undefined {
    const size = this.#get(fileIndex, SIZE);
    if (size < 0) return undefined;
    return {
      size,
      modifiedMs: this.#get(fileIndex, TIME),
      changedMs: this.#get(fileIndex, CHANGE) || undefined,
      id: this.#get(fileIndex, ID) || undefined,
    };
  }

  /** Takes what was seen. */
  set(fileIndex: number, info: FileInfo | undefined): void {
    this.compare(fileIndex, info);
    this.#put(fileIndex, SIZE, info?.size ?? MISSING);
    this.#put(fileIndex, ID, info?.id ?? 0);
    if (info?.mayBeAlias) (this.#aliases ??= new Set()).add(fileIndex);
    else this.#aliases?.delete(fileIndex);
    this.stamp(fileIndex, info);
  }

  /** Whatever the file is next, it is not held against anybody. */
  forget(fileIndex: number): void {
    this.stamp(fileIndex, undefined);
    this.#foreign?.delete(fileIndex);
  }

  /** A file is written to: only its number stays known. */
  touch(fileIndex: number, id?: number): void {
    this.#put(fileIndex, SIZE, WRITTEN);
    this.stamp(fileIndex, undefined);
    if (id !== undefined && this.#get(fileIndex, ID) === 0) {
      this.#put(fileIndex, ID, id);
    }
  }

  /** Takes the times that our own last change left, if they are known. */
  stamp(fileIndex: number, info: FileInfo | undefined): void {
    this.#put(fileIndex, TIME, info?.modifiedMs ?? 0);
    this.#put(fileIndex, CHANGE, info?.changedMs ?? 0);
  }

  /** Compares a file with what was last seen of it, or what we left. */
  compare(fileIndex: number, info: FileInfo | undefined): void {
    const time = this.#get(fileIndex, TIME);
    const change = this.#get(fileIndex, CHANGE);
    if (info === undefined || time === 0 || info.modifiedMs === 0) return;
    const { modifiedMs, changedMs = 0 } = info;
    if (
      modifiedMs !== time ||
      change !== 0 && changedMs !== 0 && changedMs !== change
    ) (this.#foreign ??= new Set()).add(fileIndex);
  }

  /** Whether a file may really have another path, as it was last seen. */
  mayBeAlias(fileIndex: number): boolean {
    return this.#aliases?.has(fileIndex) === true;
  }

  /** Whether somebody else wrote to a file, which we know by now. */
  isForeign(fileIndex: number): boolean {
    return this.#foreign?.has(fileIndex) === true;
  }

  /** Whether a file is gone, or another than the one we know. */
  isOther(fileIndex: number, info: FileInfo | undefined): boolean {
    const size = this.#get(fileIndex, SIZE);
    if (info === undefined) return size >= 0 || size === WRITTEN;
    const id = this.#get(fileIndex, ID);
    return id !== 0 && info.id !== undefined && id !== info.id;
  }

  #get(fileIndex: number, fact: number): number {
    return this.#facts[FACTS * fileIndex + fact]!;
  }

  #put(fileIndex: number, fact: number, value: number): void {
    this.#facts[FACTS * fileIndex + fact] = value;
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
