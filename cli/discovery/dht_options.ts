/**
 * What `bip dht` is told: operands and options, checked.
 *
 * @module
 */
import { formatEndpoint } from "../../_shared/address.ts";
import {
  decodeTextLossy,
  encodeText,
  tryFromHex,
} from "../../_shared/bytes.ts";
import { MAX_SALT_LENGTH } from "../../dht/item.ts";
import { MAX_ITEM_SEQ } from "../../dht/krpc.ts";
import { MainlineDht } from "../../dht/node.ts";
import type { MainlineDhtOptions } from "../../dht/mainline_options.ts";
import { addressesOf, ipOf } from "../address_options.ts";
import type { Arguments } from "../command.ts";
import { UsageError } from "../error.ts";
import { EXIT_USAGE } from "../exit_code.ts";
import { listenError } from "../io_error.ts";
import { readFile } from "../read_file.ts";

/** Reads so many bytes as hex digits. */
export function readHex(
  text: string,
  length: number,
  what: string,
): Uint8Array {
  const bytes = tryFromHex(text);
  if (bytes?.length !== length) {
    throw new UsageError(
      `${what} must be ${2 * length} hex digits, not ${JSON.stringify(text)}`,
    );
  }
  return bytes;
}

/** Reads the number of an item. */
export function readSeq(args: Arguments, name: string): bigint | undefined {
  const text = args.get(name);
  if (text === undefined) return undefined;
  const value = /^\d{1,19}$/.test(text) ? BigInt(text) : undefined;
  if (value === undefined || value > MAX_ITEM_SEQ) {
    throw new UsageError(
      `--${name} must be a whole number from 0 to 2^63 - 1, not ${
        JSON.stringify(text)
      }`,
    );
  }
  return value;
}

/** Reads the salt of an item. */
export function readSalt(args: Arguments): Uint8Array | undefined {
  const text = args.get("salt");
  const salt = text === undefined ? undefined : encodeText(text);
  if (salt !== undefined && salt.length > MAX_SALT_LENGTH) {
    throw new UsageError(
      `--salt must have at most ${MAX_SALT_LENGTH} bytes, not ${salt.length}`,
    );
  }
  return salt;
}

/** A number for JSON, which has no larger ones: those are texts. */
export function seqJson(seq: bigint | undefined): number | string | null {
  if (seq === undefined) return null;
  const number = Number(seq);
  return Number.isSafeInteger(number) ? number : String(seq);
}

/** Reads the file of a key. */
export async function readSecretKey(
  path: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const bytes = await readFile(path, {
    limit: 4096,
    kind: "the file of a key",
    exitCode: EXIT_USAGE,
    signal,
  });
  const key = tryFromHex(decodeTextLossy(bytes).trim());
  if (key?.length !== 32) {
    // Not a word of what is in it: it may be a key with a slip.
    throw new UsageError(
      `The key in ${path} must be 64 hex digits and nothing else`,
    );
  }
  return key;
}

/** Options for every verb. */
export const COMMON: readonly string[] = [
  "bootstrap",
  "listen",
  "port",
  "json",
];

/** Reads how the node is opened. */
export function optionsOf(args: Arguments): MainlineDhtOptions {
  const listen = ipOf(args, "listen");
  const port = args.integer("port", 0, 65535) ?? 0;
  const bootstrap = addressesOf(args, "bootstrap");
  return {
    port,
    ...(listen === undefined ? {} : { hostname: listen }),
    ...(bootstrap.length === 0 ? {} : { bootstrap }),
  };
}

/**
 * Opens a node.
 *
 * @param options How.
 * @returns The node.
 */
export async function openDht(
  options: MainlineDhtOptions,
): Promise<MainlineDht> {
  try {
    return await MainlineDht.open(options);
  } catch (error) {
    const { hostname, port = 0 } = options;
    const where = hostname === undefined
      ? `port ${port}`
      : formatEndpoint({ hostname, port });
    throw listenError(error, where);
  }
}
