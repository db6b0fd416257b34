/**
 * The packets of UDP trackers, both directions (BEP 15, BEP 41).
 *
 * @module
 */
import {
  decodeCompactEndpoints,
  type IpFamily,
  isMappedIpv4,
  tryParseIp,
} from "../_shared/address.ts";
import type { AnnounceEvent, ScrapeEntry } from "../_shared/announce.ts";
import {
  decodeTextLossy,
  encodeText,
  readUint16,
  readUint32,
  writeUint16,
  writeUint32,
} from "../_shared/bytes.ts";
import type {
  UdpAnnounceRequest,
  UdpTrackerRequest,
  UdpTrackerResponse,
} from "./packet_types.ts";
import { tryDecodeUrlData, urlDataLength, writeUrlData } from "./url_data.ts";

/** Connection id of connect requests (BEP 15). */
export const UDP_TRACKER_PROTOCOL_ID = 0x41727101980n;
/** First half of {@linkcode UDP_TRACKER_PROTOCOL_ID}. */
export const PROTOCOL_ID_HIGH = 0x417;
/** Second half of {@linkcode UDP_TRACKER_PROTOCOL_ID}. */
export const PROTOCOL_ID_LOW = 0x27101980;
/** Action of connect packets (BEP 15). */
export const ACTION_CONNECT = 0;
/** Action of announce packets, for IPv4 and IPv6 alike (BEP 15). */
export const ACTION_ANNOUNCE = 1;
/** Action of scrape packets (BEP 15). */
export const ACTION_SCRAPE = 2;
/** Action of error packets (BEP 15). */
export const ACTION_ERROR = 3;
/** Most info-hashes in one scrape (BEP 15). */
export const MAX_UDP_SCRAPE = 74;
/** Bytes of a connect request and of its answer (BEP 15). */
export const CONNECT_LENGTH = 16;
/** Bytes of an announce request before its options (BEP 15). */
export const ANNOUNCE_LENGTH = 98;
/** Longest text of an error that is kept, in bytes. */
const MAX_ERROR_TEXT = 1024;

/** Why announces are sent, by number on the wire. */
export const UDP_EVENTS: readonly (AnnounceEvent | undefined)[] = [
  undefined,
  "completed",
  "started",
  "stopped",
];

function readUint64(bytes: Uint8Array, offset: number): bigint {
  return BigInt(readUint32(bytes, offset)) << 32n |
    BigInt(readUint32(bytes, offset + 4));
}

function writeUint64(bytes: Uint8Array, offset: number, value: bigint): void {
  writeUint32(bytes, offset, Number(BigInt.asUintN(32, value >> 32n)));
  writeUint32(bytes, offset + 4, Number(BigInt.asUintN(32, value)));
}

/** Reads 64 bits as a number, at most 2^53 - 1. */
function readAmount(bytes: Uint8Array, offset: number): number {
  return Math.min(
    Number.MAX_SAFE_INTEGER,
    readUint32(bytes, offset) * 0x100000000 + readUint32(bytes, offset + 4),
  );
}

function writeAmount(bytes: Uint8Array, offset: number, value: number): void {
  const whole = value > 0
    ? Math.trunc(Math.min(value, Number.MAX_SAFE_INTEGER))
    : 0;
  writeUint32(bytes, offset, Math.floor(whole / 0x100000000));
  writeUint32(bytes, offset + 4, whole % 0x100000000);
}

function checkId(bytes: Uint8Array, what: string): void {
  if (bytes.length !== 20) {
    throw new RangeError(
      `Cannot encode the request as the ${what} must have 20 bytes: it has ${bytes.length}`,
    );
  }
}

function checkScrape(count: number): void {
  if (count < 1 || count > MAX_UDP_SCRAPE) {
    throw new RangeError(
      `Cannot scrape ${count} torrents at once: expected 1 to ${MAX_UDP_SCRAPE}`,
    );
  }
}

function header(
  length: number,
  connectionId: bigint,
  action: number,
  transactionId: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  writeUint64(bytes, 0, connectionId);
  writeUint32(bytes, 8, action);
  writeUint32(bytes, 12, transactionId);
  return bytes;
}

/**
 * Encodes what a client sends. Source: BEP 15, BEP 41.
 *
 * @param request The request.
 * @returns The datagram.
 * @throws {RangeError} If a hash or id has not 20 bytes, the port is none, or
 * a scrape has too many hashes or none.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeUdpTrackerRequest } from "@bip/bip/utracker";
 *
 * const bytes = encodeUdpTrackerRequest({ type: "connect", transactionId: 7 });
 * assertEquals(bytes.length, 16);
 * assertEquals(bytes[15], 7);
 * ```
 */
