/**
 * The extension protocol's handshake (BEP 10).
 *
 * @module
 */
import { decodeBencode } from "../bencode/decode.ts";
import { encodeBencode } from "../bencode/encode.ts";
import type { BencodeValue } from "../bencode/types.ts";
import {
  decodeTextLossy,
  encodeText,
  fromByteString,
  toByteString,
  tryDecodeText,
} from "../_shared/bytes.ts";
import { PeerProtocolError } from "./error.ts";
import { MAX_EXTENSIONS, MAX_OUTSTANDING_REQUESTS } from "./limits.ts";
import { MAX_METADATA_SIZE } from "./ut_metadata.ts";

/** What peers tell each other of their extensions (BEP 10, BEP 9, BEP 21). */
export interface ExtensionHandshake {
  /**
   * Extension names and the ids under which the sender wants their messages;
   * 0 takes an extension back. Additive to earlier handshakes.
   */
  readonly messageIds: ReadonlyMap<string, number>;
  /** Name and version of the client (`v`). */
  readonly clientVersion?: string | undefined;
  /** The sender's TCP listen port (`p`), 1 to 65535. */
  readonly listenPort?: number | undefined;
  /** How many requests the sender queues (`reqq`). */
  readonly requestQueue?: number | undefined;
  /** Length of the info dictionary in bytes (`metadata_size`, BEP 9). */
  readonly metadataSize?: number | undefined;
  /** Whether the sender wants nothing (`upload_only`, BEP 21). */
  readonly uploadOnly?: boolean | undefined;
  /** The receiver's address as the sender sees it (`yourip`), 4 or 16 bytes. */
  readonly yourIp?: Uint8Array | undefined;
  /** The sender's IPv4 address (`ipv4`), 4 bytes. */
  readonly ipv4?: Uint8Array | undefined;
  /** The sender's IPv6 address (`ipv6`), 16 bytes. */
  readonly ipv6?: Uint8Array | undefined;
  /** Seconds since the sender completed the torrent (`complete_ago`). */
  readonly completeAgo?: number | undefined;
}

/** Bounds of what is decoded: small dictionaries, whatever the envelope allows. */
const LIMITS = { mode: "lenient", maxDepth: 8, maxTokens: 2_000 } as const;
const MAX_HANDSHAKE = 65_536;
const MAX_VERSION = 128;

/**
 * Encodes an extension handshake.
 *
 * @param handshake What to tell; absent fields are left out.
 * @returns The payload of the extended message with id 0.
 * @throws {RangeError} If an id is not an integer from 0 to 255.
 */
export function encodeExtensionHandshake(
  handshake: ExtensionHandshake,
): Uint8Array<ArrayBuffer> {
  const ids: [string, number][] = [];
  for (const [name, id] of handshake.messageIds) {
    if (!Number.isInteger(id) || id < 0 || id > 255) {
      throw new RangeError(
        `Cannot give extension "${name}" the id ${id}: it must be an integer from 0 to 255`,
      );
    }
    ids.push([toByteString(encodeText(name)), id]);
  }
  const { uploadOnly } = handshake;
  return encodeBencode({
    m: new Map(ids),
    v: handshake.clientVersion,
    p: handshake.listenPort,
    reqq: handshake.requestQueue,
    metadata_size: handshake.metadataSize,
    upload_only: uploadOnly === undefined ? undefined : Number(uploadOnly),
    yourip: handshake.yourIp,
    ipv4: handshake.ipv4,
    ipv6: handshake.ipv6,
    complete_ago: handshake.completeAgo,
  });
}

function integer(
  value: BencodeValue | undefined,
  least: number,
  most: number,
): number | undefined {
  return typeof value === "number" && value >= least && value <= most
    ? value
    : undefined;
}

function bytes(
  value: BencodeValue | undefined,
  lengths: readonly number[],
): Uint8Array | undefined {
  return value instanceof Uint8Array && lengths.includes(value.length)
    ? value.slice()
    : undefined;
}

/**
 * Decodes an extension handshake. A field of the wrong type or out of its range
 * counts as absent; `reqq` is clamped.
 *
 * @param payload The payload of the extended message with id 0.
 * @returns What the peer told; shares no bytes with the payload.
 * @throws {PeerProtocolError} With code `malformed` if the payload is not a
 * bencoded dictionary, or `too-long` if it is above 64 KiB.
 */
export function decodeExtensionHandshake(
  payload: Uint8Array,
): ExtensionHandshake {
  const root = decodeDictionary(payload, "extension handshake");
  const messageIds = new Map<string, number>();
  const m = root.get("m");
  if (m instanceof Map) {
    for (const [key, value] of m as Map<string, BencodeValue>) {
      if (messageIds.size >= MAX_EXTENSIONS) break;
      const id = integer(value, 0, 255);
      const name = key.length <= 64
        ? tryDecodeText(fromByteString(key))
        : undefined;
      if (id !== undefined && name !== undefined) messageIds.set(name, id);
    }
  }
  const v = root.get("v");
  const reqq = root.get("reqq");
  const uploadOnly = root.get("upload_only");
  return {
    messageIds,
    clientVersion: v instanceof Uint8Array
      ? decodeTextLossy(v.subarray(0, MAX_VERSION))
      : undefined,
    listenPort: integer(root.get("p"), 1, 65_535),
    requestQueue: typeof reqq === "number"
      ? Math.max(1, Math.min(reqq, MAX_OUTSTANDING_REQUESTS))
      : undefined,
    metadataSize: integer(root.get("metadata_size"), 1, MAX_METADATA_SIZE),
    uploadOnly: typeof uploadOnly === "number" ? uploadOnly !== 0 : undefined,
    yourIp: bytes(root.get("yourip"), [4, 16]),
    ipv4: bytes(root.get("ipv4"), [4]),
    ipv6: bytes(root.get("ipv6"), [16]),
    completeAgo: integer(root.get("complete_ago"), 0, 2 ** 40),
  };
}

/**
 * Decodes the bounded dictionary that an extension message is.
 *
 * @param payload The bytes, at most 64 KiB.
 * @param what What it is, for the error.
 * @returns The dictionary, its byte strings being views.
 * @throws {PeerProtocolError} If it is too long or no dictionary.
 */
export function decodeDictionary(
  payload: Uint8Array,
  what: string,
): ReadonlyMap<string, BencodeValue> {
  if (payload.length > MAX_HANDSHAKE) {
    throw new PeerProtocolError(
      "too-long",
      `Cannot take a ${what} of ${payload.length} bytes: the most is ${MAX_HANDSHAKE}`,
    );
  }
  let value: BencodeValue;
  try {
    value = decodeBencode(payload, LIMITS);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new PeerProtocolError(
      "malformed",
      `Cannot decode a ${what}: it is not bencoded`,
      { cause },
    );
  }
  if (!(value instanceof Map)) {
    throw new PeerProtocolError(
      "malformed",
      `Cannot decode a ${what}: it must be a dictionary`,
    );
  }
  return value as ReadonlyMap<string, BencodeValue>;
}
