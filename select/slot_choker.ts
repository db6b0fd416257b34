import { randomInt } from "../_shared/random.ts";
import type { Choker, ChokerOptions, ChokerPeer } from "./choker.ts";
import type { PeerKey } from "./selection_strategy.ts";

/** A peer that connected so recently is favoured by the optimistic slots. */
const NEW_PEER_MS = 60_000;
const NEW_PEER_WEIGHT = 3;
const USUAL_WEIGHT = 1;
/** How long a peer without merit keeps its slot before others. */
const HOLD_MS = 120_000;

/** What a peer did with its slot. */
interface Turn {
  readonly unchoked: boolean;
  /** Since the last flip, in milliseconds. */
  readonly ms: number;
  /** Bytes taken since the last flip. */
  readonly uploaded: number;
  /** Bytes a second that the fastest peer takes. */
  readonly fastest: number;
}

/** What tells one way of choking from another. */
interface Merit {
  isEligible(peer: ChokerPeer): boolean;
  score(peer: ChokerPeer, turn: Turn): number;
  /** Whether a peer has what nobody else wants. */
  owes?(peer: ChokerPeer, turn: Turn): boolean;
  /** Whether the optimistic slots are for the newest that never had one. */
  readonly prefersNewest?: boolean;
}

interface Entry {
  peer: ChokerPeer;
  unchoked: boolean;
  /** When it was last choked or unchoked; `undefined` before the first time. */
  flippedAt: number | undefined;
  uploadedAtFlip: number;
  optimisticSince: number | undefined;
  score: number;
  owes: boolean;
  seen: number;
}

/** Slots by merit and by chance. */
export class SlotChoker implements Choker {
  readonly name: string;
  readonly #options: ChokerOptions;
  readonly #merit: Merit;
  readonly #slots: number | "rate-based" | undefined;
  readonly #optimisticSlots: number;
  readonly #optimisticMs: number;
  readonly #minFlipMs: number;
  readonly #entries = new Map<PeerKey, Entry>();
  #ticks = 0;

  constructor(name: string, options: ChokerOptions, merit: Merit) {
    const {
      slots,
      optimisticSlots = 1,
      optimisticMs = 30_000,
      minFlipMs = 10_000,
    } = options;
    const isCount = (value: number) => Number.isInteger(value) && value >= 0;
    if (
      (slots !== undefined && slots !== "rate-based" && !isCount(slots)) ||
      !isCount(optimisticSlots) || !(optimisticMs >= 0) || !(minFlipMs >= 0)
    ) {
      throw new RangeError(
        `Cannot make a choker as slots and times must not be negative: slots is ${slots}, optimisticSlots ${optimisticSlots}, optimisticMs ${optimisticMs}, minFlipMs ${minFlipMs}`,
      );
    }
    this.name = name;
    this.#options = options;
    this.#merit = merit;
    this.#slots = slots;
    this.#optimisticSlots = optimisticSlots;
    this.#optimisticMs = optimisticMs;
    this.#minFlipMs = minFlipMs;
  }

  get optimistic(): ReadonlySet<PeerKey> {
    const keys = new Set<PeerKey>();
    for (const [key, entry] of this.#entries) {
      if (entry.optimisticSince !== undefined) keys.add(key);
    }
    return keys;
  }

  tick(
    now: number,
    peers: readonly ChokerPeer[],
    most?: number,
  ): ReadonlySet<PeerKey> {
    this.#update(now, peers);
    const ranked: Entry[] = [];
    for (const entry of this.#entries.values()) {
      const { interested } = entry.peer;
      if (interested && this.#merit.isEligible(entry.peer)) ranked.push(entry);
    }
    ranked.sort((a, b) => compare(a, b, now));
    // One slot alone goes by merit.
    const optimistic = Math.min(
      this.#optimisticSlots,
      Math.max(0, (most ?? Infinity) - 1),
    );
    const slots = this.#countSlots(ranked, most, optimistic);
    const chosen = new Set<Entry>();
    // A peer that was flipped just now stays as it is, unless it owes.
    for (const entry of ranked) {
      if (chosen.size >= slots) break;
      if (
        entry.unchoked && this.#isFresh(entry, now) && !entry.owes &&
        entry.optimisticSince === undefined
      ) chosen.add(entry);
    }
    for (const entry of ranked) {
      if (chosen.size >= slots) break;
      if (entry.unchoked || !this.#isFresh(entry, now)) chosen.add(entry);
    }
    this.#chooseOptimistic(now, chosen, optimistic);
    // Peers of like progress lose and gain interest all the time: a slot
    // that no other peer wants is kept, so that they need not wait for one.
    for (const entry of this.#entries.values()) {
      if (chosen.size >= slots) break;
      if (
        entry.unchoked && !entry.peer.interested &&
        this.#merit.isEligible(entry.peer)
      ) chosen.add(entry);
    }
    const keys = new Set<PeerKey>();
    for (const entry of chosen) keys.add(entry.peer.key);
    for (const entry of this.#entries.values()) {
      if (entry.unchoked === chosen.has(entry)) continue;
      entry.unchoked = !entry.unchoked;
      entry.flippedAt = now;
      entry.uploadedAtFlip = entry.peer.uploaded;
    }
    return keys;
  }

  #update(now: number, peers: readonly ChokerPeer[]): void {
    const tick = ++this.#ticks;
    let fastest = 0;
    for (const { uploadRate } of peers) fastest = Math.max(fastest, uploadRate);
    for (const peer of peers) {
      let entry = this.#entries.get(peer.key);
      if (entry === undefined) {
        entry = {
          peer,
          unchoked: false,
          flippedAt: undefined,
          uploadedAtFlip: peer.uploaded,
          optimisticSince: undefined,
          score: 0,
          owes: false,
          seen: tick,
        };
        this.#entries.set(peer.key, entry);
      }
      entry.peer = peer;
      entry.seen = tick;
      const turn = {
        unchoked: entry.unchoked,
        ms: now - (entry.flippedAt ?? peer.connectedAt),
        uploaded: peer.uploaded - entry.uploadedAtFlip,
        fastest,
      };
      entry.owes = this.#merit.owes?.(peer, turn) ?? false;
      entry.score = this.#merit.score(peer, turn);
    }
    for (const [key, entry] of this.#entries) {
      if (entry.seen !== tick) this.#entries.delete(key);
    }
  }

  #isFresh(entry: Entry, now: number): boolean {
    return entry.flippedAt !== undefined &&
      now - entry.flippedAt < this.#minFlipMs;
  }

