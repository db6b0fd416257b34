/**
 * Options, states and events of sessions and torrents.
 *
 * @module
 */
import type {
  CandidateSource,
  Endpoint,
  PeerCandidate,
} from "../_shared/address.ts";
import type { AnnounceRequest, AnnounceResponse } from "../_shared/announce.ts";
import type { ByteTransport } from "../_shared/byte_conn.ts";
import type { Clock } from "../_shared/clock.ts";
import type { RandomSource } from "../_shared/random.ts";
import type { FileSystem, PieceStorage, ReserveProgress } from "../disk/mod.ts";
import type { HandshakeFilters } from "../handshake/filter.ts";
import type { IpSet } from "../handshake/ip_set.ts";
import type { Proxy } from "../handshake/proxy.ts";
import type { EncryptionPolicy } from "../handshake/encryption_policy.ts";
import type { PortMapperOptions } from "../portmap/port_mapper.ts";
import type { MainlineDhtOptions } from "../dht/mod.ts";
import type { LocalDiscoveryOptions } from "../lpd/mod.ts";
import type { Metainfo, RenamedFile } from "../metainfo/mod.ts";
import type { FileOptions } from "./file_options.ts";
import type { PolicyOptions } from "./policy_options.ts";

/** What a torrent is doing. */
export type TorrentState =
  /** Fetching the info dictionary from peers (BEP 9). */
  | "metadata"
  /** Checking the data on disk. */
  | "checking"
  | "downloading"
  /** All wanted files are complete. */
  | "seeding"
  | "paused"
  /** Stopped by an error; `resume()` tries again. */
  | "error"
  | "removed";

/** Events of a torrent. */
export type TorrentEvent =
  | { readonly type: "state"; readonly state: TorrentState }
  | { readonly type: "metadata"; readonly metainfo: Metainfo }
  | {
    readonly type: "checking";
    /** Pieces checked so far. */
    readonly checked: number;
    /** Pieces in all. */
    readonly total: number;
  }
  /** Disk space is being allocated, before the download starts. */
  | ({ readonly type: "reserving" } & ReserveProgress)
  | {
    readonly type: "piece";
    readonly pieceIndex: number;
    /** Whether it passed its hash check. */
    readonly good: boolean;
  }
  | {
    /** A peer connected, disconnected, could not be reached, or was banned. */
    readonly type:
      | "peer-connected"
      | "peer-disconnected"
      | "peer-failed"
      | "peer-banned";
    readonly address: Endpoint;
    readonly direction: "inbound" | "outbound";
    /** Client name, where known. */
    readonly client?: string | undefined;
    /** Why it ended, failed or was banned. */
    readonly reason?: string | undefined;
    /** Why it failed, in words. */
    readonly message?: string | undefined;
  }
  | {
    readonly type: "tracker";
    /**
     * Scheme and host only, as the path may hold a passkey; or the name of a
     * discovery service that failed.
     */
    readonly tracker: string;
    readonly ok: boolean;
    /** How many peers it returned. */
    readonly peers?: number | undefined;
    /** What went wrong. */
    readonly error?: string | undefined;
  }
  | {
    /** Something is wrong, but the torrent continues. */
    readonly type: "warning";
    /**
     * `surplus`: files are longer than the torrent says; they are truncated
     * unless the torrent is read-only. `lost`: files are missing, damaged or too
     * short; their bad pieces are not served, and are downloaded again unless the
     * torrent is read-only. `resume-data`: it could not be saved.
     */
    readonly code: "surplus" | "lost" | "resume-data";
    /** One line. */
    readonly message: string;
    /** The first ten files concerned. */
    readonly files: readonly string[];
  }
  | {
    /** Files have other names on disk than in the torrent. */
    readonly type: "renamed";
    /** Which files, and their names. */
    readonly files: readonly RenamedFile[];
  }
  /** All wanted files are complete. */
  | { readonly type: "complete" }
  | { readonly type: "error"; readonly error: Error };

/** Options of `Torrent.events` and `Session.events`. */
export interface EventsOptions {
  /** Ends the iteration; events that have already happened are still delivered. */
  readonly signal?: AbortSignal | undefined;
}

