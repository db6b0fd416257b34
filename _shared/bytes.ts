/**
 * Byte-string helpers: comparison, hex, and the one-character-per-byte form
 * used as keys.
 *
 * @module
 */

/** Joins byte arrays into one. */
export function concatBytes(
  parts: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const result = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

/** Compares bytes. Not constant-time: never use it for secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * Orders two byte arrays as raw bytes, a prefix before the longer array.
 * Returns negative, zero or positive, as for `Array.prototype.sort`.
 */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Formats bytes as lowercase hex. */
export function toHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** Parses hex of either case; `undefined` when it is none. */
export function tryFromHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromHex(text);
  } catch {
    return undefined;
  }
}

/**
 * Turns bytes into a string of one character (U+0000 to U+00FF) a byte. Such
 * strings order and compare exactly as their bytes do.
 */
export function toByteString(bytes: Uint8Array): string {
  let text = "";
  // Spreading costs more than it saves for keys such as hashes.
  if (bytes.length <= 64) {
    for (let i = 0; i < bytes.length; i++) {
      text += String.fromCharCode(bytes[i]!);
    }
    return text;
  }
  for (let i = 0; i < bytes.length; i += 4096) {
    text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  }
  return text;
}

/** The inverse of {@linkcode toByteString}. */
export function fromByteString(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) {
      throw new RangeError(
        `Cannot use character U+${
          code.toString(16).padStart(4, "0")
        } in a byte string: the highest is U+00FF`,
      );
    }
    bytes[i] = code;
  }
  return bytes;
}

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", {
  fatal: true,
  ignoreBOM: true,
});
const lossyDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Encodes text as UTF-8. */
export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** Decodes UTF-8; `undefined` when the bytes are none. */
export function tryDecodeText(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Decodes UTF-8, replacing invalid bytes by U+FFFD. For display only. */
export function decodeTextLossy(bytes: Uint8Array): string {
  return lossyDecoder.decode(bytes);
}

/** Reads a big-endian unsigned 16-bit integer. */
export function readUint16(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! * 0x100 + bytes[offset + 1]!;
}

/** Reads a big-endian unsigned 32-bit integer. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! * 0x1000000) +
    ((bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) |
      bytes[offset + 3]!);
}

/** Writes a big-endian unsigned 16-bit integer. */
export function writeUint16(
  bytes: Uint8Array,
  offset: number,
  value: number,
): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

/** Writes a big-endian unsigned 32-bit integer. */
export function writeUint32(
  bytes: Uint8Array,
  offset: number,
  value: number,
): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

/**
 * Copies bytes when their buffer may be shared or is not a plain `ArrayBuffer`,
 * as WebCrypto wants them.
 */
export function plainBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
    ? bytes as Uint8Array<ArrayBuffer>
    : new Uint8Array(bytes);
}

/** A run of bytes in a piece, as requests name it (BEP 3). */
export interface BlockAddress {
  /** Which piece. */
  readonly pieceIndex: number;
  /** Where the block starts in the piece, in bytes. */
  readonly blockOffset: number;
  /** Its length in bytes. */
  readonly length: number;
}

const CRC_TABLE = new Uint32Array(256);
for (let i = 0; i < 256; i++) {
  let crc = i;
  for (let bit = 0; bit < 8; bit++) {
    crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  CRC_TABLE[i] = crc;
}

/** CRC-32C (Castagnoli), as BEP 40 and BEP 42 use it. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    crc = CRC_TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
