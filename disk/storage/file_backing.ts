/**
 * Pieces in files.
 *
 * @module
 */
import type { Bitfield } from "../../_shared/bitfield.ts";
import type { Awaitable } from "../awaitable.ts";
import {
  checkFiles,
  type CheckFilesOptions,
  oddFiles,
} from "../check/check.ts";
import type { CheckOptions } from "../check_options.ts";
import { allGone, type DiskError, filesError } from "../error.ts";
import type { FilePath, FileSystem } from "../file_system.ts";
import type { HandleCache } from "../files/handle_cache.ts";
import type { TorrentFiles } from "../files/torrent_files.ts";
import type { PieceRun } from "../piece_store.ts";
import { takeResumeData } from "../resume/resume_state.ts";
import type { PiecesLostEvent, StorageTorrent } from "../storage.ts";
import type { Backing, CheckPieces } from "./backing.ts";
import type { ReserveOptions } from "./reserve.ts";
import { findLost, piecesOf } from "./lost_pieces.ts";

/** The files of a torrent as what its storage stands on. */
export class FileBacking implements Backing {
  readonly isFar = false;
  readonly #torrent: StorageTorrent;
  readonly #files: TorrentFiles;
  /** 1 for every file that is to be made. */
  readonly #wanted: Uint8Array;
  readonly #adopt: (fileSystem: FileSystem) => HandleCache;

  constructor(
    torrent: StorageTorrent,
    files: TorrentFiles,
    wanted: Uint8Array,
    adopt: (fileSystem: FileSystem) => HandleCache,
  ) {
    this.#torrent = torrent;
    this.#files = files;
    this.#wanted = wanted;
    this.#adopt = adopt;
  }

  get ownPlaces(): readonly FilePath[] {
    return this.#files.ownPlaces;
  }

  get paths(): readonly FilePath[] {
    return this.#files.stored.paths;
  }

  get writtenBytes(): number {
    return this.#files.writtenBytes;
  }

  get readBytes(): number {
    return this.#files.readBytes;
  }

  readRange(
    pieceIndex: number,
    offset: number,
    into: Uint8Array<ArrayBuffer>,
  ): Awaitable<boolean> {
    return this.#files.readRange(pieceIndex, offset, into);
  }

  writeRange(
    pieceIndex: number,
    offset: number,
    bytes: Uint8Array<ArrayBuffer>,
  ): Awaitable<void> {
    return this.#files.writeRange(pieceIndex, offset, bytes);
  }

  writePiece(pieceIndex: number, runs: readonly PieceRun[]): Awaitable<void> {
    return this.#files.writePiece(pieceIndex, runs);
  }

  isWanted(fileIndex: number): boolean {
    return this.#wanted[fileIndex] === 1;
  }

  async setWanted(
    fileIndex: number,
    wanted: boolean,
    readOnly: boolean,
  ): Promise<void> {
    if (!wanted) await this.#files.apart.deselect(fileIndex);
    else if (!readOnly) {
      await this.#files.stored.own.need(fileIndex);
      await this.#files.settle((i) => i === fileIndex);
      // No piece may be left to come.
      await this.#files.finish();
    }
    this.#wanted[fileIndex] = wanted ? 1 : 0;
  }

