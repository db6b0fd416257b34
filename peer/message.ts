/**
 * The messages of the peer wire protocol (BEP 3, 5, 6, 10, 52) as data.
 *
 * @module
 */
import type { BlockAddress } from "../_shared/block.ts";
export type { BlockAddress };
import { readUint16, readUint32 } from "../_shared/bytes.ts";
import { PeerProtocolError } from "./error.ts";

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

/** Says nothing but that the connection lives (BEP 3). */
export interface KeepAliveMessage {
  /** Which message. */
  readonly type: "keep-alive";
}
/** A message without fields (BEP 3, BEP 6). */
export interface StateMessage {
  /** Which message. */
  readonly type:
    | "choke"
    | "unchoke"
    | "interested"
    | "not-interested"
    | "have-all"
    | "have-none";
}
/** A message about one piece (BEP 3, BEP 6). */
export interface PieceIndexMessage {
  /** Which message. */
  readonly type: "have" | "suggest" | "allowed-fast";
  /** Which piece. */
  readonly pieceIndex: number;
}
/** The pieces a peer has (BEP 3). */
export interface BitfieldMessage {
  /** Which message. */
  readonly type: "bitfield";
  /** One bit a piece, the highest bit of the first byte being piece 0. */
  readonly bytes: Uint8Array;
}
/** Asks for a block, takes that back, or refuses it (BEP 3, BEP 6). */
export interface BlockRequestMessage extends BlockAddress {
  /** Which message. */
  readonly type: "request" | "cancel" | "reject";
}
/** A block (BEP 3). */
export interface PieceMessage {
  /** Which message. */
  readonly type: "piece";
  /** Which piece. */
  readonly pieceIndex: number;
  /** Where in the piece, in bytes. */
  readonly blockOffset: number;
  /** The bytes of the block. */
  readonly data: Uint8Array;
}
/** Where the sender's DHT node listens (BEP 5). */
export interface PortMessage {
  /** Which message. */
  readonly type: "port";
  /** UDP port. */
  readonly port: number;
}
/** Envelope of the extension protocol (BEP 10). */
export interface ExtendedMessage {
  /** Which message. */
  readonly type: "extended";
  /** 0 for the handshake, else an id that the receiver gave. */
  readonly id: number;
  /** What the extension sends. */
  readonly payload: Uint8Array;
}
/** Asks for merkle hashes, or refuses them (BEP 52). */
export interface HashRequestMessage extends HashRange {
  /** Which message. */
  readonly type: "hash-request" | "hash-reject";
}
/** Merkle hashes (BEP 52). */
export interface HashesMessage extends HashRange {
  /** Which message. */
  readonly type: "hashes";
  /** The hashes of the run, then the uncles, 32 bytes each. */
  readonly hashes: Uint8Array;
}
/** A message of a type that this package does not know; to be skipped. */
export interface UnknownMessage {
  /** Which message. */
  readonly type: "unknown";
  /** Its id. */
  readonly id: number;
  /** Its body. */
  readonly payload: Uint8Array;
}

/** A message of the peer wire protocol. */
export type PeerMessage =
  | KeepAliveMessage
  | StateMessage
  | PieceIndexMessage
  | BitfieldMessage
  | BlockRequestMessage
  | PieceMessage
  | PortMessage
  | ExtendedMessage
  | HashRequestMessage
  | HashesMessage
  | UnknownMessage;

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

const CHOKE: StateMessage = { type: "choke" };
const UNCHOKE: StateMessage = { type: "unchoke" };
const INTERESTED: StateMessage = { type: "interested" };
const NOT_INTERESTED: StateMessage = { type: "not-interested" };
const HAVE_ALL: StateMessage = { type: "have-all" };
const HAVE_NONE: StateMessage = { type: "have-none" };

function readHashRange(bytes: Uint8Array, at: number): HashRange {
  return {
    piecesRoot: bytes.subarray(at, at + 32),
    baseLayer: readUint32(bytes, at + 32),
    index: readUint32(bytes, at + 36),
    length: readUint32(bytes, at + 40),
    proofLayers: readUint32(bytes, at + 44),
  };
}

