/**
 * What `bip download` and `bip seed` tell while they run: JSON events or a
 * progress display.
 *
 * @module
 */
import { formatEndpoint } from "../../_shared/address.ts";
import { toHex } from "../../_shared/bytes.ts";
import type { Session } from "../../client/session.ts";
import type { Torrent } from "../../client/torrent.ts";
import type { TorrentEvent } from "../../client/types.ts";
import { describeError } from "../error.ts";
import { Progress } from "../progress.ts";
import { renamedNote } from "../torrent/renamed.ts";
import type { Output } from "../terminal.ts";
import { safeText } from "../text.ts";
import { formatRate } from "../units.ts";

/** Between two progress events, in milliseconds. */
const PROGRESS_MS = 250;
/** Between two progress lines of `--json`, in milliseconds. */
const JSON_PROGRESS_MS = 500;
/** How long leaving may take before it is said what is waited for. */
const LEAVING_MS = 500;

/** Options of {@linkcode Reporter}. */
export interface ReporterOptions {
  readonly torrent: Pick<
    Torrent,
    "events" | "infoHash" | "metainfo" | "name" | "state" | "stats"
  >;
  readonly session: Pick<Session, "close" | "local">;
  readonly output: Output;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Turns what a torrent tells into JSON lines or a progress display. */
export class Reporter implements AsyncDisposable {
  readonly #options: ReporterOptions;
  readonly #progress: Progress;
  readonly #startedAt = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #ending = new AbortController();
  readonly #following: Promise<void>;
  #checked = 0;
  #jsonAt = -Infinity;

