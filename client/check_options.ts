/**
 * Checks the options of sessions and torrents once, where they are given.
 *
 * @module
 */
import type {
  AddTorrentOptions,
  RevelationName,
  SessionOptions,
} from "./types.ts";

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

/**
 * Checks the options of a session.
 *
 * @param options What was given.
 * @throws {RangeError} If one makes no sense.
 */
export function checkSessionOptions(options: SessionOptions): void {
  checkCount("maxPeers", options.maxPeers);
  checkCount("maxPeersPerTorrent", options.maxPeersPerTorrent);
  checkRate("downloadLimit", options.downloadLimit);
  checkRate("uploadLimit", options.uploadLimit);
  const { peerId } = options;
  if (peerId !== undefined && peerId.length !== 20) {
    throw new RangeError(
      `Cannot use a peer id of ${peerId.length} bytes: it must have 20`,
    );
  }
}

/**
 * Checks the options of a torrent.
 *
 * @param options What was given.
 * @throws {RangeError} If one makes no sense.
 */
export function checkAddOptions(options: AddTorrentOptions): void {
  checkCount("maxPeers", options.maxPeers);
  checkRate("downloadLimit", options.downloadLimit);
  checkRate("uploadLimit", options.uploadLimit);
  const { revelation, files } = options;
  if (revelation !== undefined && !REVELATIONS.includes(revelation)) {
    throw new RangeError(
      `Cannot use "${revelation}" as "revelation": it must be one of ${
        REVELATIONS.join(", ")
      }`,
    );
  }
  const odd = files?.find((index) => !Number.isInteger(index) || index < 0);
  if (odd !== undefined) {
    throw new RangeError(
      `Cannot use ${odd} in "files": it must be an index from 0`,
    );
  }
}
