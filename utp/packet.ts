/**
 * uTP packets, version 1 (BEP 29).
 *
 * @module
 */
import {
  readUint16,
  readUint32,
  writeUint16,
  writeUint32,
} from "../_shared/bytes.ts";

/** Kind of a packet: `ST_DATA`, `ST_FIN`, `ST_STATE`, `ST_RESET`, `ST_SYN`. */
export type UtpPacketType = "data" | "fin" | "state" | "reset" | "syn";

/** The fixed header of a packet. */
export interface UtpHeader {
  /** What kind of packet it is. */
  type: UtpPacketType;
  /** Connection id of the receiver, 16 bits; of a SYN, the sender's. */
  connectionId: number;
  /** When it was sent by the sender's clock, in microseconds modulo 2^32. */
  timestamp: number;
  /**
   * Arrival by the sender's clock less timestamp of the last packet that it
   * received, in microseconds modulo 2^32; 0 when it has received none.
   */
  timestampDifference: number;
  /** Bytes that the sender can take. */
  windowSize: number;
  /** Sequence number, 16 bits. */
  seqNr: number;
  /** Last sequence number received in order, 16 bits. */
  ackNr: number;
}

/** A packet as it was received: its header, and where the rest stands. */
export interface UtpPacket extends UtpHeader {
  /** The datagram. */
  data: Uint8Array;
  /** Where the payload begins in {@linkcode UtpPacket.data}. */
  payloadOffset: number;
  /** Where the bits of the selective ack begin. */
  sackOffset: number;
  /** Bytes of the selective ack, 0 for none. */
  sackLength: number;
}

/** Bytes of the fixed header. */
export const UTP_HEADER_LENGTH = 20;
/** Extension: selective acks; bit 0 of the first byte is `ackNr + 2`. */
export const UTP_EXTENSION_SACK = 1;
/** Extension: eight bytes that nobody reads any more. */
const EXTENSION_BITS = 2;
/** Extension of ours that carries nothing: it makes a datagram longer. */
const EXTENSION_PADDING = 0xbd;
/** Least bytes of padding. */
export const UTP_LEAST_PADDING = 12;

const TYPES: readonly UtpPacketType[] = [
  "data",
  "fin",
  "state",
  "reset",
  "syn",
];

/**
 * Makes an empty packet, to be decoded into again and again.
 *
 * @returns The packet.
 */
export function createUtpPacket(): UtpPacket {
  return {
    type: "state",
    connectionId: 0,
    timestamp: 0,
    timestampDifference: 0,
    windowSize: 0,
    seqNr: 0,
    ackNr: 0,
    data: new Uint8Array(),
    payloadOffset: 0,
    sackOffset: 0,
    sackLength: 0,
  };
}

/** The protocol that a datagram on a shared port speaks. */
export type DatagramProtocol = "utp" | "krpc" | "other";

/**
 * Tells by its first bytes what a datagram is: KRPC begins with `d`, uTP with a
 * type from 0 to 4 and version 1. Answers of UDP trackers begin with a zero.
 *
 * @param data The datagram.
 * @returns What it is; `"other"` for UDP trackers and junk.
 */
export function classifyDatagram(data: Uint8Array): DatagramProtocol {
  const first = data[0];
  if (first === 0x64) return "krpc";
  return first !== undefined && (first & 15) === 1 && first <= 0x41 &&
      data.length >= UTP_HEADER_LENGTH
    ? "utp"
    : "other";
}

/**
 * Decodes a packet. Unknown extensions are skipped.
 *
 * @param data The datagram; kept by reference.
 * @param into Where the packet goes.
 * @returns The packet, or `undefined` for junk: too short, another version, an
 * unknown type, an extension that does not fit.
 */
