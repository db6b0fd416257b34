/**
 * Builds the dictionaries of a new torrent.
 *
 * @module
 */
import {
  concatBytes,
  fromByteString,
  toByteString,
} from "../../_shared/bytes.ts";
import { encodeBencode } from "../../bencode/encode.ts";
import type { BencodeInput } from "../../bencode/types.ts";
import { CreateError } from "../create_error.ts";
import { type CreateForm, type HashedFiles, placeEntries } from "./hash.ts";
import type { CreateMetainfoOptions } from "../create_options.ts";
import { type CreateEntry, type CreateFolder, entryPath } from "./entry.ts";
import type { CreatePlan } from "./walk.ts";
import { nodeCrypto } from "../node.ts";
import { reduceTree, SHA256_LENGTH, treeHeight } from "../sha256.ts";
import { BLOCK_SIZE } from "../piece_layout.ts";

type Dictionary = Map<string, BencodeInput>;

/** Characters of the list of files that are turned to bytes at once. */
const MAX_PART = 65536;

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
  if (entry.content?.type === "symlink") {
    file.set("attr", "l");
    file.set("symlink path", encodePath(entry.content.target));
  } else if (options.executables === true && entry.executable) {
    file.set("attr", "x");
  }
}

/** The v1 keys (BEP 3, 47), but for the list of several files. */
function addV1(
  info: Dictionary,
  plan: CreatePlan,
  hashed: HashedFiles,
  options: CreateMetainfoOptions,
): void {
  info.set("pieces", hashed.pieces);
  if (!plan.isSingleFile) return;
  info.set("length", hashed.lengths[0]!);
  addAttributes(info, plan.entries[0]!, options);
}

/**
 * Names of pad files: `.pad/LENGTH` as BEP 47 has it, with a number where that
 * is taken, as rTorrent refuses two files of one name.
 */
class PadNames {
  readonly #taken = new Set<string>();
  readonly #counts = new Map<number, number>();

  constructor(entries: readonly CreateEntry[]) {
    for (const { folder, name } of entries) {
      if (folder.key.length === 1 && folder.key[0] === ".pad") {
        this.#taken.add(name);
      }
    }
  }

  next(length: number): string {
    let count = this.#counts.get(length) ?? 0;
    let name: string;
    do {
      name = count === 0 ? `${length}` : `${length}.${count}`;
      count++;
    } while (this.#taken.has(name));
    this.#counts.set(length, count);
    return name;
  }
}

/**
 * The list of files (BEP 3, 47), encoded: there may be millions of them, too
 * many for a dictionary each.
 */
function encodeFiles(
  plan: CreatePlan,
  form: CreateForm,
  hashed: HashedFiles,
  options: CreateMetainfoOptions,
): Uint8Array[] {
  const pads = new PadNames(plan.entries);
  const folders = new Map<CreateFolder, string>();
  const textOf = (name: string) => `${name.length}:${name}`;
  /** Keys and values, one character a byte. */
  const encodeFile = (index: number, length: number): string => {
    const entry = plan.entries[index];
    if (entry === undefined) {
      const name = textOf(pads.next(length));
      return `d4:attr1:p6:lengthi${length}e4:pathl4:.pad${name}ee`;
    }
    const { folder, name, content, executable } = entry;
    let start = folders.get(folder);
    if (start === undefined) {
      folders.set(folder, start = folder.key.map(textOf).join(""));
    }
    const path = `6:lengthi${length}e4:pathl${start}${textOf(name)}e`;
    if (content?.type === "symlink") {
      const target = content.target.map(textOf).join("");
      return `d4:attr1:l${path}12:symlink pathl${target}ee`;
    }
    return options.executables === true && executable
      ? `d4:attr1:x${path}e`
      : `d${path}e`;
  };
  const parts: Uint8Array[] = [];
  let text = "l";
  for (const { index, length } of placeEntries(hashed.lengths, form)) {
    text += encodeFile(index, length);
    if (text.length < MAX_PART) continue;
    parts.push(fromByteString(text));
    text = "";
  }
  parts.push(fromByteString(`${text}e`));
  return parts;
}

/** Encodes a dictionary some of whose values are encoded already, in parts. */
function encodeWith(
  entries: Dictionary,
  encoded: Readonly<Record<string, readonly Uint8Array[]>>,
): Uint8Array[] {
  const keys = [...new Set([...entries.keys(), ...Object.keys(encoded)])];
  const parts = [fromByteString("d") as Uint8Array];
  for (const key of keys.sort()) {
    parts.push(fromByteString(`${key.length}:${key}`));
    const known = encoded[key];
    if (known !== undefined) { for (const part of known) parts.push(part); }
    else {
      parts.push(encodeBencode(entries.get(key)!, { maxDepth: Infinity }));
    }
  }
  parts.push(fromByteString("e"));
  return parts;
}

function digestOf(
  algorithm: "sha1" | "sha256",
  parts: readonly Uint8Array[],
): Uint8Array {
  const hash = nodeCrypto().createHash(algorithm);
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
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
    const path = plan.isSingleFile ? [plan.name] : entryPath(entry);
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
  if (entries[0]!.folder.key.length > 0) return;
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

/** Encodes the torrent. */
export function encodeCreated(
  plan: CreatePlan,
  form: CreateForm,
  hashed: HashedFiles,
  options: CreateMetainfoOptions,
): {
  bytes: Uint8Array<ArrayBuffer>;
  infoHashV1?: Uint8Array;
  infoHashV2?: Uint8Array;
} {
  const info: Dictionary = new Map(Object.entries(options.extraInfo ?? {}));
  const outer = outerKeys(options);
  info.set("name", fromByteString(plan.name));
  info.set("piece length", form.pieceLength);
  if (options.private === true) info.set("private", 1);
  if (options.source !== undefined) info.set("source", options.source);
  if (form.sha1) addV1(info, plan, hashed, options);
  if (form.sha256) {
    if (!form.sha1) checkLoneFile(plan);
    const layers: Dictionary = new Map();
    addV2(info, layers, plan, form, hashed, options);
    outer.set("piece layers", layers);
  }
  const files: Record<string, Uint8Array[]> = form.sha1 && !plan.isSingleFile
    ? { files: encodeFiles(plan, form, hashed, options) }
    : {};
  const infoParts = encodeWith(info, files);
  return {
    bytes: concatBytes(encodeWith(outer, { info: infoParts })),
    ...form.sha1 && { infoHashV1: digestOf("sha1", infoParts) },
    ...form.sha256 && { infoHashV2: digestOf("sha256", infoParts) },
  };
}
