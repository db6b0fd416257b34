/**
 * What a person names a torrent by: a file, a URL, stdin, a magnet
 * link or an info-hash.
 *
 * @module
 */
import { decodeTextLossy } from "../../_shared/bytes.ts";
import type { Magnet } from "../../metainfo/magnet.ts";
import { type Metainfo, MetainfoError } from "../../metainfo/metainfo.ts";
import { parseMetainfo } from "../../metainfo/parse.ts";
import { cleanMagnetText, parseMagnet } from "../../metainfo/parse_magnet.ts";
import { CommandError, UsageError } from "../error.ts";
import { EXIT_BAD_TORRENT } from "../exit_code.ts";
import { readFile } from "../read_file.ts";
import type { WebAccess } from "./fetch_torrent.ts";

/** Largest torrent file that is read, in bytes. */
export const MAX_TORRENT_LENGTH: number = 64 * 1024 * 1024;

/** How torrent files are read. */
const TORRENT_FILE = {
  limit: MAX_TORRENT_LENGTH,
  kind: "a torrent file",
  exitCode: EXIT_BAD_TORRENT,
} as const;

/** Longest file or answer that may be a magnet link, in bytes. */
const MAX_LINK_LENGTH = 64 * 1024;

/** Longest list of sources on stdin, in bytes. */
const MAX_LIST_LENGTH = 4 * 1024 * 1024;

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

/** The magnet link that a text means: one, or a bare info-hash. */
function magnetText(text: string): string | undefined {
  const link = cleanMagnetText(text);
  return /^magnet:/i.test(link) ? link : undefined;
}

/**
 * Tells links from files.
 *
 * @param text What a person named.
 * @returns The magnet link that it is, or `undefined`; a bare info-hash is none
 * where there is a file of that name.
 * @throws {MagnetError} If it is a bad magnet link.
 */
export async function linkOf(text: string): Promise<string | undefined> {
  const link = magnetText(text);
  if (link === undefined) return undefined;
  if (!/^\W*\w+:/.test(text) && await isFile(text)) return undefined;
  parseMagnet(link);
  return link;
}

/** Whether a person means a torrent file or link by this, not what it is of. */
export async function meansTorrent(text: string): Promise<boolean> {
  if (text === "-" || /^(https?|file|magnet):/i.test(text)) return true;
  return /\.torrent$/i.test(text) && !await isFolder(text);
}

/**
 * Puts the torrent file first of two operands.
 *
 * @param operands A torrent file and a folder, in either order.
 * @returns The torrent file and the folder.
 */
export async function torrentFirst(
  [first, second]: readonly [string, string],
): Promise<[string, string]> {
  return await meansTorrent(second) && !await meansTorrent(first)
    ? [second, first]
    : [first, second];
}

/** The path that a `file:` URL means, or the text itself. */
export function pathOf(text: string): string {
  if (!/^file:/i.test(text)) return text;
  const url = URL.parse(text);
  if (url === null || url.hostname !== "") {
    throw new UsageError(
      `${JSON.stringify(text)} does not name a file on this machine`,
    );
  }
  let path: string;
  try {
    path = decodeURIComponent(url.pathname);
  } catch {
    throw new UsageError(`${JSON.stringify(text)} is not a valid URL`);
  }
  return Deno.build.os === "windows" ? path.replace(/^\/(?=\w:)/, "") : path;
}

/** Reads what a person names, wherever it is; a link may be there. */
async function readAnySource(
  text: string,
  signal?: AbortSignal,
  web: WebAccess = {},
): Promise<Uint8Array<ArrayBuffer> | string> {
  if (/^https?:\/\//i.test(text)) {
    if (!URL.canParse(text)) {
      throw new UsageError(`${JSON.stringify(text)} is not a valid URL`);
    }
    const { fetchTorrent } = await import("./fetch_torrent.ts");
    return await fetchTorrent(text, { ...web, signal });
  }
  const scheme = /^(?!file:)([a-z][a-z0-9+.-]+):\/\//i.exec(text)?.[1];
  if (scheme !== undefined) {
    throw new UsageError(`Cannot fetch torrents from ${scheme}: URLs`);
  }
  const bytes = await readFile(pathOf(text), { ...TORRENT_FILE, signal });
  return linkIn(bytes) ?? bytes;
}

/**
 * Finds the magnet link that is all of a file or answer.
 *
 * @param bytes What was read.
 * @returns The link, or `undefined` if it is anything else.
 */
