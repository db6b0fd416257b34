/**
 * The stored part of one torrent.
 *
 * @module
 */
import { Bitfield } from "../_shared/bitfield.ts";
import type { Clock } from "../_shared/clock.ts";
import { EventQueue } from "../_shared/event_queue.ts";
import type { PieceLayout } from "../metainfo/piece_layout.ts";
import { attempt, type Awaitable } from "./awaitable.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { checkFiles } from "./check.ts";
import { DiskError, toDiskError } from "./error.ts";
import type { FilePath, FileSystem } from "./file_system.ts";
import { PieceAssembler } from "./piece_assembler.ts";
import { PieceReader } from "./piece_reader.ts";
import type { ReadCache } from "./read_cache.ts";
import { takeResumeData } from "./resume.ts";
import type {
  CheckOptions,
  MoveOptions,
  ReadBlockOptions,
  RemoveOptions,
  StorageStats,
  StorageTorrent,
  TorrentStorage,
  TorrentStorageEvent,
  WriteBlockResult,
} from "./storage.ts";
import type { TorrentFiles } from "./torrent_files.ts";

/** What a {@linkcode ManagedStorage} is given by its manager. */
export interface StorageContext {
  /** The files. */
  readonly files: TorrentFiles;
  /** Memory for pieces. */
  readonly pool: BufferPool;
  /** Memory for served pieces. */
  readonly cache: ReadCache;
  /** For long checks. */
  readonly clock: Clock;
  /** Which files are to be made. */
  readonly wanted: Uint8Array;
  /** Whether nothing is ever written. */
  readonly readOnly: boolean;
  /** Threads for checking, this one included. */
  readonly threads: number | undefined;
  /** Takes events instead of the queue. */
  readonly onEvent: ((event: TorrentStorageEvent) => void) | undefined;
  /** Prepares another file system for use. */
  readonly adopt: (fileSystem: FileSystem) => FileSystem;
  /** Told when it is closed. */
  readonly onClose: () => void;
}

/** The {@linkcode TorrentStorage} of a `DiskManager`. */
export class ManagedStorage implements TorrentStorage {
  readonly torrent: StorageTorrent;
  readonly have: Bitfield;
  readonly events: EventQueue<TorrentStorageEvent>;
  readonly #context: StorageContext;
  readonly #layout: PieceLayout;
  readonly #files: TorrentFiles;
  readonly #assembler: PieceAssembler;
  /** Only once something is served. */
  #reader: PieceReader | undefined;
  readonly #inFlight = new Set<Promise<unknown>>();
  #gate: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #verifiedBytes = 0;
  #verifiedCount = 0;

