/**
 * Messages of SOCKS version 5 (RFC 1928) and its login (RFC 1929).
 *
 * @module
 */
import { type Endpoint, formatIp, tryParseIp } from "../../_shared/address.ts";
import {
  concatBytes,
  encodeText,
  readUint16,
  toByteString,
  writeUint16,
} from "../../_shared/bytes.ts";
import { type Proxy, ProxyError, targetBytes } from "../proxy.ts";

/** What is asked of the proxy. */
export type SocksCommand = "connect" | "associate";

/** Offers to log in where there is a login, and to go without. */
export function encodeSocksGreeting(hasLogin: boolean): Uint8Array {
  return hasLogin ? Uint8Array.of(5, 2, 0, 2) : Uint8Array.of(5, 1, 0);
}

/** The user and password (RFC 1929). */
export function encodeSocksLogin(
  { user, password }: NonNullable<Proxy["login"]>,
): Uint8Array {
  const parts = [user, password].flatMap((text) => {
    const bytes = encodeText(text);
    return [Uint8Array.of(bytes.length), bytes];
  });
  return concatBytes([Uint8Array.of(1), ...parts]);
}

/** Kind, address and port of a target. */
function encodeTarget(to: Endpoint): Uint8Array {
  const bytes = targetBytes(to);
  const port = new Uint8Array(2);
  writeUint16(port, 0, to.port);
  const head = tryParseIp(to.hostname) === undefined
    ? Uint8Array.of(3, bytes.length)
    : Uint8Array.of(bytes.length === 4 ? 1 : 4);
  return concatBytes([head, bytes, port]);
}

/** The request itself. */
export function encodeSocksRequest(
  command: SocksCommand,
  to: Endpoint,
): Uint8Array {
  const code = command === "connect" ? 1 : 3;
  return concatBytes([Uint8Array.of(5, code, 0), encodeTarget(to)]);
}

/** What a message begins with, and its length. */
interface Decoded<T> {
  readonly value: T;
  readonly length: number;
}

/** Kind, address and port at a place; `undefined` while bytes are missing. */
function decodeTarget(
  data: Uint8Array,
  at: number,
): Decoded<Endpoint> | undefined {
  const kind = data[at];
  if (kind === undefined) return undefined;
  if (kind !== 1 && kind !== 3 && kind !== 4) {
    throw new ProxyError(
      "bad-answer",
      "The proxy gave an address of an unknown type",
    );
  }
  const start = kind === 3 ? at + 2 : at + 1;
  const size = kind === 1 ? 4 : kind === 4 ? 16 : data[at + 1];
  if (size === undefined || data.length < start + size + 2) return undefined;
  const bytes = data.subarray(start, start + size);
  const hostname = kind === 3 ? toByteString(bytes) : formatIp(bytes);
  const port = readUint16(data, start + size);
  return { value: { hostname, port }, length: start + size + 2 };
}

/** What the answers mean, from 1 on. */
const REPLIES = [
  ["target-unreachable", "it failed"],
  ["refused", "its rules forbid it"],
  ["target-unreachable", "the network cannot be reached"],
  ["target-unreachable", "the host cannot be reached"],
  ["target-unreachable", "the connection was refused"],
  ["target-unreachable", "it took too long"],
  ["refused", "it does not know the command"],
  ["refused", "it does not know the kind of address"],
] as const;

/**
 * Reads the answer to a request: the bound address. Returns `undefined` while
 * bytes are missing; an answer has at most 262.
 */
export function decodeSocksReply(
  data: Uint8Array,
): Decoded<Endpoint> | undefined {
  if (data.length > 0 && data[0] !== 5) {
    throw new ProxyError("bad-answer", "The proxy does not speak SOCKS 5");
  }
  // Some hang up after a refusal without its address.
  const code = data[1];
  if (code !== undefined && code !== 0) {
    const [kind, text] = REPLIES[code - 1] ?? ["refused", `code ${code}`];
    throw new ProxyError(kind, `The proxy refused the connection: ${text}`);
  }
  return data.length < 4 ? undefined : decodeTarget(data, 3);
}

/** Puts the header of RFC 1928 in front of a datagram. */
export function encodeSocksDatagram(
  data: Uint8Array,
  to: Endpoint,
): Uint8Array {
  return concatBytes([new Uint8Array(3), encodeTarget(to), data]);
}

/**
 * Takes the header off a datagram. Returns `undefined` for fragments, senders
 * without an IP address, and junk.
 */
export function tryDecodeSocksDatagram(
  packet: Uint8Array,
): { readonly data: Uint8Array; readonly from: Endpoint } | undefined {
  const kind = packet[3];
  if (
    packet[0] !== 0 || packet[1] !== 0 || packet[2] !== 0 ||
    (kind !== 1 && kind !== 4)
  ) return undefined;
  const from = decodeTarget(packet, 3);
  return from && { data: packet.subarray(from.length), from: from.value };
}
