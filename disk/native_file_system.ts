/**
 * Files of the operating system below one folder.
 *
 * @module
 */
import { alreadyThere, DiskError, toDiskError } from "./error.ts";
import {
  checkFilePath,
  type FileHandle,
  type FileInfo,
  type FileOpenOptions,
  type FilePath,
  type FileRenameOptions,
  type FileSystem,
} from "./file_system.ts";
import {
  NativeFileHandle,
  parted,
  toFileInfo,
} from "./files/native_file_handle.ts";

const WINDOWS = Deno.build.os === "windows";
/** Whether a file may have another name than it is found by. */
const FOLDS = WINDOWS || Deno.build.os === "darwin";

/**
 * The {@linkcode FileSystem} of the operating system, rooted at a folder.
 * Every call is synchronous: with 16 KiB and more a call, that is several
 * times as fast as asynchronous ones, and a position and its transfer cannot
 * be torn apart. Files are sparse.
 *
 * Symbolic links that stand on the disk already are followed only where they
 * resolve inside the base folder (checked at every opening); devices, pipes
 * and folders are refused. The base folder itself may be a link.
 *
 * Needs `--allow-read` and, for writing, `--allow-write` of the base folder.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { NativeFileSystem } from "@bip/bip/disk";
 *
 * const base = Deno.makeTempDirSync();
 * const files = new NativeFileSystem(base);
 * const file = files.open(["folder", "file"], { write: true });
 * file.write(new Uint8Array([1, 2, 3]), 0);
 * file.close();
 * assertEquals(files.stat(["folder", "file"])?.size, 3);
 * Deno.removeSync(base, { recursive: true });
 * ```
 */
export class NativeFileSystem implements FileSystem {
  /** Whether names that differ in case may be those of one file. */
  readonly foldsNames: boolean = FOLDS;
  readonly #base: string;
  #isBaseMade = false;
  /** Where the base folder is; once found out, it stays. */
  #realBase: string | undefined;
  /** Whether a link was the last on the path that was followed last. */
  #endsInLink = false;

  /**
   * Takes the base folder; nothing is touched yet. It is made when the first
   * file is written.
   */
  constructor(base: string) {
    this.#base = base === "" ? "." : base.replace(/(?<=[^/:])\/+$/, "");
  }

  /** Opens a file. */
  open(path: FilePath, options: FileOpenOptions = {}): FileHandle {
    const { write = false, isNew = false } = options;
    const operation = write ? "open for writing" : "open";
    try {
      if (write && isNew) {
        const name = this.#resolveFolder(path, operation);
        const handle = openNew(name, path);
        if (handle !== undefined) return handle;
      }
      checkFilePath(path, operation, WINDOWS);
      const handle = this.#openThere(path, operation, write) ??
        // Another may make the file meanwhile: then it is looked at.
        (write
          ? this.#make(path, operation) ??
            this.#openThere(path, operation, write)
          : undefined);
      if (handle !== undefined) return handle;
      throw new DiskError("not-found", "There is no such file", {
        operation,
        path,
      });
    } catch (error) {
      throw toDiskError(error, { operation, path });
    }
  }

  /** Size and time of a file; `undefined` when there is none. */
  stat(path: FilePath): FileInfo | undefined {
    const operation = "look at";
    checkFilePath(path, operation, WINDOWS);
    const info = this.#walk(path, operation);
    if (info === undefined) return undefined;
    checkIsFile(info, operation, path);
    const seen = toFileInfo(info);
    return FOLDS || this.#endsInLink ? { ...seen, mayBeAlias: true } : seen;
  }

  /** Removes a file. Returns whether it existed. */
  remove(path: FilePath): boolean {
    const operation = "remove";
    const name = this.#resolve(path, operation, false);
    try {
      Deno.removeSync(name);
      return true;
    } catch (error) {
      const typed = toDiskError(error, { operation, path });
      if (typed.code === "not-found") return false;
      throw typed;
    }
  }

  /** Removes a folder if nothing is in it. Returns whether it was removed. */
  removeEmptyFolder(path: FilePath): boolean {
    const operation = "remove folder";
    checkFilePath(path, operation, WINDOWS);
    if (path.length > 1) this.#walk(path.slice(0, -1), operation);
    const name = this.#join(path);
    try {
      if (!Deno.lstatSync(name).isDirectory) return false;
      for (const _ of Deno.readDirSync(name)) return false;
      Deno.removeSync(name);
      return true;
    } catch (error) {
      const typed = toDiskError(error, { operation, path });
      if (typed.code === "not-found" || typed.code === "exists") return false;
      throw typed;
    }
  }

