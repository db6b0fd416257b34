/**
 * One torrent of a session.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import type { EventQueue } from "../_shared/event_queue.ts";
import type { TorrentStorage } from "../disk/mod.ts";
import type { HandshakeConnected, HandshakeFailed } from "../handshake/mod.ts";
import type { Metainfo } from "../metainfo/mod.ts";
import { SessionError } from "./error.ts";
import { EventHub } from "./event_hub.ts";
import { badMetadata } from "./info_hash.ts";
import { RateLimiter } from "./rate_limiter.ts";
import { ResumeSaver } from "./resume_saver.ts";
import type { SessionContext } from "./session_context.ts";
import { TorrentContent } from "./torrent_content.ts";
import { TorrentNetwork } from "./torrent_network.ts";
import {
  obeyLink,
  type TorrentServices,
  type TorrentSource,
} from "./torrent_services.ts";
import { torrentStats } from "./torrent_stats.ts";
import type {
  AddTorrentOptions,
  TorrentEvent,
  TorrentState,
  TorrentStats,
} from "./types.ts";

/** A torrent that a session looks after. Made by `Session.add`. */
export class Torrent {
  /** 20 bytes by which peers and trackers call it. */
  readonly infoHash: Uint8Array;
  readonly #context: SessionContext;
  readonly #options: AddTorrentOptions;
  readonly #source: TorrentSource;
  readonly #hub = new EventHub<TorrentEvent>();
  readonly #network: TorrentNetwork;
  readonly #downloadLimit: RateLimiter;
  readonly #uploadLimit: RateLimiter;
  readonly #stopping = new AbortController();
  readonly #metadataKnown = Promise.withResolvers<Metainfo>();
  readonly #completed = Promise.withResolvers<void>();
  readonly #saver: ResumeSaver;
  readonly #onClose: () => Promise<void>;
  #metainfo: Metainfo | undefined;
  #content: TorrentContent | undefined;
  #state: TorrentState;
  #paused: boolean;
  #error: Error | undefined;
  /** Defined while the content is made ready. */
  #setup: Promise<void> | undefined;
  #pausing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #isComplete = false;

