/**
 * A {@linkcode SwarmStore} in a key-value database, so that several trackers
 * share their swarms and a restart loses none.
 *
 * @module
 */
import type { ScrapeEntry } from "../_shared/announce.ts";
import { equalBytes, toByteString } from "../_shared/bytes.ts";
import { type Clock, systemClock } from "../_shared/clock.ts";
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
import { patientKv } from "./kv_patience.ts";
import { type Outcome, type Say, swarmAnswer } from "./kv_swarm_answer.ts";
import { KvSwarmCensus } from "./kv_swarm_census.ts";
import { readDownloads } from "./kv_swarm_downloads.ts";
import { compactOf, type KvPeer, KvSwarmLayout } from "./kv_swarm_layout.ts";
import { type KvRoom, KvSwarmRoom } from "./kv_swarm_room.ts";
import type { SwarmKv, SwarmKvAtomic } from "./swarm_kv.ts";

/** Swarms of up to so many peers are read anew for every announce. */
const SMALL_SWARM = 100;
/** How long larger swarms may be remembered, in milliseconds. */
const LARGE_SWARM_LIFE_MS = 2_000;
/** Most swarms remembered. */
const MAX_REMEMBERED = 1_000;
/** Most peers in one answer. */
const MAX_ANSWER = 200;
/** How often an announce that met another one is tried. */
const MAX_ATTEMPTS = 8;
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
  /** Whom answers name. */
  readonly random: RandomSource;
  /**
   * Whose time passes while another process writes to the database file.
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
}

interface Remembered {
  readonly at: number;
  readonly peers: readonly KvPeer[];
}

/** A swarm as an announce finds it. */
interface Found {
  /** The other peers. */
  readonly peers: readonly KvPeer[];
  /** Our own entry, perhaps one that has expired. */
  readonly entry: KvPeer | undefined;
  /** Our own entry if it has not. */
  readonly known: KvPeer | undefined;
  readonly downloads: number;
}

