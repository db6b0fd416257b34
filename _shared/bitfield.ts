/**
 * A set of piece indices with the exact size and spare-bit rules of BEP 3.
 *
 * @module
 */

function popcount(byte: number): number {
  byte -= (byte >> 1) & 0x55;
  byte = (byte & 0x33) + ((byte >> 2) & 0x33);
  return (byte + (byte >> 4)) & 0x0f;
}

/**
 * A fixed number of bits, bit 0 being the highest bit of the first byte
 * (BEP 3). Spare bits at the end are always zero.
 */
export class Bitfield {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #count = 0;

  /** How many bits there are. */
  readonly length: number;

  /**
   * Makes a field with no bit set.
   *
   * @param length How many bits.
   * @throws {RangeError} If the length is no integer from 0 to 2^31 - 1.
   */
  constructor(length: number) {
    if (!Number.isInteger(length) || length < 0 || length > 0x7fffffff) {
      throw new RangeError(
        `Cannot make a bitfield of ${length} bits: the length must be an integer from 0 to 2147483647`,
      );
    }
    this.length = length;
    this.#bytes = new Uint8Array((length + 7) >>> 3);
  }

  /**
   * Makes a field with every bit set.
   *
   * @param length How many bits.
   * @returns The full field.
   */
  static full(length: number): Bitfield {
    const field = new Bitfield(length);
    field.setAll();
    return field;
  }

  /**
   * Copies a field from its wire form.
   *
   * @param bytes Exactly `ceil(length / 8)` bytes with zero spare bits.
   * @param length How many bits.
   * @returns The field, or `undefined` when the size is wrong or a spare bit
   * is set.
   */
  static tryFrom(bytes: Uint8Array, length: number): Bitfield | undefined {
    if (bytes.length !== (length + 7) >>> 3) return undefined;
    const spare = bytes.length * 8 - length;
    if (spare > 0 && (bytes[bytes.length - 1]! & ((1 << spare) - 1)) !== 0) {
      return undefined;
    }
    const field = new Bitfield(length);
    field.#bytes.set(bytes);
    let count = 0;
    for (let i = 0; i < bytes.length; i++) count += popcount(bytes[i]!);
    field.#count = count;
    return field;
  }

  /** How many bits are set. */
  get count(): number {
    return this.#count;
  }

  /** Whether every bit is set. */
  get isFull(): boolean {
    return this.#count === this.length;
  }

  /** Whether no bit is set. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /**
   * Tests a bit.
   *
   * @param index Which bit.
   * @returns Whether it is set; false outside of the field.
   */
  has(index: number): boolean {
    return index >= 0 && index < this.length &&
      (this.#bytes[index >>> 3]! & (0x80 >> (index & 7))) !== 0;
  }

  /**
   * Sets a bit.
   *
   * @param index Which bit.
   * @returns Whether it was clear before.
   * @throws {RangeError} If the index is outside of the field.
   */
  set(index: number): boolean {
    this.#check(index);
    if (this.has(index)) return false;
    this.#bytes[index >>> 3]! |= 0x80 >> (index & 7);
    this.#count++;
    return true;
  }

  /**
   * Clears a bit.
   *
   * @param index Which bit.
   * @returns Whether it was set before.
   * @throws {RangeError} If the index is outside of the field.
   */
  clear(index: number): boolean {
    this.#check(index);
    if (!this.has(index)) return false;
    this.#bytes[index >>> 3]! &= ~(0x80 >> (index & 7));
    this.#count--;
    return true;
  }

  /** Sets every bit. */
  setAll(): void {
    this.#bytes.fill(0xff);
    const spare = this.#bytes.length * 8 - this.length;
    if (spare > 0) this.#bytes[this.#bytes.length - 1] = 0xff << spare;
    this.#count = this.length;
  }

  /**
   * Whether the other field has a bit that this one lacks.
   *
   * @param other A field of the same length.
   * @returns True when there is at least one.
   */
  lacksAnyOf(other: Bitfield): boolean {
    if (other.#count > this.#count) return true;
    const mine = this.#bytes;
    const theirs = other.#bytes;
    for (let i = 0; i < mine.length; i++) {
      if ((theirs[i]! & ~mine[i]!) !== 0) return true;
    }
    return false;
  }

  /** Iterates over the set bits in ascending order. */
  *[Symbol.iterator](): Generator<number, void, undefined> {
    for (let i = 0; i < this.#bytes.length; i++) {
      const byte = this.#bytes[i]!;
      if (byte === 0) continue;
      for (let bit = 0; bit < 8; bit++) {
        if ((byte & (0x80 >> bit)) !== 0) yield i * 8 + bit;
      }
    }
  }

  /**
   * Copies the field.
   *
   * @returns An independent field of the same bits.
   */
  clone(): Bitfield {
    const copy = new Bitfield(this.length);
    copy.#bytes.set(this.#bytes);
    copy.#count = this.#count;
    return copy;
  }

  /**
   * The wire form.
   *
   * @returns A copy, exactly `ceil(length / 8)` bytes.
   */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice();
  }

  #check(index: number): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(
        `Cannot address bit ${index}: the field has ${this.length} bits`,
      );
    }
  }
}
