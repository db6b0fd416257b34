/**
 * The stored part of one torrent.
 *
 * @module
 */
import { Bitfield } from "../../_shared/bitfield.ts";
import { EventQueue } from "../../_shared/event_queue.ts";
import type { PieceLayout } from "../../metainfo/piece_layout.ts";
import { attempt, type Awaitable } from "../awaitable.ts";
import { closed, DiskError, throwAll, toDiskError } from "../error.ts";
import type { FilePath } from "../file_system.ts";
import type { Backing, StorageContext } from "./backing.ts";
import { PieceAssembler } from "../pieces/piece_assembler.ts";
import { PieceReader } from "../pieces/piece_reader.ts";
import { FileFinisher } from "./file_finisher.ts";
import { checkBlock, checkFile } from "./check_torrent.ts";
import type { CheckOptions } from "../check_options.ts";
import type {
  DiskAddOptions,
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

/** Until files are tried to be opened again, in milliseconds. */
const RETRY_MS = 1000;

/** The {@linkcode TorrentStorage} of a `DiskManager`. */
export class ManagedStorage implements TorrentStorage {
  readonly torrent: StorageTorrent;
  readonly have: Bitfield;
  #events: EventQueue<TorrentStorageEvent> | undefined;
  readonly #context: StorageContext;
  readonly #layout: PieceLayout;
  readonly #backing: Backing;
  /** Only once something is written. */
  #pieces: PieceAssembler | undefined;
  /** Only once something is served. */
  #reader: PieceReader | undefined;
  #finisher: FileFinisher | undefined;
  #inFlight: Set<Promise<unknown>> | undefined;
  #gate: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #cancelRetry = () => {};
  /** What could not be deleted. */
  #left: readonly DiskError[] = [];
  #verifiedBytes = 0;
  #verifiedCount = 0;

  constructor(torrent: StorageTorrent, context: StorageContext) {
    const { layout } = torrent;
    this.torrent = torrent;
    this.have = new Bitfield(layout.pieceCount);
    this.#context = context;
    this.#layout = layout;
    this.#backing = context.backing;
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
        store: this.#backing,
        pool: this.#context.pool,
        helper: this.#context.helper,
        timings: this.#context.timings,
        clock: this.#context.clock,
        have: this.have,
        emit: (event) => {
          if (event.type === "piece-good") this.#pieceGood(event.pieceIndex);
          this.#emit(event);
        },
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
    isDue = false,
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
    return this.#assembler.write(pieceIndex, blockOffset, data, isDue);
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
      this.#backing,
      this.#layout,
      this.#context.cache,
      this.#backing.isFar,
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
      await this.#backing.recheck((i) => this.check(options, i), options);
    });
  }

  async confirm(): Promise<void> {
    const confirm = async () => {
      const lost = await this.#backing.confirm(this.have, (pieces) => {
        this.#reader?.clear();
        return this.check({}, pieces);
      }, this.#context.readOnly);
      if (lost === undefined) return;
      this.#emit({ type: "pieces-lost", ...lost });
      throw lost.error;
    };
    // Serving goes on meanwhile: it may take long.
    if (this.#backing.isFar) await confirm();
    else await this.#exclusively("confirm", confirm);
  }

  isFileWanted(fileIndex: number): boolean {
    checkFile(this.#layout, fileIndex);
    return this.#backing.isWanted(fileIndex);
  }

  setFileWanted(fileIndex: number, wanted: boolean): Promise<void> {
    return this.#exclusively("select file", async () => {
      checkFile(this.#layout, fileIndex);
      await this.#backing.setWanted(
        fileIndex,
        wanted,
        this.#context.readOnly,
      );
      if (!wanted || this.#context.readOnly) return;
      try {
        await this.reserve({}, fileIndex);
      } catch (error) {
        await this.#backing.setWanted(fileIndex, false, false);
        throw error;
      }
    });
  }

  /** Takes the space of files, if that is wished; its end ends it. */
  async reserve(
    { signal, onReserve }: Pick<DiskAddOptions, "signal" | "onReserve">,
    fileIndex?: number,
  ): Promise<void> {
    await this.#backing.reserve?.({
      isKept: (pieceIndex) =>
        this.have.has(pieceIndex) || this.#pieces?.has(pieceIndex) === true,
      clock: this.#context.clock,
      signal: this.#endedBy(signal),
      onProgress: onReserve,
    }, fileIndex);
  }

  async flush(): Promise<void> {
    if (this.#closing !== undefined) return;
    await this.#flush();
  }

  async sync(): Promise<void> {
    if (this.#closing !== undefined) throw closed("sync");
    const failures: DiskError[] = await this.#flush().then(
      () => [],
      (error) => [toDiskError(error, { operation: "sync" })],
    );
    failures.push(...await this.#backing.sync());
    throwAll(failures, "Cannot sync the torrent");
  }

  async resumeData(
    options: ResumeDataOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#closing !== undefined) throw closed("save resume data");
    while (this.#gate !== undefined) await this.#gate;
    if (options.flush !== false) {
      // Blocks that cannot be written are no part of it; the error was told.
      this.#pieces?.writeAhead();
      await this.#drain();
    }
    return await this.#backing.resumeData(
      this.have,
      () => this.#pieces?.storedBlocks() ?? [],
    );
  }

  move(folder: FilePath, options: MoveOptions = {}): Promise<void> {
    return this.#exclusively(
      "move",
      () => this.#backing.move(folder, options.fileSystem),
    );
  }

  get ownPlaces(): readonly FilePath[] {
    return this.#backing.ownPlaces;
  }

  get paths(): readonly FilePath[] {
    return this.#backing.paths;
  }

  renameFile(fileIndex: number, path: FilePath): Promise<void> {
    return this.#exclusively("rename file", async () => {
      checkFile(this.#layout, fileIndex);
      await this.#backing.rename(fileIndex, path);
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
    const { deleteFiles, signal } = options;
    if (deleteFiles !== true) return await this.close();
    // Whether the last bytes were written matters no more.
    await (this.#closing ??= this.#close(true, signal)).catch(() => {});
    signal?.throwIfAborted();
    throwAll(this.#left, "Cannot delete the torrent's files");
  }

  stats(): StorageStats {
    if (this.#verifiedCount !== this.have.count) {
      this.#verifiedCount = this.have.count;
      this.#verifiedBytes = 0;
      for (const i of this.have) {
        this.#verifiedBytes += this.#layout.payloadSize(i);
      }
    }
    return {
      verifiedBytes: this.#verifiedBytes,
      partialPieces: this.#pieces?.partialCount ?? 0,
      bufferedBytes: this.#pieces?.bufferedBytes ?? 0,
      writtenBytes: this.#backing.writtenBytes,
      readBytes: this.#backing.readBytes,
      badPieces: this.#pieces?.badPieces ?? 0,
    };
  }

  /** Tells of what was found at the opening. */
  tell(event: TorrentStorageEvent): void {
    this.#emit(event);
  }

  /** Takes blocks that are in the files; hashed with the rest. */
  adopt(pieceIndex: number, blocks: Bitfield): void {
    this.#assembler.adopt(pieceIndex, blocks);
  }

  /** Checks pieces, all by default; the end of the storage ends it. */
  check(options: CheckOptions, pieces?: readonly number[]): Promise<void> {
    const { clock, threads, checks } = this.#context;
    return this.#backing.check(this.have, {
      ...options,
      signal: this.#endedBy(options.signal),
      pieces,
      clock,
      threads,
      queue: checks,
    });
  }

  #endedBy(signal: AbortSignal | undefined): AbortSignal {
    const ending = this.#context.ending.signal;
    return signal === undefined ? ending : AbortSignal.any([signal, ending]);
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

  /** What follows from it goes on by itself; `confirm` waits for it. */
  #pieceGood(pieceIndex: number): void {
    const work = this.#backing.pieceGood?.(pieceIndex, this.have);
    const isDone = () => this.#finish.pieceGood(pieceIndex);
    if (this.#backing.isFar) work?.catch(() => {});
    else if (work === undefined) isDone();
    else this.#track(work.then(isDone));
  }

  get #finish(): FileFinisher {
    return this.#finisher ??= new FileFinisher(
      this.#backing,
      (run) => this.#exclusively("finish files", run),
    );
  }

  /** Finds out what else is gone with it. */
  async #lose(pieceIndex: number, error: DiskError): Promise<void> {
    this.#reader?.clear();
    const more = await this.#backing.findLost(pieceIndex, this.have);
    for (const other of more) this.have.clear(other);
    const pieces = [pieceIndex, ...more];
    this.#emit({ type: "pieces-lost", pieces, error });
  }

  async #flush(): Promise<void> {
    while (this.#gate !== undefined) await this.#gate;
    // Pieces that were being hashed may wait for those beside them after that.
    for (let turns = this.#backing.isFar ? 2 : 1; turns > 0; turns--) {
      this.#pieces?.spillAll();
      await this.#drain();
    }
    if (this.#pieces?.error !== undefined) throw this.#pieces.error;
  }

  async #close(discard: boolean, signal?: AbortSignal): Promise<void> {
    // Let `close()` store the promise first: from then on nothing comes in.
    await Promise.resolve();
    this.#cancelRetry();
    this.#context.ending.abort(closed("check"));
    while (this.#gate !== undefined) await this.#gate;
    await this.#drain();
    if (!this.#context.readOnly && !discard) {
      this.#pieces?.spillAll();
      await this.#drain();
    }
    const failure = discard ? undefined : this.#pieces?.error;
    this.#pieces?.discard();
    this.#reader?.clear();
    if (discard) {
      this.#left = await this.#backing.remove(signal).catch((error) =>
        error === signal?.reason
          ? []
          : [toDiskError(error, { operation: "remove" })]
      );
    }
    await this.#backing.close();
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

  #checkBlock(
    operation: string,
    pieceIndex: number,
    blockOffset: number,
    length: number,
  ): void {
    if (this.#closing !== undefined) throw closed(operation);
    checkBlock(this.#layout, operation, pieceIndex, blockOffset, length);
  }
}
