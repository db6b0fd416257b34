/**
 * The stored part of one torrent.
 *
 * @module
 */
import { Bitfield } from "../../_shared/bitfield.ts";
import { EventQueue } from "../../_shared/event_queue.ts";
import type { PieceLayout } from "../../metainfo/piece_layout.ts";
import { attempt, type Awaitable } from "../awaitable.ts";
import { checkFiles } from "../check/check.ts";
import { closed, DiskError, filesError, toDiskError } from "../error.ts";
import type { FilePath } from "../file_system.ts";
import { findLost, piecesOf } from "./lost_pieces.ts";
import { PieceAssembler } from "../pieces/piece_assembler.ts";
import { PieceReader } from "../pieces/piece_reader.ts";
import { takeResumeData } from "../resume/resume_state.ts";
import type { StorageContext } from "./storage_context.ts";
import type {
  CheckOptions,
  MoveOptions,
  ReadBlockOptions,
  RemoveOptions,
  ResumeDataOptions,
  StorageStats,
  StorageTorrent,
  TorrentStorage,
  TorrentStorageEvent,
  WriteBlockResult,
} from "../storage.ts";
import type { TorrentFiles } from "../files/torrent_files.ts";

/** Until files are tried to be opened again, in milliseconds. */
const RETRY_MS = 1000;

/** The {@linkcode TorrentStorage} of a `DiskManager`. */
export class ManagedStorage implements TorrentStorage {
  readonly torrent: StorageTorrent;
  readonly have: Bitfield;
  #events: EventQueue<TorrentStorageEvent> | undefined;
  readonly #context: StorageContext;
  readonly #layout: PieceLayout;
  readonly #files: TorrentFiles;
  /** Only once something is written. */
  #pieces: PieceAssembler | undefined;
  /** Only once something is served. */
  #reader: PieceReader | undefined;
  #inFlight: Set<Promise<unknown>> | undefined;
  #gate: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  /** Ends checks; only once there was one. */
  #ending: AbortController | undefined;
  #cancelRetry = () => {};
  #verifiedBytes = 0;
  #verifiedCount = 0;

  constructor(torrent: StorageTorrent, context: StorageContext) {
    const { layout } = torrent;
    this.torrent = torrent;
    this.have = new Bitfield(layout.pieceCount);
    this.#context = context;
    this.#layout = layout;
    this.#files = context.files;
  }

  events(): AsyncIterable<TorrentStorageEvent> {
    return this.#queue;
  }

  get #queue(): EventQueue<TorrentStorageEvent> {
    // Room for one event of every piece: a slow reader loses none of the good
    // ones unless pieces also keep turning out bad.
    if (this.#events === undefined) {
      this.#events = new EventQueue(2 * this.#layout.pieceCount + 1024);
      if (this.#closing !== undefined) this.#events.close();
    }
    return this.#events;
  }

