/**
 * Options and results of the piece picker.
 *
 * @module
 */
import type { Bitfield } from "../../_shared/bitfield.ts";
import type { RandomSource } from "../../_shared/random.ts";
import type { BlockAddress } from "../../metainfo/piece_layout.ts";
import type { PeerKey, SelectionStrategy } from "../selection_strategy.ts";

/** What the picker must know of a torrent's layout; a `PieceLayout` fits. */
export interface PickerLayout {
  /** How many pieces there are. */
  readonly pieceCount: number;
  /**
   * How many blocks of 16 KiB a piece has.
   *
   * @param pieceIndex Which piece.
   * @returns The count, at least 1.
   */
  blockCount(pieceIndex: number): number;
  /**
   * The size of a block.
   *
   * @param pieceIndex Which piece.
   * @param blockIndex Which block of it.
   * @returns Bytes; 16384 but for the last block.
   */
  blockSize(pieceIndex: number, blockIndex: number): number;
}

/** Options of `PiecePicker`. */
export interface PiecePickerOptions {
  /** The torrent's layout. */
  readonly layout: PickerLayout;
  /** Random source. */
  readonly random: RandomSource;
  /** What is verified already. @default {none} */
  readonly have?: Bitfield | undefined;
  /** In which order pieces are asked for. @default {rarestFirst()} */
  readonly strategy?: SelectionStrategy | undefined;
  /**
   * Until so many pieces are verified, pieces are chosen by chance, to have
   * something to trade soon. @default {4}
   */
  readonly randomFirstPieces?: number | undefined;
}

/** A block asked of a peer. */
export interface PeerBlock {
  /** Of whom. */
  readonly peer: PeerKey;
  /** Which block. */
  readonly block: BlockAddress;
}

/** What to do about a block that arrived. */
export interface ReceiveResult {
  /** Whether the block is wanted: store it. Otherwise it is waste. */
  readonly accepted: boolean;
  /** Other peers asked for the same block, whose requests are to be cancelled. */
  readonly cancel: readonly PeerKey[];
  /** Whether the piece has all its blocks now and waits to be verified. */
  readonly pieceComplete: boolean;
}

/** Where a piece stands: always in exactly one of these. */
export type PieceState =
  | "skipped"
  | "open"
  | "partial"
  | "complete"
  | "have";

/** The state of a picker at one moment. */
export interface PickerStats {
  /** Pieces of the torrent. */
  readonly pieces: number;
  /** Verified pieces. */
  readonly have: number;
  /** Wanted pieces that are not verified. */
  readonly lacking: number;
  /** Wanted pieces without any block requested or here. */
  readonly open: number;
  /** Pieces with some block requested or here, but not complete. */
  readonly partial: number;
  /** Pieces that wait to be verified. */
  readonly complete: number;
  /** Free blocks of wanted partial pieces. */
  readonly freeBlocks: number;
  /** Blocks that are asked of somebody. */
  readonly requestedBlocks: number;
  /** Connected peers. */
  readonly peers: number;
  /** Peers that have everything. */
  readonly seeds: number;
  /** Whether everything that can be had is asked for. */
  readonly endGame: boolean;
}
