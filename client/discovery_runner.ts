/**
 * Runs the discovery services of a session for one torrent.
 *
 * @module
 */
import type { PeerCandidate } from "../_shared/address.ts";
import type { PeerDiscovery } from "./types.ts";

/** What the runner needs of its torrent. */
export interface DiscoveryTarget {
  /** 20-byte info-hash. */
  readonly infoHash: Uint8Array;
  /** The port we listen on. */
  readonly port: number;
  /** A private torrent is never told to anybody (BEP 27). */
  readonly isPrivate: () => boolean;
  /** Takes a peer. */
  readonly onPeer: (candidate: PeerCandidate) => void;
  /** Is told of a service that failed; the others go on. */
  readonly onError: (source: string, error: string) => void;
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
   * Stops looking.
   *
   * @returns A promise that resolves when every search has ended.
   */
  async stop(): Promise<void> {
    this.#running?.abort(new DOMException("Torrent stops", "AbortError"));
    this.#running = undefined;
    await Promise.all(this.#tasks.splice(0));
  }

  async #search(service: PeerDiscovery, signal: AbortSignal): Promise<void> {
    const { infoHash, port, onPeer, onError } = this.#target;
    try {
      for await (
        const candidate of service.discover({ infoHash, port }, signal)
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
