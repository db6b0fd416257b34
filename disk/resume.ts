/**
 * Saving and loading of resume data so that a crash loses neither version.
 *
 * @module
 */
import { attempt } from "./awaitable.ts";
import { type FilePath, type FileSystem, useHandle } from "./file_system.ts";

/** Most bytes of resume data that are read from a file. */
const MAX_RESUME_BYTES = 64 * 1024 * 1024;

/**
 * Saves bytes so that a crash leaves either the old or the new ones: writes a
 * file beside it, waits for the device, renames.
 *
 * @param fileSystem Where to save.
 * @param path The file.
 * @param bytes Its new content.
 * @throws {DiskError} If it fails; the old content is still there then.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   loadResumeData,
 *   MemoryFileSystem,
 *   saveResumeData,
 * } from "@bip/bip/disk";
 *
 * const files = new MemoryFileSystem();
 * await saveResumeData(files, ["state"], new Uint8Array([1]));
 * assertEquals(await loadResumeData(files, ["state"]), new Uint8Array([1]));
 * ```
 */
export async function saveResumeData(
  fileSystem: FileSystem,
  path: FilePath,
  bytes: Uint8Array,
): Promise<void> {
  const temporary = [...path.slice(0, -1), `${path[path.length - 1]}.tmp`];
  try {
    await useHandle(
      fileSystem.open(temporary, { write: true }),
      async (handle) => {
        await handle.truncate(0);
        await handle.write(bytes, 0);
        await handle.sync();
      },
    );
    await fileSystem.rename(temporary, path, { replace: true });
  } catch (error) {
    // The first failure is what counts.
    await attempt(() => fileSystem.remove(temporary), () => false);
    throw error;
  }
}

/**
 * Loads what {@linkcode saveResumeData} saved.
 *
 * @param fileSystem Where it was saved.
 * @param path The file.
 * @returns The bytes; `undefined` when there are none or far too many.
 * @throws {DiskError} If it cannot be read.
 */
export async function loadResumeData(
  fileSystem: FileSystem,
  path: FilePath,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const info = await fileSystem.stat(path);
  if (info === undefined || info.size > MAX_RESUME_BYTES) return undefined;
  const bytes = new Uint8Array(info.size);
  const n = await useHandle(
    fileSystem.open(path),
    (handle) => handle.read(bytes, 0),
  );
  return bytes.subarray(0, n);
}
