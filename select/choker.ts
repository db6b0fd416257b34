/**
 * Choking: which peers may download from us.
 *
 * @module
 */
import type { RandomSource } from "../_shared/random.ts";
import type { PeerKey } from "./selection_strategy.ts";
import { SlotChoker } from "./slot_choker.ts";

/** What a choker knows of a peer. */
export interface ChokerPeer {
  /** The peer. */
  readonly key: PeerKey;
  /** Whether it wants something from us. */
  readonly interested: boolean;
  /** Whether it leaves our requests unanswered. */
  readonly snubbed: boolean;
  /** Whether it has something that we want. @default {true} */
  readonly wanted?: boolean | undefined;
  /**
   * Whether it keeps first copies that others would pass on.
   * @default {false}
   */
  readonly keeps?: boolean | undefined;
  /** Bytes per second that it sends us. */
  readonly downloadRate: number;
  /** Bytes per second that it takes from us. */
  readonly uploadRate: number;
  /** Bytes that it has taken from us so far. */
  readonly uploaded: number;
  /** Bytes that it has sent us so far. @default {0} */
  readonly downloaded?: number | undefined;
  /** When it connected, in milliseconds. */
  readonly connectedAt: number;
  /** The share of the torrent that it has, 0 to 1. */
  readonly progress: number;
  /**
   * Whether it had a slot and made no use of it: others go first.
   * @default {false}
   */
  readonly unused?: boolean | undefined;
  /**
   * Whether it is one of a crowd of newcomers from one network: single ones go
   * first.
   * @default {false}
   */
  readonly crowded?: boolean | undefined;
}

/** Decides which peers may download from us. */
export interface Choker {
  /** For people and logs, such as `"tit-for-tat"`. */
  readonly name: string;
  /**
   * Decides anew. May be called at any time, best every ten seconds and when a
   * peer joins, leaves or changes its interest: no peer is flipped too often.
   *
   * @param now The time in milliseconds.
   * @param peers All connected peers; others are forgotten.
   * @param slots The most peers to unchoke, optimistic ones counted; absent
   * for as many as the choker likes.
   * @returns The peers to unchoke; all others are to be choked. Never more
   * than the slots. Those that lost interest keep theirs while no other
   * peer wants it.
   */
  tick(
    now: number,
    peers: readonly ChokerPeer[],
    slots?: number,
  ): ReadonlySet<PeerKey>;
  /** The peers that are unchoked without merit, after the last tick. */
  readonly optimistic: ReadonlySet<PeerKey>;
}

/** Options of every choker. */
export interface ChokerOptions {
  /** Random source. */
  readonly random: RandomSource;
  /**
   * How many peers to unchoke, optimistic ones not counted; or
   * `"rate-based"`: one more for as long as the next peer takes more than 1 KiB/s
   * plus 2 KiB/s for each before it.
   *
   * @default {as many as each tick allows, else 7}
   */
  readonly slots?: number | "rate-based" | undefined;
  /** Peers unchoked without merit. @default {1} */
  readonly optimisticSlots?: number | undefined;
  /**
   * How long an optimistic unchoke lasts, in ms.
   * @default {30000, round-robin 10000}
   */
  readonly optimisticMs?: number | undefined;
  /** The least time between two flips of one peer, in ms. @default {10000} */
  readonly minFlipMs?: number | undefined;
}

/** Options of {@linkcode roundRobinChoker}. */
export interface RoundRobinOptions extends ChokerOptions {
  /** Bytes that each peer may take in turn. @default {20 MiB} */
  readonly quotaBytes?: number | undefined;
  /** The least time of a turn, in ms. @default {60000} */
  readonly quotaMs?: number | undefined;
}

/** Bytes that a peer may take before it is asked what it gave. */
const CREDIT = 32_768;
/** The same of one that has nothing to give. */
const POOR_CREDIT = 262_144;
/** For so long it has its slot in any case, in ms: others answer in that time. */
const TRIAL_MS = 10_000;
/** Who took so many times what it gave owes us something. */
const DEBT = 8;

/**
 * For downloading: slots go to those that send us most; snubbing peers lose
 * theirs. Those that took much, for ten seconds, and gave next to nothing have
 * what nobody else wants. One optimistic slot moves every 30 seconds, with three
 * times the chance for new peers.
 *
 * @param options See {@linkcode ChokerOptions}.
 * @returns The choker.
 * @throws {RangeError} If a number is out of range.
 */
export function titForTatChoker(options: ChokerOptions): Choker {
  return new SlotChoker("tit-for-tat", options, {
    isEligible: (peer) => !peer.snubbed,
    score: (peer) => peer.downloadRate,
    owes: ({ uploaded, downloaded = 0, wanted = true }, { unchoked, ms }) =>
      !(unchoked && ms < TRIAL_MS) && uploaded > DEBT * downloaded &&
      uploaded > (wanted ? CREDIT : POOR_CREDIT),
  });
}

/**
 * Who takes less, in bytes a second, or such a part of what the fastest takes,
 * gives its slot to one that takes more.
 */
const SLOW_RATE = 8_192;
const SLOW_SHARE = 1 / 16;
/** After so long with a slot, in milliseconds. */
const SLOW_MS = 10_000;

/**
 * For seeding: slots go in turn; each peer keeps its slot until it has taken
 * its share and some time has passed, or twice that time. The optimistic slot
 * is for the newest peer that never had one: when it takes more than another
 * that is slow, it stays in its place. Those that keep first copies for
 * themselves have what nobody else wants.
 *
 * @param options See {@linkcode RoundRobinOptions}.
 * @returns The choker.
 * @throws {RangeError} If a number is out of range.
 */
export function roundRobinChoker(options: RoundRobinOptions): Choker {
  const { quotaBytes = 20 * 2 ** 20, quotaMs = 60_000 } = options;
  return new SlotChoker("round-robin", { optimisticMs: SLOW_MS, ...options }, {
    isEligible: () => true,
    prefersNewest: true,
    owes: ({ keeps = false }) => keeps,
    score({ uploadRate }, turn) {
      if (!turn.unchoked) return 1;
      // A peer that takes little keeps its slot for twice the time at most.
      if (turn.ms >= 2 * quotaMs) return 0;
      if (turn.ms >= quotaMs && turn.uploaded >= quotaBytes) return 0;
      const slow = Math.max(SLOW_RATE, turn.fastest * SLOW_SHARE);
      return turn.ms >= SLOW_MS && uploadRate < slow ? 1 : 2;
    },
  });
}

/**
 * For seeding: slots go to those that take most, so that copies spread fast.
 *
 * @param options See {@linkcode ChokerOptions}.
 * @returns The choker.
 * @throws {RangeError} If a number is out of range.
 */
export function fastestUploadChoker(options: ChokerOptions): Choker {
  return new SlotChoker("fastest-upload", options, {
    isEligible: () => true,
    score: (peer) => peer.uploadRate,
  });
}

/**
 * For seeding: slots go to newcomers, who need something to trade, and to
 * those that are nearly done and will seed; those in the middle can
 * trade.
 *
 * @param options See {@linkcode ChokerOptions}.
 * @returns The choker.
 * @throws {RangeError} If a number is out of range.
 */
export function antiLeechChoker(options: ChokerOptions): Choker {
  return new SlotChoker("anti-leech", options, {
    isEligible: () => true,
    score: (peer) => Math.abs(peer.progress - 0.5),
  });
}
