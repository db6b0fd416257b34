/**
 * Reads what torrents are added by, and finds a place for them.
 *
 * @module
 */
import type { Magnet } from "../../metainfo/magnet.ts";
import { filePath, type Metainfo } from "../../metainfo/metainfo.ts";
import { parseMagnet, parseMetainfo } from "../../metainfo/mod.ts";
import { DaemonError } from "../error.ts";
import type { DaemonSettings } from "../settings.ts";
import type { DaemonAddOptions, DaemonOptions } from "../types.ts";

/**
 * Reads what a torrent is added by.
 *
 * @param source Bytes, a link, an info-hash in hex or a URL.
 * @param fetchTorrent Fetches what is named by URL, if anything does.
 * @param signal Ends that.
 * @returns The torrent or link.
 * @throws {DaemonError} `bad-source` or `not-fetched`.
 */
export async function readSource(
  source: Uint8Array | string,
  fetchTorrent: DaemonOptions["fetchTorrent"],
  signal: AbortSignal,
): Promise<Metainfo | Magnet> {
  try {
    if (typeof source === "string" && /^https?:\/\//i.test(source)) {
      if (fetchTorrent === undefined) {
        throw new DaemonError("not-fetched", "URLs are not fetched here");
      }
      source = await fetchTorrent(source, signal);
    }
    if (typeof source !== "string") return parseMetainfo(source);
    const text = source.trim();
    return parseMagnet(
      /^[0-9a-f]{40}$/i.test(text) ? `magnet:?xt=urn:btih:${text}` : text,
    );
  } catch (error) {
    if (error instanceof DaemonError) throw error;
    const { name, message } = error as Error;
    const isBad = name === "MetainfoError" || name === "MagnetError";
    throw new DaemonError(isBad ? "bad-source" : "not-fetched", message, {
      cause: error,
    });
  }
}

/** Where a torrent is stored. */
export interface Place {
  /** Where it ends up. */
  readonly dir: string;
  /** Where it begins. */
  readonly first: string;
}

/**
 * Finds a place: in the folder that is named, that of the first label that has
 * one, or the usual one; until it is complete in that for incomplete ones,
 * unless it lies in its own already.
 */
export async function placeFor(
  topic: Metainfo | Magnet,
  { dir, labels = [] }: DaemonAddOptions,
  { downloadDir, incompleteDir, labelDirs }: DaemonSettings,
  allowedDir: (dir: string) => string,
): Promise<Place> {
  const label = labels.find((name) => Object.hasOwn(labelDirs, name));
  const wanted = dir ?? (label && labelDirs[label]) ?? downloadDir;
  const last = allowedDir(wanted);
  if (incompleteDir === "") return { dir: last, first: last };
  const isThere = "infoBytes" in topic &&
    await exists(`${last}/${filePath(topic, 0)[0]}`);
  return { dir: last, first: isThere ? last : allowedDir(incompleteDir) };
}

/** Announce URLs for a torrent beside its own, each a tier. */
export function trackersFor(
  topic: Metainfo | Magnet,
  own: readonly string[] = [],
  forAll: readonly string[],
): string[][] {
  const isPublic = "infoBytes" in topic && !topic.private;
  return [...own, ...isPublic ? forAll : []].map((url) => [url]);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}
