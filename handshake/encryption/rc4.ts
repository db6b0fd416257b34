/**
 * The RC4 stream cipher.
 *
 * @module
 */

const SIZE = 256;

/**
 * One direction of RC4. It hides the protocol from middle boxes and nothing
 * else: RC4 is no protection against anybody who looks.
 */
export class Rc4 {
  // 32-bit entries keep the engine from converting at every step.
  readonly #state = new Int32Array(SIZE);
  #i = 0;
  #j = 0;

  /**
   * Schedules a key.
   *
   * @param key 1 to 256 bytes.
   * @param discard Bytes of key stream to throw away first.
   */
  constructor(key: Uint8Array, discard = 0) {
    const state = this.#state;
    for (let i = 0; i < SIZE; i++) state[i] = i;
    for (let i = 0, j = 0; i < SIZE; i++) {
      const x = state[i]!;
      j = (j + x + key[i % key.length]!) & 255;
      state[i] = state[j]!;
      state[j] = x;
    }
    if (discard > 0) this.process(new Uint8Array(discard));
  }

  /**
   * Encrypts or decrypts in place.
   *
   * @param data Bytes to change.
   */
  process(data: Uint8Array): void {
    // Up to an address that is a multiple of four, then by words, then the rest.
    const { buffer, byteOffset, length } = data;
    const head = Math.min(length, -byteOffset & 3);
    const words = (length - head) >>> 2;
    if (head > 0) this.#bytes(data, 0, head);
    if (words > 0) {
      this.#words(new Int32Array(buffer, byteOffset + head, words));
    }
    this.#bytes(data, head + 4 * words, length);
  }

  #bytes(data: Uint8Array, from: number, to: number): void {
    const state = this.#state;
    let i = this.#i;
    let j = this.#j;
    for (let k = from; k < to; k++) {
      i = (i + 1) & 255;
      const x = state[i]!;
      j = (j + x) & 255;
      const y = state[j]!;
      state[i] = y;
      state[j] = x;
      data[k]! ^= state[(x + y) & 255]!;
    }
    this.#i = i;
    this.#j = j;
  }

  /** Four bytes an XOR. Every system that Deno runs on is little-endian. */
  #words(data: Int32Array): void {
    const state = this.#state;
    const { length } = data;
    let i = this.#i;
    let j = this.#j;
    for (let k = 0; k < length; k++) {
      i = (i + 1) & 255;
      let x = state[i]!;
      j = (j + x) & 255;
      let y = state[j]!;
      state[i] = y;
      state[j] = x;
      let word = state[(x + y) & 255]!;
      i = (i + 1) & 255;
      x = state[i]!;
      j = (j + x) & 255;
      y = state[j]!;
      state[i] = y;
      state[j] = x;
      word |= state[(x + y) & 255]! << 8;
      i = (i + 1) & 255;
      x = state[i]!;
      j = (j + x) & 255;
      y = state[j]!;
      state[i] = y;
      state[j] = x;
      word |= state[(x + y) & 255]! << 16;
      i = (i + 1) & 255;
      x = state[i]!;
      j = (j + x) & 255;
      y = state[j]!;
      state[i] = y;
      state[j] = x;
      data[k]! ^= word | state[(x + y) & 255]! << 24;
    }
    this.#i = i;
    this.#j = j;
  }
}
