/**
 * A torrent in a store of pieces.
 *
 * @module
 */
import { DiskError, toDiskError } from "../error.ts";
import type { PieceRun, PieceStorage, PieceStore } from "../piece_store.ts";
import type { DiskAddOptions, StorageTorrent } from "../storage.ts";
import { padPieces } from "./check_torrent.ts";
import type { ManagedStorage } from "./torrent_storage.ts";
import type { Bitfield } from "../../_shared/bitfield.ts";
import { eachAtOnce } from "../../_shared/each_at_once.ts";
import { type Awaitable, chain } from "../awaitable.ts";
import { type CheckFilesOptions, checkStore } from "../check/check.ts";
import type { FilePath } from "../file_system.ts";
import type { Backing } from "./backing.ts";

/** Files that are finished at a time. */
const PARALLEL_FILES = 8;

/** A {@linkcode PieceStore} as what a torrent's storage stands on. */
export class StoreBacking implements Backing {
  readonly isFar = true;
  writtenBytes = 0;
  readBytes = 0;
  readonly writeRange: PieceStore["writeRange"];
  readonly runPieces: number;
  readonly #torrent: StorageTorrent;
  readonly #store: PieceStore;
  /** 1 for every file that is wanted. */
  readonly #wanted: Uint8Array;
  readonly #isReadOnly: boolean;
  /** How many pieces each file lacks. */
  readonly #missing: Uint32Array;
  /** Files that are finished, or being finished. */
  readonly #finished = new Map<number, Promise<void>>();
  readonly #ending = new AbortController();

  constructor(
    torrent: StorageTorrent,
    store: PieceStore,
    wanted: Uint8Array,
    isReadOnly: boolean,
    runPieces = 1,
  ) {
    this.#torrent = torrent;
    this.#store = store;
    this.#wanted = wanted;
    this.#isReadOnly = isReadOnly;
    this.runPieces = runPieces;
    this.#missing = new Uint32Array(torrent.layout.files.length);
    if (store.writeRange !== undefined) {
      this.writeRange = (...run) => store.writeRange!(...run);
    }
  }

  get ownPlaces(): readonly FilePath[] {
    return [];
  }

  get paths(): readonly FilePath[] {
    return this.#torrent.paths;
  }

  readRange(
    pieceIndex: number,
    offset: number,
    into: Uint8Array<ArrayBuffer>,
  ): Awaitable<boolean> {
    if (this.#torrent.layout.payloadSize(pieceIndex) === 0) {
      into.fill(0);
      return true;
    }
    this.readBytes += into.length;
    return this.#store.readRange(pieceIndex, offset, into);
  }

