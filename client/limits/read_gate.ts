/**
 * When a socket may be read, and how much of it.
 *
 * @module
 */
import type { RateLimiter } from "./rate_limiter.ts";

/** What the gate must know of a peer; a `PeerConnection` fits. */
export interface GatedPeer {
  /** Requests that wait for their blocks. */
  readonly outstanding: number;
  /** Whether it is gone. */
  readonly isClosed: boolean;
}

/** Grants the reads of one peer, and accounts for them. */
export class ReadGate {
  readonly #pressure: () => Promise<void> | undefined;
  readonly #limit: RateLimiter;
  /** What was taken from the limit for the read under way. */
  #taken = 0;

  constructor(
    pressure: () => Promise<void> | undefined,
    limit: RateLimiter,
  ) {
    this.#pressure = pressure;
    this.#limit = limit;
  }

  /** Waits until there is memory, and for a turn at the limit. */
  before(wanted: number, peer: GatedPeer): number | Promise<number> {
    const limit = this.#limit;
    const short = this.#pressure();
    if (short !== undefined) return short.then(() => this.before(wanted, peer));
    if (limit.isOpen) return wanted;
    // Nobody knows when an idle peer says something: that is paid afterwards.
    const bytes = peer.outstanding > 0 ? wanted : 0;
    const granted = limit.take(bytes, { isGone: () => peer.isClosed });
    return typeof granted === "number"
      ? this.#grant(granted, bytes, wanted)
      : granted.then((granted) => {
        const most = this.#grant(granted, bytes, wanted);
        if (peer.isClosed) this.after(0);
        return most;
      });
  }

  /** Accounts for what a read brought, nothing when the peer is gone. */
  after(bytes: number): void {
    this.#limit.refund(this.#taken - bytes);
    this.#taken = 0;
  }

  #grant(granted: number, bytes: number, wanted: number): number {
    this.#taken = granted;
    return bytes === 0 ? wanted : Math.max(1, granted);
  }
}
