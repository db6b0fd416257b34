/**
 * Options about how to deal with peers.
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
 * How our pieces are announced to peers: `"honest"`: all at once; `"lazy"`: all, but
 * some of them a moment later; `"super-seeding"`: one by one, for a first seed
 * (BEP 16).
 */
export type RevelationName = "honest" | "lazy" | "super-seeding";

/** What a {@linkcode Revelation} can see of its torrent. */
export interface RevelationView {
  /** How many pieces there are. */
  readonly pieceCount: number;
  /** The verified pieces; kept up to date. */
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

/** The peer that an extension is made for. */
export interface ExtensionPeer {
  /** The torrent's 20-byte info-hash. */
  readonly infoHash: Uint8Array;
  /** The peer's 20-byte id. */
  readonly peerId: Uint8Array;
  /** The remote address of the connection. */
  readonly address: Endpoint;
  /** Who connected. */
  readonly direction: "inbound" | "outbound";
}

/** Options of torrents, and of sessions for all of their torrents. */
export interface PolicyOptions {
  /**
   * The order in which pieces are downloaded: a strategy of `@bip/bip/select`, or a
   * function that ranks pieces, lowest first.
   *
   * @default {rarestFirst()}
   */
  readonly strategy?:
    | SelectionStrategy
    | ((pieceIndex: number) => number)
    | undefined;
  /**
   * Makes the choker, which decides whom to upload to.
   *
   * @default {titForTatChoker while downloading, roundRobinChoker while seeding}
   */
  readonly choker?: (() => Choker) | undefined;
  /**
   * How our pieces are announced to peers: a name, or a function that makes a
   * revelation for each torrent.
   *
   * @default {"honest"}
   */
  readonly revelation?:
    | RevelationName
    | ((torrent: RevelationView) => Revelation)
    | undefined;
  /**
   * Makes the extensions for a peer (BEP 10); those of the session and of the
   * torrent are both offered.
   *
   * @param peer The peer.
   * @returns Extensions with names of their own.
   * @default {none}
   */
  readonly extensions?:
    | ((peer: ExtensionPeer) => readonly PeerExtension[])
    | undefined;
  /**
   * Maximum number of peers to upload to at a time; of a session for all torrents,
   * which get fair shares. A peer that by its own doing downloads less than 4 KiB a
   * second does not count. `"rate-based"`: the faster we upload, or may, the more.
   *
   * @default {"rate-based" for a session, the session's for a torrent}
   */
  readonly uploadSlots?: number | "rate-based" | undefined;
}
