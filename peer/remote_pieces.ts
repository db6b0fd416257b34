/**
 * What a peer has, also before anybody knows how many pieces there are.
 *
 * Invariant: once the number is known, the bitfield has exactly that length;
 * before, everything told is kept in bounded form and applied later.
 *
 * @module
 */
import { Bitfield } from "../_shared/bitfield.ts";
import { PeerProtocolError } from "./error.ts";
import { MAX_PIECE_COUNT } from "./_limits.ts";

/** Bytes of a "have" message. */
const HAVE_LENGTH = 9;

/** How a peer told at first what it has. */
export type FirstPieces = "bitfield" | "have-all" | "have-none";

/** The pieces of one peer. */
export class RemotePieces {
  #pieceCount: number | undefined;
  #pieces: Bitfield;
  /** The first message of its kind, kept until the number is known. */
  #first: FirstPieces | undefined;
  #early: Uint8Array = new Uint8Array(0);
  #exactBytes: number | undefined;
  #begun = false;

  /**
   * Makes an empty set.
   *
   * @param pieceCount How many pieces there are, when known.
   */
  constructor(pieceCount?: number) {
    this.#pieceCount = pieceCount;
    this.#pieces = new Bitfield(pieceCount ?? 0);
  }

  /** The set; of length 0 while the number of pieces is not known. */
  get pieces(): Bitfield {
    return this.#pieces;
  }

  /** How many pieces there are, when known. */
  get pieceCount(): number | undefined {
    return this.#pieceCount;
  }

  /** Whether the peer is known to have everything, even without the number. */
  get isSeed(): boolean {
    return this.#pieceCount === undefined
      ? this.#first === "have-all"
      : this.#pieceCount > 0 && this.#pieces.isFull;
  }

  /**
   * Notes that a message came after which no bitfield may follow.
   */
  begin(): void {
    this.#begun = true;
  }

