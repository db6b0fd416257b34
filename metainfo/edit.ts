/**
 * Writing what a torrent file says around its info dictionary, which stays as
 * it is, byte for byte.
 *
 * @module
 */
import { decodeBencode } from "../bencode/decode.ts";
import { encodeBencode } from "../bencode/encode.ts";
import { bencodeSpan } from "../bencode/span.ts";
import type {
  BencodeDictionary,
  BencodeInput,
  BencodeLimits,
} from "../bencode/types.ts";
import type { Endpoint } from "../_shared/address.ts";
import {
  concatBytes,
  encodeText,
  fromByteString,
  toByteString,
  tryFromHex,
} from "../_shared/bytes.ts";
import { fromBencodeError, needDictionary, wrongType } from "./parse/fields.ts";
import type { Metainfo } from "./metainfo.ts";

/** What to change: a value sets, `null` removes, nothing leaves alone. */
export interface MetainfoChanges {
  /**
   * Tracker URLs in tiers (BEP 12). Sets `announce` to the first one, and
   * `announce-list` if there are more than one.
   */
  readonly trackers?: readonly (readonly string[])[] | null | undefined;
  /** Web seeds (BEP 19). */
  readonly webSeeds?: readonly string[] | null | undefined;
  /** HTTP seeds (BEP 17). */
  readonly httpSeeds?: readonly string[] | null | undefined;
  /** DHT nodes (BEP 5). */
  readonly nodes?: readonly Endpoint[] | null | undefined;
  /** Free text. */
  readonly comment?: string | null | undefined;
  /** The program that made it. */
  readonly createdBy?: string | null | undefined;
  /** When it was made, in seconds since 1970. */
  readonly creationDate?: number | null | undefined;
}

/** Options of {@linkcode editMetainfo}. */
export interface EditMetainfoOptions {
  /**
   * Most bytes of the file.
   *
   * @default {67108864}
   */
  readonly maxLength?: number | undefined;
}

function setOrDelete(
  entries: Map<string, BencodeInput>,
  key: string,
  value: BencodeInput | null,
): void {
  const isEmpty = value === null ||
    (Array.isArray(value) && value.length === 0);
  if (isEmpty) entries.delete(key);
  else entries.set(key, value as BencodeInput);
}

function setTrackers(
  entries: Map<string, BencodeInput>,
  trackers: readonly (readonly string[])[],
): void {
  const tiers = trackers.filter((tier) => tier.length > 0);
  setOrDelete(entries, "announce", tiers[0]?.[0] ?? null);
  const isOne = tiers.length === 0 ||
    (tiers.length === 1 && tiers[0]!.length === 1);
  setOrDelete(entries, "announce-list", isOne ? null : tiers);
}

/** Applies the changes to the top-level dictionary. */
function applyChanges(
  entries: Map<string, BencodeInput>,
  changes: MetainfoChanges,
): void {
  const { trackers, webSeeds, httpSeeds, nodes, creationDate } = changes;
  if (trackers !== undefined) setTrackers(entries, trackers ?? []);
  if (webSeeds !== undefined) setOrDelete(entries, "url-list", webSeeds);
  if (httpSeeds !== undefined) setOrDelete(entries, "httpseeds", httpSeeds);
  if (nodes !== undefined) {
    const list = nodes?.map(({ hostname, port }) => [hostname, port]) ?? null;
    setOrDelete(entries, "nodes", list);
  }
  for (
    const [key, value] of [
      ["comment", changes.comment],
      ["created by", changes.createdBy],
    ] as const
  ) {
    if (value === undefined) continue;
    setOrDelete(entries, key, value);
    entries.delete(`${key}.utf-8`);
  }
  if (creationDate !== undefined) {
    if (
      creationDate !== null &&
      (!Number.isSafeInteger(creationDate) || creationDate < 0)
    ) {
      throw new RangeError(
        `Cannot set a creation date of ${creationDate}: whole seconds since 1970 were expected`,
      );
    }
    setOrDelete(entries, "creation date", creationDate);
  }
}

