/**
 * The file lists of v1 (BEP 3, 47) and v2 (BEP 52) info dictionaries, as they
 * are written.
 *
 * @module
 */
import type { BencodeDictionary, BencodeValue } from "../../bencode/mod.ts";
import {
  encodeText,
  equalBytes,
  fromByteString,
  tryDecodeText,
} from "../../_shared/bytes.ts";
import {
  badValue,
  missing,
  needBytes,
  needCount,
  needDictionary,
  tooLarge,
  type Warnings,
  wrongType,
} from "./fields.ts";
import { MetainfoError, type ParseMetainfoOptions } from "../metainfo.ts";
import { MERKLE_HASH_LENGTH } from "../merkle.ts";

/** A file before its name is made safe. */
export interface RawFile {
  /** Components as written, for comparing v1 with v2. */
  readonly rawPath: readonly Uint8Array[];
  /** Components to use: those of `path.utf-8`, where there are such. */
  readonly path: readonly Uint8Array[];
  readonly length: number;
  readonly pad: boolean;
  readonly executable: boolean;
  readonly hidden: boolean;
  /** Target as written, for a symbolic link. */
  readonly symlink?: readonly Uint8Array[];
  readonly piecesRoot?: Uint8Array;
  readonly sha1?: Uint8Array;
  readonly md5?: string;
  /** Field that describes the file, for warnings. */
  readonly field: string;
}

/** Bounds on paths, over all files. */
export class PathBudget {
  readonly #maxDepth: number;
  #components: number;

  constructor(options: ParseMetainfoOptions) {
    this.#maxDepth = options.maxPathDepth ?? 1000;
    this.#components = options.maxPathComponents ?? 3_000_000;
  }

  spend(depth: number, field: string): void {
    if (depth > this.#maxDepth) {
      throw tooLarge(
        field,
        `a path may have at most ${this.#maxDepth} components`,
      );
    }
    this.#components -= depth;
    if (this.#components < 0) {
      throw tooLarge(field, "all paths together have too many components");
    }
  }
}

function byteStrings(
  value: BencodeValue | undefined,
): Uint8Array[] | undefined {
  if (!Array.isArray(value)) return undefined;
  for (const item of value) {
    if (!(item instanceof Uint8Array)) return undefined;
  }
  return value as Uint8Array[];
}

/** What BEP 47 says of a file; the attributes of v1 and v2 are the same. */
function attributes(
  file: BencodeDictionary,
  field: string,
  warnings: Warnings,
) {
  const attr = file.get("attr");
  const has = (letter: number) =>
    attr instanceof Uint8Array && attr.includes(letter);
  const sha1 = file.get("sha1");
  const md5 = file.get("md5sum");
  let symlink: Uint8Array[] | undefined;
  if (has(0x6c)) { // l
    symlink = byteStrings(file.get("symlink path"));
    if (symlink === undefined || symlink.length === 0) {
      warnings.add("dropped-symlink", field);
      symlink = undefined;
    }
  }
  return {
    pad: has(0x70), // p
    executable: has(0x78), // x
    hidden: has(0x68), // h
    isLink: has(0x6c),
    ...(symlink && { symlink }),
    ...(sha1 instanceof Uint8Array && sha1.length === 20 && { sha1 }),
    ...(md5 instanceof Uint8Array && md5.length === 32 &&
      { md5: String.fromCharCode(...md5) }),
  };
}

function pathOf(
  file: BencodeDictionary,
  key: string,
  field: string,
): Uint8Array[] | undefined {
  const value = file.get(key);
  if (value === undefined) return undefined;
  const path = byteStrings(value);
  if (path === undefined) throw wrongType(field, "a list of strings");
  if (path.length === 0) throw badValue(field, "it must not be empty");
  return path;
}

const BITCOMET_PAD = encodeText("_____padding_file_");

