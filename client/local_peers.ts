/**
 * Local peer discovery (BEP 14) as a source of peers for torrents.
 *
 * @module
 */
import type { PeerCandidate } from "../_shared/address.ts";
import { toHex } from "../_shared/bytes.ts";
import { EventQueue } from "../_shared/event_queue.ts";
import type { LocalDiscovery } from "../lpd/mod.ts";
import type { PeerDiscovery } from "./types.ts";

/** Peers that wait for one torrent. */
const CAPACITY = 256;

/** Shares one {@linkcode LocalDiscovery} between torrents. */
export class LocalPeers implements PeerDiscovery {
  /** Name of the source. */
  readonly source = "lpd";
  readonly #discovery: LocalDiscovery;
  readonly #queues = new Map<string, EventQueue<PeerCandidate>>();
  readonly #loop: Promise<void>;

  /**
   * Takes a running service over.
   *
   * @param discovery Closed with this.
   */
  constructor(discovery: LocalDiscovery) {
    this.#discovery = discovery;
    this.#loop = this.#route();
  }

  /**
   * Announces a torrent and hears of its peers.
   *
   * @param torrent The hash, and the port we listen on.
   * @param signal Ends it.
   * @returns The peers.
   */
  async *discover(
    torrent: { readonly infoHash: Uint8Array; readonly port: number },
    signal: AbortSignal,
  ): AsyncGenerator<PeerCandidate, void, undefined> {
    const { infoHash, port } = torrent;
    if (signal.aborted) return;
    const key = toHex(infoHash);
    const queue = new EventQueue<PeerCandidate>(CAPACITY);
    this.#queues.set(key, queue);
    const stop = () => {
      queue.close();
      this.#queues.delete(key);
      this.#discovery.remove(infoHash);
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      if (port > 0) this.#discovery.announce(infoHash, port);
      else this.#discovery.watch(infoHash);
      yield* queue;
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
    }
  }

  /** Closes the service. */
  async close(): Promise<void> {
    await this.#discovery.close();
    await this.#loop;
  }

  async #route(): Promise<void> {
    for await (const candidate of this.#discovery) {
      this.#queues.get(toHex(candidate.infoHash))?.push(candidate);
    }
    for (const queue of this.#queues.values()) queue.close();
  }
}
