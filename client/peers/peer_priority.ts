/**
 * Canonical peer priority (BEP 40).
 *
 * @module
 */
import {
  type Endpoint,
  isMappedIpv4,
  tryParseIp,
} from "../../_shared/address.ts";
import {
  compareBytes,
  concatBytes,
  crc32c,
  writeUint16,
} from "../../_shared/bytes.ts";

function ipOf(endpoint: Endpoint): Uint8Array | undefined {
  const ip = tryParseIp(endpoint.hostname);
  return ip !== undefined && isMappedIpv4(ip) ? ip.subarray(12) : ip;
}

function masked(ip: Uint8Array, keep: number): Uint8Array {
  return ip.map((byte, i) => i < keep ? byte : byte & 0x55);
}

/**
 * The priority that both ends of a connection agree on (BEP 40): 32 bits, the
 * higher the better; none between families.
 */
export function peerPriority(
  ours: Endpoint,
  theirs: Endpoint,
): number | undefined {
  const a = ipOf(ours);
  const b = ipOf(theirs);
  if (a === undefined || b === undefined || a.length !== b.length) {
    return undefined;
  }
  let common = 0;
  while (common < a.length && a[common] === b[common]) common++;
  if (common === a.length) {
    const ports = [ours.port, theirs.port].sort((x, y) => x - y);
    const bytes = new Uint8Array(4);
    writeUint16(bytes, 0, ports[0]!);
    writeUint16(bytes, 2, ports[1]!);
    return crc32c(bytes);
  }
  const keep = Math.max(a.length === 4 ? 2 : 6, common + 1);
  const pair = [masked(a, keep), masked(b, keep)].sort(compareBytes);
  return crc32c(concatBytes(pair));
}
