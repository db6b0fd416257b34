/**
 * The storages of all torrents, with one memory for them.
 *
 * @module
 */
import { onAborted } from "../_shared/abort.ts";
import { type Clock, systemClock } from "../_shared/clock.ts";
import { toHex } from "../_shared/bytes.ts";

import {
  budgetParts,
  checkNumber,
  DiskBudget,
  type DiskBudgetOptions,
} from "./budget.ts";
import { closed, DiskError } from "./error.ts";
import type { FileSystem } from "./file_system.ts";
import {
  findPaths,
  type FindPathsOptions,
  type FindPathsTorrent,
} from "./find_paths.ts";
import { HandleCache } from "./files/handle_cache.ts";
import { DiskMessages } from "./messages.ts";
import type { DiskEvent, DiskRequest } from "./messages.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import type { PieceStorage } from "./piece_store.ts";
import type {
  DiskAddOptions,
  StorageTorrent,
  TorrentStorage,
} from "./storage.ts";
import type { Backing } from "./storage/backing.ts";
import { checkTorrent } from "./storage/check_torrent.ts";
import { FileBacking } from "./storage/file_backing.ts";
import { openFiles } from "./storage/open_files.ts";
import { ManagedStorage } from "./storage/torrent_storage.ts";
import { TorrentClaims } from "./files/path_claims.ts";
import { TorrentFiles } from "./files/torrent_files.ts";

/** Options of {@linkcode DiskManager}; its numbers count without a `budget`. */
export interface DiskManagerOptions extends DiskBudgetOptions {
  /** Where the files are; needed unless there is a `storage`. */
  readonly fileSystem?: FileSystem | undefined;
  /** Where pieces go instead of files. */
  readonly storage?: PieceStorage | undefined;
  /**
   * Memory and open files shared with other managers.
   *
   * @default {one of its own}
   */
  readonly budget?: DiskBudget | undefined;
  /**
   * Threads for checking files that are on the system's disk; all cores by
   * default. With 1, no other thread hashes what comes in either.
   *
   * @default {navigator.hardwareConcurrency}
   */
  readonly threads?: number | undefined;
  /**
   * Requests of `writable` and events of `readable` that may wait.
   *
   * @default {64}
   */
  readonly maxWaiting?: number | undefined;
  /**
   * Clock used to yield to other work during long checks.
   *
   * @default {systemClock}
   */
  readonly clock?: Clock | undefined;
  /** Closes the manager. */
  readonly signal?: AbortSignal | undefined;
}

/** A torrent that is being added. */
interface Adding {
  readonly done: Promise<void>;
  /** Ends it. */
  readonly ending: AbortController;
  /** Once its files were looked at. */
  storage: ManagedStorage | undefined;
}

/**
 * Stores torrents. Its methods are the fast way; `writable` and `readable`
 * are the same as messages.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { crypto } from "@std/crypto";
 * import { PieceLayout } from "@bip/bip/metainfo";
 * import { DiskManager, MemoryFileSystem } from "@bip/bip/disk";
 *
 * const data = new Uint8Array(20000).fill(7);
 * const fileSystem = new MemoryFileSystem();
 * await using disk = new DiskManager({ fileSystem });
 * const storage = await disk.add({
 *   infoHash: new Uint8Array(20),
 *   layout: new PieceLayout({ pieceLength: 32768, files: [{ length: 20000 }] }),
 *   paths: [["folder", "file"]],
 *   pieces: new Uint8Array(crypto.subtle.digestSync("SHA-1", data)),
 * });
 * storage.writeBlock(0, 16384, data.subarray(16384));
 * storage.writeBlock(0, 0, data.subarray(0, 16384));
 * for await (const event of storage.events()) {
 *   assertEquals(event.type, "piece-good");
 *   break;
 * }
 * assertEquals(fileSystem.contents(["folder", "file"]), data);
 * ```
 */
export class DiskManager implements AsyncDisposable {
  readonly #fileSystem: HandleCache;
  readonly #pieceStorage: PieceStorage | undefined;
  /** File systems that torrents were moved to. */
  readonly #adopted = new Map<FileSystem, HandleCache>();
  readonly #budget: DiskBudget;
  readonly #ownsBudget: boolean;
  readonly #threads: number | undefined;
  readonly #clock: Clock;
  readonly #storages = new Map<string, ManagedStorage>();
  readonly #adding = new Map<string, Adding>();
  readonly #maxWaiting: number;
  #openMessages: DiskMessages | undefined;
  #closing: Promise<void> | undefined;
  #detachSignal = () => {};

