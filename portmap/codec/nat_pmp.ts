/**
 * Messages of the NAT Port Mapping Protocol (RFC 6886).
 *
 * @module
 */
import { formatIp } from "../../_shared/address.ts";
import {
  readUint16,
  readUint32,
  writeUint16,
  writeUint32,
} from "../../_shared/bytes.ts";
import type { PortRequest } from "../types.ts";

const RESPONSE = 0x80;
const OPCODES = { udp: 1, tcp: 2 } as const;

/** A request for a mapping. */
export interface NatPmpMapRequest extends PortRequest {
  /** The external port we would like; 0 for any. */
  readonly externalPort: number;
  /** Seconds that are asked for; 0 removes the mapping. */
  readonly lifetimeSeconds: number;
}

interface Answer {
  /** 0 for success; see {@linkcode NAT_PMP_RESULTS}. */
  readonly result: number;
  /** Seconds since the gateway lost its mappings. */
  readonly epochSeconds: number;
}

/** What a gateway answers. */
export type NatPmpResponse =
  | Answer & { readonly type: "address"; readonly externalAddress: string }
  | Answer & {
    readonly type: "map";
    readonly protocol: PortRequest["protocol"];
    /** The internal port. */
    readonly port: number;
    readonly externalPort: number;
    /** Seconds that were granted. */
    readonly lifetimeSeconds: number;
  };

/** Results other than success (RFC 6886, 3.5). */
export const NAT_PMP_RESULTS: Readonly<Record<number, string>> = {
  1: "version not supported",
  2: "not authorized",
  3: "network failure",
  4: "no resources",
  5: "operation not supported",
};

/** Encodes the question for the external address (RFC 6886, 3.2). */
export function encodeNatPmpAddressRequest(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(2);
}

/** Encodes a request for a mapping (RFC 6886, 3.3). */
export function encodeNatPmpMapRequest(
  request: NatPmpMapRequest,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(12);
  bytes[1] = OPCODES[request.protocol];
  writeUint16(bytes, 4, request.port);
  writeUint16(bytes, 6, request.externalPort);
  writeUint32(bytes, 8, request.lifetimeSeconds);
  return bytes;
}

/** Decodes an answer; `undefined` for junk. */
export function tryDecodeNatPmpResponse(
  data: Uint8Array,
): NatPmpResponse | undefined {
  if (data.length < 8 || data.length > 16 || data[0] !== 0) return undefined;
  const result = readUint16(data, 2);
  const epochSeconds = readUint32(data, 4);
  if (data[1] === RESPONSE) {
    // An error need not have an address.
    if (data.length < 12 && result === 0) return undefined;
    const externalAddress = data.length < 12
      ? "0.0.0.0"
      : formatIp(data.subarray(8, 12));
    return { type: "address", result, epochSeconds, externalAddress };
  }
  const protocol = data[1] === (RESPONSE | OPCODES.udp)
    ? "udp"
    : data[1] === (RESPONSE | OPCODES.tcp)
    ? "tcp"
    : undefined;
  if (protocol === undefined || data.length < 16) return undefined;
  return {
    type: "map",
    result,
    epochSeconds,
    protocol,
    port: readUint16(data, 8),
    externalPort: readUint16(data, 10),
    lifetimeSeconds: readUint32(data, 12),
  };
}
