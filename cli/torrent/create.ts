/**
 * `bip create`: makes a torrent file.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import {
  type CreatedTorrent,
  createTorrent,
  planTorrent,
  type TorrentSummary,
} from "../../metainfo/create.ts";
import { checkCreateOptions } from "../../metainfo/create_check.ts";
import type { CreateMetainfoOptions } from "../../metainfo/create_options.ts";
import { formatMagnet } from "../../metainfo/magnet.ts";
import { parseMetainfo } from "../../metainfo/parse.ts";
import type { Arguments, Verb, VerbContext } from "../command.ts";
import { UsageError } from "../error.ts";
import { EXIT_DONE } from "../exit_code.ts";
import { Progress } from "../progress.ts";
import type { Output } from "../terminal.ts";
import { plural, safeText } from "../text.ts";
import { formatSize, parseSize } from "../units.ts";
import { checkOutput, writeOutput } from "../write_file.ts";
import { FileChoice, leftOutText } from "./file_choice.ts";
import { unportableNote } from "./renamed.ts";
import { fileLines, torrentDocument } from "./torrent_document.ts";
import { readSources, SOURCE_OPTIONS } from "./torrent_options.ts";

const VERSIONS = ["v1", "v2", "hybrid"] as const;

/** Reasons of `CreateError` that the command line can mend. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  "empty",
  "bad-path",
  "duplicate-path",
  "no-name",
  "symlink",
  "too-large",
]);

const SYMLINK_WORDS = ["follow", "keep", "refuse"] as const;

/** What `--symlinks` may be, and what creation calls it. */
const SYMLINKS = { follow: "follow", keep: "store", refuse: "refuse" } as const;

function createOptions(
  args: Arguments,
  choice: FileChoice,
): CreateMetainfoOptions {
  const pieceLength = args.get("piece-length");
  const options: CreateMetainfoOptions = {
    inputs: args.operands.map((path) => ({ path })),
    filter: (path, isFolder) => choice.takes(path, isFolder),
    symlinks: SYMLINKS[args.choice("symlinks", SYMLINK_WORDS) ?? "follow"],
    name: args.get("name"),
    version: args.choice("version", VERSIONS) ?? "v1",
    pieceLength: pieceLength === undefined
      ? undefined
      : parseSize(pieceLength, "--piece-length"),
    ...readSources(args),
    private: args.has("private"),
    // An unset variable of a shell is no text.
    comment: args.get("comment") || undefined,
    source: args.get("source") || undefined,
    creationDate: args.has("no-date") ? null : undefined,
    threads: args.integer("threads", 1, 1024),
  };
  try {
    checkCreateOptions(options);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  return options;
}

/** Refuses to write over what goes into the torrent. */
async function refuseInput(
  path: string,
  inputs: readonly string[],
): Promise<void> {
  const target = await Deno.realPath(path);
  for (const input of inputs) {
    const root = await Deno.realPath(input).catch(() => undefined);
    if (root === undefined) continue;
    if (
      target === root || target.startsWith(`${root}/`) ||
      target.startsWith(`${root}\\`)
    ) {
      throw new UsageError(
        `Cannot write ${path}: it is one of the files of the torrent`,
      );
    }
  }
}

/** Turns errors that the command line can mend into usage errors. */
export async function attempt<T>(
  choice: FileChoice,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string };
    if (name !== "CreateError" || !USAGE_CODES.has(code ?? "")) throw error;
    const left = leftOutText(choice, []);
    throw new UsageError(
      message,
      code === "too-large"
        ? "A longer --piece-length makes fewer pieces"
        : code === "symlink"
        ? "--symlinks follow takes what links lead to, keep stores them as links"
        : code === "no-name"
        ? "--name gives it one"
        : code === "empty" && left !== ""
        ? `Left out: ${left}`
        : undefined,
    );
  }
}

/** Says what was not simply taken. */
export function noteTaken(
  output: Output,
  choice: FileChoice,
  { followedLinks, storedLinks, leftOut, unportable }: TorrentSummary,
): void {
  const links = [
    followedLinks > 0
      ? `followed ${plural(followedLinks, "symbolic link")}`
      : "",
    storedLinks > 0
      ? `kept ${plural(storedLinks, "symbolic link")} as such`
      : "",
  ];
  const left = leftOutText(choice, leftOut);
  const parts = [...links, left === "" ? "" : `left out ${left}`]
    .filter((part) => part !== "");
  if (parts.length > 0) output.note(`Note: ${parts.join("; ")}`);
  for (const glob of choice.unused) {
    output.note(`Note: ${safeText(glob)} matches nothing`);
  }
  if (unportable.length > 0) output.note(unportableNote(unportable));
}

async function dryRun(
  { args, output }: VerbContext,
  choice: FileChoice,
  options: CreateMetainfoOptions,
): Promise<number> {
  const plan = await attempt(choice, () => planTorrent(options));
  const { name, pieceLength, pieceCount, totalLength } = plan;
  const files = plan.files.map(({ path, length }) => ({
    path: [name, ...path].join("/"),
    length,
  }));
  noteTaken(output, choice, plan);
  if (args.has("json")) {
    output.printJson({
      output: args.get("output") ?? null,
      name,
      pieceLength,
      pieceCount,
      totalLength,
      files,
    }, 2);
    return EXIT_DONE;
  }
  output.print(`Name          ${safeText(name)}`);
  output.print(piecesLine(plan));
  output.print("");
  for (const line of fileLines(files)) output.print(line);
  return EXIT_DONE;
}

