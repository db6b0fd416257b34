/**
 * Where a swarm store keeps what in its database.
 *
 * `[prefix, "peers", place + info-hash, place + address and port]` is
 * `[seed, second it was heard of]`. The places are keyed hashes: whatever
 * info-hashes and addresses strangers choose, a read from a random place on
 * finds a fair sample.
 *
 * `[prefix, "downloads", place + info-hash]` and `[prefix, "count", name]` are
 * counters, `[prefix, "secret"]` is the hashes' key.
 *
 * @module
 */
import type { IpFamily } from "../../_shared/address.ts";
import { writeUint16, writeUint32 } from "../../_shared/bytes.ts";
import { randomBytes, type RandomSource } from "../../_shared/random.ts";
import { SipHash, SIPHASH_KEY_LENGTH } from "../../_shared/sip_hash.ts";
import type { FullSwarmLimits } from "../swarm_store.ts";
import type { SwarmKv, SwarmKvEntry, SwarmKvKeyPart } from "../swarm_kv.ts";

/** Bytes of a torrent's place. */
const TORRENT_PLACE = 8;
/** Bytes of a peer's place. */
const PEER_PLACE = 4;

/** A peer as it is in the database. */
export interface KvPeer {
  /** Its key. */
  readonly key: SwarmKvKeyPart[];
  /** Its torrent: place and info-hash. */
  readonly torrent: Uint8Array;
  /** Address and port in compact form. */
  readonly compact: Uint8Array;
  /** Whether it has everything. */
  readonly seed: boolean;
  /** Second it was heard of. */
  readonly heard: number;
  /** Names this version of the entry. */
  readonly versionstamp: string;
}

/** A database of swarms, and what all that work on it go by. */
export interface KvPlace {
  /** The database. */
  readonly kv: SwarmKv;
  /** Where in it peers and counters are. */
  readonly layout: KvSwarmLayout;
  /** How long a peer stays, and the caps. */
  readonly limits: FullSwarmLimits;
  /** The time of day in milliseconds. */
  readonly wallClock: () => number;
  /** Source of what is drawn by lot. */
  readonly random: RandomSource;
}

/** Keys and values of a swarm store. */
export class KvSwarmLayout {
  readonly #prefix: string;
  readonly #hash: SipHash;

  private constructor(prefix: string, secret: Uint8Array) {
    this.#prefix = prefix;
    this.#hash = new SipHash(secret);
  }

  /** Reads the secret of a database; the first one who asks makes it. */
  static async open(
    kv: SwarmKv,
    prefix: string,
    random: RandomSource,
  ): Promise<KvSwarmLayout> {
    const key = [prefix, "secret"];
    while (true) {
      const { value, versionstamp } = await kv.get(key);
      if (value instanceof Uint8Array && value.length === SIPHASH_KEY_LENGTH) {
        return new KvSwarmLayout(prefix, value);
      }
      await kv.atomic().check({ key, versionstamp })
        .set(key, randomBytes(random, SIPHASH_KEY_LENGTH)).commit();
    }
  }

  /** What the keys of all peers begin with. */
  get peers(): SwarmKvKeyPart[] {
    return [this.#prefix, "peers"];
  }

  /** What the keys of all torrents' downloads begin with. */
  get downloads(): SwarmKvKeyPart[] {
    return [this.#prefix, "downloads"];
  }

  /** What the keys of all counters begin with. */
  get counts(): SwarmKvKeyPart[] {
    return [this.#prefix, "count"];
  }

  /** The key of a counter. */
  countKey(name: string): SwarmKvKeyPart[] {
    return [...this.counts, name];
  }

  /** Places a torrent. */
  torrent(infoHash: Uint8Array): Uint8Array {
    return this.#placed(infoHash, TORRENT_PLACE);
  }

  /** The key of a torrent's downloads. */
  downloadsKey(torrent: Uint8Array): SwarmKvKeyPart[] {
    return [...this.downloads, torrent];
  }

  /** The key of a peer. */
  peerKey(torrent: Uint8Array, compact: Uint8Array): SwarmKvKeyPart[] {
    return [...this.peers, torrent, this.#placed(compact, PEER_PLACE)];
  }

  /** A key from which on peers are read to find random ones. */
  randomStart(random: RandomSource, torrent?: Uint8Array): SwarmKvKeyPart[] {
    return torrent === undefined
      ? [...this.peers, randomBytes(random, TORRENT_PLACE)]
      : [...this.peers, torrent, randomBytes(random, PEER_PLACE)];
  }

  /**
   * Reads an entry below {@linkcode KvSwarmLayout.peers}. Returns the peer, or
   * `undefined` if it is none.
   */
  peerOf(entry: SwarmKvEntry): KvPeer | undefined {
    const { key, value, versionstamp } = entry;
    const torrent = key[2];
    const placed = key[3];
    if (
      !(torrent instanceof Uint8Array) || !(placed instanceof Uint8Array) ||
      torrent.length !== TORRENT_PLACE + 20 || !Array.isArray(value) ||
      (placed.length !== PEER_PLACE + 6 && placed.length !== PEER_PLACE + 18)
    ) return undefined;
    const [seed, heard] = value as unknown[];
    return typeof seed === "boolean" && typeof heard === "number"
      ? {
        key: [...this.peers, torrent, placed],
        torrent,
        compact: placed.subarray(PEER_PLACE),
        seed,
        heard,
        versionstamp,
      }
      : undefined;
  }

  #placed(bytes: Uint8Array, length: number): Uint8Array {
    const placed = new Uint8Array(length + bytes.length);
    const hash = new Uint8Array(8);
    this.#hash.hash(bytes, hash);
    placed.set(hash.subarray(0, length));
    placed.set(bytes, length);
    return placed;
  }
}

/** Encodes address and port. Returns 6 or 18 bytes. */
export function compactOf(
  { family, ip0, ip1, ip2, ip3, port }: {
    readonly family: IpFamily;
    readonly ip0: number;
    readonly ip1: number;
    readonly ip2: number;
    readonly ip3: number;
    readonly port: number;
  },
): Uint8Array {
  const bytes = new Uint8Array(family === 4 ? 6 : 18);
  writeUint32(bytes, 0, ip0);
  if (family === 6) {
    writeUint32(bytes, 4, ip1);
    writeUint32(bytes, 8, ip2);
    writeUint32(bytes, 12, ip3);
  }
  writeUint16(bytes, bytes.length - 2, port);
  return bytes;
}