  /** Moves a file. */
  rename(
    from: FilePath,
    to: FilePath,
    options: FileRenameOptions = {},
  ): void {
    const operation = "rename";
    const source = this.#resolve(from, operation, false);
    const target = this.#resolve(to, operation, false);
    if (options.replace !== true && this.stat(to) !== undefined) {
      throw alreadyThere(operation, to);
    }
    if (this.stat(from) === undefined) {
      throw new DiskError("not-found", "There is no such file", {
        operation,
        path: from,
      });
    }
    try {
      Deno.mkdirSync(this.#join(to.slice(0, -1)), { recursive: true });
      Deno.renameSync(source, target);
    } catch (error) {
      throw toDiskError(error, { operation, path: to });
    }
  }

  /** Does nothing: handles belong to those who opened them. */
  close(): void {}

  /** Where the operating system has a file. */
  localPath(path: FilePath): string {
    return this.#resolve(path, "look at", false);
  }

  /** What is in a folder; `undefined` when it does not exist. */
  listFolder(folder: FilePath): string[] | undefined {
    const operation = "list";
    checkFilePath(folder, operation, WINDOWS);
    const info = this.#walk(folder, operation);
    if (info === undefined) return undefined;
    try {
      return Array.from(
        Deno.readDirSync(this.#join(folder)),
        (entry) => entry.name,
      );
    } catch (error) {
      throw toDiskError(error, { operation, path: folder });
    }
  }

  /**
   * The device of the base folder, or of the nearest folder above it that is
   * there; `undefined` when it cannot be looked at.
   */
  device(): number | undefined {
    for (const name of andAbove(this.#base)) {
      try {
        return Deno.statSync(name).dev;
      } catch {
        // The next one is nearer to the root.
      }
    }
    return undefined;
  }

  /** Where a file or folder really is, whether it is there or not. */
  realPath(path: FilePath, missing?: Set<string>): string {
    if (path.length > 0) checkFilePath(path, "look at", WINDOWS);
    const base = this.#realBase ??= realFolder(this.#base);
    let rest = "";
    let end = path.length;
    if (missing !== undefined && missing.size > 0) {
      // In a folder that is not there is nothing.
      let above = "";
      for (let i = 0; i < end; i++) {
        above += `/${path[i]!}`;
        if (!missing.has(above)) continue;
        rest = `/${path.slice(i).join("/")}`;
        end = i;
      }
    }
    for (; end > 0; end--) {
      const real = tryRealPath(this.#join(path.slice(0, end)));
      if (real !== undefined) {
        // The base may not have been there when it was looked at.
        const now = tryRealPath(this.#base);
        const isBelow = now !== undefined && isIn(real, now);
        return (isBelow ? below(base, real.slice(now.length)) : real) + rest;
      }
      missing?.add(`/${path.slice(0, end).join("/")}`);
      rest = `/${path[end - 1]!}${rest}`;
    }
    return below(base, rest);
  }

  /** Renames a local file into its place; false across devices. */
  takeFile(localPath: string, to: FilePath): boolean {
    const operation = "move";
    if (this.stat(to) !== undefined) throw alreadyThere(operation, to);
    const target = this.#resolve(to, operation, true);
    try {
      Deno.renameSync(localPath, target);
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === "EXDEV") return false;
      throw toDiskError(error, { operation, path: to });
    }
  }

  /** Copies a file that has hard links in its place. */
  own(path: FilePath): Promise<void> | undefined {
    const operation = "copy";
    checkFilePath(path, operation, WINDOWS);
    const info = this.#walk(path, operation);
    if (info === undefined || (info.nlink ?? 1) < 2) return undefined;
    checkIsFile(info, operation, path);
    return parted(this.#join(path), info).catch((error) => {
      throw toDiskError(error, { operation, path });
    });
  }

  /** Opens a file that is there. */
  #openThere(
    path: FilePath,
    operation: string,
    write: boolean,
  ): NativeFileHandle | undefined {
    const info = this.#walk(path, operation);
    if (info === undefined) return undefined;
    checkIsFile(info, operation, path);
    return openSame(this.#join(path), path, write, info);
  }

  /** Makes a file and its folders, unless it is there by now. */
  #make(path: FilePath, operation: string): NativeFileHandle | undefined {
    this.#makeFolder(path, operation);
    return openNew(this.#join(path), path);
  }

  #join(path: FilePath): string {
    if (path.length === 0) return this.#base;
    return this.#base.endsWith("/")
      ? this.#base + path.join("/")
      : `${this.#base}/${path.join("/")}`;
  }

  /** Checks every component and makes the folders if asked to. */
  #resolve(path: FilePath, operation: string, makeFolders: boolean): string {
    checkFilePath(path, operation, WINDOWS);
    const info = this.#walk(path, operation);
    if (info !== undefined) checkIsFile(info, operation, path);
    else if (makeFolders) this.#makeFolder(path, operation);
    return this.#join(path);
  }

  /** Checks all components but the last and makes them. */
  #resolveFolder(path: FilePath, operation: string): string {
    checkFilePath(path, operation, WINDOWS);
    if (path.length === 1) {
      if (!this.#isBaseMade) this.#makeFolder(path, operation);
      this.#isBaseMade = true;
    } else if (this.#walk(path.slice(0, -1), operation, path) === undefined) {
      this.#makeFolder(path, operation);
    }
    return this.#join(path);
  }

  #makeFolder(path: FilePath, operation: string): void {
    try {
      Deno.mkdirSync(this.#join(path.slice(0, -1)), { recursive: true });
    } catch (error) {
      throw toDiskError(error, { operation, path });
    }
  }

  /** Follows the path; a link must resolve inside the base folder. */
  #walk(
    path: FilePath,
    operation: string,
    wholePath = path,
  ): Deno.FileInfo | undefined {
    let name = this.#base;
    let info: Deno.FileInfo | undefined;
    try {
      for (let i = 0; i < path.length; i++) {
        name = `${name}${name.endsWith("/") ? "" : "/"}${path[i]!}`;
        info = Deno.lstatSync(name);
        this.#endsInLink = info.isSymlink;
        if (info.isSymlink) {
          this.#checkLink(name, operation, wholePath);
          info = Deno.statSync(name);
        }
        if (i < wholePath.length - 1 && !info.isDirectory) {
          throw new DiskError(
            "not-a-file",
            "Part of the path is not a folder",
            {
              operation,
              path: wholePath,
            },
          );
        }
      }
      return info;
    } catch (error) {
      const typed = toDiskError(error, { operation, path: wholePath });
      if (typed.code === "not-found") return undefined;
      throw typed;
    }
  }

