/**
 * Reading of torrent files (BEP 3, 5, 12, 17, 19, 27, 38, 39, 47, 52).
 *
 * @module
 */
import { sha1 } from "../_shared/sha1.ts";
import { type Endpoint, tryMakeEndpoint } from "./parse/endpoint.ts";
import { decodeBencode, tryDecodeBencode } from "../bencode/decode.ts";
import { bencodeSpan } from "../bencode/span.ts";
import type {
  BencodeDictionary,
  BencodeLeniencyReport,
  BencodeValue,
} from "../bencode/types.ts";
import { decodeTextLossy, toHex, tryDecodeText } from "../_shared/bytes.ts";
import {
  badValue,
  DEFAULT_LIMITS,
  fromBencodeError,
  missing,
  needBytes,
  needCount,
  needDictionary,
  OptionalFields,
  textDecoderOf,
  tooLarge,
  Warnings,
  wrongType,
} from "./parse/fields.ts";
import { joinHybrid, readFileTree, readV1Files } from "./parse/file_list.ts";
import { checkPieceLayers } from "./parse/piece_layers.ts";
import { nameFiles } from "./parse/file_names.ts";
import {
  type Metainfo,
  MetainfoError,
  type ParseMetainfoOptions,
} from "./metainfo.ts";
import { sha256 } from "./merkle.ts";
import { BLOCK_SIZE, PieceLayout } from "./piece_layout.ts";

const MAX_REPORTS = 100;

/** What is known of a torrent besides its info dictionary. */
export interface MetainfoExtras {
  /** Tracker URLs in tiers (BEP 12). */
  readonly trackers?: readonly (readonly string[])[] | undefined;
  /** Web seeds (BEP 19). */
  readonly webSeeds?: readonly string[] | undefined;
  /** DHT nodes (BEP 5). */
  readonly nodes?: readonly Endpoint[] | undefined;
}

function readLimits(options: ParseMetainfoOptions) {
  return {
    maxDepth: options.maxDepth ?? DEFAULT_LIMITS.maxDepth,
    maxTokens: options.maxTokens ?? DEFAULT_LIMITS.maxTokens,
    maxLength: options.maxLength ?? DEFAULT_LIMITS.maxLength,
  };
}

/** Decodes a dictionary; canonical form is wanted but not demanded. */
function decode(
  bytes: Uint8Array,
  options: ParseMetainfoOptions,
  reports: BencodeLeniencyReport[],
): BencodeDictionary {
  let value: BencodeValue;
  try {
    value = decodeBencode(bytes, {
      ...readLimits(options),
      mode: "lenient",
      onLeniency: (report) => {
        if (reports.length < MAX_REPORTS) reports.push(report);
      },
    });
  } catch (error) {
    throw fromBencodeError(error);
  }
  if (value instanceof Map) return value;
  throw wrongType("", "a dictionary");
}

function readPieceLength(
  info: BencodeDictionary,
  isV2: boolean,
  maxPieceLength: number,
): number {
  const path = "info.piece length";
  const pieceLength = needCount(info, "piece length", path);
  if (pieceLength === 0) throw badValue(path, "it must be positive");
  if (pieceLength > maxPieceLength) {
    throw tooLarge(path, `it must be at most ${maxPieceLength}`);
  }
  if (
    isV2 &&
    (pieceLength < BLOCK_SIZE || !Number.isInteger(Math.log2(pieceLength)))
  ) {
    throw badValue(
      path,
      `in a v2 torrent it must be a power of two of at least ${BLOCK_SIZE}`,
    );
  }
  return pieceLength;
}

/** Whether the info dictionary is for BEP 52. */
function readVersion(info: BencodeDictionary): boolean {
  const path = "info.meta version";
  if (!info.has("meta version")) {
    if (info.has("file tree")) throw missing(path);
    return false;
  }
  const version = info.get("meta version");
  if (typeof version !== "number" && typeof version !== "bigint") {
    throw wrongType(path, "an integer");
  }
  if (version > 2) {
    throw new MetainfoError(
      "unsupported-version",
      path,
      `Cannot use a torrent of meta version ${version}: 2 is the highest known`,
    );
  }
  if (version !== 2) throw badValue(path, "it must be 2");
  return true;
}

function readName(info: BencodeDictionary, warnings: Warnings): {
  raw: Uint8Array;
  name: Uint8Array;
} {
  const alternative = info.get("name.utf-8");
  const isText = alternative instanceof Uint8Array && alternative.length > 0 &&
    tryDecodeText(alternative) !== undefined;
  if (isText && !info.has("name")) {
    return { raw: alternative, name: alternative };
  }
  const raw = needBytes(info, "name", "info.name");
  if (isText) return { raw, name: alternative };
  if (alternative !== undefined) warnings.add("ignored", "info.name.utf-8");
  if (raw.every((byte) => byte === 0)) {
    throw badValue("info.name", "it must not be empty");
  }
  return { raw, name: raw };
}

