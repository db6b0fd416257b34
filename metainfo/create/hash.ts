/**
 * Hashes the files of a new torrent: files on disk with all threads, streams
 * and memory as they come.
 *
 * @module
 */
import { onAborted } from "../../_shared/abort.ts";
import { CreateError } from "../create_error.ts";
import type { CreateMetainfoOptions } from "../create_options.ts";
import {
  type CreateEntry,
  diskPathOf,
  displayPath,
  entryPath,
} from "./entry.ts";
import type { CreatePlan } from "./walk.ts";
import { PieceFeeder } from "./feed.ts";
import { nextTurn } from "../node.ts";
import { runHashTask, SMALL_FILE } from "../hash/pool.ts";
import { HashReadError } from "../hash/reader.ts";
import { SHA256_LENGTH } from "../sha256.ts";
import { FILE_FINE, hashTask } from "../hash/task.ts";
import { type LayoutFile, PieceLayout } from "../piece_layout.ts";

/** How the files of a torrent lie in its pieces. */
export interface CreateForm {
  /** Bytes of a piece. */
  readonly pieceLength: number;
  /** Whether there are SHA-1 piece hashes (BEP 3). */
  readonly sha1: boolean;
  /** Whether there are merkle trees (BEP 52). */
  readonly sha256: boolean;
  /** Whether pad files follow files (BEP 47). */
  readonly padFiles: boolean;
  /** Whether one follows the last file, too. */
  readonly padLast: boolean;
}

/** What hashing found out. */
export interface HashedFiles {
  /** Bytes of each file. */
  readonly lengths: readonly number[];
  /** SHA-1 of each piece, 20 bytes each; empty when not wanted. */
  readonly pieces: Uint8Array;
  /**
   * SHA-256 subtree roots of the pieces of each file, 32 bytes each; empty
   * when not wanted.
   */
  readonly layers: readonly Uint8Array[];
}

/** A file of the v1 list: one of the torrent's, or padding. */
export interface PlacedEntry {
  /** Index of the file, or -1 for padding. */
  readonly index: number;
  /** Bytes. */
  readonly length: number;
}

/** Puts pad files between files. */
export function* placeEntries(
  lengths: readonly number[],
  form: CreateForm,
): Generator<PlacedEntry> {
  const { pieceLength, padFiles, padLast } = form;
  const last = padFiles ? lengths.findLastIndex((length) => length > 0) : 0;
  for (let index = 0; index < lengths.length; index++) {
    const length = lengths[index]!;
    yield { index, length };
    const over = length % pieceLength;
    if (padFiles && over > 0 && (padLast || index < last)) {
      yield { index: -1, length: pieceLength - over };
    }
  }
}

/** Hashes all files. */
export async function hashEntries(
  plan: CreatePlan,
  form: CreateForm,
  options: CreateMetainfoOptions,
): Promise<HashedFiles> {
  const onDisk = plan.entries.every(({ content, length }) =>
    content === undefined || content.type === "disk" ||
    length === 0 && content.type !== "stream"
  );
  const hashed = onDisk
    ? await hashOnDisk(plan.entries, form, options)
    : await hashInOrder(plan.entries, form, options);
  await checkUnchanged(plan.entries, onDisk, options.signal);
  return hashed;
}

async function hashOnDisk(
  entries: readonly CreateEntry[],
  form: CreateForm,
  options: CreateMetainfoOptions,
): Promise<HashedFiles> {
  const { pieceLength, sha1, sha256, padFiles } = form;
  const lengths = entries.map(({ length }) => length ?? 0);
  /** Indices of the entries, -1 for padding; the same without padding. */
  const placed = padFiles ? Array.from(placeEntries(lengths, form)) : undefined;
  const layout = new PieceLayout({
    pieceLength,
    alignFiles: !sha1 && !padFiles,
    // Entries that are on disk have a length.
    files: placed?.map(({ index, length }) => ({ length, pad: index < 0 })) ??
      entries as readonly LayoutFile[],
  });
  const pathOf = (index: number) =>
    diskPathOf(entries[placed?.[index]?.index ?? index]!) ?? "";
  const task = hashTask(layout, pathOf, { sha1, sha256 });
  const { threads, useCallingThread, onProgress, signal } = options;
  const totalBytes = layout.totalLength;
  let hashedBytes = 0;
  let reported = performance.now();
  const onPieces = (first: number, end: number) => {
    if (onProgress === undefined) return;
    for (let i = first; i < end; i++) hashedBytes += layout.payloadSize(i);
    const now = performance.now();
    if (now - reported < 100 && hashedBytes < totalBytes) return;
    reported = now;
    onProgress({ hashedBytes, totalBytes });
  };
  try {
    const memory = await runHashTask(task, layout, {
      threads,
      useCallingThread,
      onPieces,
      signal,
    });
    const faulty = memory.files.findIndex((status) => status !== FILE_FINE);
    if (faulty >= 0) throw changed(pathOf(faulty));
    const layers: Uint8Array[] = [];
    if (sha256) {
      for (let i = 0; i < layout.fileCount; i++) {
        if (layout.file(i).pad) continue;
        const { first, end } = layout.filePieces(i);
        layers.push(
          memory.sha256.slice(first * SHA256_LENGTH, end * SHA256_LENGTH),
        );
      }
    }
    return { lengths, pieces: new Uint8Array(memory.sha1), layers };
  } catch (error) {
    if (!(error instanceof HashReadError)) throw error;
    throw readFailed(pathOf(error.failure.fileIndex), error);
  }
}

