/**
 * Messages to bytes: one at a time, or many into one growing buffer.
 *
 * @module
 */
import { writeUint16, writeUint32 } from "../../_shared/bytes.ts";
import { PEER_MESSAGE_ID, type PeerMessage } from "../message.ts";

/** Bytes of a message on the wire, its length prefix included. */
export function peerMessageSize(message: PeerMessage): number {
  switch (message.type) {
    case "piece":
      return 13 + message.data.length;
    case "request":
    case "cancel":
    case "reject":
      return 17;
    case "have":
    case "suggest":
    case "allowed-fast":
      return 9;
    case "keep-alive":
      return 4;
    case "bitfield":
      return 5 + message.bytes.length;
    case "port":
      return 7;
    case "extended":
      return 6 + message.payload.length;
    case "hash-request":
    case "hash-reject":
      return 53;
    case "hashes":
      return 53 + message.hashes.length;
    case "unknown":
      return 5 + message.payload.length;
    default:
      return 5;
  }
}

/** Writes a message where there is room for it; returns the offset behind it. */
function writePeerMessage(
  message: PeerMessage,
  target: Uint8Array,
  offset: number,
): number {
  const size = peerMessageSize(message);
  const end = offset + size;
  writeUint32(target, offset, size - 4);
  if (message.type === "keep-alive") return end;
  const at = offset + 5;
  target[offset + 4] = message.type === "unknown"
    ? message.id
    : PEER_MESSAGE_ID[message.type];
  switch (message.type) {
    case "piece":
      writeUint32(target, at, message.pieceIndex);
      writeUint32(target, at + 4, message.blockOffset);
      target.set(message.data, at + 8);
      break;
    case "request":
    case "cancel":
    case "reject":
      writeUint32(target, at, message.pieceIndex);
      writeUint32(target, at + 4, message.blockOffset);
      writeUint32(target, at + 8, message.length);
      break;
    case "have":
    case "suggest":
    case "allowed-fast":
      writeUint32(target, at, message.pieceIndex);
      break;
    case "bitfield":
      target.set(message.bytes, at);
      break;
    case "port":
      writeUint16(target, at, message.port);
      break;
    case "extended":
      target[at] = message.id;
      target.set(message.payload, at + 1);
      break;
    case "hash-request":
    case "hash-reject":
    case "hashes":
      if (message.piecesRoot.length !== 32) {
        throw new RangeError(
          `Cannot write a "${message.type}" message as the pieces root must have 32 bytes: it has ${message.piecesRoot.length}`,
        );
      }
      target.set(message.piecesRoot, at);
      writeUint32(target, at + 32, message.baseLayer);
      writeUint32(target, at + 36, message.index);
      writeUint32(target, at + 40, message.length);
      writeUint32(target, at + 44, message.proofLayers);
      if (message.type === "hashes") target.set(message.hashes, at + 48);
      break;
    case "unknown":
      target.set(message.payload, at);
      break;
  }
  return end;
}

/**
 * Encodes a message with its length prefix (BEP 3).
 *
 * @param message The message.
 * @returns Its bytes.
 * @throws {RangeError} If the pieces root of a hash message has not 32 bytes.
 */
export function encodePeerMessage(
  message: PeerMessage,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(peerMessageSize(message));
  writePeerMessage(message, bytes, 0);
  return bytes;
}

const NO_BYTES = new Uint8Array(0);
const FIRST_CAPACITY = 256;
const KEPT_CAPACITY = 65_536;
const PATIENCE = 64;

/**
 * A growing buffer of encoded messages that is taken out as a whole: what is
 * appended while one part is being written makes up the next part.
 */
export class PeerMessageBuffer {
  #bytes = NO_BYTES;
  #spare: Uint8Array<ArrayBuffer> | undefined;
  #length = 0;
  #hardlyFilled = 0;

  /** How many bytes wait. */
  get length(): number {
    return this.#length;
  }

  /**
   * Encodes a message behind those that wait.
   *
   * @param message The message; its byte fields are copied.
   * @throws {RangeError} As {@linkcode encodePeerMessage} does.
   */
  append(message: PeerMessage): void {
    const needed = this.#length + peerMessageSize(message);
    if (needed > this.#bytes.length) this.#grow(needed);
    this.#length = writePeerMessage(message, this.#bytes, this.#length);
  }

  /**
   * Takes out all that waits.
   *
   * @returns The bytes; give the array back with {@linkcode recycle} when they
   * are sent.
   */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = this.#spare ?? NO_BYTES;
    this.#spare = undefined;
    this.#length = 0;
    return taken;
  }

  /**
   * Gives back what {@linkcode take} returned, to be used again.
   *
   * @param taken The bytes, which may be overwritten from now on.
   */
  recycle(taken: Uint8Array<ArrayBuffer>): void {
    const { buffer } = taken;
    // A peer that is sent little keeps nothing.
    if (buffer.byteLength <= FIRST_CAPACITY) return;
    // A buffer that was grown for a burst is kept until it is hardly filled
    // for some time.
    if (
      buffer.byteLength > KEPT_CAPACITY && taken.length * 4 < buffer.byteLength
    ) {
      if (++this.#hardlyFilled >= PATIENCE) return;
    } else this.#hardlyFilled = 0;
    const bytes = new Uint8Array(buffer);
    if (this.#length === 0 && this.#bytes.length < bytes.length) {
      this.#bytes = bytes;
    } else this.#spare = bytes;
  }

  /** Frees the memory, unless something waits. */
  release(): void {
    if (this.#length > 0) return;
    this.#bytes = NO_BYTES;
    this.#spare = undefined;
  }

  #grow(needed: number): void {
    let capacity = FIRST_CAPACITY;
    while (capacity < needed) capacity *= 2;
    const bytes = new Uint8Array(capacity);
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }
}
