/**
 * What is seen of a torrent while the daemon runs.
 *
 * @module
 */
import type { TorrentState } from "../../client/types.ts";

/** Notes on a torrent; times by the monotonic clock. */
export interface Book {
  /** State at the last look. */
  state: TorrentState;
  /** 0 to 1 while it is checked. */
  checkProgress: number | undefined;
  /** When it was looked at last. */
  seenAt: number;
  /** When payload moved last, or its turn began. */
  movedAt: number;
  /** Bytes that are wanted of it. */
  wantedBytes: number;
  /** What is told as its status. */
  status: string;
}
