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

/** Options of {@linkcode PeerMessageDecoder}. */
export interface PeerMessageDecoderOptions {
  /**
   * How many pieces the torrent has: a bitfield must then have exactly the
   * right size.
   *
   * @default {undefined} not known, bitfields of up to 2^21 pieces pass
   */
  readonly pieceCount?: number | undefined;
  /**
   * Longest block, 1 to 16777216 bytes.
   *
   * @default {131072}
   */
  readonly maxBlockLength?: number | undefined;
  /**
   * Longest payload of an extended message in bytes.
   *
   * @default {1048576}
   */
  readonly maxExtendedLength?: number | undefined;
}

const NO_BYTES = new Uint8Array(0);

function check(name: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new RangeError(
      `Cannot use ${value} as "${name}": it must be an integer from 0 to ${most}`,
    );
  }
}

/** Cuts a byte stream into {@linkcode PeerMessage}s. */
export class PeerMessageDecoder {
  readonly #maxBlock: number;
  readonly #maxExtended: number;
  /** Above every length that any type allows. */
  readonly #maxLength: number;
  #pieceCount: number | undefined;
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
   * @param options See {@linkcode PeerMessageDecoderOptions}.
   * @throws {RangeError} If an option makes no sense.
   */
  constructor(options: PeerMessageDecoderOptions = {}) {
    this.#maxBlock = options.maxBlockLength ?? MAX_BLOCK_LENGTH;
    this.#maxExtended = options.maxExtendedLength ?? MAX_EXTENDED_LENGTH;
    check("maxBlockLength", this.#maxBlock, 16_777_216);
    check("maxExtendedLength", this.#maxExtended, 16_777_216);
    this.#maxLength = Math.max(
      this.#maxBlock + 9,
      this.#maxExtended + 2,
      MAX_UNKNOWN_LENGTH + 1,
      MAX_PIECE_COUNT / 8 + 1,
      49 + 32 * MAX_HASHES,
    );
    if (options.pieceCount !== undefined) {
      this.setPieceCount(options.pieceCount);
    }
  }

  /** How many bytes of an unfinished message are held. */
  get bufferedBytes(): number {
    return this.#carried;
  }

  /**
   * Tells the number of pieces once it is known.
   *
   * @param pieceCount How many pieces, 0 to 2^31 - 1.
   * @throws {RangeError} If the number makes no sense.
   */
  setPieceCount(pieceCount: number): void {
    check("pieceCount", pieceCount, 0x7fffffff);
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
    if (this.#carried > 0) {
      at = this.#fillCarry(chunk, onMessage);
      if (this.#carried > 0 || this.#stopped) return;
    }
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
        this.#checkMost(length);
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

  /** Keeps the rest of a chunk, which is less than one message. */
  #startCarry(chunk: Uint8Array, at: number): void {
    const left = chunk.length - at;
    this.#carryGoal = left < 5 ? 0 : 4 + readUint32(chunk, at);
    this.#carried = 0;
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
          this.#checkMost(length);
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
      // What one long message needed is not kept for every peer for ever.
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

  /** Refuses a length that no type allows. */
  #checkMost(length: number): void {
    if (length <= this.#maxLength) return;
    throw new PeerProtocolError(
      "too-long",
      `Cannot take a message of ${length} bytes: the most is ${this.#maxLength}`,
    );
  }

  /** Refuses a length before any byte of the body is kept. */
  #check(length: number, id: number): void {
    this.#checkMost(length);
    let least = 1;
    let most = 1;
    switch (id) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 14:
      case 15:
        break;
      case 4:
      case 13:
      case 17:
        least = most = 5;
        break;
      case 6:
      case 8:
      case 16:
        least = most = 13;
        break;
      case 7:
        least = 9;
        most = 9 + this.#maxBlock;
        break;
      case 5:
        if (this.#pieceCount === undefined) most = 1 + MAX_PIECE_COUNT / 8;
        else {
          least = most = 1 + Math.ceil(this.#pieceCount / 8);
          if (length !== most) {
            throw new PeerProtocolError(
              "bad-bitfield",
              `Cannot take a bitfield of ${
                length - 1
              } bytes: ${this.#pieceCount} pieces need ${most - 1}`,
            );
          }
        }
        break;
      case 9:
        least = most = 3;
        break;
      case 20:
        least = 2;
        most = 2 + this.#maxExtended;
        break;
      case 21:
      case 23:
        least = most = 49;
        break;
      case 22:
        least = 49;
        most = 49 + 32 * MAX_HASHES;
        break;
      default:
        most = 1 + MAX_UNKNOWN_LENGTH;
    }
    if (length >= least && length <= most) return;
    throw new PeerProtocolError(
      length > most && most > 49 ? "too-long" : "bad-length",
      `Cannot take a message with id ${id} as its length must be ${
        least === most ? least : `${least} to ${most}`
      }: it is ${length}`,
    );
  }
}
