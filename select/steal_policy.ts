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

/** A peer this many times slower gives its requests away first. */
const MUCH_SLOWER = 10;

/** A peer this many times slower gives its requests away last. */
const SLOWER = 3;

/** Time without a block after which any peer gives its requests away, in ms. */
const STALLED_MS = 15_000;

/**
 * Moves requests of peers without a block for 15 seconds, and of no others: what
 * a peer is slow with is mostly on its way, and would come twice. Simulated
 * swarms are faster for it, and waste half as much, than with
 * {@linkcode stealFromSlow}. The end-game takes care of the last blocks.
 *
 * @returns The policy.
 */
export function stealFromStalled(): StealPolicy {
  return {
    judge: (_, { idleMs }) =>
      idleMs >= STALLED_MS ? { score: idleMs, keep: 0 } : undefined,
  };
}

/**
 * Moves requests of peers that are at least ten times slower first, then of
 * those without a block for 15 seconds, then of those three times slower. Peers
 * that deliver keep the request that is probably being answered, and nothing
 * moves that would arrive later from the idle peer.
 *
 * @returns The policy.
 */
export function stealFromSlow(): StealPolicy {
  return {
    judge(idle, busy) {
      if (busy.idleMs >= STALLED_MS) {
        return { score: 2 + busy.idleMs / 1e12, keep: 0 };
      }
      // A peer of unknown speed is given its time first.
      if (idle.rate === 0 || busy.rate === 0) return undefined;
      const ratio = idle.rate / busy.rate;
      if (busy.outstanding / busy.rate <= 1 / idle.rate) return undefined;
      if (ratio >= MUCH_SLOWER) return { score: 3 + ratio, keep: 1 };
      if (ratio >= SLOWER) return { score: ratio / MUCH_SLOWER, keep: 1 };
      return undefined;
    },
  };
}
