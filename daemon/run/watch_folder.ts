/**
 * Looks for torrent files in folders.
 *
 * @module
 */
import { DaemonError } from "../error.ts";
import {
  isWatched,
  MAX_WATCHED_BYTES,
  type SeenFile,
  WatchMachine,
} from "../rules/watch_machine.ts";
import type { WatchSettings } from "../settings.ts";

/** What a folder's files are given to. */
export interface WatchUser<T> {
  /** Adds a torrent; throws `DaemonError` where it does not. */
  readonly add: (source: Uint8Array | string) => Promise<T>;
  /** Is told what came of a file. */
  readonly told: (file: string, torrent?: T, message?: string) => void;
}

/** A folder that is looked at now and then. */
export class WatchFolder<T> {
  readonly #settings: WatchSettings;
  readonly #user: WatchUser<T>;
  readonly #machine = new WatchMachine();
  #looking: Promise<void> | undefined;
  #lastProblem: string | undefined;

  constructor(settings: WatchSettings, user: WatchUser<T>) {
    this.#settings = settings;
    this.#user = user;
  }

  /** Looks at the folder, unless it is being looked at; never rejects. */
  look(): Promise<void> {
    return this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
  }

  async #look(): Promise<void> {
    const { dir } = this.#settings;
    try {
      const seen = await listFiles(dir);
      this.#lastProblem = undefined;
      for (const name of this.#machine.handleFiles(seen)) await this.#try(name);
    } catch (error) {
      const message = reasonOf(error);
      if (message !== this.#lastProblem) {
        this.#user.told(dir, undefined, message);
      }
      this.#lastProblem = message;
    }
  }

  async #try(name: string): Promise<void> {
    const { dir, addedDir } = this.#settings;
    const path = `${dir}/${name}`;
    try {
      const source = await readSource(path);
      let added: T | undefined;
      let message: string | undefined;
      try {
        added = await this.#user.add(source);
      } catch (error) {
        if (!(error instanceof DaemonError) || error.code !== "duplicate") {
          throw error;
        }
        message = error.message;
      }
      if (addedDir !== "") await Deno.mkdir(addedDir, { recursive: true });
      const done = addedDir === "" ? `${path}.added` : `${addedDir}/${name}`;
      await moveFile(path, await freeName(done));
      this.#user.told(path, added, message);
    } catch (error) {
      // It may be half of one: it is tried again when it changes.
      this.#user.told(path, undefined, reasonOf(error));
    }
  }
}

/** What went wrong, without what the system calls it. */
function reasonOf(error: unknown): string {
  return (error as Error).message.replace(/ \(os error \d+\).*$/s, "");
}

/** Reads what may have changed since it was seen, as others take their time. */
async function readSource(path: string): Promise<Uint8Array | string> {
  const { isFile, size } = await Deno.stat(path);
  if (!isFile || size > MAX_WATCHED_BYTES) {
    throw new DaemonError("bad-source", "It is no longer a torrent file");
  }
  return /\.magnet$/i.test(path)
    ? await Deno.readTextFile(path)
    : await Deno.readFile(path);
}

async function listFiles(dir: string): Promise<SeenFile[]> {
  const seen: SeenFile[] = [];
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    if (isDirectory || !isWatched(name)) continue;
    try {
      const { isFile, size, mtime } = await Deno.stat(`${dir}/${name}`);
      if (isFile) seen.push({ name, size, modifiedMs: mtime?.getTime() ?? 0 });
    } catch {
      // It is gone, or leads nowhere.
    }
  }
  return seen.sort((a, b) => a.name < b.name ? -1 : 1);
}

/** A name that no earlier file has. */
async function freeName(path: string): Promise<string> {
  for (let n = 1;; n++) {
    const name = n === 1 ? path : `${path}.${n}`;
    try {
      await Deno.lstat(name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return name;
      throw error;
    }
  }
}

/** Renames a file, or copies it to another disk. */
export async function moveFile(from: string, to: string): Promise<void> {
  try {
    await Deno.rename(from, to);
  } catch (error) {
    if ((error as { code?: string }).code !== "EXDEV") throw error;
    await Deno.copyFile(from, to);
    await Deno.remove(from);
  }
}