  reserve(
    options: ReserveOptions,
    fileIndex?: number,
  ): Promise<void> | undefined {
    if (!this.#files.isReserved) return undefined;
    const which = fileIndex === undefined
      ? this.#files.stored.indices.filter((i) => this.isWanted(i))
      : [fileIndex];
    return import("./reserve.ts").then(({ reserveFiles }) =>
      reserveFiles(this.#files, which, options)
    );
  }

  check(have: Bitfield, options: CheckFilesOptions): Promise<void> {
    return checkFiles(this.#torrent, this.#files, have, options);
  }

  async recheck(
    check: (pieces?: readonly number[]) => Promise<void>,
    { expectFiles }: Pick<CheckOptions, "expectFiles">,
  ): Promise<void> {
    const { places, indices } = this.#files.stored;
    const find = () => indices.filter((i) => this.#files.stored.isMissing(i));
    const missing = find();
    // What came where nothing was, and is not of the torrent, stays what it is.
    const pass = (isForeign: (fileIndex: number) => boolean) => {
      for (const i of missing) {
        const isThere = this.#files.stored.size(i) > 0;
        if (isThere && !places.suffixed.has(i) && isForeign(i)) {
          this.#files.stored.pass(i);
        }
      }
    };
    await this.#files.lookAgain();
    if (expectFiles && missing.length < find().length) {
      const isGone = find().length === indices.length &&
        await this.#files.statPartFile() === undefined;
      if (isGone) throw allGone(places.at(indices[0]!));
    }
    try {
      await check();
    } catch (error) {
      this.#files.sortOut(undefined, false);
      pass((i) => !this.#files.isPart(i));
      throw error;
    }
    const strange = this.#files.sortOut();
    if (strange.length > 0) await check(strange);
    if (missing.length === 0) return;
    const foreign = new Set(oddFiles(this.#files).foreign);
    pass((i) => foreign.has(i));
  }

  async confirm(
    have: Bitfield,
    check: CheckPieces,
    readOnly = false,
  ): Promise<Omit<PiecesLostEvent, "type"> | undefined> {
    const { layout } = this.#torrent;
    const { stored } = this.#files;
    if (!readOnly) {
      for (const i of layout.files.keys()) {
        if (this.isWanted(i)) await this.#files.apart.append(i);
      }
      await this.#files.apart.tidy();
      await this.#files.finish();
    }
    const changed = await stored.changed((i) => {
      const from = this.#files.apart.from(i);
      const isWanted = this.isWanted(i);
      return from === 0 && !isWanted ? undefined : isWanted;
    });
    if (changed.length === 0) return undefined;
    const pieces = piecesOf(changed, layout, have);
    await check(pieces);
    if (!readOnly) {
      await this.#files.settle((i) => this.isWanted(i));
      for (const i of changed) {
        const isLonger = stored.size(i) > layout.files[i]!.length;
        if (isLonger && this.#files.isPart(i)) await stored.cut(i);
      }
    }
    const lost = pieces.filter((pieceIndex) => !have.has(pieceIndex));
    if (lost.length === 0) return undefined;
    const error = filesError(
      "replaced",
      "complete",
      changed.map((i) => stored.paths[i]!),
      "It was deleted, replaced or written to meanwhile",
      (count) => `, and ${count} more`,
    );
    return { pieces: lost, error };
  }

  pieceGood(pieceIndex: number): Promise<void> | undefined {
    return this.#files.apart.pieceGood(pieceIndex);
  }

  completedBy(pieceIndex: number): number[] {
    const { places } = this.#files.stored;
    if (places.suffixed.size === 0) return [];
    const { layout } = this.#torrent;
    return layout.spans(pieceIndex, 0, layout.pieceSize(pieceIndex))
      .map(({ fileIndex }) => fileIndex)
      .filter((fileIndex) => this.#files.isComplete(fileIndex));
  }

  finish(fileIndex: number): Promise<void> {
    return this.#files.stored.finish(fileIndex);
  }

  findLost(pieceIndex: number, have: Bitfield): Promise<readonly number[]> {
    return findLost(pieceIndex, this.#files, have);
  }

  sync(): Promise<DiskError[]> {
    return this.#files.sync();
  }

  resumeData(
    have: Bitfield,
    partials: () => Iterable<readonly [number, Bitfield]>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return takeResumeData({
      torrent: this.#torrent,
      files: this.#files,
      have,
      wanted: this.#wanted,
      partials,
    });
  }

  async move(
    folder: FilePath,
    target: FileSystem | undefined,
  ): Promise<void> {
    await this.#files.move(folder, target && this.#adopt(target));
  }

  rename(fileIndex: number, path: FilePath): Promise<void> {
    return this.#files.rename(fileIndex, path);
  }

  remove(signal?: AbortSignal): Promise<DiskError[]> {
    return this.#files.remove(signal);
  }

  /** Files are closed with the manager, or when others need the handles. */
  close(): void {
    this.#files.stored.own.close();
  }
}
