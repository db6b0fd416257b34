/**
 * Files of the operating system below one folder.
 *
 * @module
 */
import { DiskError, toDiskError } from "./error.ts";
import {
  checkFilePath,
  type FileHandle,
  type FileInfo,
  type FileOpenOptions,
  type FilePath,
  type FileRenameOptions,
  type FileSystem,
} from "./file_system.ts";

const WINDOWS = Deno.build.os === "windows";

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
  readonly #base: string;

  /**
   * Takes the base folder; nothing is touched yet. It is made when the first
   * file is written.
   *
   * @param base Path of the folder, absolute or relative to where the process
   * stands now or later.
   */
  constructor(base: string) {
    this.#base = base === "" ? "." : base.replace(/(?<=[^/:])\/+$/, "");
  }

  /**
   * Opens a file.
   *
   * @param path The file.
   * @param options Whether to write.
   * @returns The handle, to be closed.
   * @throws {DiskError} See {@linkcode FileSystem.open}.
   */
  open(path: FilePath, options: FileOpenOptions = {}): NativeFileHandle {
    const { write = false } = options;
    const operation = write ? "open for writing" : "open";
    const name = this.#resolve(path, operation, write);
    try {
      return new NativeFileHandle(
        Deno.openSync(name, { read: true, write, create: write }),
        path,
      );
    } catch (error) {
      throw toDiskError(error, { operation, path });
    }
  }

  /**
   * Looks at a file.
   *
   * @param path The file.
   * @returns Size and time, or `undefined` when there is none.
   * @throws {DiskError} See {@linkcode FileSystem.stat}.
   */
  stat(path: FilePath): FileInfo | undefined {
    const name = this.#resolve(path, "look at", false);
    try {
      const info = Deno.statSync(name);
      return { size: info.size, modifiedMs: info.mtime?.getTime() ?? 0 };
    } catch (error) {
      const typed = toDiskError(error, { operation: "look at", path });
      if (typed.code === "not-found") return undefined;
      throw typed;
    }
  }

  /**
   * Removes a file.
   *
   * @param path The file.
   * @returns Whether it existed.
   * @throws {DiskError} See {@linkcode FileSystem.remove}.
   */
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

  /**
   * Removes a folder if nothing is in it.
   *
   * @param path The folder.
   * @returns Whether it was removed.
   * @throws {DiskError} See {@linkcode FileSystem.removeEmptyFolder}.
   */
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

  /**
   * Moves a file.
   *
   * @param from The file.
   * @param to Its new path.
   * @param options Whether to replace.
   * @throws {DiskError} See {@linkcode FileSystem.rename}.
   */
  rename(
    from: FilePath,
    to: FilePath,
    options: FileRenameOptions = {},
  ): void {
    const operation = "rename";
    const source = this.#resolve(from, operation, false);
    const target = this.#resolve(to, operation, false);
    if (options.replace !== true && this.stat(to) !== undefined) {
      throw new DiskError("exists", "There is a file already", {
        operation,
        path: to,
      });
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

  /**
   * Where the operating system has a file.
   *
   * @param path The file.
   * @returns Its path, absolute if the base folder is.
   * @throws {DiskError} `symlink`, `not-a-file`, `unsafe-path`.
   */
  localPath(path: FilePath): string {
    return this.#resolve(path, "look at", false);
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
    const name = this.#join(path);
    if (info !== undefined) {
      if (!info.isFile) {
        throw new DiskError("not-a-file", "Something else is in its place", {
          operation,
          path,
        });
      }
    } else if (makeFolders) {
      try {
        Deno.mkdirSync(this.#join(path.slice(0, -1)), { recursive: true });
      } catch (error) {
        throw toDiskError(error, { operation, path });
      }
    }
    return name;
  }

  /** Follows the path; a link must resolve inside the base folder. */
  #walk(path: FilePath, operation: string): Deno.FileInfo | undefined {
    let name = this.#base;
    let info: Deno.FileInfo | undefined;
    try {
      for (let i = 0; i < path.length; i++) {
        name = `${name}${name.endsWith("/") ? "" : "/"}${path[i]!}`;
        info = Deno.lstatSync(name);
        if (info.isSymlink) {
          this.#checkLink(name, operation, path);
          info = Deno.statSync(name);
        }
        if (i < path.length - 1 && !info.isDirectory) {
          throw new DiskError("not-a-file", "A part of the path is no folder", {
            operation,
            path,
          });
        }
      }
      return info;
    } catch (error) {
      const typed = toDiskError(error, { operation, path });
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

/** An open file of a {@linkcode NativeFileSystem}. */
export class NativeFileHandle implements FileHandle {
  readonly #path: FilePath;
  #file: Deno.FsFile | undefined;
  /** Where the next transfer would start, or -1. */
  #position = 0;

  /**
   * Takes an open file over.
   *
   * @param file The file; nobody else may use it any more.
   * @param path Its path, for errors.
   */
  constructor(file: Deno.FsFile, path: FilePath) {
    this.#file = file;
    this.#path = path;
  }

  /**
   * Reads bytes.
   *
   * @param into Where to put them.
   * @param offset Where to start in the file.
   * @returns How many bytes were read; less than asked only at the end.
   * @throws {DiskError} If it fails.
   */
  read(into: Uint8Array, offset: number): number {
    const file = this.#at(offset, "read");
    let done = 0;
    try {
      while (done < into.length) {
        const n = file.readSync(done === 0 ? into : into.subarray(done));
        if (n === null || n === 0) break;
        done += n;
      }
    } catch (error) {
      this.#position = -1;
      throw this.#error(error, "read", offset + done);
    }
    this.#position = offset + done;
    return done;
  }

  /**
   * Writes all of the bytes.
   *
   * @param from The bytes.
   * @param offset Where to start in the file.
   * @throws {DiskError} If it fails; a part may have been written.
   */
  write(from: Uint8Array, offset: number): void {
    const file = this.#at(offset, "write");
    let done = 0;
    try {
      while (done < from.length) {
        const n = file.writeSync(done === 0 ? from : from.subarray(done));
        if (n === 0) throw new Error("Nothing could be written");
        done += n;
      }
    } catch (error) {
      this.#position = -1;
      throw this.#error(error, "write", offset + done);
    }
    this.#position = offset + done;
  }

  /**
   * The length of the file.
   *
   * @returns Bytes.
   * @throws {DiskError} If it fails.
   */
  size(): number {
    try {
      return this.#open("look at").statSync().size;
    } catch (error) {
      throw this.#error(error, "look at");
    }
  }

  /**
   * Cuts the file or makes it longer.
   *
   * @param size New length in bytes.
   * @throws {DiskError} If it fails.
   */
  truncate(size: number): void {
    try {
      this.#open("resize").truncateSync(size);
    } catch (error) {
      throw this.#error(error, "resize", size);
    }
  }

  /**
   * Waits until what was written is on the device. The one call that takes
   * long, so it does not block.
   *
   * @returns When it is there.
   * @throws {DiskError} If it fails.
   */
  async sync(): Promise<void> {
    try {
      await this.#open("sync").sync();
    } catch (error) {
      throw this.#error(error, "sync");
    }
  }

  /** Closes the file. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #open(operation: string): Deno.FsFile {
    if (this.#file === undefined) {
      throw new DiskError("closed", "The file is closed", {
        operation,
        path: this.#path,
      });
    }
    return this.#file;
  }

  #at(offset: number, operation: string): Deno.FsFile {
    const file = this.#open(operation);
    if (offset !== this.#position) {
      this.#position = -1;
      try {
        file.seekSync(offset, Deno.SeekMode.Start);
      } catch (error) {
        throw this.#error(error, operation, offset);
      }
    }
    return file;
  }

  #error(cause: unknown, operation: string, offset?: number): DiskError {
    return toDiskError(cause, { operation, path: this.#path, offset });
  }
}
