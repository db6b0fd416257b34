/** Two torrents that want the same files, for the tests of this folder. */
import { assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../disk/error.ts";
import type { TorrentStorage } from "../../disk/storage.ts";
import { makeTorrent, type TestTorrent } from "./support.ts";

export const PIECE = 16384;
export const PATHS: string[][] = [["t", "a"], ["t", "b"]];

/** Two torrents of the same names and sizes, and other bytes. */
export const [one, two] = [1, 2].map((id) =>
  makeTorrent({
    pieceLength: PIECE,
    files: [PIECE, PIECE],
    paths: PATHS,
    id,
    seed: id,
  })
) as [TestTorrent, TestTorrent];

/** What is refused as another torrent has the files. */
export async function refused(
  run: () => Promise<unknown>,
): Promise<DiskError> {
  const error = await assertRejects(run, DiskError);
  assertEquals(error.code, "taken");
  return error;
}

export async function isWhole(
  storage: TorrentStorage,
  torrent: TestTorrent,
): Promise<void> {
  for (const [i, piece] of torrent.content.entries()) {
    assertEquals(await storage.readBlock(i, 0, piece.length), piece);
  }
}
