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
import { hasPieceLayers } from "../content/open_storage.ts";
import { metainfoFromPeers } from "../metadata/metadata_exchange.ts";
import type { TorrentLife } from "./torrent_life.ts";
import { finite, plain, torrentTotals } from "./torrent_view.ts";
import type { AddTorrentOptions } from "../types.ts";

/** Peers that are kept for the next time. */
const MAX_SAVED_PEERS = 50;
/** Options that are kept as they are. */
const KEPT = [
  "dir",
  "completeDir",
  "sequential",
  "firstLastPieces",
  "filePriorities",
  "piecePriorities",
  "renamedFiles",
  "trackers",
  "replaceTrackers",
  "webSeeds",
  "downloadLimit",
  "uploadLimit",
  "maxPeers",
  "downloadedBytes",
  "uploadedBytes",
] as const satisfies readonly (keyof SavedTorrent)[];

/** Options as the torrent has them by now, and what it is, as plain JSON. */
export interface SavedTorrent extends
  Pick<
    AddTorrentOptions,
    | "dir"
    | "completeDir"
    | "sequential"
    | "firstLastPieces"
    | "filePriorities"
    | "piecePriorities"
    | "renamedFiles"
    | "trackers"
    | "replaceTrackers"
    | "webSeeds"
    | "downloadLimit"
    | "uploadLimit"
    | "maxPeers"
    | "downloadedBytes"
    | "uploadedBytes"
  > {
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
  /** Whether it is paused. */
  readonly paused: boolean;
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
export async function saveTorrent(
  life: TorrentLife,
  withResumeData: boolean,
): Promise<SavedTorrent> {
  const { metainfo, topic, options, content, network } = life;
  const resumeData = !withResumeData
    ? undefined
    : content === undefined
    ? options.resumeData
    : await content.storage.resumeData();
  const kept: { [name: string]: unknown } = {
    ...options,
    dir: life.dir,
    filePriorities: content === undefined
      ? options.filePriorities
      : content.wishes.filePriorities && [...content.wishes.filePriorities],
    piecePriorities: content === undefined
      ? options.piecePriorities
      : content.wishes.ownPriorities && [...content.wishes.ownPriorities],
    downloadLimit: finite(life.limits.downloadRate),
    uploadLimit: finite(life.limits.uploadRate),
    ...torrentTotals(life),
  };
  return plain<object>({
    version: 1,
    infoHash: toHex(life.infoHash),
    ...sourceFields(metainfo, topic),
    ...Object.fromEntries(KEPT.map((name) => [name, kept[name]])),
    paused: life.isPaused,
    peers: (network.openSwarm?.list.good(MAX_SAVED_PEERS) ?? [])
      .map(formatEndpoint),
    resumeData: resumeData?.toBase64(),
  }) as SavedTorrent;
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
  const { paused } = saved;
  return {
    source,
    options: {
      // Without what is not there they take far less memory.
      ...Object.fromEntries(
        KEPT.filter((name) => saved[name] !== undefined)
          .map((name) => [name, saved[name]]),
      ),
      paused,
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
