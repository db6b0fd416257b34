/**
 * Symbolic links of a torrent (BEP 47), put in their places after a download.
 *
 * @module
 */
import type { Metainfo } from "../../metainfo/metainfo.ts";
import { joinPath } from "../paths.ts";

/** What {@linkcode placeLinks} did. */
export interface PlacedLinks {
  /** Links that remain empty files. */
  readonly left: number;
  /** Why the system made none, if it refused. */
  readonly reason: string | undefined;
}

/**
 * Replaces the empty files that stand for links by relative links to files of
 * the same torrent. The parser has dropped every target outside of it; besides
 * no folder on either way may be a link itself, and a target must be a plain
 * file that is there: so none leads out, and none dangles.
 *
 * @param folder The folder that holds the torrent's name.
 * @param metainfo The torrent.
 * @returns How many links there are now.
 */
export async function placeLinks(
  folder: string,
  metainfo: Metainfo,
): Promise<PlacedLinks> {
  let left = 0;
  let reason: string | undefined;
  for (const { path, symlink } of metainfo.files) {
    if (symlink === undefined) continue;
    const from = [metainfo.name, ...path];
    const to = [metainfo.name, ...symlink];
    const there = await look(folder, from);
    // It was not asked for, or is done already.
    if (there === undefined || there.isSymlink) continue;
    if (
      reason !== undefined || !there.isFile || there.size > 0 ||
      !(await look(folder, to))?.isFile
    ) left++;
    else {
      try {
        await replace(joinPath(folder, from), relative(from, to));
      } catch (error) {
        left++;
        reason = error instanceof Deno.errors.NotCapable
          ? "Deno makes links only with --allow-read and --allow-write for everything"
          : (error as Error).message.replace(/ \(os error \d+\).*$/s, "");
      }
    }
  }
  return { left, reason };
}

/** What is at a path, unless a folder on the way is none or a link. */
async function look(
  folder: string,
  path: readonly string[],
): Promise<Deno.FileInfo | undefined> {
  let info: Deno.FileInfo | undefined;
  for (let depth = 1; depth <= path.length; depth++) {
    if (info !== undefined && !info.isDirectory) return undefined;
    try {
      info = await Deno.lstat(joinPath(folder, path.slice(0, depth)));
    } catch {
      return undefined;
    }
  }
  return info;
}

/** The way from a link to its target; both are below the same folder. */
function relative(from: readonly string[], to: readonly string[]): string {
  let common = 0;
  while (common < from.length - 1 && from[common] === to[common]) common++;
  return [
    ...Array.from({ length: from.length - 1 - common }, () => ".."),
    ...to.slice(common),
  ].join("/");
}

/** Never leaves a place empty: the link is made beside and moved over. */
async function replace(path: string, target: string): Promise<void> {
  const beside = `${path}.bip-link`;
  await Deno.symlink(target, beside, { type: "file" });
  try {
    await Deno.rename(beside, path);
  } catch (error) {
    await Deno.remove(beside).catch(() => {});
    throw error;
  }
}
