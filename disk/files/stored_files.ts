/**
 * The files of one torrent, one by one.
 *
 * @module
 */
import { encodeText } from "../../_shared/bytes.ts";
import type { PieceLayout } from "../../metainfo/piece_layout.ts";
import { attempt, type Awaitable, chain } from "../awaitable.ts";
import {
  alreadyThere,
  DiskError,
  type DiskErrorCode,
  foreignFiles,
} from "../error.ts";
import {
  checkFilePath,
  type FileHandle,
  type FileInfo,
  type FilePath,
  syncFile,
  useHandle,
} from "../file_system.ts";
import type { FileAllocation } from "../storage.ts";
import type { Turns } from "../turns.ts";
import { type FilePlaces, MAX_NAME_BYTES } from "./file_places.ts";
import { FileTable, lookAtFiles, MISSING } from "./file_table.ts";
import type { HandleCache } from "./handle_cache.ts";
import { removeEmptyFolders } from "./move_files.ts";
import { LinkedFiles } from "./linked_files.ts";
import { OwnFiles } from "./own_files.ts";
import type { TorrentClaims } from "./path_claims.ts";

/** What another try soon after would fail with, too. */
const LASTING: ReadonlySet<DiskErrorCode> = new Set([
  "permission",
  "not-a-file",
  "symlink",
  "io",
]);

/** Reads and writes the files of a torrent, and knows what they were like. */
export class StoredFiles {
  readonly #layout: PieceLayout;
  readonly #allocation: FileAllocation;
  readonly #turns: Turns;
  /** What is known of them; only once something is. */
  #seen: FileTable | undefined;
  #fileSystem: HandleCache;
  /** Where they are. */
  readonly places: FilePlaces;
  /** Which it may write to. */
  readonly own: OwnFiles;
  /** Files that have their length. */
  #prepared: Set<number> | undefined;
  /** Whether handles tell at once what was left of a write. */
  #watches = true;
  #linked: LinkedFiles | undefined;
  /** Files that were written and not synced since. */
  #written: Set<number> | undefined;

  /**
   * While it is set, files that cannot be read count as missing and are noted
   * here, the reason by index.
   */
  unreadable: Map<number, DiskError> | undefined;

  constructor(
    fileSystem: HandleCache,
    places: FilePlaces,
    layout: PieceLayout,
    allocation: FileAllocation,
    turns: Turns,
    claims?: TorrentClaims,
  ) {
    this.#fileSystem = fileSystem;
    this.places = places;
    this.#layout = layout;
    this.#allocation = allocation;
    this.#turns = turns;
    this.own = new OwnFiles(this, claims);
  }

