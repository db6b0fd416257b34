/**
 * How much room there is on a disk.
 *
 * @module
 */
import { DaemonError } from "../error.ts";

/**
 * Asks the system.
 *
 * @param dir An absolute folder; the nearest one above it that exists counts.
 * @returns Bytes, and whether the folder itself exists.
 * @throws {DaemonError} `not-found` if it cannot tell.
 */
export async function freeSpace(
  dir: string,
): Promise<{ free: number; total: number; exists: boolean }> {
  const { statfs } = await import("node:fs/promises");
  for (let at = dir;; at = at.replace(/\/[^/]*$/, "") || "/") {
    try {
      const { bavail, blocks, bsize } = await statfs(at);
      const exists = at === dir;
      return { free: bavail * bsize, total: blocks * bsize, exists };
    } catch (error) {
      const { code, name, message } = error as Error & { code?: string };
      if (name === "NotCapable") throw error;
      if (code === "ENOENT" && at !== "/" && at.includes("/")) continue;
      throw new DaemonError(
        "not-found",
        `Cannot find out the free space at ${JSON.stringify(dir)}: ${message}`,
        { cause: error },
      );
    }
  }
}
