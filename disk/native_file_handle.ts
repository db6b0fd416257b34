/**
 * Open files of the operating system.
 *
 * @module
 */
import { DiskError, toDiskError } from "./error.ts";
import type { FileHandle, FileInfo, FilePath } from "./file_system.ts";

/** Takes what the operating system knows of a file. */
export function toFileInfo(info: Deno.FileInfo): FileInfo {
  const { size, mtime, dev, ino } = info;
  return {
    size,
    modifiedMs: mtime?.getTime() ?? 0,
    id: ino === null ? undefined : dev * 2_654_435_761 + ino,
  };
}

/** An open file of a {@linkcode NativeFileSystem}. */
export class NativeFileHandle implements FileHandle {
  readonly #path: FilePath;
  #file: Deno.FsFile | undefined;
  /** Where the next transfer would start, or -1. */
  #position = 0;

  /** Takes an open file over. */
  constructor(file: Deno.FsFile, path: FilePath) {
    this.#file = file;
    this.#path = path;
  }

  /**
   * Reads bytes. Returns how many bytes were read; less than asked only at the
   * end.
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

  /** Writes all of the bytes. */
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
