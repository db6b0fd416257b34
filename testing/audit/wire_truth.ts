import { equalBytes } from "../../_shared/bytes.ts";
import type { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { diskPaths } from "../../metainfo/disk_paths.ts";
import type { SimTorrent } from "../sim_torrent.ts";
import type { WireTruth } from "./wire_audit.ts";

/**
 * Compares what is stored of a torrent with its content.
 *
 * @param torrent The torrent.
 * @param files Where it is stored.
 * @returns What an audited host is held against.
 */
export function truthOf(
  torrent: SimTorrent,
  files: MemoryFileSystem,
): WireTruth {
  const { layout } = torrent.metainfo;
  const paths = diskPaths(torrent.metainfo);
  const open = new Map<number, ReturnType<MemoryFileSystem["open"]>>();
  const known = new Set<number>();
  const isStored = (pieceIndex: number): boolean => {
    if (known.has(pieceIndex)) return true;
    for (
      const span of layout.spans(pieceIndex, 0, layout.pieceSize(pieceIndex))
    ) {
      if (span.pad || span.length === 0) continue;
      const path = paths[span.fileIndex]!;
      let handle = open.get(span.fileIndex);
      try {
        handle ??= files.open(path);
      } catch {
        return false;
      }
      open.set(span.fileIndex, handle);
      const there = new Uint8Array(span.length);
      if (handle.read(there, span.fileOffset) !== span.length) return false;
      const right = torrent.content.get(path.join("/"))!
        .subarray(span.fileOffset, span.fileOffset + span.length);
      if (!equalBytes(there, right)) return false;
    }
    known.add(pieceIndex);
    return true;
  };
  const payloadSize = (pieceIndex: number) => layout.payloadSize(pieceIndex);
  return { isStored, payloadSize, pieceCount: layout.pieceCount };
}

/**
 * Counts bytes of a torrent that are not stored.
 *
 * @param truth What is stored.
 * @returns Bytes without padding.
 */
export function missingBytes(truth: WireTruth): number {
  let missing = 0;
  for (let i = 0; i < truth.pieceCount; i++) {
    if (!truth.isStored(i)) missing += truth.payloadSize(i);
  }
  return missing;
}
