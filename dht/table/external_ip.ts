/**
 * Which address others see us at.
 *
 * @module
 */
import { ipScope, isMappedIpv4, subnetKey } from "../../_shared/address.ts";
import { equalBytes, toByteString } from "../../_shared/bytes.ts";

/** Votes that a decision takes. */
const MIN_VOTES = 25;
/** Votes after which the count begins anew. */
const MAX_VOTES = 50;
/** How long votes are counted, in ms, when there are enough. */
const ROUND_MS = 300_000;
/** Addresses that votes are counted for; those for others are lost. */
const MAX_CANDIDATES = 40;

/**
 * Decides on our external address by the votes of other nodes (BEP 42): a
 * subnet has one vote a round, and the winner needs a clear lead, so that no
 * liar can make us change our id.
 */
export class ExternalIpVotes {
  readonly #voters = new Set<string>();
  readonly #candidates = new Map<string, { ip: Uint8Array; votes: number }>();
  #votes = 0;
  #startedAt: number | undefined;
  #address: Uint8Array | undefined;

  /** The address that won last, 4 or 16 bytes, `undefined` before. */
  get address(): Uint8Array | undefined {
    return this.#address;
  }

  /**
   * Takes a vote.
   *
   * @param voter 4 or 16 bytes of the address that it came from.
   * @param ip 4 or 16 bytes of the address that it is for.
   * @param now The time in milliseconds.
   * @returns The winner, when it is another one than before; else
   * `undefined`.
   */
  vote(
    voter: Uint8Array,
    ip: Uint8Array,
    now: number,
  ): Uint8Array | undefined {
    const voted = isMappedIpv4(ip) ? ip.subarray(12) : ip;
    if (voted.length !== 4 && voted.length !== 16) return undefined;
    if (ipScope(voted) !== "global") return undefined;
    if (
      this.#candidates.size >= MAX_CANDIDATES &&
      now - this.#startedAt! >= ROUND_MS
    ) this.#begin();
    const key = toByteString(voted);
    let candidate = this.#candidates.get(key);
    if (candidate === undefined) {
      if (this.#candidates.size >= MAX_CANDIDATES) return undefined;
      candidate = { ip: voted.slice(), votes: 0 };
    }
    const subnet = subnetKey(voter);
    if (this.#voters.has(subnet)) return undefined;
    this.#startedAt ??= now;
    this.#voters.add(subnet);
    this.#candidates.set(key, candidate);
    candidate.votes++;
    this.#votes++;
    return this.#decide(now);
  }

  #decide(now: number): Uint8Array | undefined {
    if (this.#votes < MIN_VOTES) return undefined;
    // The first decision is not waited for; later ones come once a round.
    const isOver = this.#votes >= MAX_VOTES ||
      now - this.#startedAt! >= ROUND_MS;
    if (this.#address !== undefined && !isOver) return undefined;
    let best: { ip: Uint8Array; votes: number } | undefined;
    let second = 0;
    for (const candidate of this.#candidates.values()) {
      if (best === undefined || candidate.votes > best.votes) {
        second = best?.votes ?? 0;
        best = candidate;
      } else if (candidate.votes > second) second = candidate.votes;
    }
    const isClear = best !== undefined && 3 * second < 2 * best.votes;
    if (isOver || isClear) this.#begin();
    if (
      !isClear ||
      (this.#address !== undefined && equalBytes(this.#address, best!.ip))
    ) return undefined;
    this.#address = best!.ip;
    return this.#address;
  }

  /** Forgets all votes: a new round. */
  #begin(): void {
    this.#voters.clear();
    this.#candidates.clear();
    this.#votes = 0;
    this.#startedAt = undefined;
  }
}
