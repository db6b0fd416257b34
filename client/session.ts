/**
 * A BitTorrent session: torrents, and what they share.
 *
 * @module
 */
import { onAborted } from "../_shared/abort.ts";
import { type Endpoint, formatEndpoint } from "../_shared/address.ts";
import { toHex } from "../_shared/bytes.ts";
import { EventHub } from "../_shared/event_queue.ts";
import type { Handshaker } from "../handshake/handshaker.ts";
import type { IpSet } from "../handshake/ip_set.ts";
import { openPrivacy, type Privacy } from "./session/privacy.ts";
import { AnnounceScheduler } from "./trackers/announce_scheduler.ts";
import {
  checkAddOptions,
  checkSessionOptions,
} from "./session/check_options.ts";
import { type AddSource, HashIndex, sourceOf } from "./torrent/add_source.ts";
import { SessionError } from "./error.ts";
import { placeOf } from "./content/open_storage.ts";
import { SessionDisks } from "./session/session_disks.ts";
import type {
  SessionEvent,
  SessionSnapshot,
  SessionStats,
} from "./session_view.ts";
import type { MainlineDht } from "../dht/mod.ts";
import type { PortMapper } from "../portmap/port_mapper.ts";
import { type LimitGroup, makeLimitGroup } from "./limit_group.ts";
import {
  openServices,
  type SessionServices,
} from "./session/session_services.ts";
import { PeerPlaces } from "./limits/peer_places.ts";
import { makeContext } from "./session/make_context.ts";
import { openHandshaker } from "./session/open_handshaker.ts";
import { followAddress, followPort } from "./session/told_port.ts";
import type { SessionContext } from "./content/session_context.ts";
import {
  restoreTorrent,
  type SavedSession,
  type SavedTorrent,
} from "./torrent/saved.ts";
import { makeTorrent, type Torrent } from "./torrent.ts";
import { TorrentLife, type TorrentOwner } from "./torrent/torrent_life.ts";
import { TrackerClients } from "./session/tracker_clients.ts";
import type {
  AddTorrentOptions,
  EventsOptions,
  SessionOptions,
} from "./types.ts";

/**
 * Downloads and seeds torrents. `downloadLimit`, `uploadLimit` and `blocklist`
 * can be set at any time.
 *
 * @example
 * ```ts ignore
 * import { Session } from "@bip/bip/client";
 *
 * await using session = await Session.open();
 * const torrent = session.add(await Deno.readFile("a.torrent"), {
 *   dir: "downloads",
 * });
 * await torrent.completed;
 * ```
 */
export class Session implements AsyncDisposable {
  readonly #torrents = new Map<TorrentLife, Torrent>();
  readonly #byHash = new HashIndex<TorrentLife>();
  /** Those that are ticked. */
  readonly #busy = new Set<TorrentLife>();
  readonly #hub: EventHub<SessionEvent> = new EventHub();
  readonly #disks: SessionDisks;
  /** What torrents tell us. */
  readonly #owner: TorrentOwner = {
    busy: (life) => this.#busy.add(life),
    described: (life, metainfo) => this.#byHash.add(metainfo, life),
    closed: (life) => this.#forget(life),
    happened: (life, event) => {
      if (this.#hub.idle) return;
      const torrent = this.#torrents.get(life);
      if (torrent) this.#hub.publish({ type: "torrent", torrent, event });
    },
  };
  readonly #context: SessionContext;
  readonly #handshaker: Handshaker;
  readonly #services: SessionServices;
  readonly #trackers: TrackerClients;
  readonly #loop: Promise<void>;
  readonly #mapped: Promise<void>;
  readonly #options: SessionOptions;
  readonly #privacy: Privacy;
  readonly #detachSignal: () => void;
  #cancelTick: () => void;
  readonly #closed = Promise.withResolvers<void>();
  #closing: Promise<void> | undefined;

