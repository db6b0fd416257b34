/**
 * Adds torrents: reads what they are added by, and finds a place for them.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import { incompletePlace } from "../../client/incomplete_place.ts";
import { linkSimilarFiles } from "../../client/similar_files.ts";
import type { SessionError } from "../../client/error.ts";
import type { Session } from "../../client/session.ts";
import type { Torrent } from "../../client/torrent.ts";
import type { AddTorrentOptions } from "../../client/types.ts";
import type { Magnet } from "../../metainfo/magnet.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import { cleanMagnetText, parseMagnet } from "../../metainfo/parse_magnet.ts";
import { parseMetainfo } from "../../metainfo/parse.ts";
import type { DaemonTorrent } from "../daemon_torrent.ts";
import { DaemonError } from "../error.ts";
import type { DaemonSettings } from "../settings.ts";
import { newRecord, orderOf, type TorrentRecord } from "../state/record.ts";
import type { StateFile } from "../state/state_file.ts";
import type { DaemonAddOptions, DaemonOptions } from "../types.ts";
import type { Engine } from "./engine.ts";

/** What adding needs. */
export interface IntakeOptions {
  /** Where torrents are kept. */
  readonly state: StateFile;
  /** The client. */
  readonly session: Session;
  /** What looks after them. */
  readonly engine: Engine;
  /** What holds now. */
  readonly settings: () => DaemonSettings;
  /** Fetches what is named by URL, if anything does. */
  readonly fetchTorrent: DaemonOptions["fetchTorrent"];
  /** Fires when no more are added. */
  readonly signal: AbortSignal;
}

/** Adds torrents. */
export class Intake {
  readonly #options: IntakeOptions;
  /** Torrents of the session that are not kept yet. */
  readonly #adding = new Map<Torrent, Promise<DaemonTorrent>>();
  /** How many were added. */
  added = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Adds a torrent; it is kept when the promise resolves. */
  async add(
    source: Uint8Array | string,
    options: DaemonAddOptions,
  ): Promise<DaemonTorrent> {
    const { engine, settings, fetchTorrent, signal, state } = this.#options;
    const topic = await readSource(source, fetchTorrent, signal);
    const place = await placeFor(
      topic,
      options,
      settings(),
      (dir) => engine.allowedDir(dir),
    );
    const { session } = this.#options;
    if (settings().linkSimilar && "infoBytes" in topic) {
      await linkSimilarFiles(topic, place.dir!, session.torrents);
    }
    signal.throwIfAborted();
    const record = recordOf(
      place.completeDir ?? place.dir!,
      options,
      settings(),
      engine.now(),
    );
    let id: number | undefined;
    return await this.#addToSession(topic, {
      ...engine.options(() => id),
      dir: place.dir,
      trackers: trackersFor(
        topic,
        options.trackers,
        settings().defaultTrackers,
      ),
      filePriorities: options.filePriorities,
      sequential: orderOf(record),
      maxPeers: options.maxPeers,
      peers: options.peers,
    }, async (torrent) => {
      try {
        const saved = await torrent.save({ resumeData: false });
        signal.throwIfAborted();
        const hash = toHex(torrent.infoHash);
        const last = engine.order.ids.length;
        id = state.add({ hash, place: last, record, saved });
      } catch (error) {
        await torrent.close();
        throw error;
      }
      const ours = engine.adopt(id, torrent, record);
      this.added++;
      engine.publish({ type: "added", torrent: ours });
      engine.plan();
      return ours;
    });
  }

  async #addToSession(
    topic: Metainfo | Magnet,
    options: AddTorrentOptions,
    keep: (torrent: Torrent) => Promise<DaemonTorrent>,
  ): Promise<DaemonTorrent> {
    const { session, engine, signal } = this.#options;
    for (;;) {
      try {
        const torrent = session.add(topic, options);
        const kept = keep(torrent);
        this.#adding.set(torrent, kept);
        return await kept.finally(() => this.#adding.delete(torrent));
      } catch (error) {
        const { name, code, message } = error as SessionError;
        if (name !== "SessionError" || code !== "duplicate") throw error;
        const there = session.get(topic.infoHash);
        const kept = there && this.#adding.get(there);
        if (kept !== undefined) {
          await kept.catch(() => {});
          continue;
        }
        const id = engine.ourOf(there)?.id;
        if (
          there === undefined || id !== undefined && engine.torrents.has(id)
        ) {
          throw new DaemonError("duplicate", message, {
            cause: error,
            ...(id === undefined ? {} : { id }),
          });
        }
        // It was removed, and is on its way out.
        await there.closed;
        signal.throwIfAborted();
      }
    }
  }
}

