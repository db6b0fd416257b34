/**
 * Messages of ut_pex: peers tell of peers (BEP 11).
 *
 * @module
 */
import { encodeBencode } from "../bencode/encode.ts";
import type { BencodeValue } from "../bencode/types.ts";
import { concatBytes } from "../_shared/bytes.ts";
import {
  decodeCompactEndpoints,
  type Endpoint,
  tryEncodeCompactEndpoint,
} from "../_shared/address.ts";
import { decodeDictionary } from "./extension_handshake.ts";
import { MAX_PEX_ENTRIES, PEX_SEND_ENTRIES } from "./limits.ts";

/** Bits of the flags that come with a peer (BEP 11). */
export const PEX_FLAG = {
  /** Prefers encrypted connections. */
  encryption: 0x01,
  /** Uploads only. */
  seed: 0x02,
  /** Speaks uTP. */
  utp: 0x04,
  /** Speaks ut_holepunch. */
  holepunch: 0x08,
  /** Was connected to, hence is reachable. */
  reachable: 0x10,
} as const;

/** A peer in a ut_pex message. */
export interface PexPeer extends Endpoint {
  /** Bits of {@linkcode PEX_FLAG}. @default {0} */
  readonly flags?: number;
}

/** A message of ut_pex. */
export interface UtPexMessage {
  /** Peers that the sender is connected to since the last message. */
  readonly added: readonly PexPeer[];
  /** Peers that it is no longer connected to. */
  readonly dropped: readonly Endpoint[];
}

/**
 * Encodes a message of ut_pex. At most 50 peers a family are sent (BEP 11);
 * those after them, and hostnames that are no IP addresses, are left out.
 *
 * @param message The message.
 * @returns The payload of the extended message.
 */
export function encodeUtPex(message: UtPexMessage): Uint8Array<ArrayBuffer> {
  const fields: { [name: string]: Uint8Array } = {};
  for (const name of ["added", "dropped"] as const) {
    for (const [suffix, length] of [["", 6], ["6", 18]] as const) {
      const peers = (message[name] as readonly PexPeer[]).flatMap((peer) => {
        const bytes = tryEncodeCompactEndpoint(peer);
        return bytes?.length === length
          ? [{ bytes, flags: peer.flags ?? 0 }]
          : [];
      }).slice(0, PEX_SEND_ENTRIES);
      if (suffix === "6" && peers.length === 0) continue;
      fields[name + suffix] = concatBytes(peers.map(({ bytes }) => bytes));
      if (name === "dropped") continue;
      fields[`added${suffix}.f`] = Uint8Array.from(peers, ({ flags }) => flags);
    }
  }
  return encodeBencode(fields);
}

function endpoints(
  root: ReadonlyMap<string, BencodeValue>,
  key: string,
): Endpoint[] {
  const value = root.get(key);
  if (!(value instanceof Uint8Array)) return [];
  return decodeCompactEndpoints(
    value,
    key.endsWith("6") ? 6 : 4,
    MAX_PEX_ENTRIES,
  );
}

/**
 * Decodes a message of ut_pex. At most 100 entries of each field are read;
 * peers with port 0 are left out; missing flags count as 0.
 *
 * @param payload The payload of the extended message.
 * @returns The message.
 * @throws {PeerProtocolError} With code `malformed` if it is not a dictionary,
 * or `too-long` if it is above 64 KiB.
 */
export function decodeUtPex(payload: Uint8Array): UtPexMessage {
  const root = decodeDictionary(payload, "ut_pex message");
  const added: PexPeer[] = [];
  for (const key of ["added", "added6"]) {
    const flags = root.get(`${key}.f`);
    endpoints(root, key).forEach((endpoint, i) => {
      if (endpoint.port === 0) return;
      const bits = flags instanceof Uint8Array ? flags[i] ?? 0 : 0;
      added.push({ ...endpoint, flags: bits });
    });
  }
  const dropped = [
    ...endpoints(root, "dropped"),
    ...endpoints(root, "dropped6"),
  ]
    .filter((endpoint) => endpoint.port !== 0);
  return { added, dropped };
}
