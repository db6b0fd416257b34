/**
 * What `bip download` and `bip seed` tell while they run: JSON events or a
 * progress display.
 *
 * @module
 */
import { type Endpoint, formatEndpoint } from "../../_shared/address.ts";
import { toHex } from "../../_shared/bytes.ts";
import type { Session } from "../../client/session.ts";
import type { Torrent } from "../../client/torrent.ts";
import type { ReserveProgress } from "../../disk/check_options.ts";
import type { TorrentEvent } from "../../client/types.ts";
import { describeError } from "../error.ts";
import { Progress } from "../progress.ts";
import type { Output } from "../terminal.ts";
import { safeText } from "../text.ts";
import { renamedNote } from "../torrent/renamed.ts";
import { shownName } from "../torrent/source.ts";
import { formatDuration, formatSize } from "../units.ts";
import { eventJson, type JsonEvent } from "./event_json.ts";
import {
  isNoNetwork,
  progressOf,
  progressOfAll,
  ratioText,
  type ShownTorrent,
} from "./progress_state.ts";
import { TrackerNotes } from "./tracker_notes.ts";

/** Between two progress events, in milliseconds. */
const PROGRESS_MS = 250;
/** Between two progress lines of `--json`, in milliseconds. */
const JSON_PROGRESS_MS = 500;
/** How long leaving may take before it is said what is waited for. */
const LEAVING_MS = 500;

/** What the reporter asks a torrent. */
export type ReportedTorrent = ShownTorrent & Pick<Torrent, "events" | "state">;

/** Options of {@linkcode Reporter}. */
export interface ReporterOptions {
  readonly session: Pick<Session, "close" | "dht" | "events" | "local">;
  readonly output: Output;
  readonly json: boolean;
  readonly quiet: boolean;
  /** Peers that the person named: it is said when one cannot be reached. */
  readonly peers?: readonly Endpoint[];
  /** Whether events say which torrent they are about. @default {false} */
  readonly several?: boolean;
}

/** A torrent that is told of. */
interface Followed {
  readonly torrent: ReportedTorrent;
  readonly startedAt: number;
  following: Promise<void>;
  checked: number;
  reserving: ReserveProgress | undefined;
  failed: number;
  isUnreachable: boolean;
}

/** Turns what torrents tell into JSON lines or a progress display. */
export class Reporter implements AsyncDisposable {
  readonly #options: ReporterOptions;
  readonly #progress: Progress;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #ending = new AbortController();
  readonly #heard: Promise<void>;
  readonly #followed = new Map<ReportedTorrent, Followed>();
  readonly #trackers = new TrackerNotes();
  /** Named peers that were not complained about yet. */
  readonly #named: Set<string>;
  #jsonAt = -Infinity;

