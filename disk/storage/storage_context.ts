/**
 * What a storage shares with others.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import type { BufferPool } from "../pieces/buffer_pool.ts";
import type { CheckQueue } from "../check/check_queue.ts";
import type { FileSystem } from "../file_system.ts";
import type { HandleCache } from "../files/handle_cache.ts";
import type { ReadCache } from "../pieces/read_cache.ts";
import type { TorrentStorageEvent } from "../storage.ts";
import type { TorrentFiles } from "../files/torrent_files.ts";

/** What a `ManagedStorage` is given by its manager. */
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
  /** Queue of file checks, one at a time on each disk. */
  readonly checks: CheckQueue;
  /** Threads for checking, this one included. */
  readonly threads: number | undefined;
  /** Takes events instead of the queue. */
  readonly onEvent: ((event: TorrentStorageEvent) => void) | undefined;
  /** Prepares another file system for use. */
  readonly adopt: (fileSystem: FileSystem) => HandleCache;
  /** Told when it is closed. */
  readonly onClose: () => void;
}
