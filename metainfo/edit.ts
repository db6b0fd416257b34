/**
 * Changing torrent files: what stands around the info dictionary, and the few
 * keys inside it that can be changed without the payload.
 *
 * @module
 */
import { decodeBencode } from "../bencode/decode.ts";
import { encodeBencode } from "../bencode/encode.ts";
import { bencodeSpan } from "../bencode/span.ts";
import type { BencodeInput, BencodeLimits } from "../bencode/types.ts";
import type { Endpoint } from "../_shared/address.ts";
import {
  concatBytes,
  encodeText,
  equalBytes,
  fromByteString,
  toByteString,
  tryFromHex,
} from "../_shared/bytes.ts";
import {
  DEFAULT_LIMITS,
  fromBencodeError,
  missing,
  wrongType,
} from "./parse/fields.ts";
import type { Metainfo } from "./metainfo.ts";

const DICTIONARY = 0x64;
const END = 0x65;

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
  /** Whether peers may only come from the trackers (BEP 27). Changes the info-hash. */
  readonly private?: boolean | undefined;
  /** Where the torrent belongs. Changes the info-hash. */
  readonly source?: string | null | undefined;
  /** Name of the single file or of the top folder. Changes the info-hash. */
  readonly name?: string | undefined;
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

/** Keys of a dictionary as byte strings, and their values as they are encoded. */
type RawEntries = Map<string, Uint8Array>;

/** Takes a dictionary apart; of a key that is there twice the first counts. */
function rawEntries(bytes: Uint8Array, limits: BencodeLimits): RawEntries {
  const entries: RawEntries = new Map();
  const next = () => {
    const { end } = bencodeSpan(bytes.subarray(at), [], limits)!;
    return bytes.subarray(at, at += end);
  };
  let at = 1;
  while (bytes[at] !== END) {
    const key = toByteString(
      decodeBencode(next(), { ...limits, mode: "lenient" }) as Uint8Array,
    );
    const value = next();
    if (!entries.has(key)) entries.set(key, value);
  }
  return entries;
}

function isDictionary(bytes: Uint8Array | undefined): bytes is Uint8Array {
  return bytes?.[0] === DICTIONARY;
}

/** Joins encoded values to a dictionary with sorted keys. */
function joinEntries(entries: RawEntries): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [Uint8Array.of(DICTIONARY)];
  for (const key of [...entries.keys()].sort()) {
    parts.push(encodeBencode(fromByteString(key)), entries.get(key)!);
  }
  parts.push(Uint8Array.of(END));
  return concatBytes(parts);
}

function setOrDelete(
  entries: RawEntries,
  key: string,
  value: BencodeInput | null,
): void {
  const isEmpty = value === null ||
    (Array.isArray(value) && value.length === 0);
  if (isEmpty) entries.delete(key);
  else entries.set(key, encodeBencode(value));
}

/** Sets or removes text; a copy in UTF-8, which readers prefer, goes. */
function setText(
  entries: RawEntries,
  key: string,
  value: string | null | undefined,
): void {
  if (value === undefined) return;
  setOrDelete(entries, key, value);
  entries.delete(`${key}.utf-8`);
}

function setTrackers(
  entries: RawEntries,
  trackers: readonly (readonly string[])[],
): void {
  const tiers = trackers.filter((tier) => tier.length > 0);
  setOrDelete(entries, "announce", tiers[0]?.[0] ?? null);
  const isOne = tiers.length === 0 ||
    (tiers.length === 1 && tiers[0]!.length === 1);
  setOrDelete(entries, "announce-list", isOne ? null : tiers);
}

