/**
 * Who has what: our first message about pieces and theirs (BEP 3, BEP 6).
 *
 * @module
 */
import { Bitfield } from "../../_shared/bitfield.ts";
import {
  JUNK_BYTES,
  MAX_PIECE_COUNT,
  ODDITY_COST,
  PIECES_A_UNIT,
  REPEAT_COST,
} from "../limits.ts";
import type { FirstPieces, PeerSessionOptions } from "../session_types.ts";
import type { SessionCore } from "./session_core.ts";
import { PeerProtocolError } from "../error.ts";

const NO_BYTES = new Uint8Array(0);

/**
 * What came of a first message about pieces: the first, as it should be; a later or an
 * untidy one that was heeded; or one that was passed over.
 */
type FirstOutcome = "first" | "late" | "odd";

/**
 * The pieces of one peer, also before anybody knows how many there are. Once the
 * number is known, the bitfield has exactly that length; before, everything told
 * is kept in bounded form and applied later.
 */
export class RemotePieces {
  /** How many pieces there are, when known. */
  pieceCount: number | undefined;
  /** The set; of length 0 while the number of pieces is not known. */
  pieces: Bitfield;
  /** The first message of its kind, kept until the number is known. */
  #first: FirstPieces | undefined;
  #early: Uint8Array = NO_BYTES;
  #exactBytes: number | undefined;
  #begun = false;

  /** Makes an empty set. */
  constructor(pieceCount?: number) {
    this.pieceCount = pieceCount;
    this.pieces = new Bitfield(pieceCount ?? 0);
  }

  /** Whether the peer is known to have everything, even without the number. */
  get isSeed(): boolean {
    return this.pieceCount === undefined
      ? this.#first === "have-all"
      : this.pieceCount > 0 && this.pieces.isFull;
  }