  #countSlots(
    ranked: readonly Entry[],
    most: number | undefined,
    optimistic: number,
  ): number {
    const room = most === undefined ? Infinity : most - optimistic;
    return Math.min(room, this.#ownSlots(ranked, most));
  }

  #ownSlots(ranked: readonly Entry[], most: number | undefined): number {
    if (this.#slots === undefined) return most === undefined ? 7 : Infinity;
    if (this.#slots !== "rate-based") return this.#slots;
    const rates = ranked.map((entry) => entry.peer.uploadRate);
    rates.sort((a, b) => b - a);
    let slots = 0;
    while (slots < rates.length && rates[slots]! > 1024 + 2048 * slots) slots++;
    return slots + 1;
  }

  #chooseOptimistic(now: number, chosen: Set<Entry>, slots: number): void {
    let free = slots;
    const expired = new Set<Entry>();
    const isWanted = this.#candidates(now, chosen, NOBODY, false).length > 0;
    for (const entry of this.#entries.values()) {
      const since = entry.optimisticSince;
      if (since === undefined) continue;
      if (
        free > 0 && !chosen.has(entry) && entry.peer.interested &&
        now - since < this.#optimisticMs && !(entry.owes && isWanted)
      ) {
        chosen.add(entry);
        free--;
      } else {
        entry.optimisticSince = undefined;
        expired.add(entry);
      }
    }
    while (free-- > 0) {
      // A peer that had its chance comes back only when there is no other.
      const next = this.#draw(now, chosen, expired, false) ??
        this.#draw(now, chosen, NOBODY, false) ??
        this.#draw(now, chosen, expired, true) ??
        this.#draw(now, chosen, NOBODY, true);
      if (next === undefined) return;
      next.optimisticSince = now;
      chosen.add(next);
    }
  }

  #draw(
    now: number,
    chosen: ReadonlySet<Entry>,
    except: ReadonlySet<Entry>,
    owing: boolean,
  ): Entry | undefined {
    const candidates = this.#candidates(now, chosen, except, owing);
    if (candidates.length === 0) return undefined;
    if (this.#merit.prefersNewest) {
      const newest = candidates.findLast(({ flippedAt, peer }) =>
        flippedAt === undefined && !peer.crowded
      );
      if (newest !== undefined) return newest;
    }
    const total = candidates.reduce(
      (sum, entry) => sum + weight(entry, now),
      0,
    );
    let ticket = randomInt(this.#options.random, total);
    return candidates.find((entry) => (ticket -= weight(entry, now)) < 0);
  }

  /** Who may have an optimistic slot, of those that owe or of the others. */
  #candidates(
    now: number,
    chosen: ReadonlySet<Entry>,
    except: ReadonlySet<Entry>,
    owing: boolean,
  ): Entry[] {
    return [...this.#entries.values()].filter((entry) =>
      entry.peer.interested && entry.owes === owing && !chosen.has(entry) &&
      !except.has(entry) && (entry.unchoked || !this.#isFresh(entry, now)) &&
      !(entry.peer.unused && except !== NOBODY)
    );
  }
}

/** Whether having a slot counts for a peer: without merit only for some time. */
function holds(entry: Entry, now: number): boolean {
  return entry.unchoked &&
    (entry.score > 0 || now - entry.flippedAt! < HOLD_MS);
}

const NOBODY: ReadonlySet<Entry> = new Set();

function weight(entry: Entry, now: number): number {
  return now - entry.peer.connectedAt < NEW_PEER_MS
    ? NEW_PEER_WEIGHT
    : USUAL_WEIGHT;
}

/**
 * Better first, but those last that make no use of a slot or owe; among equals
 * the one that keeps its slot for some time, then single ones, then the longest waiting.
 */
function compare(a: Entry, b: Entry, now: number): number {
  const wastesA = a.peer.unused ?? false;
  if (wastesA !== (b.peer.unused ?? false)) return wastesA ? 1 : -1;
  if (a.owes !== b.owes) return a.owes ? 1 : -1;
  if (a.score !== b.score) return b.score - a.score;
  const holdsA = holds(a, now);
  const holdsB = holds(b, now);
  if (holdsA !== holdsB) return holdsA ? -1 : 1;
  const crowdedA = a.peer.crowded ?? false;
  if (crowdedA !== (b.peer.crowded ?? false)) return crowdedA ? 1 : -1;
  const waitingA = a.flippedAt ?? -Infinity;
  const waitingB = b.flippedAt ?? -Infinity;
  if (waitingA !== waitingB) return waitingA < waitingB ? -1 : 1;
  return a.peer.key - b.peer.key;
}
