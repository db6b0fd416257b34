/**
 * The files of one torrent, addressed by pieces.
 *
 * @module
 */
import type { FileSpan, PieceLayout } from "../metainfo/piece_layout.ts";
import { attempt, type Awaitable, chain, eachInOrder } from "./awaitable.ts";
import { DiskError, toDiskError } from "./error.ts";
import {
  type FileHandle,
  type FileInfo,
  type FilePath,
  type FileSystem,
  useHandle,
} from "./file_system.ts";
import { moveFiles, removeEmptyFolders } from "./move_files.ts";
import { PartFile } from "./part_file.ts";
import type { StorageTorrent } from "./storage.ts";

/** How space is set aside for a file. */
export type FileAllocation = "sparse" | "none";

const COPY_SIZE = 1024 * 1024;

/**
 * Reads and writes ranges of pieces in the files they belong to: padding is
 * never stored, a deselected file that does not exist is kept in the part
 * file. A file gets its length when it is first written.
 */
export class TorrentFiles {
  readonly #torrent: StorageTorrent;
  readonly #layout: PieceLayout;
  readonly #allocation: FileAllocation;
  #fileSystem: FileSystem;
  #paths: readonly FilePath[];
  #part: PartFile;
  /** 1 where the bytes of a file belong in the part file. */
  readonly #inPart: Uint8Array;
  /** 1 where the file has its length. */
  readonly #prepared: Uint8Array;
  readonly #written = new Set<number>();
  /** Payload bytes written. */
  writtenBytes = 0;
  /** Bytes read. */
  readBytes = 0;

  /**
   * Names the files; nothing is touched yet.
   *
   * @param fileSystem Where they are.
   * @param folder The folder they are below.
   * @param torrent Which files.
   * @param allocation How space is set aside.
   */
  constructor(
    fileSystem: FileSystem,
    folder: FilePath,
    torrent: StorageTorrent,
    allocation: FileAllocation,
  ) {
    this.#fileSystem = fileSystem;
    this.#torrent = torrent;
    this.#layout = torrent.layout;
    this.#allocation = allocation;
    this.#paths = torrent.paths.map((path) => [...folder, ...path]);
    this.#part = new PartFile(fileSystem, folder, torrent);
    this.#inPart = new Uint8Array(torrent.paths.length);
    this.#prepared = new Uint8Array(torrent.paths.length);
  }

  /** Where the files are. */
  get paths(): readonly FilePath[] {
    return this.#paths;
  }

  /** What they are in. */
  get fileSystem(): FileSystem {
    return this.#fileSystem;
  }

  /**
   * Whether bytes of a piece are in the part file.
   *
   * @param pieceIndex Which piece.
   * @returns Whether it has a slot.
   */
  isInPartFile(pieceIndex: number): boolean {
    return this.#part.has(pieceIndex);
  }

  /**
   * Finds out what is there.
   *
   * @param wanted Whether each file is to be made.
   * @throws {DiskError} If the files cannot be looked at.
   */
  async load(wanted: (fileIndex: number) => boolean): Promise<void> {
    for (let i = 0; i < this.#paths.length; i++) {
      if (this.#layout.files[i]!.pad || wanted(i)) continue;
      if (await this.#fileSystem.stat(this.#paths[i]!) === undefined) {
        this.#inPart[i] = 1;
      }
    }
    await this.#part.load();
  }

  /**
   * Makes the files of length 0 that are wanted.
   *
   * @param wanted Whether each file is to be made.
   * @throws {DiskError} If one cannot be made.
   */
  async makeEmptyFiles(wanted: (fileIndex: number) => boolean): Promise<void> {
    for (let i = 0; i < this.#paths.length; i++) {
      const { length, pad } = this.#layout.files[i]!;
      if (length > 0 || pad || !wanted(i)) continue;
      if (await this.#fileSystem.stat(this.#paths[i]!) !== undefined) continue;
      const handle = await this.#fileSystem.open(this.#paths[i]!, {
        write: true,
      });
      await handle.close();
    }
  }

  /**
   * Looks at a file.
   *
   * @param fileIndex Which file.
   * @returns Size and time, or `undefined` when there is none.
   * @throws {DiskError} If it cannot be looked at.
   */
  stat(fileIndex: number): Awaitable<FileInfo | undefined> {
    return this.#fileSystem.stat(this.#paths[fileIndex]!);
  }

