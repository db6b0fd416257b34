/**
 * What a swarm needs, and what it makes peers of.
 *
 * @module
 */
import type { Endpoint, PeerCandidate } from "../../_shared/address.ts";
import type { Clock } from "../../_shared/clock.ts";
import type { RandomSource } from "../../_shared/random.ts";
import type { HandshakeEvent } from "../../handshake/event.ts";
import type { PieceLayout } from "../../metainfo/mod.ts";
import type { PeerExtension } from "../../peer/extension_registry.ts";
import type { PeerSessionEvent } from "../../peer/session_types.ts";
import type { CandidateSources } from "./candidate_sources.ts";
import type { HashServer } from "../content/hash_server.ts";
import type { HostBook } from "./host_book.ts";
import type { PeerPlaces } from "./peer_places.ts";
import type { ExtensionPeer } from "../policy_options.ts";
import type { SendBudget } from "../content/send_budget.ts";
import type { RateLimiter } from "../content/rate_limiter.ts";
import type { PieceRevealer } from "../content/reveal.ts";
import type { SwarmPeer } from "./swarm_peer.ts";
import type { TorrentEvent } from "../types.ts";

/** What becomes known once there is an info dictionary. */
export interface SwarmContent {
  /** Pieces and files. */
  readonly layout: PieceLayout;
  /** Tells peers of it. */
  readonly revealer: PieceRevealer;
  /** Takes a peer in. */
  addPeer(peer: SwarmPeer): void;
  /** Forgets a peer. */
  removePeer(peer: SwarmPeer): void;
  /** Takes an event of a peer about pieces and blocks. */
  handle(peer: SwarmPeer, event: PeerSessionEvent): void;
  /** Serves merkle hashes of v2 torrents (BEP 52). */
  readonly hashes: HashServer | undefined;
  /** Bytes of a piece that peers may ask for. */
  readonly servedSize: (pieceIndex: number) => number;
  /** Defined while sockets should not be read. */
  readonly pressure: () => Promise<void> | undefined;
}

/** What a swarm needs of its torrent. */
export interface SwarmOptions {
  /** 20-byte info-hash to dial with. */
  readonly infoHash: Uint8Array;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** Most connections. */
  readonly maxPeers: number;
  /** Bytes that one read of a socket may bring. */
  readonly maxReadBytes: number;
  /** Connections of the session. */
  readonly places: PeerPlaces;
  /** When hosts may be dialled. */
  readonly hosts: HostBook;
  /** What is thought of sources of candidates. */
  readonly sources: CandidateSources;
  /** Dials whoever is chosen when the torrent's turn comes. */
  readonly dialNext: (
    choose: () => PeerCandidate | undefined,
  ) => Promise<HandshakeEvent | undefined>;
  /** Wants to be ticked from now on. */
  readonly onBusy: () => void;
  /** Tells the torrent's subscribers. */
  readonly publish: (event: TorrentEvent) => void;
  /** Our listening port, to tell peers; 0 for none. */
  readonly listenPort: number;
  /** Name and version told to peers. */
  readonly clientVersion: string;
  /** Bytes a second, received. */
  readonly downloadLimit: RateLimiter;
  /** Bytes a second, sent. */
  readonly uploadLimit: RateLimiter;
  /** How much may wait to be sent, over all torrents. */
  readonly sendBudget: SendBudget;
  /** A private torrent: no extension that leaks peers (BEP 27). */
  readonly isPrivate: () => boolean;
  /** Whether the torrent has v2 hashes (BEP 52). */
  readonly hasV2: () => boolean;
  /** UDP port of our DHT node, if any (BEP 5). */
  readonly dhtPort: number | undefined;
  /** Makes the user's extensions for a peer (BEP 10). */
  readonly extensionsFor: (peer: ExtensionPeer) => readonly PeerExtension[];
  /** Takes a peer's DHT node (BEP 5). */
  readonly onDhtNode: (node: Endpoint) => void;
}
