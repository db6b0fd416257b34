/**
 * The search of UPnP devices (UPnP Device Architecture 1.1, 1.3).
 *
 * @module
 */
import { encodeText, toByteString } from "../../_shared/bytes.ts";

/** Where searches go, beside the gateway itself. */
export const SSDP_GROUP = { hostname: "239.255.255.250", port: 1900 } as const;

/** What is searched for: either version of a gateway, then any device. */
export const SSDP_TARGETS: readonly string[] = [
  "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
  "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
  "upnp:rootdevice",
];

/** Longest answer that is read, in bytes. */
const MAX_BYTES = 2048;
/** Longest address of a description. */
const MAX_URL = 512;

/** A device that answers a search. */
export interface SsdpAnswer {
  /** What it is. */
  readonly target: string;
  /** Where it is described; unchecked. */
  readonly location: string;
}

/** Encodes a search; devices answer within `seconds`. */
export function encodeSsdpSearch(
  target: string,
  seconds: number,
): Uint8Array<ArrayBuffer> {
  return encodeText([
    "M-SEARCH * HTTP/1.1",
    `HOST: ${SSDP_GROUP.hostname}:${SSDP_GROUP.port}`,
    'MAN: "ssdp:discover"',
    `MX: ${seconds}`,
    `ST: ${target}`,
    "",
    "",
  ].join("\r\n"));
}

/** Decodes an answer to a search; `undefined` for junk. */
export function tryDecodeSsdpAnswer(data: Uint8Array): SsdpAnswer | undefined {
  if (data.length > MAX_BYTES) return undefined;
  const lines = toByteString(data).split(/\r?\n/);
  if (!/^HTTP\/1\.[01] 200\b/.test(lines[0]!)) return undefined;
  let location: string | undefined;
  let target = "";
  for (const line of lines.slice(1)) {
    if (line === "") break;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "location") location ??= value;
    else if (name === "st") target = value;
  }
  return location === undefined || location === "" || location.length > MAX_URL
    ? undefined
    : { target, location };
}