  private constructor(
    handshaker: Handshaker,
    services: SessionServices,
    privacy: Privacy,
    places: PeerPlaces,
  ) {
    const { options } = privacy;
    const announces = new AnnounceScheduler(services.timers);
    this.#trackers = new TrackerClients(options, announces, privacy);
    this.#options = options;
    this.#privacy = privacy;
    this.#disks = new SessionDisks(options);
    this.#services = services;
    this.#handshaker = handshaker;
    this.#context = makeContext({
      privacy,
      handshaker,
      places,
      services,
      announces,
      trackers: this.#trackers,
      disks: this.#disks,
    });
    this.#loop = this.#accept();
    this.#mapped = followPort(
      services.mapper,
      this.#context,
      this.#torrents,
    );
    followAddress(privacy.bound, this.#torrents);
    this.#cancelTick = this.#scheduleTick();
    // Who calls close() gets to know what went wrong.
    this.#detachSignal = onAborted(
      options.signal,
      () => void this.close().catch(() => {}),
    );
  }

  /**
   * Opens a session: binds the listening port. Needs `--allow-net`, and for
   * torrents in folders `--allow-read` and `--allow-write` of these.
   *
   * @param chosen See {@linkcode SessionOptions}.
   * @returns The session.
   * @throws {RangeError} If an option makes no sense. Whatever the system says
   * when the port cannot be bound; the reason of the signal if it was aborted.
   */
  static async open(chosen: SessionOptions = {}): Promise<Session> {
    checkSessionOptions(chosen);
    const privacy = await openPrivacy(chosen);
    await using stack = new AsyncDisposableStack();
    stack.defer(() => privacy.close());
    privacy.options.signal?.throwIfAborted();
    const places = new PeerPlaces(privacy.options.maxPeers);
    const { handshaker, utp } = await openHandshaker(privacy, places);
    stack.defer(() => utp?.transport.close());
    stack.defer(() => handshaker.close());
    const services = await openServices(privacy, handshaker.local, utp);
    stack.defer(() => services.close());
    // One that has fired closes no session that is opened later.
    privacy.options.signal?.throwIfAborted();
    stack.move();
    return new Session(handshaker, services, privacy, places);
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

  /** What has the gateway lead strangers to us, if `portMap` asked for it. */
  get portMapper(): PortMapper | undefined {
    return this.#services.mapper;
  }

  /** Resolves when the session is closed and nothing is open; never rejects. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** The torrents. */
  get torrents(): readonly Torrent[] {
    return [...this.#torrents.values()];
  }

  /** Connected peers of all torrents. */
  get peerCount(): number {
    return this.#context.places.taken;
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

  /** Makes limits for torrents together, which have it as `limitedBy`. */
  limitGroup(): LimitGroup {
    return makeLimitGroup(this.#context);
  }

  /** Whom we have nothing to do with; peers on a new list are dropped. */
  get blocklist(): IpSet | undefined {
    return this.#privacy.blocklist.ips;
  }
  set blocklist(ips: IpSet | undefined) {
    this.#privacy.blocklist.ips = ips;
    for (const { network } of this.#torrents.keys()) {
      network.openSwarm?.dropBlocked();
    }
  }

  /**
   * Adds a torrent; it starts at once unless told not to.
   *
   * @param source What to add.
   * @param options See {@linkcode AddTorrentOptions}.
   * @returns The torrent, which may still be checking what is on disk.
   * @throws {RangeError} If an option makes no sense.
   * @throws {MetainfoError | MagnetError} If the source is no torrent or link.
   * @throws {SessionError} `duplicate` if it was already added, `closed`.
   */
  add(source: AddSource, options: AddTorrentOptions = {}): Torrent {
    if (this.#closing !== undefined) {
      throw new SessionError("closed", "The session is closed");
    }
    checkAddOptions(options);
    const topic = sourceOf(source);
    if (this.#byHash.has(topic)) {
      throw new SessionError(
        "duplicate",
        `Torrent ${toHex(topic.infoHash)} was already added`,
      );
    }
    this.#disks.use(placeOf(options, this.#options));
    const life = new TorrentLife(this.#context, topic, options, this.#owner);
    const torrent = makeTorrent(life);
    this.#torrents.set(life, torrent);
    this.#byHash.add(topic, life);
    this.#hub.publish({ type: "added", torrent });
    return torrent;
  }

  /**
   * Subscribes to what happens to all torrents from now on.
   *
   * @param options See {@linkcode EventsOptions}.
   * @returns Events, of which 4096 wait for a slow reader, the oldest lost
   * first. They end with the session, the signal, or when the loop is left.
   */
  events(options: EventsOptions = {}): AsyncIterable<SessionEvent> {
    return this.#hub.subscribe(options);
  }

  /**
   * Looks a torrent up.
   *
   * @param infoHash Any of its hashes; of a v2 hash 20 bytes do.
   * @returns The torrent, or `undefined`.
   */
  get(infoHash: Uint8Array): Torrent | undefined {
    const life = this.#byHash.get(infoHash);
    return life && this.#torrents.get(life);
  }

  /**
   * Describes the session and its torrents.
   *
   * @returns Plain JSON.
   */
  state(): SessionSnapshot {
    return {
      peerId: toHex(this.peerId),
      ...(this.local === undefined
        ? {}
        : { local: formatEndpoint(this.local) }),
      stats: this.stats(),
      torrents: this.torrents.map((torrent) => torrent.snapshot()),
    };
  }

  /**
   * Describes the session so that {@linkcode Session.restore} brings its
   * torrents back. What is there of incomplete pieces is written out first.
   *
   * @returns Plain JSON; it holds announce URLs, which may hold passkeys.
   * @throws {DiskError} If files cannot be looked at.
   */
  async save(): Promise<SavedSession> {
    const torrents: SavedTorrent[] = [];
    for (const torrent of this.torrents) torrents.push(await torrent.save());
    return { version: 1, torrents };
  }

  /**
   * Adds the torrents of an earlier session; those that are here already are
   * passed over.
   *
   * @param saved What {@linkcode Session.save} gave.
   * @param more Options that no JSON can hold, such as a file system.
   * @returns The torrents added.
   * @throws {TypeError | SyntaxError} If it is no such thing.
   */
  restore(
    saved: SavedSession,
    more?: (saved: SavedTorrent) => AddTorrentOptions,
  ): Torrent[] {
    const added: Torrent[] = [];
    if (saved.version !== 1 || !Array.isArray(saved.torrents)) {
      throw new TypeError(
        `Cannot restore a session of version ${saved.version}: version 1 with torrents was expected`,
      );
    }
    for (const entry of saved.torrents) {
      const { source, options } = restoreTorrent(entry);
      try {
        added.push(this.add(source, { ...options, ...more?.(entry) }));
      } catch (error) {
        const known = error instanceof SessionError &&
          error.code === "duplicate";
        if (!known) throw error;
      }
    }
    return added;
  }

  /**
   * Removes a torrent.
   *
   * @param torrent Which one.
   * @param options Whether to delete its files, and what ends that early.
   * @returns A promise that resolves when it is closed.
   */
  async remove(
    torrent: Torrent,
    options: {
      readonly deleteFiles?: boolean;
      readonly signal?: AbortSignal;
    } = {},
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
      bufferedBytes: this.#disks.bufferedBytes,
      handshakes: this.#handshaker.stats(),
      disk: this.#disks.timings,
    };
  }

  /**
   * Closes everything: trackers are told, pieces written, sockets and files
   * closed. Idempotent.
   *
   * @returns A promise that resolves when nothing is left open.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close().finally(this.#closed.resolve);
  }

  /** Same as {@linkcode Session.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#detachSignal();
    this.#cancelTick();
    const results = await Promise.allSettled(
      this.torrents.map((torrent) => torrent.close()),
    );
    this.#context.announces.close();
    await this.#trackers.close();
    this.#privacy.close();
    await this.#services.close();
    await this.#handshaker.close();
    await this.#loop;
    await this.#mapped;
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

  /** Forgets a torrent, and closes its disk if no other torrent uses it. */
  async #forget(life: TorrentLife): Promise<void> {
    const torrent = this.#torrents.get(life)!;
    this.#torrents.delete(life);
    this.#busy.delete(life);
    for (const topic of [life.topic, life.metainfo]) {
      if (topic !== undefined) this.#byHash.delete(topic, life);
    }
    this.#hub.publish({ type: "removed", torrent });
    await this.#disks.release(placeOf(life.options, this.#options));
  }

  /** Hands finished handshakes to their torrents. */
  async #accept(): Promise<void> {
    for await (const event of this.#handshaker.events()) {
      if (event.type === "listening") {
        this.#hub.publish(event);
        continue;
      }
      if (event.type === "failed") {
        const { reason, address, error } = event;
        // The DHT takes the port along that uTP listens on.
        if (reason === "accept-failed" && this.#closing === undefined) {
          this.#hub.publish({ type: "listener", address, error });
        }
        continue;
      }
      const life = this.#byHash.get(event.infoHash);
      if (life === undefined) event.connection.close();
      else life.network.swarm.attach(event);
    }
  }

  #scheduleTick(): () => void {
    const { clock } = this.#context;
    return clock.schedule(clock.now() + 1000, () => {
      if (this.#closing !== undefined) return;
      const now = clock.now();
      for (const life of this.#busy) {
        if (!life.tick(now)) this.#busy.delete(life);
      }
      this.#context.sendBudget.settle();
      this.#cancelTick = this.#scheduleTick();
    });
  }
}