function piecesLine(
  { pieceCount, pieceLength, totalLength, fileCount }: TorrentSummary,
): string {
  return `Pieces        ${pieceCount} of ${formatSize(pieceLength)}, ${
    formatSize(totalLength)
  } in ${plural(fileCount, "file")}`;
}

function printResult(
  output: Output,
  path: string,
  created: CreatedTorrent,
  options: CreateMetainfoOptions,
): void {
  const { infoHashV1, infoHashV2, name, totalLength } = created;
  output.print(`created       ${safeText(path)}`);
  if (infoHashV1) output.print(`Info-hash v1  ${toHex(infoHashV1)}`);
  if (infoHashV2) output.print(`Info-hash v2  ${toHex(infoHashV2)}`);
  output.print(piecesLine(created));
  const magnet = formatMagnet({
    infoHashV1,
    infoHashV2,
    name,
    length: totalLength,
    trackers: [...new Set(options.trackers?.flat())],
    ...(options.webSeeds && { webSeeds: options.webSeeds }),
    ...(options.nodes && { nodes: options.nodes }),
  });
  output.print(`Magnet        ${safeText(magnet)}`);
}

/** `bip create PATH... -o OUT.torrent` */
export const createVerb: Verb = {
  name: "create",
  summary: "Make a torrent file from files and folders",
  usage: "PATH... -o OUT.torrent [OPTIONS]",
  details: [
    "One PATH makes a torrent of that file or folder; several make a folder that contains them. Each --tracker is a tier of its own; URLs in one option, separated by commas, share a tier. -o - writes the torrent to stdout.",
    "In folders, hidden files (names that start with a dot), system files (Thumbs.db, desktop.ini), and pipes, sockets and devices are left out; symbolic links are followed. A note says so. --include and --exclude take paths below PATH or globs (*, **, ?, [a-z], {a,b}); a glob without a slash matches the last part of a path.",
    "--json prints the output path, then the same as bip info --json.",
  ],
  operands: [1, Infinity],
  operandNames: ["PATH"],
  permissions: "--allow-read=PATH,OUT.torrent --allow-write=OUT.torrent",
  options: [
    {
      name: "output",
      short: "o",
      value: "OUT.torrent",
      summary: "Where to write the torrent; - is stdout",
      complete: "file",
    },
    { name: "name", value: "NAME", summary: "Name of the file or top folder" },
    {
      name: "include",
      value: "GLOB",
      repeat: true,
      summary: "Include only matching files of folders",
    },
    {
      name: "exclude",
      value: "GLOB",
      repeat: true,
      summary: "Leave out matching files and folders",
    },
    { name: "hidden", summary: "Include hidden and system files" },
    {
      name: "symlinks",
      value: "HOW",
      summary: "What to do with symbolic links (follow)",
      complete: SYMLINK_WORDS,
    },
    {
      name: "dry-run",
      short: "n",
      summary: "Show what would be included; hash and write nothing",
    },
    {
      name: "piece-length",
      value: "SIZE",
      summary: "Bytes per piece, such as 1MiB (depends on the size)",
    },
    {
      name: "version",
      value: "V",
      summary: "BitTorrent version (v1)",
      complete: VERSIONS,
    },
    ...SOURCE_OPTIONS,
    { name: "private", summary: "Private: peers come from trackers only" },
    {
      name: "comment",
      value: "TEXT",
      summary: "Comment; not part of the info-hash",
    },
    {
      name: "source",
      value: "TEXT",
      summary: "Source tag; changes the info-hash",
    },
    { name: "no-date", summary: "Leave out the creation date" },
    {
      name: "threads",
      value: "N",
      summary: "Number of hashing threads (all cores)",
    },
    { name: "force", short: "f", summary: "Replace OUT.torrent" },
    { name: "json", summary: "Print one JSON document" },
    { name: "quiet", short: "q", summary: "Show no progress" },
  ],
  async run({ args, output, signal }: VerbContext): Promise<number> {
    const path = args.get("output");
    const isDry = args.has("dry-run");
    if ((path === undefined && !isDry) || path === "") {
      throw new UsageError(
        "Missing -o OUT.torrent",
        /\.torrent$/i.test(args.operands.at(-1)!)
          ? `Did you mean -o ${args.operands.at(-1)}?`
          : "-o says where to write the torrent file",
      );
    }
    const toStdout = path === "-";
    if (toStdout && args.has("json") && !isDry) {
      throw new UsageError("Cannot use --json with -o -: both want stdout");
    }
    const choice = new FileChoice(args);
    const options = { ...createOptions(args, choice), signal };
    const force = args.has("force");
    if (path !== undefined && !toStdout) {
      const there = await checkOutput(path, force, !isDry);
      if (there !== undefined) await refuseInput(path, args.operands);
    }
    if (path === undefined || isDry) {
      return await dryRun({ args, output, signal }, choice, options);
    }
    await using progress = new Progress(output, {
      label: "Hashing",
      quiet: args.has("quiet"),
    });
    const created = await attempt(choice, () =>
      createTorrent({
        ...options,
        onProgress: ({ hashedBytes, totalBytes }) =>
          progress.update(hashedBytes, { total: totalBytes }),
      }));
    await progress.stop();
    const { bytes } = created;
    noteTaken(output, choice, created);
    if (toStdout) output.printBytes(bytes);
    else {
      await writeOutput(path, bytes, force);
      if (args.has("json")) {
        const document = torrentDocument(parseMetainfo(bytes));
        output.printJson({ output: path, ...document }, 2);
      } else printResult(output, path, created, options);
    }
    return EXIT_DONE;
  },
};
