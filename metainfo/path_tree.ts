/**
 * The folder tree of a torrent: which names are taken, where links lead.
 *
 * @module
 */

import type { DiskNaming } from "./disk_paths.ts";
import { insertInName } from "./safe_path.ts";

/** One key for the names that a file system holds for the same. */
export function foldName(name: string, naming: DiskNaming = {}): string {
  const { ignoresCase = true, ignoresForm = true } = naming;
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(name)) {
    return ignoresCase ? name.toLowerCase() : name;
  }
  const text = ignoresForm ? name.normalize("NFD") : name;
  const folded = ignoresCase ? text.toUpperCase().toLowerCase() : text;
  return ignoresForm ? folded.normalize("NFC") : folded;
}

/** Most links that are followed from one to the next, as on Linux. */
const MAX_LINK_HOPS = 40;
/** Most path components looked up for all the links of a torrent. */
const MAX_LINK_STEPS = 4_000_000;

/**
 * The folder tree of a torrent: finds names that would collide, and follows
 * symbolic links (BEP 47) without looking at any disk.
 *
 * Used in three passes: `addParents` for all files, `addFile` for all files
 * (and `addLink` for links), then `resolve` for the targets of the links.
 */
export class PathTree {
  readonly #fold: (name: string) => string;
  /** Folded `parent/name` to the number of the folder. */
  readonly #directories = new Map<string, number>();
  readonly #files = new Set<string>();
  readonly #links = new Map<string, readonly string[]>();
  /** The number to try next for a name that is taken. */
  readonly #next = new Map<string, number>();
  #steps = MAX_LINK_STEPS;

  /** Makes an empty tree. */
  constructor(fold: (name: string) => string = (name) => foldName(name)) {
    this.#fold = fold;
  }

  #parentOf(path: readonly string[]): number {
    let parent = 0;
    for (let i = 0; i < path.length - 1; i++) {
      const key = `${parent}/${this.#fold(path[i]!)}`;
      let next = this.#directories.get(key);
      if (next === undefined) {
        next = this.#directories.size + 1;
        this.#directories.set(key, next);
      }
      parent = next;
    }
    return parent;
  }

  /**
   * Notes the folders above a file. All of them come before any file, so that a
   * file gives way to a folder of the same name.
   */
  addParents(path: readonly string[]): void {
    this.#parentOf(path);
  }

  /**
   * Takes a path for a file, with a number before the extension if it is taken:
   * `a.txt`, `a.1.txt`, `a.2.txt`.
   */
  addFile(path: readonly string[]): readonly string[] {
    const parent = this.#parentOf(path);
    const name = path[path.length - 1]!;
    const wanted = `${parent}/${this.#fold(name)}`;
    let key = wanted;
    let free = name;
    while (this.#files.has(key) || this.#directories.has(key)) {
      const number = this.#next.get(wanted) ?? 1;
      this.#next.set(wanted, number + 1);
      free = insertInName(name, `.${number}`);
      key = `${parent}/${this.#fold(free)}`;
    }
    this.#files.add(key);
    return free === name ? path : [...path.slice(0, -1), free];
  }

  /** Makes a file a symbolic link. */
  addLink(path: readonly string[], target: readonly string[]): void {
    const name = this.#fold(path[path.length - 1]!);
    this.#links.set(`${this.#parentOf(path)}/${name}`, target);
  }

  /**
   * Follows links inside the torrent. Returns the file or folder it leads to,
   * with no link left on the way; or `undefined` when it leads nowhere, in
   * circles, or through too many links.
   */
  resolve(target: readonly string[]): readonly string[] | undefined {
    let path = target;
    for (let hops = 0; hops <= MAX_LINK_HOPS; hops++) {
      let parent = 0;
      let followed: readonly string[] | undefined;
      for (let i = 0; i < path.length; i++) {
        if (this.#steps-- <= 0) return undefined;
        const key = `${parent}/${this.#fold(path[i]!)}`;
        const link = this.#links.get(key);
        if (link !== undefined) {
          followed = [...link, ...path.slice(i + 1)];
          break;
        }
        const directory = this.#directories.get(key);
        if (i === path.length - 1) {
          return directory !== undefined || this.#files.has(key)
            ? path
            : undefined;
        }
        if (directory === undefined) return undefined;
        parent = directory;
      }
      if (followed === undefined || followed.length > 1000) return undefined;
      path = followed;
    }
    return undefined;
  }
}
