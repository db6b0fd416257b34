/**
 * The files of one torrent, addressed by pieces.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import type { FileSpan, PieceLayout } from "../../metainfo/piece_layout.ts";
import { type Awaitable, chain, eachInOrder } from "../awaitable.ts";
import { alreadyThere, type DiskError, toDiskError } from "../error.ts";
import { type FileInfo, type FilePath, syncFile } from "../file_system.ts";
import type { PieceRun } from "../piece_store.ts";
import type { HandleCache } from "./handle_cache.ts";
import { moveFiles, removeEmptyFolders } from "./move_files.ts";
import type { TorrentClaims } from "./path_claims.ts";
import type { FileAllocation, StorageTorrent } from "../storage.ts";
import { Turns } from "../turns.ts";
import { ApartBytes } from "./apart_bytes.ts";
import { FilePlaces } from "./file_places.ts";
import { StoredFiles } from "./stored_files.ts";

/** How {@linkcode TorrentFiles} are kept. */
export interface TorrentFilesOptions {
  readonly allocation: FileAllocation;
  /** What names of incomplete files end with. @default {""} */
  readonly incompleteSuffix?: string | undefined;
  readonly clock: Clock;
  /** Paths that no other torrent writes to. @default {none are claimed} */
  readonly claims?: TorrentClaims | undefined;
  /** Ends long work on them, but for their removal. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads and writes ranges of pieces in the files they belong to: padding is
 * never stored, a deselected file that does not exist is kept in the part
 * file. A file gets its length when it is first written; a compact one grows as
 * its pieces come, and those that come early wait in the part file.
 */
export class TorrentFiles {
  /** The pieces. */
  readonly layout: PieceLayout;
  /** The files, one by one. */
  readonly stored: StoredFiles;
  /** What is not in its files. */
  readonly apart: ApartBytes;
  readonly #clock: Clock;
  readonly #claims: TorrentClaims | undefined;
  readonly #turns: Turns;
  #folder: FilePath;
  /** Whether space is taken before it is needed. */
  readonly isReserved: boolean;
  /** By incomplete file: pieces before that one were good. */
  #goodUntil: Map<number, number> | undefined;
  #isWanted: (fileIndex: number) => boolean = () => true;
  /** Whether a piece is verified and written; for files that have no gaps. */
  isGood: (pieceIndex: number) => boolean = () => false;
  /** Payload bytes written. */
  writtenBytes = 0;
  /** Bytes read. */
  readBytes = 0;

  constructor(
    fileSystem: HandleCache,
    folder: FilePath,
    torrent: StorageTorrent,
    options: TorrentFilesOptions,
  ) {
    const { allocation, incompleteSuffix = "", clock, signal } = options;
    this.layout = torrent.layout;
    this.#turns = new Turns(clock, signal);
    this.stored = new StoredFiles(
      fileSystem,
      new FilePlaces(
        pathsBelow(folder, torrent.paths),
        incompleteSuffix,
        (path) => this.stored.own.mayHave(path),
      ),
      torrent.layout,
      allocation,
      this.#turns,
      options.claims,
    );
    this.apart = new ApartBytes(folder, {
      torrent,
      stored: this.stored,
      isCompact: allocation === "compact",
      turns: this.#turns,
      isWanted: (i) => this.#isWanted(i),
      isGood: (i) => this.isGood(i),
    });
    this.#clock = clock;
    this.#claims = options.claims;
    this.#folder = folder;
    this.isReserved = allocation === "full";
    this.stored.own.isPart = (i) => this.isPart(i);
  }

  /** Lets other torrents share only files in which something of this one is. */
  shareParts(): void {
    if (this.#claims === undefined) return;
    this.#claims.isPart = (i) =>
      this.layout.files[i]?.length === 0 || i >= 0 && this.isPart(i);
  }

  /** Whether a file is there that has nothing in it, as it should. */
  #isEmpty(fileIndex: number): boolean {
    return this.layout.files[fileIndex]!.length === 0 &&
      this.stored.size(fileIndex) === 0;
  }

