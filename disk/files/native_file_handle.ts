/**
 * Open files of the operating system.
 *
 * @module
 */
import { DiskError, toDiskError } from "../error.ts";
import type { FileHandle, FileInfo, FilePath } from "../file_system.ts";

/** Takes what the operating system knows of a file. */
export function toFileInfo(info: Deno.FileInfo): FileInfo {
  const { size, mtime, ctime, dev, ino, blocks, nlink } = info;
  return {
    size,
    modifiedMs: mtime?.getTime() ?? 0,
    changedMs: ctime?.getTime(),
    links: nlink ?? undefined,
    takenBytes: typeof blocks === "number" ? 512 * blocks : undefined,
    id: ino === null ? undefined : dev * 2_654_435_761 + ino,
  };
}

/** Puts a copy of a file, with its times, in its place. */
export async function parted(
  name: string,
  { ino, mode, atime, mtime }: Deno.FileInfo,
): Promise<void> {
  const folder = /^.*[\\/]/s.exec(name)?.[0] ?? "";
  const copy = `${folder}.bip-copy-${ino}`;
  // What a crash left, or somebody put there.
  await Deno.remove(copy).catch(() => {});
  try {
    await Deno.copyFile(name, copy);
    if (mode !== null) await Deno.chmod(copy, mode & 0o777 | 0o200);
    if (mtime !== null) await Deno.utime(copy, atime ?? mtime, mtime);
    await Deno.rename(copy, name);
  } catch (error) {
    await Deno.remove(copy).catch(() => {});
    throw error;
  }
}

/** An open file of a {@linkcode NativeFileSystem}. */
export class NativeFileHandle implements FileHandle {
  readonly #path: FilePath;
  #file: Deno.FsFile | undefined;
  /** Where the next transfer would start, or -1. */
  #position = 0;

  /** Wraps an open file. */
  constructor(file: Deno.FsFile, path: FilePath) {
    this.#file = file;
    this.#path = path;
  }

  /** Reads bytes: how many, less than asked only at the end. */
  read(into: Uint8Array, offset: number): number {
    return this.#transfer(
      "read",
      into,
      offset,
      (file, bytes) => file.readSync(bytes) ?? 0,
    );
  }

  /** Writes all of the bytes. */
  write(from: Uint8Array, offset: number): void {
    this.#transfer("write", from, offset, (file, bytes) => {
      const n = file.writeSync(bytes);
      if (n === 0) throw new Error("Nothing could be written");
      return n;
    });
  }

  /** The length of the file. */
  size(): number {
    try {
      return this.#open("look at").statSync().size;
    } catch (error) {
      throw this.#error(error, "look at");
    }
  }

  /** Looks at the open file. */
  stat(): FileInfo {
    try {
      return toFileInfo(this.#open("look at").statSync());
    } catch (error) {
      throw this.#error(error, "look at");
    }
  }

  /** Cuts the file or makes it longer. */
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

  /** Goes on until all is done or nothing more comes, through signals, too. */
  #transfer(
    operation: string,
    bytes: Uint8Array,
    offset: number,
    run: (file: Deno.FsFile, bytes: Uint8Array) => number,
  ): number {
    const file = this.#open(operation);
    const at = this.#position;
    this.#position = -1;
    let done = 0;
    try {
      if (offset !== at) file.seekSync(offset, Deno.SeekMode.Start);
      while (done < bytes.length) {
        let n: number;
        try {
          n = run(file, done === 0 ? bytes : bytes.subarray(done));
        } catch (error) {
          if (error instanceof Deno.errors.Interrupted) continue;
          throw error;
        }
        if (n === 0) break;
        done += n;
      }
    } catch (error) {
      throw this.#error(error, operation, offset + done);
    }
    this.#position = offset + done;
    return done;
  }

  #error(cause: unknown, operation: string, offset?: number): DiskError {
    return toDiskError(cause, { operation, path: this.#path, offset });
  }
}
