/**
 * `torrent_add`: what is added, and how.
 *
 * @module
 */
import type { Daemon } from "../daemon.ts";
import type { DaemonTorrent } from "../daemon_torrent.ts";
import type { DaemonAddOptions } from "../types.ts";
import { allowedDir } from "../rules/allowed_dir.ts";
import { isAbsolutePath } from "./params.ts";
import type { RpcParams } from "./envelope.ts";
import { RpcError } from "./error.ts";
import {
  bandwidthPriorityOf,
  labelsOf,
  peerLimitOf,
} from "./torrent_changes.ts";

/** Longest torrent file that is read here, in bytes. */
const MAX_TORRENT = 64 * 1024 * 1024;

/** Reads a file below one of these folders, links followed. */
async function readBelow(
  path: string,
  folders: readonly string[],
): Promise<Uint8Array> {
  const refusal = new RpcError(
    "unrecognized",
    isAbsolutePath(path)
      ? "torrent files here are not read: send their content"
      : undefined,
  );
  if (folders.length === 0 || !isAbsolutePath(path)) throw refusal;
  try {
    const roots = await Promise.all(folders.map((dir) => Deno.realPath(dir)));
    const real = allowedDir(await Deno.realPath(path), () => "/", roots);
    const { isFile, size } = await Deno.stat(real);
    if (!isFile || size > MAX_TORRENT) throw refusal;
    return await Deno.readFile(real);
  } catch {
    // Whether there is such a file is nobody's business.
    throw refusal;
  }
}

async function sourceOf(
  params: RpcParams,
  folders: readonly string[],
): Promise<Uint8Array | string> {
  const { filename = "", metainfo = "" } = params as Record<string, string>;
  if (filename !== "") {
    const isLink = /^(magnet:|https?:\/\/)/i.test(filename) ||
      /^[0-9a-f]{40}$/i.test(filename);
    return isLink ? filename : await readBelow(filename, folders);
  }
  if (metainfo === "") {
    throw new RpcError("params", "no filename or metainfo specified");
  }
  try {
    return Uint8Array.fromBase64(metainfo);
  } catch {
    throw new RpcError("unrecognized");
  }
}

/**
 * Adds a torrent.
 *
 * @param daemon To what.
 * @param params What was asked for.
 * @param folders Folders below which torrent files are read.
 * @returns The torrent.
 * @throws {RpcError} If something makes no sense. {DaemonError} `duplicate`.
 */
export async function addTorrent(
  daemon: Daemon,
  params: RpcParams,
  folders: readonly string[],
): Promise<DaemonTorrent> {
  const { download_dir: dir, labels, paused } = params;
  if (dir !== undefined && !isAbsolutePath(dir as string)) {
    throw new RpcError(
      "not-absolute",
      "download directory path is not absolute",
    );
  }
  const options: DaemonAddOptions = {
    ...(dir === undefined ? {} : { dir: dir as string }),
    ...(labels === undefined ? {} : { labels: labelsOf(labels as string[]) }),
    ...(paused === undefined ? {} : { paused: paused as boolean }),
    sequential: params.sequential_download as boolean | undefined,
    sequentialFrom: pieceOf(
      params.sequential_download_from_piece as number | undefined,
    ),
    maxPeers: peerLimitOf(params.peer_limit as number | undefined),
    bandwidthPriority: bandwidthPriorityOf(
      params.bandwidth_priority as number,
    ),
    filePriorities: prioritiesOf(params),
  };
  return await daemon.add(await sourceOf(params, folders), options);
}

/** Reads the number of a piece; one that there cannot be is none. */
function pieceOf(index: number | undefined): number | undefined {
  return index !== undefined && index >= 0 ? index : undefined;
}

/** Most files that are told apart before they are known. */
const MAX_FILES = 200_000;

/** By index, as far as something is said of a file. */
function prioritiesOf(params: RpcParams): number[] | undefined {
  const list = (name: string) => (params[name] ?? []) as readonly number[];
  const kinds: [readonly number[], number][] = [
    [list("priority_low"), 1],
    [list("priority_normal"), 4],
    [list("priority_high"), 7],
    [list("files_unwanted"), 0],
  ];
  const wanted = new Set(list("files_wanted"));
  const priorities: number[] = [];
  for (const [indices, priority] of kinds) {
    for (const index of indices) {
      if (index < 0 || index >= MAX_FILES) throw new RpcError("file-index");
      if (priority === 0 && wanted.has(index)) continue;
      while (priorities.length < index) priorities.push(4);
      priorities[index] = priority;
    }
  }
  return priorities.length === 0 ? undefined : priorities;
}