function readPieces(
  info: BencodeDictionary,
  pieceCount: number,
): Uint8Array {
  const pieces = needBytes(info, "pieces", "info.pieces");
  if (pieces.length !== 20 * pieceCount) {
    throw new MetainfoError(
      "bad-pieces",
      "info.pieces",
      `Cannot use "info.pieces" of ${pieces.length} bytes: ${
        20 * pieceCount
      } were expected for ${pieceCount} pieces`,
    );
  }
  return pieces;
}

/** The URLs of a value that should be one, or a list of them. */
function urlsOf(value: BencodeValue, onOther: () => void): string[] {
  const urls: string[] = [];
  for (const item of Array.isArray(value) ? value : [value]) {
    if (item instanceof Uint8Array) {
      const url = decodeTextLossy(item).trim();
      if (url !== "") urls.push(url);
    } else onOther();
  }
  return urls;
}

/**
 * Trackers in tiers (BEP 12), else the one of `announce`. A string in place of
 * a tier is a tier of its own; a list in `announce` is read like tiers.
 */
function readTrackers(
  fields: OptionalFields,
  top: BencodeDictionary,
): string[][] {
  for (const key of ["announce-list", "announce"]) {
    const value = top.get(key) ?? [];
    const tiers = (Array.isArray(value) ? value : [value])
      .map((tier) => urlsOf(tier, () => fields.ignore(key)))
      .filter((urls) => urls.length > 0);
    if (tiers.length > 0) return tiers;
  }
  return [];
}

function readNodes(fields: OptionalFields, warnings: Warnings): Endpoint[] {
  const nodes: Endpoint[] = [];
  for (const item of fields.list("nodes") ?? []) {
    const [host, port] = Array.isArray(item) ? item : [];
    const node = host instanceof Uint8Array && typeof port === "number"
      ? tryMakeEndpoint(decodeTextLossy(host), port)
      : undefined;
    if (node === undefined) warnings.add("ignored", "nodes");
    else nodes.push(node);
  }
  return nodes;
}

function readSimilar(...sources: OptionalFields[]): Uint8Array[] {
  const similar = new Map<string, Uint8Array>();
  for (const fields of sources) {
    for (const item of fields.list("similar") ?? []) {
      if (item instanceof Uint8Array && item.length === 20) {
        similar.set(toHex(item), item);
      } else fields.ignore("similar");
    }
  }
  return [...similar.values()];
}

