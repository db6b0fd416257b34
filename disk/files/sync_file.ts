/**
 * Waiting for the device.
 *
 * @module
 */
import { type DiskError, toDiskError } from "../error.ts";
import { type FilePath, type FileSystem, useHandle } from "../file_system.ts";

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
