/**
 * The life of one torrent: what it is made of, and the states it goes through.
 *
 * @module
 */
import { EventHub } from "../../_shared/event_queue.ts";
import { NativeFileSystem } from "../../disk/native_file_system.ts";
import type { RemoveOptions } from "../../disk/storage.ts";
import type { DiskError } from "../../disk/error.ts";
import {
  isReadOnly,
  openStorage,
  placeOf,
  type SetupOptions,
} from "../content/open_storage.ts";
import type { Magnet, Metainfo } from "../../metainfo/mod.ts";
import { closedError, isFinal, SessionError } from "../error.ts";
import { ResumeSaver } from "../content/resume_saver.ts";
import { ContentSetup, Settlement } from "./content_setup.ts";
import type { SwarmPeer } from "../peers/swarm_peer.ts";
import type { SessionContext } from "../content/session_context.ts";
import { TorrentContent } from "../content/torrent_content.ts";
import { warning } from "../content/torrent_warnings.ts";
import { Readers } from "../reading/readers.ts";
import { TorrentLimits } from "../limit_group.ts";
import { TorrentNetwork } from "./torrent_network.ts";
import type { TorrentHost } from "../content/torrent_host.ts";
import { obeyLink } from "./add_source.ts";
import type {
  AddTorrentOptions,
  TorrentEvent,
  TorrentState,
} from "../types.ts";

/** What a torrent tells its session. */
export interface TorrentOwner {
  /** It wants to be ticked from now on. */
  busy(life: TorrentLife): void;
  /** Its description came from peers. */
  described(life: TorrentLife, metainfo: Metainfo): void;
  /** It is closed; resolves when what it was the last to use is closed, too. */
  closed(life: TorrentLife): Promise<void>;
  /** Something happened. */
  happened(life: TorrentLife, event: TorrentEvent): void;
}

/** What a torrent is made of; `Torrent` is what users see of it. */
export class TorrentLife implements TorrentHost {
  /** 20 bytes by which peers and trackers call it. */
  readonly infoHash: Uint8Array;
  /** What it was added by. */
  readonly topic: Metainfo | Magnet;
  /** What it was added with, trackers kept up to date. */
  options: AddTorrentOptions;
  /** What the torrents of the session share. */
  readonly context: SessionContext;
  /** Its peers, trackers and searches. */
  readonly network: TorrentNetwork;
  /** The folder it is stored in; absent for other file systems. */
  dir: string | undefined;
  /** Bytes a second, received and sent. */
  readonly limits: TorrentLimits;
  /** Its subscribers. */
  readonly hub: EventHub<TorrentEvent> = new EventHub();
  /** Resolves when the description is known; rejects when there is none. */
  readonly metadata: Settlement<Metainfo> = new Settlement();
  /** Resolves when it is removed and its files are closed. */
  readonly closed: Settlement<void> = new Settlement();
  readonly #saver: ResumeSaver;
  readonly #owner: TorrentOwner;
  /** Resolves when all that is wanted is there; rejects when it stops before. */
  completed: Settlement<void> = new Settlement();
  /** The torrent's description, once known. */
  metainfo: Metainfo | undefined;
  /** Storage, wishes and books, once there is something to store. */
  content: TorrentContent | undefined;
  /** What it is doing. */
  state: TorrentState = "metadata";
  /** Whether it was told to pause. */
  isPaused: boolean;
  /** What stopped it, in state "error". */
  error: Error | undefined;
  readonly #setup = new ContentSetup(this);
  #readers: Readers | undefined;
  #pausing: Promise<void> | undefined;
  /** Files on their way to where they belong. */
  #moving: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  /** Whether all that is wanted is there. */
  isComplete = false;