  get #assembler(): PieceAssembler {
    if (this.#pieces === undefined) {
      this.#pieces = new PieceAssembler({
        torrent: this.torrent,
        files: this.#files,
        pool: this.#context.pool,
        have: this.have,
        emit: (event) => this.#emit(event),
        track: (work) => this.#track(work),
      });
      if (this.#gate !== undefined) this.#pieces.hold();
    }
    return this.#pieces;
  }

  get state(): "ready" | "checking" | "paused" | "closed" {
    if (this.#closing !== undefined) return "closed";
    if (this.#gate !== undefined) return "checking";
    return this.#pieces?.error === undefined ? "ready" : "paused";
  }

  get error(): DiskError | undefined {
    return this.#pieces?.error;
  }

  get pressure(): Promise<void> | undefined {
    return this.#context.pool.pressure;
  }

  writeBlock(
    pieceIndex: number,
    blockOffset: number,
    data: Uint8Array,
  ): WriteBlockResult {
    this.#checkBlock("write block", pieceIndex, blockOffset, data.length);
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
    this.#checkBlock("read block", pieceIndex, blockOffset, length);
    if (this.#gate !== undefined) {
      // Who waits looks at the bytes later than it asks for them.
      return this.#gate.then(() =>
        this.readBlock(pieceIndex, blockOffset, length)
      );
    }
    if (!this.have.has(pieceIndex)) {
      throw new DiskError(
        "not-verified",
        `Piece ${pieceIndex} is not verified`,
        { operation: "read block" },
      );
    }
    const reader = this.#reader ??= new PieceReader(
      this.#files,
      this.#layout,
      this.#context.cache,
    );
    const bytes = attempt(
      () => reader.read(pieceIndex, blockOffset, length, !options.brief),
      (error) => this.#readFailed(pieceIndex, error),
    );
    if (bytes instanceof Promise) this.#track(bytes);
    return bytes;
  }

  blocksOf(pieceIndex: number): Bitfield | undefined {
    if (!this.#layout.isBlock(pieceIndex, 0, 1)) return undefined;
    return this.#assembler.blocksOf(pieceIndex);
  }

  partialPieces(): number[] {
    return this.#pieces?.partialPieces() ?? [];
  }

  async resume(): Promise<boolean> {
    if (this.#closing !== undefined) return false;
    this.#pieces?.resume();
    await this.#drain();
    return this.#pieces?.error === undefined;
  }

  recheck(options: CheckOptions = {}): Promise<void> {
    return this.#exclusively("recheck", async () => {
      this.#pieces?.discard();
      this.#reader?.clear();
      await this.#files.stored.lookAgain();
      await this.check(options);
    });
  }

  confirm(): Promise<void> {
    return this.#exclusively("confirm", async () => {
      const { wanted } = this.#context;
      const changed = await this.#files.stored.changed((i) =>
        this.#files.isInPart(i) ? undefined : wanted[i] === 1
      );
      if (changed.length === 0) return;
      this.#reader?.clear();
      const pieces = piecesOf(changed, this.#layout, this.have);
      await this.check({}, pieces);
      await this.#files.settle((i) => wanted[i] === 1);
      for (const i of changed) {
        if (this.#files.stored.size(i) > this.#layout.files[i]!.length) {
          await this.#files.stored.cut(i);
        }
      }
      const lost = pieces.filter((pieceIndex) => !this.have.has(pieceIndex));
      if (lost.length === 0) return;
      const error = filesError(
        "replaced",
        "complete",
        changed.map((i) => this.#files.stored.paths[i]!),
        "It was deleted, replaced or written to meanwhile",
        (count) => `, and ${count} more`,
      );
      this.#emit({ type: "pieces-lost", pieces: lost, error });
      throw error;
    });
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
        await this.#files.settle((i) => i === fileIndex);
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

  async resumeData(
    options: ResumeDataOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#closing !== undefined) throw closed("save resume data");
    while (this.#gate !== undefined) await this.#gate;
    if (options.flush !== false) {
      // Blocks that cannot be written are not part of the data; the error
      // event was sent.
      this.#pieces?.writeAhead();
      await this.#drain();
    }
    return await takeResumeData({
      torrent: this.torrent,
      files: this.#files,
      have: this.have,
      wanted: this.#context.wanted,
      partials: () => this.#pieces?.storedBlocks() ?? [],
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

  get paths(): readonly FilePath[] {
    return this.#files.stored.paths;
  }

  renameFile(fileIndex: number, path: FilePath): Promise<void> {
    return this.#exclusively("rename file", async () => {
      this.#checkFile(fileIndex);
      await this.#files.rename(fileIndex, path);
    });
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close(false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What a call of close() told is not told again.
    await (this.#closing?.catch(() => {}) ?? this.close());
  }

  async remove(options: RemoveOptions = {}): Promise<void> {
    if (options.deleteFiles !== true) return await this.close();
    // Whether the last bytes were written matters no more.
    await (this.#closing ??= this.#close(true)).catch(() => {});
    throwAll(await this.#files.remove(), "Cannot delete the torrent's files");
  }

  stats(): StorageStats {
    if (this.#verifiedCount !== this.have.count) this.#countVerified();
    return {
      verifiedBytes: this.#verifiedBytes,
      partialPieces: this.#pieces?.partialCount ?? 0,
      bufferedBytes: this.#pieces?.bufferedBytes ?? 0,
      writtenBytes: this.#files.writtenBytes,
      readBytes: this.#files.readBytes,
      badPieces: this.#pieces?.badPieces ?? 0,
    };
  }

  /** Tells of files that are longer than they should be. */
  tellSurplus(files: readonly number[]): void {
    this.#emit({ type: "surplus", files });
  }

  /** Tells of files that cannot be read and count as missing. */
  tellUnreadable(failures: ReadonlyMap<number, DiskError>): void {
    const [error] = failures.values();
    if (error === undefined) return;
    this.#emit({ type: "unreadable", files: [...failures.keys()], error });
  }

  /** Takes blocks that are in the files; hashed with the rest. */
  adopt(pieceIndex: number, blocks: Bitfield): void {
    this.#assembler.adopt(pieceIndex, blocks);
  }

  /** Checks pieces, all by default; the end of the storage ends it. */
  check(options: CheckOptions, pieces?: readonly number[]): Promise<void> {
    const { clock, threads, checks } = this.#context;
    const ending = (this.#ending ??= new AbortController()).signal;
    const { signal } = options;
    return checkFiles(this.torrent, this.#files, this.have, {
      ...options,
      signal: signal === undefined ? ending : AbortSignal.any([signal, ending]),
      pieces,
      clock,
      threads,
      queue: checks,
    });
  }

  /** A verified piece cannot be read: it counts as lost from now on. */
  #readFailed(pieceIndex: number, cause: unknown): never {
    const error = toDiskError(cause, { operation: "read block" });
    if (error.code === "too-many-files" || error.code === "closed") {
      this.#emit({ type: "error", error, paused: false });
      throw error;
    }
    if (this.have.has(pieceIndex)) {
      this.have.clear(pieceIndex);
      this.#track(this.#lose(pieceIndex, error));
    }
    throw error;
  }

  /** Finds out what else is gone with it. */
  async #lose(pieceIndex: number, error: DiskError): Promise<void> {
    this.#reader?.clear();
    const more = await findLost(pieceIndex, this.#files, this.have);
    for (const other of more) this.have.clear(other);
    const pieces = [pieceIndex, ...more];
    this.#emit({ type: "pieces-lost", pieces, error });
  }

  async #flush(): Promise<void> {
    while (this.#gate !== undefined) await this.#gate;
    const failure = this.#pieces?.spillAll();
    await this.#drain();
    const error = failure?.() ?? this.#pieces?.error;
    if (error !== undefined) throw error;
  }

  async #close(discard: boolean): Promise<void> {
    // Let `close()` store the promise first: from then on nothing comes in.
    await Promise.resolve();
    this.#cancelRetry();
    this.#ending?.abort(closed("check"));
    while (this.#gate !== undefined) await this.#gate;
    await this.#drain();
    let failure: DiskError | undefined;
    if (!this.#context.readOnly && !discard) {
      const failed = this.#pieces?.spillAll();
      await this.#drain();
      failure = failed?.();
    }
    this.#pieces?.discard();
    this.#reader?.clear();
    this.#context.onClose();
    this.#events?.close();
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
    this.#pieces?.hold();
    try {
      await this.#drain();
      return await run();
    } finally {
      this.#gate = undefined;
      open();
      this.#pieces?.unhold();
    }
  }

  async #drain(): Promise<void> {
    while (this.#inFlight !== undefined && this.#inFlight.size > 0) {
      await Promise.allSettled([...this.#inFlight]);
    }
  }

  #track(work: Promise<unknown>): void {
    const settled = work.then(() => {}, () => {}).then(() => {
      this.#inFlight?.delete(settled);
    });
    (this.#inFlight ??= new Set()).add(settled);
  }

  /** Tells; but what may pass by itself is tried again a little later. */
  #emit(event: TorrentStorageEvent): void {
    const { onEvent, clock } = this.#context;
    if (
      event.type === "error" && event.paused &&
      event.error.code === "too-many-files" && this.#closing === undefined
    ) {
      this.#cancelRetry();
      this.#cancelRetry = clock.schedule(
        clock.now() + RETRY_MS,
        () => this.#pieces?.resume(),
      );
      return;
    }
    if (onEvent === undefined) this.#queue.push(event);
    else onEvent(event);
  }

  #countVerified(): void {
    this.#verifiedBytes = 0;
    for (const i of this.have) {
      this.#verifiedBytes += this.#layout.payloadSize(i);
    }
    this.#verifiedCount = this.have.count;
  }

  #checkBlock(
    operation: string,
    pieceIndex: number,
    blockOffset: number,
    length: number,
  ): void {
    if (this.#closing !== undefined) throw closed(operation);
    const layout = this.#layout;
    if (layout.isBlock(pieceIndex, blockOffset, length)) return;
    const end = blockOffset + length;
    throw new DiskError(
      "out-of-bounds",
      `There are no bytes ${blockOffset} to ${end} in piece ${pieceIndex} of ${layout.pieceCount}`,
      { operation },
    );
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