  /** @ignore Made by `Session.add`. */
  constructor(
    context: SessionContext,
    source: TorrentSource,
    options: AddTorrentOptions,
    onClose: () => Promise<void>,
  ) {
    const { clock } = context;
    this.#context = context;
    this.#source = source;
    this.#options = obeyLink(options, source);
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
    this.#saver = new ResumeSaver({
      save: options.saveResumeData,
      clock,
      onError: (error) => this.#fail(error),
    });
    this.#network = new TorrentNetwork(this.#services(), topic);
    this.#network.addPeers(options.peers ?? []);
    if ("magnet" in source) this.#network.addPeers(source.magnet.peers);
    if (known === undefined) this.#startNetwork();
    else this.#prepare(known);
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
    this.#network.addPeers(addresses);
  }

  /**
   * Reads the figures of the moment.
   *
   * @returns A snapshot.
   */
  stats(): TorrentStats {
    return torrentStats(
      this.#state,
      this.#metainfo,
      this.#content?.figures(),
      this.#network.swarm,
    );
  }

  /**
   * Stops everything and keeps what is there.
   *
   * @returns A promise that resolves when peers are gone and trackers know.
   */
  pause(): Promise<void> {
    if (this.#closing !== undefined) return Promise.resolve();
    if (!this.#paused) {
      this.#paused = true;
      this.#pausing = this.#pause();
    }
    return this.#pausing ?? Promise.resolve();
  }

  async #pause(): Promise<void> {
    await this.#stopNetwork();
    await this.#content?.storage.flush().catch((error) => this.#fail(error));
    await this.#saver.save();
    // Meanwhile anything may have been asked for. A check goes on to its end.
    if (
      this.#paused && this.#setup === undefined && this.#state !== "error"
    ) this.#setState("paused");
  }

  /**
   * Goes on after {@linkcode Torrent.pause} or an error.
   *
   * @returns Whether it does; false when the same error is still there.
   */
  async resume(): Promise<boolean> {
    if (this.#closing !== undefined) return false;
    this.#paused = false;
    // It starts by itself when it is ready.
    if (this.#setup !== undefined) return true;
    // Every peer has the same: the hash fits.
    if (isFinal(this.#error)) return false;
    const storage = this.#content?.storage;
    if (storage?.state === "paused" && !await storage.resume()) return false;
    if (this.#paused || this.#closing !== undefined) return false;
    this.#error = undefined;
    if (this.#content === undefined && this.#metainfo !== undefined) {
      if (this.#setup === undefined) this.#prepare(this.#metainfo);
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
    this.#network.swarm.tick(now);
    this.#content?.tick(now);
    this.#saver.tick(now);
  }

  /** @ignore Called by the session for handshakes of this torrent. */
  attach(event: HandshakeConnected): void {
    this.#network.swarm.attach(event);
  }

  /** @ignore Called by the session for handshakes of this torrent. */
  failed(event: HandshakeFailed): void {
    this.#network.swarm.failed(event);
  }

  /** Connected peers; for the session's limit. */
  get peerCount(): number {
    return this.#network.swarm.peers.size;
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
    const results = await Promise.allSettled([this.#release(deleteFiles)]);
    results.push(...await Promise.allSettled([this.#onClose()]));
    this.#downloadLimit.close();
    this.#uploadLimit.close();
    this.#setState("removed");
    this.#hub.close();
    // What stopped the torrent was told already.
    if (this.#error !== undefined) return;
    for (const result of results) {
      if (result.status === "rejected") throw result.reason;
    }
  }

  async #release(deleteFiles: boolean): Promise<void> {
    await this.#setup;
    this.#content?.stop();
    await this.#network.close();
    if (!deleteFiles) await this.#saver.save();
    await this.#content?.close(deleteFiles);
  }

  /** Gets the content ready and starts. */
  #prepare(metainfo: Metainfo): void {
    const setup = (async () => {
      try {
        await this.#open(metainfo);
      } catch (error) {
        this.#setup = undefined;
        if (!this.#stopping.signal.aborted) this.#fail(error);
        return;
      }
      this.#setup = undefined;
      if (!this.#stopping.signal.aborted) this.#startNetwork();
    })();
    this.#setup = setup;
  }

  async #open(metainfo: Metainfo): Promise<void> {
    this.#setState("checking");
    const { signal } = this.#stopping;
    const content = await TorrentContent.open(
      {
        peers: this.#network.swarm.peers,
        pieceDone: (pieceIndex) => {
          this.#hub.publish({ type: "piece", pieceIndex, good: true });
          this.#updateProgress();
        },
        pieceBad: (pieceIndex) =>
          this.#hub.publish({ type: "piece", pieceIndex, good: false }),
        ban: (key, reason) => this.#network.swarm.ban(key, reason),
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
    this.#saver.setStorage(content.storage);
    this.#network.swarm.setContent(content);
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
    this.#network.start();
  }

  async #stopNetwork(): Promise<void> {
    this.#content?.stop();
    await this.#network.stop();
  }

  /** Notices the moment of completion. */
  #updateProgress(): void {
    const content = this.#content;
    if (content === undefined) return;
    if (!content.isDone) {
      this.#isComplete = false;
      if (this.#state === "seeding") {
        this.#setState("downloading");
        this.#network.swarm.setComplete(false);
        content.setSeeding(false);
      }
      return;
    }
    if (this.#state === "downloading") {
      this.#setState("seeding");
      this.#network.completed();
    } else if (this.#state !== "seeding") return;
    content.setSeeding(true);
    this.#network.swarm.setComplete(true);
    this.#completed.resolve();
    if (this.#isComplete) return;
    this.#isComplete = true;
    this.#hub.publish({ type: "complete" });
    void this.#saver.save();
  }

  #fetched(metainfo: Metainfo): void {
    if (this.#closing !== undefined) return;
    this.#metainfo = metainfo;
    if (metainfo.private) this.#network.becomePrivate();
    this.#metadataKnown.resolve(metainfo);
    this.#hub.publish({ type: "metadata", metainfo });
    this.#prepare(metainfo);
  }

  #unusable(cause: unknown): void {
    this.#fail(badMetadata(cause));
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

  #services(): TorrentServices {
    return {
      context: this.#context,
      options: this.#options,
      infoHash: this.infoHash,
      magnet: "magnet" in this.#source ? this.#source.magnet : undefined,
      downloadLimit: this.#downloadLimit,
      metainfo: () => this.#metainfo,
      isPrivate: () => this.isPrivate,
      content: () => this.#content,
      isSeeding: () => this.#state === "seeding",
      wantPeers: () => this.#network.wantPeers(),
      fetched: (metainfo) => this.#fetched(metainfo),
      unusable: (cause) => this.#unusable(cause),
      publish: (event) => this.#hub.publish(event),
    };
  }
}

/** Whether trying again must lead to the same. */
function isFinal(error: Error | undefined): boolean {
  return error instanceof SessionError &&
    (error.code === "bad-metadata" || error.code === "contradiction");
}
