/**
 * A {@linkcode SwarmStore} in memory: a dozen bytes a peer, no garbage.
 *
 * @module
 */
import type { ScrapeEntry } from "../_shared/announce.ts";
import { type RandomSource, systemRandom } from "../_shared/random.ts";
import type { SwarmList } from "./table/swarm_list.ts";
import { isWorse, shareOf, shareOfAnnounce } from "./table/swarm_rank.ts";
import { NO_VICTIM, SWARM_SAMPLES, SwarmSet } from "./table/swarm_set.ts";
import {
  checkSwarmLimits,
  type FullSwarmLimits,
  type SwarmAnnounce,
  type SwarmAnswer,
  type SwarmLimits,
  type SwarmStats,
  type SwarmStore,
} from "./swarm_store.ts";

/** Slots tried to find a sample. */
const TRIES = 64;
/** A round of expiry visits every torrent within this time. */
const EXPIRY_ROUND_MS = 120_000;

/** Options of {@linkcode SwarmTable}. */
export interface SwarmTableOptions extends SwarmLimits {
  /**
   * Source of the tables' secrets and of the peers in answers.
   *
   * @default {the system's}
   */
  readonly random?: RandomSource | undefined;
}

/** Swarms in memory. */
export class SwarmTable implements SwarmStore {
  readonly #limits: FullSwarmLimits;
  readonly #lifeSeconds: number;
  readonly #set: SwarmSet;
  #evicted = 0;
  #cursor = 0;
  #expiredAt: number | undefined;
  readonly #entry = { seeders: 0, leechers: 0, downloads: 0 };

  /**
   * Makes an empty table.
   *
   * @param options See {@linkcode SwarmTableOptions}.
   * @throws {RangeError} If a limit is not from 1 to 2147483647.
   */
  constructor(options: SwarmTableOptions = {}) {
    this.#limits = checkSwarmLimits(options);
    this.#lifeSeconds = Math.ceil(this.#limits.peerLifeMs / 1000);
    this.#set = new SwarmSet(options.random ?? systemRandom);
  }

  /** Peers in the table. */
  get size(): number {
    return this.#set.size;
  }

  /** Takes an announce. */
  announce(request: SwarmAnnounce, now: number): SwarmAnswer {
    const { infoHash, infoHashOffset, event, port } = request;
    const set = this.#set;
    const list = set.listOf(request.family);
    const seconds = Math.trunc(now / 1000);
    let slot = set.index.find(infoHash, infoHashOffset);
    let own = slot < 0 ? -1 : list.find(slot, request);
    if (event === "stopped") {
      if (own >= 0) {
        list.remove(slot, own);
        own = -1;
        if (set.dropIfEmpty(slot)) slot = -1;
      }
    } else if (port !== 0) {
      let completed = event === "completed";
      if (own >= 0) {
        completed &&= !list.isSeed(slot, own);
        own = list.refresh(slot, own, request.seed, seconds);
      } else if (this.#makeRoom(slot, list, request)) {
        slot = set.add(request, own, seconds);
        own = set.added;
      } else {
        completed = false;
        // What went may have been this very torrent.
        slot = set.index.find(infoHash, infoHashOffset);
      }
      if (completed) set.setDownloads(slot, set.downloads(slot) + 1);
    }
    return set.answer(slot, own, request);
  }

  /** Looks up the figures of a torrent. */
  scrape(infoHash: Uint8Array, offset: number): ScrapeEntry {
    const set = this.#set;
    const slot = set.index.find(infoHash, offset);
    const entry = this.#entry;
    entry.seeders = slot < 0 ? 0 : set.seeds(slot);
    entry.leechers = slot < 0 ? 0 : set.count(slot) - entry.seeders;
    entry.downloads = slot < 0 ? 0 : set.downloads(slot);
    return entry;
  }

  /**
   * Lets peers go that were not heard of for too long. Called every second or
   * so, every torrent is visited within two minutes.
   */
  expire(now: number): void {
    const passed = now - (this.#expiredAt ?? now);
    this.#expiredAt = now;
    const { index, v4, v6 } = this.#set;
    const { top } = index;
    const oldest = Math.trunc(now / 1000) - this.#lifeSeconds;
    let visits = Math.ceil(top * Math.min(1, passed / EXPIRY_ROUND_MS));
    while (visits-- > 0) {
      if (this.#cursor >= top) this.#cursor = 0;
      const slot = this.#cursor++;
      if (!index.has(slot)) continue;
      v4.expire(slot, oldest);
      v6.expire(slot, oldest);
      this.#set.dropIfEmpty(slot);
    }
  }

  /** Reads the figures of the moment. */
  stats(): SwarmStats {
    const { index, v4, v6, size, bytes } = this.#set;
    const seeders = v4.seeders + v6.seeders;
    return {
      torrents: index.size,
      seeders,
      leechers: size - seeders,
      peers4: v4.peers,
      peers6: v6.peers,
      evicted: this.#evicted,
      bytes,
    };
  }

  /** Does nothing: memory is freed with the table. */
  close(): void {}

  /**
   * Sees to it that one more peer, perhaps of a new torrent, is allowed: one
   * of an address that holds as much as the newcomer's goes, or the newcomer
   * is not let in. So nobody displaces those who hold less.
   */
  #makeRoom(slot: number, list: SwarmList, newcomer: SwarmAnnounce): boolean {
    const { maxPeers, maxPeersPerTorrent, maxTorrents } = this.#limits;
    const set = this.#set;
    if (slot >= 0) {
      const victim = set.victimFor(slot, newcomer, maxPeersPerTorrent);
      if (victim !== NO_VICTIM) {
        this.#evicted++;
        if (victim < 0) return false;
        list.remove(slot, victim);
        set.dropIfEmpty(slot);
        return true;
      }
    }
    const full = slot < 0 && set.index.size >= maxTorrents;
    if (!full && set.size < maxPeers) return true;
    return this.#evictAny(full, shareOfAnnounce(list, newcomer));
  }

  /**
   * One peer of any torrent goes: of whom has most entries, then one that is
   * alone, then the oldest. A flood of random torrents so displaces itself.
   * Where a whole torrent has to go, the smaller one goes.
   */
  #evictAny(wholeTorrent: boolean, share: number): boolean {
    const set = this.#set;
    let victimSlot = -1;
    let victim = -1;
    let victims = set.v4;
    let victimSize = 0;
    const { top } = set.index;
    let samples = 0;
    let at = set.random() % top;
    for (
      let i = 0;
      samples < SWARM_SAMPLES && (i < TRIES || victim < 0);
      i++
    ) {
      // After many misses the next one in use is taken.
      at = i < TRIES ? set.random() % top : (at + 1) % top;
      if (!set.index.has(at)) continue;
      const list = set.v4.count(at) > 0 ? set.v4 : set.v6;
      const peer = set.random() % list.count(at);
      const all = set.count(at);
      const size = wholeTorrent ? all : Math.min(all, 2);
      samples++;
      if (
        victim < 0 ||
        isWorse(list, at, peer, size, victims, victimSlot, victim, victimSize)
      ) {
        victimSlot = at;
        victim = peer;
        victims = list;
        victimSize = size;
      }
    }
    if (share > shareOf(victims, victimSlot, victim)) {
      this.#evicted++;
      return false;
    }
    if (wholeTorrent) {
      this.#evicted += set.count(victimSlot);
      set.clear(victimSlot);
    } else {
      victims.remove(victimSlot, victim);
      this.#evicted++;
      set.dropIfEmpty(victimSlot);
    }
    return true;
  }
}
