/**
 * A torrent while one answer is made: what takes work is looked up once.
 *
 * @module
 */
import { formatMagnet, type MagnetInit } from "../../metainfo/magnet.ts";
import { magnetOf, type Metainfo } from "../../metainfo/metainfo.ts";
import type {
  PeerInfo,
  PiecesInfo,
  Torrent,
  TorrentStats,
  TrackerStatus,
} from "../../client/mod.ts";
import type { DaemonTorrent } from "../daemon_torrent.ts";
import type { DaemonSettings } from "../settings.ts";
import type { FileState, TorrentMemory } from "./torrent_memory.ts";

/** What an answer is made with. */
export interface RpcMoment {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The clock of the session at the same moment. */
  readonly clock: number;
  /** The settings. */
  readonly settings: DaemonSettings;
  /** What is remembered of torrents. */
  readonly memory: TorrentMemory;
}

/** A tracker as the protocol tells of it. */
export interface RpcTracker extends TrackerStatus {
  readonly id: number;
  /** Whether one before it in its tier is asked. */
  readonly isBackup: boolean;
}

/** A torrent at one moment. */
export class TorrentView {
  readonly torrent: DaemonTorrent;
  readonly moment: RpcMoment;
  #stats: TorrentStats | undefined;
  #peers: readonly PeerInfo[] | undefined;
  #pieces: PiecesInfo | "none" | undefined;
  #trackers: readonly RpcTracker[] | undefined;

  /** Begins to look. */
  constructor(torrent: DaemonTorrent, moment: RpcMoment) {
    this.torrent = torrent;
    this.moment = moment;
  }

  /** What the client knows. */
  get client(): Torrent {
    return this.torrent.torrent;
  }

  /** Its description, once known. */
  get metainfo(): Metainfo | undefined {
    return this.client.metainfo;
  }

  /** Its figures. */
  get stats(): TorrentStats {
    return this.#stats ??= this.torrent.stats();
  }

  /** Its peers. */
  get peers(): readonly PeerInfo[] {
    return this.#peers ??= this.client.peers();
  }

  /** Its trackers, by tier and number, in whatever order they are asked. */
  get trackers(): readonly RpcTracker[] {
    return this.#trackers ??= this.#listTrackers();
  }

  #listTrackers(): RpcTracker[] {
    const { torrent, client, metainfo, moment: { memory } } = this;
    const number = (url: string) => memory.trackerId(torrent, url);
    (metainfo ?? client.magnet)?.trackers.flat().forEach(number);
    return client.trackers()
      .map((one, i, all) => ({
        ...one,
        id: number(one.url),
        isBackup: one.tier === all[i - 1]?.tier,
      }))
      .sort((a, b) => a.tier - b.tier || a.id - b.id);
  }

  /** How its files are wanted. */
  get wishes(): readonly FileState[] {
    const { torrent, moment } = this;
    return this.client.files.map(({ index, priority }) =>
      moment.memory.file(torrent, index, priority)
    );
  }

  /** Its pieces, once they are known and checked. */
  get pieces(): PiecesInfo | undefined {
    this.#pieces ??= this.client.pieces() ?? "none";
    return this.#pieces === "none" ? undefined : this.#pieces;
  }

  /** Bytes of all files; 0 while they are not known. */
  get totalSize(): number {
    return this.metainfo?.totalLength ?? 0;
  }

  /** Verified bytes, wanted or not. */
  get haveValid(): number {
    const { metainfo, stats } = this;
    if (metainfo === undefined || stats.piecesDone === 0) return 0;
    if (stats.piecesDone === stats.pieceCount) return metainfo.totalLength;
    const { layout } = metainfo;
    const have = this.pieces?.have;
    let bytes = stats.piecesDone * layout.pieceLength;
    // Of v2 torrents, the last piece of any file may be short.
    have?.forEach((has, i) => {
      if (has === 1) bytes += layout.pieceSize(i) - layout.pieceLength;
    });
    return Math.min(metainfo.totalLength, bytes);
  }

  /** Its link. */
  get magnet(): string {
    const { client, metainfo } = this;
    const { length: _, ...link }: MagnetInit = metainfo === undefined
      ? { ...client.magnet!, name: this.torrent.name }
      : magnetOf(metainfo);
    const trackers = this.trackers.map(({ url }) => url);
    return formatMagnet({ ...link, trackers });
  }

  /** Announce URLs in tiers. */
  get tiers(): readonly (readonly string[])[] {
    return inTiers(this.trackers);
  }
}

/** Seconds since 1970, as the protocol counts; 0 for never. */
export function seconds(ms: number | undefined): number {
  return ms === undefined ? 0 : Math.floor(ms / 1000);
}

/** Puts URLs of trackers into tiers. */
export function inTiers(
  trackers: Iterable<{ readonly tier: number; readonly url: string }>,
): string[][] {
  const tiers: string[][] = [];
  for (const { tier, url } of trackers) (tiers[tier] ??= []).push(url);
  return tiers.filter((tier) => tier !== undefined);
}
