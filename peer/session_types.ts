/**
 * What goes into and comes out of a {@linkcode PeerSessionMachine}.
 *
 * @module
 */
import type { Bitfield } from "../_shared/bitfield.ts";
import type { PeerProtocolError } from "./error.ts";
import type { ExtensionHandshake } from "./extension_handshake.ts";
import type { BlockAddress, HashRange } from "./message.ts";
import type { UtHolepunchMessage } from "./ut_holepunch.ts";
import type { UtMetadataMessage } from "./ut_metadata.ts";
import type { UtPexMessage } from "./ut_pex.ts";

/** Our part of the extension handshake; the ids are the machine's business. */
export type LocalExtensionFields = Omit<ExtensionHandshake, "messageIds">;

/** Options of {@linkcode PeerSessionMachine}. */
export interface PeerSessionOptions {
  /** Both sides speak the Fast extension (BEP 6). @default {false} */
  readonly fast?: boolean | undefined;
  /** Both sides speak the extension protocol (BEP 10). @default {false} */
  readonly extended?: boolean | undefined;
  /** Both sides speak version 2 (BEP 52). @default {false} */
  readonly v2?: boolean | undefined;
  /** UDP port of our DHT node to tell the peer of (BEP 5), when both have one. @default {undefined} */
  readonly dhtPort?: number | undefined;
  /** How many pieces there are; may be told later. @default {undefined} */
  readonly pieceCount?: number | undefined;
  /** Length of each piece in bytes, to check requests with. @default {undefined} not checked */
  readonly pieceSize?: ((pieceIndex: number) => number) | undefined;
  /**
   * What we have and admit to: read for the first message and for every
   * request, never changed. @default {undefined} nothing is told or checked
   */
  readonly ownPieces?: Bitfield | undefined;
  /**
   * Grants the peer some pieces while it is choked (BEP 6).
   * @default {undefined} none
   */
  readonly allowedFast?: {
    /** 20-byte info-hash. */
    readonly infoHash: Uint8Array;
    /** The peer's IPv4 address, 4 bytes. */
    readonly ip: Uint8Array;
  } | undefined;
  /** Which pieces the peer is served first. @default {none} */
  readonly servedFirst?: PiecesFirst | undefined;
  /**
   * Names of the extensions to offer. Messages of those that are not standard
   * come out as `extended` events. @default {STANDARD_EXTENSIONS}
   */
  readonly extensionNames?: readonly string[] | undefined;
  /** What our extension handshake tells; `reqq` is added. @default {{}} */
  readonly extensionFields?: LocalExtensionFields | undefined;
  /** Most requests of the peer that wait. @default {2000} */
  readonly maxQueuedRequests?: number | undefined;
  /** Longest block served in bytes, at most 131072. @default {16384} */
  readonly maxRequestLength?: number | undefined;
  /** Silence of ours before the first keep-alive. @default {100000} */
  readonly firstKeepAliveMs?: number | undefined;
  /** What the peer owes from earlier connections, as their `debt` said. @default {0} */
  readonly debt?: number | undefined;
}

/**
 * Tells which pieces a peer is served before others, asked whenever it is served:
 * `undefined` for the order of its requests.
 */
export type PiecesFirst = () => ((pieceIndex: number) => boolean) | undefined;

/** How a peer told at first what it has. */
export type FirstPieces = "bitfield" | "have-all" | "have-none";

/** Why requests came back without their blocks. */
export type RequestReturnReason =
  /** The peer choked us. */
  | "choked"
  /** The peer refused. */
  | "rejected"
  /** No answer came in time. */
  | "timeout"
  /** The peer lost the piece. */
  | "dont-have";

/** What happened. Byte fields are views that are valid only during delivery. */
export type PeerSessionEvent =
  /** A block arrived that was asked for; late ones were given up before. */
  | {
    readonly type: "block";
    readonly pieceIndex: number;
    readonly blockOffset: number;
    readonly data: Uint8Array;
    readonly late: boolean;
  }
  /** Requests came back. */
  | {
    readonly type: "rejected";
    readonly blocks: readonly BlockAddress[];
    readonly reason: RequestReturnReason;
  }
  /** State changes of the peer, and of its liveliness. */
  | {
    readonly type:
      | "choked"
      | "unchoked"
      | "interested"
      | "not-interested"
      | "snubbed"
      | "unsnubbed";
  }
  /** The first message about pieces, with the whole (live) set. */
  | { readonly type: FirstPieces; readonly pieces: Bitfield }
  /** One piece more or less; suggested; allowed while choked. */
  | {
    readonly type: "have" | "dont-have" | "suggest" | "allowed-fast";
    readonly pieceIndex: number;
  }
  /** Read this block and call `sendBlock` or `rejectRequest`. */
  | { readonly type: "serve"; readonly request: BlockAddress }
  /** The peer took a request back that had been handed out. */
  | { readonly type: "serve-cancelled"; readonly request: BlockAddress }
  /** The peer's DHT node (BEP 5). */
  | { readonly type: "port"; readonly port: number }
  /** The peer's extension handshake (BEP 10). */
  | {
    readonly type: "extension-handshake";
    readonly handshake: ExtensionHandshake;
  }
  /** A message of ut_metadata (BEP 9). */
  | { readonly type: "metadata"; readonly message: UtMetadataMessage }
  /** A message of ut_pex (BEP 11). */
  | { readonly type: "pex"; readonly message: UtPexMessage }
  /** A message of ut_holepunch (BEP 55). */
  | { readonly type: "holepunch"; readonly message: UtHolepunchMessage }
  /** Whether the peer wants nothing (BEP 21). */
  | { readonly type: "upload-only"; readonly uploadOnly: boolean }
  /** A message of an extension without a handler of its own. */
  | {
    readonly type: "extended";
    readonly name: string;
    readonly payload: Uint8Array;
  }
  /** The peer wants hashes, or refuses ours (BEP 52). */
  | {
    readonly type: "hash-request" | "hash-reject";
    readonly range: HashRange;
  }
  /** Hashes that were asked for; their number is right, the proof is not checked. */
  | {
    readonly type: "hashes";
    readonly range: HashRange;
    readonly hashes: Uint8Array;
  };

/** What a machine wants done: an event to tell the user, or the end. */
export type PeerSessionOutput =
  | PeerSessionEvent
  /** End the connection; nothing comes after this. */
  | {
    readonly type: "close";
    readonly error: PeerProtocolError | Error | undefined;
  };

/** States of both sides of a session; live. */
export interface PeerSessionState {
  /** Whether we choke the peer. */
  readonly amChoking: boolean;
  /** Whether we told the peer that we want something. */
  readonly amInterested: boolean;
  /** Whether the peer chokes us. */
  readonly peerChoking: boolean;
  /** Whether the peer wants something. */
  readonly peerInterested: boolean;
  /** Whether the peer owes us blocks for too long. */
  readonly snubbed: boolean;
  /** Whether the peer said that it wants nothing (BEP 21). */
  readonly uploadOnly: boolean;
  /** Whether the peer has every piece. */
  readonly isSeed: boolean;
}
