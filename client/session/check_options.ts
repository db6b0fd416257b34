/**
 * Checks the options of sessions and torrents once, where they are given.
 *
 * @module
 */
import type { FileAllocation } from "../../disk/storage.ts";
import { isIncompleteSuffix } from "../incomplete_place.ts";
import type { RevelationName } from "../policy_options.ts";
import type { AddTorrentOptions, SessionOptions } from "../types.ts";
import { checkPriority } from "../content/wishes.ts";

const REVELATIONS: readonly RevelationName[] = [
  "honest",
  "lazy",
  "super-seeding",
];

const ALLOCATIONS: readonly FileAllocation[] = ["sparse", "full", "compact"];

/** What a number must be. */
const NUMBERS = {
  rate: ["a positive number of bytes a second", (value: number) => value > 0],
  count: ["a positive integer", (value: number) => isIndex(value - 1)],
  bytes: ["a number of bytes", (value: number) => isIndex(value)],
} as const;

function isIndex(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

const KINDS: Readonly<Record<string, keyof typeof NUMBERS>> = {
  maxPeers: "count",
  maxPeersPerTorrent: "count",
  uploadSlots: "count",
  downloadLimit: "rate",
  uploadLimit: "rate",
  downloadedBytes: "bytes",
  uploadedBytes: "bytes",
};

function checkIndex(name: string, index: number): void {
  if (isIndex(index)) return;
  throw new RangeError(
    `Cannot use ${index} in "${name}": it must be an index from 0`,
  );
}

/** What sessions and torrents have in common. */
function checkBoth(options: SessionOptions | AddTorrentOptions): void {
  const { revelation, allocation } = options;
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(KINDS, name) || value === undefined) continue;
    if (name === "uploadSlots" && value === "rate-based") continue;
    const [what, isRight] = NUMBERS[KINDS[name]!];
    if (isRight(value)) continue;
    throw new RangeError(
      `Cannot use ${value} as "${name}": it must be ${what}`,
    );
  }
  if (typeof revelation === "string") {
    checkName("revelation", revelation, REVELATIONS, "a function or ");
  }
  if (allocation !== undefined) {
    checkName("allocation", allocation, ALLOCATIONS);
  }
  if (!isIncompleteSuffix(options.incompleteSuffix ?? "")) {
    throw new RangeError(
      `Cannot use ${
        JSON.stringify(options.incompleteSuffix)
      } as "incompleteSuffix": it must be up to 32 characters of a file name`,
    );
  }
}

function checkName(
  option: string,
  name: string,
  names: readonly string[],
  other = "",
): void {
  if (names.includes(name)) return;
  throw new RangeError(
    `Cannot use "${name}" as "${option}": it must be ${other}one of ${
      names.join(", ")
    }`,
  );
}

/** Throws a `RangeError` where an option of a session makes no sense. */
export function checkSessionOptions(options: SessionOptions): void {
  checkBoth(options);
  const { peerId, utp } = options;
  if (utp !== undefined) checkName("utp", utp, ["accept", "both", "off"]);
  if (peerId !== undefined && peerId.length !== 20) {
    throw new RangeError(
      `Cannot use a peer id of ${peerId.length} bytes: it must have 20`,
    );
  }
}

/** Throws a `RangeError` or `TypeError` where an option of a torrent makes no sense. */
export function checkAddOptions(options: AddTorrentOptions): void {
  checkBoth(options);
  for (const priority of options.filePriorities ?? []) checkPriority(priority);
  for (const [index, priority] of options.piecePriorities ?? []) {
    checkIndex("piecePriorities", index);
    checkPriority(priority);
  }
  for (const index of options.files ?? []) checkIndex("files", index);
  for (const url of options.webSeeds ?? []) {
    if (/^https?:\/\//i.test(url) && URL.canParse(url)) continue;
    throw new TypeError(
      `Cannot use ${
        JSON.stringify(url)
      } as a web seed: it must be an http or https URL`,
    );
  }
}
