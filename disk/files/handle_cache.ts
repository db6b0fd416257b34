/**
 * Keeps files open between uses.
 *
 * @module
 */
import { systemClock } from "../../_shared/clock.ts";
import { attempt, type Awaitable, chain, eachInOrder } from "../awaitable.ts";
import { checkHandle, DiskError } from "../error.ts";
import type {
  FileHandle,
  FileInfo,
  FileOpenOptions,
  FilePath,
  FileRenameOptions,
  FileSystem,
} from "../file_system.ts";
import { DiskTimings } from "../timings.ts";

interface Entry {
  readonly owner: Map<string, Entry>;
  readonly key: string;
  readonly handle: Awaitable<FileHandle>;
  readonly writable: boolean;
  users: number;
  /** No longer in the table: closed when the last user is gone. */
  dropped: boolean;
}

/** How many files may be open, over any number of file systems. */
export class HandlePool {
  readonly #maxHandles: number;
  /** All open files, those used last at the end. */
  readonly #entries = new Set<Entry>();

  /** How long reads and writes take. */
  readonly timings: DiskTimings;

  /**
   * @param maxHandles Most files that are open without being in use.
   * @param timings Takes note of how long reads and writes take.
   */
  constructor(maxHandles = 64, timings = new DiskTimings(systemClock)) {
    this.#maxHandles = maxHandles;
    this.timings = timings;
  }

  /** How many files are open. */
  get size(): number {
    return this.#entries.size;
  }

