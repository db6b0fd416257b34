/**
 * Network endpoints: text and compact forms, and what an address is good for.
 *
 * @module
 */
import { readUint16, writeUint16, writeUint32 } from "./bytes.ts";

/** A host (IP address text or DNS name) and a port. */
export interface Endpoint {
  /** IPv4 or IPv6 address without brackets, or a DNS name. */
  readonly hostname: string;
  /** Port, 0 to 65535. */
  readonly port: number;
}

/** IP version. */
export type IpFamily = 4 | 6;

/** What kind of network an IP address belongs to. */
export type IpScope =
  | "unspecified"
  | "loopback"
  | "link-local"
  | "private"
  | "multicast"
  | "reserved"
  | "global";

/**
 * Reads an IPv4 address, four numbers without leading zeros, as a 32-bit
 * integer; -1 for anything else. Makes nothing: block lists ask for millions.
 */
export function tryParseIpv4(text: string): number {
  if (text.length < 7 || text.length > 15) return -1;
  let address = 0;
  let dots = 0;
  let value = 0;
  let digits = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 48 && code <= 57) {
      if (digits++ > 0 && value === 0) return -1;
      value = 10 * value + code - 48;
      if (value > 255) return -1;
    } else {
      if (code !== 46 || digits === 0 || ++dots > 3) return -1;
      address = address << 8 | value;
      value = digits = 0;
    }
  }
  return digits === 0 || dots < 3 ? -1 : (address << 8 | value) >>> 0;
}

function parseIpv4(text: string): Uint8Array<ArrayBuffer> | undefined {
  const address = tryParseIpv4(text);
  if (address < 0) return undefined;
  const bytes = new Uint8Array(4);
  writeUint32(bytes, 0, address);
  return bytes;
}

function parseIpv6(text: string): Uint8Array<ArrayBuffer> | undefined {
  const zone = text.indexOf("%");
  if (zone >= 0) text = text.slice(0, zone);
  if (text.length < 2 || text.length > 45) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups: number[][] = [];
  for (const [index, half] of halves.entries()) {
    const list: number[] = [];
    if (half !== "") {
      const parts = half.split(":");
      for (let i = 0; i < parts.length; i++) {
        const part = parts[i]!;
        if (
          part.includes(".") && i === parts.length - 1 &&
          index === halves.length - 1
        ) {
          const v4 = parseIpv4(part);
          if (v4 === undefined) return undefined;
          list.push(readUint16(v4, 0), readUint16(v4, 2));
        } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
          list.push(parseInt(part, 16));
        } else return undefined;
      }
    }
    groups.push(list);
  }
  const head = groups[0]!;
  const tail = groups[1];
  if (tail === undefined ? head.length !== 8 : head.length + tail.length > 7) {
    return undefined;
  }
  const bytes = new Uint8Array(16);
  head.forEach((group, i) => writeUint16(bytes, 2 * i, group));
  tail?.forEach((group, i) =>
    writeUint16(bytes, 16 - 2 * (tail.length - i), group)
  );
  return bytes;
}

/** 4 or 16 bytes of an IP address, its zone ignored; else `undefined`. */
export function tryParseIp(text: string): Uint8Array<ArrayBuffer> | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** Formats an IP address: dotted decimal, or IPv6 after RFC 5952. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) {
    return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  }
  if (bytes.length !== 16) {
    throw new RangeError(
      `Cannot format an IP address as it must have 4 or 16 bytes: it has ${bytes.length}`,
    );
  }
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(readUint16(bytes, i));
  let bestStart = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > bestLength) {
      bestStart = i;
      bestLength = end - i;
    }
    if (end > i) i = end;
  }
  const text = (list: number[]) => list.map((g) => g.toString(16)).join(":");
  if (bestStart < 0) return text(groups);
  return `${text(groups.slice(0, bestStart))}::${
    text(groups.slice(bestStart + bestLength))
  }`;
}

/**
 * Whether a 16-byte address is an IPv4 address mapped into IPv6; true for
 * `::ffff:a.b.c.d`.
 */
