/**
 * The files of one torrent, addressed by pieces.
 *
 * @module
 */
import { type Clock, sleep } from "../../_shared/clock.ts";
import type { FileSpan, PieceLayout } from "../../metainfo/piece_layout.ts";
import { type Awaitable, chain, eachInOrder } from "../awaitable.ts";
import { alreadyThere, type DiskError, toDiskError } from "../error.ts";
import type { FileInfo, FilePath } from "../file_system.ts";
import type { PieceRun } from "../piece_store.ts";
import type { HandleCache } from "./handle_cache.ts";
import { moveFiles, removeEmptyFolders } from "./move_files.ts";
import { PartFile } from "./part_file.ts";
import type { FileAllocation, StorageTorrent } from "../storage.ts";
import { FilePlaces } from "./file_places.ts";
import { StoredFiles, syncFile } from "./stored_files.ts";

const COPY_SIZE = 1024 * 1024;

/** Bytes between two turns of the event loop. */
const TURN_BYTES = 4 * 1024 * 1024;

/** How {@linkcode TorrentFiles} are kept. */
export interface TorrentFilesOptions {
  readonly allocation: FileAllocation;
  /** What names of incomplete files end with. @default {""} */
  readonly incompleteSuffix?: string | undefined;
  readonly clock: Clock;
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
  readonly #torrent: StorageTorrent;
  readonly #clock: Clock;
  #folder: FilePath;
  /** Only once it is looked for. */
  #partFile: PartFile | undefined;
  /** Files whose bytes from some offset on belong in the part file. */
  readonly #apart = new Map<number, number>();
  readonly #isCompact: boolean;
  /** Whether space is taken before it is needed. */
  readonly isReserved: boolean;
  readonly #appending = new Set<number>();
  /** By incomplete file: pieces before that one were good. */
  readonly #goodUntil = new Map<number, number>();
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
    { allocation, incompleteSuffix = "", clock }: TorrentFilesOptions,
  ) {
    this.#torrent = torrent;
    this.layout = torrent.layout;
    this.stored = new StoredFiles(
      fileSystem,
      new FilePlaces(pathsBelow(folder, torrent.paths), incompleteSuffix),
      torrent.layout,
      allocation,
      clock,
    );
    this.#clock = clock;
    this.#folder = folder;
    this.#isCompact = allocation === "compact";
    this.isReserved = allocation === "full";
  }

  get #part(): PartFile {
    return this.#partFile ??= new PartFile(
      this.stored.fileSystem,
      this.#folder,
      this.#torrent,
      this.#isCompact,
    );
  }

  /** From where on the bytes of a file belong in the part file, if they do. */
  apartFrom(fileIndex: number): number | undefined {
    return this.#apart.get(fileIndex);
  }

  /** Whether bytes of a file belong in the part file. */
  isApart(span: FileSpan): boolean {
    const from = this.#apart.get(span.fileIndex);
    return from !== undefined && span.fileOffset + span.length > from;
  }

  /** Whether bytes of a piece are in the part file. */
  isInPartFile(pieceIndex: number): boolean {
    return this.#partFile?.has(pieceIndex) === true;
  }

  /** Finds out what is there. Nothing is written. */
  async load(
    isWanted: (fileIndex: number) => boolean,
    isBlind: boolean,
  ): Promise<void> {
    this.#isWanted = isWanted;
    const which = this.stored.indices.filter((i) => !isBlind || !isWanted(i));
    await this.stored.lookAgain(which);
    if (isBlind && which.length === 0) return;
    await this.#part.load();
    this.#findApart(which);
  }

  /** Looks at all files anew. */
  async lookAgain(): Promise<void> {
    await this.stored.lookAgain();
    this.#findApart(this.stored.indices);
  }

  /** What is missing of a file is, or will be, in the part file. */
  #findApart(which: readonly number[]): void {
    const { layout, stored } = this;
    const inPart = new Set<number>();
    for (const pieceIndex of this.#partFile?.pieces ?? []) {
      const size = layout.pieceSize(pieceIndex);
      for (const { fileIndex } of layout.spans(pieceIndex, 0, size)) {
        inPart.add(fileIndex);
      }
    }
    for (const i of which) {
      const size = Math.max(0, stored.size(i));
      const { offset, length } = layout.files[i]!;
      const isApart = size < length && (this.#isCompact || inPart.has(i)) ||
        stored.size(i) < 0 && !this.#isWanted(i);
      if (!isApart) {
        this.#apart.delete(i);
        continue;
      }
      const start = (offset + size) % layout.pieceLength;
      this.#apart.set(i, Math.max(0, size - start));
    }
  }

  /**
   * Makes everything as it is to be: files of length 0 are made, what the part
   * file has of wanted files is put in its place and freed.
   */
  async settle(isWanted: (fileIndex: number) => boolean): Promise<void> {
    for (const i of this.stored.indices) {
      if (!isWanted(i)) continue;
      await this.select(i);
      if (this.layout.files[i]!.length > 0) continue;
      if (await this.stored.look(i) >= 0) continue;
      await this.stored.write(i, 0, new Uint8Array(0));
    }
    await this.tidy();
  }

  /** Frees what is no longer needed in the part file. */
  async tidy(): Promise<void> {
    if (this.#partFile === undefined) return;
    await this.#releaseSlots(this.#part.pieces);
    if (!this.#part.isEmpty) return;
    await this.#part.removeEmpty();
    this.#partFile = undefined;
  }

  /** Size and time of the part file; `undefined` for none. */
  statPartFile(): Awaitable<FileInfo | undefined> {
    return this.stored.fileSystem.stat(this.#part.path);
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
    const next = this.#nextOf(pieceIndex, runs);
    return chain(
      eachInOrder(
        runs,
        ({ offset, bytes }) => this.#write(pieceIndex, offset, bytes, next),
      ),
      () => {
        for (const span of next) this.#grown(span);
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
        const isApart = this.isApart(span) &&
          !inPlace.some(({ fileIndex }) => fileIndex === span.fileIndex);
        return isApart
          ? this.#part.write(pieceIndex, offset + span.dataOffset, bytes)
          : this.stored.write(span.fileIndex, span.fileOffset, bytes);
      },
    );
  }

  /** The shares of a whole piece that compact files go on with. */
  #nextOf(pieceIndex: number, runs: readonly PieceRun[]): FileSpan[] {
    if (!this.#isCompact || this.isInPartFile(pieceIndex)) return [];
    const bytes = runs.reduce((sum, run) => sum + run.bytes.length, 0);
    if (bytes < this.layout.payloadSize(pieceIndex)) return [];
    return this.#spansOf(pieceIndex).filter((span) =>
      this.#apart.get(span.fileIndex) === span.fileOffset &&
      this.#isWanted(span.fileIndex)
    );
  }

  #grown({ fileIndex, fileOffset, length }: FileSpan): void {
    const end = fileOffset + length;
    if (end < this.layout.files[fileIndex]!.length) {
      this.#apart.set(fileIndex, end);
    } else this.#apart.delete(fileIndex);
  }

  /** The shares of files in a piece. */
  #spansOf(pieceIndex: number): FileSpan[] {
    return this.layout.spans(pieceIndex, 0, this.layout.pieceSize(pieceIndex))
      .filter((span) => !span.pad);
  }

  /** Puts what waits behind a new piece in its place; if that is to be done. */
  pieceGood(pieceIndex: number): Promise<void> | undefined {
    if (!this.#isCompact || (this.#partFile?.isEmpty ?? true)) return undefined;
    const files = this.#spansOf(pieceIndex).map((span) => span.fileIndex)
      .filter((i) => this.#apart.has(i) && this.#isWanted(i));
    if (files.length === 0) return undefined;
    return Promise.all(files.map((i) => this.append(i))).then(() => {});
  }

  /** Lets a compact file grow by what waits of it in the part file. */
  async append(fileIndex: number): Promise<void> {
    if (this.#appending.has(fileIndex)) return;
    this.#appending.add(fileIndex);
    const { pieceLength, files } = this.layout;
    try {
      for (let turn = 0;;) {
        const from = this.#apart.get(fileIndex);
        if (from === undefined) return;
        const { offset } = files[fileIndex]!;
        const pieceIndex = Math.floor((offset + from) / pieceLength);
        if (!this.isGood(pieceIndex) || !this.isInPartFile(pieceIndex)) return;
        const span = this.#spansOf(pieceIndex)
          .find((span) => span.fileIndex === fileIndex);
        if (span === undefined || !await this.#bring(pieceIndex, span)) return;
        this.#grown(span);
        await this.#releaseSlots([pieceIndex]);
        turn += span.length;
        if (turn < TURN_BYTES) continue;
        turn = 0;
        await sleep(this.#clock, 0);
      }
    } finally {
      this.#appending.delete(fileIndex);
    }
  }

  /**
   * Gives files that are complete by now their own names; all, or those of which
   * a piece was the last.
   */
  async finish(which = this.stored.places.suffixed): Promise<void> {
    for (const i of [...which]) {
      if (this.isComplete(i)) await this.stored.finish(i);
    }
  }

  /** Whether all of a file is there, under its name with the suffix. */
  isComplete(fileIndex: number): boolean {
    if (!this.stored.places.suffixed.has(fileIndex)) return false;
    const { first, end } = this.layout.filePieces(fileIndex);
    let from = this.#goodUntil.get(fileIndex) ?? first;
    while (from < end && this.isGood(from)) from++;
    this.#goodUntil.set(fileIndex, from);
    if (from < end || this.#apart.has(fileIndex)) return false;
    // Some may be lost again.
    this.#goodUntil.delete(fileIndex);
    for (let i = first; i < end; i++) if (!this.isGood(i)) return false;
    return true;
  }

  /** Bytes of a deselected file go to the part file, unless it exists. */
  async deselect(fileIndex: number): Promise<void> {
    if (this.layout.files[fileIndex]!.pad) return;
    if (await this.stored.look(fileIndex) < 0) this.#apart.set(fileIndex, 0);
  }

  /** Puts what the part file has of a file in its place. */
  async select(fileIndex: number): Promise<void> {
    if (!this.#apart.has(fileIndex)) return;
    if (this.#isCompact) return await this.append(fileIndex);
    const pieces = this.#slotsOf(fileIndex);
    for (const pieceIndex of pieces) {
      for (const span of this.#spansOf(pieceIndex)) {
        if (span.fileIndex !== fileIndex || !this.isApart(span)) continue;
        await this.#bring(pieceIndex, span);
      }
    }
    this.#apart.delete(fileIndex);
    await this.#releaseSlots(pieces);
  }

  /** Copies a file's share of a piece out of the part file; whether all is there. */
  async #bring(pieceIndex: number, span: FileSpan): Promise<boolean> {
    const { fileIndex, fileOffset, dataOffset, length } = span;
    const buffer = new Uint8Array(Math.min(length, COPY_SIZE));
    for (let done = 0; done < length; done += buffer.length) {
      const run = buffer.subarray(0, length - done);
      const n = await this.#part.read(pieceIndex, dataOffset + done, run);
      const bytes = run.subarray(0, n);
      const at = fileOffset + done;
      // The end tells how far it came, if it does not come to the end.
      if (n > 0) await this.stored.write(fileIndex, at, bytes, true);
      // A slot that is short has nothing to bring from here on.
      if (n < run.length) return false;
    }
    return true;
  }

  /** The pieces of a file that have a slot in the part file. */
  #slotsOf(fileIndex: number): number[] {
    if (this.#partFile?.isEmpty ?? true) return [];
    const { first, end } = this.layout.filePieces(fileIndex);
    return this.#part.pieces.filter((i) => i >= first && i < end)
      .sort((a, b) => a - b);
  }

  /** Gives back the slots that no file needs any more. */
  async #releaseSlots(pieces: readonly number[]): Promise<void> {
    for (const pieceIndex of pieces) {
      const isNeeded = this.#spansOf(pieceIndex).some((span) =>
        this.isApart(span)
      );
      if (!isNeeded) await this.#part.release(pieceIndex);
    }
  }

  /** Waits for the device; who failed is tried again next time. */
  async sync(): Promise<DiskError[]> {
    const failures = await this.stored.sync();
    if (this.#partFile?.isEmpty ?? true) return failures;
    const failure = await syncFile(this.stored.fileSystem, this.#part.path);
    if (failure !== undefined) failures.push(failure);
    return failures;
  }

  /** Deletes the files, and the folders that are empty then. */
  async remove(): Promise<DiskError[]> {
    const failures: DiskError[] = [];
    const paths = this.#storedPaths();
    for (const path of paths) {
      try {
        await this.stored.fileSystem.remove(path);
      } catch (error) {
        failures.push(toDiskError(error, { operation: "remove", path }));
      }
    }
    await removeEmptyFolders(this.stored.fileSystem, paths);
    return failures;
  }

  /** Moves the files. */
  async move(folder: FilePath, target?: HandleCache): Promise<void> {
    const paths = pathsBelow(
      folder,
      this.stored.paths.map((path) => path.slice(this.#folder.length)),
    );
    const part = new PartFile(
      target ?? this.stored.fileSystem,
      folder,
      this.#torrent,
      this.#isCompact,
    );
    const from = this.#storedPaths();
    const to: FilePath[] = from.slice(0, -1)
      .map((path) => [...folder, ...path.slice(this.#folder.length)]);
    to.push(part.path);
    const source = this.stored.fileSystem;
    const isElsewhere = target !== undefined ||
      folder.join("/") !== this.#folder.join("/");
    for (const i of isElsewhere ? this.stored.places.suffixed : []) {
      // It would keep the file from its own name later.
      if (await (target ?? source).stat(paths[i]!) === undefined) continue;
      throw alreadyThere("move", paths[i]!);
    }
    const forget = await moveFiles(source, from, target, to, this.#clock);
    try {
      await part.load();
    } catch (error) {
      await forget.undo();
      throw error;
    }
    await forget.finish();
    await removeEmptyFolders(source, from);
    this.#partFile = part;
    this.#folder = folder;
    await this.stored.relocate(target ?? source, paths);
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
      const result = this.isApart(span)
        ? chain(
          this.#part.read(pieceIndex, offset + span.dataOffset, bytes),
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

  #storedPaths(): FilePath[] {
    const paths = this.stored.places.all.filter((_, i) =>
      !this.layout.files[i]!.pad
    );
    paths.push(this.#part.path);
    return paths;
  }
}

function pathsBelow(
  folder: FilePath,
  paths: readonly FilePath[],
): readonly FilePath[] {
  if (folder.length === 0) return paths;
  return paths.map((path) => [...folder, ...path]);
}
