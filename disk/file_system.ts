/**
 * The interface between pieces and what stores them.
 *
 * @module
 */
import type { Awaitable } from "./awaitable.ts";
import { DiskError, toDiskError } from "./error.ts";

/** Waits until what was written to a file is on the device. */
export async function syncFile(
  fileSystem: FileSystem,
  path: FilePath,
): Promise<DiskError | undefined> {
  try {
    // One that is gone is not made anew: who confirms the files will find out.
    if (await fileSystem.stat(path) === undefined) return undefined;
    await useHandle(
      fileSystem.open(path, { write: true }),
      (handle) => handle.sync(),
    );
    return undefined;
  } catch (error) {
    return toDiskError(error, { operation: "sync", path });
  }
}

/**
 * A file below the base folder of a file system, as path components. Each is
 * one name: not empty, not `.` or `..`, without `/` or NUL.
 */
export type FilePath = readonly string[];

/** What is known of a file. */
export interface FileInfo {
  /** Length in bytes. */
  readonly size: number;
  /** When the content last changed, in milliseconds since 1970. */
  readonly modifiedMs: number;
  /**
   * When anything of the file last changed, as far as the file system knows:
   * unlike `modifiedMs`, nobody can set it.
   */
  readonly changedMs?: number | undefined;
  /** How many names it has (hard links), if the file system tells. */
  readonly links?: number | undefined;
  /** Bytes of the device that it takes, if the file system tells. */
  readonly takenBytes?: number | undefined;
  /**
   * A number that tells the file from another one at the same path, if the file
   * system has such numbers.
   */
  readonly id?: number | undefined;
  /**
   * Whether the file may really have another path: a link leads to it, or it is
   * called by another name. @default {false}
   */
  readonly mayBeAlias?: boolean | undefined;
}

/** Options of {@linkcode FileSystem.open}. */
export interface FileOpenOptions {
  /**
   * Whether to write; the file and its folders are made when missing.
   *
   * @default {false}
   */
  readonly write?: boolean | undefined;
  /**
   * Hint that the file is not expected to exist, which may save a lookup. An
   * existing file is opened all the same.
   *
   * @default {false}
   */
  readonly isNew?: boolean | undefined;
}

/** Options of {@linkcode FileSystem.rename}. */
export interface FileRenameOptions {
  /**
   * Whether a file at the target is replaced, atomically.
   *
   * @default {false}
   */
  readonly replace?: boolean | undefined;
}

/**
 * An open file. Reads and writes name their position, so calls may overlap.
 * Results may be returned at once or as promises.
 */
export interface FileHandle {
  /**
   * Reads bytes.
   *
   * @param into Where to put them; filled unless the file ends before.
   * @param offset Where to start in the file, in bytes.
   * @returns How many bytes were read; less than asked only at the end.
   * @throws {DiskError} If it fails.
   */
  read(into: Uint8Array, offset: number): Awaitable<number>;
  /**
   * Writes all of the bytes; a gap after the old end reads as zeros.
   *
   * @param from The bytes. Not used after the write is done.
   * @param offset Where to start in the file, in bytes.
   * @throws {DiskError} If it fails; a part may have been written.
   */
  write(from: Uint8Array, offset: number): Awaitable<void>;
  /**
   * The length of the file.
   *
   * @returns Bytes.
   * @throws {DiskError} If it fails.
   */
  size(): Awaitable<number>;
  /**
   * What is known of the open file; optional, `size` is asked without it. Where
   * it answers at once, who else writes to a file is noticed.
   *
   * @returns Size, time and number.
   * @throws {DiskError} If it fails.
   */
  stat?: (() => Awaitable<FileInfo>) | undefined;
  /**
   * Cuts the file, or makes it longer with zeros that take no space.
   *
   * @param size New length in bytes.
   * @throws {DiskError} If it fails.
   */
  truncate(size: number): Awaitable<void>;
  /**
   * Waits until what was written is on the device.
   *
   * @throws {DiskError} If it fails.
   */
  sync(): Awaitable<void>;
  /** Closes the handle. Further calls do nothing. */
  close(): Awaitable<void>;
}

/**
 * Files below one base folder. No path leads outside, whatever symbolic links
 * there are. Any implementation passes the suite in
 * `testing/file_system_compliance.ts`.
 */
