/**
 * Tokens: the proof that a node receives at the address it sends from.
 *
 * @module
 */
import type { RandomSource } from "../../_shared/random.ts";
import { RotatingHash } from "../../_shared/sip_hash.ts";
import { takeBytes } from "../table/slab.ts";

/** Bytes of a token that is given out. */
export const TOKEN_LENGTH = 8;

/** How long a secret is used, in ms; the one before it is still accepted. */
const ROTATE_MS = 300_000;

/** Compares in a time that tells nothing of where they differ. */
function isSameToken(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < TOKEN_LENGTH; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/**
 * Gives out and checks tokens without remembering any: a token is a keyed hash
 * of address and key under a secret that changes. It is valid for 5 to 10
 * minutes (BEP 5).
 */
export class TokenIssuer {
  readonly #hash: RotatingHash;
  readonly #input = new Uint8Array(16 + 20);
  readonly #expected = new Uint8Array(TOKEN_LENGTH);

  /**
   * Draws the first secrets.
   *
   * @param random Draws the secrets.
   * @param now The time in milliseconds.
   */
  constructor(random: RandomSource, now: number) {
    this.#hash = new RotatingHash(random, ROTATE_MS, now);
  }

  /**
   * Makes a token.
   *
   * @param ip 4 or 16 bytes of the address it is for.
   * @param target 20-byte info-hash or key of an item that it is for.
   * @param now The time in milliseconds.
   * @returns Fresh 8 bytes.
   */
  issue(
    ip: Uint8Array,
    target: Uint8Array,
    now: number,
  ): Uint8Array<ArrayBuffer> {
    this.#hash.rotate(now);
    const token = takeBytes(TOKEN_LENGTH);
    this.#hash.current.hash(this.#prepare(ip, target), token);
    return token;
  }

  /**
   * Checks a token, in constant time.
   *
   * @param token As it came back.
   * @param ip 4 or 16 bytes of the address it came from.
   * @param target 20-byte info-hash or key of the item.
   * @param now The time in milliseconds.
   * @returns Whether it was given to that address for that target, under this
   * secret or the one before.
   */
  verify(
    token: Uint8Array,
    ip: Uint8Array,
    target: Uint8Array,
    now: number,
  ): boolean {
    this.#hash.rotate(now);
    if (token.length !== TOKEN_LENGTH) return false;
    const input = this.#prepare(ip, target);
    this.#hash.current.hash(input, this.#expected);
    const isCurrent = isSameToken(token, this.#expected);
    this.#hash.previous.hash(input, this.#expected);
    const isPrevious = isSameToken(token, this.#expected);
    return isCurrent || isPrevious;
  }

  #prepare(ip: Uint8Array, target: Uint8Array): Uint8Array {
    const input = this.#input.subarray(0, ip.length + target.length);
    input.set(ip);
    input.set(target, ip.length);
    return input;
  }
}
