/**
 * The bytes of a torrent that wait in its part file.
 *
 * @module
 */
import type { FileSpan, PieceLayout } from "../../metainfo/piece_layout.ts";
import type { FilePath } from "../file_system.ts";
import type { PieceRun } from "../piece_store.ts";
import type { StorageTorrent } from "../storage.ts";
import type { Turns } from "../turns.ts";
import { PartFile } from "./part_file.ts";
import type { StoredFiles } from "./stored_files.ts";

const COPY_SIZE = 1024 * 1024;

/** What {@linkcode ApartBytes} are of. */
export interface ApartBytesContext {
  readonly torrent: StorageTorrent;
  readonly stored: StoredFiles;
  /** Whether files grow without gaps. */
  readonly isCompact: boolean;
  readonly turns: Turns;
  readonly isWanted: (fileIndex: number) => boolean;
  /** Whether a piece is verified and written. */
  readonly isGood: (pieceIndex: number) => boolean;
}

/**
 * Knows which bytes are not in their files: those of deselected files that are not
 * there, and what came too early for a compact one.
 */
export class ApartBytes {
  readonly #context: ApartBytesContext;
  readonly #layout: PieceLayout;
  readonly #stored: StoredFiles;
  #folder: FilePath;
  /** Only once it is looked for. */
  #partFile: PartFile | undefined;
  /** Files whose bytes from some offset on belong in the part file. */
  readonly #from = new Map<number, number>();
  #appending: Set<number> | undefined;

  constructor(folder: FilePath, context: ApartBytesContext) {
    this.#context = context;
    this.#layout = context.torrent.layout;
    this.#stored = context.stored;
    this.#folder = folder;
  }

  /** Where they wait. */
  get part(): PartFile {
    return this.#partFile ??= this.partIn(this.#folder);
  }

  /** Whether nothing waits, as far as is known. */
  get isEmpty(): boolean {
    return this.#partFile?.isEmpty ?? true;
  }

  /** A part file in a folder. */
  partIn(folder: FilePath, fileSystem = this.#stored.fileSystem): PartFile {
    const { torrent, isCompact } = this.#context;
    return new PartFile(fileSystem, folder, torrent, isCompact);
  }

  /** Takes them to wait elsewhere, after they were moved. */
  relocate(folder: FilePath, part: PartFile): void {
    this.#folder = folder;
    this.#partFile = part;
  }

  /** From where on the bytes of a file are apart, if they are. */
  from(fileIndex: number): number | undefined {
    return this.#from.get(fileIndex);
  }

  /** Whether bytes of a file are apart. */
  has(span: FileSpan): boolean {
    const from = this.#from.get(span.fileIndex);
    return from !== undefined && span.fileOffset + span.length > from;
  }

  /** Whether bytes of a piece are in the part file. */
  isInPartFile(pieceIndex: number): boolean {
    return this.#partFile?.has(pieceIndex) === true;
  }

  /** What is missing of a file is, or will be, in the part file. */
  find(which: readonly number[]): void {
    const layout = this.#layout;
    const stored = this.#stored;
    const { isCompact, isWanted } = this.#context;
    const inPart = new Set<number>();
    for (const pieceIndex of this.#partFile?.pieces ?? []) {
      for (const { fileIndex } of this.#spansOf(pieceIndex)) {
        inPart.add(fileIndex);
      }
    }
    for (const i of which) {
      // What another torrent has is not there for one that does not want it.
      const isOther = stored.own.isTaken(i) && !isWanted(i);
      const found = isOther ? -1 : stored.size(i);
      const size = Math.max(0, found);
      const { offset, length } = layout.files[i]!;
      const isApart = size < length && (isCompact || inPart.has(i)) ||
        found < 0 && !isWanted(i);
      if (!isApart) {
        this.#from.delete(i);
        continue;
      }
      const start = (offset + size) % layout.pieceLength;
      this.#from.set(i, Math.max(0, size - start));
    }
  }

