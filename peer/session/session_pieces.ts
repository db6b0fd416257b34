/**
 * Who has what: our first message about pieces and theirs (BEP 3, BEP 6).
 *
 * @module
 */
import type { Bitfield } from "../../_shared/bitfield.ts";
import {
  JUNK_BYTES,
  ODDITY_COST,
  PIECES_A_UNIT,
  REPEAT_COST,
} from "../limits.ts";
import type { FirstPieces, PeerSessionOptions } from "../session_types.ts";
import type { RemotePieces } from "./remote_pieces.ts";
import type { SessionCore } from "./session_core.ts";

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
