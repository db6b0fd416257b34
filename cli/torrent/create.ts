/**
 * `bip create`: makes a torrent file.
 *
 * @module
 */
import { type Endpoint, tryParseEndpoint } from "../../_shared/address.ts";
import { toHex } from "../../_shared/bytes.ts";
import { type CreatedTorrent, createTorrent } from "../../metainfo/create.ts";
import { checkCreateOptions } from "../../metainfo/create_check.ts";
import type { CreateMetainfoOptions } from "../../metainfo/create_options.ts";
import { formatMagnet } from "../../metainfo/magnet.ts";
import { parseMetainfo } from "../../metainfo/parse.ts";
import type { Arguments, Verb, VerbContext } from "../command.ts";
import { UsageError } from "../error.ts";
import { EXIT_DONE } from "../exit_code.ts";
import { folderOf } from "../paths.ts";
import { Progress } from "../progress.ts";
import { ioError } from "../io_error.ts";
import { MAX_TORRENT_LENGTH } from "./source.ts";
import type { Output } from "../terminal.ts";
import { safeText } from "../text.ts";
import { unportableNote } from "./renamed.ts";
import { torrentDocument } from "./torrent_document.ts";
import { formatSize, parseInteger, parseSize } from "../units.ts";

const VERSIONS = ["v1", "v2", "hybrid"] as const;

/** Reasons of `CreateError` that the command line can mend. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  "empty",
  "bad-path",
  "duplicate-path",
  "no-name",
  "ambiguous-name",
]);

function parseNode(text: string): Endpoint {
  const endpoint = tryParseEndpoint(text);
  if (endpoint === undefined || endpoint.port === 0) {
    throw new UsageError(
      `--node must be HOST:PORT, not ${JSON.stringify(text)}`,
    );
  }
  return endpoint;
}

/** Splits `URL,URL` at commas that a new URL follows. */
function parseTier(text: string): string[] {
  return text.split(/,(?=[a-z][a-z0-9+.-]*:\/\/)/i).map((url) => url.trim());
}

function createOptions(args: Arguments): CreateMetainfoOptions {
  const version = args.get("version") ?? "v1";
  const known = VERSIONS.find((name) => name === version);
  if (known === undefined) {
    throw new UsageError(
      `--version must be v1, v2 or hybrid, not ${JSON.stringify(version)}`,
    );
  }
  const pieceLength = args.get("piece-length");
  const threads = args.get("threads");
  const options: CreateMetainfoOptions = {
    inputs: args.operands.map((path) => ({ path })),
    name: args.get("name"),
    version: known,
    pieceLength: pieceLength === undefined
      ? undefined
      : parseSize(pieceLength, "--piece-length"),
    trackers: args.all("tracker").map(parseTier),
    webSeeds: args.all("web-seed"),
    nodes: args.all("node").map(parseNode),
    private: args.has("private"),
    comment: args.get("comment"),
    source: args.get("source"),
    creationDate: args.has("no-date") ? null : undefined,
    threads: threads === undefined
      ? undefined
      : parseInteger(threads, "--threads", 1, 1024),
  };
  try {
    checkCreateOptions(options);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  return options;
}

async function refuseOverwrite(
  path: string,
  force: boolean,
  inputs: readonly string[],
): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw ioError(error, "write", path);
    }
    try {
      await Deno.stat(folderOf(path));
    } catch (cause) {
      // Said before the hashing, not after.
      if (cause instanceof Deno.errors.NotFound) {
        throw ioError(cause, "write", path);
      }
    }
    return;
  }
  if (info.isDirectory) {
    throw new UsageError(`Cannot write ${path}: it is a folder`);
  }
  if (!force) {
    throw new UsageError(
      `Cannot write ${path}: it is there already`,
      "--force replaces it",
    );
  }
  const target = await Deno.realPath(path);
  for (const input of inputs) {
    const root = await Deno.realPath(input).catch(() => undefined);
    if (root === undefined) continue;
    if (
      target === root || target.startsWith(`${root}/`) ||
      target.startsWith(`${root}\\`)
    ) {
      throw new UsageError(
        `Cannot write ${path}: it is a part of what the torrent holds`,
      );
    }
  }
}

