/**
 * Where bytes wait that are not to be in their files, or not yet.
 *
 * @module
 */
import {
  compareBytes,
  readUint32,
  toHex,
  writeUint32,
} from "../../_shared/bytes.ts";
import { attempt, type Awaitable, chain } from "../awaitable.ts";
import {
  type FileHandle,
  type FilePath,
  type FileSystem,
  useHandle,
} from "../file_system.ts";
import type { StorageTorrent } from "../storage.ts";

/** "BIPPART1". */
const MAGIC = new Uint8Array([66, 73, 80, 80, 65, 82, 84, 49]);
/** Magic, info-hash, piece length (high and low word), piece count. */
const HEADER_SIZE = 40;

/**
 * One file with a slot of a piece's length for every piece that has bytes of
 * deselected files, or that came before what lies ahead of it: a header, a table
 * with the slot number (from 1) of every piece, then the slots. Inside a slot only
 * the bytes that are not in a file are set.
 * What it holds is as little trusted as any file: everything read from it is
 * either hashed or was written by us.
 */
export class PartFile {
  readonly #fileSystem: FileSystem;
  readonly #path: FilePath;
  readonly #pieceLength: number;
  readonly #pieceCount: number;
  readonly #infoHash: Uint8Array;
  readonly #isPacked: boolean;
  readonly #slots = new Map<number, number>();
  /** The piece of each slot that is not free. */
  readonly #owners: number[] = [];
  /** Free slots, those given back last at the end. */
  readonly #free: number[] = [];
  /** Reads and writes under way: until they are done no slot changes hands. */
  #busy = 0;
  /** Pieces whose slot is not in the table of the file yet. */
  #unrecorded: Set<number> | undefined;
  #slotCount = 0;
  #hasHeader = false;
  /** Whether the table of the file is to be written anew. */
  #isStale = false;

  /** `isPacked`: whether a free slot is filled with the last one. */
  constructor(
    fileSystem: FileSystem,
    folder: FilePath,
    torrent: StorageTorrent,
    isPacked = false,
  ) {
    this.#fileSystem = fileSystem;
    this.#isPacked = isPacked;
    this.#path = [...folder, partFileName(torrent.infoHash)];
    this.#infoHash = torrent.infoHash;
    this.#pieceLength = torrent.layout.pieceLength;
    this.#pieceCount = torrent.layout.pieceCount;
  }

  /** Where it is. */
  get path(): FilePath {
    return this.#path;
  }