/** A snapshot of a torrent. All sizes in bytes, rates in bytes a second. */
export interface TorrentStats {
  /** What it is doing. */
  readonly state: TorrentState;
  /** Bytes of the wanted files. */
  readonly wantedBytes: number;
  /** Wanted bytes that are verified. */
  readonly doneBytes: number;
  /** Payload received, good or bad, including earlier runs. */
  readonly downloadedBytes: number;
  /** Payload sent, including earlier runs. */
  readonly uploadedBytes: number;
  /** Payload that was received twice, not requested, or bad. */
  readonly wastedBytes: number;
  /** Payload received, in bytes a second. */
  readonly downloadRate: number;
  /** Payload sent, in bytes a second. */
  readonly uploadRate: number;
  /** Number of pieces; 0 while the metadata is unknown. */
  readonly pieceCount: number;
  /** Verified pieces. */
  readonly piecesDone: number;
  /** Connected peers. */
  readonly peers: number;
  /** Connected peers that have all pieces. */
  readonly seeds: number;
  /** Peers known, connected or not. */
  readonly candidates: number;
  /** Connection attempts in progress. */
  readonly connecting: number;
  /** Milliseconds to completion at the current rate, if that can be estimated. */
  readonly etaMs: number | undefined;
}

/** Options of `Session.add`. */
export interface AddTorrentOptions extends PolicyOptions, FileOptions {
  /** Folder that holds, or will hold, the torrent's top-level name. @default {"."} */
  readonly dir?: string | undefined;
  /**
   * Where to store files instead of in a folder. Closed when the last torrent
   * stored in it is removed.
   */
  readonly fileSystem?: FileSystem | undefined;
  /**
   * Where to store pieces instead of in files; takes precedence over `fileSystem`
   * and `dir`.
   *
   * @default {the session's, unless a folder or file system is named}
   */
  readonly storage?: PieceStorage | undefined;
  /**
   * Folder to move the files to when all wanted ones are complete, before the
   * torrent counts as complete. If anything is in the way there, the torrent stops
   * with an error. See {@linkcode incompletePlace}.
   *
   * @default {they stay}
   */
  readonly completeDir?: string | undefined;
  /** Do not start yet. @default {false} */
  readonly paused?: boolean | undefined;
  /** Trust that the data is complete, without checking it. @default {false} */
  readonly seedMode?: boolean | undefined;
  /**
   * Whether to overwrite files in the torrent's place that cannot be part of it.
   * Otherwise the torrent stops with a `DiskError` of code `foreign-file` that
   * names them.
   *
   * @default {false}
   */
  readonly overwrite?: boolean | undefined;
  /** Never write; for seeding. The data is checked first. @default {false} */
  readonly readOnly?: boolean | undefined;
  /** Resume data of an earlier run; it is validated. */
  readonly resumeData?: Uint8Array | undefined;
  /** Called with new resume data to save, at most every few seconds. */
  readonly saveResumeData?: ((data: Uint8Array) => Promise<void>) | undefined;
  /**
   * Files to download, by index among all files, pad files included. An index that
   * does not exist stops the torrent with a `RangeError`.
   *
   * @default {those that a magnet link's `so` names (BEP 53), else all}
   */
  readonly files?: readonly number[] | undefined;
  /**
   * Chooses the files once the metadata is known, as for magnet links. Not called
   * if `files` is given; a magnet link's `so` is ignored then.
   *
   * @param metainfo The torrent.
   * @returns Indices of the files to download, or `undefined` for all.
   */
  readonly chooseFiles?:
    | ((metainfo: Metainfo) => readonly number[] | undefined)
    | undefined;
  /** Priorities by file index, from 0 (skipped) to 7 (first). @default {4 for each} */
  readonly filePriorities?: readonly number[] | undefined;
  /**
   * Priorities of single pieces: index, and 0 (skipped) to 7 (first).
   *
   * @default {those of their files}
   */
  readonly piecePriorities?:
    | readonly (readonly [pieceIndex: number, priority: number])[]
    | undefined;
  /**
   * Files that are stored under another name: index and path below `dir`, as
   * `TorrentFile.rename` left them.
   *
   * @default {none}
   */
  readonly renamedFiles?:
    | readonly (readonly [fileIndex: number, path: readonly string[]])[]
    | undefined;
  /**
   * Whether to download pieces in order. With a number, from that piece on, and
   * the others last. `strategy` takes precedence.
   *
   * @default {false}
   */
  readonly sequential?: boolean | number | undefined;
  /** Download the first and last piece of each file first. @default {false} */
  readonly firstLastPieces?: boolean | undefined;
  /** Peers to try first. @default {[]} */
  readonly peers?: readonly Endpoint[] | undefined;
  /** Peers of an earlier run; not preferred to others. @default {[]} */
  readonly savedPeers?: readonly Endpoint[] | undefined;
  /** Additional announce URLs, in tiers or each a tier of its own. @default {[]} */
  readonly trackers?:
    | readonly (string | readonly string[])[]
    | undefined;
  /** Whether `trackers` replace the torrent's own. @default {false} */
  readonly replaceTrackers?: boolean | undefined;
  /**
   * Additional web seeds (BEP 19): http or https URLs with any host. Those of the
   * torrent itself may lead to public addresses only.
   *
   * @default {[]}
   */
  readonly webSeeds?: readonly string[] | undefined;
  /** Maximum download rate, in bytes a second. @default {Infinity} */
  readonly downloadLimit?: number | undefined;
  /** Maximum upload rate, in bytes a second. @default {Infinity} */
  readonly uploadLimit?: number | undefined;
  /** Maximum number of connections. @default {the session's} */
  readonly maxPeers?: number | undefined;
  /** Payload received in earlier runs, for statistics. @default {0} */
  readonly downloadedBytes?: number | undefined;
  /** Payload sent in earlier runs, for statistics. @default {0} */
  readonly uploadedBytes?: number | undefined;
}

