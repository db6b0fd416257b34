/**
 * The state of a node between two runs.
 *
 * @module
 */
import { tryDecodeBencode } from "../bencode/decode.ts";
import {
  tryGetBencodeBytes,
  tryGetBencodeDictionary,
  tryGetBencodeInteger,
} from "../bencode/access.ts";
import { encodeBencode } from "../bencode/encode.ts";
import { concatBytes } from "../_shared/bytes.ts";
import {
  compactNodeLength,
  decodeCompactNodes,
  type NodeContact,
  tryEncodeCompactNode,
} from "./compact_node.ts";
import { NODE_ID_LENGTH } from "./node_id.ts";

/** Nodes of a family that are saved, and read. */
export const MAX_SAVED_NODES = 400;

/** Longest state that is read, in bytes. */
const MAX_LENGTH = 64 * 1024;

/** What a node remembers. */
export interface DhtState {
  /** Our 20-byte id in the IPv4 DHT. */
  readonly id?: Uint8Array | undefined;
  /** Our 20-byte id in the IPv6 DHT. */
  readonly id6?: Uint8Array | undefined;
  /** IPv4 nodes, the best first; at most 400 are kept. */
  readonly nodes: readonly NodeContact[];
  /** IPv6 nodes, the best first; at most 400 are kept. */
  readonly nodes6: readonly NodeContact[];
  /** When it was saved, in milliseconds since 1970; 0 when unknown. */
  readonly savedAt: number;
}

/**
 * Encodes a state, as a bencoded dictionary with the nodes in compact form.
 *
 * @param state What to save. Nodes that are no IP addresses of their family
 * are left out.
 * @returns The bytes.
 * @throws {RangeError} If an id does not have 20 bytes, or the time is no safe
 * integer.
 */
export function encodeDhtState(state: DhtState): Uint8Array<ArrayBuffer> {
  for (const id of [state.id, state.id6]) {
    if (id !== undefined && id.length !== NODE_ID_LENGTH) {
      throw new RangeError(
        `Cannot save an id of ${id.length} bytes: it must have ${NODE_ID_LENGTH}`,
      );
    }
  }
  return encodeBencode({
    "dht-state": 1,
    id: state.id,
    id6: state.id6,
    nodes: pack(state.nodes, 4),
    nodes6: pack(state.nodes6, 6),
    "saved-at": Math.trunc(state.savedAt),
  });
}

/**
 * Decodes a saved state. It is not trusted: its nodes are to be verified.
 *
 * @param bytes The bytes, of any kind.
 * @returns The state, without what is not valid in it; or `undefined` when the
 * bytes are no state.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeDhtState, tryDecodeDhtState } from "@bip/bip/dht";
 *
 * const node = {
 *   id: new Uint8Array(20).fill(1),
 *   address: { hostname: "192.0.2.1", port: 6881 },
 * };
 * const bytes = encodeDhtState({ nodes: [node], nodes6: [], savedAt: 0 });
 * assertEquals(tryDecodeDhtState(bytes)?.nodes, [node]);
 * assertEquals(tryDecodeDhtState(bytes.subarray(1)), undefined);
 * ```
 */
export function tryDecodeDhtState(bytes: Uint8Array): DhtState | undefined {
  const value = tryDecodeBencode(bytes, {
    maxLength: MAX_LENGTH,
    maxTokens: 100,
    maxDepth: 4,
  });
  if (
    value === undefined || tryGetBencodeDictionary(value, []) === undefined ||
    tryGetBencodeInteger(value, "dht-state") !== 1
  ) return undefined;
  const id = (key: string) => {
    const found = tryGetBencodeBytes(value, key);
    return found?.length === NODE_ID_LENGTH ? found.slice() : undefined;
  };
  const nodes = (key: string, family: 4 | 6) => {
    const packed = tryGetBencodeBytes(value, key);
    return packed === undefined
      ? []
      : decodeCompactNodes(packed, family, MAX_SAVED_NODES);
  };
  return {
    id: id("id"),
    id6: id("id6"),
    nodes: nodes("nodes", 4),
    nodes6: nodes("nodes6", 6),
    savedAt: Math.max(0, tryGetBencodeInteger(value, "saved-at") ?? 0),
  };
}

function pack(nodes: readonly NodeContact[], family: 4 | 6): Uint8Array {
  const parts: Uint8Array[] = [];
  const length = compactNodeLength(family);
  for (const { id, address } of nodes) {
    if (parts.length >= MAX_SAVED_NODES) break;
    const packed = tryEncodeCompactNode(id, address);
    if (packed?.length === length && address.port !== 0) parts.push(packed);
  }
  return concatBytes(parts);
}
