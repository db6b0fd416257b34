/**
 * Finding out who sends bad blocks.
 *
 * @module
 */
import { equalBytes } from "../_shared/bytes.ts";
import type { PeerKey } from "./selection_strategy.ts";

/** What to do with peers after a piece passed or failed. */
export interface PeerVerdict {
  /** To be disconnected and kept away. */
  readonly ban: readonly PeerKey[];
  /** To be put on parole: whole pieces only, alone. */
  readonly parole: readonly PeerKey[];
  /** To be taken off parole. */
  readonly absolve: readonly PeerKey[];
}

/** Trust lost with a bad piece, gained with a good one, and the most there is. */
const PENALTY = 2;
const REWARD = 1;
const MAX_TRUST = 8;

/** A peer at or below this trust is banned. */
const BAN_AT = -7;

/** Digests of blocks of failed pieces that are kept. */
const MAX_BLOCKS = 65_536;

interface BlockRecord {
  readonly block: number;
  readonly peer: PeerKey;
  readonly digest: Uint8Array;
}

/** Good pieces in a row after which newcomers are trusted again. */
const ALARM_PIECES = 256;

/** Failures of one piece that are kept. */
const FAILURES_PER_PIECE = 4;

/**
 * Names the peers that sent bad blocks. The digests of a failed piece's blocks
 * are kept; once the piece passes, every peer whose block had another digest is
 * guilty. A peer that sent all of a bad piece is guilty at once. Each peer also
 * has an account of trust, for when no proof comes.
 */
export class SmartBan {
  readonly #failed = new Map<number, BlockRecord[][]>();
  /** Records in `#failed`. */
  #blocks = 0;
  readonly #trust = new Map<PeerKey, number>();
  readonly #parole = new Set<PeerKey>();
  /** Good pieces until the alarm is over. */
  #alarm = 0;

  /**
   * Whether digests of this piece's blocks are worth computing when it passes.
   *
   * @param pieceIndex Which piece.
   * @returns True when it failed before.
   */
  hasSuspects(pieceIndex: number): boolean {
    return this.#failed.has(pieceIndex);
  }

