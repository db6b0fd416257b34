/**
 * Finds what goes into a new torrent: a list of files in one order on every
 * system, and a name.
 *
 * @module
 */
import { encodeText, toByteString } from "../../_shared/bytes.ts";
import { CreateError } from "../create_error.ts";
import type {
  CreateBytesSource,
  CreateMetainfoOptions,
  CreatePathSource,
  CreateSource,
  CreateStreamSource,
  LeftOut,
} from "../create_options.ts";
import { nextTurn } from "../node.ts";

/** Where the content of a file comes from that no folder on disk has. */
export type CreateContent =
  | {
    readonly type: "disk";
    /** Path on disk. */
    readonly path: string;
  }
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
  | { readonly type: "stream"; readonly stream: ReadableStream<Uint8Array> }
  | {
    readonly type: "symlink";
    /** Path of the target, starting as the paths of other entries do. */
    readonly target: readonly string[];
  };

/** What the files of a folder have in common. */
export interface CreateFolder {
  /**
   * The components before the names as byte strings, later without the
   * torrent's name.
   */
  key: readonly string[];
  /** Path on disk with a separator at its end, for a folder on disk. */
  readonly path?: string;
  /** Of each file on disk: length, time of its last change, permissions. */
  readonly stats?: Float64Array;
  /** Path below the input, with a slash at its end unless it is empty. */
  readonly below?: string;
  /** Where it really is, when links are followed. */
  readonly real?: string | undefined;
  /** The folder on disk that it was found in. */
  readonly above?: CreateFolder | undefined;
}

/** What was not simply taken. */
export interface WalkNotes {
  /** What is left out, but for what a filter refused. */
  readonly leftOut: LeftOut[];
  /** How many symbolic links were followed. */
  followedLinks: number;
}

/** A file of the new torrent: there may be millions. */
export interface CreateEntry {
  /** Where it is. */
  readonly folder: CreateFolder;
  /** Its name as a byte string; later empty for a torrent of this one file. */
  name: string;
  /** Length in bytes; `undefined` for a stream of unknown length. */
  readonly length: number | undefined;
  /** Whether the owner may execute it. */
  readonly executable: boolean;
  /** Time of its last change when it was found on disk, in milliseconds. */
  readonly mtime: number | undefined;
  /** Where its bytes come from, if not out of its folder on disk. */
  content: CreateContent | undefined;
}

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

/** Names that are their own byte strings. */
const PLAIN_KEY_REGEXP = /^[\x20-\x2d\x30-\x7e][\x20-\x2e\x30-\x7e]*$/;

