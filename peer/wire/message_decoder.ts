/**
 * Bytes to messages, incrementally: any split of the stream gives the same
 * messages, and nothing is buffered that its type does not allow.
 *
 * @module
 */
import { readUint32 } from "../../_shared/bytes.ts";
import { PeerProtocolError } from "../error.ts";
import {
  MAX_BLOCK_LENGTH,
  MAX_EXTENDED_LENGTH,
  MAX_HASHES,
  MAX_PIECE_COUNT,
  MAX_UNKNOWN_LENGTH,
} from "../limits.ts";
import { decodePeerMessageBody, type PeerMessage } from "../message.ts";

const NO_BYTES = new Uint8Array(0);

/** Longest message of any type in bytes. */
const MAX_LENGTH = 2 + MAX_EXTENDED_LENGTH;

/** Length of the body by id where there is but one, else 0 (BEP 3, 5, 6, 52). */
const EXACT_LENGTH: readonly number[] = [
  ...[1, 1, 1, 1, 5, 0, 13, 0, 13, 3, 0, 0],
  ...[0, 5, 1, 1, 13, 5, 0, 0, 0, 49, 0, 49],
];

/** Refuses a length that no type allows. */
function checkAnyLength(length: number): void {
  if (length <= MAX_LENGTH) return;
  throw new PeerProtocolError(
    "too-long",
    `Cannot take a message of ${length} bytes: the most is ${MAX_LENGTH}`,
  );
}

/** Refuses a length that the type does not allow. */
function checkLength(
  length: number,
  id: number,
  pieceCount: number | undefined,
  maxExtended = MAX_EXTENDED_LENGTH,
): void {
  const exact = EXACT_LENGTH[id] ?? 0;
  if (length === exact) return;
  checkAnyLength(length);
  let least = exact || 1;
  let most = exact || 1 + MAX_UNKNOWN_LENGTH;
  if (id === 7) {
    least = 9;
    most = 9 + MAX_BLOCK_LENGTH;
  } else if (id === 5) {
    most = 1 + Math.ceil((pieceCount ?? MAX_PIECE_COUNT) / 8);
    if (pieceCount !== undefined && length !== most) {
      throw new PeerProtocolError(
        "bad-bitfield",
        `Cannot take a bitfield of ${
          length - 1
        } bytes: ${pieceCount} pieces need ${most - 1}`,
      );
    }
  } else if (id === 20) {
    least = 2;
    most = 2 + maxExtended;
  } else if (id === 22) {
    least = 49;
    most = 49 + 32 * MAX_HASHES;
  }
  const fits = length >= least && length <= most;
  if (fits && (id !== 22 || (length - 49) % 32 === 0)) return;
  throw new PeerProtocolError(
    length > most && most > 49 ? "too-long" : "bad-length",
    `Cannot take a message with id ${id} as its length must be ${
      least === most ? least : `${least} to ${most}`
    }: it is ${length}`,
  );
}

/** Cuts a byte stream into {@linkcode PeerMessage}s. */
export class PeerMessageDecoder {
  #pieceCount: number | undefined;
  readonly #maxExtended: number;
  /** The start of a message that the last chunk ended in. */
  #carry = NO_BYTES;
  #carried = 0;
  /** How long the carried message is with its prefix, once that is checked. */
  #carryGoal = 0;
  #error: PeerProtocolError | undefined;
  #stopped = false;

  /**
   * Makes a decoder.
   *
   * @param pieceCount How many pieces the torrent has, when known: a bitfield
   * must then have exactly the right size.
   * @param maxExtended Longest payload of an extended message.
   */
  constructor(pieceCount?: number, maxExtended: number = MAX_EXTENDED_LENGTH) {
    this.#pieceCount = pieceCount;
    this.#maxExtended = maxExtended;
  }

  /** How many bytes of an unfinished message are held. */
  get bufferedBytes(): number {
    return this.#carried;
  }

  /**
   * Tells the number of pieces once it is known.
   *
   * @param pieceCount How many pieces.
   */
  setPieceCount(pieceCount: number): void {
    this.#pieceCount = pieceCount;
  }

  /** Ends decoding: no message is given out any more, not even of this chunk. */
  stop(): void {
    this.#stopped = true;
    this.#carried = 0;
    this.#carry = NO_BYTES;
  }