  /** Whether a verified piece is in a file, and not in the part file. */
  isPart(fileIndex: number): boolean {
    const { pieceLength, files } = this.layout;
    const { first, end } = this.layout.filePieces(fileIndex);
    const { offset } = files[fileIndex]!;
    const from = this.apart.from(fileIndex) ?? Infinity;
    for (let i = first; i < end; i++) {
      if (Math.max(0, i * pieceLength - offset) >= from) return false;
      if (this.isGood(i)) return true;
    }
    return false;
  }

  /** Where its own files are, and the part file as the last. */
  get ownPlaces(): readonly FilePath[] {
    return this.#placesOf((i) => this.stored.own.has(i));
  }

  #placesOf(isMeant: (fileIndex: number) => boolean): readonly FilePath[] {
    const { places, indices } = this.stored;
    const paths = indices.filter(isMeant).map((i) => places.at(i));
    return [...paths, this.apart.part.path];
  }

  /** Its own files but for those that it has not made yet, and the part file. */
  get #madePlaces(): readonly FilePath[] {
    const { stored } = this;
    return this.#placesOf((i) => stored.own.has(i) && !stored.isMissing(i));
  }

  /** Finds out what is there. Nothing is written. */
  async load(
    isWanted: (fileIndex: number) => boolean,
    isBlind: boolean,
  ): Promise<void> {
    this.#isWanted = isWanted;
    const { own } = this.stored;
    own.isReadersOwn = (i) =>
      isWanted(i) && (isBlind || this.#isEmpty(i)) || this.isPart(i);
    const which = this.stored.indices.filter((i) => !isBlind || !isWanted(i));
    await this.stored.lookAgain(which);
    if (isBlind && which.length === 0) return;
    await own.claimFound(which, isWanted, this.#turns);
    await this.apart.part.load();
    this.apart.find(which);
  }

  /** Looks at all files anew. */
  async lookAgain(): Promise<void> {
    const { own, indices } = this.stored;
    await this.stored.lookAgain();
    await own.claimFound(indices, this.#isWanted, this.#turns);
    this.apart.find(indices);
  }

  /**
   * Sees whose the files are that were left out and are there all the same: they
   * are the torrent's if a piece in them is; else where nobody knows, those of the
   * right length, if a check came to its end. Returns pieces of the others, to be checked again: they are not
   * in these files.
   */
  sortOut(isOurs?: (fileIndex: number) => boolean, isChecked = true): number[] {
    const { own, indices } = this.stored;
    const pieces = new Set<number>();
    for (const i of indices) {
      if (this.#isWanted(i) || this.stored.size(i) < 0) continue;
      if (this.apart.from(i) === 0 || own.has(i)) continue;
      const { first, end } = this.layout.filePieces(i);
      const good: number[] = [];
      for (let k = first; k < end; k++) if (this.isGood(k)) good.push(k);
      const mayBe = this.isPart(i) ||
        (isOurs?.(i) ?? this.stored.size(i) === this.layout.files[i]!.length);
      if (isChecked && mayBe && own.adopt(i)) continue;
      this.apart.takeOut(i);
      for (const k of [...good, ...this.apart.slotsOf(i)]) pieces.add(k);
    }
    return [...pieces];
  }

  /** What files are; those that were left out and are another's are none. */
  async infos(): ReturnType<StoredFiles["infos"]> {
    const { files, strange } = await this.stored.infos();
    const isOurs = (i: number) => this.#isWanted(i) || this.apart.from(i) !== 0;
    return {
      files: files.map((info, i) => isOurs(i) ? info : undefined),
      strange: strange.filter(isOurs),
    };
  }

  /**
   * Makes everything as it is to be: files of length 0 are made, what the part
   * file has of wanted files is put in its place and freed.
   */
  async settle(isWanted: (fileIndex: number) => boolean): Promise<void> {
    for (const i of this.stored.indices) {
      if (!isWanted(i)) continue;
      await this.apart.select(i);
      if (this.layout.files[i]!.length > 0) continue;
      const others = this.#turns.take();
      if (others !== undefined) await others;
      if (await this.stored.look(i) >= 0) continue;
      await this.stored.write(i, 0, new Uint8Array(0));
    }
    await this.apart.tidy();
  }

  /** Size and time of the part file; `undefined` for none. */
  statPartFile(): Awaitable<FileInfo | undefined> {
    return this.stored.fileSystem.stat(this.apart.part.path);
  }

  /** Reads bytes of a piece; false when a file is missing or short. */
  readRange(
    pieceIndex: number,
    offset: number,
    into: Uint8Array,
  ): Awaitable<boolean> {
    this.readBytes += into.length;
    const spans = this.layout.spans(pieceIndex, offset, into.length);
    return this.#readSpans(spans, 0, pieceIndex, offset, into);
  }

  /** Writes what is there of a piece that is verified. */
  writePiece(pieceIndex: number, runs: readonly PieceRun[]): Awaitable<void> {
    const next = this.apart.nextOf(pieceIndex, runs);
    return chain(
      eachInOrder(
        runs,
        ({ offset, bytes }) => this.#write(pieceIndex, offset, bytes, next),
      ),
      () => {
        for (const span of next) this.apart.grown(span);
      },
    );
  }

  /** Writes bytes of a piece. */
  writeRange(
    pieceIndex: number,
    offset: number,
    from: Uint8Array,
  ): Awaitable<void> {
    return this.#write(pieceIndex, offset, from, []);
  }

  #write(
    pieceIndex: number,
    offset: number,
    from: Uint8Array,
    inPlace: readonly FileSpan[],
  ): Awaitable<void> {
    return eachInOrder(
      this.layout.spans(pieceIndex, offset, from.length),
      (span) => {
        if (span.pad) return;
        const bytes = span.length === from.length
          ? from
          : from.subarray(span.dataOffset, span.dataOffset + span.length);
        this.writtenBytes += span.length;
        const isApart = this.apart.has(span) &&
          !inPlace.some(({ fileIndex }) => fileIndex === span.fileIndex);
        return isApart
          ? this.apart.part.write(pieceIndex, offset + span.dataOffset, bytes)
          : this.stored.write(span.fileIndex, span.fileOffset, bytes);
      },
    );
  }

  /** Gives files that are complete by now their own names. */
  async finish(): Promise<void> {
    for (const i of [...this.stored.places.suffixed]) {
      if (!this.isComplete(i)) continue;
      await this.stored.finish(i);
      await this.#turns.take();
    }
  }

  /** Whether all of a file is there, under its name with the suffix. */
  isComplete(fileIndex: number): boolean {
    if (!this.stored.places.suffixed.has(fileIndex)) return false;
    const { first, end } = this.layout.filePieces(fileIndex);
    let from = this.#goodUntil?.get(fileIndex) ?? first;
    while (from < end && this.isGood(from)) from++;
    (this.#goodUntil ??= new Map()).set(fileIndex, from);
    if (from < end || this.apart.from(fileIndex) !== undefined) {
      return false;
    }
    // Some may be lost again.
    this.#goodUntil?.delete(fileIndex);
    for (let i = first; i < end; i++) if (!this.isGood(i)) return false;
    return true;
  }

  /** Waits for the device; who failed is tried again next time. */
  async sync(): Promise<DiskError[]> {
    const failures = await this.stored.sync();
    if (this.apart.isEmpty) return failures;
    const { path } = this.apart.part;
    const failure = await syncFile(this.stored.fileSystem, path);
    if (failure !== undefined) failures.push(failure);
    return failures;
  }

  /**
   * Deletes the files, and the folders that are empty then. What another torrent
   * has stays. The signal ends it.
   */
  async remove(signal?: AbortSignal): Promise<DiskError[]> {
    const failures: DiskError[] = [];
    const { own, indices } = this.stored;
    // What another had and left is not ours.
    const ours = new Set(
      indices.filter((i) => own.has(i) || this.#isWanted(i) && own.isPart(i)),
    );
    own.claim((i) => ours.has(i));
    const paths = this.#madePlaces;
    const turns = new Turns(this.#clock, signal);
    for (const path of paths) {
      const others = turns.take();
      if (others !== undefined) await others;
      try {
        await this.stored.fileSystem.remove(path);
      } catch (error) {
        failures.push(toDiskError(error, { operation: "remove", path }));
      }
    }
    await removeEmptyFolders(this.stored.fileSystem, paths, turns);
    return failures;
  }

  /** Moves the files, but for those that another torrent has. */
  async move(folder: FilePath, target?: HandleCache): Promise<void> {
    const { own, indices } = this.stored;
    for (const i of indices) {
      if (own.isTaken(i) && this.#isWanted(i)) await own.need(i);
    }
    const paths = pathsBelow(
      folder,
      this.stored.paths.map((path) => path.slice(this.#folder.length)),
    );
    const part = this.apart.partIn(folder, target);
    const from = this.#madePlaces;
    const to: FilePath[] = from.slice(0, -1)
      .map((path) => [...folder, ...path.slice(this.#folder.length)]);
    to.push(part.path);
    const source = this.stored.fileSystem;
    const isElsewhere = target !== undefined ||
      folder.join("/") !== this.#folder.join("/");
    const placesOf = (i: number) => this.stored.placesOf(i, paths[i]!);
    // What keeps a file from being made, or from its own name, later.
    const inTheWay = (i: number) =>
      own.has(i) && this.stored.isMissing(i)
        ? placesOf(i)
        : this.stored.places.suffixed.has(i)
        ? [paths[i]!]
        : [];
    const free = isElsewhere ? indices.flatMap(inTheWay) : [];
    const places = indices.filter((i) => own.has(i)).flatMap(placesOf);
    await own.exchange(target ?? source, places, async () => {
      for (const path of free) {
        if (await (target ?? source).stat(path) === undefined) continue;
        throw alreadyThere("move", path);
      }
      const forget = await moveFiles(source, from, target, to, this.#turns);
      try {
        await part.load();
      } catch (error) {
        await forget.undo();
        throw error;
      }
      await forget.finish();
      await removeEmptyFolders(source, from);
    });
    this.apart.relocate(folder, part);
    this.#folder = folder;
    await this.stored.relocate(target ?? source, paths);
    if (own.isUsed) own.claim((i) => own.has(i));
    await own.claimFound(this.stored.indices, this.#isWanted, this.#turns);
  }

  /** Gives a file another name. */
  rename(fileIndex: number, path: FilePath): Promise<void> {
    return this.stored.rename(fileIndex, [...this.#folder, ...path]);
  }

  #readSpans(
    spans: readonly FileSpan[],
    from: number,
    pieceIndex: number,
    offset: number,
    into: Uint8Array,
  ): Awaitable<boolean> {
    for (let i = from; i < spans.length; i++) {
      const span = spans[i]!;
      const bytes = span.length === into.length
        ? into
        : into.subarray(span.dataOffset, span.dataOffset + span.length);
      if (span.pad) {
        bytes.fill(0);
        continue;
      }
      const result = this.apart.has(span)
        ? chain(
          this.apart.part.read(pieceIndex, offset + span.dataOffset, bytes),
          (n) => n === bytes.length,
        )
        : this.stored.read(span.fileIndex, span.fileOffset, bytes);
      if (result instanceof Promise) {
        return result.then((good) =>
          good && this.#readSpans(spans, i + 1, pieceIndex, offset, into)
        );
      }
      if (!result) return false;
    }
    return true;
  }
}

function pathsBelow(
  folder: FilePath,
  paths: readonly FilePath[],
): readonly FilePath[] {
  if (folder.length === 0) return paths;
  return paths.map((path) => [...folder, ...path]);
}