function pathKey(component: string, path: string): string {
  if (PLAIN_KEY_REGEXP.test(component)) return component;
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

/** The whole path of an entry. */
export function entryPath(
  entry: Pick<CreateEntry, "folder" | "name">,
): readonly string[] {
  const { folder, name } = entry;
  return name === "" ? folder.key : [...folder.key, name];
}

/** Where an entry is on disk; `undefined` if it is not on disk. */
export function diskPathOf(entry: CreateEntry): string | undefined {
  const { folder, name, content } = entry;
  if (content !== undefined) {
    return content.type === "disk" ? content.path : undefined;
  }
  return folder.path + keyText(name);
}

/** The text of a byte string. */
export function keyText(key: string): string {
  return PLAIN_KEY_REGEXP.test(key) ? key : displayPath([key]);
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
function attemptSync<T>(path: string, action: (path: string) => T): T {
  try {
    return action(path);
  } catch (error) {
    throw ioError(error, path);
  }
}

/** A file in a folder on disk: small, as there may be millions. */
class FolderEntry implements CreateEntry {
  readonly folder: CreateFolder;
  name: string;
  /** Its place in the figures of the folder. */
  readonly at: number;

  constructor(folder: CreateFolder, name: string, at: number) {
    this.folder = folder;
    this.name = name;
    this.at = at;
  }

  get length(): number {
    return this.folder.stats![this.at]!;
  }

  get mtime(): number | undefined {
    const mtime = this.folder.stats![this.at + 1]!;
    return Number.isNaN(mtime) ? undefined : mtime;
  }

  get executable(): boolean {
    return (this.folder.stats![this.at + 2]! & 0o100) !== 0;
  }

  get content(): undefined {
    return undefined;
  }
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

/**
 * The path of a link's target as entries have it, or `undefined` when it leads
 * out of the folder. Looks at text only: nothing is followed.
 */
function linkTarget(
  folder: readonly string[],
  target: string,
  rootDepth: number,
): string[] | undefined {
  if (target.startsWith("/") || target.includes("\0")) return undefined;
  const path = [...folder];
  for (const component of target.split("/")) {
    if (component === "" || component === ".") continue;
    if (component === "..") {
      if (path.length <= rootDepth) return undefined;
      path.pop();
    } else path.push(toByteString(encodeText(component)));
  }
  return path;
}

/** Something in a folder that is being walked. */
interface Found {
  readonly folder: CreateFolder;
  readonly key: string;
  readonly entry: Deno.DirEntry;
  /** Where its figures go. */
  readonly at: number;
}

/** What is in a folder, the last first. */
function listFolder(
  path: string,
  key: readonly string[],
  place: Pick<CreateFolder, "below" | "real" | "above">,
): Found[] {
  const entries = attemptSync(path, (path) => [...Deno.readDirSync(path)]);
  const folder = {
    key,
    path: path.endsWith("/") ? path : `${path}/`,
    stats: new Float64Array(3 * entries.length),
    ...place,
  };
  return entries
    .map((entry, i) => ({
      folder,
      key: pathKey(entry.name, folder.path + entry.name),
      entry,
      at: 3 * i,
    }))
    .sort((a, b) => a.key < b.key ? 1 : -1);
}

/** What a link leads to, or why it is not followed. */
function followLink(
  path: string,
  folder: CreateFolder,
): Deno.FileInfo | "dangling" | "loop" {
  let stat: Deno.FileInfo;
  try {
    stat = Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.FilesystemLoop) return "loop";
    if (
      error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory
    ) return "dangling";
    throw ioError(error, path);
  }
  if (!stat.isDirectory) return stat;
  const target = attemptSync(path, Deno.realPathSync);
  const separator = Deno.build.os === "windows" ? "\\" : "/";
  const start = target.endsWith(separator) ? target : target + separator;
  for (let at: CreateFolder | undefined = folder; at; at = at.above) {
    if (at.real === target || at.real?.startsWith(start)) return "loop";
  }
  return stat;
}

/** Refuses what cannot be read now, not when its turn to be hashed comes. */
function checkReadable(path: string, { mode }: Deno.FileInfo): void {
  if (mode === null || (mode & 0o444) === 0o444) return;
  attemptSync(path, (path) => Deno.openSync(path).close());
}

/** Walks a folder without recursion, in the order of the torrent. */
async function walkFolder(
  root: string,
  rootKey: string,
  options: CreateMetainfoOptions,
  entries: CreateEntry[],
  notes: WalkNotes,
): Promise<void> {
  const { symlinks = "skip", filter, signal } = options;
  const realOf = (path: string) =>
    symlinks === "follow" ? attemptSync(path, Deno.realPathSync) : undefined;
  const open = listFolder(root, [rootKey], { below: "", real: realOf(root) });
  for (let found = open.pop(); found !== undefined; found = open.pop()) {
    const { folder, key, entry } = found;
    const path = folder.path + entry.name;
    const below = folder.below + entry.name;
    const isFollowed = entry.isSymlink && symlinks === "follow";
    const followed = isFollowed ? followLink(path, folder) : entry;
    const { isDirectory, isFile } = typeof followed === "string"
      ? entry
      : followed;
    if (filter?.(below, isDirectory) === false) continue;
    const leaveOut = (reason: LeftOut["reason"]) =>
      void notes.leftOut.push({ path, reason });
    if (typeof followed === "string") leaveOut(followed);
    else if (entry.isSymlink && !isFollowed) {
      if (symlinks === "refuse") {
        throw new CreateError(
          "symlink",
          `Cannot store "${path}" in a torrent: it is a symbolic link`,
          path,
        );
      }
      if (symlinks === "skip") {
        leaveOut("symlink");
        continue;
      }
      const text = attemptSync(path, Deno.readLinkSync);
      const target = linkTarget(folder.key, text, 1);
      if (target === undefined) {
        leaveOut("outside");
        continue;
      }
      entries.push({
        folder,
        name: key,
        length: 0,
        executable: false,
        mtime: undefined,
        content: { type: "symlink", target },
      });
    } else if (isDirectory) {
      if (isFollowed) notes.followedLinks++;
      const place = { below: `${below}/`, real: realOf(path), above: folder };
      for (const child of listFolder(path, [...folder.key, key], place)) {
        open.push(child);
      }
    } else if (isFile) {
      if (isFollowed) notes.followedLinks++;
      const stat = attemptSync(path, Deno.statSync);
      checkReadable(path, stat);
      const mtime = stat.mtime?.getTime() ?? NaN;
      folder.stats!.set([stat.size, mtime, stat.mode ?? 0], found.at);
      entries.push(new FolderEntry(folder, key, found.at));
      if (entries.length % 1024 !== 0) continue;
      await nextTurn();
      signal?.throwIfAborted();
    } else leaveOut("not-a-file");
  }
  signal?.throwIfAborted();
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

/** Joins a path of byte strings for messages. */
export function displayPath(path: readonly string[]): string {
  const bytes = Uint8Array.from(path.join("/"), (c) => c.charCodeAt(0));
  return new TextDecoder().decode(bytes);
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
  const named = await namePlan(options, entries, bareFiles, [...parents]);
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
  bareFiles: number,
  parents: readonly (string | undefined)[],
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
  const isCommon = entries.every(({ folder, name }) =>
    (folder.key[0] ?? name) === first
  );
  const hasRoot = isCommon &&
    (options.inputs.length === 1 || (given === undefined && bareFiles === 0));
  if (hasRoot) {
    dropRoot(entries);
    return { name: given ?? first, isSingleFile: bareFiles === 1, entries };
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
