/**
 * Whose turn it is to be asked for blocks while a limit is in force.
 *
 * @module
 */
import { BLOCK_SIZE } from "../../metainfo/piece_layout.ts";
import type { PeerKey } from "../../select/selection_strategy.ts";
import type { RateLimiter } from "./rate_limiter.ts";

/** Between two looks at how many peers share a limit, in milliseconds. */
const COUNT_MS = 250;

/**
 * Under a limit no more is asked for than it lets through in a moment: what
 * peers have in their send buffers comes anyway. All get their turn.
 */
export class RequestTurns {
  readonly #limit: RateLimiter;
  readonly #countPeers: () => number;
  /** Blocks that the limit lets through in a second; of one peer. */
  #moment = 1;
  #share = 1;
  #countAt = -Infinity;
  /** Peers that wait until others have got theirs, in turn. */
  readonly #waiting = new Set<PeerKey>();

  constructor(limit: RateLimiter, countPeers: () => number) {
    this.#limit = limit;
    this.#countPeers = countPeers;
  }

  /** Whether there is a limit at all. */
  get isLimited(): boolean {
    return !this.#limit.isOpen;
  }

  /**
   * How many more blocks to ask of a peer; one that gets none has its turn
   * later.
   */
  room(
    peer: PeerKey,
    outstanding: number,
    size: number,
    requested: number,
    now: number,
  ): number {
    if (now >= this.#countAt) {
      this.#countAt = now + COUNT_MS;
      this.#moment = Math.max(1, Math.ceil(this.#limit.share / BLOCK_SIZE));
      this.#share = Math.ceil(this.#moment / Math.max(1, this.#countPeers()));
    }
    const own = Math.min(size, this.#share) - outstanding;
    if (own <= 0) return 0;
    const free = 2 * this.#moment - requested;
    if (free <= 0) this.#waiting.add(peer);
    return Math.min(own, free);
  }

  /** Tells who is to be asked next after a block of a peer came. */
  after(peer: PeerKey): readonly PeerKey[] {
    if (this.#waiting.size === 0) return [peer];
    const peers = [...this.#waiting, peer];
    this.#waiting.clear();
    return peers;
  }
}
