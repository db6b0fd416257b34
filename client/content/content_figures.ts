/**
 * What is counted of a torrent's content.
 *
 * @module
 */

/** Figures of the moment. */
export interface ContentFigures {
  /** Payload bytes that are wanted. */
  readonly wantedBytes: number;
  /** Wanted bytes that are verified. */
  readonly doneBytes: number;
  /** Payload received twice, unasked or bad. */
  readonly wastedBytes: number;
  /** Payload received, in bytes a second. */
  readonly downloadRate: number;
  /** Payload sent, in bytes a second. */
  readonly uploadRate: number;
  /** Verified pieces. */
  readonly piecesDone: number;
}