  constructor(
    context: SessionContext,
    topic: Metainfo | Magnet,
    options: AddTorrentOptions,
    owner: TorrentOwner,
  ) {
    const { clock } = context;
    this.context = context;
    this.options = obeyLink(options, topic);
    this.#owner = owner;
    this.isPaused = options.paused ?? false;
    const place = placeOf(options, context.options);
    this.dir = typeof place === "string" ? place : undefined;
    const known = "infoBytes" in topic ? topic : undefined;
    this.topic = topic;
    this.infoHash = topic.infoHash;
    this.metainfo = known;
    if (known !== undefined) this.metadata.resolve(known);
    this.limits = new TorrentLimits(context, options);
    this.#saver = new ResumeSaver({
      save: options.saveResumeData,
      clock,
      saved: options.resumeData,
      onError: (error) => this.publish(warning("resume-data", error.message)),
    });
    this.network = new TorrentNetwork(this);
    this.network.addPeers(options.peers ?? []);
    this.network.addPeers(options.savedPeers ?? [], "resume");
    if (known !== undefined) this.#prepare(known);
    else {
      this.network.addPeers(this.magnet!.peers, "magnet");
      this.goOn();
    }
  }

  /** Those who read its files. */
  get readers(): Readers {
    this.#readers ??= new Readers(this);
    if (this.#closing !== undefined) {
      // Late readers get nothing.
      queueMicrotask(() => this.#readers!.fail(closedError()));
    }
    return this.#readers;
  }

  /** Its name; for a link without one, undefined until it is known. */
  get name(): string | undefined {
    return this.metainfo?.name ?? this.topic.name;
  }

  /** Connected peers by key. */
  get peers(): ReadonlyMap<number, SwarmPeer> {
    return this.network.swarm.peers;
  }

  /** The link it was added by. */
  get magnet(): Magnet | undefined {
    return "infoBytes" in this.topic ? undefined : this.topic;
  }

  /** Whether it has all it wants. */
  get isSeeding(): boolean {
    return this.state === "seeding";
  }

  /** Whether it is for one tracker's members only (BEP 27). */
  get isPrivate(): boolean {
    return this.metainfo?.private ?? false;
  }

  /** Adds trackers behind those there are. */
  addTrackers(tiers: readonly (readonly string[])[]): void {
    this.options = {
      ...this.options,
      trackers: [...this.options.trackers ?? [], ...tiers],
    };
    this.network.setTrackers(tiers, false);
  }

  /** Uses these trackers only. */
  replaceTrackers(tiers: readonly (readonly string[])[]): void {
    this.options = { ...this.options, trackers: tiers, replaceTrackers: true };
    this.network.setTrackers(tiers, true);
  }

  /** Stops everything and keeps what is there. */
  pause(): Promise<void> {
    if (this.#closing !== undefined) return Promise.resolve();
    if (!this.isPaused) {
      this.isPaused = true;
      this.#setup.hold();
      this.#pausing = this.#pause();
    }
    return this.#pausing ?? Promise.resolve();
  }

  async #pause(): Promise<void> {
    await this.#stopNetwork();
    // A check has the files to itself, and waits.
    if (this.#setup.running !== undefined) return;
    await this.content?.storage.flush().catch((error) => this.fail(error));
    await this.#saver.save();
    // Meanwhile anything may have been asked for.
    if (
      this.isPaused && this.#setup.running === undefined &&
      this.state !== "error"
    ) this.#setState("paused");
  }

  /** Goes on after a pause or an error; false when the error is still there. */
  async resume(): Promise<boolean> {
    if (this.#closing !== undefined) return false;
    this.isPaused = false;
    this.#setup.release();
    // Every peer has the same: the hash fits.
    if (isFinal(this.error)) return false;
    const storage = this.content?.storage;
    if (storage?.error !== undefined) {
      const isResumed = await storage.resume();
      // It may have failed again by now.
      if (!isResumed || storage.state === "paused") return false;
    }
    if (this.isPaused || this.#closing !== undefined) return false;
    if (this.error !== undefined) {
      // Who goes on has been told that they are gone.
      if ((this.error as Partial<DiskError>).code === "not-found") {
        this.options = { ...this.options, expectFiles: false };
      }
      this.error = undefined;
      this.completed = new Settlement();
    }
    // It starts by itself when it is ready.
    if (this.#setup.running !== undefined) return true;
    if (this.content === undefined && this.metainfo !== undefined) {
      this.#prepare(this.metainfo);
    } else if (this.content?.hasLost) void this.recheck();
    else this.goOn();
    return true;
  }

  /** Reads and hashes everything again, without peers meanwhile. */
  async recheck(): Promise<void> {
    if (this.#setup.running !== undefined) return await this.#setup.running;
    const content = this.needContent("check");
    const stopped = this.#stopNetwork();
    this.#setState("checking");
    await this.#setup.run(async (options) => {
      await stopped;
      try {
        const { expectFiles = this.context.options.expectFiles } = this.options;
        await content.storage.recheck({ ...options, expectFiles });
      } catch (error) {
        content.recheckFailed();
        throw error;
      }
      content.rechecked();
    });
  }

  /** Gives files other priorities, and sees what that makes of the torrent. */
  async setFilePriorities(
    priorities: ReadonlyMap<number, number>,
  ): Promise<void> {
    const content = this.needContent("choose files");
    try {
      await content.setFilePriorities(priorities);
    } finally {
      // Of several some may have been changed before one failed.
      this.updateProgress();
    }
  }

  /** Stores a file under another path below the folder. */
  async renameFile(
    fileIndex: number,
    path: readonly string[],
  ): Promise<void> {
    const content = this.needContent("rename a file");
    await content.storage.renameFile(fileIndex, path);
    const renamed = new Map(this.options.renamedFiles).set(fileIndex, path);
    this.options = { ...this.options, renamedFiles: [...renamed] };
    await this.#saver.save();
  }

  /** Moves the files to another folder. */
  async move(dir: string): Promise<void> {
    await this.needContent("move files").storage.move([], {
      fileSystem: new NativeFileSystem(dir),
    });
    this.dir = dir;
    this.options = { ...this.options, completeDir: undefined };
    await this.#saver.save();
  }

  /** Where the files move to now that they are complete. */
  get #target(): string | undefined {
    return this.content?.isReadOnly ? undefined : this.options.completeDir;
  }

  /** The content, or an error that tells what cannot be done without it. */
  needContent(action: string): TorrentContent {
    if (this.#closing !== undefined) throw closedError();
    if (this.content !== undefined) return this.content;
    throw new SessionError(
      "no-metadata",
      `Cannot ${action} before the torrent's files are known and checked`,
    );
  }

  /** Once a second while it is busy; whether it still is. */
  tick(now: number): boolean {
    const { openSwarm, peerCount } = this.network;
    openSwarm?.tick(now);
    this.content?.tick(now);
    this.#readers?.update();
    this.#saver.tick(now);
    if (peerCount === 0) this.content?.rest();
    return peerCount > 0 || (this.content?.webSeeds.isActive ?? false);
  }

  /** Wants to be ticked from now on. */
  busy(): void {
    this.#owner.busy(this);
  }

  /** A peer is not to be dealt with again. */
  ban(key: number, reason: string): void {
    this.network.openSwarm?.ban(key, reason);
  }

  /** Ends it: tells trackers, writes what is there, closes peers and files. */
  close(options: RemoveOptions = {}): Promise<void> {
    return this.#closing ??= this.#close(options);
  }

  async #close(options: RemoveOptions): Promise<void> {
    const closed = closedError();
    this.#setup.stop(closed);
    this.#readers?.fail(closed);
    this.metadata.reject(closed);
    this.completed.reject(closed);
    const results = await Promise.allSettled([this.#release(options)]);
    results.push(...await Promise.allSettled([this.#owner.closed(this)]));
    this.limits.close();
    this.#setState("removed");
    this.hub.close();
    this.closed.resolve();
    // What stopped the torrent was told already, what cannot be deleted was not.
    if (this.error !== undefined && options.deleteFiles !== true) return;
    for (const result of results) {
      if (result.status === "rejected") throw result.reason;
    }
  }

  async #release(options: RemoveOptions): Promise<void> {
    await this.#setup.running;
    this.content?.stop();
    await this.network.close();
    if (options.deleteFiles !== true) await this.#saver.save();
    else if (this.content === undefined) await this.#deleteFiles(options);
    await this.content?.close(options);
  }

  /**
   * Deletes files whose check did not come to an end. Without resume data nobody
   * can tell whether they belong to the torrent: they stay.
   */
  async #deleteFiles(how: RemoveOptions): Promise<void> {
    const { metainfo, options, context } = this;
    if (metainfo === undefined || options.resumeData === undefined) return;
    if (isReadOnly(options)) return;
    const { signal = new AbortController().signal } = how;
    // Nothing is made first, nor does it matter what others have.
    const { storage } = await openStorage(
      { context, options: { ...options, readOnly: true } },
      metainfo,
      { existing: "assume-empty", signal },
      () => {},
    );
    await storage.remove(how);
  }

  /** Stops it with an error; the first one counts. */
  fail(cause: unknown): void {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    if (this.#closing !== undefined) return;
    if (this.error !== undefined) return this.#setState("error");
    this.error = error;
    this.#setState("error");
    this.publish({ type: "error", error });
    if (isFinal(error)) this.metadata.reject(error);
    this.completed.reject(error);
    void this.#stopNetwork();
  }

  /** Tells the subscribers. */
  publish(event: TorrentEvent): void {
    this.hub.publish(event);
    this.#readers?.wake();
    this.#owner.happened(this, event);
  }

  /** Notices the moment of completion, and that more is wanted than before. */
  updateProgress(): void {
    const content = this.content;
    if (content === undefined) return;
    if (!content.wishes.isDone) {
      if (this.state === "seeding") this.#setState("downloading");
      if (!this.isComplete) return;
      this.isComplete = false;
      this.completed = new Settlement();
      this.network.openSwarm?.completeChanged();
      content.completeChanged();
      return;
    }
    if (this.state === "downloading") {
      if (content.isUnproven) {
        const proven = () => this.updateProgress();
        return void content.confirm().then(proven, (error) => this.fail(error));
      }
      const dir = this.#target;
      if (dir !== undefined) {
        this.#moving ??= this.move(dir)
          .finally(() => this.#moving = undefined)
          .then(() => this.updateProgress(), (error) => this.fail(error));
        return;
      }
      this.#setState("seeding");
      this.network.completed();
    } else if (this.state !== "seeding") return;
    this.completed.resolve();
    if (this.isComplete) return;
    this.isComplete = true;
    content.completeChanged();
    this.network.openSwarm?.completeChanged();
    this.publish({ type: "complete" });
    void this.#saver.save();
  }

  /** Gets the content ready and starts. */
  #prepare(metainfo: Metainfo): void {
    this.#setState("checking");
    void this.#setup.run((options) => this.#open(metainfo, options));
  }

  async #open(metainfo: Metainfo, check: SetupOptions): Promise<void> {
    const content = await TorrentContent.open(this, metainfo, check);
    this.content = content;
    if (content.renamed.length > 0) {
      this.publish({ type: "renamed", files: content.renamed });
    }
    this.#saver.setStorage(content.storage);
    // After a crash what was made for it only need not be hashed, and a file with
    // less than a piece is known to be ours.
    const { allocation } = this.context.options;
    if ((this.options.allocation ?? allocation ?? "sparse") !== "sparse") {
      await this.#saver.save();
    }
    this.#readers?.ready();
    this.network.openSwarm?.contentReady();
  }

  /** Starts, unless it is paused or was stopped by an error. */
  goOn(): void {
    if (this.error !== undefined) return this.#setState("error");
    if (this.isPaused) {
      this.#setState("paused");
      return;
    }
    if (this.content === undefined) this.#setState("metadata");
    else {
      const { wishes, isUnproven } = this.content;
      const isSettled = !isUnproven && this.#target === undefined;
      this.#setState(wishes.isDone && isSettled ? "seeding" : "downloading");
      this.content.start();
      this.updateProgress();
    }
    this.network.start();
  }

  async #stopNetwork(): Promise<void> {
    this.content?.stop();
    await this.network.stop();
  }

  /** Takes the description that peers sent. */
  fetched(metainfo: Metainfo): void {
    if (this.#closing !== undefined) return;
    this.metainfo = metainfo;
    this.#owner.described(this, metainfo);
    if (metainfo.private) this.network.becomePrivate();
    this.metadata.resolve(metainfo);
    this.publish({ type: "metadata", metainfo });
    this.#prepare(metainfo);
  }

  #setState(state: TorrentState): void {
    if (this.state === state) return;
    this.state = state;
    this.publish({ type: "state", state });
  }
}