/** Applies the changes to the top-level dictionary. */
function applyChanges(entries: RawEntries, changes: MetainfoChanges): void {
  const { trackers, webSeeds, httpSeeds, nodes, creationDate } = changes;
  if (trackers !== undefined) setTrackers(entries, trackers ?? []);
  if (webSeeds !== undefined) setOrDelete(entries, "url-list", webSeeds);
  if (httpSeeds !== undefined) setOrDelete(entries, "httpseeds", httpSeeds);
  if (nodes !== undefined) {
    const list = nodes?.map(({ hostname, port }) => [hostname, port]) ?? null;
    setOrDelete(entries, "nodes", list);
  }
  setText(entries, "comment", changes.comment);
  setText(entries, "created by", changes.createdBy);
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

/** The name of the one file that a file tree (BEP 52) has, if it has one. */
function loneFile(tree: RawEntries, limits: BencodeLimits): string | undefined {
  const [[name, node] = [], ...others] = tree;
  return others.length === 0 && isDictionary(node) &&
      rawEntries(node, limits).has("")
    ? name
    : undefined;
}

function setName(info: RawEntries, name: string, limits: BencodeLimits): void {
  const isFileName = name.isWellFormed() && !/^\.{0,2}$|[/\0]/.test(name);
  if (!isFileName) {
    throw new TypeError(
      `Cannot name a torrent ${JSON.stringify(name)}: a file name was expected`,
    );
  }
  setText(info, "name", name);
  const treeBytes = info.get("file tree");
  if (info.has("files") || !isDictionary(treeBytes)) return;
  const tree = rawEntries(treeBytes, limits);
  const file = loneFile(tree, limits);
  if (file === undefined) return;
  const key = toByteString(encodeText(name));
  info.set("file tree", joinEntries(new Map([[key, tree.get(file)!]])));
}

/** Applies the changes to the info dictionary; the same bytes if none apply. */
function changeInfo(
  bytes: Uint8Array,
  changes: MetainfoChanges,
  limits: BencodeLimits,
): Uint8Array {
  const { name, source } = changes;
  const isAlone = [name, source, changes.private].every((it) =>
    it === undefined
  );
  if (isAlone) return bytes;
  const old = rawEntries(bytes, limits);
  const info = new Map(old);
  if (name !== undefined) setName(info, name, limits);
  setText(info, "source", source);
  const flag = info.get("private");
  const value = flag && decodeBencode(flag, { ...limits, mode: "lenient" });
  const isPrivate = typeof value === "number" && value !== 0;
  if (changes.private === true && !isPrivate) setOrDelete(info, "private", 1);
  if (changes.private === false && isPrivate) info.delete("private");
  const isSame = old.size === info.size &&
    [...info].every(([key, value]) => {
      const before = old.get(key);
      return before !== undefined && equalBytes(before, value);
    });
  return isSame ? bytes : joinEntries(info);
}

/**
 * Changes a torrent file. All values that are not changed keep their exact
 * bytes, even if they are not canonical; keys are sorted, and where a key was
 * there twice, the first one stays.
 *
 * The info-hash is kept unless `private`, `source` or `name` ask for something
 * that the info dictionary does not say yet. A torrent with another info-hash
 * is another torrent: who has the old one does not meet who has the new one.
 *
 * @param bytes The torrent file: v1, v2 or hybrid.
 * @param changes What to set and what to remove.
 * @param options Limits.
 * @returns The new torrent file.
 * @throws {MetainfoError} If the file is not bencoded or has no info
 * dictionary.
 * @throws {RangeError} If the creation date is no whole number of seconds.
 * @throws {TypeError} If the name is not a file name.
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
    maxDepth: DEFAULT_LIMITS.maxDepth,
    maxTokens: DEFAULT_LIMITS.maxTokens,
    maxLength: options.maxLength ?? DEFAULT_LIMITS.maxLength,
  };
  try {
    const { end } = bencodeSpan(bytes, [], limits)!;
    if (!isDictionary(bytes)) throw wrongType("", "a dictionary");
    const entries = rawEntries(bytes.subarray(0, end), limits);
    const info = entries.get("info");
    if (info === undefined) throw missing("info");
    if (!isDictionary(info)) throw wrongType("info", "a dictionary");
    applyChanges(entries, changes);
    entries.set("info", changeInfo(info, changes, limits));
    return joinEntries(entries);
  } catch (error) {
    throw fromBencodeError(error);
  }
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
  const entries: RawEntries = new Map();
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
    setOrDelete(entries, "encoding", metainfo.encoding);
  }
  if (pieceLayers !== undefined) {
    const layers = [...pieceLayers].map(([root, layer]) =>
      [toByteString(tryFromHex(root)!), layer] as const
    );
    setOrDelete(entries, "piece layers", new Map(layers));
  }
  entries.set("info", metainfo.infoBytes);
  return joinEntries(entries);
}