  /**
   * Takes a bitfield (BEP 3). A later one is taken in place of many "have"
   * messages, as aria2 sends it: it must take nothing back and not be longer
   * than about twice what it stands for.
   *
   * @param bytes Its bytes; copied.
   * @throws {PeerProtocolError} If it is neither the first nor such news, or
   * has the wrong size or spare bits.
   */
  onBitfield(bytes: Uint8Array): void {
    if (this.#takeLate(bytes)) return;
    this.#claimFirst("bitfield");
    if (this.#pieceCount === undefined) {
      if (bytes.length > MAX_PIECE_COUNT / 8) {
        throw new PeerProtocolError(
          "too-long",
          `Cannot take a bitfield of ${bytes.length} bytes: the most are ${
            MAX_PIECE_COUNT / 8
          }`,
        );
      }
      this.#early = bytes.slice();
      this.#exactBytes = bytes.length;
    } else this.#pieces = parse(bytes, this.#pieceCount);
  }

  /**
   * Takes a have-all (BEP 6); a later one when the peer became complete.
   *
   * @throws {PeerProtocolError} If it is not the first of its kind and no news.
   */
  onHaveAll(): void {
    const isLate = this.#first !== undefined || this.#begun;
    if (isLate && this.#pieceCount !== undefined && !this.#pieces.isFull) {
      return this.#pieces.setAll();
    }
    this.#claimFirst("have-all");
    if (this.#pieceCount !== undefined) this.#pieces.setAll();
  }

  /**
   * Takes a have-none (BEP 6).
   *
   * @throws {PeerProtocolError} If it is not the first of its kind.
   */
  onHaveNone(): void {
    this.#claimFirst("have-none");
  }

  /**
   * Takes a have (BEP 3).
   *
   * @param pieceIndex Which piece.
   * @returns Whether that is news that can be used now.
   * @throws {PeerProtocolError} If there is no such piece.
   */
  onHave(pieceIndex: number): boolean {
    this.#begun = true;
    this.check(pieceIndex);
    if (this.#pieceCount !== undefined) return this.#pieces.set(pieceIndex);
    const at = pieceIndex >>> 3;
    if (at >= this.#early.length) {
      const grown = new Uint8Array(
        Math.min(MAX_PIECE_COUNT / 8, Math.max(64, 2 * at, at + 1)),
      );
      grown.set(this.#early);
      this.#early = grown;
    }
    this.#early[at]! |= 0x80 >> (pieceIndex & 7);
    return false;
  }

  /**
   * Takes an lt_donthave (BEP 54).
   *
   * @param pieceIndex Which piece.
   * @returns Whether the peer had it.
   * @throws {PeerProtocolError} If there is no such piece.
   */
  onDontHave(pieceIndex: number): boolean {
    this.check(pieceIndex);
    if (this.#pieceCount !== undefined) return this.#pieces.clear(pieceIndex);
    const at = pieceIndex >>> 3;
    if (at < this.#early.length) {
      this.#early[at]! &= ~(0x80 >> (pieceIndex & 7));
    }
    return false;
  }

  /**
   * Checks a piece index that the peer sent.
   *
   * @param pieceIndex The index.
   * @throws {PeerProtocolError} With code `out-of-range` if there is no such
   * piece.
   */
  check(pieceIndex: number): void {
    const most = this.#pieceCount ??
      (this.#exactBytes === undefined ? MAX_PIECE_COUNT : this.#exactBytes * 8);
    if (pieceIndex >= most) {
      throw new PeerProtocolError(
        "out-of-range",
        `Cannot take piece ${pieceIndex}: the torrent has ${most} pieces`,
      );
    }
  }

  /**
   * Tells the number of pieces and applies what was kept.
   *
   * @param pieceCount How many pieces there are.
   * @returns How the peer told what it has, or `undefined` when it told nothing.
   * @throws {PeerProtocolError} If what it told does not fit the number.
   */
  setPieceCount(pieceCount: number): FirstPieces | undefined {
    if (this.#pieceCount !== undefined) return undefined;
    this.#pieceCount = pieceCount;
    this.#pieces = new Bitfield(pieceCount);
    const early = this.#early;
    this.#early = new Uint8Array(0);
    if (this.#first === "have-all") {
      this.#pieces = Bitfield.full(pieceCount);
      return "have-all";
    }
    const size = Math.ceil(pieceCount / 8);
    if (this.#exactBytes !== undefined) {
      this.#pieces = parse(early, pieceCount);
      return "bitfield";
    }
    const fitted = new Uint8Array(size);
    fitted.set(early.subarray(0, size));
    const pieces = Bitfield.tryFrom(fitted, pieceCount);
    let beyond = 0;
    for (let i = size; i < early.length; i++) beyond |= early[i]!;
    if (pieces === undefined || beyond !== 0) {
      throw new PeerProtocolError(
        "out-of-range",
        `Cannot take the pieces of the peer: the torrent has ${pieceCount}`,
      );
    }
    this.#pieces = pieces;
    return this.#pieces.isEmpty ? this.#first : "bitfield";
  }

  /** Takes a bitfield that says what several "have" messages would say. */
  #takeLate(bytes: Uint8Array): boolean {
    if (this.#first === undefined && !this.#begun) return false;
    if (this.#pieceCount === undefined) return false;
    const pieces = parse(bytes, this.#pieceCount);
    const gained = pieces.count - this.#pieces.count;
    if (
      gained * 2 * HAVE_LENGTH < bytes.length || pieces.lacksAnyOf(this.#pieces)
    ) return false;
    this.#pieces = pieces;
    return true;
  }

  #claimFirst(first: FirstPieces): void {
    if (this.#first !== undefined || this.#begun) {
      throw new PeerProtocolError(
        "unexpected-bitfield",
        `Cannot take a "${first}" message as it must be the first about pieces: ${
          this.#first === undefined
            ? "others came before"
            : `"${this.#first}" came before`
        }`,
      );
    }
    this.#first = first;
  }
}

function parse(bytes: Uint8Array, pieceCount: number): Bitfield {
  const pieces = Bitfield.tryFrom(bytes, pieceCount);
  if (pieces === undefined) {
    throw new PeerProtocolError(
      "bad-bitfield",
      `Cannot take a bitfield of ${bytes.length} bytes: ${pieceCount} pieces need ${
        Math.ceil(pieceCount / 8)
      } and clear spare bits`,
    );
  }
  return pieces;
}
