/**
 * Files that a person wants written: checked before the work, whole or not at
 * all after it.
 *
 * @module
 */
import { CommandError, UsageError } from "./error.ts";
import { EXIT_IO } from "./exit_code.ts";
import { ioError } from "./io_error.ts";

/** Most bytes of an old file that are kept until the new one is written. */
const MAX_KEPT = 64 * 1024 * 1024;

async function tryStat(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw ioError(error, "write", path);
  }
}

/**
 * Refuses a file that could not be written later.
 *
 * @param path Where it is to be, as the person wrote it.
 * @param force Whether a file that is there may be replaced.
 * @param probe Whether to try it out: makes the file and removes it.
 * @returns What is there now, if anything.
 * @throws {UsageError} If a folder is there, or a file without `force`.
 * @throws {CommandError} If the system does not let us write (exit code 6).
 */
export async function checkOutput(
  path: string,
  force: boolean,
  probe = true,
): Promise<Deno.FileInfo | undefined> {
  const info = await tryStat(path);
  if (info?.isDirectory) {
    throw new UsageError(`Cannot write ${path}: it is a folder`);
  }
  if (info !== undefined && !force) {
    throw new UsageError(
      `Cannot write ${path}: it already exists`,
      "--force replaces it",
    );
  }
  // Opening a pipe would wait for a reader.
  if (!probe || info?.isFile === false) return info;
  try {
    const isNew = info === undefined;
    (await Deno.open(path, { write: true, createNew: isNew })).close();
    if (isNew) await Deno.remove(path);
  } catch (error) {
    // It was not found, and yet it is there.
    if (info === undefined && error instanceof Deno.errors.AlreadyExists) {
      throw new CommandError(
        EXIT_IO,
        "dangling-link",
        `Cannot write ${path}: it is a symbolic link that leads nowhere`,
        { cause: error },
      );
    }
    throw ioError(error, "write", path);
  }
  return info;
}

/** Writes a file that is not there yet. */
async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await Deno.writeFile(path, bytes, { createNew: true });
  } catch (error) {
    // Never remove what was made by another program meanwhile.
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      await Deno.remove(path).catch(() => {});
    }
    throw error;
  }
}

/**
 * Writes over a file, or into a device or pipe. If that fails, the file gets
 * back what was in it.
 */
async function writeOver(
  path: string,
  { isFile, size }: Deno.FileInfo,
  bytes: Uint8Array,
): Promise<void> {
  const old = isFile && size <= MAX_KEPT
    ? await Deno.readFile(path)
    : undefined;
  try {
    await Deno.writeFile(path, bytes, { create: false });
  } catch (error) {
    if (old !== undefined) await Deno.writeFile(path, old).catch(() => {});
    throw error;
  }
}

/**
 * Writes a file where {@linkcode checkOutput} found nothing against it.
 *
 * @param path Where, as the person wrote it.
 * @param bytes What.
 * @param force Whether a file that is there may be replaced.
 * @throws {CommandError} If that fails (exit code 6); half a file is not left.
 */
export async function writeOutput(
  path: string,
  bytes: Uint8Array,
  force: boolean,
): Promise<void> {
  try {
    const info = force ? await tryStat(path) : undefined;
    if (info === undefined) await writeNew(path, bytes);
    else await writeOver(path, info, bytes);
  } catch (error) {
    throw ioError(error, "write", path);
  }
}

/**
 * Replaces a file in one step: the new one is written as `PATH.new` first, so
 * that there is a whole one at any time. Needs permission to read and write
 * both.
 *
 * @param path Where, as the person wrote it; a link stays one.
 * @param bytes What.
 * @throws {CommandError} If that fails (exit code 6); the old one is left.
 */
export async function replaceFile(
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  try {
    const info = await tryStat(path);
    const mode = info?.mode ?? null;
    const isLink = info !== undefined && (await Deno.lstat(path)).isSymlink;
    const target = isLink ? await Deno.realPath(path) : path;
    const beside = `${target}.new`;
    await Deno.remove(beside).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    try {
      using file = await Deno.open(beside, {
        write: true,
        createNew: true,
        ...(mode === null ? {} : { mode: mode & 0o777 }),
      });
      for (let at = 0; at < bytes.length;) {
        at += await file.write(bytes.subarray(at));
      }
      await file.syncData();
    } catch (error) {
      await Deno.remove(beside).catch(() => {});
      throw error;
    }
    await Deno.rename(beside, target);
  } catch (error) {
    throw ioError(error, "write", path);
  }
}
