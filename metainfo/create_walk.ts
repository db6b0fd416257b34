/**
 * Finds what goes into a new torrent: a list of files in one order on every
 * system, and a name.
 *
 * @module
 */
import { encodeText, toByteString } from "../_shared/bytes.ts";
import { CreateError } from "./create_error.ts";
import type {
  CreateBytesSource,
  CreateMetainfoOptions,
  CreatePathSource,
  CreateSource,
  CreateStreamSource,
} from "./create_options.ts";
import { nextTurn } from "./hash_pool.ts";

/** Where the content of a file comes from. */
export type CreateContent =
  | {
    readonly type: "disk";
    /** Path on disk. */
    readonly path: string;
    /** Time of its last change when it was found, in milliseconds. */
    readonly mtime: number | undefined;
  }
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
  | { readonly type: "stream"; readonly stream: ReadableStream<Uint8Array> }
  | {
    readonly type: "symlink";
    /** Path of the target, starting as the paths of other entries do. */
    readonly target: readonly string[];
  };

/** A file of the new torrent. */
export interface CreateEntry {
  /** Path as byte strings, later without the torrent's name. */
  readonly path: readonly string[];
  /** Length in bytes; `undefined` for a stream of unknown length. */
  readonly length: number | undefined;
  /** Whether the owner may execute it. */
  readonly executable: boolean;
  /** Where its bytes come from. */
  readonly content: CreateContent;
}

/** All files of the new torrent. */
export interface CreatePlan {
  /** The torrent's name as a byte string. */
  readonly name: string;
  /** Whether the torrent is one file of that name. */
  readonly isSingleFile: boolean;
  /** The files in order, paths without the name; one empty path if single. */
  readonly entries: readonly CreateEntry[];
}

function pathKey(component: string, path: string): string {
  const key = component.isWellFormed()
    ? toByteString(encodeText(component))
    : "";
  if (
    key === "" || key === "." || key === ".." || key.includes("/") ||
    key.includes("\0")
  ) {
    throw new CreateError(
      "bad-path",
      `Cannot store "${path}" in a torrent: "${component}" is no file name`,
      path,
    );
  }
  return key;
}

/** Orders paths component by component as bytes: the order of BEP 52. */
function comparePaths(a: readonly string[], b: readonly string[]): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1;
  }
  return a.length - b.length;
}

function ioError(error: unknown, path: string): CreateError {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Deno.errors.NotFound) {
    return new CreateError(
      "not-found",
      `Cannot find "${path}": ${message}`,
      path,
      { cause: error },
    );
  }
  return new CreateError(
    "read-failed",
    `Cannot read "${path}": ${message}`,
    path,
    { cause: error },
  );
}

async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw ioError(error, path);
  }
}

/** Synchronous, as thousands of files want it. */
function lstat(path: string): Deno.FileInfo {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    throw ioError(error, path);
  }
}

function diskEntry(
  path: readonly string[],
  diskPath: string,
  stat: Deno.FileInfo,
): CreateEntry {
  return {
    path,
    length: stat.size,
    executable: ((stat.mode ?? 0) & 0o100) !== 0,
    content: { type: "disk", path: diskPath, mtime: stat.mtime?.getTime() },
  };
}

/**
 * The path of a link's target as entries have it, or `undefined` when it leads
 * out of the folder. Looks at text only: nothing is followed.
 */
function linkTarget(
  link: readonly string[],
  target: string,
  rootDepth: number,
): string[] | undefined {
  if (target.startsWith("/") || target.includes("\0")) return undefined;
  const path = link.slice(0, -1);
  for (const component of target.split("/")) {
    if (component === "" || component === ".") continue;
    if (component === "..") {
      if (path.length <= rootDepth) return undefined;
      path.pop();
    } else path.push(toByteString(encodeText(component)));
  }
  return path;
}

/** Walks a folder without recursion. */
async function walkFolder(
  root: string,
  rootKey: string,
  options: CreateMetainfoOptions,
  entries: CreateEntry[],
): Promise<void> {
  const { symlinks = "skip", signal } = options;
  const folders: { path: string; key: string[] }[] = [
    { path: root, key: [rootKey] },
  ];
  for (
    let folder = folders.pop();
    folder !== undefined;
    folder = folders.pop()
  ) {
    const { path, key } = folder;
    const found = await attempt(
      path,
      () => Array.fromAsync(Deno.readDir(path)),
    );
    signal?.throwIfAborted();
    for (const { name, isSymlink, isDirectory, isFile } of found) {
      const childPath = path.endsWith("/") ? path + name : `${path}/${name}`;
      const child = [...key, pathKey(name, childPath)];
      if (isSymlink) {
        if (symlinks === "refuse") {
          throw new CreateError(
            "symlink",
            `Cannot store "${childPath}" in a torrent: it is a symbolic link`,
            childPath,
          );
        }
        if (symlinks === "skip") continue;
        const text = await attempt(childPath, () => Deno.readLink(childPath));
        const target = linkTarget(child, text, 1);
        if (target === undefined) continue;
        entries.push({
          path: child,
          length: 0,
          executable: false,
          content: { type: "symlink", target },
        });
      } else if (isDirectory) folders.push({ path: childPath, key: child });
      else if (isFile) {
        entries.push(diskEntry(child, childPath, lstat(childPath)));
        if (entries.length % 1024 === 0) await nextTurn();
      }
    }
    signal?.throwIfAborted();
  }
}

