/**
 * Finishes moves and renames of files that were interrupted.
 *
 * @module
 */
import type { TorrentRecord } from "../state/record.ts";
import { moveFile } from "./watch_folder.ts";

/** Bytes that are compared at a time. */
const READ_BYTES = 1024 * 1024;

/**
 * Moves what is still at the old place. Half of a copy at the new one is replaced;
 * anything else that is there stays, on both sides.
 *
 * @param from The old folder.
 * @param to The new folder.
 * @param names Paths in it of files, or folders, with `/`.
 */
export async function finishMove(
  from: string,
  to: string,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    const parts = name.split("/");
    if (parts.some((part) => /^$|^\.\.?$|[\\\0]/.test(part))) continue;
    await merge(`${from}/${name}`, `${to}/${name}`);
    while (parts.pop() !== undefined && parts.length > 0) {
      // A folder in which others have something stays.
      await Deno.remove(`${from}/${parts.join("/")}`).catch(() => {});
    }
  }
}

/**
 * Renames what has its old name still. Where something has the new one both stay.
 *
 * @param dir The folder that paths are below.
 * @param files Which, and how.
 * @param suffix What names of incomplete files end with.
 * @returns New paths by file index, of all but those that keep the old one.
 */
export async function finishRename(
  dir: string,
  files: NonNullable<TorrentRecord["renaming"]>,
  suffix = "",
): Promise<[number, readonly string[]][]> {
  const renamed = new Map<number, readonly string[]>();
  for (const { index, from, to } of files) {
    renamed.set(index, to);
    for (const end of new Set(["", suffix])) {
      const old = `${[dir, ...from].join("/")}${end}`;
      const path = `${[dir, ...to].join("/")}${end}`;
      if (await find(old) === undefined) continue;
      if (await find(path) !== undefined) {
        renamed.delete(index);
        continue;
      }
      await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.rename(old, path);
    }
  }
  return [...renamed];
}

async function merge(from: string, to: string): Promise<void> {
  const source = await find(from);
  if (source === undefined) return;
  const target = await find(to);
  if (source.isDirectory) {
    if (target !== undefined && !target.isDirectory) return;
    await Deno.mkdir(to, { recursive: true });
    for await (const { name } of Deno.readDir(from)) {
      await merge(`${from}/${name}`, `${to}/${name}`);
    }
    // What must stay keeps its folder.
    await Deno.remove(from).catch(() => {});
    return;
  }
  if (target !== undefined) {
    const mayBeCopy = target.isFile && target.size <= source.size;
    if (!mayBeCopy || !await isHalf(to, from)) return;
  }
  await Deno.mkdir(to.replace(/\/[^/]*$/, ""), { recursive: true });
  await moveFile(from, to);
}

/** Whether a file is a copy of another as far as it came: the rest is zeros. */
async function isHalf(copy: string, whole: string): Promise<boolean> {
  using a = await Deno.open(copy);
  using b = await Deno.open(whole);
  const [there, right] = [
    new Uint8Array(READ_BYTES),
    new Uint8Array(READ_BYTES),
  ];
  for (let at = 0;;) {
    await a.seek(at, Deno.SeekMode.Start);
    await b.seek(at, Deno.SeekMode.Start);
    const count = Math.min(
      await a.read(there) ?? 0,
      await b.read(right) ?? 0,
    );
    if (count === 0) return true;
    for (let i = 0; i < count; i++) {
      if (there[i] !== right[i] && there[i] !== 0) return false;
    }
    at += count;
  }
}

async function find(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
