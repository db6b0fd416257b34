/**
 * A {@linkcode SwarmStore} in a key-value database, so that several trackers
 * share their swarms and a restart loses none.
 *
 * @module
 */
import type { ScrapeEntry } from "../_shared/announce.ts";
import { type Clock, systemClock, within } from "../_shared/clock.ts";
import { type RandomSource, systemRandom } from "../_shared/random.ts";
import {
  checkSwarmLimits,
  type FullSwarmLimits,
  type SwarmAnnounce,
  type SwarmAnswer,
  type SwarmLimits,
  type SwarmStats,
  type SwarmStore,
} from "./swarm_store.ts";
import { NO_VICTIM, REFUSED } from "./table/swarm_set.ts";
import { patientKv } from "./kv_patience.ts";
import { KvSwarmCensus } from "./kv/kv_swarm_census.ts";
import {
  compactOf,
  type KvPeer,
  type KvPlace,
  KvSwarmLayout,
} from "./kv/kv_swarm_layout.ts";
import { type KvChange, KvSwarmMirror } from "./kv/kv_swarm_mirror.ts";
import { KvSwarmRoom } from "./kv/kv_swarm_room.ts";
import { KvSwarmWriter } from "./kv/kv_swarm_writer.ts";
import type { SwarmKv } from "./swarm_kv.ts";

/** Most peers of a torrent that one newcomer displaces. */
const MAX_VICTIMS = 4;
/** Peers removed in one operation. */
const REMOVAL_BATCH = 50;
/** How long `close()` waits for what is under way, in milliseconds. */
const SHUTDOWN_MS = 3_000;

/** Options of {@linkcode KvSwarmStore}. */
export interface KvSwarmStoreOptions extends SwarmLimits {
  /**
   * The database; closed with the store. `Deno.openKv` needs `--unstable-kv`,
   * and read and write access to the file; for a service by its URL, net
   * access to it and env access to `DENO_KV_ACCESS_TOKEN`.
   */
  readonly kv: SwarmKv;
  /**
   * Reads the time of day in milliseconds, which all trackers of one database
   * agree on.
   */
  readonly wallClock: () => number;
  /**
   * Source of the keys' secret and of the peers in answers.
   *
   * @default {the system's}
   */
  readonly random?: RandomSource | undefined;
  /**
   * Clock of the pauses while another process writes to the database file.
   *
   * @default {the system's}
   */
  readonly clock?: Clock | undefined;
  /**
   * First part of all keys.
   *
   * @default {"bip-swarm"}
   */
  readonly prefix?: string | undefined;
}

/** What is known of the database once its secret is read. */
interface Opened {
  readonly layout: KvSwarmLayout;
  readonly census: KvSwarmCensus;
  readonly room: KvSwarmRoom;
  readonly mirror: KvSwarmMirror;
  readonly writer: KvSwarmWriter;
}

/**
 * Swarms in a database. An announce is answered once the database has it; those
 * that wait are written together. Caps: see {@linkcode SwarmLimits}; several processes may
 * exceed them by what they enter at the same moment.
 */
export class KvSwarmStore implements SwarmStore {
  readonly #kv: SwarmKv;
  readonly #clock: Clock;
  readonly #wallClock: () => number;
  readonly #random: RandomSource;
  readonly #limits: FullSwarmLimits;
  readonly #prefix: string;
  #opened: Promise<Opened> | undefined;
  readonly #running = new Set<Promise<unknown>>();
  #evicted = 0;

  /**
   * Wraps a database.
   *
   * @param options See {@linkcode KvSwarmStoreOptions}.
   * @throws {RangeError} If a limit is not positive.
   */
  constructor(options: KvSwarmStoreOptions) {
    const { clock = systemClock, random = systemRandom } = options;
    this.#kv = patientKv(options.kv, { clock, random });
    this.#clock = clock;
    this.#wallClock = options.wallClock;
    this.#random = random;
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
    // Copied before the first await: the object is reused.
    const { infoHash, infoHashOffset: at } = request;
    const own = {
      ...request,
      infoHash: infoHash.slice(at, at + 20),
      infoHashOffset: 0,
    };
    return this.#run((opened) => this.#announce(opened, own));
  }

