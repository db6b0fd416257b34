/**
 * One torrent of a daemon.
 *
 * @module
 */
import { toHex } from "../_shared/bytes.ts";
import { alreadyThere } from "../disk/error.ts";
import type { Torrent } from "../client/torrent.ts";
import type { TorrentStats } from "../client/types.ts";
import type { DaemonContext } from "./context.ts";
import { DaemonError } from "./error.ts";
import { firstThere } from "./first_there.ts";
import { orderOf, type TorrentRecord } from "./state/record.ts";
import type { DaemonTorrentStatus } from "./types.ts";

/** What a person may change of a torrent. */
export type TorrentChanges = Partial<
  Pick<
    TorrentRecord,
    | "labels"
    | "seedRatio"
    | "seedMinutes"
    | "seedIdleMinutes"
    | "downloadLimit"
    | "uploadLimit"
    | "honorsSessionLimits"
    | "group"
    | "bandwidthPriority"
    | "sequential"
    | "sequentialFrom"
    | "maxPeers"
  >
>;

/** Makes what users see of a torrent; for the daemon only. */
export let makeDaemonTorrent: (
  context: DaemonContext,
  id: number,
  torrent: Torrent,
  record: TorrentRecord,
) => DaemonTorrent;

/** A torrent that a daemon looks after. Made by `Daemon.add`. */
export class DaemonTorrent {
  /** Its number, the same in all runs and never used again. */
  readonly id: number;
  /** 40 hex digits by which peers and trackers call it. */
  readonly infoHash: string;
  /** What is kept of it beside what the client knows; read only. */
  readonly record: Readonly<TorrentRecord>;
  readonly #context: DaemonContext;
  readonly #record: TorrentRecord;
  #torrent: Torrent;
  /** The last change of where its files are. */
  #placing: Promise<unknown> | undefined;

  static {
    makeDaemonTorrent = (...parts) => new DaemonTorrent(...parts);
  }

  private constructor(
    context: DaemonContext,
    id: number,
    torrent: Torrent,
    record: TorrentRecord,
  ) {
    this.id = id;
    this.infoHash = toHex(torrent.infoHash);
    this.record = this.#record = record;
    this.#context = context;
    this.#torrent = torrent;
  }

  /** The client's torrent; another one after files were found elsewhere. */
  get torrent(): Torrent {
    return this.#torrent;
  }

  /** Its name: what a person renamed it to, its own, or its hash. */
  get name(): string {
    return this.#record.name ?? this.#torrent.name ?? this.infoHash;
  }

  /** Where it ends up. */
  get dir(): string {
    return this.#record.dir;
  }

  /** Its labels. */
  get labels(): readonly string[] {
    return this.#record.labels;
  }

  /** Its place in the queue, from 0. */
  get queuePosition(): number {
    return this.#context.placeOf(this.id);
  }

