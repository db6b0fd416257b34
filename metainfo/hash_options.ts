/**
 * What creation and verification have in common: threads and progress.
 *
 * @module
 */

/** Most threads that are accepted. */
const MAX_THREADS = 1024;

/** How hashing jobs use the machine. */
export interface HashThreadOptions {
  /**
   * How many threads hash, the calling one included. Workers are started only
   * where the work repays their start, and only where permitted: this package's
   * folder `metainfo/` must be readable (`--allow-read`) when it is a local
   * one.
   *
   * @default {navigator.hardwareConcurrency}
   */
  readonly threads?: number | undefined;
  /**
   * Whether the calling thread hashes too, in slices of a few milliseconds.
   * Set to false in a thread that must stay responsive. Without workers it
   * hashes in any case.
   *
   * @default {true}
   */
  readonly useCallingThread?: boolean | undefined;
}

/** Progress of hashing. */
export interface HashProgress {
  /** Bytes hashed so far. */
  readonly hashedBytes: number;
  /** Bytes to hash in all. */
  readonly totalBytes: number;
}

/**
 * Checks a number of threads. Returns the number of threads to use, at least 1.
 */
export function checkThreads(threads: number | undefined): number {
  if (threads === undefined) {
    return Math.min(MAX_THREADS, Math.max(1, navigator.hardwareConcurrency));
  }
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
    throw new RangeError(
      `Cannot hash with ${threads} threads: expected an integer from 1 to ${MAX_THREADS}`,
    );
  }
  return threads;
}
