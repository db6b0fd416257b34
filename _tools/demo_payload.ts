/**
 * The demo's payload: files that no other run has, and their comparison with
 * what arrived.
 *
 * @module
 */
import { Buffer } from "node:buffer";

const MIB = 1024 * 1024;
/** Most bytes that `crypto.getRandomValues` gives at a time. */
const RANDOM_BYTES = 65536;

/** A file of the payload. */
export interface PayloadFile {
  /** Path below the payload's folder, with slashes. */
  readonly path: string;
  /** Bytes. */
  readonly length: number;
}

/** A place where two copies differ. */
export interface Difference {
  /** Path of the file. */
  readonly path: string;
  /** What is wrong with it. */
  readonly what: string;
}

/**
 * Divides a size over files as real torrents have them: large and small ones,
 * folders, odd lengths, an empty file and names beyond ASCII.
 *
 * @param total Bytes in all, at least 64 KiB.
 * @returns The files; their lengths add up to the total.
 */
export function planPayload(total: number): PayloadFile[] {
  const share = (part: number) => Math.floor(total * part) | 1;
  const files = [
    { path: "empty.txt", length: 0 },
    { path: "one byte", length: 1 },
    { path: "extras/naïve café.srt", length: share(0.0007) },
    { path: "extras/日本語.flac", length: share(0.11) },
    { path: "photos/001.raw", length: share(0.05) },
    { path: "photos/002.raw", length: share(0.05) },
    { path: "photos/old/003.raw", length: share(0.03) },
  ];
  const rest = total - files.reduce((sum, { length }) => sum + length, 0);
  return [...files, { path: "film.mkv", length: rest }];
}

/** Where a file of the payload is. */
function pathOf(folder: string, file: PayloadFile): string {
  return `${folder}/${file.path}`;
}

/**
 * Writes the files with random content.
 *
 * @param folder The payload's folder, which is made.
 * @param files See {@linkcode planPayload}.
 * @param signal Stops the work.
 */
export async function writePayload(
  folder: string,
  files: readonly PayloadFile[],
  signal: AbortSignal,
): Promise<void> {
  const chunk = new Uint8Array(4 * MIB);
  for (const file of files) {
    const path = pathOf(folder, file);
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    using target = await Deno.create(path);
    for (let left = file.length; left > 0;) {
      signal.throwIfAborted();
      const part = chunk.subarray(0, Math.min(left, chunk.length));
      for (let at = 0; at < part.length; at += RANDOM_BYTES) {
        crypto.getRandomValues(part.subarray(at, at + RANDOM_BYTES));
      }
      for (let at = 0; at < part.length;) {
        at += await target.write(part.subarray(at));
      }
      left -= part.length;
    }
  }
}

/** Reads until the buffer is full or the file ends. */
async function readFull(file: Deno.FsFile, buffer: Uint8Array) {
  let length = 0;
  while (length < buffer.length) {
    const count = await file.read(buffer.subarray(length));
    if (count === null) break;
    length += count;
  }
  return length;
}

async function compareFile(
  expectedPath: string,
  actualPath: string,
  buffers: readonly [Uint8Array, Uint8Array],
  signal: AbortSignal,
): Promise<string | undefined> {
  let actual: Deno.FsFile;
  try {
    actual = await Deno.open(actualPath);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "it is missing";
    throw error;
  }
  using _actual = actual;
  using expected = await Deno.open(expectedPath);
  const [a, b] = buffers;
  for (let offset = 0;; offset += a.length) {
    signal.throwIfAborted();
    const [length, other] = await Promise.all([
      readFull(expected, a),
      readFull(actual, b),
    ]);
    const common = Math.min(length, other);
    if (Buffer.compare(a.subarray(0, common), b.subarray(0, common)) !== 0) {
      let at = 0;
      while (a[at] === b[at]) at++;
      return `byte ${offset + at} differs`;
    }
    if (length !== other) {
      return length < other
        ? "it is too long"
        : `it ends after ${offset + other} bytes`;
    }
    if (length < a.length) return undefined;
  }
}

async function* walk(folder: string, prefix = ""): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = prefix + entry.name;
    if (entry.isDirectory) yield* walk(`${folder}/${entry.name}`, `${path}/`);
    else yield path;
  }
}

/**
 * Compares a copy of the payload with the original, byte by byte.
 *
 * @param original The payload's folder.
 * @param copy The copy's folder.
 * @param files What has to be there, and nothing else.
 * @param signal Stops the work.
 * @returns What differs; empty when nothing does.
 */
export async function comparePayload(
  original: string,
  copy: string,
  files: readonly PayloadFile[],
  signal: AbortSignal,
): Promise<Difference[]> {
  const buffers = [new Uint8Array(MIB), new Uint8Array(MIB)] as const;
  const differences: Difference[] = [];
  for (const file of files) {
    const what = await compareFile(
      pathOf(original, file),
      pathOf(copy, file),
      buffers,
      signal,
    );
    if (what !== undefined) differences.push({ path: file.path, what });
  }
  const expected = new Set(files.map(({ path }) => path.normalize("NFC")));
  for await (const path of walk(copy)) {
    if (!expected.has(path.normalize("NFC"))) {
      differences.push({ path, what: "it should not be there" });
    }
  }
  return differences;
}
