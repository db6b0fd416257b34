/**
 * Checks the options of sessions and torrents once, where they are given.
 *
 * @module
 */
import type { PolicyOptions, RevelationName } from "./policy_options.ts";
import type { AddTorrentOptions, SessionOptions } from "./types.ts";
import { checkPriority } from "./content/wishes.ts";

const REVELATIONS: readonly RevelationName[] = [
  "honest",
  "lazy",
  "super-seeding",
];

function checkRate(name: string, value: number | undefined): void {
  if (value !== undefined && !(value > 0)) {
    throw new RangeError(
      `Cannot use ${value} as "${name}": it must be a positive number of bytes a second`,
    );
  }
}

function checkCount(name: string, value: number | undefined): void {
  if (value !== undefined && !(Number.isInteger(value) && value >= 1)) {
    throw new RangeError(
      `Cannot use ${value} as "${name}": it must be a positive integer`,
    );
  }
}

function checkPolicies(options: PolicyOptions): void {
  const { revelation, uploadSlots } = options;
  if (uploadSlots !== "rate-based") checkCount("uploadSlots", uploadSlots);
  if (typeof revelation === "string" && !REVELATIONS.includes(revelation)) {
    throw new RangeError(
      `Cannot use "${revelation}" as "revelation": it must be a function or one of ${
        REVELATIONS.join(", ")
      }`,
    );
  }
}

function checkBytes(name: string, value: number | undefined): void {
  if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0)) {
    throw new RangeError(
      `Cannot use ${value} as "${name}": it must be a number of bytes`,
    );
  }
}

/** Throws a `RangeError` where an option of a session makes no sense. */
export function checkSessionOptions(options: SessionOptions): void {
  checkCount("maxPeers", options.maxPeers);
  checkCount("maxPeersPerTorrent", options.maxPeersPerTorrent);
  checkRate("downloadLimit", options.downloadLimit);
  checkRate("uploadLimit", options.uploadLimit);
  checkPolicies(options);
  const { peerId } = options;
  if (peerId !== undefined && peerId.length !== 20) {
    throw new RangeError(
      `Cannot use a peer id of ${peerId.length} bytes: it must have 20`,
    );
  }
}

/** Throws a `RangeError` where an option of a torrent makes no sense. */
export function checkAddOptions(options: AddTorrentOptions): void {
  checkCount("maxPeers", options.maxPeers);
  checkRate("downloadLimit", options.downloadLimit);
  checkRate("uploadLimit", options.uploadLimit);
  checkPolicies(options);
  const { files } = options;
  checkBytes("downloadedBytes", options.downloadedBytes);
  checkBytes("uploadedBytes", options.uploadedBytes);
  for (const priority of options.filePriorities ?? []) checkPriority(priority);
  for (const [index, priority] of options.piecePriorities ?? []) {
    if (!Number.isInteger(index) || index < 0) {
      throw new RangeError(
        `Cannot use ${index} in "piecePriorities": it must be an index from 0`,
      );
    }
    checkPriority(priority);
  }
  const odd = files?.find((index) => !Number.isInteger(index) || index < 0);
  if (odd !== undefined) {
    throw new RangeError(
      `Cannot use ${odd} in "files": it must be an index from 0`,
    );
  }
}
