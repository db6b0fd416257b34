/**
 * Which peer is of the least use: who goes when there is no room.
 *
 * @module
 */
import type { SwarmPeer } from "./swarm_peer.ts";

/** Without payload so long a peer may have to go, in milliseconds. */
const IDLE_MS = 60_000;
/** The same while nobody sends us anything. */
const STARVING_IDLE_MS = 15_000;
/** After so long without a block that was asked for, or a request while unchoked. */
const STALLED_MS = 10_000;
/** Peers of one site that never exchanged anything, from which on it is a crowd. */
const CROWD = 4;

/** For so long one of a crowd lets single ones go first, in milliseconds. */
const CROWDED_MS = 120_000;

/** What is looked at of a peer. */
export type PeerMerit = Pick<
  SwarmPeer,
  | "askedAt"
  | "direction"
  | "isNamed"
  | "since"
  | "site"
  | "unusedAt"
  | "usedAt"
>;

/** For whom room is made. */
export type Newcomer = Pick<SwarmPeer, "direction" | "isNamed" | "site">;

/** What holds for all peers of the torrent. */
export interface PeerSituation {
  /** The time in milliseconds. */
  readonly now: number;
  /** Whether we want something that nobody sends. */
  readonly isStarving: boolean;
  /** Places that those who come by themselves may keep when others need one. */
  readonly inboundPlaces: number;
}

/**
 * Finds those that came in a crowd from one site just now and never exchanged
 * anything.
 */
export function crowdedPeers<T extends PeerMerit>(
  peers: Iterable<T>,
  now: number,
): ReadonlySet<T> {
  const sites = new Map<string, T[]>();
  for (const peer of peers) {
    if (peer.usedAt !== undefined || now - peer.since > CROWDED_MS) continue;
    const site = sites.get(peer.site);
    if (site === undefined) sites.set(peer.site, [peer]);
    else site.push(peer);
  }
  const crowded = [...sites.values()].filter(({ length }) => length >= CROWD);
  return new Set(crowded.flat());
}

/** Whether a peer is so little use that it would be given up for any other. */
export function isReplaceable(
  peer: PeerMerit,
  now: number,
  isStarving: boolean,
): boolean {
  const idle = now - (peer.usedAt ?? peer.since);
  return !peer.isNamed && (isStalled(peer, now) ||
    idle >= (isStarving ? STARVING_IDLE_MS : IDLE_MS));
}

/** Owes us blocks, or wastes its upload slot. */
function isStalled(peer: PeerMerit, now: number): boolean {
  const { since, usedAt = since, askedAt = now, unusedAt = now } = peer;
  return now - usedAt >= STALLED_MS &&
    (now - askedAt >= STALLED_MS || now - unusedAt >= STALLED_MS);
}

/**
 * Chooses who goes to make room. A peer that owes us blocks or wastes its
 * upload slot goes first; then one of a crowd from one site that never exchanged
 * anything; then one that has been idle for long. An outbound peer takes a place
 * back from inbound ones when these hold more than their share, and a peer that
 * the user named takes anybody's.
 */
export function leastUseful<T extends PeerMerit>(
  peers: Iterable<T>,
  newcomer: Newcomer,
  situation: PeerSituation,
): T | undefined {
  const { now, isStarving, inboundPlaces } = situation;
  const list = [...peers];
  const unused = new Map<string, number>();
  let inbound = 0;
  for (const { usedAt, site, direction } of list) {
    if (usedAt === undefined) unused.set(site, (unused.get(site) ?? 0) + 1);
    if (direction === "inbound") inbound++;
  }
  const own = unused.get(newcomer.site) ?? 0;
  const isOwed = newcomer.direction === "outbound" && inbound > inboundPlaces;
  const rank = (peer: T): number => {
    if (peer.isNamed) return 0;
    if (isStalled(peer, now)) return 5;
    if (peer.usedAt === undefined && newcomer.site !== peer.site) {
      const crowd = unused.get(peer.site)!;
      if (crowd >= CROWD && crowd > own + 1) return 4;
    }
    if (isReplaceable(peer, now, isStarving)) return 3;
    if (isOwed && peer.direction === "inbound") return 2;
    return newcomer.isNamed ? 1 : 0;
  };
  let worst: T | undefined;
  let worstRank = 0;
  for (const peer of list) {
    const value = rank(peer);
    if (value === 0 || value < worstRank) continue;
    if (
      value > worstRank ||
      (peer.usedAt ?? peer.since) < (worst!.usedAt ?? worst!.since)
    ) {
      worst = peer;
      worstRank = value;
    }
  }
  return worst;
}