  /**
   * Starts reporting.
   *
   * @param options See {@linkcode ReporterOptions}.
   */
  constructor(options: ReporterOptions) {
    this.#options = options;
    const { torrent, session, output, json, quiet } = options;
    this.#progress = new Progress(output, {
      label: "Starting",
      quiet: quiet || json,
    });
    this.#emit({
      type: "listening",
      address: session.local?.hostname,
      port: session.local?.port,
    });
    this.#state();
    const { signal } = this.#ending;
    this.#following = this.#follow(torrent.events({ signal }));
    this.#timer = setInterval(() => this.#show(), PROGRESS_MS);
  }

  /** Seconds since the start. */
  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  /** Reports completion. */
  complete(): void {
    const { torrent } = this.#options;
    const stats = torrent.stats();
    this.#progressEvent();
    this.#emit({
      type: "complete",
      infoHash: toHex(torrent.infoHash),
      name: torrent.name ?? null,
      bytes: stats.doneBytes,
      seconds: Number(this.seconds.toFixed(3)),
      downloaded: stats.downloadedBytes,
      uploaded: stats.uploadedBytes,
    });
  }

  /**
   * Leaves, and reports what ends the command: the last event.
   *
   * @param error What happened.
   */
  async failed(error: unknown): Promise<void> {
    const { code, message } = describeError(error);
    try {
      await this.leave();
    } catch {
      // What happened first is what counts.
    }
    await this[Symbol.asyncDispose]();
    this.#emit({ type: "error", code, message });
  }

  /**
   * Tells of something that is not as it should be; the work goes on.
   *
   * @param code A short name for scripts.
   * @param message One line for a person; not yet safe for a terminal.
   * @param files Which files, if any.
   */
  warn(code: string, message: string, files: readonly string[] = []): void {
    this.#emit({ type: "warning", code, message, files });
    this.#progress.note(`Warning: ${safeText(message)}`);
  }

  /**
   * Closes the session, and says what it waits for when that takes a while:
   * trackers that do not answer.
   */
  async leave(): Promise<void> {
    const timer = setTimeout(
      () => this.#progress.note("Leaving: telling the trackers"),
      LEAVING_MS,
    );
    try {
      await this.#options.session.close();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Tells what has happened so far and ends the display. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#ending.abort();
    await this.#following;
    await this.#progress.stop();
  }

  #emit(event: { readonly type: string } & Record<string, unknown>): void {
    if (this.#options.json) this.#options.output.printJson(event);
  }

  #state(): void {
    this.#emit({ type: "state", state: this.#options.torrent.state });
  }

  async #follow(events: AsyncIterable<TorrentEvent>): Promise<void> {
    for await (const event of events) {
      switch (event.type) {
        case "state":
          this.#emit({ type: "state", state: event.state });
          this.#progressEvent();
          break;
        case "checking":
          this.#checked = event.checked;
          break;
        case "piece":
          this.#emit({
            type: "piece",
            index: event.pieceIndex,
            good: event.good,
          });
          break;
        case "peer-connected":
        case "peer-disconnected":
        case "peer-failed":
        case "peer-banned":
          this.#emit({
            type: "peer",
            address: formatEndpoint(event.address),
            state: event.type.slice("peer-".length),
            direction: event.direction,
            client: event.client ?? null,
            reason: event.reason ?? null,
          });
          if (event.type === "peer-banned") {
            this.#progress.note(
              `Banned ${formatEndpoint(event.address)}: ${
                safeText(event.reason ?? "")
              }`,
            );
          }
          break;
        case "tracker":
          this.#emit({
            type: "tracker",
            tracker: event.tracker,
            ok: event.ok,
            peers: event.peers ?? null,
            error: event.error ?? null,
          });
          if (!event.ok) {
            this.#progress.note(
              `Tracker ${safeText(event.tracker)}: ${
                safeText(event.error ?? "")
              }`,
            );
          }
          break;
        case "warning":
          this.warn(event.code, event.message, event.files);
          break;
        case "renamed":
          this.#emit({ type: "renamed", files: event.files });
          this.#progress.note(renamedNote(event.files));
          break;
        case "metadata":
          this.#emit({
            type: "metadata",
            name: event.metainfo.name,
            bytes: event.metainfo.totalLength,
            pieces: event.metainfo.pieceCount,
          });
          break;
      }
    }
  }

  #progressEvent(): void {
    const { torrent } = this.#options;
    const stats = torrent.stats();
    this.#jsonAt = performance.now();
    this.#emit({
      type: "progress",
      state: stats.state,
      bytes: stats.doneBytes,
      total: stats.wantedBytes,
      downloadRate: Math.round(stats.downloadRate),
      uploadRate: Math.round(stats.uploadRate),
      uploaded: stats.uploadedBytes,
      pieces: stats.piecesDone,
      pieceCount: stats.pieceCount,
      peers: stats.peers,
      seeds: stats.seeds,
      etaSeconds: stats.etaMs === undefined
        ? null
        : Math.round(stats.etaMs / 1000),
    });
  }

  #show(): void {
    const { torrent, json } = this.#options;
    if (json) {
      if (performance.now() - this.#jsonAt >= JSON_PROGRESS_MS) {
        this.#progressEvent();
      }
      return;
    }
    const stats = torrent.stats();
    const name = safeText(torrent.name ?? toHex(torrent.infoHash));
    switch (stats.state) {
      case "checking":
        this.#progress.update(
          Math.min(
            stats.wantedBytes,
            this.#checked * (torrent.metainfo?.pieceLength ?? 0),
          ),
          { label: `Checking ${name}`, total: stats.wantedBytes },
        );
        break;
      case "metadata":
        this.#progress.update(0, {
          label: `Fetching metadata of ${name}`,
          detail: peersText(stats.peers, stats.candidates),
        });
        break;
      case "downloading":
        this.#progress.update(stats.doneBytes, {
          label: name,
          total: stats.wantedBytes,
          rate: stats.downloadRate,
          detail: [
            peersText(stats.peers, stats.candidates),
            `${stats.piecesDone}/${stats.pieceCount} pieces`,
            ...(stats.uploadRate > 0
              ? [`up ${formatRate(stats.uploadRate)}`]
              : []),
          ].join("  "),
        });
        break;
      case "seeding":
        this.#progress.update(stats.uploadedBytes, {
          label: `Seeding ${name}`,
          total: 0,
          rate: stats.uploadRate,
          detail: peersText(stats.peers, stats.candidates),
        });
        break;
    }
  }
}

function peersText(peers: number, candidates: number): string {
  return `${peers} ${peers === 1 ? "peer" : "peers"} of ${candidates}`;
}
