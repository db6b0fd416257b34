/**
 * The messages of the peer wire protocol (BEP 3, 5, 6, 10, 52) as data.
 *
 * @module
 */
import { type BlockAddress, readUint16, readUint32 } from "../_shared/bytes.ts";
export type { BlockAddress };

/** Names a run of merkle hashes (BEP 52). */
export interface HashRange {
  /** 32-byte root of the file's tree. */
  readonly piecesRoot: Uint8Array;
  /** Layer of the hashes, 0 being the leaves of 16 KiB. */
  readonly baseLayer: number;
  /** First hash of the layer. */
  readonly index: number;
  /** How many hashes of the layer. */
  readonly length: number;
  /** How many layers above the base are to be proved. */
  readonly proofLayers: number;
}

/**
 * A message of the peer wire protocol. Byte fields of a decoded one are views.
 */
export type PeerMessage =
  /** Nothing but a sign of life (BEP 3). */
  | { readonly type: "keep-alive" }
  /** A message without fields (BEP 3, BEP 6). */
  | {
    readonly type:
      | "choke"
      | "unchoke"
      | "interested"
      | "not-interested"
      | "have-all"
      | "have-none";
  }
  /** A message about one piece (BEP 3, BEP 6). */
  | {
    readonly type: "have" | "suggest" | "allowed-fast";
    readonly pieceIndex: number;
  }
  /** The pieces a peer has: the highest bit of the first byte is piece 0 (BEP 3). */
  | { readonly type: "bitfield"; readonly bytes: Uint8Array }
  /** Requests a block, cancels or rejects the request (BEP 3, BEP 6). */
  | BlockAddress & { readonly type: "request" | "cancel" | "reject" }
  /** A block (BEP 3). */
  | {
    readonly type: "piece";
    readonly pieceIndex: number;
    readonly blockOffset: number;
    readonly data: Uint8Array;
  }
  /** UDP port of the sender's DHT node (BEP 5). */
  | { readonly type: "port"; readonly port: number }
  /** Extension protocol: id 0 is the handshake, others are the receiver's ids (BEP 10). */
  | {
    readonly type: "extended";
    readonly id: number;
    readonly payload: Uint8Array;
  }
  /** Requests merkle hashes, or rejects the request (BEP 52). */
  | HashRange & { readonly type: "hash-request" | "hash-reject" }
  /** Merkle hashes: those of the range, then the uncles, 32 bytes each (BEP 52). */
  | HashRange & { readonly type: "hashes"; readonly hashes: Uint8Array }
  /** A message of a type that is not known here; to be skipped. */
  | {
    readonly type: "unknown";
    readonly id: number;
    readonly payload: Uint8Array;
  };

/** The id byte of every message type (BEP 3, 5, 6, 10, 52). */
export const PEER_MESSAGE_ID = {
  "choke": 0,
  "unchoke": 1,
  "interested": 2,
  "not-interested": 3,
  "have": 4,
  "bitfield": 5,
  "request": 6,
  "piece": 7,
  "cancel": 8,
  "port": 9,
  "suggest": 13,
  "have-all": 14,
  "have-none": 15,
  "reject": 16,
  "allowed-fast": 17,
  "extended": 20,
  "hash-request": 21,
  "hashes": 22,
  "hash-reject": 23,
} as const;

/** The messages without fields, by id. */
const STATE_MESSAGES: { readonly [id: number]: PeerMessage | undefined } = {
  0: { type: "choke" },
  1: { type: "unchoke" },
  2: { type: "interested" },
  3: { type: "not-interested" },
  14: { type: "have-all" },
  15: { type: "have-none" },
};

function readHashRange(bytes: Uint8Array, at: number): HashRange {
  return {
    piecesRoot: bytes.subarray(at, at + 32),
    baseLayer: readUint32(bytes, at + 32),
    index: readUint32(bytes, at + 36),
    length: readUint32(bytes, at + 40),
    proofLayers: readUint32(bytes, at + 44),
  };
}

/**
 * Decodes the body of a message: the id and what follows, without the length
 * prefix. Byte fields are views of the input.
 *
 * @param bytes Where the body is; its length fits its id.
 * @param start Offset of the id.
 * @param end Offset behind the body.
 */
export function decodePeerMessageBody(
  bytes: Uint8Array,
  start: number,
  end: number,
): PeerMessage {
  const id = bytes[start]!;
  const at = start + 1;
  switch (id) {
    case 7:
      return {
        type: "piece",
        pieceIndex: readUint32(bytes, at),
        blockOffset: readUint32(bytes, at + 4),
        data: bytes.subarray(at + 8, end),
      };
    case 6:
    case 8:
    case 16:
      return {
        type: id === 6 ? "request" : id === 8 ? "cancel" : "reject",
        pieceIndex: readUint32(bytes, at),
        blockOffset: readUint32(bytes, at + 4),
        length: readUint32(bytes, at + 8),
      };
    case 4:
    case 13:
    case 17:
      return {
        type: id === 4 ? "have" : id === 13 ? "suggest" : "allowed-fast",
        pieceIndex: readUint32(bytes, at),
      };
    case 5:
      return { type: "bitfield", bytes: bytes.subarray(at, end) };
    case 9:
      return { type: "port", port: readUint16(bytes, at) };
    case 20:
      return {
        type: "extended",
        id: bytes[at]!,
        payload: bytes.subarray(at + 1, end),
      };
    case 21:
    case 23:
      return {
        type: id === 21 ? "hash-request" : "hash-reject",
        ...readHashRange(bytes, at),
      };
    case 22:
      return {
        type: "hashes",
        ...readHashRange(bytes, at),
        hashes: bytes.subarray(at + 48, end),
      };
    default:
      return STATE_MESSAGES[id] ??
        { type: "unknown", id, payload: bytes.subarray(at, end) };
  }
}
