/**
 * Files in memory, for tests and for torrents that never touch a disk.
 *
 * @module
 */
import { alreadyThere, checkHandle, DiskError } from "./error.ts";
import {
  checkFilePath,
  type FileHandle,
  type FileInfo,
  type FileOpenOptions,
  type FilePath,
  type FileRenameOptions,
  type FileSystem,
} from "./file_system.ts";

/** Bytes of a page; pages that were never written take no memory. */
const PAGE_SIZE = 65536;

interface MemoryFile {
  readonly pages: Map<number, Uint8Array>;
  size: number;
  modifiedMs: number;
  readonly id: number;
}

/** Options of {@linkcode MemoryFileSystem}. */
export interface MemoryFileSystemOptions {
  /**
   * Most bytes of pages (64 KiB each) that all files together may take; a
   * write beyond fails with `disk-full`.
   *
   * @default {Infinity}
   */
  readonly capacityBytes?: number | undefined;
}

/**
 * A {@linkcode FileSystem} in memory: sparse, with folders, and with a limit
 * that behaves as a full disk does. The time of a change is a counter.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MemoryFileSystem } from "@bip/bip/disk";
 *
 * const files = new MemoryFileSystem();
 * const file = files.open(["a"], { write: true });
 * file.write(new Uint8Array([7]), 2);
 * assertEquals(files.contents(["a"]), new Uint8Array([0, 0, 7]));
 * ```
 */
export class MemoryFileSystem implements FileSystem {
  /** How many bytes of pages there may be. May be changed at any time. */
  capacityBytes: number;
  readonly #files = new Map<string, MemoryFile>();
  readonly #folders = new Set<string>();
  #used = 0;
  #time = 0;

  /** Makes an empty file system. */
  constructor(options: MemoryFileSystemOptions = {}) {
    this.capacityBytes = options.capacityBytes ?? Infinity;
  }

  /** Bytes of pages in use. */
  get usedBytes(): number {
    return this.#used;
  }

  /** Lists what there is. */
  list(): string[] {
    return [...this.#files.keys()].sort();
  }

  /** Copies the bytes of a file out; `undefined` when there is none. */
  contents(path: FilePath): Uint8Array<ArrayBuffer> | undefined {
    const file = this.#files.get(path.join("/"));
    if (file === undefined) return undefined;
    const bytes = new Uint8Array(file.size);
    readPages(file, bytes, 0);
    return bytes;
  }

  /** Opens a file. */
  open(path: FilePath, options: FileOpenOptions = {}): FileHandle {
    const { write = false } = options;
    const operation = write ? "open for writing" : "open";
    const key = this.#key(path, operation);
    let file = this.#files.get(key);
    if (file === undefined) {
      if (!write) throw missing(operation, path);
      this.#makeFolders(path, operation);
      const time = ++this.#time;
      file = { pages: new Map(), size: 0, modifiedMs: time, id: time };
      this.#files.set(key, file);
    }
    return this.#handle(file, path, write);
  }

  /** Looks at a file. Returns size and change counter, or `undefined`. */
  stat(path: FilePath): FileInfo | undefined {
    const file = this.#files.get(this.#key(path, "look at"));
    return file && infoOf(file);
  }

  /** Removes a file. Returns whether it existed. */
  remove(path: FilePath): boolean {
    const key = this.#key(path, "remove");
    const file = this.#files.get(key);
    if (file === undefined) return false;
    this.#used -= file.pages.size * PAGE_SIZE;
    this.#files.delete(key);
    file.pages.clear();
    file.size = 0;
    return true;
  }

  /** Removes a folder if nothing is in it. Returns whether it was removed. */
  removeEmptyFolder(path: FilePath): boolean {
    checkFilePath(path, "remove folder");
    const inside = path.join("/") + "/";
    for (const key of this.#files.keys()) {
      if (key.startsWith(inside)) return false;
    }
    for (const key of this.#folders) if (key.startsWith(inside)) return false;
    return this.#folders.delete(path.join("/"));
  }

  /** Moves a file. */
  rename(
    from: FilePath,
    to: FilePath,
    options: FileRenameOptions = {},
  ): void {
    const source = this.#key(from, "rename");
    const target = this.#key(to, "rename");
    const file = this.#files.get(source);
    if (file === undefined) throw missing("rename", from);
    const old = this.#files.get(target);
    if (old !== undefined && options.replace !== true) {
      throw alreadyThere("rename", to);
    }
    if (source === target) return;
    this.#makeFolders(to, "rename");
    this.remove(to);
    this.#files.delete(source);
    this.#files.set(target, file);
  }

  /** Does nothing. */
  close(): void {}

  #key(path: FilePath, operation: string): string {
    checkFilePath(path, operation);
    let prefix = "";
    for (let i = 0; i < path.length - 1; i++) {
      prefix += (i === 0 ? "" : "/") + path[i]!;
      if (this.#files.has(prefix)) {
        throw new DiskError("not-a-file", "Part of the path is not a folder", {
          operation,
          path,
        });
      }
    }
    const key = path.join("/");
    if (this.#folders.has(key)) {
      throw new DiskError("not-a-file", "It is not a file", {
        operation,
        path,
      });
    }
    return key;
  }

  #makeFolders(path: FilePath, operation: string): void {
    this.#key(path, operation);
    for (let i = 1; i < path.length; i++) {
      this.#folders.add(path.slice(0, i).join("/"));
    }
  }

