/**
 * One torrent of a session.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import type { TorrentStorage } from "../disk/mod.ts";
import type { Magnet, Metainfo } from "../metainfo/mod.ts";
import {
  DEFAULT_PRIORITY,
  type SelectionStrategy,
} from "../select/selection_strategy.ts";
import { type LimitGroup, limitsOf } from "./limit_group.ts";
import { type SavedTorrent, saveTorrent } from "./torrent/saved.ts";
import type { DiscoveryStatus } from "./discovery_runner.ts";
import { checkAddOptions } from "./session/check_options.ts";
import type { WebSeedStatus } from "../webseed/web_seed_options.ts";
import type { TrackerStatus } from "./trackers/tracker_entry.ts";
import { makeTorrentFile, type TorrentFile } from "./torrent/torrent_file.ts";
import type { TorrentLife } from "./torrent/torrent_life.ts";
import {
  type PeerInfo,
  peerInfos,
  type PiecesInfo,
  piecesInfo,
  type TorrentSnapshot,
  torrentSnapshot,
  torrentStats,
} from "./torrent/torrent_view.ts";
import type {
  EventsOptions,
  TorrentEvent,
  TorrentState,
  TorrentStats,
} from "./types.ts";
import { orderOf } from "./content/order.ts";
import { checkIndex, checkPriority } from "./content/wishes.ts";
import { maxPeersOf } from "./swarm/peer_room.ts";

/** What users see of a torrent; for the session only. */
export let makeTorrent: (life: TorrentLife) => Torrent;

/**
 * A torrent that a session looks after. Made by `Session.add`. `downloadLimit`,
 * `uploadLimit`, `limitedBy`, `limitWeight` and `maxPeers` can be set at any time.
 */
export class Torrent {
  /** 20 bytes by which peers and trackers call it. */
  readonly infoHash: Uint8Array;
  readonly #life: TorrentLife;
  #files: readonly TorrentFile[] = [];
  #limitedBy: LimitGroup | "session" | "nothing" = "session";

  static {
    makeTorrent = (life) => new Torrent(life);
  }

  private constructor(life: TorrentLife) {
    this.infoHash = life.infoHash;
    this.#life = life;
  }

  /** Its name; for a magnet link without one, undefined until it is known. */
  get name(): string | undefined {
    return this.#life.name;
  }

  /** The torrent's description, once known. */
  get metainfo(): Metainfo | undefined {
    return this.#life.metainfo;
  }

  /** The link that it was added by, if it was. */
  get magnet(): Magnet | undefined {
    return this.#life.magnet;
  }

  /** What it is doing. */
  get state(): TorrentState {
    return this.#life.state;
  }

  /** Whether it is told to pause; a check that has begun keeps its state. */
  get isPaused(): boolean {
    return this.#life.isPaused;
  }

  /** What stopped it, in state "error". */
  get error(): Error | undefined {
    return this.#life.error;
  }

  /** Whether it is for one tracker's members only (BEP 27). */
  get isPrivate(): boolean {
    return this.#life.isPrivate;
  }

  /** The folder it is stored in; absent for other file systems. */
  get dir(): string | undefined {
    return this.#life.dir;
  }

  /** The stored part, once there is one. */
  get storage(): TorrentStorage | undefined {
    return this.#life.content?.storage;
  }

  /**
   * Resolves when the description is known. Rejects when the torrent is removed
   * before, or what peers sent is of no use.
   */
  get metadata(): Promise<Metainfo> {
    return this.#life.metadata.promise;
  }

  /**
   * Resolves when all that is wanted is there. Rejects when an error stops the
   * torrent before (no permission to write, no room on the disk ...) or it is
   * removed. After `resume()`, and when more is wanted than before, it is a new
   * promise.
   */
  get completed(): Promise<void> {
    return this.#life.completed.promise;
  }

  /** Resolves when it is removed, and its files are closed; never rejects. */
  get closed(): Promise<void> {
    return this.#life.closed.promise;
  }

  /** Bytes a second; `Infinity` for no limit. */
  get downloadLimit(): number {
    return this.#life.limits.downloadRate;
  }
  set downloadLimit(bytesPerSecond: number) {
    this.#life.limits.download.rate = bytesPerSecond;
  }

  /** Bytes a second; `Infinity` for no limit. */
  get uploadLimit(): number {
    return this.#life.limits.uploadRate;
  }
  set uploadLimit(bytesPerSecond: number) {
    this.#life.limits.upload.rate = bytesPerSecond;
  }

  /**
   * What limits it beside its own limits: those of the session, a group, or
   * nothing.
   */
  get limitedBy(): LimitGroup | "session" | "nothing" {
    return this.#limitedBy;
  }
  set limitedBy(by: LimitGroup | "session" | "nothing") {
    if (by === this.#limitedBy) return;
    this.#limitedBy = by;
    this.#life.limits.putBelow(
      by === "session"
        ? undefined
        : by === "nothing"
        ? { download: undefined, upload: undefined }
        : limitsOf(by),
    );
  }

