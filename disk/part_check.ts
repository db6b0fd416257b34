/**
 * Pieces that are good only with what the part file has.
 *
 * @module
 */
import { Bitfield } from "../_shared/bitfield.ts";
import { systemClock } from "../_shared/clock.ts";
import { checkFiles } from "./check/check.ts";
import { CheckQueue } from "./turns.ts";
import type { FileSystem } from "./file_system.ts";
import { HandleCache } from "./files/handle_cache.ts";
import type { CheckOptions } from "./check_options.ts";
import type { StorageTorrent } from "./storage.ts";
import { TorrentFiles } from "./files/torrent_files.ts";

/**
 * Checks pieces at the borders of files that were left out: the share of such a
 * file is in the part file that lies beside the torrent. Nothing is written.
 *
 * @param fileSystem Where the torrent is.
 * @param torrent Its pieces and paths.
 * @param pieces The pieces to look at; others are left alone.
 * @param options Progress and abort.
 * @returns Those that are good.
 * @throws {DiskError} If files cannot be read other than for being missing or
 * short. The reason of the signal if it was aborted.
 */
export async function checkPartPieces(
  fileSystem: FileSystem,
  torrent: StorageTorrent,
  pieces: readonly number[],
  options: CheckOptions = {},
): Promise<number[]> {
  const clock = systemClock;
  const cache = new HandleCache(fileSystem);
  const files = new TorrentFiles(cache, [], torrent, {
    allocation: "sparse",
    clock,
  });
  await files.load(() => true, false);
  const have = new Bitfield(torrent.layout.pieceCount);
  const inPart = pieces.filter((pieceIndex) =>
    files.apart.isInPartFile(pieceIndex)
  );
  await checkFiles(torrent, files, have, {
    ...options,
    pieces: inPart,
    clock,
    queue: new CheckQueue(),
  });
  await cache.close();
  return [...have];
}
