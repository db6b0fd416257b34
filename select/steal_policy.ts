/**
 * Queueing: from whom blocks are taken when a faster peer has nothing to do.
 *
 * @module
 */

/** How busy a peer is. */
export interface PeerLoad {
  /** Bytes per second; 0 while unknown. */
  readonly rate: number;
  /** Blocks asked of it. */
  readonly outstanding: number;
  /** Milliseconds since it gave a block or was first asked. */
  readonly idleMs: number;
}

/** What may be taken from a peer. */
export interface Robbery {
  /** Victims with a higher score are robbed first. */
  readonly score: number;
  /** Blocks to leave to it. */
  readonly keep: number;
}

/** Decides who may take blocks from whom. */
export interface StealPolicy {
  /**
   * Judges one pair of peers.
   *
   * @param thief A peer that has nothing to do.
   * @param victim A peer with blocks that the thief could give.
   * @returns What may be taken, or `undefined` to leave the victim alone.
   */
  judge(thief: PeerLoad, victim: PeerLoad): Robbery | undefined;
}

/** Options of {@linkcode stealFromSlow}. */
export interface StealFromSlowOptions {
  /** A victim this many times slower is robbed first. @default {10} */
  readonly muchSlower?: number | undefined;
  /** A victim this many times slower is robbed last. @default {3} */
  readonly slower?: number | undefined;
  /** After so long without a block anybody may be robbed. @default {15000} */
  readonly stalledMs?: number | undefined;
}

/**
 * Takes from peers that are much slower first, then from those that stalled,
 * then from those that are slower. Peers that move keep the block that is
 * probably on its way, and nobody takes from a peer whose queue is done sooner
 * than the thief could bring one block.
 *
 * @param options See {@linkcode StealFromSlowOptions}.
 * @returns The policy.
 * @throws {RangeError} If an option is no positive number.
 */
export function stealFromSlow(
  options: StealFromSlowOptions = {},
): StealPolicy {
  const { muchSlower = 10, slower = 3, stalledMs = 15_000 } = options;
  for (
    const [name, value] of Object.entries({ muchSlower, slower, stalledMs })
  ) {
    if (!(value > 0)) {
      throw new RangeError(
        `Cannot make a steal policy as "${name}" must be positive: it is ${value}`,
      );
    }
  }
  return {
    judge(thief, victim) {
      if (victim.idleMs >= stalledMs) {
        return { score: 2 + victim.idleMs / 1e12, keep: 0 };
      }
      // A peer of unknown speed is not judged before it had its time.
      if (thief.rate === 0 || victim.rate === 0) return undefined;
      const ratio = thief.rate / victim.rate;
      if (victim.outstanding / victim.rate <= 1 / thief.rate) return undefined;
      if (ratio >= muchSlower) return { score: 3 + ratio, keep: 1 };
      if (ratio >= slower) return { score: ratio / muchSlower, keep: 1 };
      return undefined;
    },
  };
}

/**
 * Never takes anything from anybody.
 *
 * @returns The policy.
 */
export function neverSteal(): StealPolicy {
  return { judge: () => undefined };
}
