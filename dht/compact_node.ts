/**
 * Compact node info: an id, an address and a port in 26 or 38 bytes.
 *
 * @module
 */
import {
  type Endpoint,
  formatIp,
  type IpFamily,
  isMappedIpv4,
  tryParseIp,
} from "../_shared/address.ts";
import { readUint16, writeUint16 } from "../_shared/bytes.ts";
import { NODE_ID_LENGTH } from "./node_id.ts";

/** A node that was heard of. */
export interface NodeContact {
  /** 20-byte id. */
  readonly id: Uint8Array;
  /** Where it listens: an IP address and a port. */
  readonly address: Endpoint;
}

/** IP version of an address. */
export function familyOf({ hostname }: Endpoint): IpFamily {
  return hostname.includes(":") ? 6 : 4;
}

/**
 * Bytes of one compact node. Source: BEP 5, BEP 32.
 *
 * @param family IP version.
 * @returns 26 or 38.
 */
export function compactNodeLength(family: IpFamily): 26 | 38 {
  return family === 4 ? 26 : 38;
}

/**
 * Encodes a node. Source: BEP 5, BEP 32.
 *
 * @param id 20-byte id.
 * @param address An IP address and a port.
 * @returns 26 or 38 bytes, or `undefined` when the hostname is a name.
 * @throws {RangeError} If the id does not have 20 bytes.
 */
export function tryEncodeCompactNode(
  id: Uint8Array,
  address: Endpoint,
): Uint8Array<ArrayBuffer> | undefined {
  if (id.length !== NODE_ID_LENGTH) {
    throw new RangeError(
      `Cannot encode an id of ${id.length} bytes: it must have ${NODE_ID_LENGTH}`,
    );
  }
  let ip = tryParseIp(address.hostname);
  if (ip === undefined) return undefined;
  if (isMappedIpv4(ip)) ip = ip.subarray(12);
  const bytes = new Uint8Array(NODE_ID_LENGTH + ip.length + 2);
  bytes.set(id);
  bytes.set(ip, NODE_ID_LENGTH);
  writeUint16(bytes, NODE_ID_LENGTH + ip.length, address.port);
  return bytes;
}

/**
 * Decodes a list of nodes. Entries with port 0 are left out, as are trailing
 * bytes that do not fill one. Source: BEP 5, BEP 32.
 *
 * @param bytes The packed nodes.
 * @param family 4 for 26 bytes a node, 6 for 38.
 * @param limit Most entries to read.
 * @returns The nodes in order. Their ids are copies.
 */
export function decodeCompactNodes(
  bytes: Uint8Array,
  family: IpFamily,
  limit = Infinity,
): NodeContact[] {
  const size = compactNodeLength(family);
  const result: NodeContact[] = [];
  const count = Math.min(Math.floor(bytes.length / size), limit);
  for (let i = 0; i < count; i++) {
    const start = i * size;
    const port = readUint16(bytes, start + size - 2);
    if (port === 0) continue;
    result.push({
      id: bytes.slice(start, start + NODE_ID_LENGTH),
      address: {
        hostname: formatIp(
          bytes.subarray(start + NODE_ID_LENGTH, start + size - 2),
        ),
        port,
      },
    });
  }
  return result;
}
