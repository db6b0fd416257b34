/**
 * Sizes, rates, durations and URLs as people write and read them.
 *
 * @module
 */
import { UsageError } from "./error.ts";

const BINARY = ["", "k", "m", "g", "t", "p"];
const SIZE = /^(\d{1,15}(?:\.\d{1,9})?)\s*([kmgtp]?)(i?)(b?)$/i;

function tryParseSize(text: string): number | undefined {
  const match = SIZE.exec(text.trim());
  if (match === null) return undefined;
  const power = BINARY.indexOf(match[2]!.toLowerCase());
  if (match[3] !== "" && power === 0) return undefined;
  const step = match[4] !== "" && match[3] === "" ? 1000 : 1024;
  const bytes = Math.round(Number(match[1]) * step ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/**
 * Parses a size: a number with an optional unit. `K`, `M`, `G`, `T` and their
 * `KiB` forms count in steps of 1024, `KB` forms in steps of 1000.
 *
 * @param text Such as `16384`, `500K`, `1.5MiB`, `2MB`.
 * @param what The option it belongs to, for the message.
 * @returns A whole number of bytes.
 * @throws {UsageError} If the text is no size.
 */
export function parseSize(text: string, what: string): number {
  const bytes = tryParseSize(text);
  if (bytes !== undefined) return bytes;
  throw new UsageError(
    `${what} must be a size such as 16384, 500K or 1MiB, not ${
      JSON.stringify(text)
    }`,
  );
}

/**
 * Parses a rate: a size a second, `/s` optional.
 *
 * @param text Such as `2M` or `500 KiB/s`; `0` and `unlimited` mean no limit.
 * @param what The option it belongs to, for the message.
 * @returns Bytes a second, or `Infinity` for no limit.
 * @throws {UsageError} If the text is no rate, or one below a byte a second.
 */
export function parseRate(text: string, what: string): number {
  if (/^\s*(unlimited|none)\s*$/i.test(text)) return Infinity;
  const amount = text.replace(/\s*\/s\s*$/i, "");
  const bytes = tryParseSize(amount);
  if (bytes === undefined) {
    throw new UsageError(
      `${what} must be a rate such as 500K or 2MiB/s, not ${
        JSON.stringify(text)
      }`,
    );
  }
  if (bytes > 0) return bytes;
  if (/[1-9]/.test(amount)) {
    throw new UsageError(
      `${what} must be at least 1 byte a second, not ${JSON.stringify(text)}`,
      "0 means no limit",
    );
  }
  return Infinity;
}

const SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
};

/**
 * Parses a duration: seconds, or parts with units.
 *
 * @param text Such as `90`, `1.5`, `2m`, `1h30m`, `1d`.
 * @param what The option it belongs to, for the message.
 * @returns Milliseconds, a whole number.
 * @throws {UsageError} If the text is no duration.
 */
export function parseDuration(text: string, what: string): number {
  const trimmed = text.trim().toLowerCase();
  let seconds = NaN;
  if (/^\d{1,12}(\.\d{1,6})?$/.test(trimmed)) seconds = Number(trimmed);
  else if (/^(\d{1,12}(\.\d{1,6})?[smhd])+$/.test(trimmed)) {
    seconds = 0;
    for (const [, amount, unit] of trimmed.matchAll(/([\d.]+)([smhd])/g)) {
      seconds += Number(amount) * SECONDS[unit!]!;
    }
  }
  const ms = Math.round(seconds * 1000);
  if (!Number.isSafeInteger(ms)) {
    throw new UsageError(
      `${what} must be seconds or a duration such as 90, 2m or 1h30m, not ${
        JSON.stringify(text)
      }`,
    );
  }
  return ms;
}

/**
 * Parses a whole number.
 *
 * @param text Decimal digits.
 * @param what The option it belongs to, for the message.
 * @param low Smallest allowed value.
 * @param high Largest allowed value.
 * @returns The number.
 * @throws {UsageError} If the text is no whole number between the two.
 */
export function parseInteger(
  text: string,
  what: string,
  low: number,
  high: number,
): number {
  const value = /^\d{1,16}$/.test(text.trim()) ? Number(text) : NaN;
  if (!(value >= low && value <= high)) {
    throw new UsageError(
      `${what} must be a whole number from ${low} to ${high}, not ${
        JSON.stringify(text)
      }`,
    );
  }
  return value;
}

/**
 * Parses a ratio.
 *
 * @param text Such as `1`, `2.5`.
 * @param what The option it belongs to, for the message.
 * @returns A number that is not negative.
 * @throws {UsageError} If the text is no ratio.
 */
export function parseRatio(text: string, what: string): number {
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text.trim())) {
    throw new UsageError(
      `${what} must be a number such as 1 or 2.5, not ${JSON.stringify(text)}`,
    );
  }
  return Number(text);
}

/**
 * Checks the URL of a tracker that we are to ask.
 *
 * @param text What was typed.
 * @param what The option it belongs to, for the message.
 * @returns The URL.
 * @throws {UsageError} If it is no http, https or udp URL.
 */
export function parseTracker(text: string, what: string): string {
  const url = text.trim();
  if (/^(https?|udp):\/\/[^/]/i.test(url) && URL.canParse(url)) return url;
  throw new UsageError(
    `${what} must be an http, https or udp URL, not ${JSON.stringify(text)}`,
  );
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/**
 * Formats a size with three or four digits and a unit.
 *
 * @param bytes How many bytes, not negative.
 * @returns Such as `0 B`, `512 B`, `1.00 MiB`, `12.3 GiB`.
 */
export function formatSize(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  // 1023.95 would round to 1024 of the smaller unit.
  while (value >= (unit === 0 ? 1024 : 1023.5) && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  if (unit === 0) return `${Math.round(value)} B`;
  const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/**
 * Formats a rate.
 *
 * @param bytesPerSecond How fast.
 * @returns Such as `1.25 MiB/s`.
 */
export function formatRate(bytesPerSecond: number): string {
  return `${formatSize(bytesPerSecond)}/s`;
}

/**
 * Formats a duration with its two largest parts.
 *
 * @param ms Milliseconds; anything not finite gives a dash.
 * @returns Such as `8s`, `2m 05s`, `3h 12m`, `4d 2h`.
 */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return "–";
  const seconds = Math.round(ms / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h ${two(minutes % 60)}m`;
  const days = Math.floor(hours / 24);
  return days > 999 ? "–" : `${days}d ${hours % 24}h`;
}