export function tryDecodeUtpPacket(
  data: Uint8Array,
  into: UtpPacket = createUtpPacket(),
): UtpPacket | undefined {
  if (data.length < UTP_HEADER_LENGTH || (data[0]! & 15) !== 1) {
    return undefined;
  }
  const type = TYPES[data[0]! >> 4];
  if (type === undefined) return undefined;
  let offset = UTP_HEADER_LENGTH;
  let sackOffset = 0;
  let sackLength = 0;
  for (let extension = data[1]!; extension !== 0;) {
    if (offset + 2 > data.length) return undefined;
    const length = data[offset + 1]!;
    if (offset + 2 + length > data.length) return undefined;
    if (extension === UTP_EXTENSION_SACK) {
      sackOffset = offset + 2;
      sackLength = length;
    }
    extension = data[offset]!;
    offset += 2 + length;
  }
  into.type = type;
  into.connectionId = readUint16(data, 2);
  into.timestamp = readUint32(data, 4);
  into.timestampDifference = readUint32(data, 8);
  into.windowSize = readUint32(data, 12);
  into.seqNr = readUint16(data, 16);
  into.ackNr = readUint16(data, 18);
  into.data = data;
  into.payloadOffset = offset;
  into.sackOffset = sackOffset;
  into.sackLength = sackLength;
  return into;
}

/**
 * Writes a header without extensions.
 *
 * @param header What to write.
 * @param out At least 20 bytes.
 */
export function writeUtpHeader(header: UtpHeader, out: Uint8Array): void {
  out[0] = TYPES.indexOf(header.type) << 4 | 1;
  out[1] = 0;
  writeUint16(out, 2, header.connectionId);
  writeUint32(out, 4, header.timestamp);
  writeUint32(out, 8, header.timestampDifference);
  writeUint32(out, 12, header.windowSize);
  writeUint16(out, 16, header.seqNr);
  writeUint16(out, 18, header.ackNr);
}

/**
 * Writes extensions that carry nothing between header and payload. The first is one
 * that all know: libutp takes no datagram that begins with another.
 *
 * @param out Where the header stands.
 * @param length Bytes to fill: 0, or at least {@linkcode UTP_LEAST_PADDING}.
 * @returns Where the payload begins.
 */
export function writeUtpPadding(out: Uint8Array, length: number): number {
  let offset = UTP_HEADER_LENGTH;
  const end = offset + length;
  if (length > 0) {
    out[1] = EXTENSION_BITS;
    out[offset] = EXTENSION_PADDING;
    out[offset + 1] = 8;
    out.fill(0, offset + 2, offset + 10);
    offset += 10;
  }
  while (offset < end) {
    const rest = end - offset;
    // What is left is none or at least two bytes: a type and a length.
    const size = rest <= 257 ? rest : Math.min(257, rest - 2);
    out[offset] = size === rest ? 0 : EXTENSION_PADDING;
    out[offset + 1] = size - 2;
    out.fill(0, offset + 2, offset + size);
    offset += size;
  }
  return end;
}

/**
 * Encodes a packet.
 *
 * @param header The header.
 * @param payload What it carries.
 * @param sack Bits of the selective ack, up to 255 bytes.
 * @returns The datagram.
 */
export function encodeUtpPacket(
  header: UtpHeader,
  payload: Uint8Array = new Uint8Array(),
  sack?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const extra = sack === undefined ? 0 : 2 + sack.length;
  const out = new Uint8Array(UTP_HEADER_LENGTH + extra + payload.length);
  writeUtpHeader(header, out);
  if (sack !== undefined) {
    if (sack.length > 255) {
      throw new RangeError(
        `Cannot encode ${sack.length} bytes of selective acks: 255 is the most`,
      );
    }
    out[1] = UTP_EXTENSION_SACK;
    out[UTP_HEADER_LENGTH + 1] = sack.length;
    out.set(sack, UTP_HEADER_LENGTH + 2);
  }
  out.set(payload, UTP_HEADER_LENGTH + extra);
  return out;
}

/** How far a 16-bit sequence number is ahead of another, -32768 to 32767. */
export function seqDistance(a: number, b: number): number {
  return (a - b) << 16 >> 16;
}

/** How much later a 32-bit time is than another, in microseconds. */
export function timeDistance(a: number, b: number): number {
  return (a - b) | 0;
}

/** A clock's milliseconds as 32-bit microseconds. */
export function toMicroseconds(now: number): number {
  // Beyond 2^53 nothing is left of fractions, so the wrap comes first.
  return Math.floor((now % 4_294_967.296) * 1000) >>> 0;
}
