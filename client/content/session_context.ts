/**
 * What the torrents of a session share.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import type { Clock } from "../../_shared/clock.ts";
import type { RandomSource } from "../../_shared/random.ts";
import type { DiskManager, FileSystem } from "../../disk/mod.ts";
import type { Handshaker } from "../../handshake/mod.ts";
import type { AnnounceScheduler } from "../trackers/announce_scheduler.ts";
import type { CandidateSources } from "../peers/candidate_sources.ts";
import type { HostBook } from "../limits/host_book.ts";
import type { PeerPlaces } from "../limits/peer_places.ts";
import type { SharedDiscovery } from "../discovery_runner.ts";
import type { RateLimiter } from "../limits/rate_limiter.ts";
import type { SendBudget } from "../limits/send_budget.ts";
import type { UploadSlots } from "../limits/upload_slots.ts";
import type { PeerDiscovery, SessionOptions, TrackerClient } from "../types.ts";

/** What the torrents of a session share. */
export interface SessionContext {
  /** Clock to use. */
  readonly clock: Clock;
  /** The same clock, for many long waits. */
  readonly timers: Clock;
  /** Says when which tracker is asked. */
  readonly announces: AnnounceScheduler;
  /** Randomness. */
  readonly random: RandomSource;
  /** Dials and listens for all torrents. */
  readonly handshaker: Handshaker;
  /** Bytes a second, received. */
  readonly downloadLimit: RateLimiter;
  /** Bytes a second, sent. */
  readonly uploadLimit: RateLimiter;
  /** How much may wait to be sent. */
  readonly sendBudget: SendBudget;
  /** How many peers are served. */
  readonly uploadSlots: UploadSlots;
  /** What is chosen for all torrents. */
  readonly options: SessionOptions;
  /** Stable number that trackers know us by. */
  readonly trackerKey: number;
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
  /** When hosts may be dialled, whatever the torrent. */
  readonly hosts: HostBook;
  /** What is thought of sources of candidates. */
  readonly sources: CandidateSources;
  /** The disk manager of a folder or file system. */
  disk(where: string | FileSystem): DiskManager;
  /** The client for a tracker's scheme. */
  trackerFor(url: string): TrackerClient | undefined;
}
