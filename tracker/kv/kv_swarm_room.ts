/**
 * Who has to go when a shared database is full. The rules are those of the
 * table in memory: of whom holds most entries, then who is alone in a swarm,
 * then who was not heard of for longest; and nobody displaces those who hold
 * less.
 *
 * @module
 */
import { equalBytes, toByteString } from "../../_shared/bytes.ts";
import type { KvSwarmCensus } from "./kv_swarm_census.ts";
import type { KvPeer, KvPlace } from "./kv_swarm_layout.ts";
import type { SwarmKvKeyPart } from "../swarm_kv.ts";

/** From this part of a cap on, the counters are read for every newcomer. */
const NEARLY = 0.9;
/** Peers of a draw that are looked at. */
const DRAW = 6;
/** Draws at a time, and most draws, to see several torrents. */
const DRAWS = 2;
const MAX_DRAWS = 8;
/** Torrents that are looked at. */
const SAMPLES = 8;
/** Most peers that one newcomer displaces where a cap was overrun. */
const MAX_VICTIMS = 4;

/** A peer that could go. */
interface Candidate {
  readonly peer: KvPeer;
  /** Entries that its address holds. */
  readonly share: number;
  /** Peers of its torrent, as far as that was seen. */
  readonly size: number;
}

/** Who goes for a newcomer. */
export interface KvRoom {
  /** These peers. */
  readonly victims: readonly KvPeer[];
  /** Of them, those whose torrents have no other peer. */
  readonly alone: ReadonlySet<KvPeer>;
  /** All peers of this torrent, too. */
  readonly torrent: Uint8Array | undefined;
}

/** A newcomer. */
export interface KvNewcomer {
  /** Address and port. */
  readonly compact: Uint8Array;
  /** Place and info-hash. */
  readonly torrent: Uint8Array;
  /** Whether nobody is in the torrent already. */
  readonly isOnly: boolean;
}

/** Makes room in a full database. */
export class KvSwarmRoom {
  readonly #place: KvPlace;
  readonly #census: KvSwarmCensus;

  /** Takes the database, and who counts what is in it. */
  constructor(place: KvPlace, census: KvSwarmCensus) {
    this.#place = place;
    this.#census = census;
  }

  /**
   * Finds room for one more peer of all torrents. Returns who has to go,
   * perhaps nobody; or `undefined` if the newcomer is not let in.
   */
  async find(newcomer: KvNewcomer): Promise<KvRoom | undefined> {
    const { limits } = this.#place;
    const census = this.#census;
    await census.refresh(
      census.peers >= NEARLY * limits.maxPeers ||
        census.torrents >= NEARLY * limits.maxTorrents,
    );
    const noTorrent = newcomer.isOnly &&
      census.torrents >= limits.maxTorrents;
    const tooMany = census.peers - limits.maxPeers + 1;
    if (!noTorrent && tooMany <= 0) return NOBODY;
    return await this.#anywhere(newcomer, noTorrent, tooMany);
  }

  async #anywhere(
    newcomer: KvNewcomer,
    noTorrent: boolean,
    tooMany: number,
  ): Promise<KvRoom | undefined> {
    const candidates = await this.#candidates();
    if (candidates.length === 0) return NOBODY;
    candidates.sort((a, b) =>
      isWorse(a, b, noTorrent) ? -1 : isWorse(b, a, noTorrent) ? 1 : 0
    );
    const worst = candidates[0]!;
    if (this.#census.shareOf(newcomer.compact) > worst.share) {
      return undefined;
    }
    if (noTorrent && worst.size > 1) {
      const { torrent } = worst.peer;
      return { victims: [], alone: new Set(), torrent };
    }
    // Where more than one is too many, other processes were as fast as we.
    const wanted = Math.max(1, Math.min(tooMany, MAX_VICTIMS));
    const victims: KvPeer[] = [];
    const alone = new Set<KvPeer>();
    for (const { peer, share, size } of candidates) {
      if (victims.length === wanted || share < worst.share) break;
      if (victims.some((victim) => isSame(victim, peer))) continue;
      victims.push(peer);
      if (size === 1 && !equalBytes(peer.torrent, newcomer.torrent)) {
        alone.add(peer);
      }
    }
    return { victims, alone, torrent: undefined };
  }

  /** Peers of random torrents, and of large ones random peers. */
  async #candidates(): Promise<Candidate[]> {
    const candidates: Candidate[] = [];
    const torrents = new Set<string>();
    for (let i = 0; i < MAX_DRAWS && torrents.size < SAMPLES; i += DRAWS) {
      const draws = await Promise.all(
        Array.from({ length: DRAWS }, () => this.#draw()),
      );
      for (const candidate of draws.flat()) {
        candidates.push(candidate);
        torrents.add(toByteString(candidate.peer.torrent));
      }
    }
    return candidates;
  }

  /** Peers from a random place on, and within a large swarm from another. */
  async #draw(): Promise<Candidate[]> {
    const { layout, random } = this.#place;
    const all = layout.peers;
    let rows = await this.#rows(all, layout.randomStart(random), DRAW + 1);
    if (rows.length <= DRAW) {
      const first = rows[0];
      const wrapped = await this.#rows(all, undefined, DRAW + 1 - rows.length);
      const end = wrapped.findIndex((row) =>
        first !== undefined && isSame(row, first)
      );
      rows = rows.concat(end < 0 ? wrapped : wrapped.slice(0, end));
    }
    const torrent = rows[0]?.torrent;
    if (
      rows.length > DRAW && torrent !== undefined &&
      rows.every((row) => equalBytes(row.torrent, torrent))
    ) {
      const start = layout.randomStart(random, torrent);
      const others = await this.#rows([...all, torrent], start, DRAW);
      return this.#weigh(others.length === 0 ? rows : others, DRAW + 1);
    }
    return this.#weigh(rows, 1).slice(0, DRAW);
  }

  #weigh(rows: readonly KvPeer[], least: number): Candidate[] {
    const census = this.#census;
    return rows.map((peer) => {
      let size = 0;
      for (const { torrent } of rows) {
        if (equalBytes(torrent, peer.torrent)) size++;
      }
      return {
        peer,
        share: census.shareOf(peer.compact),
        size: Math.max(least, size),
      };
    });
  }

  async #rows(
    prefix: SwarmKvKeyPart[],
    start: SwarmKvKeyPart[] | undefined,
    limit: number,
  ): Promise<KvPeer[]> {
    const { kv, layout } = this.#place;
    const rows: KvPeer[] = [];
    const selector = start === undefined ? { prefix } : { prefix, start };
    for await (const entry of kv.list(selector, { limit })) {
      const peer = layout.peerOf(entry);
      if (peer !== undefined) rows.push(peer);
    }
    return rows;
  }
}

const NOBODY: KvRoom = { victims: [], alone: new Set(), torrent: undefined };

function isSame(a: KvPeer, b: KvPeer): boolean {
  return equalBytes(a.torrent, b.torrent) && equalBytes(a.compact, b.compact);
}

/** Whether one peer should rather go than another. */
function isWorse(a: Candidate, b: Candidate, wholeTorrent: boolean): boolean {
  if (a.share !== b.share) return a.share > b.share;
  const limit = wholeTorrent ? Infinity : 2;
  const size = Math.min(a.size, limit);
  const otherSize = Math.min(b.size, limit);
  if (size !== otherSize) return size < otherSize;
  return a.peer.heard < b.peer.heard;
}