/**
 * Whether a file is padding in BitComet's way, older than BEP 47: by its name,
 * and as it fills a piece to its end.
 */
function isBitCometPad(
  name: Uint8Array,
  address: number,
  length: number,
  pieceLength: number,
): boolean {
  const digit = name[BITCOMET_PAD.length];
  return length > 0 && length < pieceLength &&
    address % pieceLength + length === pieceLength &&
    digit !== undefined && digit >= 0x30 && digit <= 0x39 &&
    BITCOMET_PAD.every((byte, i) => name[i] === byte);
}

/** The components of `path.utf-8`, where they are UTF-8. */
function utf8PathOf(file: BencodeDictionary): Uint8Array[] | undefined {
  const path = byteStrings(file.get("path.utf-8"));
  return path !== undefined && path.length > 0 &&
      path.every((part) => tryDecodeText(part) !== undefined)
    ? path
    : undefined;
}

/**
 * Reads `length` or `files` of a v1 info dictionary (BEP 3, 47). Returns the
 * files, or `undefined` when there is neither field.
 */
export function readV1Files(
  info: BencodeDictionary,
  pieceLength: number,
  options: ParseMetainfoOptions,
  warnings: Warnings,
): { files: RawFile[]; isSingleFile: boolean } | undefined {
  const list = info.get("files");
  if (list === undefined) {
    if (!info.has("length")) return undefined;
    const { isLink: _, symlink: __, ...rest } = attributes(
      info,
      "info",
      warnings,
    );
    const length = needCount(info, "length", "info.length");
    const file = { ...rest, rawPath: [], path: [], length, field: "info" };
    return { files: [{ ...file, pad: false }], isSingleFile: true };
  }
  if (info.has("length")) warnings.add("ignored", "info.length");
  if (!Array.isArray(list)) throw wrongType("info.files", "a list");
  if (list.length === 0) throw badValue("info.files", "it must not be empty");
  const budget = new PathBudget(options);
  const files: RawFile[] = [];
  let address = 0;
  for (let i = 0; i < list.length; i++) {
    const field = `info.files[${i}]`;
    const file = list[i]!;
    if (!(file instanceof Map)) throw wrongType(field, "a dictionary");
    const { isLink, ...rest } = attributes(file, field, warnings);
    let length = 0;
    if (!isLink) length = needCount(file, "length", `${field}.length`);
    else if ((file.get("length") ?? 0) !== 0) {
      warnings.add("ignored", `${field}.length`);
    }
    const alternative = utf8PathOf(file);
    let rawPath = alternative !== undefined && !file.has("path")
      ? alternative
      : pathOf(file, "path", `${field}.path`);
    if (rawPath === undefined) {
      if (!rest.pad) throw missing(`${field}.path`);
      rawPath = [encodeText(".pad"), encodeText(`${length}`)];
    }
    const path = alternative ?? rawPath;
    const pad = rest.pad || isBitCometPad(
      rawPath[rawPath.length - 1]!,
      address,
      length,
      pieceLength,
    );
    address += length;
    budget.spend(path.length, `${field}.path`);
    budget.spend(rest.symlink?.length ?? 0, `${field}.symlink path`);
    files.push({ ...rest, pad, rawPath, path, length, field });
  }
  return { files, isSingleFile: false };
}

interface Frame {
  readonly entries: Iterator<[string, BencodeValue]>;
  readonly path: readonly Uint8Array[];
}