function changed(path: string): CreateError {
  return new CreateError(
    "changed",
    `Cannot create a torrent of "${path}": it changed while it was read`,
    path,
  );
}

function readFailed(path: string, error: unknown): CreateError {
  const message = error instanceof Error ? error.message : String(error);
  return new CreateError(
    "read-failed",
    `Cannot read "${path}": ${message}`,
    path,
    { cause: error },
  );
}

/**
 * Compares size and time of files with what they were at the start. Of many
 * small files, which take a moment each, the reading has shown that each had
 * its length, and that is enough.
 */
async function checkUnchanged(
  entries: readonly CreateEntry[],
  onDisk: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  let total = 0;
  for (const { length = 0 } of entries) total += length;
  const isMany = onDisk && entries.length >= MANY_FILES &&
    total <= SMALL_FILE * entries.length;
  for (let i = 0; i < entries.length; i++) {
    const { length = 0, mtime } = entries[i]!;
    if (isMany && length > 0 && length <= READ_SIZE) continue;
    const path = diskPathOf(entries[i]!);
    if (path === undefined) continue;
    let stat: Deno.FileInfo;
    try {
      stat = Deno.statSync(path);
    } catch {
      throw changed(path);
    }
    if (stat.size !== length || stat.mtime?.getTime() !== mtime) {
      throw changed(path);
    }
    if (i % 1024 === 1023) {
      await nextTurn();
      signal?.throwIfAborted();
    }
  }
}

/** So many files are many. */
const MANY_FILES = 4096;

/** Bytes of a file on disk that are read at once here. */
const READ_SIZE = 256 * 1024;

/** The calling thread hashes at most about this long before others may run. */
const SLICE_MS = 8;

/** Hashes all files one after the other, whatever they come from. */
async function hashInOrder(
  entries: readonly CreateEntry[],
  form: CreateForm,
  options: CreateMetainfoOptions,
): Promise<HashedFiles> {
  const { onProgress, signal } = options;
  const feeder = new PieceFeeder(form);
  const lengths: number[] = [];
  const layers: Uint8Array[] = [];
  let totalBytes = 0;
  for (const { length = 0 } of entries) totalBytes += length;
  let hashedBytes = 0;
  let reported = performance.now();
  let sliceEnd = reported + SLICE_MS;
  /** Takes bytes of the current file; gives way to others now and then. */
  const take = async (bytes: Uint8Array, isKnown: boolean): Promise<void> => {
    for (let i = 0; i < bytes.length; i += READ_SIZE) {
      const part = bytes.subarray(i, i + READ_SIZE);
      feeder.push(part);
      hashedBytes += part.length;
      if (!isKnown) totalBytes += part.length;
      const now = performance.now();
      if (now < sliceEnd) continue;
      if (now - reported >= 100) {
        reported = now;
        onProgress?.({ hashedBytes, totalBytes });
      }
      await nextTurn();
      signal?.throwIfAborted();
      sliceEnd = performance.now() + SLICE_MS;
    }
  };
  for (const entry of entries) {
    signal?.throwIfAborted();
    const isKnown = entry.length !== undefined;
    const start = hashedBytes;
    await readEntry(entry, (bytes) => take(bytes, isKnown), signal);
    const length = hashedBytes - start;
    if (isKnown && length !== entry.length) {
      throw changed(diskPathOf(entry) ?? displayPath(entryPath(entry)));
    }
    lengths.push(length);
    layers.push(feeder.endFile());
  }
  const pieces = feeder.end();
  onProgress?.({ hashedBytes, totalBytes });
  return { lengths, pieces, layers };
}

async function readEntry(
  entry: CreateEntry,
  take: (bytes: Uint8Array) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { content, length = Infinity } = entry;
  const diskPath = diskPathOf(entry);
  if (content?.type === "bytes") await take(content.bytes);
  else if (content?.type === "stream") {
    const path = displayPath(entryPath(entry));
    await readStream(content.stream, length, path, take, signal);
  } else if (diskPath !== undefined) {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(diskPath);
    } catch (error) {
      throw readFailed(diskPath, error);
    }
    using _closing = file;
    const buffer = new Uint8Array(READ_SIZE);
    while (true) {
      let count: number | null;
      try {
        count = file.readSync(buffer);
      } catch (error) {
        throw readFailed(diskPath, error);
      }
      if (count === null || count === 0) return;
      await take(buffer.subarray(0, count));
    }
  }
}

/** Reads a stream to its end; cancels it when anything goes wrong. */
async function readStream(
  stream: ReadableStream<Uint8Array>,
  length: number,
  path: string,
  take: (bytes: Uint8Array) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const reader = stream.getReader();
  const forget = onAborted(signal, () => {
    reader.cancel(signal?.reason).catch(() => {});
  });
  let left = length;
  let isRead = false;
  try {
    while (true) {
      let result: ReadableStreamReadResult<Uint8Array>;
      try {
        result = await reader.read();
      } catch (error) {
        signal?.throwIfAborted();
        isRead = true;
        throw readFailed(path, error);
      }
      signal?.throwIfAborted();
      if (result.done) {
        isRead = true;
        return;
      }
      if (!(result.value instanceof Uint8Array)) {
        throw new TypeError(
          `Cannot hash a chunk of the stream "${path}": expected a Uint8Array`,
        );
      }
      left -= result.value.length;
      if (left < 0) throw changed(path);
      await take(result.value);
    }
  } catch (error) {
    if (!isRead) await reader.cancel(error).catch(() => {});
    throw error;
  } finally {
    forget();
    reader.releaseLock();
  }
}
