/**
 * Where the files of a torrent are, complete or not.
 *
 * @module
 */
import { encodeText } from "../../_shared/bytes.ts";
import { foldName } from "../../metainfo/path_tree.ts";
import type { FilePath } from "../file_system.ts";

/** Most bytes of one name, as most file systems have it. */
export const MAX_NAME_BYTES = 255;

/** Paths of files; those that are incomplete may have a suffix. */
export class FilePlaces {
  readonly #suffix: string;
  readonly #isFree: (path: FilePath) => boolean;
  #paths: readonly FilePath[];
  /** Files that are at their path with the suffix. */
  #suffixed = new Set<number>();
  /** Folded names of files and folders, which no suffix may lead to. */
  #taken: Set<string> | undefined;

  /** `suffix`: empty for none; `isFree`: whether no other torrent has a path. */
  constructor(
    paths: readonly FilePath[],
    suffix: string,
    isFree: (path: FilePath) => boolean = () => true,
  ) {
    this.#paths = paths;
    this.#suffix = suffix;
    this.#isFree = isFree;
  }

  /** Where they are once they are complete. */
  get paths(): readonly FilePath[] {
    return this.#paths;
  }

  /** Whether there is a suffix. */
  get hasSuffix(): boolean {
    return this.#suffix !== "";
  }

  /** Files that are under their name with the suffix. */
  get suffixed(): ReadonlySet<number> {
    return this.#suffixed;
  }

  /** Where they are. */
  get all(): readonly FilePath[] {
    if (this.#suffixed.size === 0) return this.#paths;
    return this.#paths.map((_, i) => this.at(i));
  }

  /** Where a file is. */
  at(fileIndex: number): FilePath {
    const path = this.#paths[fileIndex]!;
    return this.#suffixed.has(fileIndex) ? this.#withSuffix(path) : path;
  }

  /** Takes a file to be under its name, or that with the suffix if it can be. */
  set(fileIndex: number, isSuffixed: boolean): void {
    if (isSuffixed && this.#canBe(this.#paths[fileIndex]!)) {
      this.#suffixed.add(fileIndex);
    } else this.#suffixed.delete(fileIndex);
  }

  /** Where a file would be under another path. */
  renamed(fileIndex: number, path: FilePath): FilePath {
    return this.#suffixed.has(fileIndex) ? this.#withSuffix(path) : path;
  }

  /** Takes files to be elsewhere. */
  move(paths: readonly FilePath[]): void {
    this.#paths = paths;
    this.#taken = undefined;
  }

  /** A suffix makes no name too long, and none that another file has. */
  #canBe(path: FilePath): boolean {
    const suffixed = this.#withSuffix(path);
    if (this.#taken === undefined) {
      this.#taken = new Set();
      for (const path of this.#paths) {
        for (let end = path.length; end > 0; end--) {
          const key = keyOf(path.slice(0, end));
          if (this.#taken.has(key)) break;
          this.#taken.add(key);
        }
      }
    }
    return !this.#taken.has(keyOf(suffixed)) &&
      encodeText(suffixed.at(-1)!).length <= MAX_NAME_BYTES &&
      this.#isFree(suffixed);
  }

  #withSuffix(path: FilePath): FilePath {
    return path.with(-1, path.at(-1)! + this.#suffix);
  }
}

function keyOf(path: FilePath): string {
  return foldName(path.join("/"));
}
