/**
 * A session on a host of a simulated swarm.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import type { ByteConnection } from "../_shared/byte_conn.ts";
import type { Session } from "../client/session.ts";
import type { Torrent } from "../client/torrent.ts";
import type {
  AddTorrentOptions,
  SessionOptions,
  TorrentEvent,
} from "../client/types.ts";
import { MemoryFileSystem } from "../disk/memory_file_system.ts";
import type { AnnounceAudit } from "./audit/announce_audit.ts";
import type { WireTotals, WireTruth } from "./audit/wire_audit.ts";
import { truthOf } from "./audit/wire_truth.ts";
import type { SimTorrent } from "./sim_torrent.ts";

/** Options of {@linkcode SwarmWorld.host}, beside those of its session. */
export interface SimHostOptions extends SessionOptions {
  /** Changes each connection that this host opens or accepts. */
  readonly wrap?: (connection: ByteConnection) => ByteConnection;
  /** Whether dialling an address fails. */
  readonly refuses?: (remote: Endpoint) => boolean;
  /** Where it stores content. @default an empty file system */
  readonly files?: MemoryFileSystem;
  /** Its IP address. @default one that nobody has */
  readonly hostname?: string;
}

/** A session on a host of its own; {@linkcode SwarmWorld.host} makes it. */
export class SimHost {
  /** The session. */
  readonly session: Session;
  /** Where it stores content. */
  readonly files: MemoryFileSystem;
  /** What went over its connections. */
  readonly wire: WireTotals;
  /** What it told trackers. */
  readonly announces: AnnounceAudit;
  /** Events of its torrents. */
  readonly events: TorrentEvent[] = [];
  /**
   * What is stored, by info-hash as hex: what the host tells is held against
   * it. To be cleared by a test that damages content itself.
   */
  readonly truths: Map<string, WireTruth>;

  /**
   * Joins the parts of a host.
   *
   * @param session The session.
   * @param files Where it stores content.
   * @param wire Totals of its connections.
   * @param announces What it tells trackers.
   * @param truths What is stored, by info-hash as hex.
   */
  constructor(
    session: Session,
    files: MemoryFileSystem,
    wire: WireTotals,
    announces: AnnounceAudit,
    truths: Map<string, WireTruth>,
  ) {
    this.session = session;
    this.files = files;
    this.wire = wire;
    this.announces = announces;
    this.truths = truths;
  }

  /** Where it listens. */
  get address(): Endpoint {
    return this.session.local!;
  }

  /** The torrent that was added first. */
  get torrent(): Torrent {
    return this.session.torrents[0]!;
  }

  /**
   * Adds a torrent whose content goes to the host's file system.
   *
   * @param torrent The torrent.
   * @param options See `AddTorrentOptions`.
   * @returns The session's torrent.
   */
  add(torrent: SimTorrent, options: AddTorrentOptions = {}): Torrent {
    return this.#add(torrent.bytes, torrent, options);
  }

  /**
   * Adds a torrent by a link.
   *
   * @param link The magnet link.
   * @param torrent The torrent it leads to.
   * @param options See `AddTorrentOptions`.
   * @returns The session's torrent.
   */
  addMagnet(
    link: string,
    torrent: SimTorrent,
    options: AddTorrentOptions = {},
  ): Torrent {
    return this.#add(link, torrent, options);
  }

  #add(
    source: string | Uint8Array,
    torrent: SimTorrent,
    options: AddTorrentOptions,
  ): Torrent {
    const { fileSystem = this.files } = options;
    if (fileSystem instanceof MemoryFileSystem) {
      const { infoHashV1, infoHashV2Truncated } = torrent.metainfo;
      const truth = truthOf(torrent, fileSystem);
      for (const hash of [infoHashV1, infoHashV2Truncated]) {
        if (hash !== undefined) this.truths.set(hash.toHex(), truth);
      }
    }
    return this.watch(
      this.session.add(source, { fileSystem: this.files, ...options }),
    );
  }

  /**
   * Notes every event of a torrent that was added to the session itself.
   *
   * @param torrent The torrent.
   * @returns The same.
   */
  watch(torrent: Torrent): Torrent {
    void (async () => {
      for await (const event of torrent.events()) this.events.push(event);
    })();
    return torrent;
  }

  /**
   * Looks for peers by what became of them.
   *
   * @param state What became of them.
   * @returns IP addresses, one for each event.
   */
  peersIn(state: "banned" | "connected" | "disconnected" | "failed"): string[] {
    return this.events.flatMap((event) =>
      "address" in event && event.type === `peer-${state}`
        ? [event.address.hostname]
        : []
    );
  }
}
