/**
 * Which torrent writes where, so that no two write to one file.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import { foldName } from "../../metainfo/path_tree.ts";
import type { FilePath, FileSystem } from "../file_system.ts";

/** Where paths are claimed. */
export type ClaimedPlace = Pick<FileSystem, "realPath" | "foldsNames">;

/** Who has the names of one folder. */
type Owners = Map<string, TorrentClaims>;

/** The paths of all torrents that share a budget, by folder and name. */
export class PathClaims {
  readonly #folders = new Map<string, Owners>();
  /** Numbers of file systems that know no real paths. */
  readonly #places = new WeakMap<ClaimedPlace, number>();
  #placeCount = 0;

  /** Names a folder by where it really is. */
  keyOf(
    place: ClaimedPlace,
    folder: FilePath,
    missing?: Set<string>,
  ): string {
    return place.realPath?.(folder, missing) ??
      `${this.#numberOf(place)}:${folder.join("/")}`;
  }

  /** Tells who has a name. */
  ownerOf(folder: string, name: string): TorrentClaims | undefined {
    return this.#folders.get(folder)?.get(name);
  }

  /** Notes who has a name; `undefined` for nobody. */
  set(folder: string, name: string, owner: TorrentClaims | undefined): void {
    const owners = this.#folders.get(folder);
    if (owner === undefined) {
      owners?.delete(name);
      if (owners?.size === 0) this.#folders.delete(folder);
    } else if (owners === undefined) {
      this.#folders.set(folder, new Map([[name, owner]]));
    } else owners.set(name, owner);
  }

  #numberOf(place: ClaimedPlace): number {
    let number = this.#places.get(place);
    if (number === undefined) {
      this.#places.set(place, number = this.#placeCount++);
    }
    return number;
  }
}

/** Names by folder, each with the file that it is of; -1 where that is not known. */
type Held = Map<string, Map<string, number>>;

/** The paths of one torrent. */
export class TorrentClaims {
  readonly #infoHash: Uint8Array;
  readonly #all: PathClaims;
  #held: Held = new Map();
  /** The folder before: most files are where the last one was. */
  #last: { place: ClaimedPlace; path: string; key: string } | undefined;
  /** What was found out in one look at all files. */
  #seen: { keys: Map<string, string>; missing: Set<string> } | undefined;
  /** Whether some of the torrent is in a file, once that is known. */
  isPart: (fileIndex: number) => boolean = () => true;

  constructor(all: PathClaims, infoHash: Uint8Array) {
    this.#all = all;
    this.#infoHash = infoHash;
  }

  /** Looks at no folder of a place twice while `run` takes paths there. */
  lookOnce(run: () => void): void {
    this.#seen = { keys: new Map(), missing: new Set() };
    try {
      run();
    } finally {
      this.#seen = undefined;
    }
  }

  /** Tells who else has a path, without taking it. */
  ownerOf(place: ClaimedPlace, path: FilePath): string | undefined {
    return this.#at(place, path, (...at) => this.#othersName(...at));
  }

  /** The same of the path that a file really has. */
  ownerOfReal(place: ClaimedPlace, path: FilePath): string | undefined {
    return this.#atReal(place, path, (...at) => this.#othersName(...at));
  }

  /**
   * Takes a path, for a file; gives the info-hash of who has it, as hex, if
   * others do.
   */
  take(
    place: ClaimedPlace,
    path: FilePath,
    fileIndex = -1,
  ): string | undefined {
    return this.#at(place, path, (...at) => this.#take(...at, fileIndex));
  }

  /** Takes the path that a file really has, links followed. */
  takeReal(
    place: ClaimedPlace,
    path: FilePath,
    fileIndex = -1,
  ): string | undefined {
    return this.#atReal(place, path, (...at) => this.#take(...at, fileIndex));
  }

  /** Whether it has a path. */
  has(place: ClaimedPlace, path: FilePath): boolean {
    return this.#at(
      place,
      path,
      (folder, name) => this.#held.get(folder)?.has(name) === true,
    );
  }

  /** Whether who has a path has some of its torrent there. */
  isOwnersPart(place: ClaimedPlace, path: FilePath): boolean {
    const isPart = (folder: string, name: string) => {
      const owner = this.#all.ownerOf(folder, name);
      return owner?.isPart(owner.#held.get(folder)?.get(name) ?? -1);
    };
    return this.#at(place, path, isPart) ??
      this.#atReal(place, path, isPart) ?? true;
  }

  /** Gives a path back. */
  release(place: ClaimedPlace, path: FilePath): void {
    this.#at(place, path, (...at) => this.#release(...at));
  }

  /** Gives all paths back. */
  releaseAll(): void {
    this.#keepOnly(new Map());
  }

  /**
   * Takes other paths, and gives back those that it had once `run` is done; if that
   * fails, it has what it had.
   */
  async exchange(take: () => void, run: () => Promise<void>): Promise<void> {
    const before = this.#held;
    this.#held = new Map();
    try {
      take();
      await run();
    } catch (error) {
      this.#keepOnly(before);
      throw error;
    }
    const now = this.#held;
    this.#held = before;
    this.#keepOnly(now);
  }

  /** Gives back what it has beside these, which it has then. */
  #keepOnly(kept: Held): void {
    for (const [folder, names] of this.#held) {
      for (const name of names.keys()) {
        if (!kept.get(folder)?.has(name)) this.#release(folder, name);
      }
    }
    this.#held = kept;
  }

  #at<T>(
    place: ClaimedPlace,
    path: FilePath,
    run: (folder: string, name: string) => T,
  ): T {
    const name = path.at(-1)!;
    return run(
      this.#folderOf(place, path),
      place.foldsNames ? foldName(name) : name,
    );
  }

  #atReal<T>(
    place: ClaimedPlace,
    path: FilePath,
    run: (folder: string, name: string) => T,
  ): T | undefined {
    let real = place.realPath?.(path);
    if (real === undefined) return undefined;
    if (place.foldsNames) real = foldName(real);
    const cut = real.lastIndexOf("/");
    return run(real.slice(0, Math.max(cut, 1)), real.slice(cut + 1));
  }

  #othersName(folder: string, name: string): string | undefined {
    const owner = this.#all.ownerOf(folder, name);
    return owner === undefined || owner === this
      ? undefined
      : toHex(owner.#infoHash);
  }

  #take(folder: string, name: string, fileIndex: number): string | undefined {
    const other = this.#othersName(folder, name);
    if (other !== undefined) return other;
    this.#all.set(folder, name, this);
    const names = this.#held.get(folder);
    if (names === undefined) {
      this.#held.set(folder, new Map([[name, fileIndex]]));
    } else if (fileIndex >= 0 || !names.has(name)) names.set(name, fileIndex);
    return undefined;
  }

  #release(folder: string, name: string): void {
    if (!this.#held.get(folder)?.delete(name)) return;
    this.#all.set(folder, name, undefined);
  }

  #folderOf(place: ClaimedPlace, path: FilePath): string {
    const folder = path.slice(0, -1);
    const text = folder.join("/");
    const last = this.#last;
    if (last?.place === place && last.path === text) return last.key;
    const seen = this.#seen;
    let key = seen?.keys.get(text);
    if (key === undefined) {
      key = this.#all.keyOf(place, folder, seen?.missing);
      if (place.foldsNames) key = foldName(key);
      seen?.keys.set(text, key);
    }
    this.#last = { place, path: text, key };
    return key;
  }
}
