/**
 * The answer to an announce, from the peers that a database named.
 *
 * @module
 */
import { randomInt, type RandomSource } from "../_shared/random.ts";
import type { SwarmAnnounce, SwarmAnswer } from "../_shared/swarm_store.ts";
import type { KvPeer } from "./kv_swarm_layout.ts";

/** An announce as it is kept while the database is asked. */
export interface Say extends
  Readonly<
    Pick<SwarmAnnounce, "family" | "event" | "seed" | "port" | "bothFamilies">
  > {
  /** Place and info-hash. */
  readonly torrent: Uint8Array;
  /** Address and port. */
  readonly own: Uint8Array;
  /** Most peers to answer. */
  readonly want: number;
}

/** What an announce leads to. */
export interface Outcome {
  /** Whether the peer is in the swarm now. */
  readonly listed: boolean;
  /** The other peers. */
  readonly peers: readonly KvPeer[];
  /** Times the torrent was completed. */
  readonly downloads: number;
}

/**
 * Answers as the table in memory does: seeds get leechers first.
 *
 * @param say What was asked.
 * @param outcome What it led to.
 * @param random Whom the answer names.
 * @returns The answer.
 */
export function swarmAnswer(
  say: Say,
  outcome: Outcome,
  random: RandomSource,
): SwarmAnswer {
  const { family, seed, event, want } = say;
  const { listed, peers, downloads } = outcome;
  let seeders = listed && seed ? 1 : 0;
  for (const peer of peers) if (peer.seed) seeders++;
  const total = peers.length + (listed ? 1 : 0);
  const named = event === "stopped" ? [] : peers;
  const size = family === 4 ? 6 : 18;
  const same = named.filter((peer) => peer.compact.length === size);
  const first = pick(same, seed, want, random);
  const rest = say.bothFamilies
    ? pick(
      named.filter((peer) => peer.compact.length !== size),
      seed,
      want - first.length / size,
      random,
    )
    : new Uint8Array(0);
  const [peers4, peers6] = family === 4 ? [first, rest] : [rest, first];
  return {
    seeders,
    leechers: total - seeders,
    downloads,
    peers4,
    length4: peers4.length,
    peers6,
    length6: peers6.length,
  };
}

function pick(
  peers: readonly KvPeer[],
  seed: boolean,
  want: number,
  random: RandomSource,
): Uint8Array {
  const seeds = peers.filter((peer) => peer.seed);
  const leechers = peers.filter((peer) => !peer.seed);
  const fromSeeds = seed
    ? Math.max(0, want - leechers.length)
    : Math.max((want + 1) >> 1, want - leechers.length);
  const someSeeds = some(seeds, Math.min(fromSeeds, want), random);
  const picked = [
    ...some(leechers, want - someSeeds.length, random),
    ...someSeeds,
  ];
  const size = peers[0]?.compact.length ?? 0;
  const bytes = new Uint8Array(size * picked.length);
  for (const [i, peer] of picked.entries()) bytes.set(peer.compact, size * i);
  return bytes;
}

/** Random ones, moved to the front. */
function some<T>(items: T[], want: number, random: RandomSource): T[] {
  const count = Math.max(0, Math.min(want, items.length));
  for (let i = 0; i < count; i++) {
    const k = i + randomInt(random, items.length - i);
    [items[i], items[k]] = [items[k]!, items[i]!];
  }
  return items.slice(0, count);
}