/** Writes a file that is not there yet; half a torrent is worse than none. */
async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await Deno.writeFile(path, bytes, { createNew: true });
  } catch (error) {
    // Never remove what was made by somebody else meanwhile.
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
async function writeOver(path: string, bytes: Uint8Array): Promise<void> {
  const { isFile, size } = await Deno.stat(path);
  const old = isFile && size <= MAX_TORRENT_LENGTH
    ? await Deno.readFile(path)
    : undefined;
  try {
    await Deno.writeFile(path, bytes, { create: false });
  } catch (error) {
    if (old !== undefined) await Deno.writeFile(path, old).catch(() => {});
    throw error;
  }
}

async function writeTorrent(
  path: string,
  bytes: Uint8Array,
  force: boolean,
): Promise<void> {
  try {
    if (force && await exists(path)) await writeOver(path, bytes);
    else await writeNew(path, bytes);
  } catch (error) {
    throw ioError(error, "write", path);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
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
  output.print(
    `Pieces        ${created.pieceCount} of ${
      formatSize(created.pieceLength)
    }, ${formatSize(totalLength)} in ${created.fileCount} file(s)`,
  );
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
  usage:
    "PATH... -o OUT.torrent [--name N] [--piece-length 1MiB] [--version v1|v2|hybrid] [--tracker URL]... [--web-seed URL]... [--node HOST:PORT]... [--private] [--comment T] [--source S] [--no-date] [--threads N] [--force] [--json]",
  details: [
    "One PATH gives a torrent of that file or folder; several give a folder that holds them. Each --tracker is a tier of its own; URLs in one option, separated by commas, share a tier. -o - writes the torrent to stdout.",
    "--json prints the document of bip info with the output path in front.",
  ],
  operands: [1, Infinity],
  operandNames: ["PATH"],
  permissions: "--allow-read=PATH,OUT.torrent --allow-write=OUT.torrent",
  options: [
    {
      name: "output",
      short: "o",
      value: "OUT.torrent",
      summary: "Where to write; - is stdout",
      complete: "file",
    },
    { name: "name", value: "N", summary: "Name of the file or top folder" },
    {
      name: "piece-length",
      value: "SIZE",
      summary: "Bytes a piece, such as 1MiB (chosen by size)",
    },
    {
      name: "version",
      value: "V",
      summary: "BitTorrent version: v1 unless said otherwise",
      complete: VERSIONS,
    },
    {
      name: "tracker",
      short: "t",
      value: "URL",
      repeat: true,
      summary: "Tracker; each is a tier",
    },
    { name: "web-seed", value: "URL", repeat: true, summary: "Web seed" },
    {
      name: "node",
      value: "HOST:PORT",
      repeat: true,
      summary: "DHT node to start from",
    },
    { name: "private", summary: "Only trackers may give peers" },
    { name: "comment", value: "T", summary: "A note for readers" },
    {
      name: "source",
      value: "S",
      summary: "Where it belongs; changes the info-hash",
    },
    { name: "no-date", summary: "Leave out the creation date" },
    { name: "threads", value: "N", summary: "Threads that hash (all cores)" },
    { name: "force", short: "f", summary: "Replace OUT.torrent" },
    { name: "json", summary: "Print one JSON document" },
    { name: "quiet", short: "q", summary: "Show no progress" },
  ],
  async run({ args, output, signal }: VerbContext): Promise<number> {
    const path = args.get("output");
    if (path === undefined || path === "") {
      throw new UsageError(
        "Missing -o OUT.torrent",
        "-o says where to write the torrent file",
      );
    }
    const toStdout = path === "-";
    if (toStdout && args.has("json")) {
      throw new UsageError("Cannot use --json with -o -: both want stdout");
    }
    const options = createOptions(args);
    const force = args.has("force");
    if (!toStdout) await refuseOverwrite(path, force, args.operands);
    await using progress = new Progress(output, {
      label: "Hashing",
      quiet: args.has("quiet"),
    });
    let created: CreatedTorrent;
    try {
      created = await createTorrent({
        ...options,
        onProgress: ({ hashedBytes, totalBytes }) =>
          progress.update(hashedBytes, { total: totalBytes }),
        signal,
      });
    } catch (error) {
      const { name, code, message } = error as Error & { code?: string };
      if (name === "CreateError" && USAGE_CODES.has(code ?? "")) {
        throw new UsageError(message);
      }
      throw error;
    }
    await progress.stop();
    const { bytes, unportable } = created;
    if (unportable.length > 0) output.note(unportableNote(unportable));
    if (toStdout) output.printBytes(bytes);
    else {
      await writeTorrent(path, bytes, force);
      if (args.has("json")) {
        const document = torrentDocument(parseMetainfo(bytes));
        output.printJson({ output: path, ...document }, 2);
      } else printResult(output, path, created, options);
    }
    return EXIT_DONE;
  },
};