  /**
   * Where the operating system has the files.
   *
   * @returns A path for every file, empty for padding; `undefined` when the
   * file system is no part of it.
   * @throws {DiskError} If a path is unsafe.
   */
  localPaths(): string[] | undefined {
    const paths: string[] = [];
    for (let i = 0; i < this.#paths.length; i++) {
      const path = this.#layout.files[i]!.pad
        ? ""
        : this.#fileSystem.localPath?.(this.#paths[i]!);
      if (path === undefined) return undefined;
      paths.push(path);
    }
    return paths;
  }

  /**
   * Looks at the part file.
   *
   * @returns Size and time, or `undefined` when there is none.
   * @throws {DiskError} If it cannot be looked at.
   */
  statPartFile(): Awaitable<FileInfo | undefined> {
    return this.#fileSystem.stat(this.#part.path);
  }

  /**
   * Reads bytes of a piece.
   *
   * @param pieceIndex Which piece.
   * @param offset Where to start in the piece.
   * @param into Where to put them; padding gives zeros.
   * @returns Whether all could be read; false when a file is missing or short.
   * @throws {DiskError} If it fails otherwise.
   */
  readRange(
    pieceIndex: number,
    offset: number,
    into: Uint8Array,
  ): Awaitable<boolean> {
    this.readBytes += into.length;
    const spans = this.#layout.spans(pieceIndex, offset, into.length);
    return this.#readSpans(spans, 0, pieceIndex, offset, into);
  }

  /**
   * Writes bytes of a piece.
   *
   * @param pieceIndex Which piece.
   * @param offset Where to start in the piece.
   * @param from The bytes.
   * @throws {DiskError} If it fails; a part may have been written.
   */
  writeRange(
    pieceIndex: number,
    offset: number,
    from: Uint8Array,
  ): Awaitable<void> {
    return eachInOrder(
      this.#layout.spans(pieceIndex, offset, from.length),
      (span) => {
        if (span.pad) return;
        const bytes = span.length === from.length
          ? from
          : from.subarray(span.dataOffset, span.dataOffset + span.length);
        this.writtenBytes += span.length;
        return this.#inPart[span.fileIndex] === 1
          ? this.#part.write(pieceIndex, offset + span.dataOffset, bytes)
          : this.#writeFile(span.fileIndex, span.fileOffset, bytes);
      },
    );
  }

