/**
 * How files are checked, and what is told meanwhile.
 *
 * @module
 */

/** Progress of a check. */
export interface CheckProgress {
  /** Pieces that were looked at. */
  readonly checked: number;
  /** Pieces in all. */
  readonly total: number;
  /** Pieces found good. */
  readonly good: number;
}

/** Progress of taking space for files. */
export interface ReserveProgress {
  /** Bytes taken so far. */
  readonly reservedBytes: number;
  /** Bytes to be taken. */
  readonly totalBytes: number;
}

/** Options of {@linkcode TorrentStorage.recheck}. */
export interface CheckOptions {
  /**
   * Called from time to time, and at the end.
   *
   * @param progress Progress so far.
   */
  readonly onProgress?: ((progress: CheckProgress) => void) | undefined;
  /**
   * Polled between pieces. While it returns a promise the check is paused until
   * that resolves, and other checks go first.
   *
   * @returns A promise to wait for, or `undefined` to go on.
   */
  readonly hold?: (() => Promise<void> | undefined) | undefined;
  /** Ends the check early; what was found so far stays so. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether files that were there are expected: where all of them are gone, as when
   * their disk is not mounted, a DiskError `not-found` is thrown, and nothing is
   * forgotten.
   *
   * @default {false}
   */
  readonly expectFiles?: boolean | undefined;
}