  /** What it is doing. */
  get status(): DaemonTorrentStatus {
    // First, as that may change the others.
    const hasTurn = this.#context.hasTurn(this.id);
    const { state, isPaused } = this.#torrent;
    if (state === "error") return "error";
    if (!this.#record.wanted) return "stopped";
    if (state === "checking" || state === "paused" && !isPaused) {
      return "checking";
    }
    if (this.#context.lacksSpace(this.id)) return "no-space";
    if (!hasTurn) return "queued";
    return state === "metadata" || state === "seeding" ? state : "downloading";
  }

  /** What stopped it, or what is wrong, in one line. */
  get error(): string | undefined {
    return this.#torrent.error?.message;
  }

  /** Share of its pieces that a check has looked at, 0 to 1, while it is checked. */
  get checkProgress(): number | undefined {
    return this.#context.checkProgress(this.id);
  }

  /** For how long payload has not moved while it runs, in milliseconds. */
  get idleMs(): number | undefined {
    return this.#context.idleMs(this.id);
  }

  /**
   * Reads the figures of the moment.
   *
   * @returns A snapshot; what earlier runs moved is counted.
   */
  stats(): TorrentStats {
    return this.#torrent.stats();
  }

  /**
   * Has it run, as soon as it is its turn.
   *
   * @param options Whether it is always its turn.
   */
  start(options: { readonly now?: boolean } = {}): void {
    this.#record.wanted = true;
    this.#record.forced = options.now ?? false;
    this.#record.startedAt = this.#context.now();
    this.#context.changed(this);
    if (this.#torrent.state === "error") void this.#torrent.resume();
    this.#context.plan();
  }

  /** Stops it until `start()`. */
  stop(): void {
    this.#record.wanted = false;
    this.#record.forced = false;
    this.#context.changed(this);
    this.#context.plan();
  }

  /**
   * Reads and hashes all files again.
   *
   * @throws {DaemonError} `no-metadata` if they are not known yet.
   */
  verify(): void {
    this.#needFiles("check");
    void this.#torrent.recheck().catch((error) =>
      this.#context.failed(this, error)
    );
    this.#context.changed(this);
  }

  /** Asks the trackers again, as soon as they allow. */
  reannounce(): void {
    this.#torrent.reannounce();
  }

  /**
   * Changes what may be chosen.
   *
   * @param changes What is to be otherwise.
   */
  set(changes: TorrentChanges): void {
    Object.assign(this.#record, changes);
    this.#edited();
    this.#context.applyLimits(this);
    if ((changes.sequential ?? changes.sequentialFrom) !== undefined) {
      this.#torrent.setSequential(orderOf(this.#record));
    }
    if (changes.maxPeers !== undefined) {
      this.#torrent.maxPeers = changes.maxPeers;
    }
    this.#context.plan();
  }

  /**
   * Gives files other priorities.
   *
   * @param priorities By file index: 0 (left out) to 7 (first).
   * @throws {DaemonError} `no-metadata`; {RangeError} if there is no such file.
   */
  async setFilePriorities(
    priorities: ReadonlyMap<number, number>,
  ): Promise<void> {
    this.#needFiles("choose files");
    await this.#torrent.setFilePriorities(priorities);
    await this.#saveOptions();
  }

  /**
   * Uses these trackers only.
   *
   * @param tiers Announce URLs in tiers.
   */
  async setTrackers(tiers: readonly (readonly string[])[]): Promise<void> {
    this.#torrent.replaceTrackers(tiers);
    await this.#saveOptions();
  }

  /**
   * Stores it in another folder.
   *
   * @param dir The folder that is to hold its top-level name. @default {where it
   * ends up; that may be another one by the time it is moved}
   * @param options Whether the files are moved there; otherwise they are looked
   * for there. @default {moved}
   * @throws {DiskError} If the files cannot be moved; they are where they were.
   */
  move(
    dir?: string,
    options: { readonly data?: boolean } = {},
  ): Promise<void> {
    return this.#inTurn(async () => {
      const { dir: last } = this.#record;
      if (dir !== undefined || this.#torrent.dir !== last) {
        await this.#move(dir ?? last, options);
      }
    });
  }

  async #move(
    dir: string,
    options: { readonly data?: boolean },
  ): Promise<void> {
    const { data = true } = options;
    const allowed = this.#context.allowedDir(dir);
    if (this.#torrent.dir !== allowed) {
      // Until they are checked nobody knows which files are there to be moved.
      if (data && this.#isUnchecked) await this.#checked();
      if (data && this.#torrent.storage !== undefined) {
        await this.#moveFiles(allowed);
      } else await this.#openAt(allowed);
    }
    this.#record.dir = allowed;
    await this.#saveOptions();
    delete this.#record.moving;
    this.#context.keep();
    this.#context.publish({ type: "moved", torrent: this, dir: allowed });
  }

  /**
   * Renames a file or a folder.
   *
   * @param path Where it is: the torrent's name, or a path below it with `/`.
   * @param name What it is to be called.
   * @throws {DaemonError} `not-found`, `no-metadata`, `bad-setting` for a name
   * that is none. {DiskError} if something is there.
   */
  rename(path: string, name: string): Promise<void> {
    return this.#inTurn(() => this.#rename(path, name));
  }

  /** One after the other: a crash meanwhile is to find one thing to finish. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#placing === undefined
      ? work()
      : this.#placing.then(work);
    const ended = this.#placing = done.catch(() => {}).finally(() => {
      if (this.#placing === ended) this.#placing = undefined;
    });
    return done;
  }

  async #rename(path: string, name: string): Promise<void> {
    this.#needFiles("rename files");
    if (/^$|^\.\.?$|[/\\\0]/.test(name)) {
      throw new DaemonError(
        "bad-setting",
        `${JSON.stringify(name)} is not a file name`,
      );
    }
    const from = path.split("/").filter((part) => part !== "");
    const at = from.length - 1;
    const inside = this.#torrent.files.filter((file) =>
      !file.isPad && from.every((part, i) => file.path[i] === part)
    );
    if (at < 0 || inside.length === 0) {
      throw new DaemonError(
        "not-found",
        `Torrent ${this.id} has no ${JSON.stringify(path)}`,
      );
    }
    const renaming = inside.map(({ index, path: from }) => ({
      index,
      from,
      to: from.with(at, name),
    }));
    this.#record.renaming = renaming;
    this.#context.changed(this);
    this.#context.keep();
    try {
      for (const [i, { to }] of renaming.entries()) await inside[i]!.rename(to);
      if (at === 0) this.#record.name = name;
    } finally {
      await this.#saveOptions();
      delete this.#record.renaming;
      // Nobody is to finish it.
      this.#context.changed(this);
      this.#context.keep();
    }
  }

  /** Whether its files are checked for the first time now. */
  get #isUnchecked(): boolean {
    const { storage, state } = this.#torrent;
    return storage === undefined && state === "checking";
  }

