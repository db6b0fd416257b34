/**
 * A BitTorrent session: torrents, and what they share.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import { toHex } from "../_shared/bytes.ts";
import { systemClock } from "../_shared/clock.ts";
import { randomInt, systemRandom } from "../_shared/random.ts";
import { DiskBudget } from "../disk/budget.ts";
import { DiskManager } from "../disk/manager.ts";
import { NativeFileSystem } from "../disk/native_file_system.ts";
import type { FileSystem } from "../disk/file_system.ts";
import { ExtensionBits } from "../handshake/extension_bits.ts";
import { Handshaker } from "../handshake/handshaker.ts";
import { createPeerId } from "../handshake/peer_id.ts";
import type { HandshakeEvent } from "../handshake/event.ts";
import type { HandshakerStats } from "../handshake/handshaker_options.ts";
import { parseMetainfo } from "../metainfo/parse.ts";
import { cleanMagnetText, parseMagnet } from "../metainfo/parse_magnet.ts";
import type { Magnet } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { checkAddOptions, checkSessionOptions } from "./check_options.ts";
import { SessionError } from "./error.ts";
import { EventHub } from "./event_hub.ts";
import type { EventQueue } from "../_shared/event_queue.ts";
import type { MainlineDht } from "../dht/mod.ts";
import { RateLimiter } from "./rate_limiter.ts";
import { openServices, type SessionServices } from "./session_services.ts";
import type { SessionContext } from "./session_context.ts";
import { makeTorrent, type Torrent } from "./torrent.ts";
import { TorrentLife } from "./torrent_life.ts";
import type { TorrentSource } from "./torrent_services.ts";
import {
  defaultTrackerClients,
  type TrackerClients,
} from "./tracker_clients.ts";
import type {
  AddTorrentOptions,
  SessionOptions,
  TorrentEvent,
} from "./types.ts";

/** Name and version told to peers. */
export const CLIENT_VERSION = "bip 0.1.0";

/** Extensions that every connection may use. */
const EXTENSIONS = ExtensionBits.of("extension-protocol", "fast");

/** What can be added to a session. */
export type AddSource =
  /** Bytes of a torrent file. */
  | Uint8Array
  /** A magnet link, or an info-hash of 40 or 64 hex digits. */
  | string
  | Metainfo
  | Magnet;

/** What a session tells. */
export type SessionEvent =
  | { readonly type: "added"; readonly torrent: Torrent }
  | { readonly type: "removed"; readonly torrent: Torrent }
  | {
    readonly type: "torrent";
    readonly torrent: Torrent;
    /** What the torrent told. */
    readonly event: TorrentEvent;
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
}

/** A disk manager that torrents share. */
interface SharedDisk {
  readonly disk: DiskManager;
  torrents: number;
}

function sourceOf(source: AddSource): TorrentSource {
  if (source instanceof Uint8Array) return { metainfo: parseMetainfo(source) };
  if (typeof source === "string") {
    const clean = cleanMagnetText(source);
    const text = /^[0-9a-f]{40}$/i.test(clean)
      ? `magnet:?xt=urn:btih:${clean}`
      : /^[0-9a-f]{64}$/i.test(clean)
      ? `magnet:?xt=urn:btmh:1220${clean}`
      : clean;
    return { magnet: parseMagnet(text) };
  }
  return "infoBytes" in source ? { metainfo: source } : { magnet: source };
}

function placeOf({ fileSystem, dir }: AddTorrentOptions): string | FileSystem {
  return fileSystem ?? dir ?? ".";
}

/** What many sockets bring at once must not be more than there is room for. */
function readBytes(maxBufferedBytes = 64 * 1024 * 1024): number {
  return Math.max(16_384, Math.min(524_288, maxBufferedBytes / 128));
}

/** The hashes that peers may call it by, as hex; v2 ones cut to 20 bytes. */
function hashesOf(topic: Metainfo | Magnet): string[] {
  return [topic.infoHashV1, topic.infoHashV2].flatMap((hash) =>
    hash === undefined ? [] : [toHex(hash.subarray(0, 20))]
  );
}

/**
 * Downloads and seeds torrents.
 *
 * @example
 * ```ts ignore
 * import { Session } from "@bip/bip/client";
 *
 * await using session = await Session.open();
 * const torrent = await session.add(await Deno.readFile("a.torrent"), {
 *   dir: "downloads",
 * });
 * await torrent.completed;
 * ```
 */
export class Session implements AsyncDisposable {
  readonly #torrents = new Map<TorrentLife, Torrent>();
  /** By each hash that peers may call them by, as hex. */
  readonly #byHash = new Map<string, TorrentLife>();
  /** Those that are ticked. */
  readonly #busy = new Set<TorrentLife>();
  readonly #hub: EventHub<SessionEvent> = new EventHub();
  /** Disk managers, and how many torrents are stored there. */
  readonly #disks = new Map<string | FileSystem, SharedDisk>();
  readonly #budget: DiskBudget;
  readonly #context: SessionContext;
  readonly #handshaker: Handshaker;
  readonly #services: SessionServices;
  readonly #trackers: TrackerClients;
  readonly #loop: Promise<void>;
  readonly #options: SessionOptions;
  readonly #onAbort: () => void;
  #cancelTick: () => void;
  #closing: Promise<void> | undefined;

