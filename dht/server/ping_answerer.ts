/**
 * The shortest way from a ping to its answer: by far the most frequent query,
 * recognised and answered without being taken apart.
 *
 * @module
 */
import { encodeText } from "../../_shared/bytes.ts";

const START = encodeText("d1:ad2:id20:");
const MIDDLE = encodeText("e1:q4:ping1:t");
const VERSION = encodeText("1:v4:");
const END = encodeText("1:y1:qe");
const ID_AT = START.length;
const MIDDLE_AT = ID_AT + 20;
const COUNT_AT = MIDDLE_AT + MIDDLE.length;
const TRANSACTION_AT = COUNT_AT + 2;

/** No answer to a ping is longer. */
export const MAX_PING_ANSWER = 128;

const ANSWER_START = encodeText("d2:ip");
const ANSWER_ID = encodeText("1:rd2:id20:");
const ANSWER_TRANSACTION = encodeText("e1:t");
const ANSWER_END = encodeText("1:y1:re");

/** Whether bytes have a part at an offset. */
export function hasAt(
  bytes: Uint8Array,
  at: number,
  part: Uint8Array,
): boolean {
  for (let i = 0; i < part.length; i++) {
    if (bytes[at + i] !== part[i]) return false;
  }
  return true;
}

/** Copies bytes; gives where they end. */
function copy(
  to: Uint8Array,
  at: number,
  from: Uint8Array,
  start: number,
  length: number,
): number {
  for (let i = 0; i < length; i++) to[at + i] = from[start + i]!;
  return at + length;
}

/**
 * Where the id of the sender is in a ping of the usual form; -1 for anything
 * else, which is left to the decoder.
 */
export function findPingId(data: Uint8Array): number {
  const { length } = data;
  if (length < TRANSACTION_AT + 1 + END.length || length > 80) return -1;
  const count = data[COUNT_AT]! - 0x30;
  if (count < 1 || count > 9 || data[COUNT_AT + 1] !== 0x3a) return -1;
  let at = TRANSACTION_AT + count;
  if (length === at + VERSION.length + 4 + END.length) {
    if (!hasAt(data, at, VERSION)) return -1;
    at += VERSION.length + 4;
  } else if (length !== at + END.length) return -1;
  return hasAt(data, at, END) && hasAt(data, MIDDLE_AT, MIDDLE) &&
      hasAt(data, 0, START)
    ? ID_AT
    : -1;
}

/** Writes answers to pings; they are those that the encoder would write. */
export class PingAnswerer {
  readonly #tail: Uint8Array;

  constructor(version: Uint8Array | undefined) {
    const own = version ?? new Uint8Array(0);
    const head = encodeText(version === undefined ? "" : `1:v${own.length}:`);
    const tail = new Uint8Array(head.length + own.length + ANSWER_END.length);
    tail.set(head);
    tail.set(own, head.length);
    tail.set(ANSWER_END, head.length + own.length);
    this.#tail = tail;
  }

  /**
   * Writes the answer to a ping that was found; `ip` and `port` are those of
   * its sender. Gives how long it is.
   */
  write(
    out: Uint8Array,
    data: Uint8Array,
    ownId: Uint8Array,
    ip: Uint8Array,
    port: number,
  ): number {
    const count = data[COUNT_AT]! - 0x30;
    const tail = this.#tail;
    let at = copy(out, 0, ANSWER_START, 0, ANSWER_START.length);
    if (ip.length === 16) out[at++] = 0x31;
    out[at++] = ip.length === 4 ? 0x36 : 0x38;
    out[at++] = 0x3a;
    at = copy(out, at, ip, 0, ip.length);
    out[at++] = port >>> 8;
    out[at++] = port;
    at = copy(out, at, ANSWER_ID, 0, ANSWER_ID.length);
    at = copy(out, at, ownId, 0, 20);
    at = copy(out, at, ANSWER_TRANSACTION, 0, ANSWER_TRANSACTION.length);
    at = copy(out, at, data, COUNT_AT, 2 + count);
    return copy(out, at, tail, 0, tail.length);
  }
}
