/**
 * Messages of the Port Control Protocol (RFC 6887): MAP only.
 *
 * @module
 */
import { formatIp, isMappedIpv4, tryParseIp } from "../../_shared/address.ts";
import {
  readUint16,
  readUint32,
  writeUint16,
  writeUint32,
} from "../../_shared/bytes.ts";
import type { PortRequest } from "../types.ts";

/** Port of PCP and NAT-PMP servers (RFC 6887, 19.1). */
export const PCP_PORT = 5351;
/** Version of the protocol. */
const VERSION = 2;
const OPCODE_ANNOUNCE = 0;
const OPCODE_MAP = 1;
const RESPONSE = 0x80;
const HEADER_BYTES = 24;
const MAP_BYTES = 60;
/** Longest message (RFC 6887, 7). */
const MAX_BYTES = 1100;
const PROTOCOLS = { tcp: 6, udp: 17 } as const;

/** A MAP request. */
export interface PcpMapRequest extends PortRequest {
  /** Our address as the gateway sees it. */
  readonly clientAddress: string;
  /** 12 bytes that are the same for all requests of a mapping. */
  readonly nonce: Uint8Array;
  /** Seconds that are asked for; 0 removes the mapping. */
  readonly lifetimeSeconds: number;
  /** The external port we would like; 0 for any. */
  readonly externalPort: number;
  /** The external address we had before. */
  readonly externalAddress?: string | undefined;
}

/** An answer to a MAP request. */
export interface PcpMapResponse {
  readonly type: "map";
  /** 0 for success; see {@linkcode PCP_RESULTS}. */
  readonly result: number;
  /** Seconds that were granted, or that the error lasts. */
  readonly lifetimeSeconds: number;
  /** Seconds since the server lost its mappings. */
  readonly epochSeconds: number;
  /** 12 bytes of the request. */
  readonly nonce: Uint8Array;
  /** IANA number of the protocol. */
  readonly protocol: number;
  /** The internal port. */
  readonly port: number;
  readonly externalPort: number;
  readonly externalAddress: string;
}

/** What a PCP server says. */
export type PcpResponse =
  | PcpMapResponse
  /** It has lost its mappings, or tells that it lives. */
  | { readonly type: "announce"; readonly epochSeconds: number }
  /** It speaks another version, such as NAT-PMP, which is version 0. */
  | { readonly type: "unsupported-version" };

/** Results other than success (RFC 6887, 7.4). */
export const PCP_RESULTS: Readonly<Record<number, string>> = {
  1: "version not supported",
  2: "not authorized",
  3: "malformed request",
  4: "operation not supported",
  5: "option not supported",
  6: "malformed option",
  7: "network failure",
  8: "no resources",
  9: "protocol not supported",
  10: "quota exceeded",
  11: "external port cannot be provided",
  12: "our address is a different one",
  13: "too many remote peers",
};

/** IANA number of a transport protocol. */
export function pcpProtocol(protocol: PortRequest["protocol"]): number {
  return PROTOCOLS[protocol];
}

function writeAddress(bytes: Uint8Array, offset: number, text: string): void {
  const ip = tryParseIp(text);
  if (ip === undefined) {
    throw new RangeError(`Cannot encode "${text}": it is no IP address`);
  }
  if (ip.length === 16) return bytes.set(ip, offset);
  bytes.fill(0xff, offset + 10, offset + 12);
  bytes.set(ip, offset + 12);
}

function readAddress(bytes: Uint8Array): string {
  return formatIp(isMappedIpv4(bytes) ? bytes.subarray(12) : bytes);
}

/**
 * Encodes a MAP request (RFC 6887, 7.1 and 11.1).
 *
 * @throws {RangeError} If an address is none.
 */
export function encodePcpMapRequest(
  request: PcpMapRequest,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(MAP_BYTES);
  const isIpv4 = !request.clientAddress.includes(":");
  bytes[0] = VERSION;
  bytes[1] = OPCODE_MAP;
  writeUint32(bytes, 4, request.lifetimeSeconds);
  writeAddress(bytes, 8, request.clientAddress);
  bytes.set(request.nonce.subarray(0, 12), 24);
  bytes[36] = PROTOCOLS[request.protocol];
  writeUint16(bytes, 40, request.port);
  writeUint16(bytes, 42, request.externalPort);
  const any = isIpv4 ? "0.0.0.0" : "::";
  writeAddress(bytes, 44, request.externalAddress ?? any);
  return bytes;
}

/** Decodes what a server sends; `undefined` for junk. */
export function tryDecodePcpResponse(
  data: Uint8Array,
): PcpResponse | undefined {
  const { length } = data;
  if (length < 4 || length > MAX_BYTES || (data[1]! & RESPONSE) === 0) {
    return undefined;
  }
  if (data[0] !== VERSION) {
    return data[0]! < VERSION && data[3] === 1
      ? { type: "unsupported-version" }
      : undefined;
  }
  if (length < HEADER_BYTES || length % 4 !== 0) return undefined;
  const result = data[3]!;
  if (result === 1) return { type: "unsupported-version" };
  const epochSeconds = readUint32(data, 8);
  const opcode = data[1]! & 0x7f;
  if (opcode === OPCODE_ANNOUNCE && result === 0) {
    return { type: "announce", epochSeconds };
  }
  if (opcode !== OPCODE_MAP || length < MAP_BYTES) return undefined;
  return {
    type: "map",
    result,
    lifetimeSeconds: readUint32(data, 4),
    epochSeconds,
    nonce: data.slice(24, 36),
    protocol: data[36]!,
    port: readUint16(data, 40),
    externalPort: readUint16(data, 42),
    externalAddress: readAddress(data.subarray(44, 60)),
  };
}