  private constructor(
    handshaker: Handshaker,
    options: SessionOptions,
    services: SessionServices,
  ) {
    const { clock = systemClock, random = systemRandom } = options;
    const limiter = (rate: number | undefined) =>
      new RateLimiter({ clock, bytesPerSecond: rate ?? Infinity });
    const trackers = defaultTrackerClients(options);
    this.#trackers = trackers;
    this.#options = options;
    this.#budget = new DiskBudget(options);
    this.#services = services;
    this.#handshaker = handshaker;
    this.#context = {
      clock,
      random,
      handshaker,
      downloadLimit: limiter(options.downloadLimit),
      uploadLimit: limiter(options.uploadLimit),
      trackerKey: randomInt(random, 0x100000000),
      clientVersion: options.clientVersion ?? CLIENT_VERSION,
      maxPeersPerTorrent: options.maxPeersPerTorrent ?? 100,
      maxReadBytes: readBytes(options.maxBufferedBytes),
      pex: options.pex ?? true,
      trackers: options.trackers ?? true,
      discovery: [...services.sources, ...options.discovery ?? []],
      privateExtensions: EXTENSIONS,
      dhtPort: services.dht?.localEndpoints[0]?.port,
      onDhtNode: (node) => services.dht?.addNode(node),
      hasRoom: () => this.peerCount < (options.maxPeers ?? 500),
      disk: (where) => this.#share(where).disk,
      trackerFor: (url) => trackers.clientFor(url),
      connect: (candidate) =>
        void handshaker.dial(candidate).then((event) => this.#route(event)),
    };
    this.#loop = this.#accept();
    this.#cancelTick = this.#scheduleTick();
    // Who calls close() gets to know what went wrong.
    this.#onAbort = () => void this.close().catch(() => {});
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /**
   * Opens a session: binds the listening port. Needs `--allow-net`, and for
   * torrents in folders `--allow-read` and `--allow-write` of these.
   *
   * @param options See {@linkcode SessionOptions}.
   * @returns The session.
   * @throws {RangeError} If an option makes no sense. Whatever the system says
   * when the port cannot be bound; the reason of the signal if it was aborted.
   */
  static async open(options: SessionOptions = {}): Promise<Session> {
    checkSessionOptions(options);
    options.signal?.throwIfAborted();
    const { random = systemRandom } = options;
    const handshaker = await Handshaker.open({
      peerId: options.peerId ?? createPeerId(random),
      extensions: options.dht ? EXTENSIONS.with("dht") : EXTENSIONS,
      listen: options.listen ?? { hostname: "0.0.0.0", port: 0 },
      random,
      transports: options.transports,
      filters: options.filter,
      ...(options.clock ? { clock: options.clock } : {}),
    });
    try {
      const services = await openServices(options, handshaker.local);
      return new Session(handshaker, options, services);
    } catch (error) {
      await handshaker.close();
      throw error;
    }
  }

  /** Where peers can connect to, if anywhere. */
  get local(): Endpoint | undefined {
    return this.#handshaker.local;
  }

  /** Our 20-byte peer id. */
  get peerId(): Uint8Array {
    return this.#handshaker.peerId;
  }

  /** Our node of the DHT, if there is one. */
  get dht(): MainlineDht | undefined {
    return this.#services.dht;
  }

  /** The torrents. */
  get torrents(): readonly Torrent[] {
    return [...this.#torrents.values()];
  }

  /** Connected peers of all torrents. */
  get peerCount(): number {
    let count = 0;
    for (const { network } of this.#busy) count += network.swarm.peers.size;
    return count;
  }

  /** Bytes a second over all torrents; `Infinity` for no limit. */
  get downloadLimit(): number {
    return this.#context.downloadLimit.rate;
  }
  set downloadLimit(bytesPerSecond: number) {
    this.#context.downloadLimit.rate = bytesPerSecond;
  }

  /** Bytes a second over all torrents; `Infinity` for no limit. */
  get uploadLimit(): number {
    return this.#context.uploadLimit.rate;
  }
  set uploadLimit(bytesPerSecond: number) {
    this.#context.uploadLimit.rate = bytesPerSecond;
  }

  /**
   * Adds a torrent; it starts at once unless told not to.
   *
   * @param source What to add.
   * @param options See {@linkcode AddTorrentOptions}.
   * @returns The torrent, which may still be checking what is on disk.
   * @throws {RangeError} If an option makes no sense.
   * @throws {MetainfoError | MagnetError} If the source is no torrent or link.
   * @throws {SessionError} `duplicate` if it is here already, `closed`.
   */
  add(source: AddSource, options: AddTorrentOptions = {}): Torrent {
    if (this.#closing !== undefined) {
      throw new SessionError("closed", "The session is closed");
    }
    checkAddOptions(options);
    const parsed = sourceOf(source);
    const topic = "metainfo" in parsed ? parsed.metainfo : parsed.magnet;
    if (hashesOf(topic).some((hash) => this.#byHash.has(hash))) {
      throw new SessionError(
        "duplicate",
        `Torrent ${toHex(topic.infoHash)} is here already`,
      );
    }
    const where = placeOf(options);
    this.#share(where).torrents++;
    const life = new TorrentLife(this.#context, parsed, options, {
      busy: (life) => this.#busy.add(life),
      described: (life, metainfo) => this.#file(life, metainfo),
      closed: (life) => this.#forget(life, where),
      happened: (life, event) => {
        if (this.#hub.idle) return;
        const torrent = this.#torrents.get(life);
        if (torrent) this.#hub.publish({ type: "torrent", torrent, event });
      },
    });
    const torrent = makeTorrent(life);
    this.#torrents.set(life, torrent);
    this.#file(life, topic);
    this.#hub.publish({ type: "added", torrent });
    return torrent;
  }

  /**
   * Subscribes to what happens to all torrents from now on.
   *
   * @returns A bounded queue to iterate over; it ends with the session.
   */
  events(): EventQueue<SessionEvent> {
    return this.#hub.subscribe();
  }

  /**
   * Looks a torrent up.
   *
   * @param infoHash Any of its hashes; of a v2 hash 20 bytes do.
   * @returns The torrent, or `undefined`.
   */
  get(infoHash: Uint8Array): Torrent | undefined {
    const life = this.#byHash.get(toHex(infoHash.subarray(0, 20)));
    return life && this.#torrents.get(life);
  }

  /**
   * Removes a torrent.
   *
   * @param torrent Which one.
   * @param options Whether to delete its files.
   * @returns A promise that resolves when it is closed.
   */
  async remove(
    torrent: Torrent,
    options: { readonly deleteFiles?: boolean } = {},
  ): Promise<void> {
    await torrent.close(options);
  }

  /**
   * Reads the figures of the moment.
   *
   * @returns A snapshot.
   */
  stats(): SessionStats {
    return {
      torrents: this.#torrents.size,
      peers: this.peerCount,
      bufferedBytes: this.#budget.bufferedBytes,
      handshakes: this.#handshaker.stats(),
    };
  }

  /**
   * Closes everything: trackers are told, pieces written, sockets and files
   * closed. Idempotent.
   *
   * @returns A promise that resolves when nothing is left open.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** Same as {@linkcode Session.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#cancelTick();
    const results = await Promise.allSettled(
      this.torrents.map((torrent) => torrent.close()),
    );
    await this.#trackers.close();
    await this.#services.close();
    await this.#handshaker.close();
    await this.#loop;
    this.#context.downloadLimit.close();
    this.#context.uploadLimit.close();
    this.#hub.close();
    const failures = results.filter((result) => result.status === "rejected")
      .map((result) => result.reason);
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) {
      throw new AggregateError(failures, "Cannot close every torrent cleanly");
    }
  }

  /** Finds a torrent by these hashes from now on. */
  #file(life: TorrentLife, topic: Metainfo | Magnet): void {
    for (const hash of hashesOf(topic)) {
      if (!this.#byHash.has(hash)) this.#byHash.set(hash, life);
    }
  }

  /** Lets go of a torrent, and of the disk that it was the last to use. */
  async #forget(life: TorrentLife, where: string | FileSystem): Promise<void> {
    const torrent = this.#torrents.get(life)!;
    this.#torrents.delete(life);
    this.#busy.delete(life);
    for (const topic of [life.topic, life.metainfo]) {
      for (const hash of topic === undefined ? [] : hashesOf(topic)) {
        if (this.#byHash.get(hash) === life) this.#byHash.delete(hash);
      }
    }
    this.#hub.publish({ type: "removed", torrent });
    const shared = this.#disks.get(where);
    if (shared === undefined || --shared.torrents > 0) return;
    this.#disks.delete(where);
    await shared.disk.close();
  }

  #share(where: string | FileSystem): SharedDisk {
    let shared = this.#disks.get(where);
    if (shared === undefined) {
      const { clock } = this.#options;
      const disk = new DiskManager({
        fileSystem: typeof where === "string"
          ? new NativeFileSystem(where)
          : where,
        budget: this.#budget,
        clock,
      });
      this.#disks.set(where, shared = { disk, torrents: 0 });
    }
    return shared;
  }

  /** Hands finished handshakes to their torrents. */
  async #accept(): Promise<void> {
    for await (const event of this.#handshaker) this.#route(event);
  }

  #route(event: HandshakeEvent): void {
    const infoHash = event.type === "connected"
      ? event.infoHash
      : event.candidate?.infoHash;
    const life = infoHash && this.#byHash.get(toHex(infoHash));
    if (event.type === "failed") life?.failed(event);
    else if (life === undefined) event.connection.close();
    else life.attach(event);
  }

  #scheduleTick(): () => void {
    const { clock } = this.#context;
    return clock.schedule(clock.now() + 1000, () => {
      if (this.#closing !== undefined) return;
      const now = clock.now();
      for (const life of this.#busy) {
        if (!life.tick(now)) this.#busy.delete(life);
      }
      this.#cancelTick = this.#scheduleTick();
    });
  }
}
