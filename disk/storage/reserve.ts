/**
 * Taking the space of files before it is needed.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import type { FileSpan } from "../../metainfo/piece_layout.ts";
import { attempt } from "../awaitable.ts";
import { useHandle } from "../file_system.ts";
import type { TorrentFiles } from "../files/torrent_files.ts";
import type { ReserveProgress } from "../check_options.ts";
import { Turns } from "../turns.ts";

/** Most bytes of one write. */
const CHUNK_SIZE = 1024 * 1024;

/** What {@linkcode reserveFiles} works with. */
export interface ReserveOptions {
  /** Whether bytes of a piece are there, so that it stays as it is. */
  readonly isKept: (pieceIndex: number) => boolean;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ReserveProgress) => void) | undefined;
}

/** A file that lacks space, and what it was like. */
interface Lacking {
  readonly fileIndex: number;
  /** Its size before; negative for none. */
  readonly size: number;
  /** Where zeros go. */
  readonly spans: readonly FileSpan[];
}

/**
 * Writes zeros wherever files have nothing yet, so that their space is theirs.
 * When that fails or is ended, files are as long as they were.
 */
export async function reserveFiles(
  files: TorrentFiles,
  which: readonly number[],
  { isKept, clock, signal, onProgress }: ReserveOptions,
): Promise<void> {
  const lacking: Lacking[] = [];
  let totalBytes = 0;
  const turns = new Turns(clock, signal);
  for (const fileIndex of which) {
    await turns.take();
    const found = await lack(files, fileIndex, isKept);
    if (found === undefined) continue;
    lacking.push(found);
    for (const { length } of found.spans) totalBytes += length;
  }
  const zeros = new Uint8Array(Math.min(CHUNK_SIZE, totalBytes));
  let reservedBytes = 0;
  const begun: Lacking[] = [];
  try {
    for (const one of lacking) {
      begun.push(one);
      for (const { fileIndex, fileOffset, length } of one.spans) {
        for (let done = 0; done < length; done += CHUNK_SIZE) {
          signal?.throwIfAborted();
          const bytes = zeros.subarray(0, length - done);
          await files.stored.write(fileIndex, fileOffset + done, bytes);
          reservedBytes += bytes.length;
          const others = turns.take(bytes.length);
          if (others === undefined) continue;
          onProgress?.({ reservedBytes, totalBytes });
          await others;
        }
      }
    }
  } catch (error) {
    for (const one of begun) await attempt(() => undo(files, one), () => {});
    throw error;
  }
  if (totalBytes > 0) onProgress?.({ reservedBytes, totalBytes });
}

/** What a file lacks; `undefined` for nothing. */
async function lack(
  { stored, layout }: TorrentFiles,
  fileIndex: number,
  isKept: (pieceIndex: number) => boolean,
): Promise<Lacking | undefined> {
  const { length } = layout.files[fileIndex]!;
  const info = await stored.fileSystem.stat(stored.places.at(fileIndex));
  const size = info?.size ?? -1;
  const { takenBytes = size } = info ?? {};
  if (size >= length && takenBytes >= length) return undefined;
  // What lies behind its end takes no space; what lies before may.
  const hasHoles = takenBytes < Math.min(size, length);
  const spans: FileSpan[] = [];
  const { first, end } = layout.filePieces(fileIndex);
  for (let i = first; i < end; i++) {
    if (isKept(i)) continue;
    for (const span of layout.spans(i, 0, layout.pieceSize(i))) {
      const isLacking = span.fileIndex === fileIndex &&
        (hasHoles || span.fileOffset + span.length > size);
      if (isLacking) spans.push(span);
    }
  }
  return spans.length === 0 ? undefined : { fileIndex, size, spans };
}

/** Gives back the space of a file that was not to be had, but for what it had. */
async function undo(
  { stored }: TorrentFiles,
  { fileIndex, size }: Lacking,
): Promise<void> {
  // Others may have made it meanwhile.
  if (stored.own.isTaken(fileIndex) || stored.isMissing(fileIndex)) return;
  const path = stored.places.at(fileIndex);
  if (size < 0) await stored.fileSystem.remove(path);
  else {
    await useHandle(
      stored.fileSystem.open(path, { write: true }),
      (handle) => handle.truncate(size),
    );
  }
  await stored.lookAgain([fileIndex]);
}