  /**
   * Takes the next bytes of the stream. Must not be called from `onMessage`.
   *
   * @param chunk The bytes, split anywhere.
   * @param onMessage Called for every finished message in order; byte fields
   * are views that are valid only during the call.
   * @throws {PeerProtocolError} If the peer breaks the protocol; the decoder
   * then stays broken and throws the same error again.
   */
  push(chunk: Uint8Array, onMessage: (message: PeerMessage) => void): void {
    if (this.#error !== undefined) throw this.#error;
    try {
      this.#push(chunk, onMessage);
    } catch (error) {
      if (error instanceof PeerProtocolError) {
        this.#error = error;
        this.#carried = 0;
      }
      throw error;
    }
  }

  /**
   * Ends the stream.
   *
   * @throws {PeerProtocolError} With code `truncated` if it ends inside of a
   * message.
   */
  finish(): void {
    if (this.#error !== undefined) throw this.#error;
    if (this.#carried > 0) {
      throw new PeerProtocolError(
        "truncated",
        `Cannot decode a message as the stream ended after ${this.#carried} of its bytes`,
      );
    }
  }

  #push(chunk: Uint8Array, onMessage: (message: PeerMessage) => void): void {
    let at = 0;
    if (this.#carried > 0) at = this.#fillCarry(chunk, onMessage);
    const end = chunk.length;
    while (!this.#stopped) {
      const left = end - at;
      if (left < 4) break;
      const length = readUint32(chunk, at);
      if (length === 0) {
        at += 4;
        onMessage({ type: "keep-alive" });
        continue;
      }
      if (left < 5) {
        checkAnyLength(length);
        break;
      }
      this.#check(length, chunk[at + 4]!);
      const next = at + 4 + length;
      if (next > end) break;
      const body = at + 4;
      at = next;
      onMessage(decodePeerMessageBody(chunk, body, next));
    }
    if (at < end && !this.#stopped) this.#startCarry(chunk, at);
  }

  #check(length: number, id: number): void {
    checkLength(length, id, this.#pieceCount, this.#maxExtended);
  }

  /** Keeps the rest of a chunk, which is less than one message. */
  #startCarry(chunk: Uint8Array, at: number): void {
    const left = chunk.length - at;
    this.#carryGoal = left < 5 ? 0 : 4 + readUint32(chunk, at);
    this.#reserve(Math.max(left, 5));
    this.#carry.set(chunk.subarray(at), 0);
    this.#carried = left;
  }

  /** Goes on with a carried message; returns how much of the chunk it took. */
  #fillCarry(
    chunk: Uint8Array,
    onMessage: (message: PeerMessage) => void,
  ): number {
    let at = 0;
    if (this.#carryGoal === 0) {
      while (this.#carried < 5 && at < chunk.length) {
        this.#carry[this.#carried++] = chunk[at++]!;
        if (this.#carried === 4) {
          const length = readUint32(this.#carry, 0);
          if (length === 0) {
            this.#carried = 0;
            onMessage({ type: "keep-alive" });
            return at;
          }
          checkAnyLength(length);
        }
      }
      if (this.#carried < 5) return at;
      const length = readUint32(this.#carry, 0);
      this.#check(length, this.#carry[4]!);
      this.#carryGoal = 4 + length;
    }
    const take = Math.min(this.#carryGoal - this.#carried, chunk.length - at);
    this.#reserve(this.#carried + take);
    this.#carry.set(chunk.subarray(at, at + take), this.#carried);
    this.#carried += take;
    at += take;
    if (this.#carried === this.#carryGoal) {
      this.#carried = 0;
      onMessage(decodePeerMessageBody(this.#carry, 4, this.#carryGoal));
      // The memory that one long message needed is freed.
      if (this.#carry.length > 131_072) this.#carry = NO_BYTES;
    }
    return at;
  }

  /** Grows with what has arrived, not with what a header promises. */
  #reserve(size: number): void {
    if (this.#carry.length >= size) return;
    const goal = Math.min(this.#carryGoal, Math.max(32_768, 2 * size));
    const carry = new Uint8Array(Math.max(size, goal, 64));
    carry.set(this.#carry.subarray(0, this.#carried));
    this.#carry = carry;
  }
}

/**
 * Decodes one whole message with its length prefix.
 *
 * @param bytes Exactly one message.
 * @returns The message; its byte fields are views of the input.
 * @throws {PeerProtocolError} If the length prefix and the number of bytes
 * disagree, or the length does not fit the type.
 */
export function decodePeerMessage(bytes: Uint8Array): PeerMessage {
  const length = bytes.length - 4;
  if (length < 0 || readUint32(bytes, 0) !== length) {
    throw new PeerProtocolError(
      "truncated",
      `Cannot decode a message as its length prefix must count the rest of the ${bytes.length} bytes`,
    );
  }
  if (length === 0) return { type: "keep-alive" };
  checkLength(length, bytes[4]!, undefined);
  return decodePeerMessageBody(bytes, 4, bytes.length);
}
