/**
 * One torrent of a session.
 *
 * @module
 */
import type { Endpoint, PeerCandidate } from "../_shared/address.ts";
import type { EventQueue } from "../_shared/event_queue.ts";
import type { TorrentStorage } from "../disk/mod.ts";
import type { HandshakeConnected, HandshakeFailed } from "../handshake/mod.ts";
import type { Magnet, Metainfo } from "../metainfo/mod.ts";
import { DiscoveryRunner } from "./discovery_runner.ts";
import { SessionError } from "./error.ts";
import { EventHub } from "./event_hub.ts";
import { matchesInfoHash, metainfoFromPeers } from "./info_hash.ts";
import { MetadataExchange } from "./metadata_exchange.ts";
import { PeerExchange } from "./peer_exchange.ts";
import { RateLimiter } from "./rate_limiter.ts";
import type { SessionContext } from "./session_context.ts";
import { Swarm } from "./swarm.ts";
import { TorrentContent } from "./torrent_content.ts";
import { TrackerRunner, type TrackerRunnerOptions } from "./tracker_runner.ts";
import type {
  AddTorrentOptions,
  TorrentEvent,
  TorrentState,
  TorrentStats,
} from "./types.ts";

/** Between two saves of resume data, in milliseconds. */
const SAVE_INTERVAL_MS = 15_000;

/** What a torrent is made from. */
export type TorrentSource =
  | { readonly metainfo: Metainfo }
  | { readonly magnet: Magnet };

/** A torrent that a session looks after. Made by `Session.add`. */
export class Torrent {
  /** 20 bytes by which peers and trackers call it. */
  readonly infoHash: Uint8Array;
  readonly #context: SessionContext;
  readonly #options: AddTorrentOptions;
  readonly #source: TorrentSource;
  readonly #hub = new EventHub<TorrentEvent>();
  readonly #swarm: Swarm;
  readonly #trackers: TrackerRunner | undefined;
  readonly #discovery: DiscoveryRunner;
  readonly #downloadLimit: RateLimiter;
  readonly #uploadLimit: RateLimiter;
  readonly #stopping = new AbortController();
  readonly #metadataKnown = Promise.withResolvers<Metainfo>();
  readonly #completed = Promise.withResolvers<void>();
  readonly #onClose: () => void;
  #metainfo: Metainfo | undefined;
  #content: TorrentContent | undefined;
  #state: TorrentState;
  #paused: boolean;
  #error: Error | undefined;
  #setup: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #saving: Promise<void> | undefined;
  #savedPieces = 0;
  #savedAt = 0;

