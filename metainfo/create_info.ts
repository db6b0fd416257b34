/**
 * Builds the dictionaries of a new torrent.
 *
 * @module
 */
import { toByteString } from "../_shared/bytes.ts";
import { encodeBencode } from "../bencode/encode.ts";
import type { BencodeInput } from "../bencode/types.ts";
import { fromByteString } from "../_shared/bytes.ts";
import { CreateError } from "./create_error.ts";
import {
  type CreateForm,
  type HashedFiles,
  placeEntries,
} from "./create_hash.ts";
import type { CreateMetainfoOptions } from "./create_options.ts";
import type { CreateEntry, CreatePlan } from "./create_walk.ts";
import { reduceTree, SHA256_LENGTH, treeHeight } from "./hash_sha256.ts";
import { BLOCK_SIZE } from "./piece_layout.ts";

type Dictionary = Map<string, BencodeInput>;

/** Components of a path as they are encoded. */
function encodePath(path: readonly string[]): Uint8Array[] {
  return path.map((component) => fromByteString(component));
}

/** Attributes and link target of a file (BEP 47). */
function addAttributes(
  file: Dictionary,
  entry: CreateEntry,
  options: CreateMetainfoOptions,
): void {
  if (entry.content.type === "symlink") {
    file.set("attr", "l");
    file.set("symlink path", encodePath(entry.content.target));
  } else if (options.executables === true && entry.executable) {
    file.set("attr", "x");
  }
}

/** The v1 keys (BEP 3, 47). */
function addV1(
  info: Dictionary,
  plan: CreatePlan,
  form: CreateForm,
  hashed: HashedFiles,
  options: CreateMetainfoOptions,
): void {
  info.set("pieces", hashed.pieces);
  if (plan.isSingleFile) {
    info.set("length", hashed.lengths[0]!);
    addAttributes(info, plan.entries[0]!, options);
    return;
  }
  const placed = placeEntries(hashed.lengths, form);
  const files = placed.map(({ index, length }): BencodeInput => {
    const file: Dictionary = new Map<string, BencodeInput>([[
      "length",
      length,
    ]]);
    const entry = plan.entries[index];
    if (entry === undefined) {
      file.set("attr", "p");
      file.set("path", [".pad", String(length)]);
    } else {
      file.set("path", encodePath(entry.path));
      addAttributes(file, entry, options);
    }
    return file;
  });
  info.set("files", files);
}

/** The v2 keys (BEP 52). */
function addV2(
  info: Dictionary,
  layers: Dictionary,
  plan: CreatePlan,
  form: CreateForm,
  hashed: HashedFiles,
  options: CreateMetainfoOptions,
): void {
  const pieceHeight = treeHeight(form.pieceLength / BLOCK_SIZE);
  const tree: Dictionary = new Map();
  plan.entries.forEach((entry, i) => {
    const length = hashed.lengths[i]!;
    const layer = hashed.layers[i]!;
    const file: Dictionary = new Map<string, BencodeInput>([[
      "length",
      length,
    ]]);
    addAttributes(file, entry, options);
    if (length > 0) {
      let root = layer;
      if (length > form.pieceLength) {
        const count = layer.length / SHA256_LENGTH;
        const nodes = new Uint8Array(layer.length + SHA256_LENGTH);
        nodes.set(layer);
        const height = pieceHeight + treeHeight(count);
        root = reduceTree(nodes, count, pieceHeight, height).slice();
        layers.set(toByteString(root), layer);
      }
      file.set("pieces root", root);
    }
    let folder = tree;
    const path = plan.isSingleFile ? [plan.name] : entry.path;
    for (const component of path) {
      let next = folder.get(component);
      if (!(next instanceof Map)) {
        next = new Map<string, BencodeInput>();
        folder.set(component, next);
      }
      folder = next as Dictionary;
    }
    folder.set("", file);
  });
  info.set("file tree", tree);
  info.set("meta version", 2);
}

/**
 * Refuses what readers of v2 take for a single file: a file tree of one file
 * in no folder (BEP 52), whatever the torrent's name is.
 */
function checkLoneFile({ entries, isSingleFile }: CreatePlan): void {
  if (isSingleFile || entries.length !== 1) return;
  if (entries[0]!.path.length > 1) return;
  throw new CreateError(
    "lone-file",
    "Cannot create a v2 torrent of a folder with nothing but one file, as readers take it for the file alone: give the file itself, or create a v1 or hybrid torrent",
  );
}

/** The keys around the info dictionary. */
function outerKeys(options: CreateMetainfoOptions): Dictionary {
  const outer: Dictionary = new Map(Object.entries(options.extra ?? {}));
  const tiers = (options.trackers ?? []).filter((tier) => tier.length > 0);
  const first = tiers[0]?.[0];
  if (first !== undefined) {
    outer.set("announce", first);
    if (tiers.length > 1 || tiers[0]!.length > 1) {
      outer.set("announce-list", tiers);
    }
  }
  const { comment, webSeeds = [], nodes = [] } = options;
  if (comment !== undefined) outer.set("comment", comment);
  if (webSeeds.length > 0) outer.set("url-list", webSeeds);
  if (nodes.length > 0) {
    outer.set("nodes", nodes.map(({ hostname, port }) => [hostname, port]));
  }
  const { createdBy = "bip for Deno", creationDate } = options;
  if (createdBy !== null) outer.set("created by", createdBy);
  if (creationDate !== null) {
    outer.set("creation date", creationDate ?? Math.floor(Date.now() / 1000));
  }
  return outer;
}

/**
 * Encodes the torrent.
 *
 * @param plan The files in order.
 * @param form How they lie in pieces.
 * @param hashed Their lengths and hashes.
 * @param options Everything else.
 * @returns The bytes of the torrent file.
 * @throws {CreateError} If readers would not see the folder.
 */
export function encodeCreated(
  plan: CreatePlan,
  form: CreateForm,
  hashed: HashedFiles,
  options: CreateMetainfoOptions,
): Uint8Array<ArrayBuffer> {
  const info: Dictionary = new Map(Object.entries(options.extraInfo ?? {}));
  const outer = outerKeys(options);
  info.set("name", fromByteString(plan.name));
  info.set("piece length", form.pieceLength);
  if (options.private === true) info.set("private", 1);
  if (options.source !== undefined) info.set("source", options.source);
  if (form.sha1) addV1(info, plan, form, hashed, options);
  if (form.sha256) {
    if (!form.sha1) checkLoneFile(plan);
    const layers: Dictionary = new Map();
    addV2(info, layers, plan, form, hashed, options);
    outer.set("piece layers", layers);
  }
  outer.set("info", info);
  return encodeBencode(outer, { maxDepth: Infinity });
}
