/**
 * The eight reserved bytes of the handshake, in which each side tells what it
 * speaks.
 *
 * @module
 */
import { readUint32, toHex, writeUint32 } from "../_shared/bytes.ts";

/**
 * Extensions that have a bit of their own: the extension protocol (BEP 10), the
 * fast extension (BEP 6), the DHT (BEP 5), and the upgrade of a hybrid torrent
 * to v2 (BEP 52).
 */
export type ExtensionName =
  | "extension-protocol"
  | "fast"
  | "dht"
  | "v2-upgrade";

const NONE = new Uint8Array(8);
/** Where each named bit is in the second half, the highest first. */
const BITS: Readonly<Record<ExtensionName, number>> = {
  "extension-protocol": 0x100000,
  "v2-upgrade": 0x10,
  "fast": 0x04,
  "dht": 0x01,
};

/** Every name of {@linkcode ExtensionName}, in the order of their bits. */
export const EXTENSION_NAMES: readonly ExtensionName[] = Object.keys(
  BITS,
) as ExtensionName[];

/**
 * The reserved bytes of a handshake. Immutable; bits without a name are kept.
 *
 * @example Both sides must have a bit
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { ExtensionBits } from "@bip/bip/handshake";
 *
 * const ours = ExtensionBits.of("extension-protocol", "fast");
 * const theirs = ExtensionBits.of("extension-protocol", "dht");
 * assertEquals(ours.and(theirs).names(), ["extension-protocol"]);
 * ```
 */
export class ExtensionBits {
  // Two numbers, not bytes: every peer has some.
  #high: number;
  #low: number;

  /**
   * Copies reserved bytes.
   *
   * @param bytes Exactly 8 bytes. @default {new Uint8Array(8)}
   * @throws {RangeError} If there are not 8 bytes.
   */
  constructor(bytes: Uint8Array = NONE) {
    if (bytes.length !== 8) {
      throw new RangeError(
        `Cannot use ${bytes.length} bytes as extension bits: there must be 8`,
      );
    }
    this.#high = readUint32(bytes, 0);
    this.#low = readUint32(bytes, 4);
  }

  /**
   * Makes bits from names.
   *
   * @param names The extensions to switch on.
   * @returns The bits; all others are zero.
   */
  static of(...names: ExtensionName[]): ExtensionBits {
    return new ExtensionBits().with(...names);
  }

  /**
   * Looks one extension up.
   *
   * @param name Which.
   * @returns Whether its bit is set.
   */
  has(name: ExtensionName): boolean {
    return (this.#low & BITS[name]) !== 0;
  }

  /**
   * Switches extensions on.
   *
   * @param names Which.
   * @returns New bits.
   */
  with(...names: ExtensionName[]): ExtensionBits {
    return this.#changed(this.#high, this.#low | maskOf(names));
  }

  /**
   * Switches extensions off.
   *
   * @param names Which.
   * @returns New bits.
   */
  without(...names: ExtensionName[]): ExtensionBits {
    return this.#changed(this.#high, this.#low & ~maskOf(names));
  }

  /**
   * What both sides have.
   *
   * @param other The other side's bits.
   * @returns The bitwise AND of all 64 bits.
   */
  and(other: ExtensionBits): ExtensionBits {
    return this.#changed(this.#high & other.#high, this.#low & other.#low);
  }

  /**
   * The named extensions that are on.
   *
   * @returns Their names, highest bit first.
   */
  names(): ExtensionName[] {
    return EXTENSION_NAMES.filter((name) => this.has(name));
  }

  /**
   * The wire form.
   *
   * @returns A copy of the 8 bytes.
   */
  toBytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(8);
    writeUint32(bytes, 0, this.#high);
    writeUint32(bytes, 4, this.#low);
    return bytes;
  }

  /**
   * For people and logs.
   *
   * @returns 16 hex digits.
   */
  toString(): string {
    return toHex(this.toBytes());
  }

  #changed(high: number, low: number): ExtensionBits {
    const result = new ExtensionBits(NONE);
    result.#high = high;
    result.#low = low;
    return result;
  }
}

function maskOf(names: readonly ExtensionName[]): number {
  return names.reduce((mask, name) => mask | BITS[name], 0);
}
