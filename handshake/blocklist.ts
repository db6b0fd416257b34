/**
 * Block lists as they are published: P2P text, eMule's ipfilter.dat, and lists
 * of addresses and prefixes, plain or gzip.
 *
 * @module
 */
import type { IpSetBuilder } from "./ip_set.ts";

/** Longest line that is looked at, in characters. */
const MAX_LINE = 1024;
/** Levels of ipfilter.dat from here on allow. */
const FIRST_ALLOWED_LEVEL = 128;

/** Why a list cannot be used. */
export type BlocklistErrorCode =
  /** It has more bytes or ranges than allowed. */
  | "too-large"
  /** It is compressed, and damaged. */
  | "corrupt"
  /** It has lines, but no range. */
  | "no-ranges";

/** A block list cannot be used; {@linkcode BlocklistError.code} says why. */
export class BlocklistError extends Error {
  /** What is wrong. */
  readonly code: BlocklistErrorCode;

  /**
   * Makes the error.
   *
   * @param code What is wrong.
   * @param message One line for people.
   * @param options `cause`: what went wrong underneath.
   */
  constructor(
    code: BlocklistErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "BlocklistError";
    this.code = code;
  }
}

/** Options of {@linkcode readBlocklist}. */
export interface ReadBlocklistOptions {
  /** Most bytes, decompressed. @default {536870912} */
  readonly maxBytes?: number | undefined;
  /** Most ranges, those of earlier lists counted. @default {4000000} */
  readonly maxRanges?: number | undefined;
}

/** What was in a block list. */
export interface BlocklistCounts {
  /** Ranges taken. */
  readonly ranges: number;
  /** Lines that are no range, no comment and not empty. */
  readonly ignored: number;
}

const QUAD = String.raw`(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})`;
/** The range at the end of a P2P line, or before the level of an eMule line. */
const IPV4_RANGE = new RegExp(
  String.raw`(?:^|:)\s*${QUAD}\s*-\s*${QUAD}\s*(?:,\s*(\d+)\s*(?:,.*)?)?$`,
);

/** Four parts of a match as a 32-bit integer, or `undefined`. */
function quadAt(match: RegExpExecArray, at: number): number | undefined {
  let value = 0;
  for (let i = at; i < at + 4; i++) {
    const part = Number(match[i]);
    if (part > 255) return undefined;
    value = value * 256 + part;
  }
  return value;
}

/**
 * Adds the range of a line.
 *
 * @param line One line, without its end.
 * @param into Where to.
 * @returns Whether it was understood; a range that the list allows, a comment
 * and an empty line are, too.
 */
export function addBlocklistLine(line: string, into: IpSetBuilder): boolean {
  const text = line.trim();
  if (text === "" || /^(#|;|\/\/)/.test(text)) return true;
  const match = IPV4_RANGE.exec(text);
  // Everything else has no name in front, but perhaps a comment behind.
  if (match === null) return into.add(text.replace(/\s*[#;].*$/, ""));
  const first = quadAt(match, 1);
  const last = quadAt(match, 5);
  if (first === undefined || last === undefined || first > last) return false;
  if (Number(match[9] ?? 0) < FIRST_ALLOWED_LEVEL) into.addIpv4(first, last);
  return true;
}

/**
 * Reads a block list line by line, decompressing gzip. Lines that are no ranges
 * are passed over; at most one line is held in memory.
 *
 * @param list Its bytes.
 * @param into Where to; several lists may go into one set.
 * @param options See {@linkcode ReadBlocklistOptions}.
 * @returns What was in it.
 * @throws {BlocklistError} If it is too large, damaged or no block list.
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { IpSetBuilder, readBlocklist } from "@bip/bip/handshake";
 *
 * const builder = new IpSetBuilder();
 * const list = new Blob(["Some network:192.0.2.0-192.0.2.255\n"]);
 * await readBlocklist(list.stream(), builder);
 * assert(builder.build().has("192.0.2.7"));
 * ```
 */
export async function readBlocklist(
  list: ReadableStream<Uint8Array>,
  into: IpSetBuilder,
  options: ReadBlocklistOptions = {},
): Promise<BlocklistCounts> {
  const { maxBytes = 536_870_912, maxRanges = 4_000_000 } = options;
  const before = into.count;
  // Only what is ASCII matters, whatever the names are written in.
  const decoder = new TextDecoder("latin1");
  let ignored = 0;
  let length = 0;
  let rest = "";
  const take = (line: string) => {
    if (line.length > MAX_LINE || !addBlocklistLine(line, into)) ignored++;
    if (into.count > maxRanges) {
      throw new BlocklistError(
        "too-large",
        `The block list has more than ${maxRanges} ranges`,
      );
    }
  };
  for await (const chunk of await plain(list)) {
    length += chunk.length;
    if (length > maxBytes) {
      throw new BlocklistError(
        "too-large",
        `The block list has more than ${maxBytes} bytes`,
      );
    }
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    // Of an endless line only so much that it stays too long.
    rest = lines.pop()!.slice(0, MAX_LINE + 1);
    lines.forEach(take);
  }
  take(rest);
  const ranges = into.count - before;
  if (ranges === 0 && ignored > 0) {
    throw new BlocklistError(
      "no-ranges",
      "The block list contains no addresses",
    );
  }
  return { ranges, ignored };
}

/** The bytes of a list, decompressed where they begin as gzip does. */
async function plain(
  list: ReadableStream<Uint8Array>,
): Promise<AsyncIterable<Uint8Array>> {
  const reader = list.getReader();
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < 2) {
    const { done, value } = await reader.read();
    if (done) break;
    first.push(value);
    length += value.length;
  }
  const [a, b] = first.flatMap((chunk) => [...chunk.subarray(0, 2)]);
  const whole = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const next = first.shift();
      const { done, value } = next === undefined
        ? await reader.read()
        : { done: false, value: next };
      if (done) controller.close();
      else controller.enqueue(value as Uint8Array<ArrayBuffer>);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return a === 0x1f && b === 0x8b ? decompressed(whole) : whole;
}

async function* decompressed(
  whole: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncIterable<Uint8Array> {
  try {
    yield* whole.pipeThrough(new DecompressionStream("gzip"));
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new BlocklistError(
      "corrupt",
      "The block list is a truncated or damaged gzip file",
      {
        cause,
      },
    );
  }
}