function wrongLength(name: string, expected: string, length: number): never {
  throw new PeerProtocolError(
    "bad-length",
    `Cannot decode a "${name}" message as its length must be ${expected}: it is ${length}`,
  );
}

function exact(name: string, expected: number, length: number): void {
  if (length !== expected) wrongLength(name, String(expected), length);
}

/**
 * Decodes the body of a message: the id and what follows, without the length
 * prefix. Byte fields are views of the input.
 *
 * @param bytes Where the body is.
 * @param start Offset of the id.
 * @param end Offset behind the body; equal to `start` for a keep-alive.
 * @returns The message.
 * @throws {PeerProtocolError} With code `bad-length` if the length does not
 * fit the type.
 */
export function decodePeerMessageBody(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
): PeerMessage {
  const length = end - start;
  if (length === 0) return { type: "keep-alive" };
  const id = bytes[start]!;
  const at = start + 1;
  switch (id) {
    case 7:
      if (length < 9) wrongLength("piece", "at least 9", length);
      return {
        type: "piece",
        pieceIndex: readUint32(bytes, at),
        blockOffset: readUint32(bytes, at + 4),
        data: bytes.subarray(at + 8, end),
      };
    case 6:
    case 8:
    case 16: {
      const type = id === 6 ? "request" : id === 8 ? "cancel" : "reject";
      exact(type, 13, length);
      return {
        type,
        pieceIndex: readUint32(bytes, at),
        blockOffset: readUint32(bytes, at + 4),
        length: readUint32(bytes, at + 8),
      };
    }
    case 4:
    case 13:
    case 17: {
      const type = id === 4 ? "have" : id === 13 ? "suggest" : "allowed-fast";
      exact(type, 5, length);
      return { type, pieceIndex: readUint32(bytes, at) };
    }
    case 0:
      exact("choke", 1, length);
      return CHOKE;
    case 1:
      exact("unchoke", 1, length);
      return UNCHOKE;
    case 2:
      exact("interested", 1, length);
      return INTERESTED;
    case 3:
      exact("not-interested", 1, length);
      return NOT_INTERESTED;
    case 5:
      return { type: "bitfield", bytes: bytes.subarray(at, end) };
    case 9:
      exact("port", 3, length);
      return { type: "port", port: readUint16(bytes, at) };
    case 14:
      exact("have-all", 1, length);
      return HAVE_ALL;
    case 15:
      exact("have-none", 1, length);
      return HAVE_NONE;
    case 20:
      if (length < 2) wrongLength("extended", "at least 2", length);
      return {
        type: "extended",
        id: bytes[at]!,
        payload: bytes.subarray(at + 1, end),
      };
    case 21:
    case 23: {
      const type = id === 21 ? "hash-request" : "hash-reject";
      exact(type, 49, length);
      return { type, ...readHashRange(bytes, at) };
    }
    case 22:
      if (length < 49 || (length - 49) % 32 !== 0) {
        wrongLength("hashes", "49 and a multiple of 32", length);
      }
      return {
        type: "hashes",
        ...readHashRange(bytes, at),
        hashes: bytes.subarray(at + 48, end),
      };
    default:
      return { type: "unknown", id, payload: bytes.subarray(at, end) };
  }
}

/**
 * Decodes one whole message with its length prefix. Byte fields are views of
 * the input.
 *
 * @param bytes Exactly one message.
 * @returns The message.
 * @throws {PeerProtocolError} If the length prefix and the number of bytes
 * disagree, or the length does not fit the type.
 */
export function decodePeerMessage(bytes: Uint8Array): PeerMessage {
  if (bytes.length < 4 || readUint32(bytes, 0) !== bytes.length - 4) {
    throw new PeerProtocolError(
      "truncated",
      `Cannot decode a message as its length prefix must count the rest of the ${bytes.length} bytes`,
    );
  }
  return decodePeerMessageBody(bytes, 4);
}
