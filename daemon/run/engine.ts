/**
 * Looks after the torrents of a daemon: turns, figures, goals, what is kept.
 *
 * @module
 */
import { tryFromHex } from "../../_shared/bytes.ts";
import type { Clock } from "../../_shared/clock.ts";
import { EventHub } from "../../_shared/event_queue.ts";
import type { SavedTorrent } from "../../client/mod.ts";
import type { Session } from "../../client/session.ts";
import type { SessionEvent } from "../../client/session_view.ts";
import type { Torrent } from "../../client/torrent.ts";
import type { AddTorrentOptions, TorrentStats } from "../../client/types.ts";
import { type DaemonTorrent, makeDaemonTorrent } from "../daemon_torrent.ts";
import { DaemonError } from "../error.ts";
import { QueueMachine } from "../rules/queue_machine.ts";
import { QueueOrder } from "../rules/queue_order.ts";
import { goalReached, goalsOf } from "../rules/seed_goal.ts";
import type { DaemonSettings } from "../settings.ts";
import type { TorrentRecord } from "../state/record.ts";
import type { StateFile } from "../state/state_file.ts";
import type { DaemonEvent } from "../types.ts";
import type { Book } from "./book.ts";
import { LimitGroups } from "./limit_groups.ts";
import { queueEntry } from "./queue_entry.ts";
import { RecordKeeper } from "./record_keeper.ts";
import type { DaemonContext } from "../context.ts";

/** Between two looks at all torrents, in milliseconds. */
const LOOK_MS = 2_000;
/** How often figures are kept of torrents that move something, in milliseconds. */
const FIGURES_MS = 10_000;
/** How often those of all that run are, in milliseconds. */
const ALL_FIGURES_MS = 600_000;
/** How long turns may wait to be given anew while nobody asks, in milliseconds. */
const PLAN_MS = 100;

/** What an engine works with. */
export interface EngineOptions {
  /** Where everything is kept. */
  readonly state: StateFile;
  /** The client. */
  readonly session: Session;
  /** What holds now. */
  readonly settings: () => DaemonSettings;
  /** Monotonic clock. */
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Makes a folder's name absolute; throws where it may not be used. */
  readonly allowedDir: (dir: string) => string;
  /** All that is wanted of a torrent is there; whether it came from peers. */
  readonly onComplete: (torrent: DaemonTorrent, came: boolean) => void;
  /** A torrent reached a goal after which it is removed. */
  readonly onRemove: (torrent: DaemonTorrent) => void;
}

