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
 * @returns Those that cannot be read; they stay where they are.
 */
export async function loadTorrents(
  state: StateFile,
  engine: Engine,
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
      const renamed = await renameOn(state, row);
      if (row.record.moving !== undefined) await moveOn(state, engine, renamed);
      else {
        adopt(engine, renamed);
        engine.order.put(row.id, row.place);
      }
    } catch (error) {
      failed(row, error);
    }
  }
  for (const row of removing) {
    await removeOn(state, engine, row);
  }
  return unread;
}

/** Finishes a removal with all files, unless it was added again since. */
async function removeOn(
  state: StateFile,
  engine: Engine,
  { id, record, saved }: KeptTorrent,
): Promise<void> {
  try {
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

/** Finishes renaming; gives the torrent with the new names. */
async function renameOn(
  state: StateFile,
  row: KeptTorrent,
): Promise<KeptTorrent> {
  const { id, place, record } = row;
  if (record.renaming === undefined) return row;
  await finishRename(row.saved.dir ?? ".", record.renaming);
  const renamedFiles = new Map(row.saved.renamedFiles);
  for (const { index, to } of record.renaming) renamedFiles.set(index, to);
  const saved = { ...row.saved, renamedFiles: [...renamedFiles] };
  delete record.renaming;
  state.together(() => {
    state.saveOptions(id, saved);
    state.saveRecord(id, place, record);
  });
  return { ...row, saved };
}

async function moveOn(
  state: StateFile,
  engine: Engine,
  row: KeptTorrent,
): Promise<void> {
  const { id, place, record, saved: { resumeData: _, ...saved } } = row;
  const { to, names } = record.moving!;
  await finishMove(saved.dir ?? ".", to, names);
  const ours = adopt(engine, { ...row, saved: { ...saved, dir: to } });
  engine.order.put(id, place);
  record.dir = to;
  delete record.moving;
  state.together(() => {
    state.saveOptions(id, { ...saved, dir: to });
    state.saveResume(id, undefined);
    state.saveRecord(id, place, record);
  });
  engine.publish({ type: "moved", torrent: ours, dir: to });
}
