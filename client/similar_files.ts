/**
 * Files that other torrents have already.
 *
 * @module
 */
import { equalBytes, toHex } from "../_shared/bytes.ts";
import { NativeFileSystem } from "../disk/native_file_system.ts";
import { filePath, type Metainfo } from "../metainfo/metainfo.ts";
import type { Torrent } from "./torrent.ts";

/**
 * Links files of a torrent with the same ones of others, so that they are neither
 * fetched nor take space twice. Files are the same by their pieces roots (BEP 52);
 * or, where torrents name each other or a collection (BEP 38), by the hashes of the
 * pieces within them. What cannot be linked, or is there, is left alone; everything
 * is checked when the torrent is added, and a link is parted before it is written to.
 *
 * Needs `--allow-read` and `--allow-write` of both folders.
 *
 * @param metainfo The torrent, before it is added.
 * @param dir Its folder.
 * @param torrents Others, such as those of a session.
 * @returns How many files were linked.
 */
export async function linkSimilarFiles(
  metainfo: Metainfo,
  dir: string,
  torrents: Iterable<Torrent>,
): Promise<number> {
  const fileSystem = new NativeFileSystem(dir);
  const open = new Set<number>();
  metainfo.files.forEach(({ pad, length, symlink }, i) => {
    if (!pad && length > 0 && symlink === undefined) open.add(i);
  });
  let count = 0;
  for (const torrent of torrents) {
    const other = torrent.metainfo;
    if (other === undefined || torrent.dir === undefined) continue;
    for (const [i, k] of sameFiles(metainfo, other, open)) {
      const file = torrent.files[k]!;
      if (file.doneBytes < file.length) continue;
      const path = filePath(metainfo, i);
      try {
        if (fileSystem.stat(path) !== undefined) continue;
        const to = fileSystem.localPath(path);
        await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
        const { dir } = torrent;
        const from = new NativeFileSystem(dir).localPath([...file.path]);
        await Deno.link(from, to);
        open.delete(i);
        count++;
      } catch {
        // Another device, no links there, no rights: it is fetched.
      }
    }
  }
  return count;
}

/** Pairs of files that are the same: ours that are open, and the other's. */
function sameFiles(
  ours: Metainfo,
  other: Metainfo,
  open: ReadonlySet<number>,
): [number, number][] {
  const isHinted = isNear(ours, other);
  const byKey = new Map<string, number>();
  other.files.forEach(({ pad }, k) => {
    for (const key of pad ? [] : keysOf(other, k, isHinted)) byKey.set(key, k);
  });
  const pairs: [number, number][] = [];
  for (const i of open) {
    for (const key of keysOf(ours, i, isHinted)) {
      const k = byKey.get(key);
      if (k === undefined) continue;
      pairs.push([i, k]);
      break;
    }
  }
  return pairs;
}

/** Whether one torrent names the other, or both a collection (BEP 38). */
function isNear(a: Metainfo, b: Metainfo): boolean {
  const names = (one: Metainfo, two: Metainfo) =>
    one.similar.some((hash) =>
      [two.infoHash, two.infoHashV1, two.infoHashV2?.subarray(0, 20)]
        .some((own) => own !== undefined && equalBytes(own, hash))
    );
  return names(a, b) || names(b, a) ||
    a.collections.some((name) => b.collections.includes(name));
}

/** What two files have in common only if they are the same. */
function* keysOf(
  { files, layout, pieces }: Metainfo,
  fileIndex: number,
  isHinted: boolean,
): Generator<string> {
  const { length, piecesRoot } = files[fileIndex]!;
  if (piecesRoot !== undefined) yield `${length} ${toHex(piecesRoot)}`;
  if (!isHinted || pieces === undefined) return;
  const { offset } = layout.file(fileIndex);
  const { pieceLength } = layout;
  const first = Math.ceil(offset / pieceLength);
  const end = Math.floor((offset + length) / pieceLength);
  if (end <= first) return;
  const hashes = toHex(pieces.subarray(20 * first, 20 * end));
  yield `${length} ${pieceLength} ${first * pieceLength - offset} ${hashes}`;
}