  /**
   * How often its peers have their turn where a limit is shared with others: 3 for
   * three times as often as those of a torrent with 1. Not saved.
   *
   * @default {1}
   * @throws {RangeError} If it is not from 0.01 to 100.
   */
  get limitWeight(): number {
    return this.#life.limits.weight;
  }
  set limitWeight(weight: number) {
    if (!(weight >= 0.01 && weight <= 100)) {
      throw new RangeError(
        `Cannot use limitWeight ${weight}: expected 0.01 to 100`,
      );
    }
    this.#life.limits.weight = weight;
  }

  /** Connected peers. */
  get peerCount(): number {
    return this.#life.network.peerCount;
  }

  /**
   * Subscribes to what happens from now on.
   *
   * @param options See {@linkcode EventsOptions}.
   * @returns Events, of which 4096 wait for a slow reader, the oldest lost
   * first. They end with the torrent, the signal, or when the loop is left.
   */
  events(options: EventsOptions = {}): AsyncIterable<TorrentEvent> {
    return this.#life.hub.subscribe(options);
  }

  /**
   * Adds peers to try.
   *
   * @param addresses Where they listen.
   */
  addPeers(addresses: Iterable<Endpoint>): void {
    this.#life.network.addPeers(addresses);
  }

  /** Reads the figures of the moment. */
  stats(): TorrentStats {
    return torrentStats(this.#life);
  }

  /**
   * The connected peers of the moment.
   *
   * @returns A snapshot.
   */
  peers(): PeerInfo[] {
    return peerInfos(this.#life);
  }

  /**
   * The trackers, in the order they are tried.
   *
   * @returns A snapshot.
   */
  trackers(): readonly TrackerStatus[] {
    return this.#life.network.trackers();
  }

  /**
   * The web seeds that are asked, as far as they were needed by now.
   *
   * @returns A snapshot.
   */
  webSeeds(): WebSeedStatus[] {
    return this.#life.content?.webSeeds.statuses() ?? [];
  }

  /**
   * Where else it looks for peers: the DHT, the local network, and discoveries
   * of the session's options.
   *
   * @returns A snapshot.
   */
  discoveries(): readonly DiscoveryStatus[] {
    return this.#life.network.discovery.statuses();
  }

  /** The files, pad files counted; empty until the description is known. */
  get files(): readonly TorrentFile[] {
    const count = this.metainfo?.files.length ?? 0;
    if (this.#files.length !== count) {
      this.#files = Array.from(
        { length: count },
        (_, i) => makeTorrentFile(this.#life, i),
      );
    }
    return this.#files;
  }

  /**
   * The pieces of the moment.
   *
   * @returns A snapshot, or `undefined` while they are not known and checked.
   */
  pieces(): PiecesInfo | undefined {
    return piecesInfo(this.#life);
  }

  /**
   * Describes the torrent, its peers, trackers, discoveries and files.
   *
   * @returns Plain JSON. Trackers are named by scheme and host only.
   */
  snapshot(): TorrentSnapshot {
    const files = this.files.filter((file) => !file.isPad);
    return torrentSnapshot(this.#life, files.map((file) => file.snapshot()));
  }

  /**
   * Describes the torrent so that `Session.restore` can add it again. What is
   * there of incomplete pieces is written out first.
   *
   * @param options Whether what is on disk is in it, for which checks and writes
   * are waited for. @default {it is}
   * @returns Plain JSON; it holds announce URLs, which may hold passkeys.
   * @throws {DiskError} If files cannot be looked at.
   */
  save(
    options: { readonly resumeData?: boolean } = {},
  ): Promise<SavedTorrent> {
    return saveTorrent(this.#life, options.resumeData ?? true);
  }

  /**
   * Asks trackers again, as soon as they allow.
   *
   * @param url Which one. @default {all that are in use}
   */
  reannounce(url?: string): void {
    this.#life.network.reannounce(url);
  }

  /**
   * Adds trackers behind those there are.
   *
   * @param tiers Announce URLs in tiers (BEP 12).
   */
  addTrackers(tiers: readonly (readonly string[])[]): void {
    this.#life.addTrackers(tiers);
  }

  /**
   * Replaces all trackers; the old ones are told that we leave.
   *
   * @param tiers Announce URLs in tiers (BEP 12).
   */
  replaceTrackers(tiers: readonly (readonly string[])[]): void {
    this.#life.replaceTrackers(tiers);
  }

  /**
   * Stops all transfers and keeps what is there.
   *
   * @returns A promise that resolves when peers are disconnected and trackers
   * are told; only then is `state` `"paused"`.
   */
  pause(): Promise<void> {
    return this.#life.pause();
  }

  /**
   * Resumes after {@linkcode Torrent.pause} or an error.
   *
   * @returns Whether it does; false when the same error is still there.
   */
  resume(): Promise<boolean> {
    return this.#life.resume();
  }

  /**
   * Reads and hashes all files again; peers are disconnected meanwhile.
   *
   * @returns A promise that resolves when it goes on; an error in the files is
   * told as any other.
   * @throws {SessionError} `no-metadata` if the files are not known yet,
   * `closed`.
   */
  recheck(): Promise<void> {
    return this.#life.recheck();
  }

  /**
   * Moves the files to another folder while the torrent goes on.
   *
   * @param dir The folder that is to hold its top-level name.
   * @returns A promise that resolves when all are there.
   * @throws {SessionError} `no-metadata` if the files are not known yet.
   * @throws {DiskError} If it fails; the files are where they were then.
   */
  move(dir: string): Promise<void> {
    return this.#life.move(dir);
  }

  /**
   * Selects the files to fetch; others are left out from now on.
   *
   * @param files Indices of the wanted files.
   * @throws {SessionError} `no-metadata` if the files are not known yet.
   * @throws {RangeError} If there is no such file.
   */
  async selectFiles(files: readonly number[]): Promise<void> {
    const { layout, wishes } = this.#life.needContent("choose files");
    for (const i of files) checkIndex("file", i, layout.files.length);
    const wanted = new Set(files);
    await this.#life.setFilePriorities(
      new Map(this.metainfo!.files.map((_, i) => {
        const priority = wishes.filePriority(i) || DEFAULT_PRIORITY;
        return [i, wanted.has(i) ? priority : 0];
      })),
    );
  }

  /**
   * Gives files other priorities.
   *
   * @param priorities By file index: 0 (left out) to 7 (first); 4 at first.
   * Files that are absent stay as they are.
   * @throws {SessionError} `no-metadata` if the files are not known yet.
   * @throws {RangeError} If there is no such file or priority.
   */
  async setFilePriorities(
    priorities: ReadonlyMap<number, number>,
  ): Promise<void> {
    const { layout } = this.#life.needContent("choose files");
    for (const [fileIndex, priority] of priorities) {
      checkIndex("file", fileIndex, layout.files.length);
      checkPriority(priority);
    }
    await this.#life.setFilePriorities(priorities);
  }

  /**
   * Gives pieces priorities of their own.
   *
   * @param priorities By piece index: 0 (left out) to 7 (first), or `undefined`
   * for that of its files.
   * @throws {SessionError} `no-metadata` if the files are not known yet.
   * @throws {RangeError} If there is no such piece or priority.
   */
  setPiecePriorities(
    priorities: ReadonlyMap<number, number | undefined>,
  ): void {
    const content = this.#life.needContent("choose pieces");
    for (const [pieceIndex, priority] of priorities) {
      checkIndex("piece", pieceIndex, content.layout.pieceCount);
      if (priority !== undefined) checkPriority(priority);
    }
    content.setPiecePriorities(priorities);
    this.#life.updateProgress();
  }

  /**
   * Wants a piece soon, before all others.
   *
   * @param pieceIndex Which piece.
   * @param inMs In how many milliseconds; `undefined` for no more.
   * @throws {SessionError} `no-metadata` if the files are not known yet.
   * @throws {RangeError} If there is no such piece.
   */
  setDeadline(pieceIndex: number, inMs: number | undefined): void {
    const content = this.#life.needContent("set a deadline");
    checkIndex("piece", pieceIndex, content.layout.pieceCount);
    content.setDeadline(
      pieceIndex,
      inMs === undefined ? undefined : this.#life.context.clock.now() + inMs,
    );
  }

  /**
   * Fetches pieces in another order from now on.
   *
   * @param strategy The order.
   * @throws {SessionError} `no-metadata` if the files are not known yet.
   */
  setStrategy(strategy: SelectionStrategy): void {
    this.#life.needContent("choose an order").setStrategy(strategy);
  }

  /**
   * Fetches in order, or as the session does.
   *
   * @param sequential Whether in order; a number: from that piece on.
   */
  setSequential(sequential: boolean | number): void {
    this.#life.options = {
      ...this.#life.options,
      sequential,
      strategy: undefined,
    };
    const { content, options, context } = this.#life;
    content?.setStrategy(orderOf(options, context.options, content.layout));
  }

  /**
   * Most connections; those that are there stay.
   *
   * @throws {RangeError} If it is set to what is no positive integer.
   */
  get maxPeers(): number {
    return maxPeersOf(this.#life);
  }
  set maxPeers(count: number) {
    checkAddOptions({ maxPeers: count });
    this.#life.options = { ...this.#life.options, maxPeers: count };
  }

  /**
   * Ends it: tells the trackers, writes out what is there, closes peers and
   * files. Idempotent.
   *
   * @param options Whether to delete the files, and what ends that early.
   */
  close(
    options: {
      readonly deleteFiles?: boolean;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<void> {
    return this.#life.close(options);
  }
}
