/**
 * The two extensions whose message is one number: lt_donthave (BEP 54) and
 * upload_only (BEP 21).
 *
 * @module
 */
import { readUint32, writeUint32 } from "../_shared/bytes.ts";
import { PeerProtocolError } from "./error.ts";

/**
 * Encodes lt_donthave: the sender no longer has a piece (BEP 54).
 *
 * @param pieceIndex Which piece.
 * @returns The payload of the extended message, 4 bytes.
 */
export function encodeDontHave(pieceIndex: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  writeUint32(bytes, 0, pieceIndex);
  return bytes;
}

/**
 * Decodes lt_donthave (BEP 54).
 *
 * @param payload The payload of the extended message.
 * @returns Which piece the sender no longer has.
 * @throws {PeerProtocolError} With code `malformed` if there are not 4 bytes.
 */
export function decodeDontHave(payload: Uint8Array): number {
  if (payload.length !== 4) {
    throw new PeerProtocolError(
      "malformed",
      `Cannot decode an lt_donthave message as it must have 4 bytes: it has ${payload.length}`,
    );
  }
  return readUint32(payload, 0);
}

/**
 * Encodes upload_only: whether the sender wants nothing (BEP 21).
 *
 * @param uploadOnly Whether it wants nothing.
 * @returns The payload of the extended message, 1 byte.
 */
export function encodeUploadOnly(
  uploadOnly: boolean,
): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(uploadOnly ? 1 : 0);
}

/**
 * Decodes upload_only (BEP 21).
 *
 * @param payload The payload of the extended message.
 * @returns Whether the sender wants nothing.
 * @throws {PeerProtocolError} With code `malformed` if there is no byte.
 */
export function decodeUploadOnly(payload: Uint8Array): boolean {
  if (payload.length === 0) {
    throw new PeerProtocolError(
      "malformed",
      "Cannot decode an upload_only message as it must have 1 byte: it has 0",
    );
  }
  return payload[0] !== 0;
}
