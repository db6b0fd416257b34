/**
 * Takes the torrents of a state file in, and ends what was interrupted.
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
import { moveFile } from "./watch_folder.ts";

/** Bytes that are compared at a time. */
const READ_BYTES = 1024 * 1024;

/**
 * Moves what is still at the old place. Half of a copy at the new one is replaced;
 * anything else that is there stays, on both sides.
 *
 * @param from The old folder.
 * @param to The new folder.
 * @param names Paths in it of files, or folders, with `/`.
 */
export async function finishMove(
  from: string,
  to: string,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    const parts = name.split("/");
    if (parts.some((part) => /^$|^\.\.?$|[\\\0]/.test(part))) continue;
    await merge(`${from}/${name}`, `${to}/${name}`);
    while (parts.pop() !== undefined && parts.length > 0) {
      // A folder in which others have something stays.
      await Deno.remove(`${from}/${parts.join("/")}`).catch(() => {});
    }
  }
}

/**
 * Renames what has its old name still. Where something has the new one both stay.
 *
 * @param dir The folder that paths are below.
 * @param files Which, and how.
 * @param suffix What names of incomplete files end with.
 * @returns New paths by file index, of all but those that keep the old one.
 */
export async function finishRename(
  dir: string,
  files: NonNullable<TorrentRecord["renaming"]>,
  suffix = "",
): Promise<[number, readonly string[]][]> {
  const renamed = new Map<number, readonly string[]>();
  for (const { index, from, to } of files) {
    renamed.set(index, to);
    for (const end of new Set(["", suffix])) {
      const old = `${[dir, ...from].join("/")}${end}`;
      const path = `${[dir, ...to].join("/")}${end}`;
      if (await find(old) === undefined) continue;
      if (await find(path) !== undefined) {
        renamed.delete(index);
        continue;
      }
      await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.rename(old, path);
    }
  }
  return [...renamed];
}

async function merge(from: string, to: string): Promise<void> {
  const source = await find(from);
  if (source === undefined) return;
  const target = await find(to);
  if (source.isDirectory) {
    if (target !== undefined && !target.isDirectory) return;
    await Deno.mkdir(to, { recursive: true });
    for await (const { name } of Deno.readDir(from)) {
      await merge(`${from}/${name}`, `${to}/${name}`);
    }
    // What must stay keeps its folder.
    await Deno.remove(from).catch(() => {});
    return;
  }
  if (target !== undefined) {
    const mayBeCopy = target.isFile && target.size <= source.size;
    if (!mayBeCopy || !await isHalf(to, from)) return;
  }
  await Deno.mkdir(to.replace(/\/[^/]*$/, ""), { recursive: true });
  await moveFile(from, to);
}

/** Whether a file is a copy of another as far as it came: the rest is zeros. */
async function isHalf(copy: string, whole: string): Promise<boolean> {
  using a = await Deno.open(copy);
  using b = await Deno.open(whole);
  const [there, right] = [
    new Uint8Array(READ_BYTES),
    new Uint8Array(READ_BYTES),
  ];
  for (let at = 0;;) {
    await a.seek(at, Deno.SeekMode.Start);
    await b.seek(at, Deno.SeekMode.Start);
    const count = Math.min(
      await a.read(there) ?? 0,
      await b.read(right) ?? 0,
    );
    if (count === 0) return true;
    for (let i = 0; i < count; i++) {
      if (there[i] !== right[i] && there[i] !== 0) return false;
    }
    at += count;
  }
}

async function find(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

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
