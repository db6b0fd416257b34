/**
 * Checks the options of torrent creation.
 *
 * @module
 */
import type { BencodeInput } from "../bencode/mod.ts";
import {
  type CreateMetainfoOptions,
  MAX_CREATE_PIECE_LENGTH,
} from "./create_options.ts";
import { BLOCK_SIZE } from "./piece_layout.ts";

/** Checks a piece length. */
export function checkPieceLength(
  pieceLength: number,
  version: "v1" | "v2" | "hybrid",
): void {
  const blocks = pieceLength / BLOCK_SIZE;
  const fits = Number.isInteger(blocks) && blocks >= 1 &&
    pieceLength <= MAX_CREATE_PIECE_LENGTH &&
    (version === "v1" || Number.isInteger(Math.log2(blocks)));
  if (fits) return;
  const wanted = version === "v1" ? "a multiple of 16 KiB" : "a power of two";
  throw new RangeError(
    `Cannot use a piece length of ${pieceLength} in a ${version} torrent: expected ${wanted} from 16 KiB to 256 MiB`,
  );
}

function checkUrl(url: string, what: string): void {
  if (!URL.canParse(url)) {
    throw new TypeError(`Cannot use "${url}" as ${what}: expected a URL`);
  }
}

/** Keys that options decide, outside and inside of the info dictionary. */
const OWN_KEYS = new Set([
  "announce",
  "announce-list",
  "comment",
  "created by",
  "creation date",
  "info",
  "nodes",
  "piece layers",
  "url-list",
]);
const OWN_INFO_KEYS = new Set([
  "attr",
  "file tree",
  "files",
  "length",
  "meta version",
  "name",
  "piece length",
  "pieces",
  "private",
  "source",
]);

function checkExtra(
  extra: Readonly<Record<string, BencodeInput>> | undefined,
  own: ReadonlySet<string>,
): void {
  for (const key of Object.keys(extra ?? {})) {
    if (own.has(key)) {
      throw new TypeError(
        `Cannot add the key "${key}": it has an option of its own`,
      );
    }
  }
}

/** Checks the options that need nothing of the inputs. */
export function checkCreateOptions(options: CreateMetainfoOptions): void {
  const { pieceLength, version = "v1", creationDate, nodes = [] } = options;
  if (version !== "v1" && version !== "v2" && version !== "hybrid") {
    throw new TypeError(
      `Cannot create a torrent of version "${version}": expected "v1", "v2" or "hybrid"`,
    );
  }
  if (pieceLength !== undefined) checkPieceLength(pieceLength, version);
  if (
    typeof creationDate === "number" &&
    (!Number.isSafeInteger(creationDate) || creationDate < 0)
  ) {
    throw new RangeError(
      `Cannot use ${creationDate} as the creation date: expected whole seconds since 1970`,
    );
  }
  for (const tier of options.trackers ?? []) {
    for (const url of tier) checkUrl(url, "a tracker");
  }
  for (const url of options.webSeeds ?? []) checkUrl(url, "a web seed");
  for (const { hostname, port } of nodes) {
    if (
      hostname === "" || !Number.isInteger(port) || port < 1 || port > 65535
    ) {
      throw new RangeError(
        `Cannot use "${hostname}" with port ${port} as a node: expected a host and a port from 1 to 65535`,
      );
    }
  }
  checkExtra(options.extra, OWN_KEYS);
  checkExtra(options.extraInfo, OWN_INFO_KEYS);
}