/**
 * Swarms in a database. An announce is one atomic operation, whichever
 * process takes it. Caps: see {@linkcode SwarmLimits}; several processes may
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
  /** Larger swarms, read a moment ago. */
  readonly #remembered = new Map<string, Remembered>();
  readonly #running = new Set<Promise<unknown>>();
  #evicted = 0;

  /**
   * Wraps a database.
   *
   * @param options See {@linkcode KvSwarmStoreOptions}.
   * @throws {RangeError} If a limit is not positive.
   */
  constructor(options: KvSwarmStoreOptions) {
    const { clock = systemClock, random } = options;
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
    // Everything is read before the first await: the object is reused.
    const { infoHashOffset: at, infoHash, family, event, seed, port } = request;
    const want = Math.min(request.numWant, MAX_ANSWER);
    const { bothFamilies } = request;
    const own = compactOf(request);
    const hash = infoHash.slice(at, at + 20);
    return this.#run(async (opened) => {
      const torrent = opened.layout.torrent(hash);
      const say = { family, event, seed, port, want, bothFamilies };
      return await this.#announce(opened, { ...say, torrent, own });
    });
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
    return this.#run(async ({ layout }) => {
      const torrent = layout.torrent(hash);
      const [peers, downloads] = await Promise.all([
        this.#load(layout, torrent, false),
        readDownloads(this.#kv, layout, torrent),
      ]);
      const oldest = this.#oldest();
      let seeders = 0;
      let all = 0;
      for (const { seed, heard } of peers) {
        if (heard < oldest) continue;
        all++;
        if (seed) seeders++;
      }
      return { seeders, leechers: all - seeders, downloads };
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
    const clock = this.#clock;
    let cancel = () => {};
    const late = new Promise<void>((resolve) => {
      cancel = clock.schedule(clock.now() + SHUTDOWN_MS, resolve);
    });
    await Promise.race([this.#settle(), late]);
    cancel();
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
    const limits = this.#limits;
    const layout = await KvSwarmLayout.open(kv, this.#prefix, random);
    const census = new KvSwarmCensus({
      kv,
      layout,
      wallClock: this.#wallClock,
      peerLifeMs: limits.peerLifeMs,
      seed: randomInt(random, 0x100000000),
    });
    const room = new KvSwarmRoom({ kv, layout, census, limits, random });
    return { layout, census, room };
  }

  #isFull({ peers, torrents }: KvSwarmCensus): boolean {
    return peers >= this.#limits.maxPeers ||
      torrents >= this.#limits.maxTorrents;
  }

  #oldest(): number {
    return (this.#wallClock() - this.#limits.peerLifeMs) / 1000;
  }

  async #announce(opened: Opened, say: Say): Promise<SwarmAnswer> {
    const { torrent } = say;
    for (let attempt = 0;; attempt++) {
      const found = await this.#find(opened.layout, say, attempt > 0);
      let outcome: Outcome | undefined = {
        listed: false,
        peers: found.peers,
        downloads: found.downloads,
      };
      if (attempt === MAX_ATTEMPTS) this.#evicted++;
      else if (say.event === "stopped") {
        outcome = await this.#leave(opened, say, found);
      } else if (say.port !== 0) {
        outcome = await this.#enter(opened, say, found);
      }
      if (outcome !== undefined) return swarmAnswer(say, outcome, this.#random);
      // Somebody else changed the same entries at the same time.
      this.#remembered.delete(toByteString(torrent));
    }
  }

  async #find(
    layout: KvSwarmLayout,
    say: Say,
    anew: boolean,
  ): Promise<Found> {
    const [all, downloads] = await Promise.all([
      this.#load(layout, say.torrent, anew),
      readDownloads(this.#kv, layout, say.torrent),
    ]);
    const oldest = this.#oldest();
    const peers: KvPeer[] = [];
    let entry: KvPeer | undefined;
    for (const peer of all) {
      if (equalBytes(peer.compact, say.own)) entry = peer;
      else if (peer.heard >= oldest) peers.push(peer);
    }
    const known = entry !== undefined && entry.heard >= oldest
      ? entry
      : undefined;
    return { peers, entry, known, downloads };
  }

  async #leave(
    { layout, census }: Opened,
    say: Say,
    { peers, entry, known, downloads }: Found,
  ): Promise<Outcome | undefined> {
    if (entry !== undefined) {
      const operation = this.#kv.atomic();
      const last = peers.length === 0;
      remove(operation, entry);
      if (last) operation.delete(layout.downloadsKey(say.torrent));
      if (known !== undefined) census.countOut(operation, 1, last ? 1 : 0);
      const { ok } = await operation.commit();
      if (!ok) return undefined;
      if (known !== undefined) census.note(say.own, -1, last ? -1 : 0);
      this.#remember(say.torrent, peers);
    }
    return {
      listed: false,
      peers,
      downloads: peers.length === 0 ? 0 : downloads,
    };
  }

  /** Enters or refreshes a peer; `undefined` if others were in the way. */
  async #enter(
    opened: Opened,
    say: Say,
    found: Found,
  ): Promise<Outcome | undefined> {
    const { layout, census } = opened;
    const { own, torrent, seed, event } = say;
    const { entry, known } = found;
    const { peerLifeMs } = this.#limits;
    let { peers, downloads } = found;
    const operation = this.#kv.atomic();
    let room: KvRoom | undefined;
    if (known === undefined) {
      room = await opened.room.find({ compact: own, torrent, peers });
      if (room === undefined) {
        this.#evicted++;
        return { listed: false, peers, downloads };
      }
      if (room.torrent !== undefined) await this.#clear(opened, room.torrent);
      for (const victim of room.victims) {
        remove(operation, victim);
        if (room.alone.has(victim)) {
          operation.delete(layout.downloadsKey(victim.torrent));
        }
      }
      census.countOut(operation, room.victims.length, room.alone.size);
      census.countIn(operation, 1, peers.length === 0 ? 1 : 0);
      peers = without(peers, room.victims);
    }
    const heard = Math.trunc(this.#wallClock() / 1000);
    const key = layout.peerKey(torrent, own);
    operation.check({ key, versionstamp: entry?.versionstamp ?? null })
      .set(key, [seed, heard], { expireIn: peerLifeMs });
    if (event === "completed" && known?.seed !== true) {
      operation.sum(layout.downloadsKey(torrent), 1n);
      downloads++;
    }
    const { ok, versionstamp = "" } = await operation.commit();
    if (!ok) return undefined;
    if (room !== undefined) {
      for (const victim of room.victims) {
        census.note(victim.compact, -1, room.alone.has(victim) ? -1 : 0);
        this.#evicted++;
      }
      census.note(own, 1, found.peers.length === 0 ? 1 : 0);
    }
    const entered = { key, torrent, compact: own, seed, heard, versionstamp };
    this.#remember(torrent, [...peers, entered]);
    return { listed: true, peers, downloads };
  }

  /** Removes all peers of a torrent. */
  async #clear(
    { layout, census }: Opened,
    torrent: Uint8Array,
  ): Promise<void> {
    const peers = await this.#load(layout, torrent, true);
    for (let at = 0; at < peers.length; at += REMOVAL_BATCH) {
      const batch = peers.slice(at, at + REMOVAL_BATCH);
      const last = at + REMOVAL_BATCH >= peers.length;
      const operation = this.#kv.atomic();
      for (const peer of batch) remove(operation, peer);
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

  async #load(
    layout: KvSwarmLayout,
    torrent: Uint8Array,
    anew: boolean,
  ): Promise<readonly KvPeer[]> {
    const now = this.#wallClock();
    const remembered = this.#remembered.get(toByteString(torrent));
    if (
      !anew && remembered !== undefined &&
      now - remembered.at < LARGE_SWARM_LIFE_MS
    ) return remembered.peers;
    const peers: KvPeer[] = [];
    const list = this.#kv.list(
      { prefix: [...layout.peers, torrent] },
      { limit: this.#limits.maxPeersPerTorrent * 2, batchSize: 500 },
    );
    for await (const entry of list) {
      const peer = layout.peerOf(entry);
      if (peer !== undefined) peers.push(peer);
    }
    this.#remember(torrent, peers, now);
    return peers;
  }

  #remember(
    torrent: Uint8Array,
    peers: readonly KvPeer[],
    now = this.#remembered.get(toByteString(torrent))?.at,
  ): void {
    const name = toByteString(torrent);
    if (peers.length <= SMALL_SWARM || now === undefined) {
      this.#remembered.delete(name);
      return;
    }
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(name, { at: now, peers });
  }
}

function remove(operation: SwarmKvAtomic, peer: KvPeer): void {
  const { key, versionstamp } = peer;
  operation.check({ key, versionstamp }).delete(key);
}

function without(
  peers: readonly KvPeer[],
  victims: readonly KvPeer[],
): readonly KvPeer[] {
  if (victims.length === 0) return peers;
  return peers.filter((peer) =>
    !victims.some((victim) =>
      equalBytes(victim.torrent, peer.torrent) &&
      equalBytes(victim.compact, peer.compact)
    )
  );
}
