/**
 * The files of one torrent, addressed by pieces.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import type { FileSpan, PieceLayout } from "../../metainfo/piece_layout.ts";
import { type Awaitable, eachInOrder } from "../awaitable.ts";
import { type DiskError, toDiskError } from "../error.ts";
import type { FileInfo, FilePath } from "../file_system.ts";
import type { PieceRun } from "../piece_store.ts";
import type { HandleCache } from "./handle_cache.ts";
import { moveFiles, removeEmptyFolders } from "./move_files.ts";
import { PartFile } from "./part_file.ts";
import type { StorageTorrent } from "../storage.ts";
import { type FileAllocation, StoredFiles, syncFile } from "./stored_files.ts";

const COPY_SIZE = 1024 * 1024;

/**
 * Reads and writes ranges of pieces in the files they belong to: padding is
 * never stored, a deselected file that does not exist is kept in the part
 * file. A file gets its length when it is first written.
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
  /** Files whose bytes belong in the part file. */
  #inPart: Set<number> | undefined;
  /** Payload bytes written. */
  writtenBytes = 0;
  /** Bytes read. */
  readBytes = 0;

  constructor(
    fileSystem: HandleCache,
    folder: FilePath,
    torrent: StorageTorrent,
    allocation: FileAllocation,
    clock: Clock,
  ) {
    this.#torrent = torrent;
    this.layout = torrent.layout;
    this.stored = new StoredFiles(
      fileSystem,
      pathsBelow(folder, torrent.paths),
      torrent.layout,
      allocation,
      clock,
    );
    this.#clock = clock;
    this.#folder = folder;
  }

  get #part(): PartFile {
    return this.#partFile ??= new PartFile(
      this.stored.fileSystem,
      this.#folder,
      this.#torrent,
    );
  }

  /** Whether the bytes of a file belong in the part file. */
  isInPart(fileIndex: number): boolean {
    return this.#inPart?.has(fileIndex) === true;
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
    const which = this.stored.indices.filter((i) => !isBlind || !isWanted(i));
    await this.stored.lookAgain(which);
    if (isBlind && which.length === 0) return;
    await this.#part.load();
    for (const i of which) {
      if (this.stored.size(i) >= 0) continue;
      if (!isWanted(i) || this.#slotsOf(i).length > 0) {
        (this.#inPart ??= new Set()).add(i);
      }
    }
  }

  /**
   * Makes everything as it is to be: files of length 0 are made, what the part
   * file has of wanted files is put in its place, and what is no longer needed
   * there is freed.
   */
  async settle(isWanted: (fileIndex: number) => boolean): Promise<void> {
    for (const i of this.stored.indices) {
      if (!isWanted(i)) continue;
      await this.select(i);
      if (this.layout.files[i]!.length > 0) continue;
      const isThere = this.stored.size(i) >= 0 ||
        await this.stored.look(i) >= 0;
      if (!isThere) await this.stored.write(i, 0, new Uint8Array(0));
    }
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

  /** Writes what is there of a piece. */
  writePiece(pieceIndex: number, runs: readonly PieceRun[]): Awaitable<void> {
    return eachInOrder(
      runs,
      ({ offset, bytes }) => this.writeRange(pieceIndex, offset, bytes),
    );
  }

  /** Writes bytes of a piece. */
  writeRange(
    pieceIndex: number,
    offset: number,
    from: Uint8Array,
  ): Awaitable<void> {
    return eachInOrder(
      this.layout.spans(pieceIndex, offset, from.length),
      (span) => {
        if (span.pad) return;
        const bytes = span.length === from.length
          ? from
          : from.subarray(span.dataOffset, span.dataOffset + span.length);
        this.writtenBytes += span.length;
        return this.isInPart(span.fileIndex)
          ? this.#part.write(pieceIndex, offset + span.dataOffset, bytes)
          : this.stored.write(span.fileIndex, span.fileOffset, bytes);
      },
    );
  }

  /** Bytes of a deselected file go to the part file, unless it exists. */
  async deselect(fileIndex: number): Promise<void> {
    if (this.layout.files[fileIndex]!.pad) return;
    if (await this.stored.look(fileIndex) < 0) {
      (this.#inPart ??= new Set()).add(fileIndex);
    }
  }

  /** Puts what the part file has of a file in its place. */
  async select(fileIndex: number): Promise<void> {
    if (!this.isInPart(fileIndex)) return;
    const pieces = this.#slotsOf(fileIndex);
    for (const pieceIndex of pieces) {
      const size = this.layout.pieceSize(pieceIndex);
      for (const span of this.layout.spans(pieceIndex, 0, size)) {
        if (span.fileIndex !== fileIndex) continue;
        const buffer = new Uint8Array(Math.min(span.length, COPY_SIZE));
        for (let done = 0; done < span.length; done += buffer.length) {
          const run = buffer.subarray(0, span.length - done);
          const at = span.dataOffset + done;
          // A slot that is short has nothing to bring from here on.
          if (!await this.#part.read(pieceIndex, at, run)) break;
          await this.stored.write(fileIndex, span.fileOffset + done, run);
        }
      }
    }
    this.#inPart?.delete(fileIndex);
    await this.#releaseSlots(pieces);
  }

  /** The pieces of a file that have a slot in the part file. */
  #slotsOf(fileIndex: number): number[] {
    if (this.#partFile?.isEmpty ?? true) return [];
    const { first, end } = this.layout.filePieces(fileIndex);
    return this.#part.pieces.filter((i) => i >= first && i < end);
  }

  /** Gives back the slots that no file needs any more. */
  async #releaseSlots(pieces: readonly number[]): Promise<void> {
    for (const pieceIndex of pieces) {
      const size = this.layout.pieceSize(pieceIndex);
      const isNeeded = this.layout.spans(pieceIndex, 0, size).some((span) =>
        this.isInPart(span.fileIndex)
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
    );
    const from = this.#storedPaths();
    const to: FilePath[] = paths.filter((_, i) => !this.layout.files[i]!.pad);
    to.push(part.path);
    const source = this.stored.fileSystem;
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
      const result = this.isInPart(span.fileIndex)
        ? this.#part.read(pieceIndex, offset + span.dataOffset, bytes)
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
    const paths = this.stored.paths.filter((_, i) =>
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
