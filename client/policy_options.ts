/**
 * What a person may choose about the dealings with peers.
 *
 * @module
 */
import type { Bitfield } from "../_shared/bitfield.ts";
import type { Endpoint } from "../_shared/address.ts";
import type { RandomSource } from "../_shared/random.ts";
import type { PeerExtension } from "../peer/extension_registry.ts";
import type { Choker } from "../select/choker.ts";
import type { Revelation } from "../select/revelation.ts";
import type {
  PeerKey,
  SelectionStrategy,
} from "../select/selection_strategy.ts";

/**
 * What peers are told of our pieces: all at once; all, but some a moment later;
 * or, as a first seed, piece by piece (BEP 16).
 */
export type RevelationName = "honest" | "lazy" | "super-seeding";

/** What a {@linkcode Revelation} of one torrent may know. */
export interface RevelationView {
  /** How many pieces there are. */
  readonly pieceCount: number;
  /** What is verified; live. */
  readonly have: Bitfield;
  /** Source of randomness. */
  readonly random: RandomSource;
  /**
   * Tells whether a peer announced a piece.
   *
   * @param peer The peer.
   * @param pieceIndex Which piece.
   * @returns True when it did.
   */
  hasPiece(peer: PeerKey, pieceIndex: number): boolean;
  /**
   * Tells how many connected peers announced a piece.
   *
   * @param pieceIndex Which piece.
   * @returns The count.
   */
  availability(pieceIndex: number): number;
}

/** Whom an extension is made for. */
export interface ExtensionPeer {
  /** 20 bytes by which the torrent is known. */
  readonly infoHash: Uint8Array;
  /** The peer's 20-byte id. */
  readonly peerId: Uint8Array;
  /** The socket's other end. */
  readonly address: Endpoint;
  /** Who connected. */
  readonly direction: "inbound" | "outbound";
}

/** What both torrents and sessions, for all of their torrents, let one choose. */
export interface PolicyOptions {
  /**
   * In which order pieces are fetched: a strategy of `select/`, or a number for
   * each piece, the lowest first.
   *
   * @default {rarestFirst()}
   */
  readonly strategy?:
    | SelectionStrategy
    | ((pieceIndex: number) => number)
    | undefined;
  /**
   * Makes what decides whom to serve.
   *
   * @default {titForTatChoker while downloading, roundRobinChoker while seeding}
   */
  readonly choker?: (() => Choker) | undefined;
  /**
   * What peers are told of our pieces: by name, or made for each torrent.
   *
   * @default {"honest"}
   */
  readonly revelation?:
    | RevelationName
    | ((torrent: RevelationView) => Revelation)
    | undefined;
  /**
   * Makes the extensions for a peer (BEP 10); those of session and torrent are
   * both offered.
   *
   * @param peer For whom.
   * @returns Extensions with names of their own.
   * @default {none}
   */
  readonly extensions?:
    | ((peer: ExtensionPeer) => readonly PeerExtension[])
    | undefined;
  /**
   * Most peers served at a time: of a torrent, or over all torrents of a
   * session, which get fair shares. A peer that downloads less than 4 KiB a second
   * by its own doing does not count. `"rate-based"`: more the faster we upload, or may.
   *
   * @default {"rate-based" for a session, the session's for a torrent}
   */
  readonly uploadSlots?: number | "rate-based" | undefined;
}