/** Announces to a tracker of some scheme. */
export interface TrackerClient {
  /**
   * Announces.
   *
   * @param url The announce URL.
   * @param request What to tell.
   * @param options The signal that ends the attempt.
   * @returns The answer.
   * @throws {TrackerError} If there is none.
   */
  announce(
    url: string,
    request: AnnounceRequest,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<AnnounceResponse>;
}

/** How a source of candidates is treated. */
export interface CandidateSourceTraits {
  /**
   * How far it is preferred, from 0. 0 is for peers that a person names: dialled
   * first, never given up, any number of them. Each further step halves its turns.
   */
  readonly rank: number;
  /** Part of a torrent's candidate list that it may fill, from 0 to 1. */
  readonly share: number;
  /** Whether private torrents must not use it (BEP 27). */
  readonly isOpen: boolean;
  /** Whether it is our own or a person's, and may name any address and port. */
  readonly isTrusted: boolean;
  /**
   * Whether it may name hosts by name and addresses of our own machine and
   * network, as links that are passed on at home do; no services' ports.
   */
  readonly namesLocal: boolean;
}

/** A source of peers that a torrent uses while it runs. */
export interface PeerDiscovery {
  /** Name of the source, any you like. */
  readonly source: CandidateSource;
  /**
   * How to treat it, for sources with a name of your own. Unless it is `isTrusted`,
   * host names, local addresses and ports of other services are ignored.
   *
   * @default {as a stranger's}
   */
  readonly traits?: Partial<CandidateSourceTraits> | undefined;
  /**
   * Looks for peers until the signal fires.
   *
   * @param torrent For whom.
   * @param signal Ends the search.
   * @returns The peers found.
   */
  discover(
    torrent: DiscoveryTopic,
    signal: AbortSignal,
  ): AsyncIterable<PeerCandidate>;
}

/** What a {@linkcode PeerDiscovery} looks for. */
export interface DiscoveryTopic {
  /** 20-byte info-hash. */
  readonly infoHash: Uint8Array;
  /** The port to announce; 0 for none. */
  readonly port: number;
  /**
   * Tells whether we have all pieces by now, so that other seeds are of no use.
   *
   * @returns True for a seed.
   */
  isSeed(): boolean;
}

/**
 * What goes through a proxy: `web` is web seeds; the DHT, UDP trackers and peers by
 * uTP only by SOCKS 5, the last where nothing is listened on.
 */
export type ProxyPurpose = "peers" | "trackers" | "dht" | "web";

/** Where to listen. */
export interface ListenAddress {
  /** IP address. @default {all addresses} */
  readonly hostname?: string | undefined;
  /** Port; 0 picks a free one. */
  readonly port: number;
}

/** Options of `Session.open`. */
export interface SessionOptions extends PolicyOptions, FileOptions {
  /**
   * Where to listen; `false` for nowhere. Without a hostname, on all IPv6 and IPv4
   * addresses with one port, or on IPv4 only where there is no IPv6. Port 0 picks a
   * free one.
   *
   * @default {{ port: 0 }}
   */
  readonly listen?: ListenAddress | readonly Endpoint[] | false | undefined;
  /** Our 20-byte peer id. @default {a random one} */
  readonly peerId?: Uint8Array | undefined;
  /** Piece storage of torrents that name no other place. @default {files} */
  readonly storage?: PieceStorage | undefined;
  /** Maximum number of connections. @default {500} */
  readonly maxPeers?: number | undefined;
  /** Maximum number of connections per torrent. @default {100} */
  readonly maxPeersPerTorrent?: number | undefined;
  /** Maximum download rate of all torrents, in bytes a second. @default {Infinity} */
  readonly downloadLimit?: number | undefined;
  /** Maximum upload rate of all torrents, in bytes a second. @default {Infinity} */
  readonly uploadLimit?: number | undefined;
  /** Whether to use trackers. @default {true} */
  readonly trackers?: boolean | undefined;
  /** Whether to use web seeds (BEP 19). @default {true} */
  readonly webSeeds?: boolean | undefined;
  /** Used for web seeds instead of the built-in `fetch`. */
  readonly fetch?:
    | ((url: URL, init: RequestInit) => Promise<Response>)
    | undefined;
  /** Whether to exchange peers with others (BEP 11). @default {true} */
  readonly pex?: boolean | undefined;
  /**
   * Options of our DHT node (BEP 5), which uses the port we listen on unless they
   * say otherwise. Never used for private torrents.
   *
   * @default {false}
   */
  readonly dht?: MainlineDhtOptions | false | undefined;
  /**
   * Options of local peer discovery (BEP 14). Never used for private torrents.
   * If it is not available, the session works without it.
   *
   * @default {false}
   */
  readonly lpd?: LocalDiscoveryOptions | false | undefined;
  /**
   * Options of port mapping (PCP, NAT-PMP, UPnP): the gateway is asked to forward
   * a port to us, which is then announced to trackers, DHT and peers instead of
   * ours. Not used when listening on loopback.
   *
   * @default {false}
   */
  readonly portMap?:
    | Partial<Omit<PortMapperOptions, "ports">>
    | false
    | undefined;
  /** Additional sources of peers; never used for private torrents. @default {[]} */
  readonly discovery?: readonly PeerDiscovery[] | undefined;
  /** Bytes that may wait to be written, for all torrents. @default {67108864} */
  readonly maxBufferedBytes?: number | undefined;
  /** Size of the read cache for all torrents, in bytes. @default {33554432} */
  readonly readCacheBytes?: number | undefined;
  /** Name and version that peers see. @default {the package's} */
  readonly clientVersion?: string | undefined;
  /**
   * How connections are made and accepted. A peer is dialled with the first; if
   * that fails or takes 300 ms, with the next as well. The first finished handshake
   * wins. All of them listen.
   *
   * @default {[tcpTransport]} and uTP as `utp` says
   */
  readonly transports?: readonly ByteTransport[] | undefined;
  /**
   * How to use uTP (BEP 29): `"accept"` incoming connections only, `"both"` to also
   * dial with it, beside TCP, or `"off"`. It uses the UDP port with the number of
   * the TCP one, shared with the DHT. Ignored if `transports` are given.
   *
   * @default {"both"}
   */
  readonly utp?: "accept" | "both" | "off" | undefined;
  /**
   * Whether to encrypt connections to peers. By default they are dialled encrypted
   * first, as some peers accept nothing else.
   *
   * @default {"prefer"}
   */
  readonly encryption?: EncryptionPolicy | undefined;
  /**
   * Which peers are accepted and dialled; can be changed at any time.
   *
   * @default {everybody}
   */
  readonly filter?: HandshakeFilters | undefined;
  /**
   * Addresses to block: peers in both directions, DHT nodes, trackers, web seeds.
   * `Session.blocklist` changes it.
   *
   * @default {nobody}
   */
  readonly blocklist?: IpSet | undefined;
  /**
   * A proxy for everything in `proxyFor`, including the resolution of names. What
   * it cannot carry is not used. If it is for peers, there is no local discovery,
   * we listen only if `listen` is given, and the port is never announced. A block
   * list cannot be applied to host names, as the proxy resolves them.
   *
   * @default {none}
   */
  readonly proxy?: Proxy | undefined;
  /**
   * An IP address or the name of an interface to use for all traffic, including
   * that to the proxy. There is no traffic while it is gone, which is checked every
   * second. Names are resolved by the system's resolver, whatever its route. Needs
   * `--allow-sys=networkInterfaces`. A hostname of `listen` then only chooses the IP
   * version; transports of your own are not bound.
   *
   * @default {whatever the system chooses}
   */
  readonly bind?: string | undefined;
  /** What to use the proxy for. @default {everything} */
  readonly proxyFor?: readonly ProxyPurpose[] | undefined;
  /**
   * Hides our client and version: a random peer id, no local discovery, no port
   * mapping. It does not hide our address; a proxy does.
   *
   * @default {false}
   */
  readonly anonymous?: boolean | undefined;
  /** Replaces the built-in client of HTTP trackers. */
  readonly httpTracker?: TrackerClient | undefined;
  /** Replaces the built-in client of UDP trackers. */
  readonly udpTracker?: TrackerClient | undefined;
  /** Clock to use. @default {the system's} */
  readonly clock?: Clock | undefined;
  /** Source of randomness. @default {the system's} */
  readonly random?: RandomSource | undefined;
  /** Closes the session when it fires. */
  readonly signal?: AbortSignal | undefined;
}
