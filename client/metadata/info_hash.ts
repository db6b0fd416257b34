/**
 * Info dictionaries that peers sent for a magnet link.
 *
 * @module
 */
import { sha1 } from "../../_shared/sha1.ts";
import { equalBytes } from "../../_shared/bytes.ts";
import { sha256 } from "../../metainfo/merkle.ts";
import { parseInfo } from "../../metainfo/parse.ts";
import type { Magnet } from "../../metainfo/magnet.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import { SessionError } from "../error.ts";

/**
 * Whether bytes are the dictionary that a link asks for. With both hashes in
 * the link both must fit.
 */
export function matchesInfoHash(
  infoBytes: Uint8Array,
  magnet: Magnet,
): boolean {
  const { infoHashV1, infoHashV2 } = magnet;
  if (infoHashV1 !== undefined) {
    if (!equalBytes(sha1(infoBytes), infoHashV1)) return false;
  }
  if (infoHashV2 !== undefined) {
    if (!equalBytes(sha256(infoBytes), infoHashV2)) return false;
  }
  return infoHashV1 !== undefined || infoHashV2 !== undefined;
}

/** Reads a dictionary that fits. */
export function metainfoFromPeers(
  infoBytes: Uint8Array,
  magnet: Magnet,
  pieceLayers?: ReadonlyMap<string, Uint8Array>,
): Metainfo {
  if (pieceLayers !== undefined) {
    return { ...metainfoFromPeers(infoBytes, magnet), pieceLayers };
  }
  return parseInfo(infoBytes, {
    trackers: magnet.trackers.map((url) => [url]),
    webSeeds: magnet.webSeeds,
    nodes: magnet.nodes,
  });
}

/** Words what makes fetched metadata useless. */
export function badMetadata(cause: unknown): SessionError {
  const reason = cause instanceof Error ? cause.message : cause;
  return new SessionError(
    "bad-metadata",
    `Peers sent an info dictionary that cannot be used: ${reason}`,
    { cause },
  );
}