/**
 * Changes a torrent file around its info dictionary. The info dictionary keeps
 * its exact bytes, and with them the info-hash, even if they are not
 * canonical. All keys that are not changed keep their values. Keys are sorted; where a key was there twice, the first one stays.
 *
 * @param bytes The torrent file.
 * @param changes What to set and what to remove.
 * @param options Limits.
 * @returns The new torrent file.
 * @throws {MetainfoError} If the file is not bencoded or has no info
 * dictionary.
 * @throws {RangeError} If the creation date is no whole number of seconds.
 *
 * @example Replace the trackers
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeBencode } from "@bip/bip/bencode";
 * import { editMetainfo } from "@bip/bip/metainfo";
 *
 * const info = { name: "a" };
 * assertEquals(
 *   editMetainfo(encodeBencode({ announce: "udp://old", comment: "x", info }), {
 *     trackers: [["udp://new"]],
 *     comment: null,
 *   }),
 *   encodeBencode({ announce: "udp://new", info }),
 * );
 * ```
 */
export function editMetainfo(
  bytes: Uint8Array,
  changes: MetainfoChanges,
  options: EditMetainfoOptions = {},
): Uint8Array<ArrayBuffer> {
  const limits: BencodeLimits = {
    maxDepth: 2000,
    maxTokens: 3_000_000,
    maxLength: options.maxLength ?? 67_108_864,
  };
  let top: BencodeDictionary;
  let infoBytes: Uint8Array;
  try {
    const value = decodeBencode(bytes, { ...limits, mode: "lenient" });
    if (!(value instanceof Map)) throw wrongType("", "a dictionary");
    top = value;
    needDictionary(top, "info", "info");
    const { start, end } = bencodeSpan(bytes, ["info"], limits)!;
    infoBytes = bytes.subarray(start, end);
  } catch (error) {
    throw fromBencodeError(error);
  }
  const entries = new Map<string, BencodeInput>(top);
  applyChanges(entries, changes);
  return joinFile(entries, infoBytes);
}

/**
 * Writes a parsed torrent as a torrent file: the exact info dictionary, and
 * what is known around it. So a magnet link becomes a file once its metadata
 * is there.
 *
 * @param metainfo A torrent.
 * @returns The torrent file; parsing it gives the same info-hash.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   createMetainfo,
 *   encodeMetainfo,
 *   parseMetainfo,
 * } from "@bip/bip/metainfo";
 *
 * const bytes = await createMetainfo({
 *   inputs: [{ path: ["a"], bytes: new Uint8Array(9) }],
 * });
 * assertEquals(encodeMetainfo(parseMetainfo(bytes)), bytes);
 * ```
 */
export function encodeMetainfo(metainfo: Metainfo): Uint8Array<ArrayBuffer> {
  const { trackers, webSeeds, httpSeeds, nodes, pieceLayers } = metainfo;
  const { comment, createdBy, creationDate } = metainfo;
  const entries = new Map<string, BencodeInput>();
  applyChanges(entries, {
    trackers,
    webSeeds,
    httpSeeds,
    nodes,
    comment,
    createdBy,
    creationDate,
  });
  if (metainfo.encoding !== undefined) {
    entries.set("encoding", metainfo.encoding);
  }
  if (pieceLayers !== undefined) {
    entries.set(
      "piece layers",
      new Map(
        [...pieceLayers].map(([root, layer]): [string, BencodeInput] => [
          toByteString(tryFromHex(root)!),
          layer,
        ]),
      ),
    );
  }
  return joinFile(entries, metainfo.infoBytes);
}

function joinFile(
  entries: Map<string, BencodeInput>,
  infoBytes: Uint8Array,
): Uint8Array<ArrayBuffer> {
  entries.set("info", infoBytes);
  const parts: Uint8Array[] = [encodeText("d")];
  for (const key of [...entries.keys()].sort(compareCodeUnits)) {
    const value = entries.get(key)!;
    parts.push(encodeBencode(fromByteString(key)));
    parts.push(
      key === "info" ? infoBytes : encodeBencode(value, { maxDepth: 2000 }),
    );
  }
  parts.push(encodeText("e"));
  return concatBytes(parts);
}

function compareCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
