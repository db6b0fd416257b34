/**
 * The DHT (BEP 5) as a source of peers for torrents.
 *
 * @module
 */
import type { PeerCandidate } from "../_shared/address.ts";
import { type Clock, sleep } from "../_shared/clock.ts";
import type { DiscoveryTopic, PeerDiscovery } from "./types.ts";

/** Between two lookups that found peers, in milliseconds (BEP 5 tables). */
const AGAIN_MS = 15 * 60_000;
/** After a lookup that found nobody, in milliseconds; doubles up to the above. */
const EMPTY_MS = 5_000;

/** What is needed of a DHT node. */
export interface PeerLookup {
  /**
   * Looks for peers and announces us at the end.
   *
   * @param infoHash 20 bytes.
   * @param options The port to announce; whether we are a seed, which wants no
   * others (BEP 33); and the signal that ends it.
   * @returns The peers; ends with the lookup.
   */
  getPeers(
    infoHash: Uint8Array,
    options: {
      readonly announcePort?: number | undefined;
      readonly seed?: boolean | undefined;
      readonly noSeed?: boolean | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): AsyncIterable<PeerCandidate>;
}

/** Looks a torrent's peers up again and again. */
export class DhtPeers implements PeerDiscovery {
  /** Name of the source. */
  readonly source = "dht";
  readonly #dht: PeerLookup;
  readonly #clock: Clock;

  /**
   * Takes a node to ask.
   *
   * @param dht The node.
   * @param clock Whose time passes.
   */
  constructor(dht: PeerLookup, clock: Clock) {
    this.#dht = dht;
    this.#clock = clock;
  }

  /**
   * Looks for peers until told to stop; announces us with each lookup.
   *
   * @param torrent The hash, the port we listen on, and whether we seed.
   * @param signal Ends it.
   * @returns The peers.
   */
  async *discover(
    torrent: DiscoveryTopic,
    signal: AbortSignal,
  ): AsyncGenerator<PeerCandidate, void, undefined> {
    const { infoHash, port } = torrent;
    let wait = EMPTY_MS;
    while (!signal.aborted) {
      let found = 0;
      const seed = torrent.isSeed();
      const lookup = this.#dht.getPeers(infoHash, {
        ...(port > 0 ? { announcePort: port } : {}),
        seed,
        noSeed: seed,
        signal,
      });
      for await (const candidate of lookup) {
        found++;
        yield candidate;
      }
      wait = found > 0 ? AGAIN_MS : Math.min(AGAIN_MS, wait * 2);
      await sleep(this.#clock, wait, { signal });
    }
  }
}