/** Splits a path on disk: the last component, and what is before it. */
async function splitDiskPath(
  path: string,
): Promise<{ parent: string; base: string }> {
  const separators = Deno.build.os === "windows" ? /[\\/]+/ : /\/+/;
  let parts = path.split(separators).filter((part) => part !== "");
  const last = parts.at(-1);
  parts = parts.filter((part) => part !== ".");
  if (last === undefined || last === "." || last === "..") {
    const real = await attempt(path, () => Deno.realPath(path));
    parts = real.split(separators).filter((part) => part !== "");
  }
  const base = parts.pop() ?? "";
  const absolute = path.startsWith("/") || last === "." || last === "..";
  return { parent: (absolute ? "/" : "") + parts.join("/"), base };
}

/** Refuses equal paths, and files where others have folders. */
function checkConflicts(entries: readonly CreateEntry[]): void {
  for (let i = 1; i < entries.length; i++) {
    const a = entries[i - 1]!.path;
    const b = entries[i]!.path;
    if (a.length <= b.length && a.every((part, j) => part === b[j])) {
      const path = displayPath(a);
      throw new CreateError(
        "duplicate-path",
        `Cannot store "${path}" twice in a torrent`,
        path,
      );
    }
  }
}

/**
 * Joins a path of byte strings for messages.
 *
 * @param path The components.
 * @returns Text.
 */
export function displayPath(path: readonly string[]): string {
  const bytes = Uint8Array.from(path.join("/"), (c) => c.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

/** Leaves out links whose target is no file of the torrent. */
function dropDanglingLinks(entries: readonly CreateEntry[]): CreateEntry[] {
  const files = new Set<string>();
  for (const { path, content } of entries) {
    if (content.type !== "symlink") files.add(path.join("/"));
  }
  return entries.filter(({ content }) =>
    content.type !== "symlink" || files.has(content.target.join("/"))
  );
}

/**
 * Finds all files of a new torrent.
 *
 * @param options Options with the inputs.
 * @returns The files in order, and the name.
 * @throws {CreateError} If an input is absent, of a wrong kind or cannot be
 * read, or if paths conflict or no name can be found.
 */
export async function planCreation(
  options: CreateMetainfoOptions,
): Promise<CreatePlan> {
  const found: CreateEntry[] = [];
  const parents = new Set<string | undefined>();
  let bareFiles = 0;
  for (const input of options.inputs) {
    options.signal?.throwIfAborted();
    if (!isPathSource(input)) {
      const shown = input.path.join("/");
      const path = input.path.map((part) => pathKey(part, shown));
      if (path.length === 0) pathKey("", shown);
      if (path.length === 1) bareFiles++;
      parents.add(undefined);
      found.push(memoryEntry(path, input));
      continue;
    }
    const { path } = input;
    const { parent, base } = await splitDiskPath(path);
    const key = pathKey(base === "" ? options.name ?? base : base, path);
    parents.add(parent);
    const stat = await attempt(path, () => Deno.stat(path));
    if (stat.isDirectory) await walkFolder(path, key, options, found);
    else if (stat.isFile) {
      bareFiles++;
      found.push(diskEntry([key], path, stat));
    } else {
      throw new CreateError(
        "not-a-file",
        `Cannot store "${path}" in a torrent: it is neither a file nor a folder`,
        path,
      );
    }
  }
  await nextTurn();
  const entries = dropDanglingLinks(found);
  entries.sort((a, b) => comparePaths(a.path, b.path));
  checkConflicts(entries);
  return namePlan(options, entries, bareFiles, [...parents]);
}

function isPathSource(input: CreateSource): input is CreatePathSource {
  return typeof input.path === "string";
}

function memoryEntry(
  path: readonly string[],
  input: CreateBytesSource | CreateStreamSource,
): CreateEntry {
  if ("bytes" in input) {
    const { bytes } = input;
    const content = { type: "bytes", bytes } as const;
    return { path, length: bytes.length, executable: false, content };
  }
  const { stream, length } = input;
  if (length !== undefined && (!Number.isSafeInteger(length) || length < 0)) {
    throw new RangeError(
      `Cannot use ${length} as the length of a stream: expected bytes`,
    );
  }
  const content = { type: "stream", stream } as const;
  return { path, length, executable: false, content };
}

/** Finds the name, and takes it off the paths where it is on them. */
async function namePlan(
  options: CreateMetainfoOptions,
  entries: readonly CreateEntry[],
  bareFiles: number,
  parents: readonly (string | undefined)[],
): Promise<CreatePlan> {
  const first = entries[0]?.path[0];
  if (first === undefined) {
    throw new CreateError(
      "empty",
      "Cannot create a torrent: there are no files",
    );
  }
  const given = options.name === undefined
    ? undefined
    : pathKey(options.name, options.name);
  const isCommon = entries.every(({ path }) => path[0] === first);
  const hasRoot = isCommon &&
    (options.inputs.length === 1 || (given === undefined && bareFiles === 0));
  if (hasRoot) {
    return {
      name: given ?? first,
      isSingleFile: bareFiles === 1,
      entries: entries.map((entry) => withoutRoot(entry)),
    };
  }
  if (given !== undefined) return { name: given, isSingleFile: false, entries };
  const parent = parents.length === 1 ? parents[0] : undefined;
  const { base: folder } = parent === undefined
    ? { base: "" }
    : await splitDiskPath(parent === "" ? "." : parent);
  if (folder === "") {
    throw new CreateError(
      "no-name",
      "Cannot name the torrent after its inputs: give a name",
    );
  }
  return { name: pathKey(folder, folder), isSingleFile: false, entries };
}

function withoutRoot(entry: CreateEntry): CreateEntry {
  const { content } = entry;
  return {
    ...entry,
    path: entry.path.slice(1),
    content: content.type === "symlink"
      ? { type: "symlink", target: content.target.slice(1) }
      : content,
  };
}