export function linkIn(bytes: Uint8Array): string | undefined {
  if (bytes.length > MAX_LINK_LENGTH) return undefined;
  const text = decodeTextLossy(bytes).trim();
  return /^magnet:\S+$/i.test(text) ? text : undefined;
}

/** Parses a torrent file that was read from somewhere. */
function parseTorrentFile(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Source & { readonly type: "torrent" } {
  try {
    const windowsNames = Deno.build.os === "windows";
    const metainfo = parseMetainfo(bytes, { windowsNames });
    return { type: "torrent", metainfo, bytes };
  } catch (error) {
    if (!(error instanceof MetainfoError)) throw error;
    // "<" after white space and a byte order mark.
    const reason = bytes.length === 0
      ? "it is empty"
      : /^\W{0,64}</.test(decodeTextLossy(bytes.subarray(0, 99)))
      ? "it is a web page"
      : bytes[0] === 0x1f && bytes[1] === 0x8b
      ? "it is compressed with gzip"
      : error.message
        .replace(/^Cannot decode a torrent: Cannot decode /, "bad ");
    throw new CommandError(
      EXIT_BAD_TORRENT,
      error.code,
      `${name} is not a valid torrent: ${reason}`,
      { cause: error },
    );
  }
}

/** How a source is called in messages: without the secrets of its URL. */
export function shownName(text: string): string {
  return text === "-"
    ? "stdin"
    : /^https?:/i.test(text)
    ? text.replace(/[?#].*$/s, "").replace(/\/\/[^/]*@/, "//")
    : text;
}

/**
 * Reads and parses a torrent file.
 *
 * @param text Where it is: a path, `-` for stdin, a `file:`, http or https URL.
 * @param signal Ends the wait for a pipe that nobody writes to.
 * @param web How URLs are asked.
 * @returns The parsed torrent and its bytes.
 * @throws {UsageError} If it is a magnet link.
 * @throws {CommandError} If it cannot be read (exit code 5 or 6), is too large
 * or no valid torrent (exit code 4; `code` is that of the `MetainfoError`).
 */
export async function readTorrentFile(
  text: string,
  signal?: AbortSignal,
  web: WebAccess = {},
): Promise<Source & { readonly type: "torrent" }> {
  const source = await readSource(text, signal, web);
  if (source.type === "torrent") return source;
  throw new UsageError(
    "Expected a torrent file, not a magnet link or info-hash",
    "bip download and bip info take these",
  );
}

/**
 * Understands what a person names a torrent by.
 *
 * @param text A torrent file as for {@linkcode readTorrentFile}, a magnet link,
 * `urn:btih:` and the like, or an info-hash of 40 or 64 hex digits (or 32
 * base32 characters).
 * @param signal Ends the wait for a pipe that nobody writes to.
 * @param web How URLs are asked.
 * @returns The torrent, or a link.
 * @throws {CommandError} If a file cannot be read or is a bad torrent.
 * @throws {MagnetError} If it is a bad magnet link.
 */
export async function readSource(
  text: string,
  signal?: AbortSignal,
  web: WebAccess = {},
): Promise<Source> {
  const link = await linkOf(text);
  if (link !== undefined) return { type: "magnet", magnet: parseMagnet(link) };
  const found = await readAnySource(text, signal, web);
  return typeof found === "string"
    ? { type: "magnet", magnet: parseMagnet(cleanMagnetText(found)) }
    : parseTorrentFile(found, shownName(text));
}

/**
 * Reads the sources that stdin brings: a torrent file, or lines that each name
 * one.
 *
 * @param signal Ends the wait.
 * @returns The torrent, or the lines.
 * @throws {CommandError} If that is neither, or there are more than 1000 lines.
 */
export async function readStdinSources(
  signal?: AbortSignal,
): Promise<Source | string[]> {
  const bytes = await readFile("-", { ...TORRENT_FILE, signal });
  const text = decodeTextLossy(bytes.subarray(0, MAX_LIST_LENGTH));
  const lines = text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
  const isSource = (line: string) =>
    magnetText(line) !== undefined || /^(https?|file):\/\//i.test(line);
  const isList = bytes.length <= MAX_LIST_LENGTH && lines.length > 0 &&
    lines.length <= 1000 && isSource(lines[0]!);
  if (!isList) return parseTorrentFile(bytes, "stdin");
  const odd = lines.find((line) => !isSource(line));
  if (odd === undefined) return lines;
  throw new UsageError(
    `stdin has a line that is not a link, info-hash or URL: ${
      JSON.stringify(odd.slice(0, 100))
    }`,
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

/** Whether there is a folder of that name. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}
