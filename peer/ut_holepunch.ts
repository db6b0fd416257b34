/**
 * Messages of ut_holepunch: a common peer introduces two others (BEP 55).
 *
 * @module
 */
import {
  decodeCompactEndpoints,
  type Endpoint,
  tryEncodeCompactEndpoint,
} from "../_shared/address.ts";
import { readUint32, writeUint32 } from "../_shared/bytes.ts";
import { PeerProtocolError } from "./error.ts";

/** Why a rendezvous failed (BEP 55). */
export const HOLEPUNCH_ERROR = {
  /** The target endpoint is invalid. */
  noSuchPeer: 1,
  /** The relaying peer is not connected to the target. */
  notConnected: 2,
  /** The target does not support the extension. */
  noSupport: 3,
  /** The target is the relaying peer. */
  noSelf: 4,
} as const;

/** A message of ut_holepunch (BEP 55). */
export interface UtHolepunchMessage {
  /** Asks the relay, tells both ends to connect, or says that it fails. */
  readonly type: "rendezvous" | "connect" | "error";
  /** Whom it is about; the hostname is an IP address. */
  readonly endpoint: Endpoint;
  /** Of {@linkcode HOLEPUNCH_ERROR}; 0 but for errors. */
  readonly errorCode: number;
}

const TYPES = ["rendezvous", "connect", "error"] as const;

/**
 * Encodes a message of ut_holepunch.
 *
 * @param message The message.
 * @returns The payload of the extended message, 12 or 24 bytes.
 * @throws {TypeError} If the hostname is not an IP address.
 */
export function encodeUtHolepunch(
  message: UtHolepunchMessage,
): Uint8Array<ArrayBuffer> {
  const endpoint = tryEncodeCompactEndpoint(message.endpoint);
  if (endpoint === undefined) {
    throw new TypeError(
      `Cannot encode a ut_holepunch message as its hostname must be an IP address: it is "${message.endpoint.hostname}"`,
    );
  }
  const bytes = new Uint8Array(6 + endpoint.length);
  bytes[0] = TYPES.indexOf(message.type);
  bytes[1] = endpoint.length === 6 ? 0 : 1;
  bytes.set(endpoint, 2);
  writeUint32(bytes, 2 + endpoint.length, message.errorCode);
  return bytes;
}

/**
 * Decodes a message of ut_holepunch. Some clients leave the error code out.
 *
 * @param payload The payload of the extended message.
 * @returns The message.
 * @throws {PeerProtocolError} With code `malformed` if a type is not known or
 * the length does not fit it.
 */
export function decodeUtHolepunch(payload: Uint8Array): UtHolepunchMessage {
  const type = TYPES[payload[0] ?? 255];
  const end = payload[1] === 0 ? 8 : payload[1] === 1 ? 20 : undefined;
  if (
    type === undefined || end === undefined ||
    (payload.length !== end + 4 &&
      !(payload.length === end && type !== "error"))
  ) {
    throw new PeerProtocolError(
      "malformed",
      `Cannot decode a ut_holepunch message of ${payload.length} bytes: its types must be 0 to 2 and 0 or 1, its length 12 or 24`,
    );
  }
  const [endpoint] = decodeCompactEndpoints(
    payload.subarray(2, end),
    end === 8 ? 4 : 6,
  );
  return {
    type,
    endpoint: endpoint!,
    errorCode: payload.length > end ? readUint32(payload, end) : 0,
  };
}
