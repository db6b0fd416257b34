/**
 * What a person names a torrent by: a file, a magnet link or an info-hash.
 *
 * @module
 */
import type { Magnet } from "../metainfo/magnet.ts";
import { type Metainfo, MetainfoError } from "../metainfo/metainfo.ts";
import { parseMetainfo } from "../metainfo/parse.ts";
import { cleanMagnetText, parseMagnet } from "../metainfo/parse_magnet.ts";
import { CommandError, UsageError } from "./error.ts";
import { EXIT_BAD_TORRENT, EXIT_IO } from "./exit_code.ts";

/** Largest torrent file that is read, in bytes. */
export const MAX_TORRENT_LENGTH: number = 64 * 1024 * 1024;

/** A named torrent. */
export type Source =
  | {
    readonly type: "torrent";
    /** The parsed file. */
    readonly metainfo: Metainfo;
    /** The file's bytes. */
    readonly bytes: Uint8Array<ArrayBuffer>;
  }
  | {
    readonly type: "magnet";
    /** The parsed link, also for a bare info-hash. */
    readonly magnet: Magnet;
  };

/**
 * Words an I/O error for people.
 *
 * @param error What the system threw.
 * @param action Such as `"read"`.
 * @param path What it was about, as the person wrote it.
 * @returns An error with exit code 6, or the error itself when it is no I/O
 * error.
 */
export function ioError(error: unknown, action: string, path: string): unknown {
  const reasons: Readonly<Record<string, [string, string]>> = {
    NotFound: ["not-found", "there is no such file or folder"],
    PermissionDenied: ["permission-denied", "access is denied"],
    AlreadyExists: ["already-exists", "it is there already"],
    NotADirectory: ["not-a-folder", "a part of the path is no folder"],
    IsADirectory: ["is-a-folder", "it is a folder"],
    FilesystemLoop: ["link-loop", "its links go in circles"],
  };
  if (!(error instanceof Error)) return error;
  const { code } = error as { readonly code?: unknown };
  const known = Object.hasOwn(reasons, error.name)
    ? reasons[error.name]
    : code === "ENOSPC"
    ? ["disk-full", "the disk is full"] as const
    : /\(os error \d+\)/.test(error.message)
    ? [
      "io",
      error.message.replace(/^(.*?) \(os error \d+\).*$/s, "$1"),
    ] as const
    : undefined;
  if (known === undefined) return error;
  return new CommandError(
    EXIT_IO,
    known[0],
    `Cannot ${action} ${path === "" ? '""' : path}: ${known[1]}`,
    { cause: error },
  );
}

/** Whether a person meant a magnet link, white space before it and all. */
function isMagnetText(text: string): boolean {
  return /^magnet:/i.test(cleanMagnetText(text));
}

/**
 * Reads and parses a torrent file.
 *
 * @param path Where it is.
 * @returns The parsed torrent and its bytes.
 * @throws {UsageError} If it is a magnet link.
 * @throws {CommandError} If it cannot be read (exit code 6), is too large or no
 * valid torrent (exit code 4; `code` is that of the `MetainfoError`).
 */
export async function readTorrentFile(
  path: string,
): Promise<Source & { readonly type: "torrent" }> {
  if (isMagnetText(path)) {
    throw new UsageError(
      "A magnet link cannot stand where a torrent file must",
      "bip download -o DIR or bip info take magnet links",
    );
  }
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    using file = await Deno.open(path, { read: true });
    const { size, isDirectory } = await file.stat();
    if (isDirectory) throw new Deno.errors.IsADirectory("Is a directory");
    if (size > MAX_TORRENT_LENGTH) {
      throw new CommandError(
        EXIT_BAD_TORRENT,
        "too-large",
        `Cannot read ${path}: a torrent file has at most ${MAX_TORRENT_LENGTH} bytes, this one has ${size}`,
      );
    }
    bytes = await readBounded(file, path);
  } catch (error) {
    throw ioError(error, "read", path);
  }
  try {
    const windowsNames = Deno.build.os === "windows";
    const metainfo = parseMetainfo(bytes, { windowsNames });
    return { type: "torrent", metainfo, bytes };
  } catch (error) {
    if (!(error instanceof MetainfoError)) throw error;
    throw new CommandError(
      EXIT_BAD_TORRENT,
      error.code,
      `${path} is no valid torrent: ${error.message}`,
      { cause: error },
    );
  }
}

/** Reads to the end, also of a pipe, but not past the limit. */
async function readBounded(
  file: Deno.FsFile,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  let buffer = new Uint8Array(64 * 1024);
  let length = 0;
  while (true) {
    if (length === buffer.length) {
      if (length > MAX_TORRENT_LENGTH) {
        throw new CommandError(
          EXIT_BAD_TORRENT,
          "too-large",
          `Cannot read ${path}: a torrent file has at most ${MAX_TORRENT_LENGTH} bytes`,
        );
      }
      const larger = new Uint8Array(buffer.length * 2);
      larger.set(buffer);
      buffer = larger;
    }
    const count = await file.read(buffer.subarray(length));
    if (count === null) return buffer.subarray(0, length);
    length += count;
  }
}

/**
 * Understands what a person names a torrent by.
 *
 * @param text Path of a torrent file, magnet link, or info-hash of 40 or 64
 * hex digits (or 32 base32 characters).
 * @returns The torrent, or a link.
 * @throws {CommandError} If a file cannot be read or is a bad torrent.
 * @throws {MagnetError} If it is a bad magnet link.
 */
export async function readSource(text: string): Promise<Source> {
  const digits = cleanMagnetText(text);
  if (isMagnetText(text)) {
    return { type: "magnet", magnet: parseMagnet(digits) };
  }
  const hash = /^(?:[0-9a-f]{40}|[0-9a-f]{64}|[a-z2-7]{32})$/i.test(digits);
  if (hash && !await isFile(text)) {
    const topic = digits.length === 64
      ? `urn:btmh:1220${digits}`
      : `urn:btih:${digits}`;
    return { type: "magnet", magnet: parseMagnet(`magnet:?xt=${topic}`) };
  }
  return await readTorrentFile(text);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
