/**
 * The hash messages of a session (BEP 52).
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import {
  ANSWER_SEND_WATERMARK,
  MAX_HASH_LAYERS,
  MAX_HASH_REQUEST_LENGTH,
  MAX_HASH_REQUESTS,
} from "../limits.ts";
import type { HashRange, PeerMessage } from "../message.ts";
import type { SessionCore } from "./session_core.ts";

/**
 * Tells whether a hash request is well formed (BEP 52): the length is a power
 * of two from 2 to 512 and the index a multiple of it.
 *
 * @param range What is asked for.
 * @returns Whether it may be served.
 */
export function isHashRange(range: HashRange): boolean {
  const { length, index } = range;
  return range.piecesRoot.length === 32 && length >= 2 &&
    length <= MAX_HASH_REQUEST_LENGTH && (length & (length - 1)) === 0 &&
    index % length === 0 && index + length <= 0x100000000 &&
    range.baseLayer < MAX_HASH_LAYERS && range.proofLayers <= MAX_HASH_LAYERS;
}

/**
 * Counts the uncle hashes that follow the run in a hashes message (BEP 52):
 * the layers that the run itself yields are left out.
 *
 * @param range What was asked for.
 * @returns How many hashes prove the run.
 */
export function hashProofLength(range: HashRange): number {
  return Math.max(0, range.proofLayers - (Math.log2(range.length) - 1));
}

/** Bytes in the send buffer up to which a longest answer of ours has room. */
const ANSWER_ROOM = ANSWER_SEND_WATERMARK -
  32 * (MAX_HASH_REQUEST_LENGTH + MAX_HASH_LAYERS);

function keyOf(
  { piecesRoot, baseLayer, index, length, proofLayers }: HashRange,
) {
  return [toHex(piecesRoot), baseLayer, index, length, proofLayers].join("/");
}

/** Notes a request unless it is malformed, known, or one too many. */
function note(requests: Set<string>, range: HashRange): boolean {
  if (!isHashRange(range) || requests.size >= MAX_HASH_REQUESTS) return false;
  return requests.size < requests.add(keyOf(range)).size;
}

/** Hash requests of both directions that wait for an answer. */
export class HashSide {
  readonly #core: SessionCore;
  readonly #asked = new Set<string>();
  readonly #owed = new Set<string>();

  constructor(core: SessionCore) {
    this.#core = core;
  }

  request(range: HashRange, now: number): boolean {
    if (!note(this.#asked, range)) return false;
    this.#core.send({ ...range, type: "hash-request" }, now);
    return true;
  }

  reply(
    range: HashRange,
    hashes: Uint8Array | undefined,
    now: number,
  ): boolean {
    if (!this.#owed.delete(keyOf(range))) return false;
    this.#core.send(
      hashes === undefined
        ? { ...range, type: "hash-reject" }
        : { ...range, type: "hashes", hashes },
      now,
    );
    return true;
  }

  onMessage(message: Extract<PeerMessage, HashRange>, now: number): void {
    const { baseLayer, index, length, proofLayers } = message;
    const piecesRoot = message.piecesRoot.slice();
    const range = { piecesRoot, baseLayer, index, length, proofLayers };
    if (message.type === "hash-request") {
      if (this.#core.bufferedBytes <= ANSWER_ROOM && note(this.#owed, range)) {
        this.#core.emit({ type: "hash-request", range });
      } else this.#core.send({ ...range, type: "hash-reject" }, now);
      return;
    }
    const isAnswer = isHashRange(range) && this.#asked.delete(keyOf(range));
    if (message.type !== "hashes") {
      if (isAnswer) this.#core.emit({ type: "hash-reject", range });
      else this.#core.oddMessage(message);
      return;
    }
    const { hashes } = message;
    if (isAnswer && hashes.length === 32 * (length + hashProofLength(range))) {
      this.#core.emit({ type: "hashes", range, hashes });
    } else {
      this.#core.counters.wasted += hashes.length;
      this.#core.oddMessage(message);
    }
  }
}
