/**
 * One transfer from a web seed: a sequence of requests for parts of files.
 *
 * @module
 */
import { encodeText } from "../_shared/bytes.ts";
import type { BlockAddress } from "../metainfo/piece_layout.ts";
import type { BlockCutter } from "./block_cutter.ts";
import type { FileRange } from "./plan.ts";

/** A server that is silent for so long is given up, in milliseconds. */
export const SILENCE_MS = 30_000;
/** So much has to come in that time, in bytes. */
const LEAST_IN_SILENCE_MS = 30 * 1024;

/** A sequence of requests, one at a time. */
export interface Transfer {
  readonly id: number;
  /** Blocks that are wanted, by address. */
  readonly wanted: Map<number, BlockAddress>;
  readonly cutter: BlockCutter;
  /** What is still to be asked for. */
  readonly ranges: FileRange[];
  /** What is asked for now. */
  range: FileRange;
  url: string;
  redirects: number;
  /** The next byte of the file. */
  position: number;
  /** Whether the file is read for all that is lacking. */
  isWhole: boolean;
  /** Since when it is the server's turn. */
  since: number | undefined;
  /** What came in how much time of the server's. */
  slowBytes: number;
  slowMs: number;
}

/** Makes a transfer that has asked for nothing yet. */
export function startTransfer(
  parts: Pick<
    Transfer,
    "id" | "wanted" | "cutter" | "ranges" | "range" | "isWhole"
  >,
): Transfer {
  return {
    ...parts,
    url: "",
    redirects: 0,
    position: 0,
    since: undefined,
    slowBytes: 0,
    slowMs: 0,
  };
}

/**
 * Notes that bytes came; only the time counts that was the server's. Whether it
 * is too slow.
 */
export function noteSpeed(
  transfer: Transfer,
  bytes: number,
  now: number,
): boolean {
  transfer.slowBytes += bytes;
  if (transfer.since !== undefined) transfer.slowMs += now - transfer.since;
  transfer.since = undefined;
  const { slowBytes, slowMs } = transfer;
  if (slowMs < SILENCE_MS) return false;
  transfer.slowBytes = transfer.slowMs = 0;
  return slowBytes < LEAST_IN_SILENCE_MS * slowMs / SILENCE_MS;
}

/**
 * Headers of a request: for a part of a file or the whole, never compressed.
 * Credentials of the web seed's URL go to its own origin only.
 */
export function requestHeaders(
  base: URL,
  target: string,
  range: FileRange | undefined,
): Record<string, string> {
  const headers: Record<string, string> = { "accept-encoding": "identity" };
  if (range !== undefined) {
    headers.range = `bytes=${range.start}-${range.end - 1}`;
  }
  const hasUser = base.username !== "" || base.password !== "";
  if (hasUser && new URL(target).origin === base.origin) {
    headers.authorization = `Basic ${basic(base)}`;
  }
  return headers;
}

/** Name and password of a URL as Basic authentication has them (RFC 7617). */
function basic({ username, password }: URL): string {
  const plain = `${decode(username)}:${decode(password)}`;
  return encodeText(plain).toBase64();
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
