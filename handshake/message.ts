/**
 * The handshake message (BEP 3): one length byte, the protocol string, eight
 * reserved bytes, the info-hash and the peer id.
 *
 * @module
 */
import { fromByteString, toByteString } from "../_shared/bytes.ts";
import { failure, HandshakeError } from "./error.ts";
import { ExtensionBits } from "./extension_bits.ts";

/** The protocol string of BitTorrent (BEP 3). */
export const BITTORRENT_PROTOCOL = "BitTorrent protocol";

/** Bytes of a handshake with {@linkcode BITTORRENT_PROTOCOL} (BEP 3). */
export const HANDSHAKE_LENGTH = 68;

/** Bytes of a handshake without its protocol string. */
const FIXED_LENGTH = 49;

/** Bytes of the longest handshake: a protocol string of 255 bytes. */
export const MAX_HANDSHAKE_LENGTH = 304;

/** What a side has told once its info-hash arrived, before its peer id. */
export interface HandshakeHead {
  /** Protocol string, one character (U+0000 to U+00FF) a byte. */
  readonly protocol: string;
  /** The reserved bytes. */
  readonly extensions: ExtensionBits;
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
}

/** A whole handshake. */
export interface HandshakeMessage extends HandshakeHead {
  /** 20 bytes. */
  readonly peerId: Uint8Array;
}

/** What to put into a handshake. See {@linkcode encodeHandshake}. */
export interface HandshakeFields {
  /**
   * Protocol string of 0 to 255 characters, U+0000 to U+00FF, each one byte.
   *
   * @default {"BitTorrent protocol"}
   */
  readonly protocol?: string;
  /** The reserved bytes. @default {new ExtensionBits()} */
  readonly extensions?: ExtensionBits;
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
}

/** Options of {@linkcode decodeHandshake} and {@linkcode HandshakeDecoder}. */
export interface HandshakeDecodeOptions {
  /**
   * Protocol strings to accept; anything else is refused at the first byte that
   * differs.
   *
   * @default {["BitTorrent protocol"]}
   */
  readonly protocols?: readonly string[] | "any" | undefined;
}

/**
 * Makes what a handshake begins with.
 *
 * @param protocol Protocol string, at most 255 characters up to U+00FF.
 * @returns The length of the protocol string as a byte, then the string.
 */
export function handshakeHeader(protocol: string): Uint8Array<ArrayBuffer> {
  return fromByteString(String.fromCharCode(protocol.length) + protocol);
}

/**
 * Encodes a handshake (BEP 3).
 *
 * @param fields See {@linkcode HandshakeFields}.
 * @returns 49 bytes and the protocol string.
 * @throws {RangeError} If the protocol string is longer than 255 characters or
 * holds one above U+00FF, or a hash or id does not have 20 bytes.
 */
export function encodeHandshake(
  fields: HandshakeFields,
): Uint8Array<ArrayBuffer> {
  const { infoHash, peerId } = fields;
  const protocol = fromByteString(fields.protocol ?? BITTORRENT_PROTOCOL);
  if (protocol.length > 255) {
    throw new RangeError(
      `Cannot encode a protocol string of ${protocol.length} bytes: the longest is 255`,
    );
  }
  for (const [name, { length }] of Object.entries({ infoHash, peerId })) {
    if (length !== 20) {
      throw new RangeError(
        `Cannot encode a handshake as "${name}" must have 20 bytes: it has ${length}`,
      );
    }
  }
  const bytes = new Uint8Array(FIXED_LENGTH + protocol.length);
  bytes[0] = protocol.length;
  bytes.set(protocol, 1);
  let offset = 1 + protocol.length;
  if (fields.extensions) bytes.set(fields.extensions.toBytes(), offset);
  bytes.set(infoHash, offset += 8);
  bytes.set(peerId, offset + 20);
  return bytes;
}

/**
 * Decodes the handshake at the start of a buffer (BEP 3).
 *
 * @param bytes The buffer; bytes after the handshake are not looked at.
 * @param options See {@linkcode HandshakeDecodeOptions}.
 * @returns The handshake, and how many bytes it took.
 * @throws {HandshakeError} `protocol-mismatch` for another protocol,
 * `incomplete` if the buffer ends too early.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeHandshake, encodeHandshake } from "@bip/bip/handshake";
 *
 * const infoHash = new Uint8Array(20).fill(1);
 * const peerId = new Uint8Array(20).fill(2);
 * const { message, length } = decodeHandshake(
 *   encodeHandshake({ infoHash, peerId }),
 * );
 * assertEquals(length, 68);
 * assertEquals(message.infoHash, infoHash);
 * ```
 */