/** The torrents of a daemon. */
export class Engine implements DaemonContext {
  /** By id. */
  readonly torrents: Map<number, DaemonTorrent> = new Map();
  /** The queue. */
  readonly order: QueueOrder = new QueueOrder();
  /** Who listens. */
  readonly hub: EventHub<DaemonEvent> = new EventHub();
  /** Folders that lack room. */
  readonly fullDirs: Set<string> = new Set();
  /** Moved in this run. */
  readonly moved = { downloaded: 0, uploaded: 0 };
  readonly #options: EngineOptions;
  readonly #turns = new QueueMachine();
  readonly #groups: LimitGroups;
  readonly #books = new Map<number, Book>();
  readonly #ours = new WeakMap<Torrent, DaemonTorrent>();
  readonly #keeper: RecordKeeper;
  readonly #watching: Promise<void>;
  #cancelLook: () => void = () => {};
  /** Defined while turns are to be given anew. */
  #cancelPlan: (() => void) | undefined;
  #figuresAt = 0;
  #allFiguresAt = 0;
  #closed = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#keeper = new RecordKeeper({
      ...options,
      placeOf: (id) => this.placeOf(id),
      failed: (error) => this.failed(undefined, error),
    });
    this.#groups = new LimitGroups(() => options.session.limitGroup());
    this.#groups.set(options.settings().groups);
    this.#watching = this.#watch(options.session.events());
    this.#figuresAt = this.#allFiguresAt = options.clock.now();
    this.#scheduleLook();
  }

  now(): number {
    return this.#options.now();
  }

  placeOf(id: number): number {
    return this.order.placeOf(id);
  }

  hasTurn(id: number): boolean {
    this.#planNow();
    return this.#turns.has(id);
  }

  lacksSpace(id: number): boolean {
    const torrent = this.torrents.get(id);
    return torrent !== undefined && !torrent.record.complete &&
      this.fullDirs.has(torrent.torrent.dir ?? "");
  }

  checkProgress(id: number): number | undefined {
    return this.#books.get(id)?.checkProgress;
  }

  idleMs(id: number): number | undefined {
    const book = this.#books.get(id);
    return book !== undefined && this.#turns.has(id)
      ? this.#options.clock.now() - book.movedAt
      : undefined;
  }

  allowedDir(dir: string): string {
    return this.#options.allowedDir(dir);
  }

  publish(event: DaemonEvent): void {
    this.hub.publish(event);
  }

  failed(torrent: DaemonTorrent | undefined, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.publish({ type: "error", torrent, message });
  }

  /** The torrent that a torrent of the client belongs to. */
  ourOf(torrent: Torrent | undefined): DaemonTorrent | undefined {
    return torrent && this.#ours.get(torrent);
  }

  /** Whether a hash, in hex, is one of a torrent's. */
  isCalled(torrent: Torrent, hash: string): boolean {
    const bytes = tryFromHex(hash);
    return bytes !== undefined && this.#options.session.get(bytes) === torrent;
  }

  /** Options of every torrent. */
  options(id: () => number | undefined): AddTorrentOptions {
    return {
      paused: true,
      expectFiles: true,
      saveResumeData: (data) => {
        const known = id();
        if (known !== undefined && this.torrents.has(known)) {
          this.#options.state.saveResume(known, data);
        }
        return Promise.resolve();
      },
    };
  }

  /** Takes a torrent of the client in, last in the queue. */
  adopt(id: number, torrent: Torrent, record: TorrentRecord): DaemonTorrent {
    const ours = makeDaemonTorrent(this, id, torrent, record);
    this.torrents.set(id, ours);
    this.order.add(id);
    this.#ours.set(torrent, ours);
    const now = this.#options.clock.now();
    this.#books.set(id, {
      state: torrent.state,
      checkProgress: undefined,
      seenAt: now,
      movedAt: now,
      wantedBytes: 0,
      status: "",
    });
    this.applyLimits(ours);
    return ours;
  }

  reopen(id: number, saved: SavedTorrent): Torrent {
    const [torrent] = this.#options.session.restore(
      { version: 1, torrents: [saved] },
      () => this.options(() => id),
    );
    if (torrent === undefined) {
      throw new DaemonError("duplicate", `Torrent ${id} was already added`);
    }
    const ours = this.torrents.get(id);
    if (ours !== undefined) {
      this.#options.state.saveResume(id, undefined);
      this.#ours.set(torrent, ours);
      this.#books.get(id)!.state = torrent.state;
    }
    return torrent;
  }

  /** Lets a torrent go. */
  forget(torrent: DaemonTorrent): void {
    const { id } = torrent;
    this.torrents.delete(id);
    this.order.remove(id);
    this.#books.delete(id);
    this.#keeper.forget(torrent);
    this.plan();
  }

  changed(torrent: DaemonTorrent): void {
    if (this.#closed || !this.torrents.has(torrent.id)) return;
    this.#keeper.soon(torrent);
    // Its status may be another.
    this.plan();
  }

  applyLimits({ torrent, record }: DaemonTorrent): void {
    this.#groups.apply(torrent, record);
  }

  /** Has all torrents obey the limits of their groups. */
  applyGroups(): void {
    this.#groups.set(this.#options.settings().groups);
    for (const torrent of this.torrents.values()) this.applyLimits(torrent);
  }

  /** Keeps what is not kept yet. */
  keep(): void {
    this.#keeper.keep();
  }

  /** Keeps the order of the queue. */
  keepOrder(): void {
    for (const torrent of this.torrents.values()) this.#keeper.note(torrent);
    this.keep();
  }

  async saveOptions({ id, torrent, record }: DaemonTorrent): Promise<void> {
    const { state } = this.#options;
    const saved = await torrent.save({ resumeData: false });
    if (!this.torrents.has(id)) return;
    // Both say where the files are.
    state.together(() => {
      state.saveOptions(id, saved);
      state.saveRecord(id, this.placeOf(id), record);
    });
  }

  plan(): void {
    if (this.#closed) return;
    const { clock } = this.#options;
    this.#cancelPlan ??= clock.schedule(
      clock.now() + PLAN_MS,
      () => this.#planNow(),
    );
  }

  /** Gives turns anew, if that is due. */
  #planNow(): void {
    if (this.#cancelPlan === undefined) return;
    this.#cancelPlan();
    this.#cancelPlan = undefined;
    const { downloadQueue, seedQueue, stalledMinutes } = this.#options
      .settings();
    this.#turns.plan(
      this.order.ids.map((id) =>
        queueEntry(this.torrents.get(id)!, this, stalledMinutes)
      ),
      { download: downloadQueue, seed: seedQueue },
    );
    for (const ours of this.torrents.values()) this.#obey(ours);
  }

  /** Looks at all torrents; time has passed. */
  look(): void {
    const now = this.#options.clock.now();
    for (const torrent of [...this.torrents.values()]) this.#look(torrent, now);
    this.plan();
    if (now - this.#allFiguresAt >= ALL_FIGURES_MS) {
      this.#allFiguresAt = now;
      this.#noteRunning();
    }
    if (now - this.#figuresAt >= FIGURES_MS) {
      this.#figuresAt = now;
      this.keep();
    }
  }

  /** Stops looking; keeps everything. */
  async close(): Promise<void> {
    this.look();
    this.#closed = true;
    this.#cancelLook();
    this.#cancelPlan?.();
    this.#cancelPlan = undefined;
    this.#noteRunning();
    for (const torrent of this.torrents.values()) {
      if (torrent.torrent.peerCount > 0) {
        await this.saveOptions(torrent).catch(() => {});
      }
    }
    this.keep();
    this.hub.close();
  }

  /** Time has passed for those that run. */
  #noteRunning(): void {
    for (const [id, torrent] of this.torrents) {
      if (this.#turns.has(id)) this.#keeper.note(torrent);
    }
  }

  /** Resolves when the session tells no more. */
  get done(): Promise<void> {
    return this.#watching;
  }

  #scheduleLook(): void {
    const { clock } = this.#options;
    this.#cancelLook = clock.schedule(clock.now() + LOOK_MS, () => {
      this.look();
      if (!this.#closed) this.#scheduleLook();
    });
  }

  /** Has the client do what the queue says. */
  #obey(ours: DaemonTorrent): void {
    const { id, torrent } = ours;
    const mayRun = this.#turns.has(id);
    if (torrent.state !== "error" && torrent.isPaused === mayRun) {
      const now = this.#options.clock.now();
      const book = this.#books.get(id)!;
      book.movedAt = book.seenAt = now;
      const act = mayRun ? torrent.resume() : torrent.pause();
      act.catch((error: unknown) => this.failed(ours, error));
    }
    this.#tellStatus(ours);
  }

  #tellStatus(torrent: DaemonTorrent): void {
    const book = this.#books.get(torrent.id);
    const { status } = torrent;
    if (book === undefined || book.status === status) return;
    book.status = status;
    this.publish({ type: "status", torrent, status });
  }

  #look(ours: DaemonTorrent, now: number): void {
    const { id, torrent } = ours;
    const record = ours.record as TorrentRecord;
    const book = this.#books.get(id);
    // It was removed meanwhile.
    if (book === undefined) return;
    const { state } = torrent;
    if (state !== book.state) this.#stateChanged(ours, book, now);
    const elapsed = now - book.seenAt;
    book.seenAt = now;
    if (!this.#turns.has(id)) return;
    if (state === "seeding") record.seedingMs += elapsed;
    else if (state !== "checking") record.downloadingMs += elapsed;
    if (state !== "seeding" || torrent.peerCount > 0) {
      this.#count(ours, book, torrent.stats(), now);
    }
    if (state === "seeding") this.#checkGoals(ours, book, now);
  }

  /** Notes what moved. */
  #count(
    ours: DaemonTorrent,
    book: Book,
    { downloadedBytes, uploadedBytes }: TorrentStats,
    now: number,
  ): void {
    const record = ours.record as TorrentRecord;
    const down = downloadedBytes - record.downloadedBytes;
    const up = uploadedBytes - record.uploadedBytes;
    if (down === 0 && up === 0) return;
    this.moved.downloaded += Math.max(0, down);
    this.moved.uploaded += Math.max(0, up);
    Object.assign(record, { downloadedBytes, uploadedBytes });
    record.activeAt = this.now();
    book.movedAt = now;
    this.#keeper.note(ours);
  }

  #stateChanged(ours: DaemonTorrent, book: Book, now: number): void {
    const { torrent } = ours;
    const record = ours.record as TorrentRecord;
    book.state = torrent.state;
    if (torrent.state !== "checking") book.checkProgress = undefined;
    if (torrent.state === "error") this.failed(ours, torrent.error);
    const stats = torrent.stats();
    const { wantedBytes, doneBytes, downloadedBytes } = stats;
    this.#count(ours, book, stats, now);
    book.wantedBytes = wantedBytes;
    if (torrent.storage !== undefined && torrent.state !== "checking") {
      const complete = torrent.state === "seeding" || doneBytes >= wantedBytes;
      const wasComplete = record.complete ?? record.doneAt !== undefined;
      const came = complete && !wasComplete && downloadedBytes > 0;
      record.complete = complete;
      if (complete) record.doneAt ??= this.now();
      if (came) this.publish({ type: "completed", torrent: ours });
      if (complete) this.#options.onComplete(ours, came);
    }
    this.changed(ours);
  }

  #checkGoals(ours: DaemonTorrent, book: Book, now: number): void {
    const settings = this.#options.settings();
    const record = ours.record as TorrentRecord;
    const goal = goalReached({
      uploadedBytes: record.uploadedBytes,
      size: book.wantedBytes,
      seedingMs: record.seedingMs,
      idleMs: now - book.movedAt,
    }, goalsOf(record, settings));
    if (goal === undefined || record.forced) return;
    this.publish({ type: "goal", torrent: ours, goal });
    if (settings.goalAction === "remove") this.#options.onRemove(ours);
    else ours.stop();
  }

  async #watch(events: AsyncIterable<SessionEvent>): Promise<void> {
    for await (const notice of events) {
      if (notice.type !== "torrent") continue;
      const ours = this.#ours.get(notice.torrent);
      if (this.#closed || !ours || !this.torrents.has(ours.id)) continue;
      const { event } = notice;
      switch (event.type) {
        case "checking":
          this.#books.get(ours.id)!.checkProgress = event.checked /
            Math.max(1, event.total);
          break;
        case "metadata":
          await this.#described(ours);
          break;
        case "state":
        case "complete":
          this.#look(ours, this.#options.clock.now());
          this.plan();
          break;
        case "warning":
          this.publish({
            type: "warning",
            torrent: ours,
            message: event.message,
          });
          break;
        case "tracker": {
          const { tracker, ok, error } = event;
          this.publish({ type: "tracker", torrent: ours, tracker, ok, error });
          break;
        }
      }
    }
  }

  /** The info dictionary came from peers. */
  async #described(ours: DaemonTorrent): Promise<void> {
    const { state, settings } = this.#options;
    const { defaultTrackers } = settings();
    if (!ours.torrent.isPrivate && defaultTrackers.length > 0) {
      ours.torrent.addTrackers(defaultTrackers.map((url) => [url]));
    }
    try {
      const saved = await ours.torrent.save({ resumeData: false });
      if (!this.torrents.has(ours.id)) return;
      state.together(() => {
        state.saveSource(ours.id, saved);
        state.saveOptions(ours.id, saved);
      });
    } catch (error) {
      this.failed(ours, error);
    }
    this.publish({ type: "metadata", torrent: ours });
  }
}