  #handle(file: MemoryFile, path: FilePath, writable: boolean): FileHandle {
    let open = true;
    const check = (operation: string, writing: boolean) => {
      checkHandle(open, !writing || writable, operation, path);
    };
    return {
      read: (into, offset) => {
        check("read", false);
        return readPages(file, into, offset);
      },
      write: (from, offset) => {
        check("write", true);
        this.#write(file, from, offset, path);
      },
      size: () => {
        check("look at", false);
        return file.size;
      },
      stat: () => {
        check("look at", false);
        return infoOf(file);
      },
      truncate: (size) => {
        check("resize", true);
        this.#truncate(file, size);
      },
      sync: () => check("sync", false),
      close: () => {
        open = false;
      },
    };
  }

  #write(
    file: MemoryFile,
    from: Uint8Array,
    offset: number,
    path: FilePath,
  ): void {
    let done = 0;
    file.modifiedMs = ++this.#time;
    while (done < from.length) {
      const at = offset + done;
      const index = Math.floor(at / PAGE_SIZE);
      let page = file.pages.get(index);
      if (page === undefined) {
        if (this.#used + PAGE_SIZE > this.capacityBytes) {
          throw new DiskError("disk-full", "No space left", {
            operation: "write",
            path,
            offset: at,
          });
        }
        page = new Uint8Array(PAGE_SIZE);
        file.pages.set(index, page);
        this.#used += PAGE_SIZE;
      }
      const start = at - index * PAGE_SIZE;
      const run = Math.min(PAGE_SIZE - start, from.length - done);
      page.set(from.subarray(done, done + run), start);
      done += run;
      file.size = Math.max(file.size, at + run);
    }
  }

  #truncate(file: MemoryFile, size: number): void {
    file.modifiedMs = ++this.#time;
    for (const [index, page] of file.pages) {
      const start = index * PAGE_SIZE;
      if (start >= size) {
        file.pages.delete(index);
        this.#used -= PAGE_SIZE;
      } else page.fill(0, Math.min(size - start, PAGE_SIZE));
    }
    file.size = size;
  }
}

function infoOf({ size, modifiedMs, id, pages }: MemoryFile): FileInfo {
  const takenBytes = pages.size * PAGE_SIZE;
  return { size, modifiedMs, changedMs: modifiedMs, takenBytes, id };
}

function readPages(file: MemoryFile, into: Uint8Array, offset: number): number {
  const length = Math.max(0, Math.min(into.length, file.size - offset));
  let done = 0;
  while (done < length) {
    const at = offset + done;
    const index = Math.floor(at / PAGE_SIZE);
    const start = at - index * PAGE_SIZE;
    const run = Math.min(PAGE_SIZE - start, length - done);
    const page = file.pages.get(index);
    if (page === undefined) into.fill(0, done, done + run);
    else into.set(page.subarray(start, start + run), done);
    done += run;
  }
  return length;
}

function missing(operation: string, path: FilePath): DiskError {
  return new DiskError("not-found", "There is no such file", {
    operation,
    path,
  });
}