  get #table(): FileTable {
    return this.#seen ??= new FileTable(this.paths.length);
  }

  /** Where they are once they are complete. */
  get paths(): readonly FilePath[] {
    return this.places.paths;
  }

  /** What they are in. */
  get fileSystem(): HandleCache {
    return this.#fileSystem;
  }

  /** Indices of the files that are stored: all but padding. */
  get indices(): number[] {
    const which: number[] = [];
    for (let i = 0; i < this.paths.length; i++) {
      if (!this.#layout.files[i]!.pad) which.push(i);
    }
    return which;
  }

  /** Where a file is to be under another path, now and when it is complete. */
  placesOf(fileIndex: number, path: FilePath): FilePath[] {
    const place = this.places.renamed(fileIndex, path);
    return isSame(place, path) ? [path] : [path, place];
  }

  /** Takes them to be at other paths, after they were moved. */
  async relocate(
    fileSystem: HandleCache,
    paths: readonly FilePath[],
  ): Promise<void> {
    this.#fileSystem = fileSystem;
    this.places.move(paths);
    const which = this.indices.filter((i) => !this.isMissing(i));
    for (const i of which) this.#table.stamp(i, undefined);
    await this.#lookAnew(which);
  }

  /** Looks at files anew, by their paths. */
  async lookAgain(which: readonly number[] = this.indices): Promise<void> {
    for (const i of which) this.#table.forget(i);
    if (this.places.hasSuffix) await this.#findPlaces(which);
    await this.#lookAnew(which);
  }

  /**
   * What is where it was stays; what has its own name is taken; else a file begins
   * with the suffix.
   */
  async #findPlaces(which: readonly number[]): Promise<void> {
    for (const isSuffixed of [false, true]) {
      const missing: number[] = [];
      await this.#look(which, (i, info) => {
        if (info === undefined) missing.push(i);
      });
      for (const i of missing) {
        this.places.set(i, isSuffixed && this.#layout.files[i]!.length > 0);
      }
      which = missing;
    }
  }

  /** What has a file's name is not the torrent's, which is not there yet. */
  pass(fileIndex: number): void {
    this.#forget(fileIndex);
    this.places.set(fileIndex, true);
    this.#table.set(fileIndex, undefined);
  }

  async #lookAnew(which: readonly number[]): Promise<void> {
    for (const i of which) this.#forget(i);
    await this.#look(which, (i, info) => this.#table.set(i, info));
  }

  /** Looks at a file anew: its size, negative when there is none. */
  async look(fileIndex: number): Promise<number> {
    this.#forget(fileIndex);
    const info = await this.#fileSystem.stat(this.places.at(fileIndex));
    this.#table.set(fileIndex, info);
    return this.size(fileIndex);
  }

  /** The size when it was last looked at; negative for none. */
  size(fileIndex: number): number {
    return this.#table.size(fileIndex);
  }

  /** Whether it was seen that a file is not there: what comes there is another's. */
  isMissing(fileIndex: number): boolean {
    return this.size(fileIndex) === MISSING;
  }

  /** Whether a file may really have another path, as it was last seen. */
  mayBeAlias(fileIndex: number): boolean {
    return this.#seen?.mayBeAlias(fileIndex) === true;
  }

  /**
   * What the files are now. Those that were not written since they were last
   * looked at are not looked at again.
   */
  async infos(): Promise<
    { files: (FileInfo | undefined)[]; strange: number[] }
  > {
    const strange: number[] = [];
    const files: (FileInfo | undefined)[] = this.paths.map((_, i) =>
      this.#table.info(i)
    );
    const stale = this.indices.filter((i) => !this.#table.isKnown(i));
    await this.#look(stale, (i, info) => {
      files[i] = info;
      if (this.#table.isOther(i, info)) strange.push(i);
      else if (!this.#table.isKnown(i)) this.#table.set(i, info);
    });
    // No file has that time: such ones will be checked.
    for (const [i, info] of files.entries()) {
      if (info !== undefined && this.#table.isForeign(i)) {
        files[i] = { ...info, modifiedMs: 0 };
      }
    }
    return { files, strange };
  }

  /**
   * Looks at every file by its path and finds those that are gone, were
   * replaced, were written to by somebody else or have not the length they
   * should have. Returns their indices; they are looked for anew when they are
   * used next.
   */
  async changed(
    isWhole: (fileIndex: number) => boolean | undefined,
  ): Promise<number[]> {
    const changed: number[] = [];
    const infos = new Map<number, FileInfo | undefined>();
    await this.#look(this.indices, (i, seen) => {
      const info = this.isMissing(i) && seen?.size !== 0 ? undefined : seen;
      const whole = isWhole(i);
      this.#table.compare(i, info);
      const isRight = whole === undefined ||
        !this.#table.isOther(i, info) && !this.#table.isForeign(i) &&
          (!whole || info?.size === this.#layout.files[i]!.length);
      if (!isRight) changed.push(i);
      if (!isRight || !this.#table.isKnown(i)) infos.set(i, info);
    });
    for (const i of changed) {
      this.#forget(i);
      this.#table.forget(i);
    }
    for (const [i, info] of infos) this.#table.set(i, info);
    return changed;
  }

  /** Cuts a file that is longer than it should be. */
  async cut(fileIndex: number): Promise<void> {
    await this.write(fileIndex, 0, new Uint8Array(0));
    await this.infos();
  }

  /** Local paths of the files, if the file system has them. */
  localPaths(): string[] | undefined {
    const paths: string[] = [];
    for (let i = 0; i < this.paths.length; i++) {
      const path = this.#layout.files[i]!.pad || this.#table.size(i) < 0
        ? ""
        : this.#fileSystem.localPath?.(this.places.at(i));
      if (path === undefined) return undefined;
      paths.push(path);
    }
    return paths;
  }

  /** Reads bytes of a file; false when it is missing or short. */
  read(
    fileIndex: number,
    offset: number,
    into: Uint8Array,
  ): Awaitable<boolean> {
    return attempt(
      () =>
        useHandle(
          this.#fileSystem.open(this.places.at(fileIndex)),
          (handle) =>
            chain(handle.read(into, offset), (n) => n === into.length),
        ),
      (error) => {
        if (error instanceof DiskError && error.code === "not-found") {
          return false;
        }
        this.#note(fileIndex, error);
        return false;
      },
    );
  }

  /**
   * Writes bytes of a file; at first it gets its length, unless it is to grow
   * only.
   */
  write(
    fileIndex: number,
    offset: number,
    from: Uint8Array,
    isGrowing = this.#allocation === "compact",
  ): Awaitable<void> {
    if (this.own.isTaken(fileIndex)) {
      return chain(
        this.own.need(fileIndex),
        () => this.write(fileIndex, offset, from, isGrowing),
      );
    }
    (this.#written ??= new Set()).add(fileIndex);
    const isFirst = this.#prepared?.has(fileIndex) !== true;
    const isNew = isFirst && this.isMissing(fileIndex);
    const write = (): Awaitable<void> =>
      useHandle(
        this.#fileSystem.open(this.places.at(fileIndex), {
          write: true,
          isNew,
        }),
        (handle) =>
          isFirst
            ? chain(
              this.#prepare(fileIndex, handle, from.length, isGrowing),
              () => this.#transfer(fileIndex, handle, from, offset),
            )
            : this.#transfer(fileIndex, handle, from, offset),
      );
    if (!isFirst || isNew || this.#fileSystem.own === undefined) return write();
    const { length } = this.#layout.files[fileIndex]!;
    this.#linked ??= new LinkedFiles(this);
    return this.#linked.write(fileIndex, offset, from, length, write);
  }

  /** Parts a file from those that it is linked with. */
  async part(fileIndex: number): Promise<void> {
    const path = this.places.at(fileIndex);
    await this.#fileSystem.own!(path);
    this.#table.forget(fileIndex);
    this.#table.set(fileIndex, await this.#fileSystem.stat(path));
  }

  /** Gives a file another path. */
  async rename(fileIndex: number, path: FilePath): Promise<void> {
    const operation = "rename file";
    checkFilePath(path, operation);
    if (path.some((name) => encodeText(name).length > MAX_NAME_BYTES)) {
      throw new DiskError("unsafe-path", "A name is too long", {
        operation,
        path,
      });
    }
    const old = this.places.at(fileIndex);
    const target = this.places.renamed(fileIndex, path);
    if (this.#layout.files[fileIndex]!.pad || isSame(old, target)) return;
    const others = [...this.paths, ...this.places.all];
    if (others.some((other) => isSame(other, path) || isSame(other, target))) {
      throw alreadyThere(operation, path, "Another file of the torrent has it");
    }
    // What comes to have its name would stop it later.
    if (await this.#fileSystem.stat(path) !== undefined) {
      throw alreadyThere(operation, path);
    }
    this.own.refuse((i) => i === fileIndex);
    const before = this.placesOf(fileIndex, this.paths[fileIndex]!);
    const after = this.placesOf(fileIndex, path);
    await this.own.replace(
      before,
      after,
      () =>
        this.#put(fileIndex, target, () => {
          this.places.move(this.paths.with(fileIndex, path));
        }),
    );
    await removeEmptyFolders(this.#fileSystem, [old]);
  }

  /** Gives a complete file its own name; what has that already stays. */
  async finish(fileIndex: number): Promise<void> {
    await this.#put(
      fileIndex,
      this.paths[fileIndex]!,
      () => this.places.set(fileIndex, false),
    );
  }

  /** Puts a file at a place where nothing is, and then notes it. */
  async #put(
    fileIndex: number,
    target: FilePath,
    note: () => void,
  ): Promise<void> {
    const old = this.places.at(fileIndex);
    const info = this.own.has(fileIndex) && !this.isMissing(fileIndex)
      ? await this.#fileSystem.stat(old)
      : undefined;
    this.#table.compare(fileIndex, info);
    if (info !== undefined) await this.#fileSystem.rename(old, target);
    else if (await this.#fileSystem.stat(target) !== undefined) {
      throw alreadyThere("rename file", target);
    }
    note();
    if (info === undefined) return;
    // It is there, even if it cannot be looked at now.
    const seen = attempt(() => this.#fileSystem.stat(target), () => undefined);
    this.#table.stamp(fileIndex, await seen);
  }

  /** Waits for the device; who failed is tried again next time. */
  async sync(): Promise<DiskError[]> {
    const failures: DiskError[] = [];
    for (const fileIndex of [...this.#written ?? []]) {
      const path = this.places.at(fileIndex);
      this.#written?.delete(fileIndex);
      const failure = await syncFile(this.#fileSystem, path);
      if (failure === undefined) continue;
      this.#written?.add(fileIndex);
      failures.push(failure);
    }
    return failures;
  }

  #transfer(
    fileIndex: number,
    handle: FileHandle,
    from: Uint8Array,
    offset: number,
  ): Awaitable<void> {
    const look = () => {
      const seen = this.#watches ? handle.stat?.() : undefined;
      if (!(seen instanceof Promise)) return seen;
      // What comes too late to be compared may fail, too.
      seen.catch(() => {});
      return undefined;
    };
    this.#table.compare(fileIndex, look());
    this.#table.touch(fileIndex);
    if (from.length > 0) {
      const written = handle.write(from, offset);
      if (written instanceof Promise) {
        // It may have been looked at meanwhile.
        return written.then(() => this.#table.touch(fileIndex));
      }
    }
    this.#table.stamp(fileIndex, look());
  }

  /** Gives a file its length: cuts one that is too long. */
  #prepare(
    fileIndex: number,
    handle: FileHandle,
    coming: number,
    isGrowing: boolean,
  ): Awaitable<void> {
    const { length } = this.#layout.files[fileIndex]!;
    const stat = handle.stat?.bind(handle);
    const seen = stat?.() ??
      chain(handle.size(), (size): FileInfo => ({ size, modifiedMs: 0 }));
    this.#watches = !(seen instanceof Promise);
    return chain(seen, (info): Awaitable<void> => {
      const { size, id } = info;
      // Somebody else has made it since: nobody knows whether it may be changed.
      if (size > 0 && this.isMissing(fileIndex)) {
        this.#forget(fileIndex);
        throw foreignFiles([this.places.at(fileIndex)]);
      }
      this.#table.compare(fileIndex, info);
      this.#table.touch(fileIndex, id);
      // What is written whole has its length by that.
      const isRight = size === length ||
        size < length && (isGrowing || coming === length);
      return chain(isRight ? undefined : handle.truncate(length), () => {
        if (isGrowing && this.#allocation !== "compact") return;
        (this.#prepared ??= new Set()).add(fileIndex);
      });
    });
  }

  #look(
    which: readonly number[],
    found: (fileIndex: number, info: FileInfo | undefined) => void,
  ): Promise<void> {
    return lookAtFiles(
      this.#fileSystem,
      this.places.all,
      which,
      this.#turns,
      found,
      (fileIndex, error) => this.#note(fileIndex, error),
    );
  }

  /** Notes a file that cannot be read; throws where that is not to be noted. */
  #note(fileIndex: number, error: unknown): void {
    const isNoted = this.unreadable !== undefined &&
      error instanceof DiskError && LASTING.has(error.code);
    if (!isNoted) throw error;
    this.unreadable!.set(fileIndex, error);
  }

  /** Looks for a file anew when it is used next. */
  #forget(fileIndex: number): void {
    this.#prepared?.delete(fileIndex);
    attempt(() => this.#fileSystem.drop(this.places.at(fileIndex)), () => {});
  }
}

function isSame(a: FilePath, b: FilePath): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}
