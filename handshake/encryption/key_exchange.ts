/**
 * The Diffie-Hellman exchange of Message Stream Encryption.
 *
 * @module
 */
import { randomBytes, type RandomSource } from "../../_shared/random.ts";

/** Length of a public key and of the shared secret, in bytes. */
export const MSE_KEY_LENGTH = 96;

const PRIME = BigInt(
  "0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020B" +
    "BEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51" +
    "C245E485B576625E7EC6F44C42E9A63A36210000000000090563",
);

/** Bytes of a private key: 160 bits, as the specification recommends. */
const PRIVATE_LENGTH = 20;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = result * square % PRIME;
    square = square * square % PRIME;
  }
  return result;
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toHex()}`);
}

function toBytes(value: bigint): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(
    value.toString(16).padStart(2 * MSE_KEY_LENGTH, "0"),
  );
}

/** One side of the exchange. Making it and using it cost a modexp each. */
export class MseKeyPair {
  readonly #private: bigint;
  /** What the other side is told, 96 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>;

  /**
   * Draws a private key.
   *
   * @param random Source of it.
   * @param length Its bytes; fewer are quick and keep no secret.
   */
  constructor(random: RandomSource, length = PRIVATE_LENGTH) {
    this.#private = toBigInt(randomBytes(random, length));
    this.publicKey = toBytes(power(2n, this.#private));
  }

  /**
   * Computes the shared secret.
   *
   * @param publicKey The other side's, 96 bytes.
   * @returns 96 bytes, or `undefined` for a key that leaves no secret: less
   * than 2, or not less than the prime minus 1.
   */
  secretWith(publicKey: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
    const other = toBigInt(publicKey);
    if (other < 2n || other >= PRIME - 1n) return undefined;
    return toBytes(power(other, this.#private));
  }
}
