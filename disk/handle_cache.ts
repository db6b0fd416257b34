/**
 * Keeps files open between uses.
 *
 * @module
 */
import { attempt, type Awaitable, chain, eachInOrder } from "./awaitable.ts";
import { DiskError } from "./error.ts";
import type {
  FileHandle,
  FileInfo,
  FileOpenOptions,
  FilePath,
  FileRenameOptions,
  FileSystem,
} from "./file_system.ts";

interface Entry {
  readonly handle: Awaitable<FileHandle>;
  readonly writable: boolean;
  users: number;
  /** No longer in the table: closed when the last user is gone. */
  dropped: boolean;
}

/** Options of {@linkcode HandleCache}. */
export interface HandleCacheOptions {
  /**
   * Most files that are open without being in use.
   *
   * @default {64}
   */
  readonly maxHandles?: number | undefined;
}

/**
 * A file system around another one that keeps the handles used last open.
 * Opening costs a look into a table then, instead of system calls and checks
 * for every block.
 */
export class HandleCache implements FileSystem {
  readonly #inner: FileSystem;
  readonly #maxHandles: number;
  readonly #entries = new Map<string, Entry>();
  /**
   * Where the operating system has the file, if the inner one tells.
   *
   * @param path The file.
   * @returns The path, or `undefined`.
   */
  readonly localPath: (path: FilePath) => string | undefined;

  /**
   * Wraps a file system.
   *
   * @param inner The one that opens files.
   * @param options How many stay open.
   * @throws {RangeError} If the number is no positive integer.
   */
  constructor(inner: FileSystem, options: HandleCacheOptions = {}) {
    const { maxHandles = 64 } = options;
    if (!Number.isInteger(maxHandles) || maxHandles < 1) {
      throw new RangeError(
        `Cannot keep ${maxHandles} handles: it must be a positive integer`,
      );
    }
    this.#inner = inner;
    this.#maxHandles = maxHandles;
    this.localPath = (path) => inner.localPath?.(path);
  }

  /** How many handles are open. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Opens a file, or takes the handle that is open.
   *
   * @param path The file.
   * @param options Whether to write.
   * @returns The handle, to be closed: it goes back to the cache.
   * @throws {DiskError} See {@linkcode FileSystem.open}.
   */
  open(path: FilePath, options: FileOpenOptions = {}): Awaitable<FileHandle> {
    const write = options.write === true;
    const key = keyOf(path);
    let entry = this.#entries.get(key);
    if (entry !== undefined) {
      this.#entries.delete(key);
      if (write && !entry.writable) {
        this.#retire(entry);
        entry = undefined;
      } else this.#entries.set(key, entry);
    }
    if (entry === undefined) {
      const handle = this.#inner.open(path, options);
      const made: Entry = { handle, writable: write, users: 0, dropped: false };
      this.#entries.set(key, made);
      if (handle instanceof Promise) {
        handle.catch(() => {
          if (this.#entries.get(key) === made) this.#entries.delete(key);
        });
      }
      entry = made;
    }
    entry.users++;
    this.#evict();
    const used = entry;
    const release = () => this.#free(used);
    return used.handle instanceof Promise
      ? used.handle.then((handle) => new Lease(handle, path, write, release))
      : new Lease(used.handle, path, write, release);
  }

  /**
   * Looks at a file.
   *
   * @param path The file.
   * @returns Size and time, or `undefined`.
   */
  stat(path: FilePath): Awaitable<FileInfo | undefined> {
    return this.#inner.stat(path);
  }

  /**
   * Closes the file here and removes it.
   *
   * @param path The file.
   * @returns Whether it existed.
   */
  remove(path: FilePath): Awaitable<boolean> {
    return chain(this.#drop(path), () => this.#inner.remove(path));
  }

  /**
   * Removes a folder if nothing is in it.
   *
   * @param path The folder.
   * @returns Whether it was removed.
   */
  removeEmptyFolder(path: FilePath): Awaitable<boolean> {
    return this.#inner.removeEmptyFolder(path);
  }

  /**
   * Closes both files here and moves one.
   *
   * @param from The file.
   * @param to Its new path.
   * @param options Whether to replace.
   */
  rename(
    from: FilePath,
    to: FilePath,
    options?: FileRenameOptions,
  ): Awaitable<void> {
    return chain(
      this.#drop(from),
      () => chain(this.#drop(to), () => this.#inner.rename(from, to, options)),
    );
  }

  /** Closes all handles, those in use when they are given back. */
  close(): Awaitable<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    return chain(
      eachInOrder(entries, (entry) => this.#retire(entry)),
      () => this.#inner.close(),
    );
  }

  #drop(path: FilePath): Awaitable<void> {
    const key = keyOf(path);
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    return this.#retire(entry);
  }

  #retire(entry: Entry): Awaitable<void> {
    entry.dropped = true;
    if (entry.users > 0) return;
    return entry.handle instanceof Promise
      // One that could not be opened need not be closed.
      ? entry.handle.then((handle) => handle.close(), () => {})
      : entry.handle.close();
  }

  #free(entry: Entry): Awaitable<void> {
    entry.users--;
    if (entry.dropped) return this.#retire(entry);
  }

  #evict(): void {
    if (this.#entries.size <= this.#maxHandles) return;
    for (const [key, entry] of this.#entries) {
      if (entry.users > 0) continue;
      this.#entries.delete(key);
      // Nothing was promised to anyone about this handle any more.
      attempt(() => this.#retire(entry), () => {});
      if (this.#entries.size <= this.#maxHandles) return;
    }
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
  #release: (() => Awaitable<void>) | undefined;

  constructor(
    handle: FileHandle,
    path: FilePath,
    writable: boolean,
    release: () => Awaitable<void>,
  ) {
    this.#handle = handle;
    this.#path = path;
    this.#writable = writable;
    this.#release = release;
  }

  read(into: Uint8Array, offset: number): Awaitable<number> {
    return this.#open("read", false).read(into, offset);
  }

  write(from: Uint8Array, offset: number): Awaitable<void> {
    return this.#open("write", true).write(from, offset);
  }

  size(): Awaitable<number> {
    return this.#open("look at", false).size();
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
    if (this.#release === undefined) {
      throw new DiskError("closed", "The file is closed", { operation, path });
    }
    if (writing && !this.#writable) {
      throw new DiskError("permission", "The file is open for reading", {
        operation,
        path,
      });
    }
    return this.#handle;
  }
}