export function isMappedIpv4(bytes: Uint8Array): boolean {
  if (bytes.length !== 16) return false;
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

/**
 * Brings an address into one form: mapped IPv4 becomes IPv4, IPv6 becomes
 * lowercase and compressed. A DNS name is only lowercased.
 */
export function normalizeHostname(hostname: string): string {
  const bytes = tryParseIp(hostname);
  if (bytes === undefined) return hostname.toLowerCase();
  return formatIp(isMappedIpv4(bytes) ? bytes.subarray(12) : bytes);
}

/**
 * Classifies an IP address. Returns the scope; anything that is not reachable
 * over the public internet is not `"global"`.
 */
export function ipScope(bytes: Uint8Array): IpScope {
  if (isMappedIpv4(bytes)) bytes = bytes.subarray(12);
  const a = bytes[0]!;
  const b = bytes[1]!;
  if (bytes.length === 4) {
    if (a === 0) return "unspecified";
    if (a === 127) return "loopback";
    if (a === 169 && b === 254) return "link-local";
    if (
      a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168)
    ) return "private";
    if (a === 100 && b >= 64 && b < 128) return "private"; // RFC 6598
    if (a >= 224 && a < 240) return "multicast";
    if (a >= 240 || (a === 192 && b === 0 && bytes[2] === 0)) return "reserved";
    return "global";
  }
  let zeros = 0;
  while (zeros < 16 && bytes[zeros] === 0) zeros++;
  if (zeros === 16) return "unspecified";
  if (zeros === 15 && bytes[15] === 1) return "loopback";
  if (a === 0xff) return "multicast";
  if (a === 0x20 && b === 2 && ipScope(bytes.subarray(2, 6)) !== "global") {
    return "reserved"; // 6to4 of an address that is not public
  }
  if (a === 0xfe && (b & 0xc0) === 0x80) return "link-local";
  if ((a & 0xfe) === 0xfc || (a === 0xfe && (b & 0xc0) === 0xc0)) {
    return "private";
  }
  return (a & 0xe0) === 0x20 ? "global" : "reserved";
}

/** The IPv4 address that an IPv6 address leads to, mapped or by 6to4. */
function ipv4Behind(bytes: Uint8Array): Uint8Array {
  if (isMappedIpv4(bytes)) return bytes.subarray(12);
  const is6to4 = bytes.length === 16 && bytes[0] === 0x20 && bytes[1] === 2;
  return is6to4 ? bytes.subarray(2, 6) : bytes;
}

/**
 * A key shared by the addresses that one operator can easily hold: the /24 of
 * an IPv4 address, the /64 of an IPv6 address.
 */
export function subnetKey(bytes: Uint8Array): string {
  bytes = ipv4Behind(bytes);
  return bytes.subarray(0, bytes.length === 4 ? 3 : 8).join(".");
}

/**
 * A key for one host: an IPv4 address, the /64 of an IPv6 address, in which
 * anybody can have any number of addresses, or a DNS name.
 */
export function hostKey(hostname: string): string {
  const bytes = tryParseIp(hostname);
  if (bytes === undefined) return normalizeHostname(hostname);
  const ip = ipv4Behind(bytes);
  return ip.length === 4 ? formatIp(ip) : subnetKey(ip);
}

/**
 * A key for a site that one operator can easily hold: the /24 of an IPv4
 * address, the /48 of an IPv6 address, or the domain of a DNS name.
 */
export function siteKey(hostname: string): string {
  const bytes = tryParseIp(hostname);
  if (bytes === undefined) return domainOf(hostname);
  return ipv4Behind(bytes).length === 16
    ? `${bytes.subarray(0, 6).join(".")}/48`
    : subnetKey(bytes);
}

/**
 * A key for the share of one stranger where there is little for all: an IPv4
 * address, or the /48 of an IPv6 address, which has 65,536 networks.
 */
export function shareKey(hostname: string): string {
  const bytes = tryParseIp(hostname);
  return bytes !== undefined && ipv4Behind(bytes).length === 16
    ? siteKey(hostname)
    : hostKey(hostname);
}

/** Whose a DNS name is: "example.co.uk" is one, "example.org" is one. */
function domainOf(name: string): string {
  const labels = name.toLowerCase().replace(/\.$/, "").split(".");
  const isShort = labels.length > 2 && labels.at(-2)!.length <= 3;
  return labels.slice(isShort ? -3 : -2).join(".");
}

/** How near the networks of a scope are to us, the nearest first. */
const NEARNESS: readonly IpScope[] = ["loopback", "link-local", "private"];

