/**
 * Finds out which pieces the files already hold.
 *
 * @module
 */
import { orAborted } from "../../_shared/abort.ts";
import { eachAtOnce } from "../../_shared/each_at_once.ts";
import type { Clock } from "../../_shared/clock.ts";
import type { Bitfield } from "../../_shared/bitfield.ts";
import { toDiskError } from "../error.ts";
import { CHUNK_SIZE } from "../pieces/buffer_pool.ts";
import { type CheckQueue, Turns } from "../turns.ts";
import type { CheckOptions } from "../check_options.ts";
import type { StorageTorrent } from "../storage.ts";
import type { PieceStore } from "../piece_store.ts";
import type { TorrentFiles } from "../files/torrent_files.ts";
import { passesSha1, PieceVerifier } from "../pieces/piece_verifier.ts";

/** Pieces at a time where each is waited for: by a store, or by its digest. */
const LANES = 4;

/** So few are not worth what the first use of `node:crypto` costs. */
const FEW_PIECES = 256;

/** From here on other threads help. */
const PARALLEL_BYTES = 32 * 1024 * 1024;

/** What pieces are read from. */
type PieceReads = Pick<PieceStore, "readRange">;

/** What {@linkcode checkFiles} works on. */
export interface CheckFilesOptions extends CheckOptions {
  /** The pieces to look at; all by default. */
  readonly pieces?: readonly number[] | undefined;
  /** Threads to use, this one included; all cores by default. */
  readonly threads?: number | undefined;
  /** For letting other work go on in between. */
  readonly clock: Clock;
  /** Queue of checks. */
  readonly queue: CheckQueue;
}

/** Reads and hashes pieces; bits of good ones are set, of others cleared. */
export async function checkFiles(
  torrent: StorageTorrent,
  files: TorrentFiles,
  have: Bitfield,
  options: CheckFilesOptions,
): Promise<void> {
  const { layout } = torrent;
  options.signal?.throwIfAborted();
  const pieces = options.pieces ??
    Array.from({ length: layout.pieceCount }, (_, i) => i);
  const isLocal = files.stored.fileSystem.localPath !== undefined;
  const areFew = isLocal && pieces.length <= FEW_PIECES;
  const step = stepOf(have, pieces.length, options, areFew);
  const apart: number[] = [];
  const direct: number[] = [];
  let bytes = 0;
  for (const pieceIndex of pieces) {
    const size = layout.pieceSize(pieceIndex);
    const isApart = files.apart.isInPartFile(pieceIndex);
    const hasHash = torrent.pieces !== undefined ||
      torrent.pieceRoot?.(pieceIndex) !== undefined;
    const mayBeGood = hasHash && (isApart ||
      layout.spans(pieceIndex, 0, size).every((span) =>
        span.pad ||
        files.stored.size(span.fileIndex) >= span.fileOffset + span.length
      ));
    if (!mayBeGood) step.note(pieceIndex, false);
    else if (isApart) apart.push(pieceIndex);
    else {
      direct.push(pieceIndex);
      bytes += size;
    }
  }
  const paths = bytes < PARALLEL_BYTES ? undefined : files.stored.localPaths();
  const inTurn = (pieces: readonly number[]) =>
    areFew
      ? checkInLanes(torrent, files, pieces, step)
      : checkInTurn(torrent, files, pieces, step);
  const disk = files.stored.fileSystem.device?.() ?? files.stored.fileSystem;
  await eachTurn(
    disk,
    direct,
    options,
    (pieces) =>
      paths === undefined
        ? inTurn(pieces)
        : checkInParallel(torrent, files, paths, pieces, step),
  );
  await eachTurn(disk, apart, options, inTurn);
  step.report();
}

/**
 * The same for pieces that are in no files. Several are read at a time, as each
 * read may take long.
 */
export async function checkStore(
  torrent: StorageTorrent,
  store: PieceReads,
  have: Bitfield,
  options: CheckFilesOptions & { readonly pieces: readonly number[] },
): Promise<void> {
  const { layout } = torrent;
  const { pieces } = options;
  const step = stepOf(have, pieces.length, options, false);
  const inHash = pieces.filter((pieceIndex) => {
    if (layout.payloadSize(pieceIndex) > 0) return true;
    step.note(pieceIndex, true);
    return false;
  });
  await eachTurn(
    store,
    inHash,
    options,
    (rest) => checkInLanes(torrent, store, rest, step),
  );
  step.report();
}

/** Does the work when it is our turn; gives the turn back while held. */
async function eachTurn(
  disk: unknown,
  pieces: readonly number[],
  options: CheckFilesOptions,
  work: (pieces: readonly number[]) => Promise<readonly number[]>,
): Promise<void> {
  const { queue, hold, signal } = options;
  for (let rest = pieces; rest.length > 0;) {
    const held = hold?.();
    if (held !== undefined) await orAborted(held, signal);
    signal?.throwIfAborted();
    rest = await queue.run(disk, () => work(rest), signal);
  }
}

