/**
 * The candidates of one torrent, and the attempts to connect to them.
 *
 * @module
 */
import type { Endpoint, PeerCandidate } from "../../_shared/address.ts";
import type { Clock } from "../../_shared/clock.ts";
import type {
  HandshakeConnected,
  HandshakeEvent,
  HandshakeFailed,
} from "../../handshake/event.ts";
import type { CandidateSources } from "./candidate_sources.ts";
import type { HostBook } from "./host_book.ts";
import { PeerList } from "../peer_list.ts";

/** Attempts at once, so that a list is not burnt in a rush. */
const MAX_CONNECTING = 30;
/** Between two wishes for a turn when none came, in milliseconds. */
const RETRY_MS = 1000;

/** What the dialler needs of its swarm. */
export interface CandidateDialerOptions {
  /** 20-byte info-hash to dial with. */
  readonly infoHash: Uint8Array;
  /** Whose time passes. */
  readonly clock: Clock;
  /** Draws an integer below a bound. */
  readonly randomInt: (below: number) => number;
  /** What is thought of sources. */
  readonly sources: CandidateSources;
  /** When hosts may be dialled. */
  readonly hosts: HostBook;
  /** How many more may be dialled beside those under way. */
  readonly room: (connecting: number) => number;
  /** Dials whoever is chosen when the torrent's turn comes. */
  readonly dialNext: (
    choose: () => PeerCandidate | undefined,
  ) => Promise<HandshakeEvent | undefined>;
  /** Is told of an address that a connected peer seems to listen at. */
  readonly adopt: (address: Endpoint) => void;
  /** Takes a connection. */
  readonly onConnected: (event: HandshakeConnected) => void;
  /** Is told of every attempt that failed. */
  readonly onFailed: (event: HandshakeFailed) => void;
}

/**
 * Dials candidates while there is room: at any time it waits for one turn, for
 * the moment when somebody may be tried again, or for nothing.
 */
export class CandidateDialer {
  /** The candidates. */
  readonly list: PeerList;
  readonly #options: CandidateDialerOptions;
  #connecting = 0;
  #isWaiting = false;
  #cancelTimer: (() => void) | undefined;
  #isActive = false;
  #skipSeeds = false;

  constructor(options: CandidateDialerOptions) {
    this.#options = options;
    this.list = new PeerList(options);
  }

  /** Attempts under way. */
  get connecting(): number {
    return this.#connecting;
  }

  /** Whether connections may be made. */
  get active(): boolean {
    return this.#isActive;
  }
  set active(active: boolean) {
    this.#isActive = active;
    this.connectMore();
  }

  /** Whether seeds are of no use. */
  get skipSeeds(): boolean {
    return this.#skipSeeds;
  }
  set skipSeeds(skip: boolean) {
    this.#skipSeeds = skip;
    this.list.wake();
    this.connectMore();
  }

  /** Adds candidates and dials if there is room. */
  add(candidates: Iterable<PeerCandidate>): number {
    let added = 0;
    for (const candidate of candidates) if (this.list.add(candidate)) added++;
    this.connectMore();
    return added;
  }

  /** Asks for a turn if there is room and somebody to dial. */
  connectMore(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (!this.#mayDial()) return;
    const { clock } = this.#options;
    const at = this.#hasRoom() ? this.list.quietUntil : this.list.namedReadyAt;
    if (at > clock.now()) {
      if (at < Infinity) {
        this.#cancelTimer = clock.schedule(at, () => this.connectMore());
      }
      return;
    }
    this.#isWaiting = true;
    void this.#dial();
  }

  #mayDial(): boolean {
    return this.#isActive && !this.#isWaiting &&
      this.#connecting < MAX_CONNECTING;
  }

  #hasRoom(): boolean {
    return this.#options.room(this.#connecting) > 0;
  }

  async #dial(): Promise<void> {
    const { dialNext, onConnected, clock } = this.#options;
    let hasCome = false;
    let isDialling = false;
    const outcome = await dialNext(() => {
      hasCome = true;
      this.#isWaiting = false;
      const candidate = this.#choose();
      if (candidate !== undefined) {
        isDialling = true;
        this.#connecting++;
      }
      this.connectMore();
      return candidate;
    });
    if (isDialling) this.#connecting--;
    if (outcome?.type === "connected") onConnected(outcome);
    else if (outcome !== undefined) this.#fail(outcome);
    if (hasCome) return this.connectMore();
    // The torrent was removed, perhaps to be answered for otherwise.
    this.#isWaiting = false;
    if (!this.#isActive) return;
    this.#cancelTimer?.();
    const at = clock.now() + RETRY_MS;
    this.#cancelTimer = clock.schedule(at, () => this.connectMore());
  }

  #choose(): PeerCandidate | undefined {
    if (!this.#mayDial()) return undefined;
    const { infoHash, clock } = this.#options;
    const next = this.list.next(clock.now(), {
      skipSeeds: this.#skipSeeds,
      namedOnly: !this.#hasRoom(),
    });
    return next && { infoHash, ...next };
  }

  #fail(event: HandshakeFailed): void {
    const { candidate, reason, fault } = event;
    const { clock, adopt, onFailed } = this.#options;
    const { address } = candidate!;
    if (
      reason === "self" || reason === "invalid-candidate" ||
      reason === "blocked"
    ) this.list.remove(address);
    else {
      const outcome = fault === "remote" ? "failed" : "local";
      this.list.released(address, clock.now(), outcome);
      if (reason === "duplicate-peer-id") adopt(address);
    }
    onFailed(event);
  }
}