  /**
   * Takes a bitfield (BEP 3). A later one counts as so many "have" messages, as
   * aria2 sends it: it takes nothing back. Spare bits are passed over.
   *
   * @throws {PeerProtocolError} If it has the wrong size.
   */
  onBitfield(bytes: Uint8Array): FirstOutcome {
    const isFirst = this.#first === undefined && !this.#begun;
    this.#first ??= "bitfield";
    if (this.pieceCount !== undefined) {
      const pieces = parse(bytes, this.pieceCount);
      const isClean = Bitfield.tryFrom(bytes, this.pieceCount) !== undefined;
      if (isFirst) this.pieces = pieces;
      else {
        const before = this.pieces.count;
        this.pieces = union(this.pieces, pieces);
        if (this.pieces.count === before) return "odd";
      }
      return isFirst && isClean ? "first" : "late";
    }
    if (bytes.length > MAX_PIECE_COUNT / 8) {
      throw new PeerProtocolError(
        "too-long",
        `Cannot take a bitfield of ${bytes.length} bytes: the most are ${
          MAX_PIECE_COUNT / 8
        }`,
      );
    }
    if (this.#exactBytes !== undefined && this.#exactBytes !== bytes.length) {
      return "odd";
    }
    const early = new Uint8Array(Math.max(bytes.length, this.#early.length));
    early.set(this.#early);
    for (let i = 0; i < bytes.length; i++) early[i]! |= bytes[i]!;
    this.#early = early;
    this.#exactBytes = bytes.length;
    return isFirst ? "first" : "late";
  }

  /** Takes a have-all (BEP 6); a later one when the peer became complete. */
  onHaveAll(): FirstOutcome {
    const isFirst = this.#first === undefined && !this.#begun;
    if (this.pieceCount === undefined) {
      const isNews = this.#first !== "have-all";
      this.#first = "have-all";
      return isFirst ? "first" : isNews ? "late" : "odd";
    }
    this.#first ??= "have-all";
    if (!isFirst && this.pieces.isFull) return "odd";
    this.pieces.setAll();
    return isFirst ? "first" : "late";
  }

  /** Takes a have-none (BEP 6); a later one says nothing. */
  onHaveNone(): FirstOutcome {
    if (this.#first !== undefined || this.#begun) return "odd";
    this.#first = "have-none";
    return "first";
  }

  /**
   * Takes a have (BEP 3). Returns whether that is news that can be used now.
   *
   * @throws {PeerProtocolError} If there is no such piece.
   */
  onHave(pieceIndex: number): boolean {
    this.#begun = true;
    this.check(pieceIndex);
    if (this.pieceCount !== undefined) return this.pieces.set(pieceIndex);
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

  /** Takes an lt_donthave (BEP 54). Returns whether the peer had it. */
  onDontHave(pieceIndex: number): boolean {
    if (!this.isPiece(pieceIndex)) return false;
    if (this.pieceCount !== undefined) return this.pieces.clear(pieceIndex);
    const at = pieceIndex >>> 3;
    if (at < this.#early.length) {
      this.#early[at]! &= ~(0x80 >> (pieceIndex & 7));
    }
    return false;
  }

  /**
   * Whether there is such a piece, as far as is known. Returns false when there
   * is none.
   */
  isPiece(pieceIndex: number): boolean {
    return pieceIndex < this.#most;
  }

  /**
   * Checks a piece index that the peer sent.
   *
   * @throws {PeerProtocolError} With code `out-of-range` if there is no such
   * piece.
   */
  check(pieceIndex: number): void {
    if (!this.isPiece(pieceIndex)) {
      throw new PeerProtocolError(
        "out-of-range",
        `Cannot take piece ${pieceIndex}: the torrent has ${this.#most} pieces`,
      );
    }
  }

  get #most(): number {
    return this.pieceCount ??
      (this.#exactBytes === undefined ? MAX_PIECE_COUNT : this.#exactBytes * 8);
  }

  /**
   * Tells the number of pieces and applies what was kept. Returns how the peer
   * told what it has, or `undefined` when it told nothing.
   *
   * @throws {PeerProtocolError} If what it told does not fit the number.
   */
  setPieceCount(pieceCount: number): FirstPieces | undefined {
    if (this.pieceCount !== undefined) return undefined;
    this.pieceCount = pieceCount;
    this.pieces = new Bitfield(pieceCount);
    const early = this.#early;
    this.#early = NO_BYTES;
    if (this.#first === "have-all") {
      this.pieces = Bitfield.full(pieceCount);
      return "have-all";
    }
    const size = Math.ceil(pieceCount / 8);
    if (this.#exactBytes !== undefined) {
      this.pieces = parse(early.subarray(0, this.#exactBytes), pieceCount);
      return "bitfield";
    }
    const fitted = new Uint8Array(size);
    fitted.set(early.subarray(0, size));
    const pieces = Bitfield.tryFrom(fitted, pieceCount);
    if (pieces === undefined || early.subarray(size).some((byte) => byte > 0)) {
      throw new PeerProtocolError(
        "out-of-range",
        `Cannot take the pieces of the peer: the torrent has ${pieceCount}`,
      );
    }
    this.pieces = pieces;
    return this.pieces.isEmpty ? this.#first : "bitfield";
  }
}

/** Reads a bitfield of the right size, whatever its spare bits. */
function parse(bytes: Uint8Array, pieceCount: number): Bitfield {
  const size = Math.ceil(pieceCount / 8);
  if (bytes.length !== size) {
    throw new PeerProtocolError(
      "bad-bitfield",
      `Cannot take a bitfield of ${bytes.length} bytes: ${pieceCount} pieces need ${size}`,
    );
  }
  const pieces = Bitfield.tryFrom(bytes, pieceCount);
  if (pieces !== undefined) return pieces;
  const clean = bytes.slice();
  clean[size - 1]! &= 0xff << (size * 8 - pieceCount);
  return Bitfield.tryFrom(clean, pieceCount)!;
}

function union(a: Bitfield, b: Bitfield): Bitfield {
  if (!a.lacksAnyOf(b)) return a;
  const bytes = a.toBytes();
  const others = b.toBytes();
  for (let i = 0; i < bytes.length; i++) bytes[i]! |= others[i]!;
  return Bitfield.tryFrom(bytes, a.length)!;
}

/** Our pieces and theirs. */
export class PieceSide {
  readonly #core: SessionCore;
  readonly #remote: RemotePieces;
  readonly #fast: boolean;
  readonly #own: Bitfield | undefined;

  constructor(
    options: PeerSessionOptions,
    core: SessionCore,
    remote: RemotePieces,
  ) {
    this.#core = core;
    this.#remote = remote;
    this.#fast = options.fast ?? false;
    this.#own = options.ownPieces;
  }

  /** Sends the one first message about pieces. */
  sendFirst(now: number): void {
    const own = this.#own;
    if (own === undefined || own.isEmpty) {
      if (this.#fast) this.#core.send({ type: "have-none" }, now);
    } else if (this.#fast && own.isFull) {
      this.#core.send({ type: "have-all" }, now);
    } else this.#core.send({ type: "bitfield", bytes: own.toBytes() }, now);
  }

  onFirst(type: FirstPieces, bytes: Uint8Array): void {
    const outcome = type === "bitfield"
      ? this.#remote.onBitfield(bytes)
      : type === "have-all"
      ? this.#remote.onHaveAll()
      : this.#remote.onHaveNone();
    if (outcome !== "first") {
      const { pieceCount } = this.#remote;
      const looked = pieceCount === undefined
        ? bytes.length / JUNK_BYTES
        : pieceCount / PIECES_A_UNIT;
      this.#core.odd(ODDITY_COST + looked);
    }
    if (outcome !== "odd" && this.#remote.pieceCount !== undefined) {
      this.#emit(type);
    }
  }

  onHave(pieceIndex: number): void {
    const { pieceCount } = this.#remote;
    if (this.#remote.onHave(pieceIndex)) {
      this.#core.emit({ type: "have", pieceIndex });
    } else if (pieceCount !== undefined) this.#core.odd(REPEAT_COST);
  }

  setPieceCount(pieceCount: number): void {
    const first = this.#remote.setPieceCount(pieceCount);
    if (first !== undefined) this.#emit(first);
  }

  #emit(type: FirstPieces): void {
    this.#core.emit({ type, pieces: this.#remote.pieces });
  }
}
