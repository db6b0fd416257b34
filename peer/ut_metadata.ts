/**
 * Messages of ut_metadata: the info dictionary over the wire (BEP 9).
 *
 * @module
 */
import { decodeBencodePrefix } from "../bencode/decode.ts";
import { encodeBencode } from "../bencode/encode.ts";
import type { BencodeValue } from "../bencode/types.ts";
import { concatBytes } from "../_shared/bytes.ts";
import { PeerProtocolError } from "./error.ts";

/** Largest info dictionary fetched over the wire in bytes (BEP 9 sets none; 14 MB ones exist). */
export const MAX_METADATA_SIZE = 16_777_216;

/** Length of a piece of the info dictionary in bytes; the last is shorter (BEP 9). */
export const METADATA_PIECE_LENGTH = 16_384;

/** A message of ut_metadata (BEP 9). Pieces have 16 KiB but for the last. */
export type UtMetadataMessage =
  /** Requests a piece of the info dictionary, or rejects the request. */
  | { readonly type: "request" | "reject"; readonly piece: number }
  /** A piece of the info dictionary, and the length of all of it in bytes. */
  | {
    readonly type: "data";
    readonly piece: number;
    readonly totalSize: number;
    readonly data: Uint8Array;
  };

const LIMITS = { mode: "lenient", maxDepth: 4, maxTokens: 64 } as const;
const MAX_PIECE = Math.ceil(MAX_METADATA_SIZE / METADATA_PIECE_LENGTH) * 4;

/**
 * Encodes a message of ut_metadata.
 *
 * @param message The message.
 * @returns The payload of the extended message.
 */
export function encodeUtMetadata(
  message: UtMetadataMessage,
): Uint8Array<ArrayBuffer> {
  if (message.type !== "data") {
    return encodeBencode({
      msg_type: message.type === "request" ? 0 : 2,
      piece: message.piece,
    });
  }
  return concatBytes([
    encodeBencode({
      msg_type: 1,
      piece: message.piece,
      total_size: message.totalSize,
    }),
    message.data,
  ]);
}

function malformed(what: string, cause?: unknown): PeerProtocolError {
  return new PeerProtocolError(
    "malformed",
    `Cannot decode a ut_metadata message: ${what}`,
    cause === undefined ? undefined : { cause },
  );
}

/**
 * Decodes a message of ut_metadata. The sizes of a data message are checked
 * against each other: every piece has 16 KiB but the last.
 *
 * @param payload The payload of the extended message.
 * @returns The message, its data being a view, or `undefined` for a type that
 * is not known and is to be ignored.
 * @throws {PeerProtocolError} With code `malformed` if it cannot be understood
 * or its sizes contradict each other, or are above 16 MiB.
 */
export function decodeUtMetadata(
  payload: Uint8Array,
): UtMetadataMessage | undefined {
  let value: BencodeValue;
  let length: number;
  // A dictionary with three integers is short; the rest is the piece.
  const head = payload.subarray(0, 1024);
  try {
    ({ value, length } = decodeBencodePrefix(head, LIMITS));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw malformed("it does not start with a dictionary", cause);
  }
  if (!(value instanceof Map)) throw malformed("it is not a dictionary");
  const root = value as ReadonlyMap<string, BencodeValue>;
  const type = root.get("msg_type");
  if (typeof type !== "number") throw malformed("msg_type is missing");
  if (type < 0 || type > 2) return undefined;
  const piece = root.get("piece");
  if (typeof piece !== "number" || piece < 0 || piece >= MAX_PIECE) {
    throw malformed(`piece must be an integer from 0 to ${MAX_PIECE - 1}`);
  }
  if (type !== 1) return { type: type === 0 ? "request" : "reject", piece };
  const totalSize = root.get("total_size");
  if (
    typeof totalSize !== "number" || totalSize < 1 ||
    totalSize > MAX_METADATA_SIZE
  ) {
    throw malformed(
      `total_size must be an integer from 1 to ${MAX_METADATA_SIZE}`,
    );
  }
  const data = payload.subarray(length);
  const expected = metadataPieceLength(totalSize, piece);
  if (data.length !== expected || expected === 0) {
    throw malformed(
      `piece ${piece} of ${totalSize} bytes has ${expected}: ${data.length} came`,
    );
  }
  return { type: "data", piece, totalSize, data };
}

/**
 * Counts the pieces of an info dictionary (BEP 9).
 *
 * @param totalSize Its length in bytes.
 * @returns How many pieces of 16 KiB.
 */
export function metadataPieceCount(totalSize: number): number {
  return Math.ceil(totalSize / METADATA_PIECE_LENGTH);
}

/**
 * Tells the length of a piece of an info dictionary (BEP 9).
 *
 * @param totalSize Length of the dictionary in bytes.
 * @param piece Which piece.
 * @returns 16384, less for the last piece, 0 for one that does not exist.
 */
export function metadataPieceLength(totalSize: number, piece: number): number {
  return Math.max(
    0,
    Math.min(
      METADATA_PIECE_LENGTH,
      totalSize - piece * METADATA_PIECE_LENGTH,
    ),
  );
}

/**
 * Answers a request out of the exact bytes of the info dictionary (BEP 9).
 *
 * @param info The bytes, or `undefined` while we do not have them.
 * @param piece Which piece is asked for.
 * @returns A data message, or a reject when there is no such piece.
 */
export function answerUtMetadata(
  info: Uint8Array | undefined,
  piece: number,
): UtMetadataMessage {
  const length = info === undefined
    ? 0
    : metadataPieceLength(info.length, piece);
  if (info === undefined || length === 0 || piece < 0) {
    return { type: "reject", piece };
  }
  const start = piece * METADATA_PIECE_LENGTH;
  return {
    type: "data",
    piece,
    totalSize: info.length,
    data: info.subarray(start, start + length),
  };
}
