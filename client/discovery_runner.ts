/**
 * Runs the discovery services of a session for one torrent.
 *
 * @module
 */
import type { PeerCandidate } from "../_shared/address.ts";
import type { Clock } from "../_shared/clock.ts";
import type { PeerDiscovery } from "./types.ts";

/** How long a service may take to end, in milliseconds. */
const STOP_TIMEOUT_MS = 3_000;

/** What the runner needs of its torrent. */
export interface DiscoveryTarget {
  /** 20-byte info-hash. */
  readonly infoHash: Uint8Array;
  /** The port we listen on. */
  readonly port: number;
  /** A private torrent is never told to anybody (BEP 27). */
  readonly isPrivate: () => boolean;
  /** Whether we have all of it by now. */
  readonly isSeed: () => boolean;
  /** Takes a peer. */
  readonly onPeer: (candidate: PeerCandidate) => void;
  /** Is told of a service that failed; the others go on. */
  readonly onError: (source: string, error: string) => void;
  /** Whose time passes. */
  readonly clock: Clock;
}

/** Starts and stops the searches of one torrent together. */
export class DiscoveryRunner {
  readonly #services: readonly PeerDiscovery[];
  readonly #target: DiscoveryTarget;
  #running: AbortController | undefined;
  #tasks: Promise<void>[] = [];

  /**
   * Makes a runner that waits for {@linkcode start}.
   *
   * @param services Where to look.
   * @param target For whom.
   */
  constructor(services: readonly PeerDiscovery[], target: DiscoveryTarget) {
    this.#services = services;
    this.#target = target;
  }

  /** Starts looking, unless the torrent is private. */
  start(): void {
    if (this.#running !== undefined || this.#target.isPrivate()) return;
    const running = this.#running = new AbortController();
    this.#tasks = this.#services.map((service) =>
      this.#search(service, running.signal)
    );
  }

  /**
   * Stops looking. What a service still finds is passed over.
   *
   * @returns A promise that resolves when every search has ended; a service
   * that does not heed its signal is waited for no longer than 3 s.
   */
  async stop(): Promise<void> {
    this.#running?.abort(new DOMException("Torrent stops", "AbortError"));
    this.#running = undefined;
    const tasks = this.#tasks.splice(0);
    if (tasks.length === 0) return;
    const { clock } = this.#target;
    const patience = Promise.withResolvers<void>();
    const cancel = clock.schedule(
      clock.now() + STOP_TIMEOUT_MS,
      patience.resolve,
    );
    await Promise.race([Promise.all(tasks), patience.promise]);
    cancel();
  }

  async #search(service: PeerDiscovery, signal: AbortSignal): Promise<void> {
    const { infoHash, port, isSeed, onPeer, onError } = this.#target;
    try {
      for await (
        const candidate of service.discover({ infoHash, port, isSeed }, signal)
      ) {
        if (signal.aborted) break;
        onPeer({ ...candidate, infoHash, source: service.source });
      }
    } catch (error) {
      // A service that is gone is no reason to stop the torrent.
      if (signal.aborted) return;
      onError(
        service.source,
        error instanceof Error ? error.message : String(error),
      );
    }
  }
}
