/**
 * The candidates of one torrent, and the attempts to connect to them.
 *
 * @module
 */
import type { Endpoint, PeerCandidate } from "../_shared/address.ts";
import type { Clock } from "../_shared/clock.ts";
import type { HandshakeFailed } from "../handshake/mod.ts";
import { PeerList } from "./peer_list.ts";

/** Connection attempts started at once, so that a list is not burnt in a rush. */
const MAX_CONNECTING = 30;

/** What the dialler needs of its swarm. */
export interface CandidateDialerOptions {
  /** 20-byte info-hash to dial with. */
  readonly infoHash: Uint8Array;
  /** Whose time passes. */
  readonly clock: Clock;
  /** Draws an integer below a bound. */
  readonly randomInt: (below: number) => number;
  /** How many more connections fit. */
  readonly room: () => number;
  /** Dials. */
  readonly connect: (candidate: PeerCandidate) => void;
}

/** Dials candidates while there is room. */
export class CandidateDialer {
  /** The candidates. */
  readonly list: PeerList;
  readonly #options: CandidateDialerOptions;
  #connecting = 0;
  /** Whether connections may be made. */
  active = false;
  /** Whether seeds are of no use. */
  skipSeeds = false;

  /**
   * Makes a dialler without candidates.
   *
   * @param options See {@linkcode CandidateDialerOptions}.
   */
  constructor(options: CandidateDialerOptions) {
    this.#options = options;
    this.list = new PeerList({ randomInt: options.randomInt });
  }

  /** Attempts under way. */
  get connecting(): number {
    return this.#connecting;
  }

  /**
   * Adds candidates and dials if there is room.
   *
   * @param candidates Whom to try.
   * @returns How many were new.
   */
  add(candidates: Iterable<PeerCandidate>): number {
    let added = 0;
    for (const candidate of candidates) if (this.list.add(candidate)) added++;
    if (added > 0) this.connectMore();
    return added;
  }

  /** Dials while there is room. */
  connectMore(): void {
    if (!this.active) return;
    const { room, connect, clock, infoHash } = this.#options;
    const count = Math.min(room(), MAX_CONNECTING) - this.#connecting;
    for (
      const candidate of this.list.take(count, clock.now(), this.skipSeeds)
    ) {
      this.#connecting++;
      connect({ infoHash, ...candidate });
    }
  }

  /** Notes that an attempt led to a connection. */
  ended(): void {
    this.#connecting = Math.max(0, this.#connecting - 1);
  }

  /**
   * Takes a failed handshake.
   *
   * @param event What failed.
   * @param isConnected Whether a peer that listens there is connected.
   */
  failed(
    event: HandshakeFailed,
    isConnected: (address: Endpoint) => boolean,
  ): void {
    const { candidate, reason } = event;
    if (candidate === undefined) return;
    const { address } = candidate;
    this.ended();
    if (reason === "self") this.list.remove(address);
    else if (reason.startsWith("duplicate-")) {
      if (isConnected(address)) this.list.connected(address);
      else this.list.released(address, this.#options.clock.now(), false);
    } else this.list.released(address, this.#options.clock.now(), true);
  }
}
