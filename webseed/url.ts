/**
 * Where the files of a torrent are below the URL of a web seed (BEP 19).
 *
 * @module
 */
import { encodeText } from "../_shared/bytes.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";

/** What a web seed must know of a torrent. */
export type WebSeedTorrent = Pick<
  Metainfo,
  "name" | "originalName" | "isSingleFile" | "files" | "layout"
>;

/** Longest URL that is used. */
const MAX_URL = 8192;

/**
 * Reads the URL of a web seed as it stands in `url-list` or in `ws` of a magnet
 * link.
 *
 * @param text The URL.
 * @returns It, without a fragment; `undefined` for what is no http or https URL
 * of at most 8192 characters.
 */
export function parseWebSeedUrl(text: string): URL | undefined {
  if (text.length > MAX_URL) return undefined;
  const url = URL.parse(text.trim());
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
  url.hash = "";
  return url;
}

/**
 * The URL of a file. That of a single-file torrent is the seed's URL, with the
 * name behind it if it ends in a slash; otherwise name and path follow, each
 * component escaped as the torrent has it. Credentials are left out.
 *
 * @param base The web seed's URL.
 * @param torrent Names and files.
 * @param fileIndex Index of the file.
 * @returns The URL.
 * @throws {RangeError} If there is no such file.
 */
export function webSeedFileUrl(
  base: URL,
  torrent: WebSeedTorrent,
  fileIndex: number,
): string {
  const file = torrent.files[fileIndex];
  if (file === undefined) {
    throw new RangeError(
      `Cannot use file ${fileIndex}: there are ${torrent.files.length} files`,
    );
  }
  const bare = new URL(base);
  bare.username = bare.password = bare.hash = "";
  const root = bare.href;
  const { name, originalName = name } = torrent;
  const title = escapeAll([encodeText(originalName)], [name]);
  if (torrent.isSingleFile) return root.endsWith("/") ? root + title : root;
  const { path, originalPath = path, rawPath } = file;
  const tail = escapeAll(rawPath ?? originalPath.map(encodeText), path);
  return `${root}${root.endsWith("/") ? "" : "/"}${title}/${tail}`;
}

/** Where a redirect leads, without credentials; `undefined` for no web server. */
export function redirectUrl(
  location: string,
  from: string,
): string | undefined {
  const url = parseWebSeedUrl(URL.parse(location, from)?.href ?? "");
  if (url === undefined) return undefined;
  url.username = url.password = "";
  return url.href;
}

/** Escapes components; safe ones instead of such as would change the path. */
function escapeAll(
  components: readonly Uint8Array[],
  safe: readonly string[],
): string {
  const escaped = components.map(escapeBytes);
  return escaped.some((text) => /^\.{0,2}$/.test(text))
    ? safe.map((text) => escapeBytes(encodeText(text))).join("/")
    : escaped.join("/");
}

/** Percent-encodes all but the unreserved characters of RFC 3986. */
function escapeBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    text += /[A-Za-z0-9\-._~]/.test(char)
      ? char
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}
