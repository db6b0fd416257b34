/**
 * Messages of ut_holepunch: a common peer introduces two others (BEP 55).
 *
 * @module
 */
import {
  type Endpoint,
  formatIp,
  isMappedIpv4,
  tryParseIp,
} from "../_shared/address.ts";
import {
  readUint16,
  readUint32,
  writeUint16,
  writeUint32,
} from "../_shared/bytes.ts";
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
  let ip: Uint8Array | undefined = tryParseIp(message.endpoint.hostname);
  if (ip === undefined) {
    throw new TypeError(
      `Cannot encode a ut_holepunch message as its hostname must be an IP address: it is "${message.endpoint.hostname}"`,
    );
  }
  if (isMappedIpv4(ip)) ip = ip.subarray(12);
  const bytes = new Uint8Array(8 + ip.length);
  bytes[0] = TYPES.indexOf(message.type);
  bytes[1] = ip.length === 4 ? 0 : 1;
  bytes.set(ip, 2);
  writeUint16(bytes, 2 + ip.length, message.endpoint.port);
  writeUint32(bytes, 4 + ip.length, message.errorCode);
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
  const size = payload[1] === 0 ? 4 : payload[1] === 1 ? 16 : undefined;
  if (
    type === undefined || size === undefined ||
    (payload.length !== 8 + size &&
      !(payload.length === 4 + size && type !== "error"))
  ) {
    throw new PeerProtocolError(
      "malformed",
      `Cannot decode a ut_holepunch message of ${payload.length} bytes: its types must be 0 to 2 and 0 or 1, its length 12 or 24`,
    );
  }
  return {
    type,
    endpoint: {
      hostname: formatIp(payload.subarray(2, 2 + size)),
      port: readUint16(payload, 2 + size),
    },
    errorCode: payload.length === 8 + size ? readUint32(payload, 4 + size) : 0,
  };
}
