/**
 * What every benchmark gives back.
 *
 * @module
 */

/** One line of the table. */
export interface BenchRow {
  /** What was measured. */
  name: string;
  /** Our figure, with its unit. */
  ours: string;
  /** The peer's figure, with its unit. */
  peer?: string;
  /** How many times better ours is. */
  ratio?: number;
  /** What was aimed at. */
  target?: string;
  /** Whether it was reached. */
  met?: boolean;
  /** What there is to say about it. */
  note?: string;
}