  writePiece(
    pieceIndex: number,
    runs: readonly PieceRun[],
    count = 1,
  ): Awaitable<void> {
    return chain(this.#store.writePiece(pieceIndex, runs, count), () => {
      for (let i = pieceIndex; i < pieceIndex + count; i++) {
        this.writtenBytes += this.#torrent.layout.payloadSize(i);
      }
    });
  }

  isWanted(fileIndex: number): boolean {
    return this.#wanted[fileIndex] === 1;
  }

  async setWanted(fileIndex: number, wanted: boolean): Promise<void> {
    this.#wanted[fileIndex] = wanted ? 1 : 0;
    await this.#finish(fileIndex);
  }

  async recheck(check: () => Promise<void>): Promise<void> {
    this.#finished.clear();
    await this.#store.find(this.#ending.signal);
    await check();
  }

  async check(have: Bitfield, options: CheckFilesOptions): Promise<void> {
    const { pieceCount } = this.#torrent.layout;
    const pieces = options.pieces ??
      Array.from({ length: pieceCount }, (_, i) => i);
    await checkStore(this.#torrent, this, have, { ...options, pieces });
    this.count(have);
  }

  /** Counts what each file lacks. */
  count(have: Bitfield): void {
    const { layout } = this.#torrent;
    for (let i = 0; i < layout.files.length; i++) {
      const { first, end } = layout.filePieces(i);
      let missing = 0;
      for (let k = first; k < end; k++) if (!have.has(k)) missing++;
      this.#missing[i] = missing;
      if (missing > 0) this.#finished.delete(i);
    }
  }

  /** Finishes every wanted file of which all is there. */
  async confirm(): Promise<undefined> {
    const files = this.#torrent.layout.files.keys();
    await eachAtOnce(files, PARALLEL_FILES, (i) => this.#finish(i));
  }

  pieceGood(pieceIndex: number): Promise<void> | undefined {
    const { layout } = this.#torrent;
    const size = layout.pieceSize(pieceIndex);
    let last: Promise<void> | undefined;
    let before = -1;
    for (const { fileIndex } of layout.spans(pieceIndex, 0, size)) {
      if (fileIndex === before) continue;
      before = fileIndex;
      if (this.#missing[fileIndex]! > 0) this.#missing[fileIndex]!--;
      // Small ones wait for the end, where many are finished at a time.
      const { length } = layout.files[fileIndex]!;
      if (length >= layout.pieceLength) last = this.#finish(fileIndex);
    }
    return last;
  }

  findLost(pieceIndex: number, have: Bitfield): Promise<readonly number[]> {
    const { layout } = this.#torrent;
    const size = layout.pieceSize(pieceIndex);
    for (const { fileIndex } of layout.spans(pieceIndex, 0, size)) {
      this.#finished.delete(fileIndex);
    }
    this.count(have);
    return Promise.resolve([]);
  }

  sync(): Promise<DiskError[]> {
    return Promise.resolve([]);
  }

  /** What is there is found out by looking. */
  resumeData(): Promise<Uint8Array<ArrayBuffer>> {
    return Promise.resolve(new Uint8Array(0));
  }

  move(): Promise<void> {
    return Promise.reject(unsupported("move"));
  }

  rename(): Promise<void> {
    return Promise.reject(unsupported("rename"));
  }

  async remove(): Promise<DiskError[]> {
    try {
      await this.#store.remove();
      return [];
    } catch (error) {
      return [toDiskError(error, { operation: "remove" })];
    }
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await Promise.allSettled([...this.#finished.values()]);
    await this.#store.close?.();
  }

  /** Finishes a file, if it can be; again after it failed. */
  #finish(fileIndex: number): Promise<void> | undefined {
    const { pad } = this.#torrent.layout.files[fileIndex]!;
    if (
      pad || this.#isReadOnly || this.#store.finish === undefined ||
      this.#missing[fileIndex]! > 0 || !this.isWanted(fileIndex)
    ) return undefined;
    let done = this.#finished.get(fileIndex);
    if (done === undefined) {
      done = (async () =>
        await this.#store.finish?.(fileIndex, this.#ending.signal))();
      this.#finished.set(fileIndex, done);
      done.catch(() => {
        if (this.#finished.get(fileIndex) === done) {
          this.#finished.delete(fileIndex);
        }
      });
    }
    return done;
  }
}

function unsupported(operation: string): DiskError {
  return new DiskError("unsupported", "The storage has no files", {
    operation,
  });
}

/** Opens it and finds out which pieces are there. */
export async function openStore(
  from: PieceStorage,
  torrent: StorageTorrent,
  options: DiskAddOptions,
  wanted: Uint8Array,
  memory: number,
  make: (backing: StoreBacking) => ManagedStorage,
): Promise<ManagedStorage> {
  const { existing = "verify", readOnly = false, signal } = options;
  const { hold, onProgress, overwrite } = options;
  const { pieceLength, pieceCount } = torrent.layout;
  const isPiece = (i: number) =>
    Number.isInteger(i) && i >= 0 && i < pieceCount;
  const store = await from.open(torrent, { readOnly, overwrite, signal });
  if (store.writeRange === undefined && !readOnly && 2 * pieceLength > memory) {
    await store.close?.();
    throw new DiskError(
      "unsupported",
      `Pieces of ${pieceLength} bytes need a maxBufferedBytes of twice that`,
      { operation: "add torrent" },
    );
  }
  const runPieces = from.runPieces?.(torrent.layout);
  const backing = new StoreBacking(
    torrent,
    store,
    wanted,
    readOnly,
    runPieces,
  );
  const storage = make(backing);
  try {
    const { good, doubtful = [] } = await store.find(signal);
    const { have } = storage;
    for (const i of [...padPieces(torrent), ...good]) {
      if (isPiece(i)) have.set(i);
    }
    if (existing === "trust") have.setAll();
    const pieces = existing === "trust" || existing === "assume-empty"
      ? []
      : [...doubtful].filter((i) => isPiece(i) && !have.has(i));
    await storage.check({ hold, onProgress, signal }, pieces);
    await backing.confirm();
    return storage;
  } catch (error) {
    await storage.close().catch(() => {});
    throw error;
  }
}
