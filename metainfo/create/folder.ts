/**
 * Walks the folders of a new torrent.
 *
 * @module
 */
import { encodeText, toByteString } from "../../_shared/bytes.ts";
import { CreateError } from "../create_error.ts";
import type { CreateMetainfoOptions, LeftOut } from "../create_options.ts";
import { nextTurn } from "../node.ts";
import {
  attemptSync,
  checkReadable,
  type CreateEntry,
  type CreateFolder,
  ioError,
  pathKey,
} from "./entry.ts";

/** What was not simply taken. */
export interface WalkNotes {
  /** What is left out, but for what a filter refused. */
  readonly leftOut: LeftOut[];
  /** How many symbolic links were followed. */
  followedLinks: number;
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

/** Walks a folder without recursion, in the order of the torrent. */
export async function walkFolder(
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
  if (open.length === 0) notes.leftOut.push({ path: root, reason: "empty" });
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
      const children = listFolder(path, [...folder.key, key], place);
      if (children.length === 0) leaveOut("empty");
      for (const child of children) open.push(child);
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