/** How far a check is; `areFew` of files of the operating system. */
function stepOf(
  have: Bitfield,
  total: number,
  options: CheckFilesOptions,
  areFew: boolean,
) {
  const progress = { checked: 0, good: 0 };
  return {
    options,
    areFew,
    note(pieceIndex: number, isGood: boolean): void {
      progress.checked++;
      if (isGood) progress.good++;
      if (isGood) have.set(pieceIndex);
      else have.clear(pieceIndex);
    },
    report(): void {
      options.onProgress?.({ ...progress, total });
    },
  };
}

type CheckStep = ReturnType<typeof stepOf>;

/** Reads in this thread; gives what is left when it is held. */
async function checkInTurn(
  torrent: StorageTorrent,
  store: PieceReads,
  pieces: readonly number[],
  step: CheckStep,
): Promise<readonly number[]> {
  const { layout } = torrent;
  const { clock, signal, hold } = step.options;
  const buffer = new Uint8Array(Math.min(4 * CHUNK_SIZE, layout.pieceLength));
  const turns = new Turns(clock, signal);
  for (let i = 0; i < pieces.length; i++) {
    const size = layout.pieceSize(pieces[i]!);
    step.note(
      pieces[i]!,
      await checkPiece(torrent, store, pieces[i]!, size, buffer, step.areFew),
    );
    const others = turns.take(size);
    if (others === undefined) continue;
    step.report();
    await others;
    signal?.throwIfAborted();
    if (hold?.() !== undefined) return pieces.slice(i + 1);
  }
  return [];
}

/** The same, several pieces at a time. */
async function checkInLanes(
  torrent: StorageTorrent,
  store: PieceReads,
  pieces: readonly number[],
  step: CheckStep,
): Promise<readonly number[]> {
  const left: (readonly number[])[] = [];
  await eachAtOnce(Array(LANES).keys(), LANES, async (k) => {
    const mine = pieces.filter((_, i) => i % LANES === k);
    left.push(await checkInTurn(torrent, store, mine, step));
  });
  return left.flat();
}

/** Lets several threads read files of the operating system; as above. */
async function checkInParallel(
  torrent: StorageTorrent,
  files: TorrentFiles,
  filePaths: readonly string[],
  pieces: readonly number[],
  step: CheckStep,
): Promise<readonly number[]> {
  const { layout } = torrent;
  const { threads, signal, hold } = step.options;
  const { VerifyError, verifyPieces } = await import(
    "../../metainfo/verify.ts"
  );
  const held = new AbortController();
  const left = new Set(pieces);
  try {
    await verifyPieces({
      layout,
      filePaths,
      expected: torrent,
      pieces,
      threads,
      signal: signal === undefined
        ? held.signal
        : AbortSignal.any([signal, held.signal]),
      onPiece: (pieceIndex, isGood) => {
        left.delete(pieceIndex);
        step.note(pieceIndex, isGood);
      },
      onProgress: () => {
        step.report();
        if (hold?.() !== undefined) held.abort();
      },
    });
    return [];
  } catch (error) {
    if (held.signal.aborted && signal?.aborted !== true) return [...left];
    if (!(error instanceof VerifyError)) throw error;
    if (files.stored.unreadable !== undefined) {
      return await checkInTurn(torrent, files, [...left], step);
    }
    const { path, cause } = error;
    throw toDiskError(
      cause instanceof Error && cause.cause !== undefined ? cause.cause : error,
      { operation: "check", path },
    );
  }
}

/** Files whose length is not what it should be. */
export interface OddFiles {
  /** Nothing in them is part of the torrent. */
  readonly foreign: readonly number[];
  /** They go on behind their end. */
  readonly surplus: readonly number[];
}

/** Finds files that have another length than they should, after a check. */
export function oddFiles(files: TorrentFiles): OddFiles {
  const { layout } = files;
  const foreign: number[] = [];
  const surplus: number[] = [];
  for (let i = 0; i < layout.files.length; i++) {
    const { length, pad } = layout.files[i]!;
    const size = files.stored.size(i);
    if (pad || size <= 0 || !files.stored.own.has(i)) continue;
    if (size === length) {
      // What an earlier run left incomplete has the suffix, if there is one; what
      // has only pieces that it shares cannot be judged.
      const { hasSuffix, suffixed } = files.stored.places;
      const { offset } = layout.files[i]!;
      const inner = Math.ceil(offset / layout.pieceLength) + 1;
      const isJudged = inner * layout.pieceLength <= offset + length;
      if (!hasSuffix || suffixed.has(i) || !isJudged) continue;
    }
    if (!files.isPart(i)) foreign.push(i);
    else if (size > length) surplus.push(i);
  }
  return { foreign, surplus };
}

async function checkPiece(
  torrent: StorageTorrent,
  store: PieceReads,
  pieceIndex: number,
  size: number,
  buffer: Uint8Array<ArrayBuffer>,
  isOneOfFew: boolean,
): Promise<boolean> {
  const digest = new PieceVerifier(torrent, pieceIndex);
  while (digest.offset < size) {
    const run = buffer.subarray(0, size - digest.offset);
    const read = store.readRange(pieceIndex, digest.offset, run);
    if (!(read instanceof Promise ? await read : read)) return false;
    if (isOneOfFew && run.length === size && digest.hasOnlySha1) {
      return await passesSha1(torrent, pieceIndex, run);
    }
    digest.update(run);
  }
  return digest.finish() === "good";
}
