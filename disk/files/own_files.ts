/**
 * Which files of a torrent it may write to.
 *
 * @module
 */
import { type Awaitable, chain } from "../awaitable.ts";
import { type DiskError, filesError, foreignFiles } from "../error.ts";
import type { FilePath } from "../file_system.ts";
import type { Turns } from "../turns.ts";
import type { HandleCache } from "./handle_cache.ts";
import type { TorrentClaims } from "./path_claims.ts";
import type { StoredFiles } from "./stored_files.ts";

/** Files beside a torrent's own that are called by it; no other has such. */
const HIDDEN = /^\.([0-9a-f]{40})\.bip-/i;

type IsFile = (fileIndex: number) => boolean;

/** The files that are a torrent's own, and those that another one has. */
export class OwnFiles {
  readonly #stored: StoredFiles;
  readonly #claims: TorrentClaims | undefined;
  /** Whether it has files at all, as something is to be done with them. */
  isUsed = false;
  /** Who has files, as hex, by index. */
  #others: Map<number, string> | undefined;
  /** Which files are its own where it only reads. */
  isReadersOwn: IsFile = () => true;
  /** Whether a verified piece is in a file. */
  isPart: IsFile = () => false;

  /** Without claims nobody else is known, and all are its own. */
  constructor(stored: StoredFiles, claims: TorrentClaims | undefined) {
    this.#stored = stored;
    this.#claims = claims;
  }

  /** Whether another torrent has a file. */
  isTaken(fileIndex: number): boolean {
    return this.#others?.has(fileIndex) === true;
  }

  /** Whether a file is its own: what was left out may be anybody's. */
  has(fileIndex: number): boolean {
    if (!this.isUsed) return this.isReadersOwn(fileIndex);
    return this.#claims?.has(this.#place, this.#stored.paths[fileIndex]!) ??
      true;
  }

