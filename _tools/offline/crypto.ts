/** Stand-in for the parts of `@std/crypto` that the package uses. */
import { Buffer } from "node:buffer";
import {
  createHash,
  timingSafeEqual as nodeTimingSafeEqual,
} from "node:crypto";

const names: Record<string, string> = {
  "SHA-1": "sha1",
  "SHA-256": "sha256",
  "SHA-512": "sha512",
};
type Source = BufferSource | Iterable<BufferSource>;
type AsyncSource = Source | AsyncIterable<BufferSource>;
const bytesOf = (data: BufferSource): Uint8Array =>
  ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
const isSource = (data: unknown): data is BufferSource =>
  ArrayBuffer.isView(data) || data instanceof ArrayBuffer;
function hashFor(algorithm: string) {
  const name = names[algorithm];
  if (name === undefined) throw new TypeError(`Unknown digest: ${algorithm}`);
  return createHash(name);
}
const result = (digest: Uint8Array): ArrayBuffer =>
  new Uint8Array(digest).buffer as ArrayBuffer;

const { subtle } = globalThis.crypto;

export const crypto = {
  subtle: {
    exportKey: subtle.exportKey.bind(subtle),
    importKey: subtle.importKey.bind(subtle),
    sign: subtle.sign.bind(subtle),
    verify: subtle.verify.bind(subtle),
    digestSync(algorithm: string, data: Source): ArrayBuffer {
      const hash = hashFor(algorithm);
      for (const part of isSource(data) ? [data] : data) {
        hash.update(bytesOf(part));
      }
      return result(hash.digest());
    },
    async digest(algorithm: string, data: AsyncSource): Promise<ArrayBuffer> {
      const hash = hashFor(algorithm);
      for await (const part of isSource(data) ? [data] : data) {
        hash.update(bytesOf(part));
      }
      return result(hash.digest());
    },
  },
};
export function timingSafeEqual(
  a: ArrayBufferView | ArrayBufferLike | DataView,
  b: ArrayBufferView | ArrayBufferLike | DataView,
): boolean {
  const x = bytesOf(a as BufferSource);
  const y = bytesOf(b as BufferSource);
  if (x.length !== y.length) {
    throw new TypeError(
      `Cannot compare buffers of different byte lengths (${x.length} vs ${y.length})`,
    );
  }
  return nodeTimingSafeEqual(
    Buffer.from(x.buffer, x.byteOffset, x.length),
    Buffer.from(y.buffer, y.byteOffset, y.length),
  );
}