  /**
   * Starts reporting.
   *
   * @param options See {@linkcode ReporterOptions}.
   */
  constructor(options: ReporterOptions) {
    this.#options = options;
    const { session, output, json, quiet, peers = [] } = options;
    this.#named = new Set(peers.map(formatEndpoint));
    this.#progress = new Progress(output, {
      label: "Starting",
      total: -1,
      quiet: quiet || json,
    });
    this.#listening(session.local);
    this.#heard = this.#hear();
    this.#timer = setInterval(() => this.#show(), PROGRESS_MS);
  }

  /**
   * Tells of a torrent from now on.
   *
   * @param torrent Which.
   */
  add(torrent: ReportedTorrent): void {
    const followed: Followed = {
      torrent,
      startedAt: performance.now(),
      following: Promise.resolve(),
      checked: 0,
      reserving: undefined,
      failed: 0,
      isUnreachable: false,
    };
    this.#followed.set(torrent, followed);
    this.event({ type: "state", state: torrent.state }, torrent);
    followed.following = this.#follow(followed);
  }

  /**
   * Reports completion.
   *
   * @param torrent Of which torrent.
   */
  complete(torrent: ReportedTorrent): void {
    const stats = torrent.stats();
    const { startedAt } = this.#followed.get(torrent)!;
    const ms = performance.now() - startedAt;
    this.#progressEvent(torrent);
    this.event({
      type: "complete",
      infoHash: toHex(torrent.infoHash),
      name: torrent.name ?? null,
      bytes: stats.doneBytes,
      seconds: Number((ms / 1000).toFixed(3)),
      downloaded: stats.downloadedBytes,
      uploaded: stats.uploadedBytes,
    });
    const time = ms < 60_000
      ? `${(ms / 1000).toFixed(1)} s`
      : formatDuration(ms);
    this.note(
      `Complete: ${safeText(torrent.name ?? "")}, ${
        formatSize(stats.doneBytes)
      } in ${time} (${formatSize(stats.downloadedBytes)} downloaded)`,
    );
  }

  /**
   * Says what seeding came to.
   *
   * @param torrent Of which torrent.
   */
  seeded(torrent: ReportedTorrent): void {
    const { uploadedBytes, wantedBytes } = torrent.stats();
    const { startedAt } = this.#followed.get(torrent)!;
    this.note(
      `Uploaded ${formatSize(uploadedBytes)}, ratio ${
        ratioText(uploadedBytes, wantedBytes)
      }, in ${formatDuration(performance.now() - startedAt)}`,
    );
  }

  /** Leaves because of an error, and tells what has happened so far. */
  async abandon(): Promise<void> {
    try {
      await this.leave();
    } catch {
      // What happened first is what counts.
    }
  }

  /**
   * Reports that one of several sources came to nothing; the others go on.
   *
   * @param name What the person called it.
   * @param error What happened.
   * @returns The exit code that stands for it.
   */
  failedOne(name: string, error: unknown): number {
    const { code, message, exitCode } = describeError(error);
    this.event({ type: "error", code, message, source: name });
    // Errors are told to those who want no progress, too.
    this.#progress.note(failureLine(name, message), true);
    return exitCode;
  }

  /**
   * Tells of something that is not as it should be; the work goes on.
   *
   * @param code A short name for scripts.
   * @param message One line for a person; not yet safe for a terminal.
   * @param torrent Which torrent it is about.
   * @param files Which files, if any.
   */
  warn(
    code: string,
    message: string,
    torrent?: ReportedTorrent,
    files: readonly string[] = [],
  ): void {
    this.event({ type: "warning", code, message, files }, torrent);
    this.#warn(message);
  }

  /** Who wants no progress wants to know of this all the same. */
  #warn(message: string): void {
    const { json } = this.#options;
    this.#progress.note(`Warning: ${safeText(message)}`, !json);
  }

  /**
   * Prints a line for people who watch.
   *
   * @param line Text that is safe to show.
   */
  note(line: string): void {
    this.#progress.note(line);
  }

  /**
   * Closes the session, and says what it waits for when that takes a while:
   * trackers that do not answer.
   */
  async leave(): Promise<void> {
    const timer = setTimeout(
      () => this.note("Stopping: notifying the trackers"),
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
    for (const { following } of this.#followed.values()) await following;
    await this.#heard;
    for (const line of this.#trackers.rest()) this.note(line);
    await this.#progress.stop();
  }

  /**
   * Prints an event for scripts.
   *
   * @param event The event.
   * @param torrent Which torrent it is about.
   */
  event(event: JsonEvent, torrent?: ReportedTorrent): void {
    if (!this.#options.json) return;
    const which = this.#options.several && torrent !== undefined
      ? { torrent: toHex(torrent.infoHash) }
      : {};
    this.#options.output.printJson({ ...event, ...which });
  }

  #listening(local: Endpoint | undefined): void {
    this.event({
      type: "listening",
      address: local?.hostname,
      port: local?.port,
    });
  }

  /** Tells when nobody can connect to us, once a reason, and when it is over. */
  async #hear(): Promise<void> {
    const { signal } = this.#ending;
    const told = new Set<string>();
    let isOver = true;
    for await (const event of this.#options.session.events({ signal })) {
      if (event.type === "listening") {
        this.#listening(event.local);
        if (isOver) continue;
        isOver = true;
        this.note(`Listening on ${formatEndpoint(event.local)} again`);
      } else if (event.type === "listener") {
        const { cause } = event.error;
        const reason = describeError(cause ?? event.error).message;
        const address = formatEndpoint(event.address);
        const line = `No peer can connect to ${address}: ${reason}`;
        if (told.has(line)) continue;
        told.add(line);
        isOver = false;
        this.warn("listener", line);
      }
    }
  }

  async #follow(followed: Followed): Promise<void> {
    const { signal } = this.#ending;
    for await (const event of followed.torrent.events({ signal })) {
      const json = eventJson(event);
      if (json !== undefined) this.event(json, followed.torrent);
      this.#tell(event, followed);
    }
  }

  #tell(event: TorrentEvent, followed: Followed): void {
    switch (event.type) {
      case "state":
        this.#progressEvent(followed.torrent);
        break;
      case "checking":
        followed.checked = event.checked;
        followed.reserving = undefined;
        break;
      case "reserving":
        followed.reserving = event;
        break;
      case "peer-failed": {
        if (event.reason === "torrent-removed") break;
        followed.failed++;
        const address = formatEndpoint(event.address);
        const reason = event.message ?? event.reason ?? "";
        if (isNoNetwork(reason)) followed.isUnreachable = true;
        if (this.#named.delete(address)) {
          this.note(
            `Peer ${address}: ${
              safeText(reason.replace(/^Cannot connect to the peer: /, ""))
            }`,
          );
        }
        break;
      }
      case "peer-banned":
        this.note(
          `Banned ${formatEndpoint(event.address)}: ${
            safeText(event.reason ?? "")
          }`,
        );
        break;
      case "tracker": {
        if (event.ok) break;
        const line = this.#trackers.failed(event.tracker, event.error ?? "");
        if (line !== undefined) this.note(line);
        break;
      }
      case "warning":
        this.#warn(event.message);
        break;
      case "renamed":
        this.note(renamedNote(event.files));
        break;
    }
  }

  #progressEvent(torrent: ReportedTorrent): void {
    const stats = torrent.stats();
    this.event({
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
    }, torrent);
  }

  #show(): void {
    if (this.#options.json) {
      const now = performance.now();
      if (now - this.#jsonAt < JSON_PROGRESS_MS) return;
      this.#jsonAt = now;
      for (const torrent of this.#followed.keys()) this.#progressEvent(torrent);
      return;
    }
    const shown = [...this.#followed.values()].flatMap((followed) =>
      progressOf(followed.torrent, this.#options.session.dht, followed) ?? []
    );
    if (shown.length === 0) return;
    const { done, ...more } = shown.length === 1
      ? shown[0]!
      : progressOfAll(shown, [...this.#followed.keys()]);
    this.#progress.update(done, more);
  }
}

/**
 * Says that one of several sources came to nothing.
 *
 * @param name What the person called it.
 * @param message What happened.
 * @returns A line that is safe to show.
 */
export function failureLine(name: string, message: string): string {
  // A URL may end in a secret.
  const shown = shownName(name);
  const prefix = message.includes(shown) ? "" : `${shown}: `;
  return `bip: error: ${safeText(prefix + message)}`;
}
