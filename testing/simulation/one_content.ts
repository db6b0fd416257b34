/**
 * Storage for hundreds of hosts that fetch the same file: its bytes are held
 * once for all of them.
 *
 * @module
 */
import type {
  FileHandle,
  FileOpenOptions,
  FilePath,
} from "../../disk/file_system.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";

/** A file system whose files are as long as what was written, and hold it. */
export class OneContent extends MemoryFileSystem {
  readonly #content: Uint8Array;
  /** Whether reading gives wrong bytes. */
  isLying = false;

  /**
   * Makes an empty file system.
   *
   * @param content What is stored in every file sooner or later.
   */
  constructor(content: Uint8Array) {
    super();
    this.#content = content;
  }

  /** Opens a file; see `FileSystem.open`. */
  override open(path: FilePath, options?: FileOpenOptions): FileHandle {
    const inner = super.open(path, options);
    return {
      ...inner,
      read: (into, offset) => {
        const length = inner.read(into, offset) as number;
        const source = this.#content.subarray(offset, offset + length);
        if (this.isLying) into.fill(0xee, 0, length);
        else into.set(source);
        return length;
      },
      write: (from, offset) => {
        const end = offset + from.length;
        if (inner.size() as number < end) inner.truncate(end);
      },
    };
  }
}
