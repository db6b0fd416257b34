/**
 * One file of a torrent.
 *
 * @module
 */
import { filePath } from "../../metainfo/metainfo.ts";
import type { FileStreamOptions } from "../reading/readers.ts";
import type { TorrentLife } from "./torrent_life.ts";
import type { FileSnapshot } from "./torrent_view.ts";
import { checkPriority } from "../content/wishes.ts";

/** What users see of a file; for the torrent only. */
export let makeTorrentFile: (life: TorrentLife, index: number) => TorrentFile;

/** A file of a torrent whose description is known. See `Torrent.files`. */
export class TorrentFile {
  /** Its index in the torrent, pad files counted. */
  readonly index: number;
  readonly #life: TorrentLife;

  static {
    makeTorrentFile = (life, index) => new TorrentFile(life, index);
  }

  private constructor(life: TorrentLife, index: number) {
    this.#life = life;
    this.index = index;
  }

  /**
   * Components of its path: where it is on disk, once the torrent was checked;
   * before, the torrent's name and safe names that are unique on every system.
   */
  get path(): readonly string[] {
    return this.#life.content?.storage.paths[this.index] ??
      filePath(this.#life.metainfo!, this.index);
  }

  /** Bytes. */
  get length(): number {
    return this.#life.metainfo!.files[this.index]!.length;
  }

  /** Whether it is only padding, which is never stored (BEP 47). */
  get isPad(): boolean {
    return this.#life.metainfo!.files[this.index]!.pad;
  }

  /** 0 (left out) to 7 (first). */
  get priority(): number {
    const { content, options } = this.#life;
    return content?.wishes.filePriority(this.index) ??
      options.filePriorities?.[this.index] ?? 4;
  }

  /** Its bytes that are verified; looks at each of its pieces. */
  get doneBytes(): number {
    const content = this.#life.content;
    if (content === undefined) return 0;
    const { layout, have } = content;
    const { offset, length } = layout.files[this.index]!;
    if (have.isFull) return length;
    const { first, end } = layout.filePieces(this.index);
    let done = 0;
    for (let i = first; i < end; i++) {
      if (!have.has(i)) continue;
      const start = i * layout.pieceLength;
      done += Math.min(offset + length, start + layout.pieceSize(i)) -
        Math.max(offset, start);
    }
    return done;
  }

  /**
   * Wants it otherwise than before.
   *
   * @param priority 0 (left out) to 7 (first).
   * @returns A promise that resolves when the change is made.
   * @throws {RangeError} If there is no such priority.
   * @throws {SessionError} `no-metadata` while the torrent is being checked.
   */
  async setPriority(priority: number): Promise<void> {
    checkPriority(priority);
    await this.#life.setFilePriorities(new Map([[this.index, priority]]));
  }

  /**
   * Stores it under another path, also while it is fetched or served.
   *
   * @param path Components below the folder of the torrent.
   * @returns A promise that resolves when it is there.
   * @throws {DiskError} `unsafe-path`, `exists` if something is there, or why it
   * cannot be renamed; it is where it was then.
   * @throws {SessionError} `no-metadata` while the torrent is being checked.
   */
  rename(path: readonly string[]): Promise<void> {
    return this.#life.renameFile(this.index, path);
  }

  /**
   * Reads it, also while it is fetched: what lies ahead of the reader is
   * fetched before all else, as far as it reads in some seconds, and though the
   * file may be left out. Pauses, checks and bad pieces make it wait.
   *
   * @param options Which part, and what ends it.
   * @returns A stream of chunks of at most 64 KiB. It ends with an error if the
   * torrent is removed or stopped by one.
   * @throws {RangeError} If there is no such part.
   */
  stream(
    options: FileStreamOptions = {},
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#life.readers.open(this.index, options);
  }

  /**
   * Describes it.
   *
   * @returns Plain JSON.
   */
  snapshot(): FileSnapshot {
    return {
      path: this.path.join("/"),
      length: this.length,
      doneBytes: this.doneBytes,
      priority: this.priority,
    };
  }
}