export interface FileSystem {
  /**
   * Opens a file.
   *
   * @param path The file.
   * @param options Whether to write.
   * @returns The handle, to be closed.
   * @throws {DiskError} `not-found` when reading a missing file, `not-a-file`,
   * `symlink`, `unsafe-path`, `permission`, `io`.
   */
  open(path: FilePath, options?: FileOpenOptions): Awaitable<FileHandle>;
  /**
   * Looks at a file without opening it.
   *
   * @param path The file.
   * @returns Size and time, or `undefined` when it does not exist.
   * @throws {DiskError} `not-a-file`, `symlink`, `unsafe-path`, `io`.
   */
  stat(path: FilePath): Awaitable<FileInfo | undefined>;
  /**
   * Removes a file. Handles that are open stay usable or fail, but never reach
   * another file.
   *
   * @param path The file.
   * @returns Whether it existed.
   * @throws {DiskError} If it cannot be removed.
   */
  remove(path: FilePath): Awaitable<boolean>;
  /**
   * Removes a folder if nothing is in it.
   *
   * @param path The folder.
   * @returns Whether it was removed.
   * @throws {DiskError} If it is empty and yet cannot be removed.
   */
  removeEmptyFolder(path: FilePath): Awaitable<boolean>;
  /**
   * Moves a file; folders of the target are made.
   *
   * @param from The file.
   * @param to Its new path.
   * @param options Whether to replace.
   * @throws {DiskError} `not-found`, or `exists` when the target is there and
   * is not to be replaced.
   */
  rename(
    from: FilePath,
    to: FilePath,
    options?: FileRenameOptions,
  ): Awaitable<void>;
  /** Closes everything that the file system itself keeps open. */
  close(): Awaitable<void>;
  /**
   * Where the operating system has the file, for those that can be read by
   * other threads.
   *
   * @param path The file.
   * @returns The absolute path, or `undefined` when it is not such a file.
   * @throws {DiskError} `symlink`, `unsafe-path`.
   */
  localPath?: ((path: FilePath) => string | undefined) | undefined;
  /**
   * Where a file or folder really is, links on the way followed, whether it is there
   * or not; optional. By that it is known that two paths are one, in one file
   * system or two: no two torrents of a budget write to the same.
   *
   * @param path The file or folder; none for the base folder.
   * @param missing What was found not to be there, for calls one right after the
   * other: it is not looked at again, and may be added to. @default {none}
   * @returns An absolute path with slashes, as far as it can be found out.
   * @throws {DiskError} `unsafe-path`.
   */
  realPath?:
    | ((path: FilePath, missing?: Set<string>) => string)
    | undefined;
  /**
   * Whether names that differ in case, or in the form of their letters, may be those of
   * one file. @default {false}
   */
  readonly foldsNames?: boolean | undefined;
  /**
   * What is in a folder; optional, files are looked for one by one without it.
   *
   * @param folder The folder.
   * @returns Names of files and folders, or `undefined` when it does not exist.
   * @throws {DiskError} `not-a-file`, `symlink`, `unsafe-path`, `io`.
   */
  listFolder?:
    | ((folder: FilePath) => Awaitable<readonly string[] | undefined>)
    | undefined;
  /**
   * Which device the files are on, for those that share one with others:
   * checks of files on one device wait for each other.
   *
   * @returns Its number, or `undefined` when it is not known.
   */
  device?: (() => number | undefined) | undefined;
  /**
   * Has a file that has other names, hard links, become one of its own, so that
   * writing to it changes no other; called before the first write.
   *
   * @param path The file.
   * @returns Nothing at once where it has no other names; else a promise.
   * @throws {DiskError} If it cannot be copied; it is as it was then.
   */
  own?: ((path: FilePath) => Awaitable<void>) | undefined;
  /**
   * Takes a file of the operating system over, if that is no more than giving
   * it another name; optional, it is copied without it.
   *
   * @param localPath Where the operating system has it.
   * @param to Its new path; nothing may be there.
   * @returns Whether it was taken over; false when it has to be copied.
   * @throws {DiskError} `exists`, or if it cannot be renamed.
   */
  takeFile?:
    | ((localPath: string, to: FilePath) => Awaitable<boolean>)
    | undefined;
}

/** What no name on Windows may hold. */
// deno-lint-ignore no-control-regex
const RESERVED = /[\x00-\x1f\\:*?"<>|]/;

/**
 * Checks the components of a path.
 *
 * @param path The components.
 * @param operation What is being done, for the error.
 * @param windows Whether names must be safe on Windows.
 * @throws {DiskError} `unsafe-path` if there is no component, or one is empty,
 * `.`, `..`, or holds a separator or NUL.
 */
export function checkFilePath(
  path: FilePath,
  operation: string,
  windows = false,
): void {
  const unsafe = (reason: string) =>
    new DiskError("unsafe-path", reason, { operation, path });
  if (path.length === 0) throw unsafe("The path has no component");
  for (const name of path) {
    if (name === "" || name === "." || name === "..") {
      throw unsafe(`"${name}" is not a file name`);
    }
    if (/[\0/]/.test(name)) {
      throw unsafe("A component holds a separator or NUL");
    }
    if (windows && RESERVED.test(name)) {
      throw unsafe("A component holds a character reserved on Windows");
    }
  }
}

/**
 * Opens a file, does something and closes it.
 *
 * @param opened The handle.
 * @param use What to do.
 * @returns What `use` returned.
 */
export function useHandle<T>(
  opened: Awaitable<FileHandle>,
  use: (handle: FileHandle) => Awaitable<T>,
): Awaitable<T> {
  return opened instanceof Promise
    ? opened.then((handle) => useNow(handle, use))
    : useNow(opened, use);
}

function useNow<T>(
  handle: FileHandle,
  use: (handle: FileHandle) => Awaitable<T>,
): Awaitable<T> {
  let result: Awaitable<T>;
  try {
    result = use(handle);
  } catch (error) {
    handle.close();
    throw error;
  }
  if (result instanceof Promise) {
    return result.finally(() => handle.close());
  }
  const closed = handle.close();
  const value = result;
  return closed instanceof Promise ? closed.then(() => value) : value;
}
