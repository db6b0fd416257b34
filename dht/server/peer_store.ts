/**
 * The peers that a node keeps for the torrents near its id.
 *
 * @module
 */
import { concatBytes, toByteString, writeUint16 } from "../../_shared/bytes.ts";
import { randomInt, type RandomSource } from "../../_shared/random.ts";
import { BloomFilter } from "../bloom_filter.ts";
import { checkPositive } from "../check_options.ts";
import type { PeerStoreOptions } from "../node_options.ts";
import { NODE_ID_LENGTH } from "../node_id.ts";
import { isLoopback, KeyedStore, Shares } from "./keyed_store.ts";
import { bytesOf, type StoredPeer, StoredTorrent } from "./stored_torrent.ts";

/** Seconds between two sets of samples. Source: BEP 51. */
export const SAMPLE_INTERVAL = 21_600;

/** Counters of shares, a level and row: 2^14. */
const SHARE_BITS = 14;
/**
 * Who holds more than twice as much as a newcomer, and so much besides, makes
 * room for it in a torrent that is full.
 */
const CROWD = 4;

/**
 * Peers that one IPv4 address or IPv6 /64 may have in a torrent, as clients of
 * one household have; of more, the oldest goes. Loopback is not limited.
 */
const MAX_PORTS = 4;
/** How long a peer is kept after its last announce, in ms. */
const LIFETIME_MS = 1_800_000;
/** Info-hashes in a set of samples. */
const MAX_SAMPLES = 20;

/** Filters of the peers of a torrent. Source: BEP 33. */
export interface PeerScrape {
  /** Of those that have all pieces. */
  readonly seeds: BloomFilter;
  /** Of the others. */
  readonly peers: BloomFilter;
}

/** An answer about the torrents that are kept. Source: BEP 51. */
export interface InfohashSamples {
  /** Seconds until there are others. */
  readonly interval: number;
  /** How many torrents there are. */
  readonly count: number;
  /** Some of their info-hashes, 20 bytes each. */
  readonly samples: Uint8Array;
}

/** What became of an announce. */
export type PeerAnnounceResult = "added" | "updated" | "full";

/** Keeps peers of one IP version, within bounds (BEP 5, 33, 51). */
export class PeerStore {
  readonly #random: RandomSource;
  readonly #maxTorrents: number;
  readonly #maxPeers: number;
  readonly #maxTotal: number;
  readonly #torrents: KeyedStore<StoredTorrent>;
  /** What addresses and subnets hold in all torrents. */
  readonly #shares: Shares;
  #peerCount = 0;
  #samples: Uint8Array = new Uint8Array(0);
  #sampledAt = -Infinity;

  /**
   * Makes an empty store.
   *
   * @param ownId Our 20-byte id: torrents far from it make room for closer ones.
   * @param random Draws which peers and torrents are given out.
   * @param options See {@linkcode PeerStoreOptions}.
   * @throws {RangeError} If a limit is not positive.
   */
  constructor(
    ownId: Uint8Array,
    random: RandomSource,
    options: PeerStoreOptions = {},
  ) {
    const {
      maxTorrents = 2_000,
      maxPeers = 500,
      maxPeersPerAddress = 200,
      maxTotalPeers = 200_000,
    } = options;
    checkPositive({ maxTorrents, maxPeers, maxPeersPerAddress, maxTotalPeers });
    this.#torrents = new KeyedStore(ownId);
    this.#random = random;
    this.#maxTorrents = maxTorrents;
    this.#maxPeers = maxPeers;
    this.#shares = new Shares(random, SHARE_BITS, maxPeersPerAddress, 20);
    this.#maxTotal = maxTotalPeers;
  }

  /** How many torrents there are. */
  get torrentCount(): number {
    return this.#torrents.size;
  }

  /** How many peers there are in all torrents. */
  get peerCount(): number {
    return this.#peerCount;
  }

