/**
 * Options about the files of torrents.
 *
 * @module
 */
import type { FileAllocation } from "../disk/storage.ts";

/** How files are stored; the defaults of a torrent are those of its session. */
export interface FileOptions {
  /**
   * How disk space is allocated: `"sparse"`: as pieces arrive; `"full"`: before the
   * first piece; `"compact"`: as pieces arrive, without gaps.
   *
   * @default {"sparse"}
   */
  readonly allocation?: FileAllocation | undefined;
  /**
   * Suffix of the names of incomplete files, such as `.part`: up to 32 characters
   * that every system allows in names. Files found under their own names keep
   * them. If something else took the final name of a file, it is not overwritten:
   * the torrent stops with an error.
   *
   * @default {""}
   */
  readonly incompleteSuffix?: string | undefined;
  /**
   * Whether to stop with a `DiskError` of code `not-found` where all files are gone
   * that resume data tells of, or that were there before a recheck, as when their
   * disk is not mounted. After `resume()` they are fetched anew.
   *
   * @default {false}
   */
  readonly expectFiles?: boolean | undefined;
}
