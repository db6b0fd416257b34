/**
 * The announce of Local Service Discovery (BEP 14): a small text in the style
 * of an HTTP request, one per datagram.
 *
 * @module
 */
import { sha1 } from "../_shared/sha1.ts";
import type { Endpoint, IpFamily } from "../_shared/address.ts";
import {
  encodeText,
  fromByteString,
  toByteString,
  toHex,
  tryFromHex,
} from "../_shared/bytes.ts";

/** The multicast groups of BEP 14, by IP version. */
export const LPD_GROUPS: Readonly<Record<IpFamily, Endpoint>> = {
  4: { hostname: "239.192.152.143", port: 6771 },
  6: { hostname: "ff15::efc0:988f", port: 6771 },
};

/** Longest datagram in bytes, sent or accepted (BEP 14). */
export const MAX_LPD_LENGTH = 1400;

/** The first line of every announce. */
const START = "BT-SEARCH * HTTP/1.1\r\n";

/** What one datagram announces. */
export interface LpdAnnounce {
  /** The group it was sent to, as its `Host` header says; not to be trusted. */
  readonly host: string;
  /** The port the sender listens on, 1 to 65535. */
  readonly port: number;
  /** 20-byte info-hashes, at least one, each once. */
  readonly infoHashes: readonly Uint8Array[];
  /** Lets a sender recognise its own announces; one character a byte. */
  readonly cookie?: string | undefined;
}

/** What to announce. See {@linkcode encodeLpdAnnounce}. */
export interface LpdAnnounceFields {
  /** To which group. @default {4} */
  readonly family?: IpFamily;
  /** The port we listen on, 1 to 65535. */
  readonly port: number;
  /** 20-byte info-hashes, at least one; 25 fit with a cookie of 8 characters. */
  readonly infoHashes: readonly Uint8Array[];
  /** Printable ASCII that tells our announces from others'. @default none */
  readonly cookie?: string;
}

/**
 * Encodes an announce (BEP 14).
 *
 * @param fields See {@linkcode LpdAnnounceFields}.
 * @returns At most {@linkcode MAX_LPD_LENGTH} bytes.
 * @throws {RangeError} If the port, a hash or the cookie is impossible, or it
 * is too much for one datagram.
 */
export function encodeLpdAnnounce(
  fields: LpdAnnounceFields,
): Uint8Array<ArrayBuffer> {
  const { family = 4, port, infoHashes, cookie } = fields;
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new RangeError(
      `Cannot announce port ${port}: it must be an integer from 1 to 65535`,
    );
  }
  if (infoHashes.length === 0) {
    throw new RangeError("Cannot announce nothing: give at least one hash");
  }
  const group = LPD_GROUPS[family];
  const host = family === 4 ? group.hostname : `[${group.hostname}]`;
  let text = `${START}Host: ${host}:${group.port}\r\nPort: ${port}\r\n`;
  for (const infoHash of infoHashes) {
    if (infoHash.length !== 20) {
      throw new RangeError(
        `Cannot announce an info-hash of ${infoHash.length} bytes: it must have 20`,
      );
    }
    text += `Infohash: ${toHex(infoHash)}\r\n`;
  }
  if (cookie !== undefined) {
    if (!/^[!-~]+$/.test(cookie)) {
      throw new RangeError(
        "Cannot use this cookie: it must be printable ASCII without spaces",
      );
    }
    text += `cookie: ${cookie}\r\n`;
  }
  text += "\r\n\r\n";
  if (text.length > MAX_LPD_LENGTH) {
    throw new RangeError(
      `Cannot announce ${text.length} bytes in one datagram: at most ${MAX_LPD_LENGTH} are possible`,
    );
  }
  return fromByteString(text);
}

/**
 * Decodes an announce (BEP 14). Header names may be of any case, unknown
 * headers and hashes that are not 40 hex digits are ignored, lines may end
 * without a carriage return.
 *
 * @param bytes A datagram.
 * @returns The announce, or `undefined` when it is too long, no announce, or
 * without a valid port or hash.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeLpdAnnounce, tryDecodeLpdAnnounce } from "@bip/bip/lpd";
 *
 * const infoHashes = [new Uint8Array(20).fill(7)];
 * const bytes = encodeLpdAnnounce({ port: 6881, infoHashes, cookie: "me" });
 * const announce = tryDecodeLpdAnnounce(bytes);
 * assertEquals(announce?.port, 6881);
 * assertEquals(announce?.infoHashes, infoHashes);
 * ```
 */
export function tryDecodeLpdAnnounce(
  bytes: Uint8Array,
): LpdAnnounce | undefined {
  if (bytes.length > MAX_LPD_LENGTH) return undefined;
  const lines = toByteString(bytes).split("\n");
  if (header(lines[0]!) + "\r\n" !== START) return undefined;
  let host = "";
  let port: number | undefined;
  let cookie: string | undefined;
  const infoHashes = new Map<string, Uint8Array>();
  for (let i = 1; i < lines.length; i++) {
    const line = header(lines[i]!);
    if (line === "") break;
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, colon).trim().toLowerCase()) {
      case "host":
        host ||= value;
        break;
      case "port":
        // The first one counts; a second cannot repair it.
        port ??= /^\d{1,5}$/.test(value) ? Number(value) : 0;
        break;
      case "cookie":
        cookie ??= value;
        break;
      case "infohash": {
        const infoHash = value.length === 40 ? tryFromHex(value) : undefined;
        if (infoHash !== undefined) {
          infoHashes.set(value.toLowerCase(), infoHash);
        }
      }
    }
  }
  if (port === undefined || port < 1 || port > 65535 || infoHashes.size === 0) {
    return undefined;
  }
  return {
    host,
    port,
    infoHashes: [...infoHashes.values()],
    ...(cookie === undefined ? {} : { cookie }),
  };
}

/** A line without its carriage return. */
function header(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

/**
 * Turns the name of a service into a value that can be announced, so that any
 * application can find its like: local discovery is not only for torrents.
 *
 * @param name Any text, such as `"example-chat/lobby"`.
 * @returns 20 bytes: the SHA-1 of the name in UTF-8.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { hashServiceName } from "@bip/bip/lpd";
 *
 * assertEquals(hashServiceName("example-chat/lobby").length, 20);
 * ```
 */
export function hashServiceName(name: string): Uint8Array<ArrayBuffer> {
  return sha1(encodeText(name));
}
