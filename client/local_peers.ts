/**
 * Local peer discovery (BEP 14) as a source of peers for torrents.
 *
 * @module
 */
import { toHex } from "../_shared/bytes.ts";
import type { LocalDiscovery } from "../lpd/discovery.ts";
import type { DiscoveryListener, SharedDiscovery } from "./discovery_runner.ts";
import type { DiscoveryTopic } from "./types.ts";

/** Shares one {@linkcode LocalDiscovery} between torrents. */
export class LocalPeers implements SharedDiscovery {
  /** Name of the source. */
  readonly source = "lpd";
  readonly #discovery: LocalDiscovery;
  readonly #listeners = new Map<string, DiscoveryListener>();
  /** What neighbours are told: no gateway stands between us. */
  readonly #port: number;
  readonly #loop: Promise<void>;

  constructor(discovery: LocalDiscovery, port: number) {
    this.#port = port;
    this.#discovery = discovery;
    this.#loop = this.#route();
  }

  /** Announces a torrent and hears of its peers. */
  follow(torrent: DiscoveryTopic, listener: DiscoveryListener): () => void {
    const { infoHash, port } = torrent;
    const key = toHex(infoHash);
    this.#listeners.set(key, listener);
    if (port > 0) this.#discovery.announce(infoHash, this.#port);
    else this.#discovery.watch(infoHash);
    listener.searching();
    return () => {
      // Somebody may follow the same by now.
      if (this.#listeners.get(key) !== listener) return;
      this.#listeners.delete(key);
      this.#discovery.remove(infoHash);
    };
  }

  /** Closes the service. */
  async close(): Promise<void> {
    await this.#discovery.close();
    await this.#loop;
  }

  async #route(): Promise<void> {
    for await (const candidate of this.#discovery) {
      this.#listeners.get(toHex(candidate.infoHash))?.found(candidate);
    }
  }
}