  /**
   * Notes that a piece failed its hash.
   *
   * @param pieceIndex Which piece.
   * @param contributors For each block who gave it, or -1 when unknown.
   * @param digests For each block the digest of its bytes.
   * @returns What to do now.
   * @throws {RangeError} If there are not as many digests as contributors.
   */
  pieceFailed(
    pieceIndex: number,
    contributors: readonly PeerKey[],
    digests: readonly Uint8Array[],
  ): PeerVerdict {
    this.#checkCounts(pieceIndex, contributors, digests);
    this.#alarm = ALARM_PIECES;
    const suspects = new Set<PeerKey>(contributors);
    const isAllKnown = !suspects.delete(-1);
    const ban = new Set<PeerKey>();
    const parole = new Set<PeerKey>();
    for (const peer of suspects) {
      const trust = (this.#trust.get(peer) ?? 0) - PENALTY;
      this.#trust.set(peer, trust);
      if ((isAllKnown && suspects.size === 1) || trust <= BAN_AT) {
        ban.add(peer);
      } else parole.add(peer);
    }
    const records: BlockRecord[] = [];
    contributors.forEach((peer, block) => {
      if (peer === -1 || ban.has(peer)) return;
      records.push({ block, peer, digest: digests[block]!.slice() });
    });
    if (records.length > 0) this.#remember(pieceIndex, records);
    for (const peer of ban) this.#parole.delete(peer);
    for (const peer of parole) this.#parole.add(peer);
    return { ban: [...ban], parole: [...parole], absolve: [] };
  }

  /**
   * Notes that a piece passed its hash.
   *
   * @param pieceIndex Which piece.
   * @param contributors For each block who gave it, or -1 when unknown.
   * @param digests For each block the digest of its bytes; needed only when
   * {@linkcode SmartBan.hasSuspects} says so.
   * @returns What to do now.
   * @throws {RangeError} If digests are needed and there are not as many as
   * contributors.
   */
  pieceVerified(
    pieceIndex: number,
    contributors: readonly PeerKey[],
    digests: readonly Uint8Array[] = [],
  ): PeerVerdict {
    if (this.#alarm > 0) this.#alarm--;
    const failures = this.#failed.get(pieceIndex);
    const ban = new Set<PeerKey>();
    const cleared = new Set<PeerKey>();
    if (failures !== undefined) {
      this.#checkCounts(pieceIndex, contributors, digests);
      this.#drop(pieceIndex);
      for (const records of failures) {
        for (const { block, peer, digest } of records) {
          const good = digests[block];
          if (good === undefined || !equalBytes(digest, good)) ban.add(peer);
          else cleared.add(peer);
        }
      }
    }
    const authors = new Set<PeerKey>(contributors);
    const isAllKnown = !authors.delete(-1);
    for (const peer of authors) {
      const trust = (this.#trust.get(peer) ?? 0) + REWARD;
      this.#trust.set(peer, Math.min(trust, MAX_TRUST));
      if (isAllKnown && authors.size === 1) cleared.add(peer);
    }
    const absolve: PeerKey[] = [];
    for (const peer of cleared) {
      if (!this.#parole.has(peer) || ban.has(peer)) continue;
      if (this.#isSuspect(peer)) continue;
      this.#parole.delete(peer);
      absolve.push(peer);
    }
    for (const peer of ban) this.#parole.delete(peer);
    return { ban: [...ban], parole: [], absolve };
  }

  /**
   * Puts a peer that has not given a good piece yet on parole, while bad pieces
   * arrive: a peer that changes its address after each ban then spoils no more
   * than one piece, and none that others contribute to.
   *
   * @param peer The peer.
   * @returns Whether it is on parole now and was not before.
   */
  suspect(peer: PeerKey): boolean {
    if (
      this.#alarm === 0 || (this.#trust.get(peer) ?? 0) > 0 ||
      this.#parole.has(peer)
    ) {
      return false;
    }
    this.#parole.add(peer);
    return true;
  }

  /**
   * Forgets the trust in a peer that left. Digests are kept: a piece that
   * passes later may still prove it guilty.
   *
   * @param peer The peer.
   */
  forget(peer: PeerKey): void {
    this.#trust.delete(peer);
    this.#parole.delete(peer);
  }

  #remember(pieceIndex: number, records: BlockRecord[]): void {
    const failures = this.#failed.get(pieceIndex) ?? [];
    // Moved to the end: the oldest entry goes first.
    this.#failed.delete(pieceIndex);
    failures.push(records);
    this.#blocks += records.length;
    if (failures.length > FAILURES_PER_PIECE) {
      this.#blocks -= failures.shift()!.length;
    }
    this.#failed.set(pieceIndex, failures);
    for (const oldest of this.#failed.keys()) {
      if (this.#blocks <= MAX_BLOCKS) break;
      this.#drop(oldest);
    }
  }

  #drop(pieceIndex: number): void {
    for (const records of this.#failed.get(pieceIndex) ?? []) {
      this.#blocks -= records.length;
    }
    this.#failed.delete(pieceIndex);
  }

  #isSuspect(peer: PeerKey): boolean {
    for (const failures of this.#failed.values()) {
      for (const records of failures) {
        for (const record of records) if (record.peer === peer) return true;
      }
    }
    return false;
  }

  #checkCounts(
    pieceIndex: number,
    contributors: readonly PeerKey[],
    digests: readonly Uint8Array[],
  ): void {
    if (digests.length !== contributors.length) {
      throw new RangeError(
        `Cannot judge piece ${pieceIndex} as there must be a digest for each of ${contributors.length} blocks: there are ${digests.length}`,
      );
    }
  }
}

/**
 * Cuts digests of 20 bytes apart.
 *
 * @param digests Digests one behind the other, if there are any.
 * @returns Views of each.
 */
export function splitDigests(digests: Uint8Array | undefined): Uint8Array[] {
  const list: Uint8Array[] = [];
  if (digests === undefined) return list;
  for (let at = 0; at < digests.length; at += 20) {
    list.push(digests.subarray(at, at + 20));
  }
  return list;
}