  /**
   * Looks up the figures of a torrent.
   *
   * @param infoHash Bytes that hold the info-hash.
   * @param offset Where in them the 20 bytes begin.
   * @returns The figures.
   */
  scrape(infoHash: Uint8Array, offset: number): Promise<ScrapeEntry> {
    const hash = infoHash.slice(offset, offset + 20);
    return this.#run(async ({ layout, mirror }) => {
      await mirror.know(layout.torrent(hash));
      const { set } = mirror;
      const slot = set.index.find(hash, 0);
      if (slot < 0) return { seeders: 0, leechers: 0, downloads: 0 };
      const seeders = set.seeds(slot);
      const leechers = set.count(slot) - seeders;
      return { seeders, leechers, downloads: set.downloads(slot) };
    });
  }

  /**
   * Counts all peers now and then, for the caps; the database itself lets peers
   * go that were not heard of.
   *
   * @returns A promise that resolves when that is done.
   */
  expire(): Promise<void> {
    return this.#run(({ census }) => census.recount(this.#isFull(census)));
  }

  /**
   * Counts all peers; not more than once in a few seconds.
   *
   * @returns A snapshot.
   */
  stats(): Promise<SwarmStats> {
    return this.#run(async ({ census }) => ({
      ...await census.stats(),
      evicted: this.#evicted,
    }));
  }

  /**
   * Closes the database, once what is under way has ended or has taken three
   * seconds more.
   *
   * @returns A promise that resolves when it is closed.
   */
  async close(): Promise<void> {
    await within(this.#clock, SHUTDOWN_MS, this.#settle());
    this.#kv.close();
  }

  async #settle(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.census.close();
    await Promise.allSettled(this.#running);
  }

  async #run<T>(action: (opened: Opened) => Promise<T>): Promise<T> {
    const task = (async () => await action(await this.#open()))();
    this.#running.add(task);
    try {
      return await task;
    } finally {
      this.#running.delete(task);
    }
  }

  #open(): Promise<Opened> {
    if (this.#opened === undefined) {
      const opened = this.#openNow();
      this.#opened = opened;
      // A service that cannot be reached is tried again next time.
      opened.catch(() => this.#opened = undefined);
    }
    return this.#opened;
  }

  async #openNow(): Promise<Opened> {
    const kv = this.#kv;
    const random = this.#random;
    const layout = await KvSwarmLayout.open(kv, this.#prefix, random);
    const place: KvPlace = {
      kv,
      layout,
      limits: this.#limits,
      wallClock: this.#wallClock,
      random,
    };
    const census = new KvSwarmCensus(place);
    return {
      layout,
      census,
      room: new KvSwarmRoom(place, census),
      mirror: new KvSwarmMirror(place),
      writer: new KvSwarmWriter(place, census),
    };
  }

  #isFull({ peers, torrents }: KvSwarmCensus): boolean {
    return peers >= this.#limits.maxPeers ||
      torrents >= this.#limits.maxTorrents;
  }

  async #announce(
    opened: Opened,
    request: SwarmAnnounce,
  ): Promise<SwarmAnswer> {
    const { infoHash, event, family, port } = request;
    const { layout, mirror } = opened;
    const { set } = mirror;
    const torrent = layout.torrent(infoHash);
    const compact = compactOf(request);
    const list = set.listOf(family);
    const find = () => {
      const slot = set.index.find(infoHash, 0);
      return { slot, own: slot < 0 ? -1 : list.find(slot, request) };
    };
    const written: Promise<void>[] = [];
    await mirror.know(torrent);
    if (event === "stopped") {
      const { slot, own } = find();
      const isOnly = slot >= 0 && own >= 0 && set.count(slot) === 1;
      // Perhaps only the database knows it.
      written.push(this.#leave(opened, torrent, compact, isOnly));
    } else if (port !== 0) {
      const isAllowed = find().own >= 0 ||
        await this.#makeRoom(opened, request, torrent, compact, written);
      if (isAllowed) {
        const entry = {
          seed: request.seed,
          heard: Math.trunc(this.#wallClock() / 1000),
        };
        const completed = event === "completed";
        const isOnly = find().slot < 0;
        const change = { torrent, compact, entry, completed, isOnly };
        written.push(this.#write(opened, change));
      } else this.#evicted++;
    }
    const { slot, own } = find();
    const answer = set.answer(slot, own, request);
    const { peers4, length4, peers6, length6 } = answer;
    // The set uses it again while the database is written.
    const kept = {
      ...answer,
      peers4: peers4.slice(0, length4),
      peers6: peers6.slice(0, length6),
    };
    await Promise.all(written);
    return kept;
  }

  /** Removes the peers that a newcomer displaces; false if it is not let in. */
  async #makeRoom(
    opened: Opened,
    newcomer: SwarmAnnounce,
    torrent: Uint8Array,
    compact: Uint8Array,
    written: Promise<void>[],
  ): Promise<boolean> {
    const { set } = opened.mirror;
    const slot = set.index.find(newcomer.infoHash, 0);
    if (slot >= 0) {
      const { maxPeersPerTorrent } = this.#limits;
      // More than one where other processes were as fast as we.
      let displaced = 0;
      for (; displaced < MAX_VICTIMS; displaced++) {
        const victim = set.victimFor(slot, newcomer, maxPeersPerTorrent);
        if (victim === REFUSED) return false;
        if (victim === NO_VICTIM) break;
        const other = set.listOf(newcomer.family).compactOf(slot, victim);
        this.#evicted++;
        written.push(this.#leave(opened, torrent, other, false));
      }
      if (displaced > 0) return true;
    }
    const isOnly = slot < 0;
    const room = await opened.room.find({ compact, torrent, isOnly });
    if (room === undefined) return false;
    if (room.torrent !== undefined) await this.#clear(opened, room.torrent);
    for (const victim of room.victims) {
      this.#evicted++;
      const isAlone = room.alone.has(victim);
      written.push(
        this.#leave(opened, victim.torrent, victim.compact, isAlone),
      );
    }
    return true;
  }

  #leave(
    opened: Opened,
    torrent: Uint8Array,
    compact: Uint8Array,
    isOnly: boolean,
  ): Promise<void> {
    const entry = undefined;
    const change = { torrent, compact, entry, completed: false, isOnly };
    return this.#write(opened, change);
  }

  async #write({ mirror, writer }: Opened, change: KvChange): Promise<void> {
    mirror.begin(change);
    try {
      await writer.write(change);
      mirror.confirm(change);
    } catch (error) {
      mirror.forget(change.torrent);
      throw error;
    }
  }

  /** Removes all peers of a torrent. */
  async #clear(
    { layout, census, mirror }: Opened,
    torrent: Uint8Array,
  ): Promise<void> {
    mirror.forget(torrent);
    const peers: KvPeer[] = [];
    const list = this.#kv.list({ prefix: [...layout.peers, torrent] });
    for await (const entry of list) {
      const peer = layout.peerOf(entry);
      if (peer !== undefined) peers.push(peer);
    }
    for (let at = 0; at < peers.length; at += REMOVAL_BATCH) {
      const batch = peers.slice(at, at + REMOVAL_BATCH);
      const last = at + REMOVAL_BATCH >= peers.length;
      const operation = this.#kv.atomic();
      for (const { key, versionstamp } of batch) {
        operation.check({ key, versionstamp }).delete(key);
      }
      if (last) operation.delete(layout.downloadsKey(torrent));
      census.countOut(operation, batch.length, last ? 1 : 0);
      const { ok } = await operation.commit();
      // It is not as idle as it looked.
      if (!ok) return;
      this.#evicted += batch.length;
      for (const [i, peer] of batch.entries()) {
        const gone = last && i === batch.length - 1;
        census.note(peer.compact, -1, gone ? -1 : 0);
      }
    }
  }
}
