/** Stand-in for the parts of `@std/crypto` that the package uses. */
import { Buffer } from "node:buffer";
import {
  createHash,
  timingSafeEqual as nodeTimingSafeEqual,
} from "node:crypto";

const names = { "SHA-1": "sha1", "SHA-256": "sha256", "SHA-512": "sha512" };
/** The digests that the package uses. */
export type DigestAlgorithmName = keyof typeof names;
type Source = BufferSource | Iterable<BufferSource>;
type AsyncSource =
  | BufferSource
  | AsyncIterable<BufferSource>
  | Iterable<BufferSource>;
interface StdSubtleCrypto extends SubtleCrypto {
  digest(
    algorithm: DigestAlgorithmName,
    data: AsyncSource,
  ): Promise<ArrayBuffer>;
  digestSync(algorithm: DigestAlgorithmName, data: Source): ArrayBuffer;
}
interface StdCrypto extends Crypto {
  readonly subtle: StdSubtleCrypto;
}
const bytesOf = (data: BufferSource): Uint8Array =>
  ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
const isSource = (data: unknown): data is BufferSource =>
  ArrayBuffer.isView(data) || data instanceof ArrayBuffer;
const hashFor = (algorithm: DigestAlgorithmName) =>
  createHash(names[algorithm]);
const result = (digest: Uint8Array): ArrayBuffer =>
  new Uint8Array(digest).buffer as ArrayBuffer;

const web = globalThis.crypto;
const { subtle } = web;

export const crypto: StdCrypto = {
  getRandomValues: web.getRandomValues.bind(web),
  randomUUID: web.randomUUID.bind(web),
  subtle: {
    decrypt: subtle.decrypt.bind(subtle),
    deriveBits: subtle.deriveBits.bind(subtle),
    deriveKey: subtle.deriveKey.bind(subtle),
    encrypt: subtle.encrypt.bind(subtle),
    exportKey: subtle.exportKey.bind(subtle),
    generateKey: subtle.generateKey.bind(subtle),
    importKey: subtle.importKey.bind(subtle),
    sign: subtle.sign.bind(subtle),
    unwrapKey: subtle.unwrapKey.bind(subtle),
    verify: subtle.verify.bind(subtle),
    wrapKey: subtle.wrapKey.bind(subtle),
    digestSync(algorithm, data) {
      const hash = hashFor(algorithm);
      for (const part of isSource(data) ? [data] : data) {
        hash.update(bytesOf(part));
      }
      return result(hash.digest());
    },
    async digest(algorithm: DigestAlgorithmName, data: AsyncSource) {
      const hash = hashFor(algorithm);
      for await (const part of isSource(data) ? [data] : data) {
        hash.update(bytesOf(part));
      }
      return result(hash.digest());
    },
  },
};
export function timingSafeEqual(
  a: ArrayBufferView | ArrayBufferLike,
  b: ArrayBufferView | ArrayBufferLike,
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
