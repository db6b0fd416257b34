/**
 * Finds what goes into a new torrent: a list of files in one order on every
 * system, and a name.
 *
 * @module
 */
import { CreateError } from "../create_error.ts";
import type {
  CreateBytesSource,
  CreateMetainfoOptions,
  CreatePathSource,
  CreateSource,
  CreateStreamSource,
} from "../create_options.ts";
import { nextTurn } from "../node.ts";
import {
  attempt,
  checkReadable,
  type CreateContent,
  type CreateEntry,
  type CreateFolder,
  displayPath,
  entryPath,
  keyText,
  pathKey,
} from "./entry.ts";
import { walkFolder, type WalkNotes } from "./folder.ts";

/** All files of the new torrent. */
export interface CreatePlan {
  /** The torrent's name as a byte string. */
  readonly name: string;
  /** Whether the torrent is one file of that name. */
  readonly isSingleFile: boolean;
  /** The files in order, paths without the name; one empty path if single. */
  readonly entries: readonly CreateEntry[];
  /** What was not simply taken. */
  readonly notes: WalkNotes;
}

/** Orders entries component by component as bytes: the order of BEP 52. */
function compareEntries(a: CreateEntry, b: CreateEntry): number {
  if (a.folder === b.folder) {
    return a.name < b.name ? -1 : a.name === b.name ? 0 : 1;
  }
  const [left, right] = [entryPath(a), entryPath(b)];
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) {
    if (left[i] !== right[i]) return left[i]! < right[i]! ? -1 : 1;
  }
  return left.length - right.length;
}

function diskEntry(
  folder: CreateFolder,
  name: string,
  stat: Deno.FileInfo,
  content: CreateContent,
): CreateEntry {
  return {
    folder,
    name,
    length: stat.size,
    executable: ((stat.mode ?? 0) & 0o100) !== 0,
    mtime: stat.mtime?.getTime(),
    content,
  };
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
    const before = entries[i - 1]!;
    const entry = entries[i]!;
    if (before.folder === entry.folder && before.name !== entry.name) continue;
    const a = entryPath(before);
    const b = entryPath(entry);
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

/** Leaves out links whose target is no file of the torrent. */
function dropDanglingLinks(
  entries: CreateEntry[],
  { leftOut }: WalkNotes,
): CreateEntry[] {
  if (!entries.some(({ content }) => content?.type === "symlink")) {
    return entries;
  }
  const files = new Set<string>();
  for (const entry of entries) {
    if (entry.content?.type !== "symlink") {
      files.add(entryPath(entry).join("/"));
    }
  }
  return entries.filter(({ content, folder, name }) => {
    if (content?.type !== "symlink") return true;
    const isKept = files.has(content.target.join("/"));
    const path = folder.path + keyText(name);
    if (!isKept) leftOut.push({ path, reason: "outside" });
    return isKept;
  });
}

/** Finds all files of a new torrent. */
export async function planCreation(
  options: CreateMetainfoOptions,
): Promise<CreatePlan> {
  const found: CreateEntry[] = [];
  const notes: WalkNotes = { leftOut: [], followedLinks: 0 };
  const parents = new Set<string | undefined>();
  // What the inputs are called, those that give no file as well.
  const roots = new Set<string>();
  let bareFiles = 0;
  for (const input of options.inputs) {
    options.signal?.throwIfAborted();
    if (!isPathSource(input)) {
      const shown = input.path.join("/");
      const path = input.path.map((part) => pathKey(part, shown));
      if (path.length === 0) pathKey("", shown);
      if (path.length === 1) bareFiles++;
      parents.add(undefined);
      roots.add(path[0]!);
      found.push(memoryEntry(path, input));
      continue;
    }
    const { path } = input;
    const { parent, base } = await splitDiskPath(path);
    const key = pathKey(base === "" ? options.name ?? base : base, path);
    parents.add(parent);
    roots.add(key);
    const stat = await attempt(path, () => Deno.stat(path));
    if (stat.isDirectory) await walkFolder(path, key, options, found, notes);
    else if (stat.isFile) {
      checkReadable(path, stat);
      bareFiles++;
      found.push(diskEntry({ key: [] }, key, stat, { type: "disk", path }));
    } else {
      throw new CreateError(
        "not-a-file",
        `Cannot store "${path}" in a torrent: it is neither a file nor a folder`,
        path,
      );
    }
  }
  await nextTurn();
  const entries = dropDanglingLinks(found, notes);
  entries.sort(compareEntries);
  checkConflicts(entries);
  const hasRoot = roots.size === 1 && (options.inputs.length === 1 ||
    (options.name === undefined && bareFiles === 0));
  const named = await namePlan(options, entries, {
    hasRoot,
    isSingleFile: bareFiles === 1,
    parents: [...parents],
  });
  return { ...named, notes };
}

function isPathSource(input: CreateSource): input is CreatePathSource {
  return typeof input.path === "string";
}

function memoryEntry(
  path: readonly string[],
  input: CreateBytesSource | CreateStreamSource,
): CreateEntry {
  const place = {
    folder: { key: path.slice(0, -1) },
    name: path.at(-1)!,
    mtime: undefined,
  };
  if ("bytes" in input) {
    const { bytes } = input;
    const content = { type: "bytes", bytes } as const;
    return { ...place, length: bytes.length, executable: false, content };
  }
  const { stream, length } = input;
  if (length !== undefined && (!Number.isSafeInteger(length) || length < 0)) {
    throw new RangeError(
      `Cannot use ${length} as the length of a stream: expected bytes`,
    );
  }
  const content = { type: "stream", stream } as const;
  return { ...place, length, executable: false, content };
}

/** Finds the name, and takes it off the paths where it is on them. */
async function namePlan(
  options: CreateMetainfoOptions,
  entries: readonly CreateEntry[],
  { hasRoot, isSingleFile, parents }: {
    readonly hasRoot: boolean;
    readonly isSingleFile: boolean;
    readonly parents: readonly (string | undefined)[];
  },
): Promise<Omit<CreatePlan, "notes">> {
  const first = entries[0] && entryPath(entries[0])[0];
  if (first === undefined) {
    throw new CreateError(
      "empty",
      "Cannot create a torrent: there are no files",
    );
  }
  const given = options.name === undefined
    ? undefined
    : pathKey(options.name, options.name);
  if (hasRoot) {
    dropRoot(entries);
    return { name: given ?? first, isSingleFile, entries };
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

/** Takes the first component off all paths. */
function dropRoot(entries: readonly CreateEntry[]): void {
  const folders = new Set<CreateFolder>();
  for (const entry of entries) {
    const { folder, content } = entry;
    if (!folders.has(folder)) {
      folders.add(folder);
      if (folder.key.length === 0) entry.name = "";
      else folder.key = folder.key.slice(1);
    }
    if (content?.type === "symlink") {
      entry.content = { type: "symlink", target: content.target.slice(1) };
    }
  }
}