function recordOf(
  dir: string,
  options: DaemonAddOptions,
  { startAdded, sequential }: DaemonSettings,
  now: number,
): TorrentRecord {
  const { paused = !startAdded, labels = [], bandwidthPriority = 0 } = options;
  const { maxPeers, sequentialFrom } = options;
  return {
    ...newRecord(dir, now),
    labels: [...labels],
    wanted: !paused,
    ...(paused ? {} : { startedAt: now }),
    bandwidthPriority,
    sequential: options.sequential ?? sequential,
    ...(sequentialFrom === undefined ? {} : { sequentialFrom }),
    ...(maxPeers === undefined ? {} : { maxPeers }),
  };
}

/**
 * Reads what a torrent is added by.
 *
 * @param source Bytes, a link, an info-hash in hex or a URL.
 * @param fetchTorrent Fetches what is named by URL, if anything does.
 * @param signal Ends that.
 * @returns The torrent or link.
 * @throws {DaemonError} `bad-source` or `not-fetched`.
 */
async function readSource(
  source: Uint8Array | string,
  fetchTorrent: DaemonOptions["fetchTorrent"],
  signal: AbortSignal,
): Promise<Metainfo | Magnet> {
  try {
    if (typeof source === "string" && /^https?:\/\//i.test(source)) {
      if (fetchTorrent === undefined) {
        throw new DaemonError("not-fetched", "URLs are not fetched here");
      }
      source = await fetchTorrent(source, signal);
    }
    if (typeof source !== "string") return parseMetainfo(source);
    return parseMagnet(cleanMagnetText(source));
  } catch (error) {
    if (error instanceof DaemonError) throw error;
    const { name, message } = error as Error;
    const isBad = name === "MetainfoError" || name === "MagnetError";
    throw new DaemonError(isBad ? "bad-source" : "not-fetched", message, {
      cause: error,
    });
  }
}

/**
 * Finds a place: in the folder that is named, that of the first label that has
 * one, or the usual one; until it is complete in that for incomplete ones,
 * unless it lies in its own already.
 */
async function placeFor(
  topic: Metainfo | Magnet,
  { dir, labels = [] }: DaemonAddOptions,
  { downloadDir, incompleteDir, useIncompleteDir, labelDirs }: DaemonSettings,
  allowedDir: (dir: string) => string,
): Promise<Pick<AddTorrentOptions, "dir" | "completeDir">> {
  const label = labels.find((name) => Object.hasOwn(labelDirs, name));
  const wanted = dir ?? (label && labelDirs[label]) ?? downloadDir;
  const last = allowedDir(wanted);
  return incompleteDir === "" || !useIncompleteDir
    ? { dir: last }
    : await incompletePlace(topic, last, allowedDir(incompleteDir));
}

/** Announce URLs for a torrent beside its own, each a tier. */
function trackersFor(
  topic: Metainfo | Magnet,
  own: readonly string[] = [],
  forAll: readonly string[],
): string[][] {
  const isPublic = "infoBytes" in topic && !topic.private;
  return [...own, ...isPublic ? forAll : []].map((url) => [url]);
}
