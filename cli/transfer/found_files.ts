/**
 * What a download takes of files that lie elsewhere.
 *
 * @module
 */
import { filePath, type Metainfo } from "../../metainfo/metainfo.ts";
import type { Arguments, OptionSpec, VerbContext } from "../command.ts";
import { UsageError } from "../error.ts";
import { ioError } from "../io_error.ts";
import { folderOf, joinPath } from "../paths.ts";
import { plural } from "../text.ts";
import { makeFolder } from "../torrent/folders.ts";
import type { Reporter } from "./reporter.ts";

const LINKS = ["copy", "hard", "none"] as const;

/** How files that are found become the torrent's. */
export const LINK_OPTION: OptionSpec = {
  name: "link",
  value: "NAME",
  summary:
    "What --find finds: copy, hard (links, or copies where links are impossible), none (only report) (copy)",
  complete: LINKS,
};

/**
 * Reads how files that are found become the torrent's.
 *
 * @param args The command line.
 * @returns The name.
 * @throws {UsageError} If the name is none, or nothing is looked for.
 */
export function linkOf(args: Arguments): typeof LINKS[number] {
  const link = args.choice("link", LINKS);
  if (link === undefined) return "copy";
  if (args.get("find") === undefined) {
    throw new UsageError("--link is for what --find finds");
  }
  return link;
}

/**
 * Copies or links what lies elsewhere and is not here.
 *
 * @param metainfo The torrent.
 * @param context What the person typed.
 * @param choose Which files are wanted.
 * @param dir Where they go.
 * @param reporter Told what was found.
 * @returns Whether anything was taken.
 * @throws {CommandError} If a file cannot be copied (exit code 6).
 */
export async function takeFound(
  metainfo: Metainfo,
  { args, signal }: VerbContext,
  choose: ((metainfo: Metainfo) => readonly number[] | undefined) | undefined,
  dir: string,
  reporter: Reporter,
): Promise<boolean> {
  const folders = args.all("find");
  const link = linkOf(args);
  const only = choose?.(metainfo);
  const { findFiles, foundNote } = await import("../torrent/find_files.ts");
  const found = await findFiles(metainfo, folders, { only, signal });
  reporter.note(foundNote(found.size, metainfo, folders));
  if (link === "none") return false;
  const counts = { linked: 0, copied: 0 };
  for (const [i, from] of found) {
    signal.throwIfAborted();
    const to = joinPath(dir, filePath(metainfo, i));
    try {
      await Deno.lstat(to);
      continue;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await makeFolder(folderOf(to));
    if (link === "hard" && await linked(from, to)) {
      counts.linked++;
      continue;
    }
    try {
      await Deno.copyFile(from, to);
      counts.copied++;
      // The mode of what was found may forbid what a download does.
      await Deno.chmod(to, 0o644).catch(() => {});
    } catch (error) {
      throw ioError(error, "copy", from);
    }
  }
  if (link === "hard") {
    reporter.note(
      `Linked ${plural(counts.linked, "file")}, copied ${counts.copied}`,
    );
  }
  return counts.linked + counts.copied > 0;
}

/** Whether a file got another name; not on another device, or without rights. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await Deno.link(from, to);
    return true;
  } catch {
    return false;
  }
}