export function encodeUdpTrackerRequest(
  request: UdpTrackerRequest,
): Uint8Array<ArrayBuffer> {
  const { transactionId } = request;
  switch (request.type) {
    case "connect":
      return header(
        CONNECT_LENGTH,
        UDP_TRACKER_PROTOCOL_ID,
        ACTION_CONNECT,
        transactionId,
      );
    case "scrape": {
      const { connectionId, infoHashes } = request;
      checkScrape(infoHashes.length);
      const bytes = header(
        16 + 20 * infoHashes.length,
        connectionId,
        ACTION_SCRAPE,
        transactionId,
      );
      for (const [i, infoHash] of infoHashes.entries()) {
        checkId(infoHash, "info-hash");
        bytes.set(infoHash, 16 + 20 * i);
      }
      return bytes;
    }
    case "announce":
      return encodeAnnounce(request);
  }
}

function encodeAnnounce(request: UdpAnnounceRequest): Uint8Array<ArrayBuffer> {
  const { port, numWant, urlData } = request;
  checkId(request.infoHash, "info-hash");
  checkId(request.peerId, "peer id");
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`Cannot announce port ${port}: expected 0 to 65535`);
  }
  const bytes = header(
    ANNOUNCE_LENGTH + urlDataLength(urlData),
    request.connectionId,
    ACTION_ANNOUNCE,
    request.transactionId,
  );
  bytes.set(request.infoHash, 16);
  bytes.set(request.peerId, 36);
  writeAmount(bytes, 56, request.downloaded);
  writeAmount(bytes, 64, request.left);
  writeAmount(bytes, 72, request.uploaded);
  writeUint32(bytes, 80, Math.max(0, UDP_EVENTS.indexOf(request.event)));
  // The IP address stays 0: the tracker takes it from the packet.
  writeUint32(bytes, 88, request.key);
  writeUint32(
    bytes,
    92,
    numWant === undefined || numWant < 0
      ? 0xffffffff
      : Math.min(Math.trunc(numWant), 0x7fffffff),
  );
  writeUint16(bytes, 96, port);
  writeUrlData(bytes, ANNOUNCE_LENGTH, urlData);
  return bytes;
}

/**
 * Decodes what a client sent. Bytes after a connect request and after the last
 * whole hash of a scrape are ignored, as BEP 15 wants it. Source: BEP 15,
 * BEP 41.
 *
 * @param bytes The datagram.
 * @returns The request, or `undefined` when it is none.
 */
export function tryDecodeUdpTrackerRequest(
  bytes: Uint8Array,
): UdpTrackerRequest | undefined {
  if (bytes.length < CONNECT_LENGTH) return undefined;
  const connectionId = readUint64(bytes, 0);
  const action = readUint32(bytes, 8);
  const transactionId = readUint32(bytes, 12);
  if (action === ACTION_CONNECT) {
    return connectionId === UDP_TRACKER_PROTOCOL_ID
      ? { type: "connect", transactionId }
      : undefined;
  }
  if (action === ACTION_SCRAPE) {
    const count = Math.min(
      MAX_UDP_SCRAPE,
      Math.trunc((bytes.length - 16) / 20),
    );
    if (count < 1) return undefined;
    return {
      type: "scrape",
      connectionId,
      transactionId,
      infoHashes: Array.from(
        { length: count },
        (_, i) => bytes.subarray(16 + 20 * i, 36 + 20 * i),
      ),
    };
  }
  if (action !== ACTION_ANNOUNCE || bytes.length < ANNOUNCE_LENGTH) {
    return undefined;
  }
  const numWant = readUint32(bytes, 92) | 0;
  return {
    type: "announce",
    connectionId,
    transactionId,
    infoHash: bytes.subarray(16, 36),
    peerId: bytes.subarray(36, 56),
    downloaded: readAmount(bytes, 56),
    left: readAmount(bytes, 64),
    uploaded: readAmount(bytes, 72),
    event: UDP_EVENTS[readUint32(bytes, 80)],
    key: readUint32(bytes, 88),
    numWant: numWant < 0 ? undefined : numWant,
    port: readUint16(bytes, 96),
    urlData: tryDecodeUrlData(bytes, ANNOUNCE_LENGTH),
  };
}

