/**
 * What a simulation has seen.
 *
 * @module
 */

/** What became of a peer. Times are virtual seconds. */
export interface SimPeerResult {
  /** Its group's name. */
  readonly group: string;
  /** When it came. */
  readonly arrivedS: number;
  /** How long it took to be complete; absent when it never was. */
  readonly tookS?: number | undefined;
  /** When it was first seen with a piece, to a second; absent when never. */
  readonly firstPieceS?: number | undefined;
  /** Payload sent, in bytes. */
  readonly uploaded: number;
  /** Payload received, in bytes. */
  readonly downloaded: number;
  /** Of it, what was received twice, unasked or bad. */
  readonly wasted: number;
}

/** The swarm at a moment. */
export interface SimSample {
  /** Virtual seconds. */
  readonly atS: number;
  /** Peers that are complete and were not from the beginning. */
  readonly complete: number;
  /** Copies of the rarest piece among those that are there, seeds too. */
  readonly rarest: number;
  /** Copies of a piece in the mean. */
  readonly mean: number;
  /** Payload that the seeds of the first group of seeds have sent, in bytes. */
  readonly firstSent: number;
}

/** What a simulation has seen. */
export interface SimulationResult {
  /** Bytes of the torrent. */
  readonly length: number;
  /** Virtual seconds it took. */
  readonly tookS: number;
  /** Whether every peer that stays to the end became complete. */
  readonly isComplete: boolean;
  /** What became of each peer. */
  readonly peers: readonly SimPeerResult[];
  /** The swarm over time. */
  readonly samples: readonly SimSample[];
  /**
   * Copies that the seeds of the first group of seeds had sent when the other
   * peers had every piece between them.
   */
  readonly firstCopies?: number | undefined;
}
