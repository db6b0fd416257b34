/**
 * From the paths as they are written to the paths that are used.
 *
 * @module
 */
import { encodeText, equalBytes } from "../../_shared/bytes.ts";
import { type DecodeText, tooLarge, type Warnings } from "./fields.ts";
import type { RawFile } from "./file_list.ts";
import type { MetainfoFile, ParseMetainfoOptions } from "../metainfo.ts";
import { PathTree } from "../path_tree.ts";
import { sanitizePath, sanitizePathComponent } from "../safe_path.ts";

function isSameText(text: string, raw: Uint8Array): boolean {
  if (text.length > raw.length) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return equalBytes(encodeText(text), raw);
    if (code !== raw[i]) return false;
  }
  return text.length === raw.length;
}

function isAsWritten(
  path: readonly string[],
  raw: readonly Uint8Array[],
): boolean {
  return path.length === raw.length &&
    path.every((part, i) => isSameText(part, raw[i]!));
}

function samePath(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((part, i) => part === b[i]);
}

function startsWith(path: readonly string[], start: readonly string[]) {
  return path.length >= start.length &&
    start.every((part, i) => path[i] === part);
}

/** A link that leads to a folder it is in would make walks endless. */
function resolveLink(
  tree: PathTree,
  path: readonly string[],
  target: readonly string[],
): readonly string[] | undefined {
  const resolved = tree.resolve(target);
  return resolved === undefined || startsWith(path, resolved)
    ? undefined
    : resolved;
}

/** Makes all names of a torrent safe and unique. */
export function nameFiles(
  rawFiles: readonly RawFile[],
  context: {
    readonly isSingleFile: boolean;
    readonly name: Uint8Array;
    readonly fileName: Uint8Array;
    readonly fallback: string;
    readonly decode: DecodeText;
    readonly options: ParseMetainfoOptions;
    readonly warnings: Warnings;
  },
): { name: string; originalName?: string; files: MetainfoFile[] } {
  const { isSingleFile, options, warnings, decode } = context;
  const originalName = decode(context.fileName);
  const name = sanitizePathComponent(originalName, options) ||
    sanitizePathComponent(decode(context.name), options) || context.fallback;
  const isRenamed = name !== originalName;
  if (isRenamed) warnings.add("renamed", "info.name");
  const originals = isSingleFile
    ? [[]]
    : rawFiles.map((file) => file.path.map(decode));
  const paths = originals.map((path) =>
    isSingleFile ? path : sanitizePath(path, options)
  );
  const tree = new PathTree();
  const used: (readonly string[])[] = [...paths];
  if (!isSingleFile) {
    rawFiles.forEach((file, i) => {
      if (!file.pad) tree.addParents(paths[i]!);
    });
    let duplicates = 0;
    const { maxDuplicateNames = 500 } = options;
    rawFiles.forEach((file, i) => {
      if (file.pad) return; // pad files are never on disk
      const path = tree.addFile(paths[i]!);
      if (path !== paths[i] && ++duplicates > maxDuplicateNames) {
        throw tooLarge(
          "info.files",
          `at most ${maxDuplicateNames} names may be taken already`,
        );
      }
      used[i] = path;
      if (file.symlink) {
        tree.addLink(path, sanitizePath(file.symlink.map(decode), options));
      }
    });
  }
  const files = rawFiles.map((file, i): MetainfoFile => {
    const path = used[i]!;
    const { length, pad, executable, hidden, piecesRoot, sha1, md5 } = file;
    const isOther = !isSingleFile && !isAsWritten(path, file.rawPath);
    const originalPath = originals[i]!;
    const isChanged = !samePath(path, originalPath);
    if (isChanged) warnings.add("renamed", file.field);
    let symlink: readonly string[] | undefined;
    if (file.symlink && !isSingleFile) {
      const target = sanitizePath(file.symlink.map(decode), options);
      symlink = resolveLink(tree, path, target);
      if (symlink === undefined) warnings.add("dropped-symlink", file.field);
    }
    return {
      path,
      length,
      pad,
      executable,
      hidden,
      ...(symlink && { symlink }),
      ...(piecesRoot && { piecesRoot }),
      ...(sha1 && { sha1 }),
      ...(md5 !== undefined && { md5 }),
      ...(isChanged && { originalPath }),
      ...(path !== paths[i] && { sharedName: paths[i]!.at(-1)! }),
      ...(isOther && { rawPath: file.rawPath }),
    };
  });
  return isRenamed ? { name, originalName, files } : { name, files };
}
