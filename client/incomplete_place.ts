/**
 * Where a torrent begins that is to lie elsewhere until it is complete.
 *
 * @module
 */
import type { Magnet } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { AddTorrentOptions } from "./types.ts";

/**
 * Chooses where a torrent begins: in the folder for incomplete ones, unless what
 * it is called lies in its own already. It then moves to its own.
 *
 * Needs `--allow-read` of its own folder.
 *
 * @param topic The torrent, or a link; of that nothing is known to lie anywhere.
 * @param dir Its own folder.
 * @param incompleteDir The folder for incomplete ones.
 * @returns Options for `Session.add`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { incompletePlace } from "@bip/bip/client";
 * import { parseMagnet } from "@bip/bip/metainfo";
 *
 * const link = parseMagnet(`magnet:?xt=urn:btih:${"0".repeat(40)}`);
 * assertEquals(await incompletePlace(link, "done", "begun"), {
 *   dir: "begun",
 *   completeDir: "done",
 * });
 * ```
 */
export async function incompletePlace(
  topic: Metainfo | Magnet,
  dir: string,
  incompleteDir: string,
): Promise<Pick<AddTorrentOptions, "dir" | "completeDir">> {
  const isThere = "infoBytes" in topic &&
    await exists(`${dir}/${topic.name}`);
  return isThere ? { dir } : { dir: incompleteDir, completeDir: dir };
}

/** Whether names that end with a text are names on every system. */
export function isIncompleteSuffix(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return /^([^\\/:*?"<>|\x00-\x1f]{0,31}[^\\/:*?"<>|\x00-\x1f. ])?$/.test(text);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}
