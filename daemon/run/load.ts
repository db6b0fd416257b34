/**
 * Takes the torrents of a state file in.
 *
 * @module
 */
import type {
  KeptTorrent,
  StateFile,
  UnreadTorrent,
} from "../state/state_file.ts";
import type { SavedTorrent } from "../../client/mod.ts";
import { orderOf, type TorrentRecord } from "../state/record.ts";
import type { DaemonError } from "../error.ts";
import type { Engine } from "./engine.ts";
import { finishMove, finishRename } from "./finish_move.ts";

/**
 * Takes them in, in the order of the queue. Those whose files were being moved or
 * renamed when the last run ended come last, and that is finished, as removals are.
 *
 * @param state Where they are kept.
 * @param engine What looks after them.
 * @param suffix What names of incomplete files end with.
 * @returns Those that cannot be read; they stay where they are.
 */
export async function loadTorrents(
  state: StateFile,
  engine: Engine,
  suffix: string,
): Promise<UnreadTorrent[]> {
  const unread: UnreadTorrent[] = [];
  const removing: KeptTorrent[] = [];
  const moving: KeptTorrent[] = [];
  const failed = ({ id, hash }: KeptTorrent, error: unknown) =>
    unread.push({ id, hash, problem: (error as Error).message });
  for (const row of state.torrents()) {
    if ("problem" in row) unread.push(row);
    else if (row.record.removing) removing.push(row);
    else if ((row.record.moving ?? row.record.renaming) !== undefined) {
      moving.push(row);
    } else {
      try {
        adopt(engine, row);
      } catch (error) {
        failed(row, error);
      }
    }
  }
  for (const row of moving) {
    try {
      const settled = await settle(state, row, suffix);
      const torrent = adopt(engine, settled);
      engine.order.put(row.id, row.place);
      if (settled.saved.dir !== row.saved.dir) {
        engine.publish({ type: "moved", torrent, dir: settled.record.dir });
      }
    } catch (error) {
      failed(row, error);
    }
  }
  for (const row of removing) {
    await removeOn(state, engine, row, suffix);
  }
  return unread;
}

/** Finishes a removal with all files, unless it was added again since. */
async function removeOn(
  state: StateFile,
  engine: Engine,
  row: KeptTorrent,
  suffix: string,
): Promise<void> {
  const { id } = row;
  try {
    const { record, saved } = await settle(state, row, suffix);
    const torrent = engine.reopen(id, {
      ...withOwnFiles(record, saved),
      paused: true,
    });
    await torrent.close({ deleteFiles: true });
  } catch (error) {
    const { code } = error as DaemonError;
    if (code !== "duplicate") engine.failed(undefined, error);
  }
  state.remove(id);
}

/** Files that were checked are the torrent's own, whatever is known of them. */
function withOwnFiles(
  { complete }: TorrentRecord,
  saved: SavedTorrent,
): SavedTorrent {
  return complete === undefined ? saved : { resumeData: "", ...saved };
}

function adopt(engine: Engine, { id, hash, record, saved }: KeptTorrent) {
  const { downloadedBytes, uploadedBytes } = record;
  const torrent = engine.reopen(id, {
    ...withOwnFiles(record, saved),
    paused: true,
    downloadedBytes,
    uploadedBytes,
    sequential: orderOf(record),
    maxPeers: record.maxPeers ?? saved.maxPeers,
  });
  if (!engine.isCalled(torrent, hash)) {
    void torrent.close();
    throw new Error(`It is not torrent ${hash}`);
  }
  return engine.adopt(id, torrent, record);
}

/**
 * Finishes what was being done to the files; gives the torrent with where they are
 * now and what they are called.
 */
async function settle(
  state: StateFile,
  row: KeptTorrent,
  suffix: string,
): Promise<KeptTorrent> {
  const { id, place, record } = row;
  const { moving, renaming } = record;
  let { saved } = row;
  const { dir = "." } = saved;
  if (renaming !== undefined) {
    const renamed = await finishRename(dir, renaming, suffix);
    const renamedFiles = new Map([...saved.renamedFiles ?? [], ...renamed]);
    saved = { ...saved, renamedFiles: [...renamedFiles] };
    delete record.renaming;
  }
  if (moving !== undefined) {
    await finishMove(dir, moving.to, moving.names);
    // It tells of files at the old place.
    const { resumeData: _, ...rest } = saved;
    saved = { ...rest, dir: moving.to };
    record.dir = moving.to;
    delete record.moving;
  }
  if (saved === row.saved) return row;
  state.together(() => {
    state.saveOptions(id, saved);
    if (moving !== undefined) state.saveResume(id, undefined);
    state.saveRecord(id, place, record);
  });
  return { ...row, saved };
}
