/**
 * Finds out before a peer is there that what is missing cannot be written.
 *
 * @module
 */
import type { Torrent } from "../../client/torrent.ts";
import { ioError } from "../io_error.ts";
import { joinPath } from "../paths.ts";

/** The deepest folder that is there, on the way to a file. */
async function folderOn(dir: string, path: readonly string[]): Promise<string> {
  for (let length = path.length - 1; length > 0; length--) {
    const folder = joinPath(dir, path.slice(0, length));
    try {
      if ((await Deno.stat(folder)).isDirectory) return folder;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        throw ioError(error, "write", folder);
      }
    }
  }
  return dir;
}

/**
 * Waits until files are missing, and tries out whether one can be made. What is
 * complete may be seeded from where nothing can be written.
 *
 * @param torrent A torrent in a folder.
 * @param signal Ends the wait.
 * @throws {CommandError} If not (exit code 6).
 */
export async function checkWritable(
  torrent: Pick<Torrent, "dir" | "events" | "files" | "state">,
  signal: AbortSignal,
): Promise<void> {
  if (torrent.state !== "downloading") {
    for await (const event of torrent.events({ signal })) {
      if (event.type === "state" && event.state === "downloading") break;
    }
  }
  const { dir, files, state } = torrent;
  if (state !== "downloading" || dir === undefined) return;
  const missing = files.find(({ isPad, priority, doneBytes, length }) =>
    !isPad && priority > 0 && doneBytes < length
  );
  if (missing === undefined) return;
  const folder = await folderOn(dir, missing.path);
  try {
    // Not the file itself, which a piece may be written to meanwhile.
    const probe = await Deno.makeTempFile({ dir: folder, prefix: ".bip-" });
    await Deno.remove(probe);
  } catch (error) {
    throw ioError(error, "write to", folder);
  }
}
