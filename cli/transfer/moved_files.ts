/**
 * What an earlier `bip download --move-completed` moved.
 *
 * @module
 */
import { filePath, type Metainfo } from "../../metainfo/metainfo.ts";
import { CommandError } from "../error.ts";
import { EXIT_IO } from "../exit_code.ts";
import { joinPath } from "../paths.ts";

/**
 * Tells whether all files are in the folder that they are to be moved to.
 *
 * @param metainfo The torrent.
 * @param moveTo The folder.
 * @param only Indices of the files that are wanted. @default {all}
 * @returns Whether all are there and as long as they should be.
 * @throws {CommandError} If only some are, which would stop the move after the
 * download (exit code 6).
 */
export async function isMovedAlready(
  metainfo: Metainfo,
  moveTo: string,
  only?: readonly number[],
): Promise<boolean> {
  let isComplete = true;
  let taken: string | undefined;
  for (const [i, { length, pad, symlink }] of metainfo.files.entries()) {
    if (pad || symlink !== undefined || only?.includes(i) === false) continue;
    const path = joinPath(moveTo, filePath(metainfo, i));
    try {
      const { isFile, size } = await Deno.lstat(path);
      taken ??= path;
      if (!isFile || size !== length) isComplete = false;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      isComplete = false;
    }
  }
  if (taken === undefined) return false;
  if (isComplete) return true;
  throw new CommandError(
    EXIT_IO,
    "already-exists",
    `Cannot move to ${moveTo} when complete: ${taken} already exists`,
  );
}
