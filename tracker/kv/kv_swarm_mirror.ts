/**
 * What a tracker knows of the swarms in its database: those that were announced
 * to a moment ago, in the same tables as without a database.
 *
 * A swarm is read by one list at a time, for all who wait for it. What this
 * tracker changed and the database has not confirmed is done again on top of
 * what was read.
 *
 * @module
 */
import { readUint16, readUint32, toByteString } from "../../_shared/bytes.ts";
import { SwarmSet } from "../table/swarm_set.ts";
import { newSwarmAnnounce, type SwarmAnnounce } from "../swarm_store.ts";
import { readDownloads } from "./kv_swarm_downloads.ts";
import type { KvPeer, KvPlace } from "./kv_swarm_layout.ts";

/** Swarms of up to so many peers are read anew for every announce. */
const SMALL_SWARM = 100;
/** How long larger swarms may be remembered, in milliseconds. */
const LARGE_SWARM_LIFE_MS = 2_000;
/** How long they may be answered from while they are read anew. */
const LARGE_SWARM_WAIT_MS = 10_000;
/** Most swarms, and peers, that are remembered. */
const MAX_SWARMS = 1_000;
const MAX_PEERS = 500_000;

/** A change of a swarm: a peer enters, is heard of again, or leaves. */
export interface KvChange {
  /** Place and info-hash. */
  readonly torrent: Uint8Array;
  /** Address and port. */
  readonly compact: Uint8Array;
  /** How it is listed; nothing for one that leaves. */
  readonly entry:
    | { readonly seed: boolean; readonly heard: number }
    | undefined;
  /** Whether it says that it has just become a seed. */
  readonly completed: boolean;
  /** Whether the torrent has no other peer. */
  readonly isOnly: boolean;
}

interface Swarm {
  /** When the last reading began. */
  readAt: number;
  reading: Promise<void> | undefined;
  /** Not confirmed. */
  readonly pending: Set<KvChange>;
  /** To be done again after the reading under way. */
  journal: KvChange[];
}

/** Remembers swarms of a database. */
export class KvSwarmMirror {
  /** The swarms that are remembered. */
  readonly set: SwarmSet;
  readonly #place: KvPlace;
  /** By place and info-hash; the last one announced to comes last. */
  readonly #swarms = new Map<string, Swarm>();

  /** Makes a mirror that knows nothing. */
  constructor(place: KvPlace) {
    this.#place = place;
    this.set = new SwarmSet(place.random);
  }

  /** Sees to it that a swarm is known. */
  async know(torrent: Uint8Array): Promise<void> {
    const name = toByteString(torrent);
    while (true) {
      const swarm = this.#swarms.get(name) ??
        {
          readAt: -Infinity,
          reading: undefined,
          pending: new Set(),
          journal: [],
        };
      this.#swarms.delete(name);
      this.#swarms.set(name, swarm);
      const isLarge = this.#count(torrent) > SMALL_SWARM;
      const age = this.#place.wallClock() - swarm.readAt;
      if (isLarge && age < LARGE_SWARM_LIFE_MS) return;
      const reading = swarm.reading ??= this.#read(name, swarm, torrent)
        .finally(() => swarm.reading = undefined);
      if (isLarge && age < LARGE_SWARM_WAIT_MS) {
        // Who comes after this time waits and hears of a failure.
        return void reading.catch(() => {});
      }
      await reading;
      if (this.#swarms.get(name) === swarm) return;
    }
  }

  /** Does a change that is not in the database yet. */
  begin(change: KvChange): void {
    const swarm = this.#swarms.get(toByteString(change.torrent));
    if (swarm === undefined) return;
    this.#do(change);
    swarm.pending.add(change);
    if (swarm.reading !== undefined) swarm.journal.push(change);
  }

  /** Notes that a change is in the database. */
  confirm(change: KvChange): void {
    this.#swarms.get(toByteString(change.torrent))?.pending.delete(change);
  }

  /** Forgets a swarm, which may be other than it seems. */
  forget(torrent: Uint8Array): void {
    if (!this.#swarms.delete(toByteString(torrent))) return;
    const slot = this.#slotOf(torrent);
    if (slot >= 0) this.set.clear(slot);
  }

  #slotOf(torrent: Uint8Array): number {
    return this.set.index.find(torrent, torrent.length - 20);
  }

  #count(torrent: Uint8Array): number {
    const slot = this.#slotOf(torrent);
    return slot < 0 ? 0 : this.set.count(slot);
  }

  async #read(name: string, swarm: Swarm, torrent: Uint8Array): Promise<void> {
    const { kv, layout, wallClock, limits } = this.#place;
    this.#makeRoom(swarm);
    const now = wallClock();
    const oldest = (now - limits.peerLifeMs) / 1000;
    swarm.journal = [...swarm.pending];
    const peers: KvPeer[] = [];
    const [downloads] = await Promise.all([
      readDownloads(kv, layout, torrent),
      (async () => {
        const list = kv.list(
          { prefix: [...layout.peers, torrent] },
          { limit: limits.maxPeersPerTorrent * 2, batchSize: 500 },
        );
        for await (const entry of list) {
          const peer = layout.peerOf(entry);
          if (peer !== undefined && peer.heard >= oldest) peers.push(peer);
        }
      })(),
    ]);
    if (this.#swarms.get(name) !== swarm) return;
    swarm.readAt = now;
    const old = this.#slotOf(torrent);
    if (old >= 0) this.set.clear(old);
    for (const { compact, seed, heard } of peers) {
      this.#do({
        torrent,
        compact,
        entry: { seed, heard },
        completed: false,
        isOnly: false,
      });
    }
    const slot = this.#slotOf(torrent);
    if (slot >= 0) this.set.setDownloads(slot, downloads);
    for (const change of swarm.journal.splice(0)) this.#do(change);
  }

  /** Forgets swarms that were not announced to for longest. */
  #makeRoom(but: Swarm): void {
    for (const [name, swarm] of this.#swarms) {
      if (this.#swarms.size <= MAX_SWARMS && this.set.size <= MAX_PEERS) return;
      if (swarm === but || swarm.reading || swarm.pending.size > 0) continue;
      this.forget(Uint8Array.from(name, (char) => char.charCodeAt(0)));
    }
  }

  #do({ torrent, compact, entry, completed }: KvChange): void {
    const { set } = this;
    const peer = announceOf(torrent, compact);
    const list = set.listOf(peer.family);
    let slot = this.#slotOf(torrent);
    const own = slot < 0 ? -1 : list.find(slot, peer);
    if (entry === undefined) {
      if (own >= 0) {
        list.remove(slot, own);
        set.dropIfEmpty(slot);
      }
      return;
    }
    const { seed, heard } = entry;
    const wasSeed = own >= 0 && list.isSeed(slot, own);
    if (own >= 0) list.refresh(slot, own, seed, heard);
    else {
      peer.seed = seed;
      slot = set.add(peer, own, heard);
    }
    if (completed && !wasSeed) set.setDownloads(slot, set.downloads(slot) + 1);
  }
}

/** What a peer would announce. */
export function announceOf(
  torrent: Uint8Array,
  compact: Uint8Array,
): SwarmAnnounce {
  const announce = newSwarmAnnounce();
  announce.infoHash = torrent;
  announce.infoHashOffset = torrent.length - 20;
  announce.ip0 = readUint32(compact, 0);
  if (compact.length === 18) {
    announce.family = 6;
    announce.ip1 = readUint32(compact, 4);
    announce.ip2 = readUint32(compact, 8);
    announce.ip3 = readUint32(compact, 12);
  }
  announce.port = readUint16(compact, compact.length - 2);
  return announce;
}
