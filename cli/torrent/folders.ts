/**
 * Folders that a person names.
 *
 * @module
 */
import { CommandError } from "../error.ts";
import { EXIT_IO } from "../exit_code.ts";
import { ioError } from "../io_error.ts";

/**
 * Makes sure that a folder is there.
 *
 * @param path The folder, as the person wrote it.
 * @param action What is to be done in it, such as `"verify"`.
 * @throws {CommandError} If there is none (exit code 6).
 */
export async function requireFolder(
  path: string,
  action: string,
): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    throw ioError(error, "read", path);
  }
  if (!info.isDirectory) {
    throw new CommandError(
      EXIT_IO,
      "not-a-folder",
      `Cannot ${action} in ${path}: it is no folder; give the folder that holds the torrent's name`,
    );
  }
}

/**
 * Makes a folder, and those above it, unless it is there.
 *
 * @param path The folder, as the person wrote it.
 * @throws {CommandError} If that fails or a file is in its place (exit code 6).
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new CommandError(
        EXIT_IO,
        "not-a-folder",
        `Cannot make the folder ${path}: a file is there already`,
        { cause: error },
      );
    }
    throw ioError(error, "make the folder", path);
  }
}