  /**
   * Makes a manager; nothing is touched yet.
   *
   * @param options See {@linkcode DiskManagerOptions}.
   * @throws {RangeError} If a number is out of range: `maxBufferedBytes` is at
   * least 1048576. The reason of the signal if it was aborted.
   */
  constructor(options: DiskManagerOptions) {
    if (options.fileSystem === undefined && options.storage === undefined) {
      throw new TypeError("A disk manager needs a file system or a storage");
    }
    const {
      storage,
      // Names no file of a storage that has none.
      fileSystem = new MemoryFileSystem(),
      budget,
      threads,
      maxWaiting = 64,
      clock = systemClock,
      signal,
    } = options;
    checkNumber("maxWaiting", maxWaiting, 1);
    if (threads !== undefined) checkNumber("threads", threads, 1);
    this.#budget = budget ?? new DiskBudget(options);
    this.#ownsBudget = budget === undefined;
    this.#fileSystem = new HandleCache(
      fileSystem,
      budgetParts(this.#budget).handles,
    );
    this.#pieceStorage = storage;
    this.#threads = threads;
    this.#clock = clock;
    this.#maxWaiting = maxWaiting;
    signal?.throwIfAborted();
    // The result is not awaited: failures were reported as events.
    const onAbort = () => void this.close().catch(() => {});
    this.#detachSignal = onAborted(signal, onAbort);
    budgetParts(this.#budget).helper.use();
  }

  /** Takes requests; waits when results are not read, fails once they end. */
  get writable(): WritableStream<DiskRequest> {
    return this.#messages.writable;
  }

  /** Gives results of requests, and events of torrents added by request. */
  get readable(): ReadableStream<DiskEvent> {
    return this.#messages.readable;
  }

  /** Bytes of blocks in memory, over all that share the budget. */
  get bufferedBytes(): number {
    return this.#budget.bufferedBytes;
  }

  /** Bytes of served pieces in memory, over all that share the budget. */
  get cachedBytes(): number {
    return this.#budget.cachedBytes;
  }

  /** Defined while sockets should not be read. See {@linkcode TorrentStorage}. */
  get pressure(): Promise<void> | undefined {
    return budgetParts(this.#budget).pool.pressure;
  }

  /**
   * Looks a torrent up.
   *
   * @param infoHash 20 bytes.
   * @returns Its storage, or `undefined`.
   */
  get(infoHash: Uint8Array): TorrentStorage | undefined {
    return this.#storages.get(toHex(infoHash));
  }

  /**
   * Finds the names under which the files of a torrent are, or will be, stored.
   *
   * @param torrent Which files.
   * @param options Whether the disk may be tried out.
   * @returns One path a file, for `paths` of {@linkcode DiskManager.add}.
   */
  findPaths(
    torrent: FindPathsTorrent,
    options?: FindPathsOptions,
  ): Promise<string[][]> {
    return findPaths(this.#fileSystem, torrent, options);
  }

  /**
   * Adds a torrent and finds out which of its pieces are there. Files of length
   * 0 are made at once, others when their first bytes are written; a file that
   * is too long is cut after a `surplus` event. What is complete is not written
   * to.
   *
   * @param torrent What to store.
   * @param options How to treat existing files, which to skip.
   * @returns Its storage, with `have` set.
   * @throws {DiskError} `duplicate-torrent`, `closed`, `foreign-file` if files
   * are in the way (see {@linkcode DiskAddOptions.overwrite}), `taken` if files
   * that are not whole are another torrent's of the same budget, or why files
   * cannot be read or made.
   * @throws {RangeError} If paths, hashes and layout do not fit together. The
   * reason of the signal if it was aborted.
   */
  async add(
    torrent: StorageTorrent,
    options: DiskAddOptions = {},
  ): Promise<TorrentStorage> {
    checkTorrent(torrent);
    const key = toHex(torrent.infoHash);
    this.#checkOpen();
    if (this.#adding.has(key) || this.#storages.has(key)) {
      throw new DiskError(
        "duplicate-torrent",
        `Torrent ${key} was added before`,
        {
          operation: "add torrent",
        },
      );
    }
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const ending = new AbortController();
    const adding: Adding = { done, ending, storage: undefined };
    this.#adding.set(key, adding);
    const { signal } = options;
    const forget = onAborted(signal, () => ending.abort(signal?.reason));
    try {
      const storage = await this.#open(torrent, key, options, adding);
      this.#checkOpen();
      this.#storages.set(key, storage);
      return storage;
    } finally {
      forget();
      this.#adding.delete(key);
      resolve();
    }
  }

  /**
   * Closes a torrent's storage.
   *
   * @param infoHash 20 bytes.
   * @param deleteFiles Whether to delete its files.
   * @throws {DiskError} `unknown-torrent`, or why the last bytes could not be
   * written.
   * @throws {AggregateError} If files could not be deleted.
   */
  async remove(infoHash: Uint8Array, deleteFiles = false): Promise<void> {
    const storage = this.get(infoHash);
    if (storage === undefined) {
      throw new DiskError(
        "unknown-torrent",
        `There is no torrent ${toHex(infoHash)}`,
        {
          operation: "remove torrent",
        },
      );
    }
    await storage.remove({ deleteFiles });
  }

  /**
   * Closes all storages and files, and ends the streams. More calls return the
   * same promise.
   *
   * @throws {AggregateError} If last bytes could not be written; everything is
   * closed all the same.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    // What a call of close() told is not told again.
    await (this.#closing?.catch(() => {}) ?? this.close());
  }

  async #close(): Promise<void> {
    this.#detachSignal();
    this.#openMessages?.close();
    for (const { storage, ending, done } of [...this.#adding.values()]) {
      ending.abort(closed("add torrent", "manager"));
      await storage?.close();
      await done;
    }
    const results = await Promise.allSettled(
      [...this.#storages.values()].map((storage) => storage.close()),
    );
    for (const adopted of this.#adopted.values()) await adopted.close();
    await this.#fileSystem.close();
    budgetParts(this.#budget).helper.release();
    if (this.#ownsBudget) budgetParts(this.#budget).pool.relieve();
    const failures = results.filter((result) => result.status === "rejected")
      .map((result) => result.reason);
    if (failures.length > 0) {
      throw new AggregateError(failures, "Cannot write the last bytes");
    }
  }

  async #open(
    torrent: StorageTorrent,
    key: string,
    options: DiskAddOptions,
    adding: Adding,
  ): Promise<ManagedStorage> {
    const { skippedFiles, folder = [], readOnly = false, onEvent } = options;
    options.signal?.throwIfAborted();
    const wanted = new Uint8Array(torrent.paths.length).fill(1);
    for (const i of skippedFiles ?? []) if (i in wanted) wanted[i] = 0;
    const make = (backing: Backing) => {
      const parts = budgetParts(this.#budget);
      const storage: ManagedStorage = new ManagedStorage(torrent, {
        backing,
        ...parts,
        ending: adding.ending,
        helper: this.#mayHelp ? parts.helper : undefined,
        clock: this.#clock,
        readOnly,
        threads: this.#threads,
        onEvent,
        onClose: () => {
          if (this.#storages.get(key) === storage) this.#storages.delete(key);
        },
      });
      adding.storage = storage;
      this.#checkOpen();
      return storage;
    };
    if (this.#pieceStorage !== undefined) {
      const { openStore } = await import("./storage/open_store.ts");
      return await openStore(
        this.#pieceStorage,
        torrent,
        options,
        wanted,
        budgetParts(this.#budget).pool.maxBytes,
        make,
      );
    }
    const { paths } = budgetParts(this.#budget);
    const files = new TorrentFiles(
      this.#fileSystem,
      folder,
      torrent,
      {
        allocation: options.allocation ?? "sparse",
        incompleteSuffix: options.incompleteSuffix,
        clock: this.#clock,
        claims: new TorrentClaims(paths, torrent.infoHash),
        signal: adding.ending.signal,
      },
    );
    const backing = new FileBacking(
      torrent,
      files,
      wanted,
      (other) => this.#adopt(other),
    );
    try {
      return await openFiles(
        files,
        torrent,
        options,
        (i) => wanted[i] === 1,
        () => make(backing),
      );
    } catch (error) {
      backing.close();
      throw error;
    }
  }

  /** Made for the first who asks. */
  get #messages(): DiskMessages {
    if (this.#openMessages === undefined) {
      this.#openMessages = new DiskMessages(this, this.#maxWaiting);
      if (this.#closing !== undefined) this.#openMessages.close();
    }
    return this.#openMessages;
  }

  /** Whether pieces are files of the system, and several threads are welcome. */
  get #mayHelp(): boolean {
    return this.#pieceStorage === undefined && this.#threads !== 1 &&
      this.#fileSystem.localPath !== undefined;
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw closed("add torrent", "manager");
  }

  #adopt(fileSystem: FileSystem): HandleCache {
    let cache = this.#adopted.get(fileSystem);
    if (cache === undefined) {
      cache = new HandleCache(fileSystem, budgetParts(this.#budget).handles);
      this.#adopted.set(fileSystem, cache);
    }
    return cache;
  }
}
