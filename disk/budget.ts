/**
 * What the disk managers of a program share.
 *
 * @module
 */
import { type Clock, systemClock } from "../_shared/clock.ts";
import type { HistogramCounts } from "../_shared/metrics.ts";
import { HashHelper } from "./pieces/hash_helper.ts";
import { BufferPool, CHUNK_SIZE } from "./pieces/buffer_pool.ts";
import { CheckQueue } from "./turns.ts";
import { HandlePool } from "./files/handle_cache.ts";
import { PathClaims } from "./files/path_claims.ts";
import { ReadCache } from "./pieces/read_cache.ts";
import { DiskTimings, type DiskWork } from "./timings.ts";

/** Options of {@linkcode DiskBudget}. */
export interface DiskBudgetOptions {
  /**
   * Bytes of blocks of incomplete pieces kept in memory; beyond that they are
   * written out early, and if that does not help callers are asked to wait.
   *
   * @default {67108864}
   */
  readonly maxBufferedBytes?: number | undefined;
  /**
   * Bytes of served pieces kept in memory; 0 for none.
   *
   * @default {33554432}
   */
  readonly readCacheBytes?: number | undefined;
  /**
   * Files kept open.
   *
   * @default {64}
   */
  readonly maxHandles?: number | undefined;
  /** Clock to use. @default {the system's} */
  readonly clock?: Clock | undefined;
}

/** What a {@linkcode DiskBudget} is shared out from. */
interface BudgetParts {
  /** Memory for incoming pieces. */
  readonly pool: BufferPool;
  /** Memory for served pieces. */
  readonly cache: ReadCache;
  /** Open files. */
  readonly handles: HandlePool;
  /** Who writes to which path. */
  readonly paths: PathClaims;
  /** Turns of checks, one at a time on each disk. */
  readonly checks: CheckQueue;
  /** Another thread that hashes pieces of files. */
  readonly helper: HashHelper;
  /** How long reads, writes and hashes take. */
  readonly timings: DiskTimings;
}

let partsOf: (budget: DiskBudget) => BudgetParts;

/**
 * One memory and one number of open files for any number of `DiskManager`s.
 * Their checks of files on the same disk wait for each other, and no two of their
 * torrents write to one file.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { DiskBudget, DiskManager, MemoryFileSystem } from "@bip/bip/disk";
 *
 * const budget = new DiskBudget({ maxBufferedBytes: 8 * 1024 * 1024 });
 * const fileSystem = () => new MemoryFileSystem();
 * await using a = new DiskManager({ fileSystem: fileSystem(), budget });
 * await using b = new DiskManager({ fileSystem: fileSystem(), budget });
 * assertEquals([a.bufferedBytes, b.bufferedBytes], [0, 0]);
 * ```
 */
export class DiskBudget {
  readonly #parts: BudgetParts;

  static {
    partsOf = (budget) => budget.#parts;
  }

  /**
   * Makes an unused budget.
   *
   * @param options See {@linkcode DiskBudgetOptions}.
   * @throws {RangeError} If a number is out of range: `maxBufferedBytes` is at
   * least 1048576.
   */
  constructor(options: DiskBudgetOptions = {}) {
    const {
      maxBufferedBytes = 64 * 1024 * 1024,
      readCacheBytes = 32 * 1024 * 1024,
      maxHandles = 64,
      clock = systemClock,
    } = options;
    checkNumber("maxBufferedBytes", maxBufferedBytes, 4 * CHUNK_SIZE);
    checkNumber("readCacheBytes", readCacheBytes, 0);
    checkNumber("maxHandles", maxHandles, 1);
    const timings = new DiskTimings(clock);
    this.#parts = {
      pool: new BufferPool(maxBufferedBytes),
      cache: new ReadCache(readCacheBytes),
      handles: new HandlePool(maxHandles, timings),
      paths: new PathClaims(),
      checks: new CheckQueue(),
      helper: new HashHelper(clock),
      timings,
    };
  }

  /** Bytes of blocks in memory. */
  get bufferedBytes(): number {
    return this.#parts.pool.usedBytes;
  }

  /** How long reads, writes and hashes of pieces took, in seconds. */
  get timings(): Readonly<Record<DiskWork, HistogramCounts>> {
    return this.#parts.timings.snapshot();
  }

  /** Bytes of served pieces in memory. */
  get cachedBytes(): number {
    return this.#parts.cache.bytes;
  }
}

/** Gives managers what they share. */
export function budgetParts(budget: DiskBudget): BudgetParts {
  return partsOf(budget);
}

/** Checks an option. */
export function checkNumber(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(
      `Cannot use ${value} as ${name}: it must be an integer of at least ${least}`,
    );
  }
}
