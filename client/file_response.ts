/**
 * Files of torrents over HTTP.
 *
 * @module
 */
import { toHex } from "../_shared/bytes.ts";
import { mediaType } from "./media_type.ts";
import type { Torrent } from "./torrent.ts";
import type { TorrentFile } from "./torrent/torrent_file.ts";

/** Bytes of a file, the last one not included. */
interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a `Range` header.
 *
 * @param text The header's value.
 * @param length Bytes of the file.
 * @returns The part that is asked for; `"whole"` where the header is to be
 * ignored: another unit, bad syntax, several parts; `"none"` if all of it lies
 * behind the end (416).
 */
export function parseByteRange(
  text: string,
  length: number,
): ByteRange | "whole" | "none" {
  const value = /^bytes=(.*)$/i.exec(text.trim())?.[1];
  if (value === undefined) return "whole";
  // Empty elements of a list count for nothing (RFC 9110, 5.6.1).
  const parts = value.split(",").map((part) => part.trim())
    .filter((part) => part !== "");
  if (parts.length === 0) return "whole";
  const ranges: ByteRange[] = [];
  for (const part of parts) {
    const range = parseOne(part, length);
    if (range === undefined) return "whole";
    if (range.start < range.end) ranges.push(range);
  }
  if (ranges.length === 0) return "none";
  return ranges.length === 1 ? ranges[0]! : "whole";
}

function parseOne(text: string, length: number): ByteRange | undefined {
  const match = /^(\d*)-(\d*)$/.exec(text);
  if (match === null || text === "-") return undefined;
  const [, first, last] = match;
  if (first === "") {
    return { start: Math.max(0, length - Number(last)), end: length };
  }
  const start = Number(first);
  if (last === "") return { start, end: Math.max(start, length) };
  if (Number(last) < start) return undefined;
  return { start, end: Math.min(Number(last) + 1, length) };
}

/**
 * Tells whether a list of entity tags has one.
 *
 * @param list The value of `If-Match`, `If-None-Match` or `If-Range`.
 * @param tag A strong tag, with its quotes.
 * @param weak Whether `W/` makes no difference.
 * @returns Whether it is in the list, or that is `*`.
 */
export function matchesTag(list: string, tag: string, weak: boolean): boolean {
  if (list.trim() === "*") return true;
  return list.split(",").some((item) => {
    const text = item.trim();
    return (weak && text.startsWith("W/") ? text.slice(2) : text) === tag;
  });
}

/**
 * Answers a request for a file of a torrent, which may still be fetched: bytes
 * are sent as they come. To be called by any server that takes
 * `(Request) => Response`. Who may ask is up to that server.
 *
 * `GET` and `HEAD`; one range of bytes, also from the end (`Range`, `If-Range`);
 * several ranges are answered with the whole file. `If-Match` and
 * `If-None-Match` are compared with the tag of the file, which is its info-hash
 * and index. The type follows from the name; what a browser could run is sent as
 * plain bytes.
 *
 * @param torrent The torrent.
 * @param file The file, one of `torrent.files`.
 * @param request The request.
 * @returns 200 or 206 with the bytes, 304, 405, 412, or 416. What is
 * read ahead ends when the body is cancelled, as servers do when a client goes;
 * the body ends with an error if the torrent is removed or stopped by one.
 *
 * @example
 * ```ts no-assert
 * import { fileResponse, type Torrent } from "@bip/bip/client";
 *
 * function serve(torrent: Torrent) {
 *   return Deno.serve({ hostname: "127.0.0.1" }, (request) => {
 *     const file = torrent.files[0];
 *     return file === undefined
 *       ? new Response("Not known yet\n", { status: 503 })
 *       : fileResponse(torrent, file, request);
 *   });
 * }
 * ```
 */
export function fileResponse(
  torrent: Torrent,
  file: TorrentFile,
  request: Request,
): Response {
  const { length } = file;
  const { method, headers: asked } = request;
  if (method !== "GET" && method !== "HEAD") {
    return plain(405, { allow: "GET, HEAD" });
  }
  const tag = `"${toHex(torrent.infoHash)}-${file.index}"`;
  const name = file.path.at(-1) ?? "";
  const headers: Record<string, string> = {
    "accept-ranges": "bytes",
    "cache-control": "no-cache",
    "content-disposition": disposition(name),
    "content-type": mediaType(name),
    etag: tag,
    "x-content-type-options": "nosniff",
  };
  const match = asked.get("if-match");
  if (match !== null && !matchesTag(match, tag, false)) {
    return plain(412, { etag: tag });
  }
  const noneMatch = asked.get("if-none-match");
  if (noneMatch !== null && matchesTag(noneMatch, tag, true)) {
    return new Response(null, { status: 304, headers: { etag: tag } });
  }
  const range = rangeOf(asked, tag, length);
  if (range === "none") {
    return plain(416, { etag: tag, "content-range": `bytes */${length}` });
  }
  const { start, end } = range === "whole" ? { start: 0, end: length } : range;
  headers["content-length"] = `${end - start}`;
  if (range !== "whole") {
    headers["content-range"] = `bytes ${start}-${end - 1}/${length}`;
  }
  const body = method === "HEAD" || start === end
    ? null
    : file.stream({ start, end });
  return new Response(body, { status: range === "whole" ? 200 : 206, headers });
}

/** The part that is asked for, if what is known of the file still holds. */
function rangeOf(
  headers: Headers,
  tag: string,
  length: number,
): ByteRange | "whole" | "none" {
  const text = headers.get("range");
  const condition = headers.get("if-range");
  // A date is no tag: there is none that it could be compared with.
  if (text === null || (condition !== null && condition.trim() !== tag)) {
    return "whole";
  }
  return parseByteRange(text, length);
}

/** A name for saving it, in ASCII and as it is (RFC 6266, RFC 8187). */
function disposition(name: string): string {
  const whole = name.toWellFormed();
  const ascii = whole.replace(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(whole)
    .replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return `inline; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}

function plain(status: number, headers: Record<string, string>): Response {
  return new Response(null, { status, headers });
}
