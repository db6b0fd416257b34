/**
 * What outlives a session: torrents with their choices and what they have, as
 * plain JSON.
 *
 * @module
 */
import {
  type Endpoint,
  formatEndpoint,
  tryParseEndpoint,
} from "../../_shared/address.ts";
import { toHex } from "../../_shared/bytes.ts";
import { encodeMetainfo } from "../../metainfo/edit.ts";
import { formatMagnet, type Magnet } from "../../metainfo/magnet.ts";
import { magnetOf, type Metainfo } from "../../metainfo/metainfo.ts";
import { parseMagnet } from "../../metainfo/parse_magnet.ts";
import type { AddSource } from "./add_source.ts";
import { hasPieceLayers, metainfoFromPeers } from "../metadata/info_hash.ts";
import type { TorrentLife } from "./torrent_life.ts";
import { plain, torrentTotals } from "./torrent_view.ts";
import type { AddTorrentOptions } from "../types.ts";

/** Peers that are kept for the next time. */
const MAX_SAVED_PEERS = 50;
/** Options that are kept as they are. */
const KEPT = [
  "dir",
  "paused",
  "sequential",
  "filePriorities",
  "piecePriorities",
  "renamedFiles",
  "trackers",
  "replaceTrackers",
  "downloadLimit",
  "uploadLimit",
  "maxPeers",
  "downloadedBytes",
  "uploadedBytes",
] as const satisfies readonly (keyof SavedTorrent & keyof AddTorrentOptions)[];

/** A torrent as it is kept, plain JSON. */
export interface SavedTorrent {
  /** Of this description. */
  readonly version: 1;
  /** 40 hex digits by which peers and trackers call it. */
  readonly infoHash: string;
  /** The torrent file as base64, once all of it is known. */
  readonly torrent?: string;
  /** The link it was added by, until then. */
  readonly magnet?: string;
  /** Besides a link: the info dictionary as base64, once it is known. */
  readonly info?: string;
  /** The folder it is stored in; absent for other file systems. */
  readonly dir?: string;
  /** Whether it is paused. */
  readonly paused: boolean;
  /** Whether pieces are fetched in order. */
  readonly sequential?: boolean;
  /** 0 to 7 by file; absent while all have the default. */
  readonly filePriorities?: readonly number[];
  /** 0 to 7 by piece, of those that have one of their own. */
  readonly piecePriorities?: readonly (readonly [number, number])[];
  /** Files that are stored under another name: index and path. */
  readonly renamedFiles?: readonly (readonly [number, readonly string[]])[];
  /** Announce URLs that were given besides those of the torrent. */
  readonly trackers?: readonly (string | readonly string[])[];
  /** Whether they are used instead of the torrent's own. */
  readonly replaceTrackers?: boolean;
  /** Bytes a second; absent for no limit. */
  readonly downloadLimit?: number;
  /** Bytes a second; absent for no limit. */
  readonly uploadLimit?: number;
  /** Most connections; absent for the session's. */
  readonly maxPeers?: number;
  /** Payload received so far. */
  readonly downloadedBytes: number;
  /** Payload sent so far. */
  readonly uploadedBytes: number;
  /** Peers that worked, as `host:port`. */
  readonly peers: readonly string[];
  /** What is on disk, as base64. */
  readonly resumeData?: string;
}

/** A session as it is kept, plain JSON. */
export interface SavedSession {
  /** Of this description. */
  readonly version: 1;
  /** Its torrents, in the order they were added. */
  readonly torrents: readonly SavedTorrent[];
}

/** Describes a torrent so that it can be added again. */
export async function saveTorrent(life: TorrentLife): Promise<SavedTorrent> {
  const { metainfo, topic, options, content, network } = life;
  const resumeData = content === undefined
    ? options.resumeData
    : await content.storage.resumeData();
  const priorities = content?.wishes.filePriorities ?? options.filePriorities;
  const own = content?.wishes.ownPriorities ?? options.piecePriorities;
  const { downloadedBytes, uploadedBytes } = torrentTotals(life);
  const limit = (rate: number) => rate === Infinity ? undefined : rate;
  const { renamedFiles, trackers, sequential, replaceTrackers } = options;
  return plain<SavedTorrent>({
    version: 1,
    infoHash: toHex(life.infoHash),
    ...sourceFields(metainfo, topic),
    dir: life.dir,
    paused: life.isPaused,
    sequential: sequential || undefined,
    filePriorities: priorities && [...priorities],
    piecePriorities: own && [...own],
    renamedFiles: renamedFiles?.length ? renamedFiles : undefined,
    trackers: trackers?.length ? trackers : undefined,
    replaceTrackers: replaceTrackers || undefined,
    downloadLimit: limit(life.limits.downloadRate),
    uploadLimit: limit(life.limits.uploadRate),
    maxPeers: options.maxPeers,
    downloadedBytes,
    uploadedBytes,
    peers: (network.openSwarm?.list.good(MAX_SAVED_PEERS) ?? [])
      .map(formatEndpoint),
    resumeData: resumeData?.toBase64(),
  });
}

/** Reads what {@linkcode saveTorrent} wrote; throws where it is no such thing. */
export function restoreTorrent(
  saved: SavedTorrent,
): { source: AddSource; options: AddTorrentOptions } {
  const source = savedSource(saved);
  if (saved.version !== 1 || source === undefined) {
    throw new TypeError(
      `Cannot restore a torrent of version ${saved.version}: version 1 with a torrent or a link was expected`,
    );
  }
  const options: { [name: string]: unknown } = {};
  for (const name of KEPT) options[name] = saved[name];
  return {
    source,
    options: {
      ...options,
      savedPeers: saved.peers.map(tryParseEndpoint)
        .filter((peer): peer is Endpoint => peer !== undefined),
      resumeData: saved.resumeData === undefined
        ? undefined
        : Uint8Array.fromBase64(saved.resumeData),
    },
  };
}

/** Without all of its piece layers it is no torrent file (BEP 52). */
function sourceFields(
  metainfo: Metainfo | undefined,
  topic: Metainfo | Magnet,
): { [Name in "torrent" | "magnet" | "info"]: string | undefined } {
  const isWhole = metainfo !== undefined && hasPieceLayers(metainfo);
  const magnet = "infoBytes" in topic ? magnetOf(topic) : topic;
  return {
    torrent: isWhole ? encodeMetainfo(metainfo).toBase64() : undefined,
    magnet: isWhole ? undefined : formatMagnet(magnet),
    info: isWhole ? undefined : metainfo?.infoBytes.toBase64(),
  };
}

function savedSource(saved: SavedTorrent): AddSource | undefined {
  const { torrent, magnet, info } = saved;
  if (torrent !== undefined) return Uint8Array.fromBase64(torrent);
  if (magnet === undefined || info === undefined) return magnet;
  return metainfoFromPeers(Uint8Array.fromBase64(info), parseMagnet(magnet));
}
