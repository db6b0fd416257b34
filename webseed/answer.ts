/**
 * What the status and the headers of a web server's answer mean for a request
 * for a part of a file (RFC 9110).
 *
 * @module
 */

/** The headers of an answer; `Headers` fits. */
export interface AnswerHeaders {
  /**
   * Reads a header.
   *
   * @param name Its name.
   * @returns Its value, or `null`.
   */
  get(name: string): string | null;
}

/** Which bytes of a file were asked for. */
export interface WantedRange {
  /** The first byte. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
  /** Bytes of the whole file. */
  readonly fileLength: number;
}

/** What to make of an answer. */
export type WebSeedVerdict =
  /** The body is what was asked for, or the whole file. */
  | { readonly type: "range" | "whole" }
  | {
    readonly type: "redirect";
    /** As it stands in the header. */
    readonly location: string;
  }
  | {
    /** The file is not there, or another one is: not to be asked for again. */
    readonly type: "drop";
    readonly reason: string;
  }
  | {
    /** It may be tried again. */
    readonly type: "retry";
    readonly reason: string;
    /** After so many milliseconds, where the server says so. */
    readonly afterMs: number | undefined;
  };

/** The parts of a `Content-Range` header. */
export interface ContentRange {
  /** The first byte. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
  /** Bytes of the whole; `undefined` where the server does not know. */
  readonly total: number | undefined;
}

/** Statuses of what is not there and will not be. */
const GONE: readonly number[] = [403, 404, 410, 416, 451];
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

/**
 * Judges an answer.
 *
 * @param status The status.
 * @param headers The headers.
 * @param wanted What was asked for.
 * @returns What to do with it.
 */
export function judgeWebSeedAnswer(
  status: number,
  headers: AnswerHeaders,
  wanted: WantedRange,
): WebSeedVerdict {
  const location = headers.get("location");
  if (REDIRECTS.includes(status) && location !== null) {
    return { type: "redirect", location };
  }
  if (GONE.includes(status)) {
    return { type: "drop", reason: `The server answered ${status}` };
  }
  if (status !== 200 && status !== 206) {
    return {
      type: "retry",
      reason: `The server answered ${status}`,
      afterMs: parseRetryAfter(headers),
    };
  }
  const encoding = headers.get("content-encoding") ?? "identity";
  if (encoding.trim().toLowerCase() !== "identity") {
    return retry("The server encoded data that was requested unencoded");
  }
  const length = lengthOf(headers);
  if (status === 200) {
    return length === undefined || length === wanted.fileLength
      ? { type: "whole" }
      : drop(`The file has ${length} bytes there, not ${wanted.fileLength}`);
  }
  const range = parseContentRange(headers.get("content-range") ?? "");
  if (range === undefined) {
    return retry("The server did not say which range it sends");
  }
  const { start, end, total = wanted.fileLength } = range;
  if (total !== wanted.fileLength) {
    return drop(`The file has ${total} bytes there, not ${wanted.fileLength}`);
  }
  if (
    start !== wanted.start || end !== wanted.end ||
    (length !== undefined && length !== end - start)
  ) return retry("The server sends a different part than was requested");
  return { type: "range" };
}

/**
 * Reads a `Content-Range` header.
 *
 * @param text Such as `bytes 0-499/1234` or `bytes 0-499/*`.
 * @returns Its parts, or `undefined` where it makes no sense.
 */
export function parseContentRange(text: string): ContentRange | undefined {
  const match = /^bytes\s+(\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/i.exec(
    text.trim(),
  );
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = Number(match[2]) + 1;
  const total = match[3] === "*" ? undefined : Number(match[3]);
  if (
    end <= start || !Number.isSafeInteger(end) ||
    (total !== undefined && (!Number.isSafeInteger(total) || end > total))
  ) return undefined;
  return { start, end, total };
}

/**
 * Reads a `Retry-After` header: seconds, or a date that is compared with the
 * answer's own `Date`.
 *
 * @param headers The headers of the answer.
 * @returns Milliseconds from now, at least 0; `undefined` where it says nothing
 * that makes sense.
 */
export function parseRetryAfter(headers: AnswerHeaders): number | undefined {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000;
  const at = parseHttpDate(text);
  const now = parseHttpDate(headers.get("date")?.trim() ?? "");
  return at === undefined || now === undefined
    ? undefined
    : Math.max(0, at - now);
}

/** Milliseconds since 1970 of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`. */
function parseHttpDate(text: string): number | undefined {
  const match =
    /^[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/
      .exec(text);
  if (match === null) return undefined;
  const month = MONTHS.indexOf(match[2]!) / 3;
  if (!Number.isInteger(month) || month < 0) return undefined;
  const [day, year, hours, minutes, seconds] = [1, 3, 4, 5, 6].map((i) =>
    Number(match[i])
  ) as [number, number, number, number, number];
  // Years that begin in March end with the leap day.
  const y = month < 2 ? year - 1 : year;
  const days = 365 * y + Math.floor(y / 4) - Math.floor(y / 100) +
    Math.floor(y / 400) + Math.floor((153 * ((month + 10) % 12) + 2) / 5) +
    day - 719_469;
  return ((days * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1000;
}

function lengthOf(headers: AnswerHeaders): number | undefined {
  const text = headers.get("content-length")?.trim() ?? "";
  return /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}

function drop(reason: string): WebSeedVerdict {
  return { type: "drop", reason };
}

function retry(reason: string): WebSeedVerdict {
  return { type: "retry", reason, afterMs: undefined };
}
