/**
 * What a person names a torrent by: a file, a magnet link or an info-hash.
 *
 * @module
 */
import type { Magnet } from "../../metainfo/magnet.ts";
import { type Metainfo, MetainfoError } from "../../metainfo/metainfo.ts";
import { parseMetainfo } from "../../metainfo/parse.ts";
import { cleanMagnetText, parseMagnet } from "../../metainfo/parse_magnet.ts";
import { CommandError, UsageError } from "../error.ts";
import { EXIT_BAD_TORRENT } from "../exit_code.ts";
import { readFile } from "../read_file.ts";

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

/** Whether a person meant a magnet link, white space before it and all. */
function isMagnetText(text: string): boolean {
  return /^magnet:/i.test(cleanMagnetText(text));
}

/**
 * Reads and parses a torrent file.
 *
 * @param path Where it is.
 * @param signal Ends the wait for a pipe that nobody writes to.
 * @returns The parsed torrent and its bytes.
 * @throws {UsageError} If it is a magnet link.
 * @throws {CommandError} If it cannot be read (exit code 6), is too large or no
 * valid torrent (exit code 4; `code` is that of the `MetainfoError`).
 */
export async function readTorrentFile(
  path: string,
  signal?: AbortSignal,
): Promise<Source & { readonly type: "torrent" }> {
  if (isMagnetText(path)) {
    throw new UsageError(
      "A magnet link cannot stand where a torrent file must",
      "bip download -o DIR or bip info take magnet links",
    );
  }
  const bytes = await readFile(path, {
    limit: MAX_TORRENT_LENGTH,
    kind: "a torrent file",
    exitCode: EXIT_BAD_TORRENT,
    signal,
  });
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

/**
 * Understands what a person names a torrent by.
 *
 * @param text Path of a torrent file, magnet link, or info-hash of 40 or 64
 * hex digits (or 32 base32 characters).
 * @param signal Ends the wait for a pipe that nobody writes to.
 * @returns The torrent, or a link.
 * @throws {CommandError} If a file cannot be read or is a bad torrent.
 * @throws {MagnetError} If it is a bad magnet link.
 */
export async function readSource(
  text: string,
  signal?: AbortSignal,
): Promise<Source> {
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
  return await readTorrentFile(text, signal);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
