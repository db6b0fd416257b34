/**
 * A {@linkcode SwarmStore} in a key-value database, so that several trackers
 * share their swarms and a restart loses none.
 *
 * Keys are `[prefix, "peer", info-hash, address and port]` with whether it is a
 * seed and the second it was heard of, and `[prefix, "downloads", info-hash]`.
 * Peers expire by themselves.
 *
 * @module
 */
import type { IpFamily } from "../_shared/address.ts";
import type { ScrapeEntry } from "../_shared/announce.ts";
import {
  equalBytes,
  toByteString,
  writeUint16,
  writeUint32,
} from "../_shared/bytes.ts";
import { randomInt, type RandomSource } from "../_shared/random.ts";
import {
  checkSwarmLimits,
  type FullSwarmLimits,
  type SwarmAnnounce,
  type SwarmAnswer,
  type SwarmLimits,
  type SwarmStats,
  type SwarmStore,
} from "../_shared/swarm_store.ts";

/** Swarms of up to so many peers are read anew for every announce. */
const SMALL_SWARM = 100;
/** How long larger swarms may be remembered, in milliseconds. */
const LARGE_SWARM_LIFE_MS = 2_000;
/** Most swarms remembered. */
const MAX_REMEMBERED = 1_000;
/** How often all peers are counted, in milliseconds. */
const COUNT_INTERVAL_MS = 300_000;
/** How long downloads are remembered after the last one, in milliseconds. */
const DOWNLOADS_LIFE_MS = 30 * 86_400_000;
/** Most peers in one answer. */
const MAX_ANSWER = 200;

/** A part of a key. */
export type SwarmKvKeyPart = Uint8Array | string | number | bigint | boolean;

/** An entry of a {@linkcode SwarmKv}. */
export interface SwarmKvEntry {
  /** Its key. */
  readonly key: readonly unknown[];
  /** Its value. */
  readonly value: unknown;
}

/** What the store needs of a database: a `Deno.Kv` fits. */
export interface SwarmKv {
  /**
   * Reads a value.
   *
   * @param key Its key.
   * @returns The value, null if there is none.
   */
  get(key: SwarmKvKeyPart[]): Promise<{ readonly value: unknown }>;
  /**
   * Writes a value.
   *
   * @param key Its key.
   * @param value What to write.
   * @param options When it expires by itself, in milliseconds.
   * @returns A promise that resolves when it is written.
   */
  set(
    key: SwarmKvKeyPart[],
    value: unknown,
    options?: { expireIn?: number },
  ): Promise<unknown>;
  /**
   * Deletes a value.
   *
   * @param key Its key.
   * @returns A promise that resolves when it is gone.
   */
  delete(key: SwarmKvKeyPart[]): Promise<void>;
  /**
   * Lists entries in the order of their keys.
   *
   * @param selector What their keys begin with.
   * @param options Most entries, and how many are fetched at a time.
   * @returns The entries.
   */
  list(
    selector: { prefix: SwarmKvKeyPart[] },
    options?: { limit?: number; batchSize?: number },
  ): AsyncIterable<SwarmKvEntry>;
  /** Closes the database. */
  close(): void;
}

/** Options of {@linkcode KvSwarmStore}. */
export interface KvSwarmStoreOptions extends SwarmLimits {
  /** The database; closed with the store. */
  readonly kv: SwarmKv;
  /**
   * Reads the time of day in milliseconds, which all trackers of one database
   * agree on.
   */
  readonly wallClock: () => number;
  /** Whom answers name. */
  readonly random: RandomSource;
  /**
   * First part of all keys.
   *
   * @default {"bip-swarm"}
   */
  readonly prefix?: string | undefined;
}

interface Peer {
  /** Address and port in compact form. */
  readonly compact: Uint8Array;
  readonly seed: boolean;
  /** Second it was heard of. */
  readonly heard: number;
}

interface Remembered {
  readonly at: number;
  readonly peers: readonly Peer[];
}

/** Swarms in a database. Caps: see {@linkcode SwarmLimits}. */
export class KvSwarmStore implements SwarmStore {
  readonly #kv: SwarmKv;
  readonly #wallClock: () => number;
  readonly #random: RandomSource;
  readonly #limits: FullSwarmLimits;
  readonly #prefix: string;
  /** Larger swarms, read a moment ago. */
  readonly #remembered = new Map<string, Remembered>();
  #peers = 0;
  #torrents = 0;
  #counted: Promise<SwarmStats> | undefined;
  #countedAt = -Infinity;
  #evicted = 0;

  /**
   * Wraps a database.
   *
   * @param options See {@linkcode KvSwarmStoreOptions}.
   * @throws {RangeError} If a limit is not positive.
   */
  constructor(options: KvSwarmStoreOptions) {
    this.#kv = options.kv;
    this.#wallClock = options.wallClock;
    this.#random = options.random;
    this.#limits = checkSwarmLimits(options);
    this.#prefix = options.prefix ?? "bip-swarm";
  }