  constructor(torrent: StorageTorrent, context: StorageContext) {
    const { layout } = torrent;
    this.torrent = torrent;
    this.have = new Bitfield(layout.pieceCount);
    // Room for one event of every piece: a slow reader loses none of the good
    // ones unless pieces also keep turning out bad.
    this.events = new EventQueue(2 * layout.pieceCount + 1024);
    this.#context = context;
    this.#layout = layout;
    this.#files = context.files;
    this.#assembler = new PieceAssembler({
      torrent,
      files: context.files,
      pool: context.pool,
      have: this.have,
      emit: (event) => this.#emit(event),
      track: (work) => this.#track(work),
    });
  }

  get state(): "ready" | "checking" | "paused" | "closed" {
    if (this.#closing !== undefined) return "closed";
    if (this.#gate !== undefined) return "checking";
    return this.#assembler.error === undefined ? "ready" : "paused";
  }

  get error(): DiskError | undefined {
    return this.#assembler.error;
  }

  get pressure(): Promise<void> | undefined {
    const { pool } = this.#context;
    if (pool.isOver) pool.makeRoom();
    return pool.pressure;
  }

  writeBlock(
    pieceIndex: number,
    blockOffset: number,
    data: Uint8Array,
  ): WriteBlockResult {
    if (this.#closing !== undefined) throw closed("write block");
    if (!this.#layout.isBlock(pieceIndex, blockOffset, data.length)) {
      throw outOfBounds(
        "write block",
        this.#layout,
        pieceIndex,
        blockOffset,
        data.length,
      );
    }
    if (this.have.has(pieceIndex)) return "have";
    if (this.#context.readOnly) {
      throw new DiskError("read-only", "The torrent was added read-only", {
        operation: "write block",
      });
    }
    const { pool } = this.#context;
    if (pool.isOver) pool.makeRoom();
    // Blocks on the wire when it became too much find a quarter more. While
    // nothing can be written half must do: the rest is for other torrents.
    const share = this.#assembler.error === undefined ? 1.25 : 0.5;
    if (pool.usedBytes > pool.maxBytes * share) return "refused";
    return this.#assembler.write(pieceIndex, blockOffset, data);
  }

  readBlock(
    pieceIndex: number,
    blockOffset: number,
    length: number,
    options: ReadBlockOptions = {},
  ): Awaitable<Uint8Array> {
    if (this.#closing !== undefined) throw closed("read block");
    if (!this.#layout.isBlock(pieceIndex, blockOffset, length)) {
      throw outOfBounds(
        "read block",
        this.#layout,
        pieceIndex,
        blockOffset,
        length,
      );
    }
    if (!this.have.has(pieceIndex)) {
      if (this.#gate === undefined) {
        throw new DiskError(
          "not-verified",
          `Piece ${pieceIndex} is not verified`,
          { operation: "read block" },
        );
      }
    }
    if (this.#gate !== undefined) {
      return this.#gate.then(() =>
        this.readBlock(pieceIndex, blockOffset, length, options)
      );
    }
    const reader = this.#reader ??= new PieceReader(
      this.#files,
      this.#layout,
      this.#context.cache,
    );
    const bytes = attempt(
      () => reader.read(pieceIndex, blockOffset, length, !options.brief),
      (error) => {
        const typed = toDiskError(error, { operation: "read block" });
        this.#emit({ type: "error", error: typed, paused: false });
        throw typed;
      },
    );
    if (bytes instanceof Promise) this.#track(bytes);
    return bytes;
  }

  blocksOf(pieceIndex: number): Bitfield | undefined {
    if (!this.#layout.isBlock(pieceIndex, 0, 1)) return undefined;
    return this.#assembler.blocksOf(pieceIndex);
  }

  partialPieces(): number[] {
    return this.#assembler.partialPieces();
  }

  async resume(): Promise<boolean> {
    if (this.#closing !== undefined) return false;
    this.#assembler.resume();
    await this.#drain();
    return this.#assembler.error === undefined;
  }

  check(options: CheckOptions = {}): Promise<void> {
    return this.#exclusively("check", () => this.#check(options));
  }

  isFileWanted(fileIndex: number): boolean {
    this.#checkFile(fileIndex);
    return this.#context.wanted[fileIndex] === 1;
  }

  setFileWanted(fileIndex: number, wanted: boolean): Promise<void> {
    return this.#exclusively("select file", async () => {
      this.#checkFile(fileIndex);
      if (!wanted) {
        await this.#files.deselect(fileIndex);
        this.#context.wanted[fileIndex] = 0;
        return;
      }
      if (!this.#context.readOnly) {
        await this.#files.select(fileIndex);
        await this.#files.makeEmptyFiles((i) => i === fileIndex);
      }
      this.#context.wanted[fileIndex] = 1;
    });
  }

  async flush(): Promise<void> {
    if (this.#closing !== undefined) return;
    await this.#flush();
  }

  async sync(): Promise<void> {
    if (this.#closing !== undefined) throw closed("sync");
    const failures: DiskError[] = [];
    try {
      await this.#flush();
    } catch (error) {
      failures.push(toDiskError(error, { operation: "sync" }));
    }
    failures.push(...await this.#files.sync());
    throwAll(failures, "Cannot sync the torrent");
  }

  async resumeData(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#closing !== undefined) throw closed("save resume data");
    try {
      await this.#flush();
    } catch {
      // Blocks that cannot be written are not part of the data; the error
      // event was sent.
    }
    return await takeResumeData({
      torrent: this.torrent,
      files: this.#files,
      have: this.have,
      wanted: this.#context.wanted,
      partials: () => this.#assembler.storedBlocks(),
    });
  }

  move(folder: FilePath, options: MoveOptions = {}): Promise<void> {
    return this.#exclusively("move", async () => {
      const { fileSystem } = options;
      await this.#files.move(
        folder,
        fileSystem === undefined ? undefined : this.#context.adopt(fileSystem),
      );
    });
  }

  close(): Promise<void> {
    // Who closes again waits for the end; the failure was told already.
    if (this.#closing !== undefined) return this.#closing.catch(() => {});
    return this.#closing = this.#close(false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async remove(options: RemoveOptions = {}): Promise<void> {
    if (options.deleteFiles !== true) return await this.close();
    if (this.#closing === undefined) await (this.#closing = this.#close(true));
    else await this.close();
    throwAll(await this.#files.remove(), "Cannot delete the torrent's files");
  }

  stats(): StorageStats {
    if (this.#verifiedCount !== this.have.count) this.#countVerified();
    return {
      verifiedBytes: this.#verifiedBytes,
      partialPieces: this.#assembler.partialCount,
      bufferedBytes: this.#assembler.bufferedBytes,
      writtenBytes: this.#files.writtenBytes,
      readBytes: this.#files.readBytes,
      badPieces: this.#assembler.badPieces,
    };
  }

  /**
   * Takes blocks of incomplete pieces for granted that are in the files; they
   * are hashed with the rest.
   *
   * @param pieceIndex Which piece.
   * @param blocks Which of its blocks.
   */
  adopt(pieceIndex: number, blocks: Bitfield): void {
    this.#assembler.adopt(pieceIndex, blocks);
  }

  async #check(options: CheckOptions & { pieces?: number[] }): Promise<void> {
    this.#assembler.discard();
    this.#reader?.clear();
    if (options.pieces === undefined) this.have.clearAll();
    await checkFiles(this.torrent, this.#files, this.have, {
      ...options,
      clock: this.#context.clock,
      threads: this.#context.threads,
    });
  }

  async #flush(): Promise<void> {
    while (this.#gate !== undefined) await this.#gate;
    const failure = this.#assembler.spillAll();
    await this.#drain();
    const error = failure() ?? this.#assembler.error;
    if (error !== undefined) throw error;
  }

  async #close(discard: boolean): Promise<void> {
    // Let `close()` store the promise first: from then on nothing comes in.
    await Promise.resolve();
    while (this.#gate !== undefined) await this.#gate;
    await this.#drain();
    let failure: DiskError | undefined;
    if (!this.#context.readOnly && !discard) {
      const failed = this.#assembler.spillAll();
      await this.#drain();
      failure = failed();
    }
    this.#assembler.discard();
    this.#reader?.clear();
    this.#context.onClose();
    this.events.close();
    if (failure !== undefined) throw failure;
  }

  /** Runs something while no file is touched otherwise. */
  async #exclusively<T>(
    operation: string,
    run: () => Promise<T>,
  ): Promise<T> {
    while (this.#gate !== undefined) await this.#gate;
    if (this.#closing !== undefined) throw closed(operation);
    let open = () => {};
    this.#gate = new Promise((resolve) => open = resolve);
    this.#assembler.hold();
    try {
      await this.#drain();
      return await run();
    } finally {
      this.#gate = undefined;
      open();
      this.#assembler.unhold();
    }
  }

  async #drain(): Promise<void> {
    while (this.#inFlight.size > 0) {
      await Promise.allSettled([...this.#inFlight]);
    }
  }

  #track(work: Promise<unknown>): void {
    const settled = work.then(() => {}, () => {}).then(() => {
      this.#inFlight.delete(settled);
    });
    this.#inFlight.add(settled);
  }

  #emit(event: TorrentStorageEvent): void {
    const { onEvent } = this.#context;
    if (onEvent === undefined) this.events.push(event);
    else onEvent(event);
  }

  #countVerified(): void {
    this.#verifiedBytes = 0;
    for (const i of this.have) {
      this.#verifiedBytes += this.#layout.payloadSize(i);
    }
    this.#verifiedCount = this.have.count;
  }

  #checkFile(fileIndex: number): void {
    if (
      !Number.isInteger(fileIndex) || fileIndex < 0 ||
      fileIndex >= this.torrent.paths.length
    ) {
      throw new DiskError(
        "out-of-bounds",
        `There is no file ${fileIndex}: the torrent has ${this.torrent.paths.length}`,
        { operation: "select file" },
      );
    }
  }
}

function throwAll(failures: readonly DiskError[], message: string): void {
  if (failures.length > 0) throw new AggregateError(failures, message);
}

function closed(operation: string): DiskError {
  return new DiskError("closed", "The storage is closed", { operation });
}

function outOfBounds(
  operation: string,
  layout: PieceLayout,
  pieceIndex: number,
  blockOffset: number,
  length: number,
): DiskError {
  return new DiskError(
    "out-of-bounds",
    `There are no bytes ${blockOffset} to ${
      blockOffset + length
    } in piece ${pieceIndex} of ${layout.pieceCount}`,
    { operation },
  );
}
