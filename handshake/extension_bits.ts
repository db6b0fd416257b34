/**
 * The eight reserved bytes of the handshake, in which each side tells what it
 * speaks.
 *
 * @module
 */
import { equalBytes, toHex } from "../_shared/bytes.ts";

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

/** Where each named bit is: byte index and mask. */
const BITS: Readonly<Record<ExtensionName, readonly [number, number]>> = {
  "extension-protocol": [5, 0x10],
  "dht": [7, 0x01],
  "fast": [7, 0x04],
  "v2-upgrade": [7, 0x10],
};

/** Every name of {@linkcode ExtensionName}, in the order of their bits. */
export const EXTENSION_NAMES: readonly ExtensionName[] = [
  "extension-protocol",
  "v2-upgrade",
  "fast",
  "dht",
];

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
  readonly #bytes: Uint8Array<ArrayBuffer>;

  /**
   * Copies reserved bytes.
   *
   * @param bytes Exactly 8 bytes. @default {new Uint8Array(8)}
   * @throws {RangeError} If there are not 8 bytes.
   */
  constructor(bytes: Uint8Array = new Uint8Array(8)) {
    if (bytes.length !== 8) {
      throw new RangeError(
        `Cannot use ${bytes.length} bytes as extension bits: there must be 8`,
      );
    }
    this.#bytes = new Uint8Array(bytes);
  }

  /**
   * Makes bits from names.
   *
   * @param names The extensions to switch on.
   * @returns The bits; all others are zero.
   */
  static of(...names: ExtensionName[]): ExtensionBits {
    const bytes = new Uint8Array(8);
    for (const name of names) {
      const [index, mask] = BITS[name];
      bytes[index]! |= mask;
    }
    return new ExtensionBits(bytes);
  }

  /**
   * Looks one extension up.
   *
   * @param name Which.
   * @returns Whether its bit is set.
   */
  has(name: ExtensionName): boolean {
    const [index, mask] = BITS[name];
    return (this.#bytes[index]! & mask) !== 0;
  }

  /**
   * Switches extensions on.
   *
   * @param names Which.
   * @returns New bits.
   */
  with(...names: ExtensionName[]): ExtensionBits {
    const result = new ExtensionBits(this.#bytes);
    for (const name of names) {
      const [index, mask] = BITS[name];
      result.#bytes[index]! |= mask;
    }
    return result;
  }

  /**
   * Switches extensions off.
   *
   * @param names Which.
   * @returns New bits.
   */
  without(...names: ExtensionName[]): ExtensionBits {
    const result = new ExtensionBits(this.#bytes);
    for (const name of names) {
      const [index, mask] = BITS[name];
      result.#bytes[index]! &= ~mask;
    }
    return result;
  }

  /**
   * What both sides have.
   *
   * @param other The other side's bits.
   * @returns The bitwise AND of all 64 bits.
   */
  and(other: ExtensionBits): ExtensionBits {
    const result = new ExtensionBits(this.#bytes);
    for (let i = 0; i < 8; i++) result.#bytes[i]! &= other.#bytes[i]!;
    return result;
  }

  /**
   * Compares all 64 bits.
   *
   * @param other Other bits.
   * @returns Whether they are the same.
   */
  equals(other: ExtensionBits): boolean {
    return equalBytes(this.#bytes, other.#bytes);
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
    return new Uint8Array(this.#bytes);
  }

  /**
   * For people and logs.
   *
   * @returns 16 hex digits.
   */
  toString(): string {
    return toHex(this.#bytes);
  }
}