  /**
   * Takes an announce.
   *
   * @param request What the peer said.
   * @returns Figures and peers.
   */
  announce(request: SwarmAnnounce): Promise<SwarmAnswer> {
    // Everything is read before the first await: the object is reused.
    const { infoHashOffset: at, infoHash, family, event, seed, port } = request;
    const want = Math.min(request.numWant, MAX_ANSWER);
    const { bothFamilies } = request;
    return this.#announce(
      infoHash.slice(at, at + 20),
      compactOf(request),
      { family, event, seed, port, want, bothFamilies },
    );
  }

  /**
   * Looks up the figures of a torrent.
   *
   * @param infoHash Bytes that hold the info-hash.
   * @param offset Where in them the 20 bytes begin.
   * @returns The figures.
   */
  async scrape(infoHash: Uint8Array, offset: number): Promise<ScrapeEntry> {
    const hash = infoHash.slice(offset, offset + 20);
    const peers = await this.#load(hash);
    let seeders = 0;
    for (const peer of peers) if (peer.seed) seeders++;
    return {
      seeders,
      leechers: peers.length - seeders,
      downloads: await this.#downloads(hash),
    };
  }

  /**
   * Counts all peers now and then, for the cap; the database itself lets peers
   * go that were not heard of.
   *
   * @returns A promise that resolves when that is done.
   */
  async expire(): Promise<void> {
    const now = this.#wallClock();
    if (now - this.#countedAt < COUNT_INTERVAL_MS) return;
    await this.#count(now);
  }

  /**
   * Counts all peers; not more than once in a few seconds.
   *
   * @returns A snapshot.
   */
  async stats(): Promise<SwarmStats> {
    const now = this.#wallClock();
    if (this.#counted === undefined || now - this.#countedAt > 5_000) {
      return await this.#count(now);
    }
    return await this.#counted;
  }

  /** Closes the database. */
  close(): void {
    this.#kv.close();
  }

  async #announce(
    hash: Uint8Array,
    own: Uint8Array,
    request:
      & Pick<
        SwarmAnnounce,
        "family" | "event" | "seed" | "port" | "bothFamilies"
      >
      & { readonly want: number },
  ): Promise<SwarmAnswer> {
    const before = await this.#load(hash);
    const known = before.find((peer) => equalBytes(peer.compact, own));
    const key = this.#key(hash, own);
    const { event, seed, family } = request;
    let peers = before.filter((peer) => peer !== known);
    if (event === "stopped") {
      if (known !== undefined) {
        await this.#kv.delete(key);
        this.#peers--;
      }
    } else if (request.port !== 0) {
      const room = known !== undefined || await this.#makeRoom(hash, peers);
      if (room) {
        const heard = Math.trunc(this.#wallClock() / 1000);
        await this.#kv.set(key, [seed, heard], {
          expireIn: this.#limits.peerLifeMs,
        });
        if (known === undefined) this.#peers++;
      }
      if (event === "completed" && known?.seed !== true) {
        await this.#addDownload(hash);
      }
    }
    const listed = event !== "stopped" && request.port !== 0;
    this.#remember(
      hash,
      listed ? [...peers, { compact: own, seed, heard: 0 }] : peers,
    );
    let seeders = listed && seed ? 1 : 0;
    for (const peer of peers) if (peer.seed) seeders++;
    const total = peers.length + (listed ? 1 : 0);
    if (event === "stopped") peers = [];
    const size = family === 4 ? 6 : 18;
    const same = peers.filter((peer) => peer.compact.length === size);
    const first = this.#pick(same, seed, request.want);
    const rest = request.bothFamilies
      ? this.#pick(
        peers.filter((peer) => peer.compact.length !== size),
        seed,
        request.want - first.length / size,
      )
      : new Uint8Array(0);
    const [peers4, peers6] = family === 4 ? [first, rest] : [rest, first];
    return {
      seeders,
      leechers: total - seeders,
      downloads: await this.#downloads(hash),
      peers4,
      length4: peers4.length,
      peers6,
      length6: peers6.length,
    };
  }

  /** Picks as the table in memory does: seeds get leechers first. */
  #pick(peers: readonly Peer[], seed: boolean, want: number): Uint8Array {
    const seeds = this.#shuffled(peers.filter((peer) => peer.seed));
    const leechers = this.#shuffled(peers.filter((peer) => !peer.seed));
    const fromSeeds = seed
      ? Math.max(0, want - leechers.length)
      : Math.max((want + 1) >> 1, want - leechers.length);
    const some = seeds.slice(0, Math.max(0, Math.min(fromSeeds, want)));
    const picked = [
      ...leechers.slice(0, Math.max(0, want - some.length)),
      ...some,
    ];
    const size = peers[0]?.compact.length ?? 0;
    const bytes = new Uint8Array(size * picked.length);
    for (const [i, peer] of picked.entries()) bytes.set(peer.compact, size * i);
    return bytes;
  }

  #shuffled<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const k = randomInt(this.#random, i + 1);
      [items[i], items[k]] = [items[k]!, items[i]!];
    }
    return items;
  }

  /** Whether a new peer may enter; the oldest of a full torrent gives way. */
  async #makeRoom(hash: Uint8Array, peers: Peer[]): Promise<boolean> {
    const { maxPeers, maxPeersPerTorrent, maxTorrents } = this.#limits;
    if (peers.length >= maxPeersPerTorrent) {
      let oldest = 0;
      for (const [i, peer] of peers.entries()) {
        if (peer.heard < peers[oldest]!.heard) oldest = i;
      }
      const [victim] = peers.splice(oldest, 1);
      await this.#kv.delete(this.#key(hash, victim!.compact));
      this.#peers--;
      this.#evicted++;
      return true;
    }
    if (
      this.#peers < maxPeers &&
      (peers.length > 0 || this.#torrents < maxTorrents)
    ) return true;
    // Swarms that exist go on; what is new has to wait for room.
    this.#evicted++;
    return false;
  }

  async #load(hash: Uint8Array): Promise<readonly Peer[]> {
    const now = this.#wallClock();
    const name = toByteString(hash);
    const remembered = this.#remembered.get(name);
    if (
      remembered !== undefined && now - remembered.at < LARGE_SWARM_LIFE_MS
    ) return remembered.peers;
    const oldest = (now - this.#limits.peerLifeMs) / 1000;
    const peers: Peer[] = [];
    const list = this.#kv.list(
      { prefix: [this.#prefix, "peer", hash] },
      { limit: this.#limits.maxPeersPerTorrent * 2, batchSize: 500 },
    );
    for await (const { key, value } of list) {
      const compact = key[3];
      const entry = entryOf(value);
      if (
        !(compact instanceof Uint8Array) || entry === undefined ||
        (compact.length !== 6 && compact.length !== 18)
      ) continue;
      if (entry.heard >= oldest) peers.push({ compact, ...entry });
    }
    this.#remember(hash, peers, now);
    return peers;
  }

  #remember(
    hash: Uint8Array,
    peers: readonly Peer[],
    now = this.#remembered.get(toByteString(hash))?.at,
  ): void {
    const name = toByteString(hash);
    if (peers.length <= SMALL_SWARM || now === undefined) {
      this.#remembered.delete(name);
      return;
    }
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(name, { at: now, peers });
  }

  async #downloads(hash: Uint8Array): Promise<number> {
    const { value } = await this.#kv.get([this.#prefix, "downloads", hash]);
    return typeof value === "number" ? value : 0;
  }

  /** Two trackers at the same moment may count one download. */
  async #addDownload(hash: Uint8Array): Promise<void> {
    await this.#kv.set(
      [this.#prefix, "downloads", hash],
      await this.#downloads(hash) + 1,
      { expireIn: DOWNLOADS_LIFE_MS },
    );
  }

  #count(now: number): Promise<SwarmStats> {
    this.#countedAt = now;
    const counting = this.#countAll(now);
    this.#counted = counting;
    counting.catch(() => {
      if (this.#counted === counting) this.#counted = undefined;
    });
    return counting;
  }

  async #countAll(now: number): Promise<SwarmStats> {
    const oldest = (now - this.#limits.peerLifeMs) / 1000;
    let torrents = 0;
    let seeders = 0;
    let peers4 = 0;
    let peers6 = 0;
    let last: Uint8Array | undefined;
    const list = this.#kv.list(
      { prefix: [this.#prefix, "peer"] },
      { batchSize: 500 },
    );
    for await (const { key, value } of list) {
      const hash = key[2];
      const compact = key[3];
      const entry = entryOf(value);
      if (
        !(hash instanceof Uint8Array) || !(compact instanceof Uint8Array) ||
        entry === undefined || entry.heard < oldest
      ) continue;
      if (last === undefined || !equalBytes(last, hash)) torrents++;
      last = hash;
      if (entry.seed) seeders++;
      if (compact.length === 6) peers4++;
      else peers6++;
    }
    this.#peers = peers4 + peers6;
    this.#torrents = torrents;
    return {
      torrents,
      seeders,
      leechers: this.#peers - seeders,
      peers4,
      peers6,
      evicted: this.#evicted,
    };
  }

  #key(hash: Uint8Array, compact: Uint8Array): SwarmKvKeyPart[] {
    return [this.#prefix, "peer", hash, compact];
  }
}

function entryOf(
  value: unknown,
): { readonly seed: boolean; readonly heard: number } | undefined {
  if (!Array.isArray(value)) return undefined;
  const [seed, heard] = value as unknown[];
  return typeof seed === "boolean" && typeof heard === "number"
    ? { seed, heard }
    : undefined;
}

function compactOf(
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