  /** Takes files, unless other torrents have them. */
  claim(isWanted: IsFile = () => true): void {
    this.isUsed = true;
    this.#claims?.lookOnce(() => {
      for (const i of this.#stored.indices) if (isWanted(i)) this.#take(i);
    });
  }

  /** Takes a file that was left out, as it turns out to be the torrent's. */
  adopt(fileIndex: number): boolean {
    this.#take(fileIndex);
    return this.has(fileIndex);
  }

  /**
   * Takes what links lead to where it has the files; of those
   * left out it is only seen who has them.
   */
  async claimFound(
    which: readonly number[],
    isWanted: IsFile,
    turns: Turns,
  ): Promise<void> {
    if (!this.isUsed) return;
    for (const i of which) {
      if (this.#stored.size(i) < 0) {
        if (!isWanted(i)) this.#others?.delete(i);
        continue;
      }
      if (!isWanted(i) && !this.has(i)) this.#note(i, this.#seeOwner(i));
      else if (this.#stored.mayBeAlias(i) && !this.isTaken(i)) this.#take(i);
      const others = turns.take();
      if (others !== undefined) await others;
    }
  }

  /** Throws if other torrents have some of these files. */
  refuse(isOdd: IsFile): void {
    const { indices, places } = this.#stored;
    const odd = indices.filter((i) => this.isTaken(i) && isOdd(i));
    if (odd.length === 0) return;
    throw taken(this.#others!.get(odd[0]!)!, odd.map((i) => places.at(i)));
  }

  /**
   * Takes a file that is to be written. Throws where others have it, or what lies
   * there came from others.
   */
  need(fileIndex: number): Awaitable<void> {
    const path = this.#stored.places.at(fileIndex);
    const isOurs = this.has(fileIndex) || this.isPart(fileIndex);
    const seen = isOurs ? undefined : this.#stored.fileSystem.stat(path);
    return chain(seen, (info) => {
      const other = this.#seeOwner(fileIndex) ?? this.#others?.get(fileIndex);
      if (info === undefined) this.#take(fileIndex);
      else this.#note(fileIndex, other);
      this.refuse((i) => i === fileIndex);
      if (info === undefined) return;
      throw foreignFiles([path]);
    });
  }

  /** Whether who has a file has some of its own torrent in it. */
  isOwnersPart(fileIndex: number): boolean {
    const path = this.#stored.paths[fileIndex]!;
    return this.#claims?.isOwnersPart(this.#place, path) ?? true;
  }

  /** Takes a path of an incomplete file, unless another torrent has it. */
  mayHave(path: FilePath): boolean {
    return this.#ownerOf(path) === undefined;
  }

  /** Takes paths instead of all that it has, if all goes well. */
  async exchange(
    target: HandleCache,
    paths: readonly FilePath[],
    run: () => Promise<void>,
  ): Promise<void> {
    const take = () => this.#takeAll(paths, target.inner);
    await (this.#claims?.exchange(take, run) ?? run());
  }

  /** Takes paths instead of others that it has, if all goes well. */
  async replace(
    old: readonly FilePath[],
    paths: readonly FilePath[],
    run: () => Promise<void>,
  ): Promise<void> {
    const isOwn = old.some((path) => this.#claims?.has(this.#place, path));
    let given = paths;
    try {
      this.#takeAll(paths);
      await run();
      // Of a file that was left out, and is not there, it has none.
      if (isOwn) given = old;
    } finally {
      this.#release(given);
    }
  }

  /** Gives a file back that is not there and not wanted. */
  release(fileIndex: number): void {
    const { paths, places } = this.#stored;
    this.#release([paths[fileIndex]!, places.at(fileIndex)]);
  }

  /** Gives all back. */
  close(): void {
    this.#claims?.releaseAll();
  }

  get #place(): HandleCache["inner"] {
    return this.#stored.fileSystem.inner;
  }

  #release(paths: readonly FilePath[]): void {
    for (const path of paths) this.#claims?.release(this.#place, path);
  }

  #takeAll(paths: readonly FilePath[], place = this.#place): void {
    for (const path of paths) {
      const other = this.#ownerOf(path, place);
      if (other !== undefined) throw taken(other, [path]);
    }
  }

  /** Takes a file by its path, and by what it really is. */
  #take(fileIndex: number): void {
    const { paths, places } = this.#stored;
    const other = this.#ownerOf(paths[fileIndex]!, this.#place, fileIndex) ??
      (this.#stored.mayBeAlias(fileIndex)
        ? this.#claims
          ?.takeReal(this.#place, places.at(fileIndex), fileIndex)
        : undefined);
    this.#note(fileIndex, other);
  }

  #seeOwner(fileIndex: number): string | undefined {
    const { paths, places } = this.#stored;
    return this.#claims?.ownerOf(this.#place, paths[fileIndex]!) ??
      (this.#stored.mayBeAlias(fileIndex)
        ? this.#claims?.ownerOfReal(this.#place, places.at(fileIndex))
        : undefined);
  }

  #note(fileIndex: number, other: string | undefined): void {
    if (other === undefined) this.#others?.delete(fileIndex);
    else (this.#others ??= new Map()).set(fileIndex, other);
  }

  /** Takes a path; gives the torrent that has it, if that is another. */
  #ownerOf(
    path: FilePath,
    place = this.#place,
    fileIndex?: number,
  ): string | undefined {
    return this.isUsed && this.#claims
      ? (HIDDEN.exec(path.at(-1)!)?.[1]?.toLowerCase() ??
        this.#claims.take(place, path, fileIndex))
      : undefined;
  }
}

function taken(infoHash: string, paths: readonly FilePath[]): DiskError {
  return filesError(
    "taken",
    "write",
    paths,
    `it is a file of torrent ${infoHash} as well`,
    (count) =>
      count === 1 ? ", and so is 1 more" : `, and so are ${count} more`,
  );
}