function optional<K extends string, V>(
  key: K,
  value: V | undefined,
): { readonly [key in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as {
    readonly [key in K]?: V;
  };
}

function build(
  infoBytes: Uint8Array,
  info: BencodeDictionary,
  top: BencodeDictionary,
  options: ParseMetainfoOptions,
  warnings: Warnings,
): Metainfo {
  const isV2 = readVersion(info);
  if (
    isV2 && warnings.list.length > 0 &&
    tryDecodeBencode(infoBytes, readLimits(options)) === undefined
  ) {
    throw new MetainfoError(
      "bad-bencode",
      "info",
      "Cannot use a v2 torrent whose info dictionary is not canonical",
    );
  }
  const { raw: rawName, name } = readName(info, warnings);
  const { maxPieceLength = 0x7fffffff, maxPieces = DEFAULT_LIMITS.maxPieces } =
    options;
  const pieceLength = readPieceLength(info, isV2, maxPieceLength);
  const decodeText = textDecoderOf(top);
  let v1 = readV1Files(info, pieceLength, options, warnings);
  if (!isV2 && v1 === undefined) throw missing("info.length");
  const v2 = isV2 ? readFileTree(info, options, warnings) : undefined;
  if (v1 !== undefined && v2 !== undefined) {
    v1 = { ...v1, files: joinHybrid(v1, v2, rawName, pieceLength) };
  }
  const rawFiles = v1?.files ?? v2!;
  const isSingleFile = v1?.isSingleFile ??
    (v2!.length === 1 && v2![0]!.path.length === 1);

  let layout: PieceLayout;
  try {
    layout = new PieceLayout({
      pieceLength,
      files: rawFiles,
      alignFiles: v1 === undefined,
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw tooLarge("info", "the total length must be at most 2^53 - 1");
  }
  if (layout.pieceCount > maxPieces) {
    throw tooLarge("info", `it may have at most ${maxPieces} pieces`);
  }
  const pieces = v1 && readPieces(info, layout.pieceCount);
  const pieceLayers = v2 &&
    checkPieceLayers(v2, top.get("piece layers"), pieceLength, {
      required: options.requirePieceLayers ?? true,
      warnings,
    });

  const infoHashV1 = v1 &&
    sha1(infoBytes);
  const infoHashV2 = v2 && sha256(infoBytes);
  const infoHashV2Truncated = infoHashV2?.subarray(0, 20);
  const infoHash = (infoHashV1 ?? infoHashV2Truncated)!;
  const named = nameFiles(rawFiles, {
    isSingleFile,
    name,
    // A v2-only file is called what the file tree says (BEP 52).
    fileName: isSingleFile && v1 === undefined ? v2![0]!.path[0]! : name,
    fallback: toHex(infoHash),
    decode: decodeText,
    options,
    warnings,
  });

  const outer = new OptionalFields(top, "", warnings, decodeText);
  const inner = new OptionalFields(info, "info.", warnings, decodeText);
  const date = outer.integer("creation date");
  const isPrivate = inner.integer("private");
  return {
    version: v1 === undefined ? "v2" : isV2 ? "hybrid" : "v1",
    name: named.name,
    ...optional("originalName", named.originalName),
    infoHash,
    ...optional("infoHashV1", infoHashV1),
    ...optional("infoHashV2", infoHashV2),
    ...optional("infoHashV2Truncated", infoHashV2Truncated),
    isSingleFile,
    files: named.files,
    layout,
    pieceLength,
    pieceCount: layout.pieceCount,
    totalLength: layout.totalLength,
    ...optional("pieces", pieces),
    ...optional("pieceLayers", pieceLayers),
    private: isPrivate !== undefined && isPrivate !== 0,
    ...optional("source", inner.text("source")),
    ...optional("comment", outer.text("comment")),
    ...optional("createdBy", outer.text("created by")),
    ...optional(
      "creationDate",
      date !== undefined && date >= 0 ? date : undefined,
    ),
    ...optional("encoding", outer.text("encoding")),
    trackers: readTrackers(outer, top),
    webSeeds: outer.texts("url-list"),
    httpSeeds: outer.texts("httpseeds"),
    nodes: readNodes(outer, warnings),
    similar: readSimilar(inner, outer),
    collections: [
      ...new Set([
        ...inner.texts("collections"),
        ...outer.texts("collections"),
      ]),
    ],
    ...optional(
      "updateUrl",
      inner.text("update-url") ?? outer.text("update-url"),
    ),
    infoBytes,
    warnings: warnings.list,
  };
}

/**
 * Reads a torrent file: v1 (BEP 3), v2 or hybrid (BEP 52). Everything is
 * checked: counts, lengths, hash trees, the agreement of both halves of a
 * hybrid; names are made safe. The info-hash is that of the exact bytes.
 *
 * Odd but harmless things are put right and noted in `warnings`.
 *
 * @param bytes The file. The result keeps views of it: leave it unchanged.
 * @param options Limits and choices.
 * @returns The torrent.
 * @throws {MetainfoError} If it is no valid torrent or exceeds a limit.
 *
 * @example Read a torrent
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeBencode } from "@bip/bip/bencode";
 * import { parseMetainfo } from "@bip/bip/metainfo";
 *
 * const bytes = encodeBencode({
 *   announce: "udp://tracker.example:6969",
 *   info: {
 *     name: "a.txt",
 *     length: 5,
 *     "piece length": 16384,
 *     pieces: new Uint8Array(20),
 *   },
 * });
 * const metainfo = parseMetainfo(bytes);
 * assertEquals(metainfo.name, "a.txt");
 * assertEquals(metainfo.trackers, [["udp://tracker.example:6969"]]);
 * ```
 */
export function parseMetainfo(
  bytes: Uint8Array,
  options: ParseMetainfoOptions = {},
): Metainfo {
  const reports: BencodeLeniencyReport[] = [];
  const top = decode(bytes, options, reports);
  const info = needDictionary(top, "info", "info");
  const { start, end } = bencodeSpan(bytes, ["info"], readLimits(options))!;
  const warnings = new Warnings();
  for (const { leniency, offset } of reports) {
    warnings.add("not-canonical", `${leniency} at byte ${offset}`);
  }
  const infoBytes = bytes.subarray(start, end);
  return build(infoBytes, info, top, options, warnings);
}

/**
 * Reads an info dictionary alone, as peers send it for a magnet link (BEP 9).
 * Check its hash first.
 *
 * @param infoBytes The exact bytes. The result keeps views of them.
 * @param extras What the magnet link said.
 * @param options Limits and choices.
 * @returns The torrent; without piece layers, which are not in there.
 * @throws {MetainfoError} If it is no valid info dictionary or exceeds a limit.
 */
export function parseInfo(
  infoBytes: Uint8Array,
  extras: MetainfoExtras = {},
  options: ParseMetainfoOptions = {},
): Metainfo {
  const reports: BencodeLeniencyReport[] = [];
  const info = decode(infoBytes, options, reports);
  const warnings = new Warnings();
  for (const { leniency, offset } of reports) {
    warnings.add("not-canonical", `${leniency} at byte ${offset}`);
    if (leniency === "trailing-bytes") {
      throw badValue("info", "bytes follow the dictionary");
    }
  }
  const metainfo = build(
    infoBytes,
    info,
    new Map(),
    { ...options, requirePieceLayers: false },
    warnings,
  );
  return {
    ...metainfo,
    trackers: extras.trackers ?? [],
    webSeeds: extras.webSeeds ?? [],
    nodes: extras.nodes ?? [],
  };
}
