/**
 * Who is in which swarm, as a port: trackers speak to it, a table in memory or
 * a database stands behind it.
 *
 * @module
 */
import type { IpFamily } from "../_shared/address.ts";
import type { AnnounceEvent, ScrapeEntry } from "../_shared/announce.ts";

/**
 * An announce as a tracker hands it on. Trackers reuse one object for all
 * announces: a store reads it during the call and never keeps it.
 */
export interface SwarmAnnounce {
  /** Bytes that hold the info-hash. */
  infoHash: Uint8Array;
  /** Where in them the 20 bytes begin. */
  infoHashOffset: number;
  /** Family of the address. */
  family: IpFamily;
  /** The IPv4 address, or the first 32 bits of the IPv6 address. */
  ip0: number;
  /** Bits 32 to 63 of an IPv6 address. */
  ip1: number;
  /** Bits 64 to 95 of an IPv6 address. */
  ip2: number;
  /** Bits 96 to 127 of an IPv6 address. */
  ip3: number;
  /** Where the peer listens; 0 for a peer that must not be told to others. */
  port: number;
  /** Whether it has everything. */
  seed: boolean;
  /** Why it announces. */
  event: AnnounceEvent | undefined;
  /** Most peers to answer. */
  numWant: number;
  /** Whether peers of the other family are wanted too (BEP 7). */
  bothFamilies: boolean;
}

/**
 * What a store answers to an announce. A store may reuse one object: it is
 * valid until the next call.
 */
export interface SwarmAnswer {
  /** Complete peers. */
  seeders: number;
  /** Incomplete peers. */
  leechers: number;
  /** Times the torrent was completed. */
  downloads: number;
  /** IPv4 peers in compact form, 6 bytes each. */
  peers4: Uint8Array;
  /** Bytes of {@linkcode peers4} that count. */
  length4: number;
  /** IPv6 peers in compact form, 18 bytes each. */
  peers6: Uint8Array;
  /** Bytes of {@linkcode peers6} that count. */
  length6: number;
}

/** Figures of a {@linkcode SwarmStore}. */
export interface SwarmStats {
  /** Torrents that have peers. */
  readonly torrents: number;
  /** Complete peers. */
  readonly seeders: number;
  /** Incomplete peers. */
  readonly leechers: number;
  /** Peers with an IPv4 address. */
  readonly peers4: number;
  /** Peers with an IPv6 address. */
  readonly peers6: number;
  /** Peers that had to go, or were not let in, because a cap was reached. */
  readonly evicted: number;
  /** Bytes of the tables, where that can be told. */
  readonly bytes?: number | undefined;
}

/** Who is in which swarm. */
export interface SwarmStore {
  /**
   * Takes an announce: enters, refreshes or removes the peer, and picks peers
   * for it. Seeds get leechers first. A peer is never told of itself.
   *
   * @param request What the peer said; not kept.
   * @param now The time in milliseconds.
   * @returns Figures and peers, valid until the next call.
   */
  announce(
    request: SwarmAnnounce,
    now: number,
  ): SwarmAnswer | Promise<SwarmAnswer>;
  /**
   * Looks up the figures of a torrent.
   *
   * @param infoHash Bytes that hold the info-hash; not kept.
   * @param offset Where in them the 20 bytes begin.
   * @param now The time in milliseconds.
   * @returns The figures; zeros for a torrent without peers.
   */
  scrape(
    infoHash: Uint8Array,
    offset: number,
    now: number,
  ): ScrapeEntry | Promise<ScrapeEntry>;
  /**
   * Removes peers that were not heard of for too long: a part of them each
   * call, so that no call takes long.
   *
   * @param now The time in milliseconds.
   */
  expire(now: number): void | Promise<void>;
  /**
   * Reads the figures of the moment.
   *
   * @returns A snapshot.
   */
  stats(): SwarmStats | Promise<SwarmStats>;
  /** Closes what the store holds open. */
  close(): void | Promise<void>;
}

/**
 * Limits of a {@linkcode SwarmStore}. Whatever they are, a torrent has at most
 * 32 peers of one IPv4 address or IPv6 /64 and 256 of one /24 or /48; then the
 * oldest of them goes. Where a limit is reached, a peer of the address or subnet that has most goes.
 */
export interface SwarmLimits {
  /**
   * How long a peer stays without another announce, in milliseconds.
   *
   * @default {2_400_000}
   */
  readonly peerLifeMs?: number | undefined;
  /**
   * Most peers of one torrent and family.
   *
   * @default {10_000}
   */
  readonly maxPeersPerTorrent?: number | undefined;
  /**
   * Most peers of all torrents.
   *
   * @default {4_000_000}
   */
  readonly maxPeers?: number | undefined;
  /**
   * Most torrents.
   *
   * @default {1_000_000}
   */
  readonly maxTorrents?: number | undefined;
}

/** {@linkcode SwarmLimits} with every field there. */
export type FullSwarmLimits = {
  readonly [K in keyof SwarmLimits]-?: number;
};

/** Fills in and checks limits. */
export function checkSwarmLimits(limits: SwarmLimits): FullSwarmLimits {
  const full = {
    peerLifeMs: limits.peerLifeMs ?? 2_400_000,
    maxPeersPerTorrent: limits.maxPeersPerTorrent ?? 10_000,
    maxPeers: limits.maxPeers ?? 4_000_000,
    maxTorrents: limits.maxTorrents ?? 1_000_000,
  };
  for (const [name, value] of Object.entries(full)) {
    if (!(value >= 1) || value > 0x7fffffff) {
      throw new RangeError(
        `Cannot use ${name} ${value}: expected 1 to 2147483647`,
      );
    }
  }
  return full;
}

/** Makes an announce to fill in and reuse. */
export function newSwarmAnnounce(): SwarmAnnounce {
  return {
    infoHash: new Uint8Array(20),
    infoHashOffset: 0,
    family: 4,
    ip0: 0,
    ip1: 0,
    ip2: 0,
    ip3: 0,
    port: 0,
    seed: false,
    event: undefined,
    numWant: 50,
    bothFamilies: false,
  };
}
