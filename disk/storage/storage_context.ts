/**
 * What a storage shares with others.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import type { BufferPool } from "../pieces/buffer_pool.ts";
import type { CheckQueue } from "../check/check_queue.ts";
import type { HashHelper } from "../pieces/hash_helper.ts";
import type { ReadCache } from "../pieces/read_cache.ts";
import type { TorrentStorageEvent } from "../storage.ts";
import type { DiskTimings } from "../timings.ts";
import type { Backing } from "./backing.ts";

/** What a `ManagedStorage` is given by its manager. */
export interface StorageContext {
  /** Where pieces are kept. */
  readonly backing: Backing;
  /** Memory for pieces. */
  readonly pool: BufferPool;
  /** Memory for served pieces. */
  readonly cache: ReadCache;
  /** Ends what takes long; fired when it is closed. */
  readonly ending: AbortController;
  /** For long checks. */
  readonly clock: Clock;
  /** Whether nothing is ever written. */
  readonly readOnly: boolean;
  /** Queue of file checks, one at a time on each disk. */
  readonly checks: CheckQueue;
  /** Another thread that hashes, if there may be one. */
  readonly helper: HashHelper | undefined;
  /** How long hashes take. */
  readonly timings: DiskTimings;
  /** Threads for checking, this one included. */
  readonly threads: number | undefined;
  /** Takes events instead of the queue. */
  readonly onEvent: ((event: TorrentStorageEvent) => void) | undefined;
  /** Told when it is closed. */
  readonly onClose: () => void;
}