function readV2File(
  properties: BencodeValue,
  path: readonly Uint8Array[],
  field: string,
  warnings: Warnings,
): RawFile {
  if (!(properties instanceof Map)) throw wrongType(field, "a dictionary");
  const { isLink, ...rest } = attributes(properties, field, warnings);
  if (rest.pad) throw badValue(field, "a v2 file must not be padding");
  const length = isLink && !properties.has("length")
    ? 0
    : needCount(properties, "length", `${field}.length`);
  const file = { ...rest, rawPath: path, path, length, field };
  if (isLink && length > 0) {
    throw badValue(field, "a symbolic link must have length 0");
  }
  if (length === 0) {
    if (properties.has("pieces root")) {
      warnings.add("ignored", `${field}.pieces root`);
    }
    return file;
  }
  const rootField = `${field}.pieces root`;
  const piecesRoot = needBytes(properties, "pieces root", rootField);
  if (piecesRoot.length !== MERKLE_HASH_LENGTH) {
    throw badValue(rootField, "it must have 32 bytes");
  }
  if (piecesRoot.every((byte) => byte === 0)) {
    throw badValue(rootField, "it must not be zero");
  }
  return { ...file, piecesRoot };
}

/** Reads `file tree` of a v2 info dictionary (BEP 52), without recursion. */
export function readFileTree(
  info: BencodeDictionary,
  options: ParseMetainfoOptions,
  warnings: Warnings,
): RawFile[] {
  const tree = needDictionary(info, "file tree", "info.file tree");
  const budget = new PathBudget(options);
  const files: RawFile[] = [];
  const stack: Frame[] = [{ entries: tree.entries(), path: [] }];
  while (stack.length > 0) {
    const frame = stack[stack.length - 1]!;
    const next = frame.entries.next();
    if (next.done) {
      stack.pop();
      continue;
    }
    const [key, value] = next.value;
    if (key === "") {
      throw badValue(
        "info.file tree",
        "a name must not be empty, nor a file have siblings",
      );
    }
    const field = `info.file tree[file ${files.length}]`;
    if (!(value instanceof Map)) throw wrongType(field, "a dictionary");
    const path = [...frame.path, fromByteString(key)];
    budget.spend(path.length, field);
    const properties = value.get("");
    if (properties !== undefined && value.size === 1) {
      const file = readV2File(properties, path, field, warnings);
      budget.spend(file.symlink?.length ?? 0, field);
      files.push(file);
    } else stack.push({ entries: value.entries(), path });
  }
  if (files.length === 0) {
    throw badValue("info.file tree", "it must hold a file");
  }
  return files;
}

function mismatch(field: string, problem: string): MetainfoError {
  return new MetainfoError(
    "hybrid-mismatch",
    field,
    `Cannot use a hybrid torrent: ${problem} at "${field}"`,
  );
}

function samePath(
  a: readonly Uint8Array[],
  b: readonly Uint8Array[],
): boolean {
  return a.length === b.length &&
    a.every((part, i) => equalBytes(part, b[i]!));
}

/**
 * Joins both halves of a hybrid torrent, which must describe the same files in
 * the same order, each at a piece boundary in v1 (BEP 52).
 */
export function joinHybrid(
  v1: { files: readonly RawFile[]; isSingleFile: boolean },
  v2: readonly RawFile[],
  name: Uint8Array,
  pieceLength: number,
): RawFile[] {
  const joined: RawFile[] = [];
  let next = 0;
  let address = 0;
  for (const file of v1.files) {
    if (file.pad) {
      joined.push(file);
      address += file.length;
      continue;
    }
    const twin = v2[next++];
    if (twin === undefined) throw mismatch(file.field, "v2 lacks a file");
    const rawPath = v1.isSingleFile ? [name] : file.rawPath;
    if (!samePath(rawPath, twin.rawPath)) {
      throw mismatch(file.field, "v1 and v2 differ in a path");
    }
    if (file.length !== twin.length) {
      throw mismatch(file.field, "v1 and v2 differ in a length");
    }
    if (file.length > 0 && address % pieceLength !== 0) {
      throw mismatch(file.field, "a v1 file starts inside a piece");
    }
    address += file.length;
    joined.push(
      twin.piecesRoot ? { ...file, piecesRoot: twin.piecesRoot } : file,
    );
  }
  if (next < v2.length) throw mismatch("info.files", "v1 lacks a file");
  return joined;
}
