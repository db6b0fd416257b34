/**
 * Files that a person names, read whole but not without end.
 *
 * @module
 */
import { orAborted } from "../_shared/abort.ts";
import { CommandError } from "./error.ts";
import { ioError } from "./io_error.ts";
import { formatSize } from "./units.ts";

/** Options of {@linkcode readFile}. */
export interface ReadFileOptions {
  /** Most bytes it may have. */
  readonly limit: number;
  /** What it should be, such as `"a torrent file"`. */
  readonly kind: string;
  /** Exit code when it is larger. */
  readonly exitCode: number;
  /** Ends the wait for a pipe that nobody writes to. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a file, a pipe or a device to its end; `-` is stdin.
 *
 * @param path Where it is, as the person wrote it.
 * @param options See {@linkcode ReadFileOptions}.
 * @returns The bytes.
 * @throws {CommandError} If it cannot be read (exit code 6) or is too large.
 */
export async function readFile(
  path: string,
  options: ReadFileOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { signal } = options;
  const work = read(path, options).catch((error) => {
    throw ioError(error, "read", path === "-" ? "stdin" : path);
  });
  return await orAborted(work, signal);
}

async function read(
  path: string,
  options: ReadFileOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  if (path === "-") {
    const name = "stdin";
    return await readAll((into) => Deno.stdin.read(into), { ...options, name });
  }
  using file = await Deno.open(path, { read: true });
  const { size, isDirectory } = await file.stat();
  if (isDirectory) throw new Deno.errors.IsADirectory("Is a directory");
  return await readAll(
    (into) => file.read(into),
    { ...options, name: path },
    size,
  );
}

/**
 * Reads a stream to its end.
 *
 * @param read Fills a part of a buffer; returns how much, or null at the end.
 * @param options What it is called, and as for files.
 * @param size Bytes that are expected; 0 for pipes, devices and the like.
 * @returns The bytes.
 * @throws {CommandError} If there are too many.
 */
export async function readAll(
  read: (into: Uint8Array) => Promise<number | null>,
  options: Omit<ReadFileOptions, "signal"> & { readonly name: string },
  size = 0,
): Promise<Uint8Array<ArrayBuffer>> {
  const { name, limit, kind, exitCode } = options;
  let buffer = new Uint8Array(Math.min(size, limit) + 16_384);
  let length = 0;
  while (true) {
    if (length > limit || size > limit) {
      throw new CommandError(
        exitCode,
        "too-large",
        `Cannot read ${name}: ${kind} has at most ${formatSize(limit)}${
          size > limit ? `, this one has ${formatSize(size)}` : ""
        }`,
      );
    }
    if (length === buffer.length) {
      const larger = new Uint8Array(Math.min(2 * length, limit + 1024));
      larger.set(buffer);
      buffer = larger;
    }
    const count = await read(buffer.subarray(length));
    if (count === null) return buffer.subarray(0, length);
    length += count;
  }
}
