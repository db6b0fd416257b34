/**
 * What the torrents of a session share.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import type { DiskManager } from "../../disk/mod.ts";
import type { Place } from "./open_storage.ts";
import type { Handshaker } from "../../handshake/mod.ts";
import type { CandidateSources } from "../peers/candidate.ts";
import type { DebtBook, HostBook } from "../limits/host_book.ts";
import type { PeerPlaces, SendBudget } from "../limits/peer_places.ts";
import type { SharedDiscovery } from "../discovery_runner.ts";
import type { SessionLimits } from "../limit_group.ts";
import type { TrackerContext } from "../trackers/tracker_runner.ts";
import type { UploadSlots } from "../limits/upload_slots.ts";
import type { PeerDiscovery, SessionOptions } from "../types.ts";

/** What the torrents of a session share. */
export interface SessionContext extends SessionLimits, TrackerContext {
  /** Dials and listens for all torrents. */
  readonly handshaker: Handshaker;
  /** Whether peers are dialled by uTP. */
  readonly dialsUtp: boolean;
  /** How much may wait to be sent. */
  readonly sendBudget: SendBudget;
  /** How many peers are served. */
  readonly uploadSlots: UploadSlots;
  /** What is chosen for all torrents. */
  readonly options: SessionOptions;
  /** Bytes that one read of a socket may bring. */
  readonly maxReadBytes: number;
  /** Sources of peers beside trackers. */
  readonly discovery: readonly (PeerDiscovery | SharedDiscovery)[];
  /** UDP port of our DHT node, if there is one. */
  readonly dhtPort: number | undefined;
  /** Takes a node that a peer told of. */
  readonly onDhtNode: (node: Endpoint) => void;
  /** Connections, for all torrents. */
  readonly places: PeerPlaces;
  /** What hosts owe that wasted our time. */
  readonly debts: DebtBook;
  /** When hosts may be dialled, whatever the torrent. */
  readonly hosts: HostBook;
  /** What is thought of sources of candidates. */
  readonly sources: CandidateSources;
  /** TCP port that others are told of; 0 for none. */
  readonly listenPort: number;
  /** What web servers are told, and how they are found. */
  readonly privacy: {
    readonly userAgent?: string | undefined;
    readonly resolveWeb?: (() => Promise<readonly string[]>) | undefined;
  };
  /** Whether we have nothing to do with an address. */
  readonly isBlocked: (hostname: string) => boolean;
  /** The disk manager of a place. */
  disk(where: Place): DiskManager;
}
