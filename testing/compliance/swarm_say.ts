/** What the tests of all swarm stores say and hear. */
import { decodeCompactEndpoints } from "../../_shared/address.ts";
import {
  newSwarmAnnounce,
  type SwarmAnnounce,
  type SwarmAnswer,
  type SwarmLimits,
  type SwarmStore,
} from "../../tracker/swarm_store.ts";

/** A store under test and the time it lives in. */
export interface SwarmStoreWorld extends AsyncDisposable {
  /** The store. */
  readonly store: SwarmStore;
  /** Reads its clock, in milliseconds. */
  readonly now: () => number;
  /** Lets so many milliseconds pass. */
  readonly advance: (ms: number) => void;
}

/**
 * Opens an empty store.
 *
 * @param limits Limits to keep to.
 * @returns The store and its time.
 */
export type OpenSwarmStore = (limits?: SwarmLimits) => Promise<SwarmStoreWorld>;

/** The info-hash of a torrent. */
export const hashOf = (n: number): Uint8Array => {
  const hash = new Uint8Array(20);
  hash.set([n >> 8, n, 0x5a], 9);
  return hash;
};

/** What one peer says; by default a leecher at 10.`n`.1, port `n` + 1. */
export function say(
  n: number,
  more: Partial<SwarmAnnounce> & { readonly torrent?: number } = {},
): SwarmAnnounce {
  const { torrent = 0, ...rest } = more;
  return {
    ...newSwarmAnnounce(),
    infoHash: hashOf(torrent),
    ip0: 0x0a000001 + (n << 8),
    port: 1 + n % 65535,
    ...rest,
  };
}

/** Peers of an answer, as `address port`. */
export function peersOf(answer: SwarmAnswer): string[] {
  return [
    ...decodeCompactEndpoints(
      answer.peers4.subarray(0, answer.length4),
      4,
    ),
    ...decodeCompactEndpoints(
      answer.peers6.subarray(0, answer.length6),
      6,
    ),
  ].map(({ hostname, port }) => `${hostname} ${port}`);
}

/** How {@linkcode peersOf} writes peer `n`. */
export const peer = (n: number): string => `10.${n >> 8}.${n & 255}.1 ${n + 1}`;
