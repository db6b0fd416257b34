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
  /** Fetches the info dictionary from peers (BEP 9). */
  | "metadata"
  /** Checks what is on disk. */
  | "checking"
  | "downloading"
  /** Has everything that is wanted. */
  | "seeding"
  | "paused"
  /** Stopped by an error; `resume()` tries again. */
  | "error"
  | "removed";

/** What a torrent tells. */
export type TorrentEvent =
  | { readonly type: "state"; readonly state: TorrentState }
  | { readonly type: "metadata"; readonly metainfo: Metainfo }
  | {
    readonly type: "checking";
    /** Pieces looked at. */
    readonly checked: number;
    /** Pieces in all. */
    readonly total: number;
  }
  /** Space is taken for files, before anything is fetched. */
  | ({ readonly type: "reserving" } & ReserveProgress)
  | {
    readonly type: "piece";
    readonly pieceIndex: number;
    /** Whether it passed its hash check. */
    readonly good: boolean;
  }
  | {
    /** A peer is there or gone, could not be reached, or is not let in again. */
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
    /** Peers told, or what went wrong. */
    readonly peers?: number | undefined;
    readonly error?: string | undefined;
  }
  | {
    /** Something is not as it should be; the torrent goes on. */
    readonly type: "warning";
    /**
     * `surplus`: files are longer than the torrent says; they are cut where
     * they may be written. `lost`: files are gone, damaged or shorter than they
     * should be; pieces of them are not served, and fetched again unless nothing is
     * to be written. `resume-data`: it could not be kept.
     */
    readonly code: "surplus" | "lost" | "resume-data";
    /** One line. */
    readonly message: string;
    /** Which files, at most ten of them. */
    readonly files: readonly string[];
  }
  | {
    /** Files lie under other names than the torrent says. */
    readonly type: "renamed";
    /** Which, and where. */
    readonly files: readonly RenamedFile[];
  }
  /** Everything that is wanted is there. */
  | { readonly type: "complete" }
  | { readonly type: "error"; readonly error: Error };

/** Options of `Torrent.events` and `Session.events`. */
export interface EventsOptions {
  /** Ends the events; those that have happened by then are still delivered. */
  readonly signal?: AbortSignal | undefined;
}

/** A snapshot of a torrent. All sizes in bytes, rates in bytes a second. */
export interface TorrentStats {
  /** What it is doing. */
  readonly state: TorrentState;
  /** Payload bytes that are wanted. */
  readonly wantedBytes: number;
  /** Wanted bytes that are verified. */
  readonly doneBytes: number;
  /** Payload received, whether good or not; that of earlier runs counts. */
  readonly downloadedBytes: number;
  /** Payload sent; that of earlier runs counts. */
  readonly uploadedBytes: number;
  /** Payload received twice, unasked or bad. */
  readonly wastedBytes: number;
  /** Payload received, in bytes a second. */
  readonly downloadRate: number;
  /** Payload sent, in bytes a second. */
  readonly uploadRate: number;
  /** Pieces in all; 0 while the description is unknown. */
  readonly pieceCount: number;
  /** Verified pieces. */
  readonly piecesDone: number;
  /** Connected peers. */
  readonly peers: number;
  /** Connected peers that have everything. */
  readonly seeds: number;
  /** Peers known, connected or not. */
  readonly candidates: number;
  /** Attempts to connect under way. */
  readonly connecting: number;
  /** Milliseconds to completion at the present rate, where it can be told. */
  readonly etaMs: number | undefined;
}

