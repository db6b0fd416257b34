/**
 * Folders that a person names.
 *
 * @module
 */
import type { Metainfo } from "../../metainfo/metainfo.ts";
import type { OptionSpec } from "../command.ts";
import { CommandError } from "../error.ts";
import { EXIT_IO } from "../exit_code.ts";
import { ioError } from "../io_error.ts";
import { folderOf, joinPath, namedPath, nameOf } from "../paths.ts";

/** The option of verbs that look for files. */
export const FIND_OPTION: OptionSpec = {
  name: "find",
  value: "DIR",
  repeat: true,
  summary: "Search this folder for the files, by size and hash",
  complete: "folder",
};

/**
 * Finds the folder that holds a torrent's top-level name. The person may also
 * have named what it holds: the torrent's own folder, or its only file.
 *
 * @param path What the person named.
 * @param metainfo The torrent.
 * @param action What is to be done in it, such as `"verify"`.
 * @returns The folder.
 * @throws {CommandError} If there is none (exit code 6).
 */
export async function findFolder(
  path: string,
  metainfo: Pick<Metainfo, "files" | "name">,
  action: string,
): Promise<string> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    throw ioError(error, "read", path);
  }
  const isTop = nameOf(await namedPath(path)) === metainfo.name;
  const { files, name } = metainfo;
  const isFolder = files.length > 1 || (files[0]?.path.length ?? 0) > 0;
  if (!info.isDirectory) {
    if (isTop && !isFolder) return folderOf(path);
    throw new CommandError(
      EXIT_IO,
      "not-a-folder",
      `Cannot ${action} in ${path}: it is not a folder${
        isFolder ? "" : `, nor called ${JSON.stringify(metainfo.name)}`
      }; give the folder that contains the torrent`,
    );
  }
  if (!isFolder || await isThere(joinPath(path, [name]))) return path;
  const first = files.find(({ pad }) => !pad)?.path ?? [];
  if (isTop) return joinPath(path, [".."]);
  if (await isThere(joinPath(path, first))) {
    throw new CommandError(
      EXIT_IO,
      "own-folder",
      `Cannot ${action} in ${path}: it looks like the torrent's own folder, but its name is not ${
        JSON.stringify(name)
      }; rename it, and give the folder that contains it`,
    );
  }
  return path;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes a folder, and those above it, unless it is there.
 *
 * @param path The folder, as the person wrote it.
 * @param mode Permissions of what is made.
 * @throws {CommandError} If that fails or a file is in its place (exit code 6).
 */
export async function makeFolder(path: string, mode?: number): Promise<void> {
  try {
    await Deno.mkdir(path, {
      recursive: true,
      ...(mode === undefined ? {} : { mode }),
    });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new CommandError(
        EXIT_IO,
        "not-a-folder",
        `Cannot create the folder ${path}: a file is in its place`,
        { cause: error },
      );
    }
    throw ioError(error, "create the folder", path);
  }
}