  /** Waits for the end of that, or of the torrent. */
  async #checked(): Promise<void> {
    for await (const _ of this.#torrent.events()) {
      if (!this.#isUnchecked) return;
    }
  }

  /** Moves the files; a crash meanwhile leaves a note that it is to be finished. */
  async #moveFiles(to: string): Promise<void> {
    const storage = this.#torrent.storage!;
    // Other torrents may have files in the same folders, or in place of those left out.
    const places = storage.ownPlaces;
    const names = places.map((path) => path.join("/"));
    // After a crash nobody could tell what was there before from what was moved.
    const taken = await firstThere(to, names);
    if (taken !== undefined) throw alreadyThere("move", taken.split("/"));
    this.#record.moving = { to, names };
    this.#context.changed(this);
    this.#context.keep();
    try {
      await this.#torrent.move(to);
    } catch (error) {
      delete this.#record.moving;
      this.#context.changed(this);
      // Nobody is to finish it.
      this.#context.keep();
      throw error;
    }
  }

  /** Opens it again with its files elsewhere, which are checked. */
  async #openAt(dir: string): Promise<void> {
    const saved = await this.#torrent.save({ resumeData: false });
    await this.#torrent.close();
    if (this.queuePosition < 0) {
      throw new DaemonError("not-found", `Torrent ${this.id} was removed`);
    }
    // What was known is of other files.
    delete this.#record.complete;
    this.#torrent = this.#context.reopen(this.id, { ...saved, dir });
    this.#context.plan();
  }

  #needFiles(action: string): void {
    if (this.#torrent.metainfo !== undefined) return;
    throw new DaemonError(
      "no-metadata",
      `Cannot ${action} before they are known`,
    );
  }

  #edited(): void {
    this.#record.editedAt = this.#context.now();
    this.#context.changed(this);
  }

  async #saveOptions(): Promise<void> {
    this.#edited();
    await this.#context.saveOptions(this);
  }
}
