/**
 * Which address others see us at.
 *
 * @module
 */
import { ipScope, isMappedIpv4, subnetKey } from "../../_shared/address.ts";
import { equalBytes, toByteString } from "../../_shared/bytes.ts";

/** Options of {@linkcode ExternalIpVotes}. */
export interface ExternalIpVotesOptions {
  /**
   * Votes that a decision takes.
   *
   * @default {25}
   */
  readonly minVotes?: number | undefined;
  /**
   * Votes after which the count begins anew.
   *
   * @default {50}
   */
  readonly maxVotes?: number | undefined;
  /**
   * How long votes are counted, in milliseconds, when there are enough.
   *
   * @default {300_000}
   */
  readonly roundMs?: number | undefined;
  /**
   * Addresses that votes are counted for; those for others are lost.
   *
   * @default {40}
   */
  readonly maxCandidates?: number | undefined;
  /**
   * Whether only addresses of the public internet count.
   *
   * @default {true}
   */
  readonly requireGlobal?: boolean | undefined;
}

/**
 * Decides on our external address by the votes of other nodes (BEP 42): a
 * subnet has one vote a round, and the winner needs a clear lead, so that no
 * liar can make us change our id.
 */
export class ExternalIpVotes {
  readonly #minVotes: number;
  readonly #maxVotes: number;
  readonly #roundMs: number;
  readonly #maxCandidates: number;
  readonly #requireGlobal: boolean;
  readonly #voters = new Set<string>();
  readonly #candidates = new Map<string, { ip: Uint8Array; votes: number }>();
  #votes = 0;
  #startedAt: number | undefined;
  #address: Uint8Array | undefined;

  /**
   * Begins the first round, with its first vote.
   *
   * @param options See {@linkcode ExternalIpVotesOptions}.
   * @throws {RangeError} If a number is not at least 1.
   */
  constructor(options: ExternalIpVotesOptions = {}) {
    const {
      minVotes = 25,
      maxVotes = 50,
      roundMs = 300_000,
      maxCandidates = 40,
      requireGlobal = true,
    } = options;
    for (
      const [name, value] of Object.entries({
        minVotes,
        maxVotes,
        roundMs,
        maxCandidates,
      })
    ) {
      if (!(value >= 1)) {
        throw new RangeError(
          `Option ${name} must be at least 1: current value is ${value}`,
        );
      }
    }
    this.#minVotes = minVotes;
    this.#maxVotes = Math.max(maxVotes, minVotes);
    this.#roundMs = roundMs;
    this.#maxCandidates = maxCandidates;
    this.#requireGlobal = requireGlobal;
  }

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
    const scope = ipScope(voted);
    if (
      this.#requireGlobal
        ? scope !== "global"
        : (scope === "unspecified" || scope === "multicast")
    ) return undefined;
    if (
      this.#candidates.size >= this.#maxCandidates &&
      now - this.#startedAt! >= this.#roundMs
    ) this.#begin();
    const key = toByteString(voted);
    let candidate = this.#candidates.get(key);
    if (candidate === undefined) {
      if (this.#candidates.size >= this.#maxCandidates) return undefined;
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
    if (this.#votes < this.#minVotes) return undefined;
    // The first decision is not waited for; later ones come once a round.
    const isOver = this.#votes >= this.#maxVotes ||
      now - this.#startedAt! >= this.#roundMs;
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