function answer(
  length: number,
  action: number,
  transactionId: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  writeUint32(bytes, 0, action);
  writeUint32(bytes, 4, transactionId);
  return bytes;
}

/**
 * Encodes what a tracker sends. Source: BEP 15.
 *
 * @param response The response.
 * @param family Which peers go in: all others are left out. The family of the
 * packet decides between 6 and 18 bytes a peer.
 * @returns The datagram.
 * @throws {RangeError} If a scrape has too many entries or none.
 */
export function encodeUdpTrackerResponse(
  response: UdpTrackerResponse,
  family: IpFamily = 4,
): Uint8Array<ArrayBuffer> {
  const { transactionId } = response;
  switch (response.type) {
    case "connect": {
      const bytes = answer(CONNECT_LENGTH, ACTION_CONNECT, transactionId);
      writeUint64(bytes, 8, response.connectionId);
      return bytes;
    }
    case "announce": {
      const ipLength = family === 4 ? 4 : 16;
      const peers: [Uint8Array, number][] = [];
      for (const { hostname, port } of response.peers) {
        let ip: Uint8Array | undefined = tryParseIp(hostname);
        if (ip !== undefined && isMappedIpv4(ip)) ip = ip.subarray(12);
        if (ip?.length === ipLength) peers.push([ip, port]);
      }
      const bytes = answer(
        20 + (ipLength + 2) * peers.length,
        ACTION_ANNOUNCE,
        transactionId,
      );
      writeUint32(bytes, 8, response.interval);
      writeUint32(bytes, 12, response.leechers);
      writeUint32(bytes, 16, response.seeders);
      for (const [i, [ip, port]] of peers.entries()) {
        const offset = 20 + (ipLength + 2) * i;
        bytes.set(ip, offset);
        writeUint16(bytes, offset + ipLength, port);
      }
      return bytes;
    }
    case "scrape": {
      const { entries } = response;
      checkScrape(entries.length);
      const bytes = answer(
        8 + 12 * entries.length,
        ACTION_SCRAPE,
        transactionId,
      );
      for (const [i, entry] of entries.entries()) {
        writeUint32(bytes, 8 + 12 * i, entry.seeders);
        writeUint32(bytes, 12 + 12 * i, entry.downloads);
        writeUint32(bytes, 16 + 12 * i, entry.leechers);
      }
      return bytes;
    }
    case "error": {
      const text = encodeText(response.message).subarray(0, MAX_ERROR_TEXT);
      const bytes = answer(8 + text.length, ACTION_ERROR, transactionId);
      bytes.set(text, 8);
      return bytes;
    }
  }
}

/**
 * Decodes what a tracker sent. Source: BEP 15.
 *
 * @param bytes The datagram.
 * @param family Of the packet: IPv4 peers take 6 bytes, IPv6 peers 18.
 * @returns The response, or `undefined` when it is none.
 */
export function tryDecodeUdpTrackerResponse(
  bytes: Uint8Array,
  family: IpFamily = 4,
): UdpTrackerResponse | undefined {
  if (bytes.length < 8) return undefined;
  const action = readUint32(bytes, 0);
  const transactionId = readUint32(bytes, 4);
  switch (action) {
    case ACTION_CONNECT:
      if (bytes.length < CONNECT_LENGTH) return undefined;
      return {
        type: "connect",
        transactionId,
        connectionId: readUint64(bytes, 8),
      };
    case ACTION_ANNOUNCE:
      if (bytes.length < 20) return undefined;
      return {
        type: "announce",
        transactionId,
        interval: readUint32(bytes, 8),
        leechers: readUint32(bytes, 12),
        seeders: readUint32(bytes, 16),
        peers: decodeCompactEndpoints(bytes.subarray(20), family),
      };
    case ACTION_SCRAPE: {
      const entries: ScrapeEntry[] = [];
      for (
        let offset = 8;
        offset + 12 <= bytes.length && entries.length < MAX_UDP_SCRAPE;
        offset += 12
      ) {
        entries.push({
          seeders: readUint32(bytes, offset),
          downloads: readUint32(bytes, offset + 4),
          leechers: readUint32(bytes, offset + 8),
        });
      }
      return { type: "scrape", transactionId, entries };
    }
    case ACTION_ERROR:
      return {
        type: "error",
        transactionId,
        message: decodeTextLossy(bytes.subarray(8, 8 + MAX_ERROR_TEXT))
          .replace(/\0+$/, ""),
      };
    default:
      return undefined;
  }
}