export function decodeHandshake(
  bytes: Uint8Array,
  options: HandshakeDecodeOptions = {},
): { readonly message: HandshakeMessage; readonly length: number } {
  const decoder = new HandshakeDecoder(options);
  const length = decoder.push(bytes);
  const message = decoder.message;
  if (message === undefined) {
    throw new HandshakeError(
      "incomplete",
      `Cannot decode a handshake as it ends at byte ${bytes.length}: at least ${decoder.needed} more are needed`,
    );
  }
  return { message, length };
}

/**
 * Takes a handshake in pieces of any size. It never takes a byte too many and
 * never holds more than one handshake.
 */
export class HandshakeDecoder {
  readonly #allowed: readonly Uint8Array[] | undefined;
  #buffer = new Uint8Array(FIXED_LENGTH);
  #length = 0;
  #head: HandshakeHead | undefined;
  #message: HandshakeMessage | undefined;

  /**
   * Makes a decoder for one handshake.
   *
   * @param options See {@linkcode HandshakeDecodeOptions}.
   * @throws {RangeError} If a protocol holds a character above U+00FF.
   */
  constructor(options: HandshakeDecodeOptions = {}) {
    const { protocols = [BITTORRENT_PROTOCOL] } = options;
    this.#allowed = protocols === "any"
      ? undefined
      : protocols.map(fromByteString);
  }

  /**
   * How many bytes may be read from the source without reading past the
   * handshake: at least 1 until it is complete, then 0.
   */
  get needed(): number {
    return this.#total - this.#length;
  }

  /** Protocol, extensions and info-hash, as soon as they are there. */
  get head(): HandshakeHead | undefined {
    return this.#head;
  }

  /** The handshake, once it is complete. */
  get message(): HandshakeMessage | undefined {
    return this.#message;
  }

  /**
   * Takes the next bytes.
   *
   * @param chunk What arrived; copied.
   * @returns How many of them belong to the handshake.
   * @throws {HandshakeError} `protocol-mismatch` as soon as the bytes cannot
   * become an accepted protocol string.
   */
  push(chunk: Uint8Array): number {
    let taken = 0;
    while (taken < chunk.length && this.needed > 0) {
      const part = chunk.subarray(taken, taken + this.needed);
      if (this.#length === 0) this.#grow(part[0]!);
      this.#buffer.set(part, this.#length);
      this.#length += part.length;
      taken += part.length;
      this.#advance();
    }
    return taken;
  }

  get #total(): number {
    return this.#length === 0 ? FIXED_LENGTH : FIXED_LENGTH + this.#buffer[0]!;
  }

  #grow(protocolLength: number): void {
    this.#buffer = new Uint8Array(FIXED_LENGTH + protocolLength);
  }

  #advance(): void {
    const buffer = this.#buffer;
    const protocolLength = buffer[0]!;
    const afterProtocol = 1 + protocolLength;
    if (this.#head === undefined) {
      this.#checkProtocol(protocolLength);
      if (this.#length < afterProtocol + 28) return;
      this.#head = {
        protocol: toByteString(buffer.subarray(1, afterProtocol)),
        extensions: new ExtensionBits(
          buffer.subarray(afterProtocol, afterProtocol + 8),
        ),
        infoHash: buffer.slice(afterProtocol + 8, afterProtocol + 28),
      };
    }
    if (this.#length === buffer.length) {
      this.#message = {
        ...this.#head,
        peerId: buffer.slice(afterProtocol + 28),
      };
    }
  }

  #checkProtocol(protocolLength: number): void {
    if (this.#allowed === undefined) return;
    const end = Math.min(protocolLength, this.#length - 1);
    for (const protocol of this.#allowed) {
      if (protocol.length !== protocolLength) continue;
      let same = 0;
      while (same < end && protocol[same] === this.#buffer[1 + same]) same++;
      if (same === end) return;
    }
    throw failure("protocol-mismatch");
  }
}