  /**
   * Changes the id whose neighbourhood is kept.
   *
   * @param id Our new 20-byte id.
   */
  setOwnId(id: Uint8Array): void {
    this.#torrents.setOwnId(id);
  }

  /**
   * Whether an announce for a torrent would be taken: if not, give no token
   * (BEP 33).
   *
   * @param infoHash 20 bytes.
   * @param ip 4 or 16 bytes of the address that would announce.
   * @param now The time in milliseconds.
   * @returns Whether there is room.
   */
  accepts(infoHash: Uint8Array, ip: Uint8Array, now: number): boolean {
    const torrent = this.#torrent(infoHash, now);
    if (torrent !== undefined && torrent.size >= this.#maxPeers) {
      return this.#crowd(torrent, ip) !== undefined;
    }
    if (
      this.#peerCount >= this.#maxTotal && !this.#torrents.isCloser(infoHash)
    ) {
      return false;
    }
    return torrent !== undefined || this.#acceptsTorrent(infoHash);
  }

  /**
   * Stores a peer whose token was checked, or keeps it for longer.
   *
   * @param infoHash 20 bytes.
   * @param ip 4 or 16 bytes of the address that the announce came from.
   * @param port 1 to 65535.
   * @param isSeed Whether it has all pieces. Source: BEP 33.
   * @param now The time in milliseconds.
   * @returns What became of it; `"full"` is to be answered with error 202.
   */
  announce(
    infoHash: Uint8Array,
    ip: Uint8Array,
    port: number,
    isSeed: boolean,
    now: number,
  ): PeerAnnounceResult {
    let torrent = this.#torrent(infoHash, now);
    if (torrent === undefined && !this.#acceptsTorrent(infoHash)) return "full";
    const bytes = new Uint8Array(ip.length + 2);
    bytes.set(ip);
    writeUint16(bytes, ip.length, port);
    const compact = toByteString(bytes);
    const expiresAt = now + LIFETIME_MS;
    if (torrent?.renew(compact, isSeed, expiresAt)) return "updated";
    if (!isLoopback(ip)) {
      // An IPv4 address or IPv6 /64.
      const address = compact.slice(0, ip.length === 4 ? 4 : 8);
      const oldest = torrent?.portsOf(address, MAX_PORTS);
      if (oldest !== undefined) this.#forget(torrent!, oldest);
    }
    if (this.#shares.reaches(ip)) return "full";
    if (torrent !== undefined && torrent.size >= this.#maxPeers) {
      const crowd = this.#crowd(torrent, ip);
      if (crowd === undefined) return "full";
      this.#forget(torrent, crowd);
    }
    if (this.#peerCount >= this.#maxTotal) {
      if (!this.#torrents.isCloser(infoHash)) return "full";
      this.#dropFarthest();
    }
    if (torrent === undefined || torrent.size === 0) {
      torrent = this.#addTorrent(infoHash);
    }
    torrent.add({
      compact,
      isSeed,
      expiresAt,
      index: 0,
      bloomBits: undefined,
    });
    this.#peerCount++;
    this.#shares.count(ip, 1);
    return "added";
  }

  /**
   * Draws peers of a torrent.
   *
   * @param infoHash 20 bytes.
   * @param count Most peers to draw; 100 of IPv4 fit into a datagram.
   * @param noSeeds Whether to leave seeds out (BEP 33).
   * @param now The time in milliseconds.
   * @returns 6 or 18 bytes a peer, not to be changed; `undefined` when there
   * are none.
   */
  values(
    infoHash: Uint8Array,
    count: number,
    noSeeds: boolean,
    now: number,
  ): Uint8Array[] | undefined {
    const torrent = this.#torrent(infoHash, now);
    if (torrent === undefined) return undefined;
    const values = torrent.sample(count, noSeeds, this.#random);
    return values.length > 0 ? values : undefined;
  }

  /**
   * Summarises the peers of a torrent. Source: BEP 33.
   *
   * @param infoHash 20 bytes.
   * @param now The time in milliseconds.
   * @returns The filters, `undefined` when there are no peers.
   */
  scrape(infoHash: Uint8Array, now: number): PeerScrape | undefined {
    const torrent = this.#torrent(infoHash, now);
    if (torrent === undefined) return undefined;
    const scrape = { seeds: new BloomFilter(), peers: new BloomFilter() };
    torrent.fill(scrape.seeds, scrape.peers);
    return scrape;
  }

  /**
   * Draws info-hashes of the torrents that are kept. The same ones are given
   * for six hours, unless there were too few. Source: BEP 51.
   *
   * @param now The time in milliseconds.
   * @returns The samples.
   */
  sampleInfohashes(now: number): InfohashSamples {
    this.expire(now);
    const count = this.#torrents.size;
    const wanted = Math.min(count, MAX_SAMPLES);
    if (
      now - this.#sampledAt >= 1000 * SAMPLE_INTERVAL ||
      this.#samples.length < NODE_ID_LENGTH * wanted
    ) {
      // One pass that takes each torrent with the right chance.
      const chosen: Uint8Array[] = [];
      let left = count;
      for (const { key } of this.#torrents.values()) {
        if (randomInt(this.#random, left--) < wanted - chosen.length) {
          chosen.push(key);
        }
        if (chosen.length === wanted) break;
      }
      this.#samples = concatBytes(chosen);
      this.#sampledAt = now;
    }
    return { interval: SAMPLE_INTERVAL, count, samples: this.#samples };
  }

  /**
   * Drops peers that did not announce again. Call it now and then.
   *
   * @param now The time in milliseconds.
   */
  expire(now: number): void {
    for (const torrent of this.#torrents.values()) {
      this.#expireTorrent(torrent, now);
    }
  }

  /** The torrent, when it has peers. */
  #torrent(infoHash: Uint8Array, now: number): StoredTorrent | undefined {
    const torrent = this.#torrents.get(infoHash);
    if (torrent === undefined) return undefined;
    this.#expireTorrent(torrent, now);
    return torrent.size > 0 ? torrent : undefined;
  }

  #expireTorrent(torrent: StoredTorrent, now: number): void {
    for (
      let oldest = torrent.oldest;
      oldest !== undefined && oldest.expiresAt <= now;
      oldest = torrent.oldest
    ) this.#forget(torrent, oldest);
  }

  /** Removes a peer, and its torrent with the last one. */
  #forget(torrent: StoredTorrent, peer: StoredPeer): void {
    torrent.remove(peer);
    this.#peerCount--;
    this.#shares.count(ipOf(peer), -1);
    if (torrent.size === 0) this.#torrents.delete(torrent);
  }

  /** A peer of the address that has most of a full torrent, for a newcomer to displace. */
  #crowd(torrent: StoredTorrent, ip: Uint8Array): StoredPeer | undefined {
    let worst: StoredPeer | undefined;
    let most = 2 * this.#shares.of(ip) + CROWD;
    for (const peer of torrent.peers) {
      const share = this.#shares.of(ipOf(peer));
      if (share <= most) continue;
      most = share;
      worst = peer;
    }
    return worst;
  }

  #acceptsTorrent(infoHash: Uint8Array): boolean {
    return this.#torrents.size < this.#maxTorrents ||
      this.#torrents.isCloser(infoHash);
  }

  #dropFarthest(): void {
    const farthest = this.#torrents.farthest!;
    for (let peer = farthest.oldest; peer; peer = farthest.oldest) {
      this.#forget(farthest, peer);
    }
  }

  /** Makes a torrent that is accepted, in place of the farthest if need be. */
  #addTorrent(infoHash: Uint8Array): StoredTorrent {
    if (this.#torrents.size >= this.#maxTorrents) this.#dropFarthest();
    const torrent = new StoredTorrent(infoHash.slice());
    this.#torrents.add(torrent);
    return torrent;
  }
}

function ipOf({ compact }: StoredPeer): Uint8Array {
  return bytesOf(compact).subarray(0, -2);
}