  #checkLink(name: string, operation: string, path: FilePath): void {
    let target: string;
    let base: string;
    try {
      target = Deno.realPathSync(name);
      base = Deno.realPathSync(this.#base);
    } catch (error) {
      throw new DiskError(
        "symlink",
        "A symbolic link on the way cannot be followed",
        { operation, path, cause: error },
      );
    }
    const separator = WINDOWS ? "\\" : "/";
    const folder = base.endsWith(separator) ? base : base + separator;
    if (!target.startsWith(folder)) {
      throw new DiskError(
        "symlink",
        "A symbolic link on the way leads out of the base folder",
        { operation, path },
      );
    }
  }
}

/** A folder and those above it that may be looked at, the nearest first. */
function* andAbove(name: string): Generator<string> {
  do {
    yield name;
    if (name === "." || name === "/") return;
    const cut = name.lastIndexOf("/");
    name = cut > 0 ? name.slice(0, cut) : cut === 0 ? "/" : ".";
    // Nobody is asked for more than the base folder.
  } while (isReadable(name));
}

function isReadable(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

/** Where something is, with slashes; `undefined` where there is nothing. */
function tryRealPath(name: string): string | undefined {
  try {
    const real = Deno.realPathSync(name);
    return WINDOWS ? real.replaceAll("\\", "/") : real;
  } catch {
    return undefined;
  }
}

/** The same of a folder, found out by those above it if it is not there. */
function realFolder(folder: string): string {
  for (const name of andAbove(folder)) {
    const real = tryRealPath(name);
    if (real === undefined) continue;
    if (name === folder) return real;
    const rest = name === "." ? folder : folder.slice(name.length);
    return below(real, rest.replace(/^\/?/, "/"));
  }
  return folder;
}

function below(folder: string, rest: string): string {
  return folder === "/" && rest !== "" ? rest : folder + rest;
}

/** Whether a path is that of a folder, or below. */
function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(below(folder, "/"));
}

function checkIsFile(
  info: Deno.FileInfo,
  operation: string,
  path: FilePath,
): void {
  if (info.isFile) return;
  throw new DiskError("not-a-file", "It is not a file", {
    operation,
    path,
  });
}

/** Opens what was looked at, and not what came in its place since. */
function openSame(
  name: string,
  path: FilePath,
  write: boolean,
  info: Deno.FileInfo,
): NativeFileHandle {
  const file = Deno.openSync(name, { read: true, write });
  const { dev, ino } = file.statSync();
  if (dev === info.dev && ino === info.ino) {
    return new NativeFileHandle(file, path);
  }
  file.close();
  throw new DiskError("replaced", "Another file has taken its place", {
    operation: "open",
    path,
  });
}

/** Never follows a link: what is there already is not opened. */
function openNew(name: string, path: FilePath): NativeFileHandle | undefined {
  try {
    const options = { read: true, write: true, createNew: true };
    return new NativeFileHandle(Deno.openSync(name, options), path);
  } catch (error) {
    const { AlreadyExists, NotFound } = Deno.errors;
    if (error instanceof AlreadyExists || error instanceof NotFound) {
      return undefined;
    }
    throw error;
  }
}