  /**
   * Decides where the bytes of a deselected file go from now on: a file that
   * exists is kept, otherwise the part file.
   *
   * @param fileIndex Which file.
   * @throws {DiskError} If it cannot be looked at.
   */
  async deselect(fileIndex: number): Promise<void> {
    if (this.#layout.files[fileIndex]!.pad) return;
    if (await this.stat(fileIndex) === undefined) this.#inPart[fileIndex] = 1;
  }

  /**
   * Puts what the part file has of a file in its place.
   *
   * @param fileIndex Which file.
   * @throws {DiskError} If it fails; it stays in the part file then.
   */
  async select(fileIndex: number): Promise<void> {
    if (this.#inPart[fileIndex] === 0) return;
    const { first, end } = this.#layout.filePieces(fileIndex);
    const pieces = this.#part.pieces.filter((i) => i >= first && i < end);
    for (const pieceIndex of pieces) {
      const size = this.#layout.pieceSize(pieceIndex);
      for (const span of this.#layout.spans(pieceIndex, 0, size)) {
        if (span.fileIndex !== fileIndex) continue;
        const buffer = new Uint8Array(Math.min(span.length, COPY_SIZE));
        for (let done = 0; done < span.length; done += buffer.length) {
          const run = buffer.subarray(0, span.length - done);
          const at = span.dataOffset + done;
          // A slot that is short has nothing to bring from here on.
          if (!await this.#part.read(pieceIndex, at, run)) break;
          await this.#writeFile(fileIndex, span.fileOffset + done, run);
        }
      }
    }
    this.#inPart[fileIndex] = 0;
    for (const pieceIndex of pieces) {
      const size = this.#layout.pieceSize(pieceIndex);
      const isNeeded = this.#layout.spans(pieceIndex, 0, size).some((span) =>
        this.#inPart[span.fileIndex] === 1
      );
      if (!isNeeded) await this.#part.release(pieceIndex);
    }
  }

  /**
   * Waits until what was written is on the device.
   *
   * @returns The failures, one a file; these files are tried again next time.
   */
  async sync(): Promise<DiskError[]> {
    const failures: DiskError[] = [];
    for (const fileIndex of [...this.#written]) {
      const path = this.#paths[fileIndex]!;
      this.#written.delete(fileIndex);
      try {
        await this.#syncFile(path);
      } catch (error) {
        this.#written.add(fileIndex);
        failures.push(toDiskError(error, { operation: "sync", path }));
      }
    }
    if (!this.#part.isEmpty) {
      const { path } = this.#part;
      try {
        await this.#syncFile(path);
      } catch (error) {
        failures.push(toDiskError(error, { operation: "sync", path }));
      }
    }
    return failures;
  }

  /**
   * Deletes the files, and the folders that are empty then.
   *
   * @returns The failures, one a file.
   */
  async remove(): Promise<DiskError[]> {
    const failures: DiskError[] = [];
    const paths = this.#storedPaths();
    for (const path of paths) {
      try {
        await this.#fileSystem.remove(path);
      } catch (error) {
        failures.push(toDiskError(error, { operation: "remove", path }));
      }
    }
    await removeEmptyFolders(this.#fileSystem, paths);
    return failures;
  }

  /**
   * Moves the files.
   *
   * @param folder The folder they are to be below.
   * @param target The file system to move to, when it is another one.
   * @throws {DiskError} If it fails; everything is back in its place then.
   */
  async move(folder: FilePath, target?: FileSystem): Promise<void> {
    const paths = this.#torrent.paths.map((path) => [...folder, ...path]);
    const part = new PartFile(
      target ?? this.#fileSystem,
      folder,
      this.#torrent,
    );
    const from = this.#storedPaths();
    const to: FilePath[] = paths.filter((_, i) => !this.#layout.files[i]!.pad);
    to.push(part.path);
    const source = this.#fileSystem;
    const forget = await moveFiles(source, from, target, to);
    try {
      await part.load();
    } catch (error) {
      await forget.undo();
      throw error;
    }
    await forget.finish();
    await removeEmptyFolders(source, from);
    this.#paths = paths;
    this.#part = part;
    this.#fileSystem = target ?? source;
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
      const result = this.#inPart[span.fileIndex] === 1
        ? this.#part.read(pieceIndex, offset + span.dataOffset, bytes)
        : this.#readFile(span.fileIndex, span.fileOffset, bytes);
      if (result instanceof Promise) {
        return result.then((good) =>
          good && this.#readSpans(spans, i + 1, pieceIndex, offset, into)
        );
      }
      if (!result) return false;
    }
    return true;
  }

  #readFile(
    fileIndex: number,
    offset: number,
    into: Uint8Array,
  ): Awaitable<boolean> {
    return attempt(
      () =>
        useHandle(
          this.#fileSystem.open(this.#paths[fileIndex]!),
          (handle) =>
            chain(handle.read(into, offset), (n) => n === into.length),
        ),
      (error) => {
        if (error instanceof DiskError && error.code === "not-found") {
          return false;
        }
        throw error;
      },
    );
  }

  #writeFile(
    fileIndex: number,
    offset: number,
    from: Uint8Array,
  ): Awaitable<void> {
    this.#written.add(fileIndex);
    return useHandle(
      this.#fileSystem.open(this.#paths[fileIndex]!, { write: true }),
      (handle) =>
        this.#prepared[fileIndex] === 1 ? handle.write(from, offset) : chain(
          this.#prepare(fileIndex, handle),
          () => handle.write(from, offset),
        ),
    );
  }

  /** Gives a file its length: cuts one that is too long. */
  #prepare(fileIndex: number, handle: FileHandle): Awaitable<void> {
    const { length } = this.#layout.files[fileIndex]!;
    return chain(handle.size(), (size): Awaitable<void> => {
      const isRight = this.#allocation === "none"
        ? size <= length
        : size === length;
      if (isRight) {
        this.#prepared[fileIndex] = 1;
        return;
      }
      return chain(handle.truncate(length), () => {
        this.#prepared[fileIndex] = 1;
      });
    });
  }

  #syncFile(path: FilePath): Awaitable<void> {
    return useHandle(
      this.#fileSystem.open(path, { write: true }),
      (handle) => handle.sync(),
    );
  }

  #storedPaths(): FilePath[] {
    const paths = this.#paths.filter((_, i) => !this.#layout.files[i]!.pad);
    paths.push(this.#part.path);
    return paths;
  }
}
