/**
 * What a person may choose about the files of torrents.
 *
 * @module
 */
import type { FileAllocation } from "../disk/storage.ts";

/** How files are kept; of a torrent the default is the session's. */
export interface FileOptions {
  /**
   * How files take space: as pieces come, before the first, or as pieces come and
   * without gaps.
   *
   * @default {"sparse"}
   */
  readonly allocation?: FileAllocation | undefined;
  /**
   * What names of files end with until they are complete, such as `.part`: up to
   * 32 characters that names may have on every system. Files that are found under
   * their own names keep them; what came in the place of a complete one is not
   * written over, but stops the torrent.
   *
   * @default {""}
   */
  readonly incompleteSuffix?: string | undefined;
}
