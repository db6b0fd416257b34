/**
 * Torrents that are looked after for months.
 *
 * @module
 */
import { tryFromHex } from "../_shared/bytes.ts";
import { type Clock, systemClock, within } from "../_shared/clock.ts";
import { Session } from "../client/session.ts";
import type { IpSet } from "../handshake/ip_set.ts";
import type { DaemonTorrent } from "./daemon_torrent.ts";
import { DaemonError } from "./error.ts";
import { allowedDir } from "./rules/allowed_dir.ts";
import type { QueueMove } from "./rules/queue_order.ts";
import { sessionOptions, speedLimits } from "./rules/session_options.ts";
import { Completion } from "./run/completion.ts";
import { Engine } from "./run/engine.ts";
import { freeSpace, Upkeep } from "./run/upkeep.ts";
import { HookRunner } from "./run/hook_runner.ts";
import { Leaving } from "./run/record_keeper.ts";
import { loadTorrents } from "./run/load.ts";
import { Intake } from "./run/intake.ts";
import { readJson, SettingsKeeper } from "./run/settings_keeper.ts";
import { addTotals } from "./run/totals.ts";
import { unlessEnded } from "./run/unless_ended.ts";
import type { DaemonSettings } from "./settings.ts";
import { StateFile, type UnreadTorrent } from "./state/state_file.ts";
import type {
  DaemonAddOptions,
  DaemonEvent,
  DaemonOptions,
  DaemonStats,
  DaemonTotals,
} from "./types.ts";

/** Removed torrents that are remembered. */
const MAX_REMOVED = 1000;
/** How often the DHT table and the time are kept, in milliseconds. */
const FIGURES_MS = 600_000;
/** How long closing waits for trackers and disks, in milliseconds. */
const CLOSE_MS = 8_000;

/** Torrents with a queue, goals, limits and a memory that outlives the program. */
export class Daemon implements AsyncDisposable {
  readonly #options: DaemonOptions;
  readonly #state: StateFile;
  readonly #session: Session;
  readonly #engine: Engine;
  readonly #stopping = new AbortController();
  readonly #closed = Promise.withResolvers<void>();
  readonly #removed: { readonly id: number; readonly at: number }[] = [];
  readonly #openedAt: number;
  readonly #before: object;
  readonly #hooks = new HookRunner();
  readonly #completion: Completion;
  readonly #intake: Intake;
  readonly #upkeep: Upkeep;
  /** What was read of block lists, whether it counts or not. */
  #blocklist: IpSet | undefined;
  #unread: readonly UnreadTorrent[] = [];
  readonly #leaving: Leaving;
  /** Moved and added when totals were kept last. */
  #keptMark = "";
  #keptAt: number;
  readonly #settings: SettingsKeeper;
  readonly #clock: Clock;
  #closing: Promise<void> | undefined;

