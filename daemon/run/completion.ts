/**
 * What is done with a torrent that is complete: its files go where they belong,
 * then a program runs. Both are done again after a crash.
 *
 * @module
 */
import type { DaemonTorrent } from "../daemon_torrent.ts";
import type { DaemonContext } from "../context.ts";
import type { DaemonSettings } from "../settings.ts";
import type { TorrentRecord } from "../state/record.ts";
import type { HookRunner } from "./hook_runner.ts";

/** What the end of downloads needs. */
export interface CompletionOptions {
  /** The daemon. */
  readonly context: DaemonContext;
  /** What holds now. */
  readonly settings: () => DaemonSettings;
  /** Runs programs. */
  readonly hooks: HookRunner;
}

/** Finishes torrents; never rejects. */
export class Completion {
  readonly #options: CompletionOptions;
  readonly #busy = new Map<number, Promise<void>>();

  constructor(options: CompletionOptions) {
    this.#options = options;
  }

  /** Torrents that are being finished. */
  get busy(): number {
    return this.#busy.size;
  }

  /** A torrent was downloaded. */
  completed(torrent: DaemonTorrent): void {
    if (this.#options.settings().completedHook.enabled) {
      (torrent.record as TorrentRecord).hookDue = true;
      this.#options.context.changed(torrent);
    }
    this.resume(torrent);
  }

  /** Does what is still to be done for a complete torrent. */
  resume(torrent: DaemonTorrent): void {
    const { record } = torrent;
    const isAway = record.complete && torrent.torrent.dir !== record.dir;
    if (!isAway && !record.hookDue || this.#busy.has(torrent.id)) return;
    const work = this.#finish(torrent).finally(() =>
      this.#busy.delete(torrent.id)
    );
    this.#busy.set(torrent.id, work);
  }

  async #finish(torrent: DaemonTorrent): Promise<void> {
    const { context, settings, hooks } = this.#options;
    const record = torrent.record as TorrentRecord;
    if (torrent.torrent.dir !== record.dir) {
      try {
        await torrent.move();
      } catch (error) {
        context.failed(torrent, error);
      }
    }
    const { completedHook: { enabled, argv } } = settings();
    if (!record.hookDue) return;
    if (enabled) {
      const result = await hooks.run(argv, {
        id: torrent.id,
        infoHash: torrent.infoHash,
        name: torrent.name,
        dir: torrent.torrent.dir ?? record.dir,
        labels: torrent.labels,
        size: torrent.torrent.metainfo?.totalLength ?? 0,
      });
      if (result === undefined) return;
      context.publish({ type: "hook", torrent, ...result });
    }
    delete record.hookDue;
    context.changed(torrent);
  }
}
