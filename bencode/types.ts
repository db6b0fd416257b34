/**
 * The values that bencode can hold, and what the encoder takes.
 *
 * @module
 */

/** A bencoded list. Source: BEP 3. */
export type BencodeList = BencodeValue[];

/**
 * A bencoded dictionary. Keys are byte strings of one character (U+0000 to
 * U+00FF) a byte: lossless for keys that are not text, and ordered as their
 * bytes are. Source: BEP 3.
 */
export type BencodeDictionary = Map<string, BencodeValue>;

/**
 * A decoded value: an integer (`number` when safe, `bigint` beyond 2^53 - 1),
 * a byte string, a list or a dictionary. Source: BEP 3.
 */
export type BencodeValue =
  | number
  | bigint
  | Uint8Array
  | BencodeList
  | BencodeDictionary;

/**
 * What the encoder takes: every {@linkcode BencodeValue}, text (written as
 * UTF-8), and plain objects as dictionaries, whose `undefined` fields are
 * skipped. Keys of maps and objects are byte strings of one character (U+0000
 * to U+00FF) a byte.
 */
export type BencodeInput =
  | number
  | bigint
  | string
  | Uint8Array
  | readonly BencodeInput[]
  | ReadonlyMap<string, BencodeInput>
  | { readonly [key: string]: BencodeInput | undefined };

/** A way in which readable input may depart from the canonical form. */
export type BencodeLeniency =
  | "leading-zero"
  | "negative-zero"
  | "unsorted-keys"
  | "duplicate-keys"
  | "trailing-bytes";

/** One departure from the canonical form that the decoder accepted. */
export interface BencodeLeniencyReport {
  /** What was accepted. */
  readonly leniency: BencodeLeniency;
  /** Where, in bytes from the start of the input. */
  readonly offset: number;
}

/** Bounds on what a decoder reads. */
export interface BencodeLimits {
  /**
   * How many lists and dictionaries may be open inside each other.
   *
   * @default {100}
   */
  readonly maxDepth?: number | undefined;
  /**
   * How many tokens are read: integers, strings, keys, lists and dictionaries
   * count one each.
   *
   * @default {2_000_000}
   */
  readonly maxTokens?: number | undefined;
  /**
   * How many bytes a value may take.
   *
   * @default {Infinity}
   */
  readonly maxLength?: number | undefined;
  /**
   * How many digits an integer may have.
   *
   * @default {4096}
   */
  readonly maxIntegerDigits?: number | undefined;
}

/** Options of the decoding functions. */
export interface DecodeBencodeOptions extends BencodeLimits {
  /**
   * `"strict"` accepts canonical input only, `"lenient"` also every
   * {@linkcode BencodeLeniency}, a list only those it names.
   *
   * @default {"strict"}
   */
  readonly mode?: "strict" | "lenient" | readonly BencodeLeniency[] | undefined;
  /**
   * Called for each departure that was accepted, in input order.
   *
   * @default {undefined}
   */
  readonly onLeniency?: ((report: BencodeLeniencyReport) => void) | undefined;
}

/** Options of the encoder. */
export interface EncodeBencodeOptions {
  /**
   * How many lists and dictionaries may be inside each other. A cycle runs
   * into this bound.
   *
   * @default {100}
   */
  readonly maxDepth?: number | undefined;
}