  /** @ignore Made by `Session.add`. */
  constructor(
    context: SessionContext,
    source: TorrentSource,
    options: AddTorrentOptions,
    onClose: () => void,
  ) {
    const { clock, handshaker } = context;
    this.#context = context;
    this.#source = source;
    this.#options = options;
    this.#onClose = onClose;
    this.#paused = options.paused ?? false;
    const known = "metainfo" in source ? source.metainfo : undefined;
    const topic = "metainfo" in source ? source.metainfo : source.magnet;
    this.infoHash = topic.infoHash;
    this.#metainfo = known;
    this.#state = known === undefined ? "metadata" : "checking";
    this.#metadataKnown.promise.catch(() => {});
    this.#completed.promise.catch(() => {});
    if (known !== undefined) this.#metadataKnown.resolve(known);
    this.#downloadLimit = new RateLimiter({
      clock,
      bytesPerSecond: options.downloadLimit ?? Infinity,
    });
    this.#uploadLimit = new RateLimiter({
      clock,
      bytesPerSecond: options.uploadLimit ?? Infinity,
    });
    this.#swarm = this.#makeSwarm();
    this.#trackers = this.#makeTrackers(topic.trackers);
    this.#discovery = new DiscoveryRunner(context.discovery, {
      infoHash: this.infoHash,
      port: handshaker.local?.port ?? 0,
      isPrivate: () => this.isPrivate,
      onPeer: (candidate) => this.#swarm.addCandidates([candidate]),
    });
    handshaker.addTorrent(this.infoHash, {
      ...(topic.infoHashV1 !== undefined && topic.infoHashV2 !== undefined
        ? { v2InfoHash: topic.infoHashV2 }
        : {}),
    });
    this.addPeers(options.peers ?? []);
    if ("magnet" in source) this.addPeers(source.magnet.peers);
    this.#setup = this.#begin();
  }

  /** Its name; for a magnet link without one, undefined until it is known. */
  get name(): string | undefined {
    return this.#metainfo?.name ??
      ("magnet" in this.#source ? this.#source.magnet.name : undefined);
  }

  /** The torrent's description, once known. */
  get metainfo(): Metainfo | undefined {
    return this.#metainfo;
  }

  /** What it is doing. */
  get state(): TorrentState {
    return this.#state;
  }

  /** What stopped it, in state "error". */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Whether it is for one tracker's members only (BEP 27). */
  get isPrivate(): boolean {
    return this.#metainfo?.private ?? false;
  }

  /** The stored part, once there is one. */
  get storage(): TorrentStorage | undefined {
    return this.#content?.storage;
  }

  /** Resolves when the description is known; rejects when closed before. */
  get metadata(): Promise<Metainfo> {
    return this.#metadataKnown.promise;
  }

  /** Resolves when all that is wanted is there; rejects when closed before. */
  get completed(): Promise<void> {
    return this.#completed.promise;
  }

  /** Bytes a second; `Infinity` for no limit. */
  get downloadLimit(): number {
    return this.#downloadLimit.rate;
  }
  set downloadLimit(bytesPerSecond: number) {
    this.#downloadLimit.rate = bytesPerSecond;
  }

  /** Bytes a second; `Infinity` for no limit. */
  get uploadLimit(): number {
    return this.#uploadLimit.rate;
  }
  set uploadLimit(bytesPerSecond: number) {
    this.#uploadLimit.rate = bytesPerSecond;
  }

  /**
   * Subscribes to what happens from now on.
   *
   * @returns A bounded queue to iterate over; it ends with the torrent.
   */
  events(): EventQueue<TorrentEvent> {
    return this.#hub.subscribe();
  }

  /**
   * Adds peers to try.
   *
   * @param addresses Where they listen.
   */
  addPeers(addresses: Iterable<Endpoint>): void {
    const { infoHash } = this;
    const candidates: PeerCandidate[] = [];
    for (const address of addresses) {
      candidates.push({ infoHash, address, source: "manual" });
    }
    this.#swarm.addCandidates(candidates);
  }

  /**
   * Reads the figures of the moment.
   *
   * @returns A snapshot.
   */
  stats(): TorrentStats {
    const swarm = this.#swarm;
    const figures = this.#content?.figures();
    const downloadRate = figures?.downloadRate ?? 0;
    const missing = figures === undefined
      ? undefined
      : figures.wantedBytes - figures.doneBytes;
    let seeds = 0;
    for (const { connection } of swarm.peers.values()) {
      if (connection.state.isSeed) seeds++;
    }
    return {
      state: this.#state,
      wantedBytes: figures?.wantedBytes ?? this.#metainfo?.totalLength ?? 0,
      doneBytes: figures?.doneBytes ?? 0,
      downloadedBytes: swarm.downloadedBytes,
      uploadedBytes: swarm.uploadedBytes,
      wastedBytes: figures?.wastedBytes ?? 0,
      downloadRate,
      uploadRate: figures?.uploadRate ?? 0,
      pieceCount: this.#metainfo?.pieceCount ?? 0,
      piecesDone: figures?.piecesDone ?? 0,
      peers: swarm.peers.size,
      seeds,
      candidates: swarm.list.size,
      connecting: swarm.connecting,
      etaMs: missing !== undefined && downloadRate > 0
        ? missing / downloadRate * 1000
        : undefined,
    };
  }

  /**
   * Stops everything and keeps what is there.
   *
   * @returns A promise that resolves when peers are gone and trackers know.
   */
  async pause(): Promise<void> {
    if (this.#paused || this.#closing !== undefined) return;
    this.#paused = true;
    await this.#stopNetwork();
    await this.#content?.storage.flush().catch((error) => this.#fail(error));
    await this.#save();
    if (this.#state !== "error") this.#setState("paused");
  }

  /**
   * Goes on after {@linkcode Torrent.pause} or an error.
   *
   * @returns Whether it does; false when the same error is still there.
   */
  async resume(): Promise<boolean> {
    if (this.#closing !== undefined) return false;
    this.#paused = false;
    const storage = this.#content?.storage;
    if (storage?.state === "paused" && !await storage.resume()) return false;
    this.#error = undefined;
    if (this.#setup === undefined && this.#content === undefined) {
      this.#setup = this.#begin();
    } else this.#startNetwork();
    return true;
  }

  /**
   * Selects the files to fetch; others are left out from now on.
   *
   * @param files Indices of the wanted files.
   * @throws {SessionError} `no-metadata` if the files are not known yet.
   */
  async selectFiles(files: readonly number[]): Promise<void> {
    if (this.#content === undefined) {
      throw new SessionError(
        "no-metadata",
        "Cannot select files before the torrent's files are known and checked",
      );
    }
    await this.#content.selectFiles(new Set(files));
    this.#updateProgress();
  }

  /**
   * Fetches in order, or rarest pieces first.
   *
   * @param sequential Whether in order.
   */
  setSequential(sequential: boolean): void {
    this.#content?.setSequential(sequential);
  }

  /** @ignore Called by the session once a second. */
  tick(now: number): void {
    this.#swarm.tick(now);
    this.#content?.tick(now);
    if (
      now - this.#savedAt >= SAVE_INTERVAL_MS && this.#content !== undefined &&
      this.#content.storage.have.count !== this.#savedPieces
    ) void this.#save();
  }

  /** @ignore Called by the session for handshakes of this torrent. */
  attach(event: HandshakeConnected): void {
    this.#swarm.attach(event);
  }

  /** @ignore Called by the session for handshakes of this torrent. */
  failed(event: HandshakeFailed): void {
    this.#swarm.failed(event);
  }

  /** Connected peers; for the session's limit. */
  get peerCount(): number {
    return this.#swarm.peers.size;
  }

  /**
   * Ends it: tells the trackers, writes out what is there, closes peers and
   * files. Idempotent.
   *
   * @param options Whether to delete the files.
   */
  close(options: { readonly deleteFiles?: boolean } = {}): Promise<void> {
    return this.#closing ??= this.#close(options.deleteFiles ?? false);
  }

  async #close(deleteFiles: boolean): Promise<void> {
    const closed = new SessionError("closed", "The torrent was removed");
    this.#stopping.abort(closed);
    this.#metadataKnown.reject(closed);
    this.#completed.reject(closed);
    this.#context.handshaker.removeTorrent(this.infoHash);
    try {
      await this.#setup;
      await Promise.all([this.#stopNetwork(), this.#swarm.close()]);
      await this.#trackers?.close();
      if (!deleteFiles) await this.#save();
      await this.#content?.close(deleteFiles);
    } catch (error) {
      // What stopped the torrent was told already.
      if (this.#error === undefined) throw error;
    } finally {
      this.#downloadLimit.close();
      this.#uploadLimit.close();
      this.#setState("removed");
      this.#hub.close();
      this.#onClose();
    }
  }

  /** Gets the content ready if the description is known, and starts. */
  async #begin(): Promise<void> {
    try {
      if (this.#metainfo !== undefined) await this.#open(this.#metainfo);
      if (!this.#stopping.signal.aborted) this.#startNetwork();
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#fail(error);
    } finally {
      this.#setup = undefined;
    }
  }

  async #open(metainfo: Metainfo): Promise<void> {
    this.#setState("checking");
    const { signal } = this.#stopping;
    const content = await TorrentContent.open(
      {
        peers: this.#swarm.peers,
        pieceDone: (pieceIndex) => {
          this.#swarm.announcePiece(pieceIndex);
          this.#hub.publish({ type: "piece", pieceIndex, good: true });
          this.#updateProgress();
        },
        pieceBad: (pieceIndex) =>
          this.#hub.publish({ type: "piece", pieceIndex, good: false }),
        ban: (key, reason) => this.#swarm.ban(key, reason),
        storageError: (error) => this.#fail(error),
        readFailed: (error) => this.#fail(error),
      },
      {
        context: this.#context,
        metainfo,
        torrent: this.#options,
        downloadLimits: [this.#downloadLimit, this.#context.downloadLimit],
        uploadLimits: [this.#uploadLimit, this.#context.uploadLimit],
        onProgress: ({ checked, total }) =>
          this.#hub.publish({ type: "checking", checked, total }),
        signal,
      },
    );
    this.#content = content;
    this.#savedPieces = content.storage.have.count;
    this.#swarm.setContent(content);
  }

  #startNetwork(): void {
    if (this.#paused) {
      this.#setState("paused");
      return;
    }
    if (this.#content === undefined) this.#setState("metadata");
    else {
      this.#setState(this.#content.isDone ? "seeding" : "downloading");
      this.#content.start();
      this.#updateProgress();
    }
    this.#swarm.start();
    this.#trackers?.start();
    this.#discovery.start();
  }

  async #stopNetwork(): Promise<void> {
    this.#content?.stop();
    await Promise.all([
      this.#discovery.stop(),
      this.#swarm.stop(),
      this.#trackers?.stop(),
    ]);
  }

  /** Notices the moment of completion. */
  #updateProgress(): void {
    const content = this.#content;
    if (content === undefined) return;
    if (!content.isDone) {
      if (this.#state === "seeding") {
        this.#setState("downloading");
        this.#swarm.setComplete(false);
        content.setSeeding(false);
      }
      return;
    }
    if (this.#state === "downloading") {
      this.#setState("seeding");
      this.#trackers?.completed();
    } else if (this.#state !== "seeding") return;
    content.setSeeding(true);
    this.#swarm.setComplete(true);
    this.#completed.resolve();
    this.#hub.publish({ type: "complete" });
    void this.#save();
  }

  #fetched(infoBytes: Uint8Array): void {
    if (this.#closing !== undefined || !("magnet" in this.#source)) return;
    try {
      const metainfo = metainfoFromPeers(infoBytes, this.#source.magnet);
      this.#metainfo = metainfo;
      if (metainfo.private) void this.#discovery.stop();
      this.#metadataKnown.resolve(metainfo);
      this.#hub.publish({ type: "metadata", metainfo });
      this.#setup = this.#begin();
    } catch (cause) {
      this.#fail(
        new SessionError(
          "bad-metadata",
          `Peers sent an info dictionary that cannot be used: ${
            cause instanceof Error ? cause.message : cause
          }`,
          { cause },
        ),
      );
    }
  }

  #fail(cause: unknown): void {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    if (this.#error !== undefined || this.#closing !== undefined) return;
    this.#error = error;
    this.#setState("error");
    this.#hub.publish({ type: "error", error });
    void this.#stopNetwork();
  }

  #setState(state: TorrentState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#hub.publish({ type: "state", state });
  }

  #save(): Promise<void> {
    const { saveResumeData } = this.#options;
    const content = this.#content;
    if (saveResumeData === undefined || content === undefined) {
      return Promise.resolve();
    }
    this.#savedAt = this.#context.clock.now();
    return this.#saving ??= (async () => {
      try {
        this.#savedPieces = content.storage.have.count;
        await saveResumeData(await content.storage.resumeData());
      } catch (error) {
        this.#fail(error);
      } finally {
        this.#saving = undefined;
      }
    })();
  }

  #makeSwarm(): Swarm {
    const context = this.#context;
    const { clock, random } = context;
    const swarm = new Swarm({
      clock,
      random,
      infoHash: this.infoHash,
      maxPeers: this.#options.maxPeers ?? context.maxPeersPerTorrent,
      hasRoom: () => context.hasRoom(),
      connect: (candidate) => context.connect(candidate),
      publish: (event) => this.#hub.publish(event),
      wantCandidates: () => this.#trackers?.wantPeers(),
      listenPort: context.handshaker.local?.port ?? 0,
      clientVersion: context.clientVersion,
      downloadLimits: [this.#downloadLimit, context.downloadLimit],
      isPrivate: () => this.isPrivate,
      dhtPort: context.dhtPort,
      onDhtNode: (node) => context.onDhtNode(node),
    }, {
      metadata: (peers) =>
        new MetadataExchange({
          peers,
          infoBytes: this.#metainfo?.infoBytes,
          verify: (infoBytes) =>
            "magnet" in this.#source &&
            matchesInfoHash(infoBytes, this.#source.magnet),
          onMetadata: (infoBytes) => this.#fetched(infoBytes),
          clock,
        }),
      exchange: (peers) =>
        context.pex ? new PeerExchange(this.infoHash, peers) : undefined,
    });
    return swarm;
  }

  #makeTrackers(
    tiers: readonly string[] | readonly (readonly string[])[],
  ): TrackerRunner | undefined {
    const { clock, random, handshaker, trackerKey } = this.#context;
    const all = [
      ...tiers.map((tier) => typeof tier === "string" ? [tier] : tier),
      ...(this.#options.trackers ?? []).map((url) => [url]),
    ];
    if (!this.#context.trackers || all.length === 0) return undefined;
    const options: TrackerRunnerOptions = {
      infoHash: this.infoHash,
      peerId: handshaker.peerId,
      key: trackerKey,
      tiers: all,
      clock,
      random,
      clientFor: (url) => this.#context.trackerFor(url),
      figures: () => {
        const figures = this.#content?.figures();
        return {
          port: handshaker.local?.port ?? 0,
          uploaded: this.#swarm.uploadedBytes,
          downloaded: this.#swarm.downloadedBytes,
          // Unknown is told as something, so as not to look like a seed.
          left: figures === undefined
            ? this.#metainfo?.totalLength ?? 16384
            : figures.wantedBytes - figures.doneBytes,
          numWant: this.#state === "seeding" ? 0 : 200,
        };
      },
      onPeers: (candidates) => this.#swarm.addCandidates(candidates),
      onExternalIp: (hostname) => {
        const port = handshaker.local?.port;
        if (port !== undefined) {
          this.#swarm.list.setExternalEndpoint({ hostname, port });
        }
      },
      onResult: (tracker, result) =>
        this.#hub.publish(
          "peers" in result
            ? { type: "tracker", tracker, ok: true, peers: result.peers }
            : {
              type: "tracker",
              tracker,
              ok: false,
              error: result.error.message,
            },
        ),
    };
    return new TrackerRunner(options);
  }
}