  /** Frees what is no longer needed in the part file. */
  async tidy(): Promise<void> {
    if (this.#partFile === undefined) return;
    await this.#releaseSlots(this.#partFile.pieces);
    if (!this.#partFile.isEmpty) return;
    await this.#partFile.removeEmpty();
    this.#partFile = undefined;
  }

  /** The shares of a whole piece that compact files go on with. */
  nextOf(pieceIndex: number, runs: readonly PieceRun[]): FileSpan[] {
    const { isCompact, isWanted } = this.#context;
    if (!isCompact || this.isInPartFile(pieceIndex)) return [];
    const bytes = runs.reduce((sum, run) => sum + run.bytes.length, 0);
    if (bytes < this.#layout.payloadSize(pieceIndex)) return [];
    return this.#spansOf(pieceIndex).filter((span) =>
      this.#from.get(span.fileIndex) === span.fileOffset &&
      isWanted(span.fileIndex)
    );
  }

  /** A compact file goes on to the end of a share. */
  grown({ fileIndex, fileOffset, length }: FileSpan): void {
    const end = fileOffset + length;
    if (end < this.#layout.files[fileIndex]!.length) {
      this.#from.set(fileIndex, end);
    } else this.#from.delete(fileIndex);
  }

  /** Puts what waits behind a new piece in its place; if that is to be done. */
  pieceGood(pieceIndex: number): Promise<void> | undefined {
    const { isCompact, isWanted } = this.#context;
    if (!isCompact || this.isEmpty) return undefined;
    const files = this.#spansOf(pieceIndex).map((span) => span.fileIndex)
      .filter((i) => this.#from.has(i) && isWanted(i));
    if (files.length === 0) return undefined;
    return Promise.all(files.map((i) => this.append(i))).then(() => {});
  }

  /** Lets a compact file grow by what waits of it. */
  async append(fileIndex: number): Promise<void> {
    const appending = this.#appending ??= new Set();
    if (appending.has(fileIndex)) return;
    appending.add(fileIndex);
    const { isGood, turns } = this.#context;
    const { pieceLength, files } = this.#layout;
    try {
      for (;;) {
        const from = this.#from.get(fileIndex);
        if (from === undefined) return;
        const { offset } = files[fileIndex]!;
        const pieceIndex = Math.floor((offset + from) / pieceLength);
        if (!isGood(pieceIndex) || !this.isInPartFile(pieceIndex)) return;
        const span = this.#spansOf(pieceIndex)
          .find((span) => span.fileIndex === fileIndex);
        if (span === undefined || !await this.#bring(pieceIndex, span)) return;
        this.grown(span);
        await this.#releaseSlots([pieceIndex]);
        await turns.take(span.length);
      }
    } finally {
      appending.delete(fileIndex);
    }
  }

  /** Bytes of a deselected file are apart, unless it exists and is ours. */
  async deselect(fileIndex: number): Promise<void> {
    if (this.#layout.files[fileIndex]!.pad) return;
    const { own } = this.#stored;
    // What came where nothing was is not ours.
    const isOurs = !this.#stored.isMissing(fileIndex) &&
      await this.#stored.look(fileIndex) >= 0;
    if (!isOurs) own.release(fileIndex);
    if (!isOurs || own.isTaken(fileIndex)) this.takeOut(fileIndex);
  }

  /** Nothing of a file is in its place, or will be. */
  takeOut(fileIndex: number): void {
    this.#from.set(fileIndex, 0);
  }

  /** Puts what waits of a file in its place. */
  async select(fileIndex: number): Promise<void> {
    if (!this.#from.has(fileIndex)) return;
    if (this.#context.isCompact) return await this.append(fileIndex);
    const pieces = this.slotsOf(fileIndex);
    for (const pieceIndex of pieces) {
      for (const span of this.#spansOf(pieceIndex)) {
        if (span.fileIndex !== fileIndex || !this.has(span)) continue;
        await this.#bring(pieceIndex, span);
      }
    }
    this.#from.delete(fileIndex);
    await this.#releaseSlots(pieces);
  }

  /** The shares of files in a piece. */
  #spansOf(pieceIndex: number): FileSpan[] {
    const layout = this.#layout;
    return layout.spans(pieceIndex, 0, layout.pieceSize(pieceIndex))
      .filter((span) => !span.pad);
  }

  /** Copies a file's share of a piece out of the part file; whether all is there. */
  async #bring(pieceIndex: number, span: FileSpan): Promise<boolean> {
    const { fileIndex, fileOffset, dataOffset, length } = span;
    const buffer = new Uint8Array(Math.min(length, COPY_SIZE));
    for (let done = 0; done < length; done += buffer.length) {
      const run = buffer.subarray(0, length - done);
      const n = await this.part.read(pieceIndex, dataOffset + done, run);
      const bytes = run.subarray(0, n);
      const at = fileOffset + done;
      // The end tells how far it came, if it does not come to the end.
      if (n > 0) await this.#stored.write(fileIndex, at, bytes, true);
      // A slot that is short has nothing to bring from here on.
      if (n < run.length) return false;
    }
    return true;
  }

  /** The pieces of a file that have a slot in the part file. */
  slotsOf(fileIndex: number): number[] {
    if (this.isEmpty) return [];
    const { first, end } = this.#layout.filePieces(fileIndex);
    return this.part.pieces.filter((i) => i >= first && i < end)
      .sort((a, b) => a - b);
  }

  /** Gives back the slots that no file needs any more. */
  async #releaseSlots(pieces: readonly number[]): Promise<void> {
    for (const pieceIndex of pieces) {
      const isNeeded = this.#spansOf(pieceIndex).some((span) => this.has(span));
      if (!isNeeded) await this.part.release(pieceIndex);
    }
  }
}