  /** The pieces that have a slot. */
  get pieces(): number[] {
    return [...this.#slots.keys()];
  }

  /** Whether no piece has a slot. */
  get isEmpty(): boolean {
    return this.#slots.size === 0;
  }

  /** Whether a piece has a slot. */
  has(pieceIndex: number): boolean {
    return this.#slots.has(pieceIndex);
  }

  /** Reads the table, if there is one; what makes no sense is empty. */
  async load(): Promise<void> {
    const info = await this.#fileSystem.stat(this.#path);
    const tableEnd = HEADER_SIZE + 4 * this.#pieceCount;
    if (info === undefined) return;
    const bytes = new Uint8Array(tableEnd);
    const n = await useHandle(
      this.#fileSystem.open(this.#path),
      (handle) => handle.read(bytes, 0),
    );
    const header = bytes.subarray(0, HEADER_SIZE);
    if (header.every((byte) => byte === 0)) {
      // It had no table yet when a crash came.
      this.#hasHeader = true;
      this.#isStale = true;
      return;
    }
    if (n < tableEnd || compareBytes(header, this.#header()) !== 0) return;
    const seen = new Map<number, number>();
    for (let i = 0; i < this.#pieceCount; i++) {
      const slot = readUint32(bytes, HEADER_SIZE + 4 * i);
      if (slot === 0) continue;
      if (slot > this.#pieceCount) {
        this.#slots.clear();
        return;
      }
      const twin = seen.get(slot);
      // A crash may leave two for one slot: which is right nobody knows.
      if (twin !== undefined) {
        this.#isStale = true;
        this.#slots.delete(twin);
        continue;
      }
      seen.set(slot, i);
      this.#give(i, slot - 1);
      this.#slotCount = Math.max(this.#slotCount, slot);
    }
    const used = new Set(this.#slots.values());
    for (let slot = 0; slot < this.#slotCount; slot++) {
      if (!used.has(slot)) this.#free.push(slot);
    }
    this.#hasHeader = true;
  }

  /** Reads bytes of a piece. Returns how many; a slot may end early. */
  read(
    pieceIndex: number,
    offset: number,
    into: Uint8Array,
  ): Awaitable<number> {
    const slot = this.#slots.get(pieceIndex);
    if (slot === undefined) return 0;
    return this.#use(
      false,
      (handle) => handle.read(into, this.#slotStart(slot) + offset),
    );
  }

  /** Writes bytes of a piece. */
  write(
    pieceIndex: number,
    offset: number,
    from: Uint8Array,
  ): Awaitable<void> {
    const old = this.#slots.get(pieceIndex);
    const slot = old ?? this.#takeFree() ?? this.#slotCount++;
    this.#give(pieceIndex, slot);
    if (old === undefined) (this.#unrecorded ??= new Set()).add(pieceIndex);
    return this.#use(
      true,
      (handle) =>
        chain(
          handle.write(from, this.#slotStart(slot) + offset),
          (): Awaitable<void> =>
            this.#unrecorded?.has(pieceIndex)
              ? this.#record(handle, pieceIndex, slot)
              : undefined,
        ),
    );
  }

  /** Gives the slot of a piece back. */
  release(pieceIndex: number): Awaitable<void> {
    const slot = this.#slots.get(pieceIndex);
    if (slot === undefined) return;
    this.#slots.delete(pieceIndex);
    this.#unrecorded?.delete(pieceIndex);
    this.#free.push(slot);
    if (this.#slots.size === 0 && this.#busy === 0) return this.remove();
    const isAlone = this.#busy === 0;
    return attempt(
      () =>
        this.#use(
          true,
          (handle) =>
            chain(
              handle.write(new Uint8Array(4), HEADER_SIZE + 4 * pieceIndex),
              () => this.#isPacked && isAlone ? this.#pack(handle) : undefined,
            ),
        ),
      (error) => {
        this.#isStale = true;
        throw error;
      },
    );
  }

  /**
   * Fills free slots with the last ones, and cuts the file behind the rest; only
   * where that is done at once, as nobody may come in between.
   */
  #pack(handle: FileHandle): Awaitable<void> {
    for (let at; (at = this.#free.indexOf(this.#slotCount - 1)) >= 0;) {
      this.#free.splice(at, 1);
      this.#slotCount--;
    }
    const slot = this.#free.shift();
    if (slot === undefined) {
      return handle.truncate(this.#slotStart(this.#slotCount));
    }
    const last = this.#slotCount - 1;
    const bytes = new Uint8Array(this.#pieceLength);
    const read = handle.read(bytes, this.#slotStart(last));
    const written = read instanceof Promise
      ? read
      : handle.write(bytes.subarray(0, read), this.#slotStart(slot));
    if (written instanceof Promise) {
      return written.then(() => {}).finally(() => this.#free.push(slot));
    }
    const pieceIndex = this.#owners[last]!;
    this.#give(pieceIndex, slot);
    this.#free.push(last);
    return chain(
      this.#unrecorded?.has(pieceIndex)
        ? undefined
        : this.#record(handle, pieceIndex, slot),
      () => this.#pack(handle),
    );
  }

  /** A free slot that nobody reads or writes any more. */
  #takeFree(): number | undefined {
    return this.#busy === 0 ? this.#free.pop() : undefined;
  }

  /** Opens the file for something. */
  #use<T>(
    write: boolean,
    run: (handle: FileHandle) => Awaitable<T>,
  ): Awaitable<T> {
    const result = useHandle(this.#fileSystem.open(this.#path, { write }), run);
    if (!(result instanceof Promise)) return result;
    this.#busy++;
    return result.finally(() => this.#busy--);
  }

  /** Deletes the file if it is ours and holds nothing. */
  removeEmpty(): Awaitable<void> {
    if (this.#hasHeader && this.isEmpty) return this.remove();
  }

  /** Deletes the file and everything in it. */
  remove(): Awaitable<void> {
    this.#slots.clear();
    this.#unrecorded?.clear();
    this.#free.length = 0;
    this.#slotCount = 0;
    this.#hasHeader = false;
    this.#isStale = false;
    return chain(this.#fileSystem.remove(this.#path), () => {});
  }

  #give(pieceIndex: number, slot: number): void {
    this.#slots.set(pieceIndex, slot);
    this.#owners[slot] = pieceIndex;
  }

  #record(
    handle: FileHandle,
    pieceIndex: number,
    slot: number,
  ): Awaitable<void> {
    const entry = new Uint8Array(4);
    writeUint32(entry, 0, slot + 1);
    const written = this.#hasHeader && !this.#isStale
      ? handle.write(entry, HEADER_SIZE + 4 * pieceIndex)
      : handle.write(this.#table(), 0);
    return chain(written, () => {
      this.#hasHeader = true;
      this.#isStale = false;
      this.#unrecorded?.delete(pieceIndex);
    });
  }

  #slotStart(slot: number): number {
    const data = Math.ceil((HEADER_SIZE + 4 * this.#pieceCount) / 4096) * 4096;
    return data + slot * this.#pieceLength;
  }

  #header(): Uint8Array {
    const header = new Uint8Array(HEADER_SIZE);
    header.set(MAGIC);
    header.set(this.#infoHash.subarray(0, 20), 8);
    writeUint32(header, 28, Math.floor(this.#pieceLength / 0x100000000));
    writeUint32(header, 32, this.#pieceLength >>> 0);
    writeUint32(header, 36, this.#pieceCount);
    return header;
  }

  #table(): Uint8Array {
    const table = new Uint8Array(HEADER_SIZE + 4 * this.#pieceCount);
    table.set(this.#header());
    for (const [pieceIndex, slot] of this.#slots) {
      writeUint32(table, HEADER_SIZE + 4 * pieceIndex, slot + 1);
    }
    return table;
  }
}

/** Names the part file of a torrent. */
export function partFileName(infoHash: Uint8Array): string {
  return `.${toHex(infoHash)}.bip-part`;
}
