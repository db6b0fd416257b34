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
import type { Engine } from "./engine.ts";
import { finishMove } from "./finish_move.ts";

/**
 * Takes them in, in the order of the queue. Those whose files were being moved
 * when the last run ended come last, their moves finished.
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
  const moving: KeptTorrent[] = [];
  const failed = ({ id, hash }: KeptTorrent, error: unknown) =>
    unread.push({ id, hash, problem: (error as Error).message });
  for (const row of state.torrents()) {
    if ("problem" in row) unread.push(row);
    else if (row.record.moving !== undefined) moving.push(row);
    else {
      try {
        adopt(engine, row);
      } catch (error) {
        failed(row, error);
      }
    }
  }
  for (const row of moving) {
    try {
      await moveOn(state, engine, row);
    } catch (error) {
      failed(row, error);
    }
  }
  return unread;
}

function adopt(engine: Engine, { id, hash, record, saved }: KeptTorrent) {
  const { downloadedBytes, uploadedBytes } = record;
  const torrent = engine.reopen(id, {
    ...saved,
    paused: true,
    downloadedBytes,
    uploadedBytes,
  });
  if (!engine.isCalled(torrent, hash)) {
    void torrent.close();
    throw new Error(`It is not torrent ${hash}`);
  }
  return engine.adopt(id, torrent, record);
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
