/**
 * Finds out which pieces the files hold already.
 *
 * @module
 */
import { type Clock, sleep } from "../_shared/clock.ts";
import type { Bitfield } from "../_shared/bitfield.ts";
import { CHUNK_SIZE } from "./buffer_pool.ts";
import type { CheckOptions, StorageTorrent } from "./storage.ts";
import type { TorrentFiles } from "./torrent_files.ts";
import { PieceDigest } from "./verifier.ts";

/** Bytes between two turns of the event loop. */
const TURN_BYTES = 16 * 1024 * 1024;

/** What {@linkcode checkFiles} works on. */
export interface CheckFilesOptions extends CheckOptions {
  /** The pieces to look at; all by default. */
  readonly pieces?: readonly number[] | undefined;
  /** Threads to use, this one included; all cores by default. */
  readonly threads?: number | undefined;
  /** For letting other work go on in between. */
  readonly clock: Clock;
}

/**
 * Reads and hashes pieces; bits of good ones are set, of others cleared.
 *
 * @param torrent The right hashes.
 * @param files Where the bytes are.
 * @param have Takes the result.
 * @param options Which pieces, progress, abort.
 * @throws {DiskError} If a file cannot be read other than for being missing or
 * short. The reason of the signal when it is aborted.
 */
export async function checkFiles(
  torrent: StorageTorrent,
  files: TorrentFiles,
  have: Bitfield,
  options: CheckFilesOptions,
): Promise<void> {
  const { layout } = torrent;
  const { pieces, clock, onProgress, signal } = options;
  signal?.throwIfAborted();
  const sizes = await fileSizes(torrent, files);
  const total = pieces === undefined ? layout.pieceCount : pieces.length;
  const buffer = new Uint8Array(Math.min(4 * CHUNK_SIZE, layout.pieceLength));
  let turn = 0;
  let good = 0;
  for (let i = 0; i < total; i++) {
    const pieceIndex = pieces === undefined ? i : pieces[i]!;
    const size = layout.pieceSize(pieceIndex);
    const mayBeGood = layout.spans(pieceIndex, 0, size).every((span) =>
      span.pad || files.isInPartFile(pieceIndex) ||
      sizes[span.fileIndex]! >= span.fileOffset + span.length
    );
    const isGood = mayBeGood &&
      await checkPiece(torrent, files, pieceIndex, size, buffer);
    if (isGood) {
      have.set(pieceIndex);
      good++;
    } else have.clear(pieceIndex);
    turn += mayBeGood ? size : 4096;
    if (turn >= TURN_BYTES) {
      turn = 0;
      onProgress?.({ checked: i + 1, total, good });
      await sleep(clock, 0);
      signal?.throwIfAborted();
    }
  }
  onProgress?.({ checked: total, total, good });
}

async function fileSizes(
  torrent: StorageTorrent,
  files: TorrentFiles,
): Promise<Float64Array> {
  const sizes = new Float64Array(torrent.paths.length);
  for (let i = 0; i < sizes.length; i++) {
    if (torrent.layout.files[i]!.pad) continue;
    sizes[i] = (await files.stat(i))?.size ?? 0;
  }
  return sizes;
}

async function checkPiece(
  torrent: StorageTorrent,
  files: TorrentFiles,
  pieceIndex: number,
  size: number,
  buffer: Uint8Array,
): Promise<boolean> {
  const digest = new PieceDigest(torrent, pieceIndex);
  while (digest.offset < size) {
    const run = buffer.subarray(0, size - digest.offset);
    const read = files.readRange(pieceIndex, digest.offset, run);
    if (!(read instanceof Promise ? await read : read)) return false;
    digest.update(run);
  }
  return digest.finish();
}
