/**
 * The headers by which a client of HTTP asks for a part of a file (RFC 9110, 13
 * and 14).
 *
 * @module
 */

/** Bytes of a file, the last one not included. */
export interface ByteRange {
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