  private constructor(
    options: DaemonOptions,
    state: StateFile,
    session: Session,
    settings: SettingsKeeper,
  ) {
    const { clock = systemClock, now = Date.now } = options;
    this.#options = options;
    this.#clock = clock;
    this.#state = state;
    this.#session = session;
    this.#settings = settings;
    this.#leaving = new Leaving(state);
    this.#openedAt = this.#keptAt = clock.now();
    this.#before = readJson(state.kept("totals"));
    const { downloadDir, incompleteDir, labelDirs } = settings.current;
    const named = [downloadDir, incompleteDir, ...Object.values(labelDirs)]
      .filter((dir) => dir !== "");
    const allowed = options.allowedDirs && [...options.allowedDirs, ...named];
    this.#engine = new Engine({
      state,
      session,
      clock,
      now,
      settings: () => settings.current,
      allowedDir: (dir) => allowedDir(dir, Deno.cwd, allowed),
      onComplete: (torrent, came) =>
        came ? completion.completed(torrent) : completion.resume(torrent),
      onRemove: (torrent) =>
        void this.remove(torrent).catch((error) =>
          this.#engine.failed(torrent, error)
        ),
    });
    this.#intake = new Intake({
      state,
      session,
      engine: this.#engine,
      settings: () => settings.current,
      fetchTorrent: options.fetchTorrent,
      signal: this.#stopping.signal,
    });
    const completion = new Completion({
      context: this.#engine,
      settings: () => settings.current,
      hooks: this.#hooks,
    });
    this.#completion = completion;
    this.#upkeep = new Upkeep({
      engine: this.#engine,
      clock,
      now,
      settings: () => settings.current,
      add: (source) => this.add(source),
      keepFigures: () => this.#keepFigures(),
      setAltSpeed: (enabled) =>
        this.set({ altSpeed: { ...this.settings.altSpeed, enabled } }),
    });
  }

  /**
   * Opens a daemon: its state, its session, its torrents, which are checked one
   * after the other. Needs `--allow-net`, and `--allow-read` and `--allow-write`
   * of the state and of the folders of torrents.
   *
   * @param options See {@linkcode DaemonOptions}.
   * @returns The daemon.
   * @throws {DaemonError} `locked`, `bad-state`, `io` for the state file;
   * `bad-setting`. Whatever the session throws.
   */
  static async open(options: DaemonOptions): Promise<Daemon> {
    const state = await StateFile.open(options.state);
    try {
      const settings = new SettingsKeeper(
        state,
        options.dir === undefined ? {} : { downloadDir: options.dir },
        options.settings ?? {},
      );
      const dht = state.kept("dht");
      const wanted = sessionOptions(
        settings.current,
        dht instanceof Uint8Array ? dht : undefined,
      );
      const { session = {} } = options;
      const opened = typeof session === "function"
        ? await session(wanted, settings.current)
        : await Session.open({
          ...wanted,
          ...(options.clock === undefined ? {} : { clock: options.clock }),
          ...session,
        });
      const daemon = new Daemon(options, state, opened, settings);
      await daemon.#begin();
      return daemon;
    } catch (error) {
      state[Symbol.dispose]();
      throw error;
    }
  }

  /** The client's session. */
  get session(): Session {
    return this.#session;
  }

  /** What holds now. */
  get settings(): DaemonSettings {
    return this.#settings.current;
  }

  /** The torrents, in the order of their ids. */
  get torrents(): readonly DaemonTorrent[] {
    return [...this.#engine.torrents.values()].sort((a, b) => a.id - b.id);
  }

  /** Torrents of the state file that cannot be read; they stay in it. */
  get unread(): readonly UnreadTorrent[] {
    return this.#unread;
  }

  /** Resolves when everything is closed; never rejects. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** What is under way: torrents that are not closed, programs that run. */
  get pending(): { readonly torrents: number; readonly hooks: number } {
    return {
      torrents: this.#session.torrents.length,
      hooks: this.#hooks.running,
    };
  }

  /**
   * Looks a torrent up.
   *
   * @param key Its id, or any of its hashes in hex.
   * @returns The torrent, or `undefined`.
   */
  get(key: number | string): DaemonTorrent | undefined {
    if (typeof key === "number") return this.#engine.torrents.get(key);
    const hash = tryFromHex(key);
    return hash && this.#engine.ourOf(this.#session.get(hash));
  }

  /**
   * Subscribes to what happens from now on.
   *
   * @param options The signal that ends the events.
   * @returns Events, of which 4096 wait for a slow reader, the oldest lost first.
   */
  events(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncIterable<DaemonEvent> {
    return this.#engine.hub.subscribe(options);
  }

  /**
   * Adds a torrent. When the promise resolves, it is kept whatever happens.
   *
   * @param source Bytes of a torrent file, a magnet link, an info-hash in hex,
   * or an http or https URL of a torrent file.
   * @param options See {@linkcode DaemonAddOptions}.
   * @returns The torrent.
   * @throws {DaemonError} `bad-source`, `not-fetched`, `duplicate` with the
   * `id`, `bad-setting` for a folder, `io` if it cannot be kept.
   */
  async add(
    source: Uint8Array | string,
    options: DaemonAddOptions = {},
  ): Promise<DaemonTorrent> {
    this.#checkOpen();
    return await this.#intake.add(source, options);
  }

  /**
   * Removes a torrent.
   *
   * @param torrent Which one.
   * @param options Whether its files are deleted.
   * @returns A promise that resolves when it is closed.
   * @throws {DiskError} If files cannot be deleted; the torrent is gone then.
   */
  async remove(
    torrent: DaemonTorrent,
    options: { readonly data?: boolean } = {},
  ): Promise<void> {
    const { id, infoHash, record } = torrent;
    const { data = false } = options;
    if (this.#engine.torrents.get(id) !== torrent) return;
    if (data) this.#state.beginRemoval(id, record);
    else this.#state.remove(id);
    this.#engine.forget(torrent);
    this.#removed.push({ id, at: this.#engine.now() });
    if (this.#removed.length > MAX_REMOVED) this.#removed.shift();
    this.#engine.publish({ type: "removed", id, infoHash });
    const { signal } = this.#stopping;
    try {
      await torrent.torrent.close({ deleteFiles: data, signal });
    } finally {
      // What is ended by the end of the daemon is finished by the next one.
      if (data && !signal.aborted) this.#leaving.forget(id);
    }
  }

  /**
   * Tells which torrents were removed of late; at most 1000 are remembered.
   *
   * @param since Milliseconds since 1970.
   * @returns Their ids.
   */
  removedSince(since: number): number[] {
    return this.#removed.filter(({ at }) => at >= since).map(({ id }) => id);
  }

  /**
   * Moves torrents in the queue.
   *
   * @param torrents Which ones.
   * @param where Where to, or the place of the first, from 0.
   */
  moveInQueue(
    torrents: Iterable<DaemonTorrent>,
    where: QueueMove | number,
  ): void {
    const ids = Array.from(torrents, ({ id }) => id);
    const { order } = this.#engine;
    if (typeof where !== "number") order.move(ids, where);
    else ids.forEach((id, i) => order.put(id, where + i));
    this.#engine.keepOrder();
    this.#engine.plan();
  }

  /**
   * Changes settings, and keeps them.
   *
   * @param changes What is to hold, by name.
   * @throws {DaemonError} `bad-setting`, and nothing is changed; `io`.
   */
  set(changes: Partial<DaemonSettings>): void {
    this.#checkOpen();
    const { sources } = this.settings.blocklist;
    this.#settings.set(changes, (dir) => this.#engine.allowedDir(dir));
    this.#apply();
    const { blocklist } = this.settings;
    const isOther = `${blocklist.sources}` !== `${sources}`;
    if (blocklist.enabled && (isOther || this.#blocklist === undefined)) {
      this.updateBlocklist()
        .catch((error) => this.#engine.failed(undefined, error));
    }
    this.#engine.publish({
      type: "settings",
      names: Object.keys(changes) as (keyof DaemonSettings)[],
    });
  }

  /** Looks at watched folders, disks and the clock now, not in some seconds. */
  refresh(): Promise<void> {
    return this.#upkeep.go();
  }

  /**
   * Reads the block lists again, whether they count or not.
   *
   * @returns How many ranges they have.
   * @throws Whatever `loadBlocklist` does; the old list stays then.
   */
  async updateBlocklist(): Promise<number> {
    const { sources } = this.settings.blocklist;
    const { loadBlocklist } = this.#options;
    this.#blocklist = sources.length === 0 || loadBlocklist === undefined
      ? undefined
      : await loadBlocklist(sources, this.#stopping.signal);
    this.#obeyBlocklist();
    return this.#blocklist?.size ?? 0;
  }

  /**
   * Tells how much room there is. Needs `--allow-sys=statfs`.
   *
   * @param dir A folder; the nearest one above it that exists counts.
   * @returns Bytes, and whether the folder itself exists.
   * @throws {DaemonError} `not-found`, `bad-setting`.
   */
  async freeSpace(
    dir: string,
  ): Promise<{ free: number; total: number; exists: boolean }> {
    return await freeSpace(this.#engine.allowedDir(dir));
  }

  /** Reads the figures of the moment. */
  stats(): DaemonStats {
    let downloadRate = 0;
    let uploadRate = 0;
    let running = 0;
    let stopped = 0;
    for (const { id, record, torrent } of this.#engine.torrents.values()) {
      if (!record.wanted) stopped++;
      if (!this.#engine.hasTurn(id)) continue;
      running++;
      if (torrent.state === "seeding" && torrent.peerCount === 0) continue;
      const stats = torrent.stats();
      downloadRate += stats.downloadRate;
      uploadRate += stats.uploadRate;
    }
    return {
      torrents: this.#engine.torrents.size,
      running,
      stopped,
      downloadRate,
      uploadRate,
      peers: this.#session.peerCount,
      current: this.#current(),
      total: this.#total(),
    };
  }

  /**
   * Closes everything: keeps what is known, tells trackers, closes files. What
   * takes longer than 8 s is given up. Idempotent.
   *
   * @returns A promise that resolves when it is closed.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close().finally(this.#closed.resolve);
  }

  /** Same as {@linkcode Daemon.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #begin(): Promise<void> {
    try {
      this.#keepTotals();
      if (this.settings.blocklist.enabled) await this.updateBlocklist();
      this.#unread = await loadTorrents(
        this.#state,
        this.#engine,
        this.settings.incompleteSuffix,
      );
      this.#engine.plan();
      for (const torrent of this.#engine.torrents.values()) {
        this.#completion.resume(torrent);
      }
      // What it finds is told to those who listen as soon as we are open.
      void this.#upkeep.go();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async #close(): Promise<void> {
    this.#stopping.abort(new DaemonError("closed", "The daemon is closed"));
    this.#hooks.close();
    await this.#upkeep.close();
    await this.#engine.close();
    try {
      this.#keepTotals();
      this.#keepDht();
    } catch {
      // A full disk keeps nobody from ending.
    }
    const session = this.#session.close()
      .catch(unlessEnded(this.#stopping.signal));
    try {
      await within(this.#clock, CLOSE_MS, session);
    } finally {
      this.#state[Symbol.dispose]();
    }
    await this.#engine.done;
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new DaemonError("closed", "The daemon is closed");
  }

  #apply(): void {
    const { download, upload } = speedLimits(this.settings);
    this.#session.downloadLimit = download;
    this.#session.uploadLimit = upload;
    this.#engine.applyGroups();
    this.#engine.plan();
    this.#obeyBlocklist();
  }

  #obeyBlocklist(): void {
    const { enabled } = this.settings.blocklist;
    const list = enabled ? this.#blocklist : undefined;
    if (this.#session.blocklist !== list) this.#session.blocklist = list;
  }

  #current(): DaemonTotals {
    const { downloaded, uploaded } = this.#engine.moved;
    return {
      downloadedBytes: downloaded,
      uploadedBytes: uploaded,
      torrentsAdded: this.#intake.added,
      runs: 1,
      activeMs: this.#clock.now() - this.#openedAt,
    };
  }

  #total(): DaemonTotals {
    return addTotals(this.#before, this.#current());
  }

  /** Keeps figures that changed, and now and then those that always do. */
  #keepFigures(): void {
    const { downloaded, uploaded } = this.#engine.moved;
    const mark = `${downloaded} ${uploaded} ${this.#intake.added}`;
    const isDue = this.#clock.now() - this.#keptAt >= FIGURES_MS;
    if (mark !== this.#keptMark || isDue) this.#keepTotals();
    this.#keptMark = mark;
    this.#leaving.retry();
    if (!isDue) return;
    this.#keptAt = this.#clock.now();
    this.#keepDht();
  }

  #keepDht(): void {
    const dht = this.#session.dht?.state();
    if (dht !== undefined) this.#state.keep("dht", dht);
  }

  #keepTotals(): void {
    this.#state.keep("totals", JSON.stringify(this.#total()));
  }
}
