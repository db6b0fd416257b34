/**
 * The messages of KRPC, the protocol between nodes of the DHT.
 *
 * @module
 */
import type { IpFamily } from "../_shared/address.ts";

/** Longest payload that is sent in a datagram, in bytes. Source: BEP 32. */
export const MAX_KRPC_LENGTH = 1024;

/** Longest transaction id that is taken, in bytes. */
export const MAX_TRANSACTION_ID_LENGTH = 64;

/** Longest token that is taken, in bytes. */
export const MAX_TOKEN_LENGTH = 256;

/** Highest sequence number of a mutable item, 2^63 - 1. Source: BEP 44. */
export const MAX_ITEM_SEQ = 0x7fff_ffff_ffff_ffffn;

/** The signed part of a mutable item in a put. Source: BEP 44. */
export interface KrpcPutMutable {
  /** 32-byte Ed25519 public key. */
  readonly publicKey: Uint8Array;
  /** Sequence number, 0 to 2^63 - 1. */
  readonly seq: bigint;
  /** 64-byte Ed25519 signature. */
  readonly signature: Uint8Array;
  /** Makes several items of one key possible; at most 64 bytes are stored. */
  readonly salt?: Uint8Array | undefined;
  /** The sequence number that is to be replaced. */
  readonly cas?: bigint | undefined;
}

/** A query. Source: BEP 5, BEP 44, BEP 51. */
export type KrpcQuery = KrpcQueryBody & {
  /** A query. */
  readonly type: "query";
  /** Chosen by the asking node, repeated in the answer; 1 to 64 bytes. */
  readonly transactionId: Uint8Array;
  /** 20-byte id of the asking node. */
  readonly id: Uint8Array;
  /** Whether the asking node must not be stored. Source: BEP 43. */
  readonly readOnly?: boolean | undefined;
  /** Client and version, usually 4 bytes; at most 16. Source: BEP 5. */
  readonly version?: Uint8Array | undefined;
};

/**
 * What a query asks. `want` names the IP versions of the nodes wanted; without
 * it, that of the datagram (BEP 32).
 */
export type KrpcQueryBody =
  /** Asks whether a node is there. Source: BEP 5. */
  | { readonly method: "ping" }
  /**
   * Asks for the nodes closest to an id (BEP 5), or which torrents a node has
   * peers for (BEP 51).
   */
  | {
    readonly method: "find_node" | "sample_infohashes";
    /** 20-byte id. */
    readonly target: Uint8Array;
    readonly want?: readonly IpFamily[] | undefined;
  }
  /** Asks for peers of a torrent. Source: BEP 5. */
  | {
    readonly method: "get_peers";
    /** 20-byte info-hash. */
    readonly infoHash: Uint8Array;
    readonly want?: readonly IpFamily[] | undefined;
    /** Whether seeds should be left out. Source: BEP 33. */
    readonly noSeed?: boolean | undefined;
    /** Whether filters of all peers and seeds are wanted. Source: BEP 33. */
    readonly scrape?: boolean | undefined;
  }
  /** Announces a peer of a torrent. Source: BEP 5. */
  | {
    readonly method: "announce_peer";
    /** 20-byte info-hash. */
    readonly infoHash: Uint8Array;
    /** The peer's port, 1 to 65535; 0 only with `impliedPort`. */
    readonly port: number;
    /** Whether the source port of the datagram counts in place of `port`. */
    readonly impliedPort?: boolean | undefined;
    /** The token of an earlier answer. */
    readonly token: Uint8Array;
    /** Whether the peer has all pieces. Source: BEP 33. */
    readonly seed?: boolean | undefined;
  }
  /** Asks for an item. Source: BEP 44. */
  | {
    readonly method: "get";
    /** 20-byte key of the item. */
    readonly target: Uint8Array;
    /** Only a mutable item with a higher number is wanted. */
    readonly seq?: bigint | undefined;
    readonly want?: readonly IpFamily[] | undefined;
  }
  /** Stores an item. Source: BEP 44. */
  | {
    readonly method: "put";
    /**
     * 20-byte key of the item. BEP 44 has none, but there are nodes that do not
     * answer without it. Where to store follows from the rest, not from this.
     */
    readonly target?: Uint8Array | undefined;
    /** The token of an earlier answer. */
    readonly token: Uint8Array;
    /** The value's bencoded bytes, canonical; at most 1000 are stored. */
    readonly value: Uint8Array;
    /** Of a mutable item; none for an immutable one. */
    readonly mutable?: KrpcPutMutable | undefined;
  };

