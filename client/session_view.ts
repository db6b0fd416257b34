/**
 * What users see of a session, as plain data.
 *
 * @module
 */
import type { HistogramCounts } from "../_shared/metrics.ts";
import type { DiskWork } from "../disk/timings.ts";
import type { Endpoint } from "../_shared/address.ts";
import type { HandshakerStats } from "../handshake/handshaker_options.ts";
import type { Torrent } from "./torrent.ts";
import type { TorrentSnapshot } from "./torrent/torrent_view.ts";
import type { TorrentEvent } from "./types.ts";

/** A session at one moment, as plain JSON. */
export interface SessionSnapshot {
  /** Our peer id, 40 hex digits. */
  readonly peerId: string;
  /** Where peers can connect to, as `host:port`. */
  readonly local?: string;
  /** Figures of the moment. */
  readonly stats: SessionStats;
  /** Its torrents. */
  readonly torrents: readonly TorrentSnapshot[];
}

/** What a session tells. */
export type SessionEvent =
  | { readonly type: "added"; readonly torrent: Torrent }
  | { readonly type: "removed"; readonly torrent: Torrent }
  | {
    readonly type: "torrent";
    readonly torrent: Torrent;
    /** What the torrent told. */
    readonly event: TorrentEvent;
  }
  | {
    /**
     * No connection could be accepted for a moment, or what listens ended: it
     * goes on, or is opened anew.
     */
    readonly type: "listener";
    /** Where. */
    readonly address: Endpoint;
    /** What went wrong. */
    readonly error: Error;
  }
  | {
    /** Connections come in again after a `listener` event. */
    readonly type: "listening";
    /** Where. */
    readonly local: Endpoint;
  };

/** A snapshot of a session. */
export interface SessionStats {
  /** Torrents. */
  readonly torrents: number;
  /** Connected peers of all torrents. */
  readonly peers: number;
  /** Bytes waiting to be written. */
  readonly bufferedBytes: number;
  /** Handshakes. */
  readonly handshakes: HandshakerStats;
  /** How long reads, writes and hashes of pieces took, in seconds. */
  readonly disk: Readonly<Record<DiskWork, HistogramCounts>>;
}