/**
 * Whether somebody may send us to an address: nobody may name one that is
 * nearer to us than its own, where it cannot have been itself.
 */
export function mayTellOf(told: IpScope, teller: IpScope): boolean {
  const distance = (scope: IpScope) => {
    const index = NEARNESS.indexOf(scope);
    return index < 0 ? NEARNESS.length : index;
  };
  return distance(told) >= distance(teller);
}

/** Formats an endpoint as `host:port`, IPv6 in brackets. */
export function formatEndpoint(endpoint: Endpoint): string {
  return endpoint.hostname.includes(":")
    ? `[${endpoint.hostname}]:${endpoint.port}`
    : `${endpoint.hostname}:${endpoint.port}`;
}

/**
 * Parses `host:port` or `[v6]:port`. Returns the endpoint, or `undefined` when
 * there is no valid host or no port from 0 to 65535.
 */
export function tryParseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:\s/?#@[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > 65535) return undefined;
  if (match[1] !== undefined) {
    const bytes = parseIpv6(match[1]);
    return bytes && { hostname: formatIp(bytes), port };
  }
  return { hostname: match[2]!, port };
}

/**
 * Encodes an endpoint in compact form: address and port, big-endian (BEP 23,
 * BEP 7). Returns 6 or 18 bytes, or `undefined` when the hostname is a name.
 */
export function tryEncodeCompactEndpoint(
  endpoint: Endpoint,
): Uint8Array<ArrayBuffer> | undefined {
  let ip: Uint8Array | undefined = tryParseIp(endpoint.hostname);
  if (ip === undefined) return undefined;
  if (isMappedIpv4(ip)) ip = ip.subarray(12);
  const bytes = new Uint8Array(ip.length + 2);
  bytes.set(ip);
  writeUint16(bytes, ip.length, endpoint.port);
  return bytes;
}

/**
 * Decodes a list of compact endpoints. Trailing bytes that do not fill an entry
 * are ignored.
 */
export function decodeCompactEndpoints(
  bytes: Uint8Array,
  family: IpFamily,
  limit = Infinity,
): Endpoint[] {
  const size = family === 4 ? 6 : 18;
  const result: Endpoint[] = [];
  for (
    let offset = 0;
    offset + size <= bytes.length && result.length < limit;
    offset += size
  ) {
    result.push({
      hostname: formatIp(bytes.subarray(offset, offset + size - 2)),
      port: readUint16(bytes, offset + size - 2),
    });
  }
  return result;
}

/**
 * Where a peer candidate was learnt from: `"manual"` for what a person names,
 * `"magnet"`, `"tracker"`, `"dht"`, `"lpd"`, `"pex"`, `"resume"`, `"incoming"`
 * for who came by itself, or the name of a discovery service of yours.
 */
export type CandidateSource = string;

/** What is said of a peer by others (BEP 11); what is absent is not known. */
export interface PeerHints {
  /** Whether it prefers encrypted connections. */
  readonly encryption?: boolean | undefined;
  /** Whether it only uploads. */
  readonly seed?: boolean | undefined;
  /** Whether it speaks uTP. */
  readonly utp?: boolean | undefined;
  /** Whether it speaks ut_holepunch (BEP 55). */
  readonly holepunch?: boolean | undefined;
  /** Whether the teller has dialled it. */
  readonly reachable?: boolean | undefined;
}

/**
 * A peer that may be worth connecting to. Every discovery service yields
 * these and the handshaker takes them.
 */
export interface PeerCandidate {
  /** 20-byte info-hash (SHA-1, or the first 20 bytes of the v2 hash). */
  readonly infoHash: Uint8Array;
  /** Where the peer listens. */
  readonly address: Endpoint;
  /** Who told us. @default {"manual"} */
  readonly source?: CandidateSource;
  /**
   * IP address of the teller, when known: it may name addresses no closer to
   * us than its own, and it has to share its source's places with others.
   */
  readonly teller?: string | undefined;
  /** What the teller says of it. */
  readonly hints?: PeerHints | undefined;
  /** The peer id it must answer with, when known. */
  readonly peerId?: Uint8Array;
  /** Handshake protocol string. @default {"BitTorrent protocol"} */
  readonly protocol?: string;
}