/** The name of a query. */
export type KrpcMethod = KrpcQueryBody["method"];

/**
 * An answer. It does not say to which query: the transaction id does. Source:
 * BEP 5.
 */
export interface KrpcResponse {
  /** An answer. */
  readonly type: "response";
  /** As in the query. */
  readonly transactionId: Uint8Array;
  /** 20-byte id of the answering node. */
  readonly id: Uint8Array;
  /** Client and version of the answering node; at most 16 bytes. */
  readonly version?: Uint8Array | undefined;
  /** The asking node as it was seen: 6 or 18 compact bytes. Source: BEP 42. */
  readonly ip?: Uint8Array | undefined;
  /** IPv4 nodes, 26 bytes each. */
  readonly nodes?: Uint8Array | undefined;
  /** IPv6 nodes, 38 bytes each. Source: BEP 32. */
  readonly nodes6?: Uint8Array | undefined;
  /** Peers, 6 or 18 compact bytes each. */
  readonly values?: readonly Uint8Array[] | undefined;
  /** Lets the asking node announce or put. */
  readonly token?: Uint8Array | undefined;
  /** 256-byte filter of the seeds (`BFsd`). Source: BEP 33. */
  readonly seedFilter?: Uint8Array | undefined;
  /** 256-byte filter of the other peers (`BFpe`). Source: BEP 33. */
  readonly peerFilter?: Uint8Array | undefined;
  /** An item's bencoded bytes, canonical. Source: BEP 44. */
  readonly value?: Uint8Array | undefined;
  /** 32-byte key of a mutable item. Source: BEP 44. */
  readonly publicKey?: Uint8Array | undefined;
  /** 64-byte signature of a mutable item. Source: BEP 44. */
  readonly signature?: Uint8Array | undefined;
  /** Sequence number of a mutable item. Source: BEP 44. */
  readonly seq?: bigint | undefined;
  /** Seconds until other samples come, 0 to 21600. Source: BEP 51. */
  readonly interval?: number | undefined;
  /** How many info-hashes the node has. Source: BEP 51. */
  readonly count?: number | undefined;
  /** Info-hashes, 20 bytes each. Source: BEP 51. */
  readonly samples?: Uint8Array | undefined;
}

/** An answer that says what is wrong. Source: BEP 5. */
export interface KrpcErrorMessage {
  /** An error. */
  readonly type: "error";
  /** As in the query. */
  readonly transactionId: Uint8Array;
  /** What is wrong; see `KRPC_ERROR`. */
  readonly code: number;
  /** The same in words; at most 256 bytes are read. */
  readonly message: string;
  /** Client and version of the answering node; at most 16 bytes. */
  readonly version?: Uint8Array | undefined;
  /** The asking node as it was seen: 6 or 18 compact bytes. Source: BEP 42. */
  readonly ip?: Uint8Array | undefined;
}

/** A message of KRPC. Source: BEP 5. */
export type KrpcMessage = KrpcQuery | KrpcResponse | KrpcErrorMessage;

/** A datagram that is not worth an answer. */
export interface KrpcDrop {
  /** Nothing to do. */
  readonly type: "drop";
  /** What is wrong with it. */
  readonly reason:
    | "too-short"
    | "not-bencode"
    | "no-transaction-id"
    | "unknown-type"
    | "bad-response"
    | "bad-error";
  /** Of a malformed answer: whose request is over. */
  readonly transactionId?: Uint8Array | undefined;
}

/** A malformed or unknown query, which is to be answered with an error. */
export interface KrpcErrorReply {
  /** Answer with a {@linkcode KrpcErrorMessage} of these fields. */
  readonly type: "error-reply";
  /** As in the query. */
  readonly transactionId: Uint8Array;
  /** 203: malformed; 204: unknown query. */
  readonly code: 203 | 204;
  /** What is wrong, in words. */
  readonly message: string;
  /** Whether the asking node says that it is read-only. Source: BEP 43. */
  readonly readOnly?: boolean | undefined;
}
