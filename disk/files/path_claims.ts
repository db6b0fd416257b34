/**
 * Which torrent writes where, so that no two write to one file.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import type { FilePath, FileSystem } from "../file_system.ts";

/** Where paths are claimed. */
export type ClaimedPlace = Pick<FileSystem, "realPath">;

/** Who has the names of one folder. */
type Owners = Map<string, TorrentClaims>;

/** The paths of all torrents that share a budget, by folder and name. */
export class PathClaims {
  readonly #folders = new Map<string, Owners>();
  /** Numbers of file systems that know no real paths. */
  readonly #places = new WeakMap<ClaimedPlace, number>();
  #placeCount = 0;

  /** Names a folder by where it really is. */
  keyOf(place: ClaimedPlace, folder: FilePath): string {
    return place.realPath?.(folder) ??
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

/** Names by folder. */
type Held = Map<string, Set<string>>;

/** The paths of one torrent. */
export class TorrentClaims {
  readonly #infoHash: Uint8Array;
  readonly #all: PathClaims;
  #held: Held = new Map();
  /** The folder before: most files are where the last one was. */
  #last: { place: ClaimedPlace; path: string; key: string } | undefined;

  constructor(all: PathClaims, infoHash: Uint8Array) {
    this.#all = all;
    this.#infoHash = infoHash;
  }

  /** Tells who else has a path, without taking it. */
  ownerOf(place: ClaimedPlace, path: FilePath): string | undefined {
    return this.#othersName(this.#folderOf(place, path), path.at(-1)!);
  }

  /** The same of the path that a file really has. */
  ownerOfReal(place: ClaimedPlace, path: FilePath): string | undefined {
    return this.#atReal(place, path, (...at) => this.#othersName(...at));
  }

  /** Takes a path; gives the info-hash of who has it, as hex, if others do. */
  take(place: ClaimedPlace, path: FilePath): string | undefined {
    return this.#take(this.#folderOf(place, path), path.at(-1)!);
  }

  /** Takes the path that a file really has, links followed. */
  takeReal(place: ClaimedPlace, path: FilePath): string | undefined {
    return this.#atReal(place, path, (...at) => this.#take(...at));
  }

  /** Whether it has a path. */
  has(place: ClaimedPlace, path: FilePath): boolean {
    return this.#held.get(this.#folderOf(place, path))?.has(path.at(-1)!) ===
      true;
  }

  /** Gives a path back. */
  release(place: ClaimedPlace, path: FilePath): void {
    this.#release(this.#folderOf(place, path), path.at(-1)!);
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
      for (const name of names) {
        if (!kept.get(folder)?.has(name)) this.#release(folder, name);
      }
    }
    this.#held = kept;
  }

  #atReal(
    place: ClaimedPlace,
    path: FilePath,
    run: (folder: string, name: string) => string | undefined,
  ): string | undefined {
    const real = place.realPath?.(path);
    if (real === undefined) return undefined;
    const cut = real.lastIndexOf("/");
    return run(real.slice(0, Math.max(cut, 1)), real.slice(cut + 1));
  }

  #othersName(folder: string, name: string): string | undefined {
    const owner = this.#all.ownerOf(folder, name);
    return owner === undefined || owner === this
      ? undefined
      : toHex(owner.#infoHash);
  }

  #take(folder: string, name: string): string | undefined {
    const other = this.#othersName(folder, name);
    if (other !== undefined) return other;
    this.#all.set(folder, name, this);
    const names = this.#held.get(folder);
    if (names === undefined) this.#held.set(folder, new Set([name]));
    else names.add(name);
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
    const key = this.#all.keyOf(place, folder);
    this.#last = { place, path: text, key };
    return key;
  }
}