  /** Takes note of a use and closes what was not used for long. */
  use(entry: Entry): void {
    this.#entries.delete(entry);
    this.#entries.add(entry);
    for (const old of this.#entries) {
      if (this.#entries.size <= this.#maxHandles) return;
      if (old.users > 0) continue;
      // Nothing was promised to anyone about this handle any more.
      attempt(() => this.retire(old), () => {});
    }
  }

  /** Closes all that is not in use; whether there was any. */
  closeIdle(): Awaitable<boolean> {
    const idle = [...this.#entries].filter((entry) => entry.users === 0);
    return chain(
      eachInOrder(idle, (entry) => attempt(() => this.retire(entry), () => {})),
      () => idle.length > 0,
    );
  }

  /** Takes a file out; it is closed after its last use. */
  retire(entry: Entry): Awaitable<void> {
    this.#entries.delete(entry);
    if (entry.owner.get(entry.key) === entry) entry.owner.delete(entry.key);
    entry.dropped = true;
    if (entry.users > 0) return;
    return entry.handle instanceof Promise
      // One that could not be opened need not be closed.
      ? entry.handle.then((handle) => handle.close(), () => {})
      : entry.handle.close();
  }
}

/**
 * A file system around another one that keeps the handles used last open.
 * Opening costs a look into a table then, instead of system calls and checks
 * for every block.
 */
export class HandleCache implements FileSystem {
  /** What it is around. */
  readonly inner: FileSystem;
  readonly #pool: HandlePool;
  readonly #entries = new Map<string, Entry>();
  /** Where the operating system has a file, if the inner one tells. */
  readonly localPath: FileSystem["localPath"];
  /** What is in a folder, if the inner file system can tell. */
  readonly listFolder: FileSystem["listFolder"];
  /** Which device the files are on, if the inner one tells. */
  readonly device: FileSystem["device"];
  /** Renames a file of the operating system, if the inner one can. */
  readonly takeFile: FileSystem["takeFile"];
  /** Parts a file from its hard links, if the inner one can. */
  readonly own: FileSystem["own"];

  /** Wraps a file system. */
  constructor(inner: FileSystem, pool: HandlePool = new HandlePool()) {
    this.inner = inner;
    this.#pool = pool;
    this.localPath = inner.localPath?.bind(inner);
    this.listFolder = inner.listFolder?.bind(inner);
    this.device = inner.device?.bind(inner);
    this.takeFile = inner.takeFile?.bind(inner);
    this.own = inner.own && ((path) => {
      const owned = inner.own!(path);
      return owned instanceof Promise
        ? owned.then(() => this.drop(path))
        : owned;
    });
  }

  /** Opens a file, or takes the handle that is open. */
  open(path: FilePath, options: FileOpenOptions = {}): Awaitable<FileHandle> {
    const write = options.write === true;
    const key = keyOf(path);
    let entry = this.#entries.get(key);
    if (entry !== undefined && write && !entry.writable) {
      const old = entry;
      // What was only read loses nothing.
      attempt(() => this.#pool.retire(old), () => {});
      entry = undefined;
    }
    if (entry === undefined) {
      const handle = this.#openInner(path, options);
      const made: Entry = {
        owner: this.#entries,
        key,
        handle,
        writable: write,
        users: 0,
        dropped: false,
      };
      this.#entries.set(key, made);
      if (handle instanceof Promise) {
        handle.catch(() => void this.#pool.retire(made));
      }
      entry = made;
    }
    entry.users++;
    this.#pool.use(entry);
    const used = entry;
    return chain(
      used.handle,
      (handle) =>
        new Lease(
          handle,
          path,
          write,
          () => this.#free(used),
          this.#pool.timings,
        ),
    );
  }

  /** Looks at a file. Returns size and time, or `undefined`. */
  stat(path: FilePath): Awaitable<FileInfo | undefined> {
    return this.inner.stat(path);
  }

  /** Closes the file here and removes it. Returns whether it existed. */
  remove(path: FilePath): Awaitable<boolean> {
    return chain(this.drop(path), () => this.inner.remove(path));
  }

  /** Removes a folder if nothing is in it. Returns whether it was removed. */
  removeEmptyFolder(path: FilePath): Awaitable<boolean> {
    return this.inner.removeEmptyFolder(path);
  }

  /** Closes both files here and moves one. */
  rename(
    from: FilePath,
    to: FilePath,
    options?: FileRenameOptions,
  ): Awaitable<void> {
    return chain(
      this.drop(from),
      () => chain(this.drop(to), () => this.inner.rename(from, to, options)),
    );
  }

  /** Closes all handles, those in use when they are given back. */
  close(): Awaitable<void> {
    return chain(
      eachInOrder(
        [...this.#entries.values()],
        (entry) => this.#pool.retire(entry),
      ),
      () => this.inner.close(),
    );
  }

  /** Closes files that are not in use when the system has no more. */
  #openInner(path: FilePath, options: FileOpenOptions): Awaitable<FileHandle> {
    return attempt(() => this.inner.open(path, options), (error) => {
      const isShort = error instanceof DiskError &&
        error.code === "too-many-files";
      if (!isShort) throw error;
      return chain(this.#pool.closeIdle(), (isMore) => {
        if (!isMore) throw error;
        return this.inner.open(path, options);
      });
    });
  }

  /** Closes a file here: it is looked for anew when it is opened next. */
  drop(path: FilePath): Awaitable<void> {
    const entry = this.#entries.get(keyOf(path));
    return entry && this.#pool.retire(entry);
  }

  #free(entry: Entry): Awaitable<void> {
    entry.users--;
    if (entry.dropped) return this.#pool.retire(entry);
  }
}

/** No unsafe path has the key of a safe one: the numbers of `/` differ. */
function keyOf(path: FilePath): string {
  return `${path.length}/${path.join("/")}`;
}

/** One use of an open file. */
class Lease implements FileHandle {
  readonly #handle: FileHandle;
  readonly #path: FilePath;
  readonly #writable: boolean;
  readonly #timings: DiskTimings;
  #release: (() => Awaitable<void>) | undefined;

  constructor(
    handle: FileHandle,
    path: FilePath,
    writable: boolean,
    release: () => Awaitable<void>,
    timings: DiskTimings,
  ) {
    this.#timings = timings;
    this.#handle = handle;
    this.#path = path;
    this.#writable = writable;
    this.#release = release;
  }

  read(into: Uint8Array, offset: number): Awaitable<number> {
    const handle = this.#open("read", false);
    return this.#timings.time("read", () => handle.read(into, offset));
  }

  write(from: Uint8Array, offset: number): Awaitable<void> {
    const handle = this.#open("write", true);
    return this.#timings.time("write", () => handle.write(from, offset));
  }

  size(): Awaitable<number> {
    return this.#open("look at", false).size();
  }

  stat(): Awaitable<FileInfo> {
    const handle = this.#open("look at", false);
    return handle.stat?.() ??
      chain(handle.size(), (size) => ({ size, modifiedMs: 0 }));
  }

  truncate(size: number): Awaitable<void> {
    return this.#open("resize", true).truncate(size);
  }

  sync(): Awaitable<void> {
    return this.#open("sync", false).sync();
  }

  close(): Awaitable<void> {
    const release = this.#release;
    this.#release = undefined;
    return release?.();
  }

  /** The handle may be shared: this use has its own end and its own rights. */
  #open(operation: string, writing: boolean): FileHandle {
    const path = this.#path;
    const isAllowed = !writing || this.#writable;
    checkHandle(this.#release !== undefined, isAllowed, operation, path);
    return this.#handle;
  }
}
