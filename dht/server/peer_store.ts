/**
 * The peers that a node keeps for the torrents near its id.
 *
 * @module
 */
import { type IpFamily, ipScope } from "../../_shared/address.ts";
import { concatBytes, toByteString, writeUint16 } from "../../_shared/bytes.ts";
import { randomInt, type RandomSource } from "../../_shared/random.ts";
import { shareWords, SwarmShare } from "../../_shared/swarm_share.ts";
import { idKey } from "./id_key.ts";
import { BloomFilter } from "../bloom_filter.ts";
import { compareNodeDistance, NODE_ID_LENGTH } from "../node_id.ts";
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

/** Options of {@linkcode PeerStore}. */
export interface PeerStoreOptions {
  /** Our 20-byte id: torrents far from it make room for closer ones. */
  readonly ownId: Uint8Array;
  /** Draws which peers and torrents are given out. */
  readonly random: RandomSource;
  /**
   * Torrents that are kept.
   *
   * @default {2_000}
   */
  readonly maxTorrents?: number | undefined;
  /**
   * Peers of a torrent that are kept.
   *
   * @default {500}
   */
  readonly maxPeers?: number | undefined;
  /**
   * Peers that one IPv4 address or IPv6 /64 may have in a torrent, as clients
   * of one household have; of more, the oldest goes. Loopback addresses are not
   * limited.
   *
   * @default {4}
   */
  readonly maxPortsPerAddress?: number | undefined;
  /**
   * Peers that one IPv4 address or IPv6 /64 may have in all torrents; a /24 or
   * /48 may have twice, a /16 or /32 twenty times as many. Loopback addresses
   * are not limited.
   *
   * @default {200}
   */
  readonly maxPeersPerAddress?: number | undefined;
  /**
   * Peers in all torrents; then the farthest torrent makes room for closer
   * ones.
   *
   * @default {200_000}
   */
  readonly maxTotalPeers?: number | undefined;
  /**
   * How long a peer is kept after its last announce, in milliseconds.
   *
   * @default {1_800_000}
   */
  readonly lifetimeMs?: number | undefined;
  /**
   * Info-hashes in a set of samples.
   *
   * @default {20}
   */
  readonly maxSamples?: number | undefined;
}

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
  readonly #maxPorts: number;
  /** By width of the subnet. */
  readonly #quotas: Readonly<Record<IpFamily, readonly number[]>>;
  readonly #maxTotal: number;
  readonly #lifetimeMs: number;
  readonly #maxSamples: number;
  readonly #torrents = new Map<string, StoredTorrent>();
  /** What addresses and subnets hold in all torrents; without loopback. */
  readonly #share: SwarmShare;
  #ownId: Uint8Array;
  #peerCount = 0;
  #farthest: StoredTorrent | undefined;
  #samples: Uint8Array = new Uint8Array(0);
  #sampledAt = -Infinity;

  /**
   * Makes an empty store.
   *
   * @param options See {@linkcode PeerStoreOptions}.
   * @throws {RangeError} If a limit is not at least 1.
   */
  constructor(options: PeerStoreOptions) {
    const {
      maxTorrents = 2_000,
      maxPeers = 500,
      maxPortsPerAddress = 4,
      maxPeersPerAddress = 200,
      maxTotalPeers = 200_000,
      lifetimeMs = 1_800_000,
      maxSamples = 20,
    } = options;
    for (
      const [name, value] of Object.entries({
        maxTorrents,
        maxPeers,
        maxPortsPerAddress,
        maxPeersPerAddress,
        maxTotalPeers,
        lifetimeMs,
        maxSamples,
      })
    ) {
      if (!(value >= 1)) {
        throw new RangeError(
          `Option ${name} must be at least 1: current value is ${value}`,
        );
      }
    }
    this.#ownId = options.ownId.slice();
    this.#random = options.random;
    this.#maxTorrents = maxTorrents;
    this.#maxPeers = maxPeers;
    this.#maxPorts = maxPortsPerAddress;
    const most = maxPeersPerAddress;
    this.#quotas = {
      4: [most, 2 * most, 20 * most],
      6: [most, 1.5 * most, 2 * most, 20 * most],
    };
    const seed = randomInt(options.random, 0x100000000);
    this.#share = new SwarmShare(seed, SHARE_BITS);
    this.#maxTotal = maxTotalPeers;
    this.#lifetimeMs = lifetimeMs;
    this.#maxSamples = maxSamples;
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
    this.#ownId = id.slice();
    this.#farthest = undefined;
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
    if (this.#peerCount >= this.#maxTotal && !this.#isCloser(infoHash)) {
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
    const expiresAt = now + this.#lifetimeMs;
    if (torrent?.renew(compact, isSeed, expiresAt)) return "updated";
    const isCounted = ipScope(ip) !== "loopback";
    if (isCounted) {
      // An IPv4 address or IPv6 /64.
      const address = compact.slice(0, ip.length === 4 ? 4 : 8);
      const oldest = torrent?.portsOf(address, this.#maxPorts);
      if (oldest !== undefined) this.#forget(torrent!, oldest);
      const [family, a, b] = wordsOf(ip);
      if (this.#share.reaches(family, a, b, this.#quotas[family])) {
        return "full";
      }
    }
    if (torrent !== undefined && torrent.size >= this.#maxPeers) {
      const crowd = this.#crowd(torrent, ip);
      if (crowd === undefined) return "full";
      this.#forget(torrent, crowd);
    }
    if (this.#peerCount >= this.#maxTotal) {
      if (!this.#isCloser(infoHash)) return "full";
      this.#dropFarthest();
    }
    if (torrent === undefined || torrent.size === 0) {
      torrent = this.#addTorrent(infoHash);
    }
    torrent.add({
      compact,
      isCounted,
      isSeed,
      expiresAt,
      index: 0,
      bloomBits: undefined,
    });
    this.#peerCount++;
    if (isCounted) this.#share.count(...wordsOf(ip), 1);
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
    const wanted = Math.min(count, this.#maxSamples);
    if (
      now - this.#sampledAt >= 1000 * SAMPLE_INTERVAL ||
      this.#samples.length < NODE_ID_LENGTH * wanted
    ) {
      // One pass that takes each torrent with the right chance.
      const chosen: Uint8Array[] = [];
      let left = count;
      for (const { infoHash } of this.#torrents.values()) {
        if (randomInt(this.#random, left--) < wanted - chosen.length) {
          chosen.push(infoHash);
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
    const torrent = this.#torrents.get(idKey(infoHash));
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
    if (peer.isCounted) {
      this.#share.count(...wordsOf(ipOf(peer)), -1);
    }
    if (torrent.size > 0) return;
    this.#torrents.delete(idKey(torrent.infoHash));
    if (torrent === this.#farthest) this.#farthest = undefined;
  }

  /** The peer of whoever crowds a torrent out that a newcomer may displace. */
  #crowd(torrent: StoredTorrent, ip: Uint8Array): StoredPeer | undefined {
    let worst: StoredPeer | undefined;
    let most = 2 * this.#share.of(...wordsOf(ip)) + CROWD;
    for (const peer of torrent.peers) {
      if (!peer.isCounted) continue;
      const share = this.#share.of(...wordsOf(ipOf(peer)));
      if (share <= most) continue;
      most = share;
      worst = peer;
    }
    return worst;
  }

  #acceptsTorrent(infoHash: Uint8Array): boolean {
    return this.#torrents.size < this.#maxTorrents || this.#isCloser(infoHash);
  }

  /** Whether a torrent is worth more to us than the farthest. */
  #isCloser(infoHash: Uint8Array): boolean {
    const farthest = this.#farthestTorrent();
    return farthest !== undefined &&
      compareNodeDistance(this.#ownId, infoHash, farthest.infoHash) < 0;
  }

  #dropFarthest(): void {
    const farthest = this.#farthestTorrent()!;
    for (let peer = farthest.oldest; peer; peer = farthest.oldest) {
      this.#forget(farthest, peer);
    }
  }

  /** Makes a torrent that is accepted, in place of the farthest if need be. */
  #addTorrent(infoHash: Uint8Array): StoredTorrent {
    if (this.#torrents.size >= this.#maxTorrents) this.#dropFarthest();
    const torrent = new StoredTorrent(infoHash.slice());
    this.#torrents.set(idKey(infoHash), torrent);
    if (
      this.#farthest !== undefined &&
      compareNodeDistance(this.#ownId, infoHash, this.#farthest.infoHash) > 0
    ) this.#farthest = torrent;
    return torrent;
  }

  #farthestTorrent(): StoredTorrent | undefined {
    if (this.#farthest === undefined) {
      for (const torrent of this.#torrents.values()) {
        if (
          this.#farthest === undefined ||
          compareNodeDistance(
              this.#ownId,
              torrent.infoHash,
              this.#farthest.infoHash,
            ) > 0
        ) this.#farthest = torrent;
      }
    }
    return this.#farthest;
  }
}

function ipOf({ compact }: StoredPeer): Uint8Array {
  return bytesOf(compact).subarray(0, -2);
}

/** Family and words of an address, as shares are counted by. */
function wordsOf(ip: Uint8Array): [IpFamily, number, number] {
  const family = ip.length === 4 ? 4 : 6;
  return [family, ...shareWords(ip, family)];
}