/** Options of `Session.add`. */
export interface AddTorrentOptions extends PolicyOptions, FileOptions {
  /** Folder that holds, or will hold, the torrent's top-level name. @default {"."} */
  readonly dir?: string | undefined;
  /**
   * Where to store instead of a folder. Closed when the last torrent that is
   * stored in it is removed.
   */
  readonly fileSystem?: FileSystem | undefined;
  /**
   * Where pieces go instead of into files; before `fileSystem` and `dir`.
   *
   * @default {the session's, unless a folder or file system is named}
   */
  readonly storage?: PieceStorage | undefined;
  /**
   * Folder that the files move to when all that is wanted is there, before the
   * torrent counts as complete. Something that lies there already stops the
   * torrent. See {@linkcode incompletePlace}.
   *
   * @default {they stay}
   */
  readonly completeDir?: string | undefined;
  /** Do not start yet. @default {false} */
  readonly paused?: boolean | undefined;
  /** The data is complete; trust it unseen. @default {false} */
  readonly seedMode?: boolean | undefined;
  /**
   * Whether files may be overwritten that lie where the torrent's files go and
   * cannot be part of it. Otherwise the torrent stops with a `DiskError` of code
   * `foreign-file` that names them.
   *
   * @default {false}
   */
  readonly overwrite?: boolean | undefined;
  /** Never write: for seeding what is checked first. @default {false} */
  readonly readOnly?: boolean | undefined;
  /** What an earlier run left; distrusted. */
  readonly resumeData?: Uint8Array | undefined;
  /** Called when new resume data should be kept; at most every few seconds. */
  readonly saveResumeData?: ((data: Uint8Array) => Promise<void>) | undefined;
  /**
   * Files to fetch, by index, pad files counted. One that is not there stops the
   * torrent with a `RangeError`.
   *
   * @default {those that a magnet link's `so` names (BEP 53), else all}
   */
  readonly files?: readonly number[] | undefined;
  /**
   * Chooses the files when the metadata is known, as for magnet links. Not
   * asked when `files` is given; a magnet link's `so` does not count then.
   *
   * @param metainfo The torrent.
   * @returns Indices of the files to fetch, or `undefined` for all.
   */
  readonly chooseFiles?:
    | ((metainfo: Metainfo) => readonly number[] | undefined)
    | undefined;
  /** By file index: 0 (left out) to 7 (first). @default {4 for each} */
  readonly filePriorities?: readonly number[] | undefined;
  /**
   * Priorities of single pieces: index and 0 (left out) to 7 (first).
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
   * Fetch pieces in order, a number: from that piece on, the others last;
   * `strategy` goes before.
   *
   * @default {false}
   */
  readonly sequential?: boolean | number | undefined;
  /** First and last piece of each file before the others. @default {false} */
  readonly firstLastPieces?: boolean | undefined;
  /** Peers to try first. @default {[]} */
  readonly peers?: readonly Endpoint[] | undefined;
  /** Peers of an earlier run, no better than others. @default {[]} */
  readonly savedPeers?: readonly Endpoint[] | undefined;
  /** More announce URLs, in tiers or each a tier of its own. @default {[]} */
  readonly trackers?:
    | readonly (string | readonly string[])[]
    | undefined;
  /** Whether these are used instead of the torrent's own. @default {false} */
  readonly replaceTrackers?: boolean | undefined;
  /**
   * More web seeds (BEP 19): http or https URLs, which may lead anywhere. Those of
   * the torrent itself may lead to public addresses only.
   *
   * @default {[]}
   */
  readonly webSeeds?: readonly string[] | undefined;
  /** Bytes a second. @default {Infinity} */
  readonly downloadLimit?: number | undefined;
  /** Bytes a second. @default {Infinity} */
  readonly uploadLimit?: number | undefined;
  /** Most connections. @default {the session's} */
  readonly maxPeers?: number | undefined;
  /** Payload received in earlier runs, for the figures. @default {0} */
  readonly downloadedBytes?: number | undefined;
  /** Payload sent in earlier runs, for the figures. @default {0} */
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

/** What is thought of a source of candidates. */
export interface CandidateSourceTraits {
  /**
   * How good its word is, from 0. 0 is for what a person names: dialled first,
   * never given up, in any number. Each step further halves its turns.
   */
  readonly rank: number;
  /** Part of a torrent's list that it may fill, from 0 to 1. */
  readonly share: number;
  /** Whether private torrents must not use it (BEP 27). */
  readonly isOpen: boolean;
  /** Whether it is ours or a person's own: it may name any address and port. */
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
   * What is thought of it, for names of your own. Unless it says `isTrusted`,
   * names of hosts, local addresses and ports of other services are passed over.
   *
   * @default {a stranger's word}
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
   * Tells whether we have all of it by now, and other seeds are of no use.
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
   * Where to listen; `false` for not at all. Without a hostname it is all
   * addresses of IPv6 and IPv4 on one port, or of IPv4 where there is no IPv6;
   * port 0 picks one.
   *
   * @default {{ port: 0 }}
   */
  readonly listen?: ListenAddress | readonly Endpoint[] | false | undefined;
  /** Our 20-byte peer id. @default {a random one} */
  readonly peerId?: Uint8Array | undefined;
  /** Where pieces go of torrents that name no place. @default {files} */
  readonly storage?: PieceStorage | undefined;
  /** Most connections of all torrents. @default {500} */
  readonly maxPeers?: number | undefined;
  /** Most connections of one torrent. @default {100} */
  readonly maxPeersPerTorrent?: number | undefined;
  /** Bytes a second over all torrents. @default {Infinity} */
  readonly downloadLimit?: number | undefined;
  /** Bytes a second over all torrents. @default {Infinity} */
  readonly uploadLimit?: number | undefined;
  /** Whether trackers are asked. @default {true} */
  readonly trackers?: boolean | undefined;
  /** Whether web seeds are asked (BEP 19). @default {true} */
  readonly webSeeds?: boolean | undefined;
  /** Instead of the built-in `fetch`, for web seeds. */
  readonly fetch?:
    | ((url: URL, init: RequestInit) => Promise<Response>)
    | undefined;
  /** Whether peers are exchanged with peers (BEP 11). @default {true} */
  readonly pex?: boolean | undefined;
  /**
   * Options of a DHT node of our own (BEP 5), on the port we listen on unless
   * they say otherwise. Never used for private torrents.
   *
   * @default {false}
   */
  readonly dht?: MainlineDhtOptions | false | undefined;
  /**
   * Options of local peer discovery (BEP 14). Never used for private torrents.
   * Where it is not available the session does without.
   *
   * @default {false}
   */
  readonly lpd?: LocalDiscoveryOptions | false | undefined;
  /**
   * Options of port mapping (PCP, NAT-PMP, UPnP): the gateway is asked to lead
   * strangers to us, and its port is told to trackers, DHT and peers instead of
   * ours. Nothing is asked for what listens on loopback.
   *
   * @default {false}
   */
  readonly portMap?:
    | Partial<Omit<PortMapperOptions, "ports">>
    | false
    | undefined;
  /** Further sources of peers; never used for private torrents. @default {[]} */
  readonly discovery?: readonly PeerDiscovery[] | undefined;
  /** Bytes that may wait to be written, over all torrents. @default {67108864} */
  readonly maxBufferedBytes?: number | undefined;
  /** Bytes of served pieces kept, over all torrents. @default {33554432} */
  readonly readCacheBytes?: number | undefined;
  /** Name and version told to peers. @default {the package's} */
  readonly clientVersion?: string | undefined;
  /**
   * How connections are made and accepted: a peer is dialled by the first, then
   * by the next where that fails or takes 300 ms, and the first finished
   * handshake counts. All of them listen.
   *
   * @default {[tcpTransport]} and uTP as `utp` says
   */
  readonly transports?: readonly ByteTransport[] | undefined;
  /**
   * Whether peers may come by uTP (BEP 29), on the UDP port that has the number
   * of the TCP one and is shared with the DHT: `"accept"` what comes, dial by it
   * `"both"` ways, beside TCP, or `"off"`. Of no use where `transports` are given.
   *
   * @default {"both"}
   */
  readonly utp?: "accept" | "both" | "off" | undefined;
  /**
   * Whether connections to peers are encrypted. By default they are dialled
   * encrypted first, as some peers take nothing else.
   *
   * @default {"prefer"}
   */
  readonly encryption?: EncryptionPolicy | undefined;
  /**
   * Who may shake hands, such as all but a block list; can be changed at any
   * time.
   *
   * @default {everybody}
   */
  readonly filter?: HandshakeFilters | undefined;
  /**
   * Addresses that we have nothing to do with: peers both ways, nodes of the
   * DHT, trackers, web seeds. `Session.blocklist` changes it.
   *
   * @default {nobody}
   */
  readonly blocklist?: IpSet | undefined;
  /**
   * A proxy that nothing for `proxyFor` goes round, names included: what it
   * cannot carry is left out. With peers behind it there is no local discovery,
   * nothing is listened on unless `listen` is given, and nobody is told where. Blocked addresses behind names are not
   * noticed, as the proxy resolves them.
   *
   * @default {none}
   */
  readonly proxy?: Proxy | undefined;
  /**
   * An IP address, or the name of an interface: everything is dialled, asked and
   * listened for from there only, the proxy as well, and nothing while it is gone,
   * which is looked at every second. Names are resolved by the system wherever its
   * resolver is. It needs `--allow-sys=networkInterfaces`; a hostname of `listen`
   * then only chooses the IP version, and `transports` are yours to bind.
   *
   * @default {whatever the system chooses}
   */
  readonly bind?: string | undefined;
  /** What goes through the proxy. @default {everything} */
  readonly proxyFor?: readonly ProxyPurpose[] | undefined;
  /**
   * Tells nobody our client and version, with a random peer id, and without local
   * discovery and port mapping. It does not hide our address; a proxy does.
   *
   * @default {false}
   */
  readonly anonymous?: boolean | undefined;
  /** Instead of the built-in HTTP client. */
  readonly httpTracker?: TrackerClient | undefined;
  /** Instead of the built-in UDP client. */
  readonly udpTracker?: TrackerClient | undefined;
  /** Clock to use. @default {the system's} */
  readonly clock?: Clock | undefined;
  /** Source of randomness. @default {the system's} */
  readonly random?: RandomSource | undefined;
  /** Closes the session. */
  readonly signal?: AbortSignal | undefined;
}
