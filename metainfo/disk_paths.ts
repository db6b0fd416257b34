/**
 * Where the files of a torrent are on a disk.
 *
 * @module
 */
import type { MetainfoFile } from "./metainfo.ts";
import { foldName, PathTree } from "./path_tree.ts";
import { isPlainName, sanitizePathComponent } from "./safe_path.ts";

export type { MetainfoFile };

/** Which names a disk treats as the same. */
export interface DiskNaming {
  /**
   * Whether names that differ only in case are one.
   *
   * @default {true}
   */
  readonly ignoresCase?: boolean | undefined;
  /**
   * Whether names that differ only in Unicode form are one.
   *
   * @default {true}
   */
  readonly ignoresForm?: boolean | undefined;
}

/** The names of a torrent: a `Metainfo` has them. */
export interface NamedTorrent {
  /** A safe name. */
  readonly name: string;
  /** The name as the torrent has it, where it is another one. */
  readonly originalName?: string | undefined;
  /** All files, pad files included. */
  readonly files: readonly MetainfoFile[];
}

/** A file stored under another path than the torrent names. */
export interface RenamedFile {
  /** Index of the file. */
  readonly index: number;
  /** Its path as the torrent has it, `/` between components; not safe. */
  readonly from: string;
  /** Its path on disk, `/` between components. */
  readonly to: string;
}

/**
 * Where new files go, below the download folder: safe names, a number in those
 * that the disk would take for the same.
 *
 * @param torrent A torrent.
 * @param naming What the disk does; the default is safe on every disk.
 * @returns One path a file, pad files included.
 */
export function diskPaths(
  torrent: NamedTorrent,
  naming: DiskNaming = {},
): string[][] {
  const { name, files } = torrent;
  const { ignoresCase = true, ignoresForm = true } = naming;
  const isCareful = ignoresCase && ignoresForm;
  if (isCareful || files.every((file) => file.sharedName === undefined)) {
    return files.map(({ path }) => [name, ...path]);
  }
  const tree = new PathTree((text) => foldName(text, naming));
  const paths = files.map(({ path, sharedName }) =>
    sharedName === undefined ? path : [...path.slice(0, -1), sharedName]
  );
  files.forEach(({ pad }, i) => {
    if (!pad) tree.addParents(paths[i]!);
  });
  return files.map(({ pad }, i) => {
    const path = paths[i]!;
    return [name, ...pad ? path : tree.addFile(path)];
  });
}

/**
 * Where files may lie that were not written by us: the names as they stand,
 * where each component could be a name (see {@linkcode isPlainName}), else the
 * safe component.
 *
 * @param torrent A torrent.
 * @returns One path a file; `undefined` where nothing was changed.
 */
export function plainPaths(
  torrent: NamedTorrent,
): (readonly string[] | undefined)[] {
  const { name, originalName = name, files } = torrent;
  const plainName = isPlainName(originalName) ? originalName : name;
  return files.map(({ path, originalPath, pad }) => {
    if (pad) return undefined;
    if (originalPath === undefined) {
      return plainName === name ? undefined : [plainName, ...path];
    }
    const plain = originalPath.flatMap((part) => {
      if (isPlainName(part)) return [part];
      const safe = part === "" ? "_" : sanitizePathComponent(part);
      return safe === "" ? [] : [safe];
    });
    return [plainName, ...plain];
  });
}

/**
 * Lists the files stored under other paths than the torrent names.
 *
 * @param torrent A torrent.
 * @param paths Where its files are.
 * @returns Those whose path differs, in order; no pad files.
 */
export function renamedFiles(
  torrent: NamedTorrent,
  paths: readonly (readonly string[])[] = diskPaths(torrent),
): RenamedFile[] {
  const { name, originalName = name, files } = torrent;
  const renamed: RenamedFile[] = [];
  files.forEach(({ path, originalPath = path, pad }, index) => {
    if (pad) return;
    const from = [originalName, ...originalPath].join("/");
    const to = paths[index]!.join("/");
    if (from !== to) renamed.push({ index, from, to });
  });
  return renamed;
}

/** A file whose name not every system can hold. */
export interface UnportableFile {
  /** Index of the file. */
  readonly index: number;
  /** Its path as the torrent has it, `/` between components; not safe. */
  readonly path: string;
  /**
   * `windows`: Windows reserves or forbids a name. `changed`: it has characters
   * that are not shown or do harm, or is too long. `shared`: another file has
   * the same name but for case or Unicode form.
   */
  readonly reason: "windows" | "changed" | "shared";
}

/**
 * Finds files of a torrent whose names some systems will change.
 *
 * @param torrent A torrent.
 * @returns Those files in order, each with its first reason.
 */
export function unportableFiles(torrent: NamedTorrent): UnportableFile[] {
  const { name, originalName = name, files } = torrent;
  return unportablePaths(files.length, (i) => {
    const { path, originalPath = path, pad } = files[i]!;
    return pad ? undefined : [originalName, ...originalPath];
  });
}

/**
 * Finds paths that some systems will change.
 *
 * @param count How many paths there are.
 * @param pathOf Gives a path; `undefined` is passed over.
 * @returns Those files in order, each with its first reason.
 */
export function unportablePaths(
  count: number,
  pathOf: (index: number) => readonly string[] | undefined,
): UnportableFile[] {
  const unportable: UnportableFile[] = [];
  /** What is wrong with a name; most are those of folders. */
  const known = new Map<string, UnportableFile["reason"] | undefined>();
  const taken = new Set<string>();
  const reasonOf = (part: string) =>
    sanitizePathComponent(part) !== part
      ? "changed"
      : sanitizePathComponent(part, { windowsNames: true }) !== part
      ? "windows"
      : undefined;
  for (let index = 0; index < count; index++) {
    const path = pathOf(index);
    if (path === undefined) continue;
    const text = path.join("/");
    let reason: UnportableFile["reason"] | undefined;
    for (let i = 0; i < path.length && reason !== "changed"; i++) {
      const part = path[i]!;
      let found = known.get(part);
      if (found === undefined && !known.has(part)) {
        found = reasonOf(part);
        if (i < path.length - 1) known.set(part, found);
      }
      reason = found ?? reason;
    }
    const key = foldName(text);
    if (taken.has(key)) reason ??= "shared";
    taken.add(key);
    if (reason !== undefined) unportable.push({ index, path: text, reason });
  }
  return unportable;
}
