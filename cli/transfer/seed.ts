/**
 * `bip seed`: serves a complete torrent.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import type { AddTorrentOptions, Torrent } from "../../client/mod.ts";
import { formatMagnet } from "../../metainfo/magnet.ts";
import { filePath, magnetOf, type Metainfo } from "../../metainfo/metainfo.ts";
import { parseMetainfo } from "../../metainfo/parse.ts";
import type { Verb, VerbContext } from "../command.ts";
import { CommandError, UsageError } from "../error.ts";
import { EXIT_VERIFICATION_FAILED } from "../exit_code.ts";
import { ioError } from "../io_error.ts";
import { folderOf, namedPath, nameOf } from "../paths.ts";
import { Progress } from "../progress.ts";
import { safeText } from "../text.ts";
import {
  BUCKET_DETAILS,
  BUCKET_OPTION,
  bucketOf,
} from "../torrent/bucket_options.ts";
import { FIND_OPTION, findFolder } from "../torrent/folders.ts";
import {
  linkOf,
  meansTorrent,
  readTorrentFile,
  torrentFirst,
} from "../torrent/source.ts";
import { parseRatio } from "../units.ts";
import {
  GatheredFiles,
  type GatheredPath,
  partsBehindLinks,
} from "./gathered_files.ts";
import { tellingErrors } from "./event_json.ts";
import { Reporter } from "./reporter.ts";
import {
  followBlocklists,
  JSON_DETAILS,
  NETWORK_OPTIONS,
  type NetworkPlan,
  openSession,
  planFor,
  planNetwork,
  portNote,
  seedUntil,
  where,
} from "./transfer.ts";
import { hexOrNull } from "../torrent/torrent_document.ts";

/** What is served, and where it is. */
interface Seed {
  readonly metainfo: Metainfo;
  readonly place: Pick<AddTorrentOptions, "dir" | "fileSystem" | "storage">;
  /** Whether it was hashed a moment ago. */
  readonly isChecked: boolean;
}

/** Whether there is a torrent file, and not only what is to be served. */
async function isTorrent(
  operands: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const [first, second] = operands as [string, string?];
  const isMeant = await Promise.all(operands.map(meansTorrent));
  if (isMeant.includes(true)) {
    if (operands.length <= 2) return true;
    throw new UsageError(
      "Give one torrent file and one DIR, or PATHs without a torrent file",
    );
  }
  if (await linkOf(first) !== undefined) return true;
  if (operands.length !== 2 || second === undefined) return false;
  if (/^s3:\/\//i.test(second)) return true;
  try {
    const { isFile } = await Deno.stat(first);
    if (!isFile) return false;
    await readTorrentFile(first, signal);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    // A file that starts as torrents do is meant as one: say what is wrong.
    if (await startsAsTorrent(first)) throw error;
    return false;
  }
}

async function startsAsTorrent(path: string): Promise<boolean> {
  try {
    using file = await Deno.open(path);
    const bytes = new Uint8Array(2);
    await file.read(bytes);
    return /^d\d$/.test(String.fromCharCode(...bytes));
  } catch {
    return false;
  }
}

/** What is to be served, where it is and what it is called. */
interface Place {
  /** What holds it all. */
  readonly dir: string;
  /** Its name, unless the one path gives it. */
  readonly name: string | undefined;
  /** Where each path is, unless all are in the folder of that name. */
  readonly parts: readonly GatheredPath[];
}

/** Waits, and says which path a failure is about. */
async function reading<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw ioError(error, "read", path);
  }
}

/** Finds out where paths are. */
async function placeOf(
  paths: readonly string[],
  given: string | undefined,
): Promise<Place> {
  const whole = await Promise.all(
    paths.map((path) => reading(path, namedPath(path))),
  );
  const dir = folderOf(whole[0]!);
  if (paths.length === 1 && given === undefined) {
    return { dir, name: undefined, parts: [] };
  }
  const isApart = whole.some((path) => folderOf(path) !== dir);
  const folders = isApart || given === undefined
    ? await Promise.all(
      whole.map((path) => reading(path, Deno.realPath(folderOf(path)))),
    )
    : [];
  const around = commonFolder(folders);
  const name = given ?? nameOf(around);
  if (given === "") throw new UsageError("--name must not be empty");
  if (name === "") {
    throw new UsageError(
      "Cannot name a torrent of PATHs that share only the root folder",
      "Give a name with --name NAME",
    );
  }
  if (!isApart && given === undefined) {
    return { dir: folderOf(around), name, parts: [] };
  }
  const parts = whole.map((path) => ({
    path: paths.length === 1 ? [name] : [name, nameOf(path)],
    folder: folderOf(path),
    name: nameOf(path),
  }));
  return { dir, name, parts };
}

/** The deepest folder that is around others, without a slash at its end. */
function commonFolder(folders: readonly string[]): string {
  const [first = [], ...rest] = folders.map((path) =>
    path.replace(/[/\\]+$/, "").split(/(?=[/\\])/)
  );
  const end = first.findIndex((part, i) =>
    rest.some((other) => other[i] !== part)
  );
  return first.slice(0, end < 0 ? first.length : end).join("");
}

/** Makes the torrent of what the person named. */
async function create(
  { args, output, signal }: VerbContext,
  plan: NetworkPlan,
): Promise<Seed> {
  const { checkOutput, writeOutput } = await import("../write_file.ts");
  const saveTorrent = args.get("save-torrent");
  if (saveTorrent !== undefined) {
    await checkOutput(saveTorrent, args.has("force"));
  }
  const { dir, name, parts } = await placeOf(
    args.operands,
    args.get("name"),
  );
  const { createTorrent } = await import("../../metainfo/create.ts");
  const { attempt, noteTaken } = await import("../torrent/create.ts");
  const { FileChoice } = await import("../torrent/file_choice.ts");
  const choice = new FileChoice(args);
  await using progress = new Progress(output, {
    label: "Hashing",
    quiet: args.has("quiet") || args.has("json"),
  });
  const created = await attempt(choice, () =>
    createTorrent({
      inputs: args.operands.map((path) => ({ path })),
      filter: (path, isFolder) => choice.takes(path, isFolder),
      name,
      trackers: plan.trackers.map((url) => [url]),
      onProgress: ({ hashedBytes, totalBytes }) =>
        progress.update(hashedBytes, { total: totalBytes }),
      signal,
    }));
  await progress.stop();
  noteTaken(output, choice, created);
  const { bytes } = created;
  if (saveTorrent !== undefined) {
    await writeOutput(saveTorrent, bytes, args.has("force"));
  }
  const metainfo = parseMetainfo(bytes);
  const fileSystem = parts.length === 0 ? undefined : new GatheredFiles(parts);
  return { metainfo, place: { dir, fileSystem }, isChecked: true };
}

async function findSeed(
  context: VerbContext,
  plan: NetworkPlan,
): Promise<Seed> {
  const { args, output, signal } = context;
  const { operands } = args;
  if (!await isTorrent(operands, signal)) {
    if (args.get("find") !== undefined) {
      throw new UsageError("--find is for a torrent file");
    }
    return await create(context, plan);
  }
  for (const option of ["save-torrent", "name"]) {
    if (args.get(option) === undefined) continue;
    throw new UsageError(`--${option} is for PATHs without a torrent file`);
  }
  const [file, folder] = operands.length === 2
    ? await torrentFirst(operands as [string, string])
    : [operands[0]!];
  const { metainfo } = await readTorrentFile(file, signal, plan.web);
  const storage = await bucketOf(folder, args);
  if (storage !== undefined) {
    return { metainfo, place: { storage }, isChecked: false };
  }
  const folders = args.all("find");
  if (folders.length > 0) {
    if (folder !== undefined) {
      throw new UsageError("Give --find or DIR, not both");
    }
    const { findFiles, foundNote } = await import("../torrent/find_files.ts");
    const found = await findFiles(metainfo, folders, { signal });
    output.note(foundNote(found.size, metainfo, folders));
    const parts = Array.from(found, ([i, path]) => ({
      path: filePath(metainfo, i),
      folder: folderOf(path),
      name: nameOf(path),
    }));
    const fileSystem = new GatheredFiles(parts);
    return { metainfo, place: { fileSystem }, isChecked: false };
  }
  const dir = await findFolder(folder ?? ".", metainfo, "seed");
  const parts = partsBehindLinks(
    dir,
    metainfo.files.map((_, i) => filePath(metainfo, i)),
  );
  const { name } = metainfo;
  const fileSystem = parts.length === 0
    ? undefined
    : new GatheredFiles([{ path: [name], folder: dir, name }, ...parts]);
  return { metainfo, place: { dir, fileSystem }, isChecked: false };
}

/** Waits until the files are checked. */
async function untilChecked(
  torrent: Torrent,
  signal: AbortSignal,
): Promise<void> {
  if (torrent.state === "checking") {
    for await (const { type } of torrent.events({ signal })) {
      if (type === "state" && torrent.state !== "checking") break;
    }
  }
  if (torrent.error !== undefined) throw torrent.error;
  if (torrent.state === "downloading") {
    const { piecesDone, pieceCount } = torrent.stats();
    throw new CommandError(
      EXIT_VERIFICATION_FAILED,
      "incomplete",
      `Cannot seed: ${piecesDone} of ${pieceCount} pieces are good; bip verify shows which are not`,
    );
  }
}

/** Tells how others find what is served. */
function tellTorrent(
  metainfo: Metainfo,
  trackers: readonly string[],
  place: string,
  reporter: Reporter,
): void {
  const { infoHashV1, infoHashV2, name } = metainfo;
  const known = magnetOf(metainfo);
  const magnet = formatMagnet({
    ...known,
    trackers: [...new Set([...known.trackers.flat(), ...trackers])],
  });
  reporter.event({
    type: "torrent",
    infoHash: hexOrNull(infoHashV1),
    infoHashV2: hexOrNull(infoHashV2),
    name,
    magnet,
  });
  reporter.note(`Seeding       ${safeText(name)}`);
  if (infoHashV1) reporter.note(`Info-hash v1  ${toHex(infoHashV1)}`);
  if (infoHashV2) reporter.note(`Info-hash v2  ${toHex(infoHashV2)}`);
  reporter.note(`Magnet        ${safeText(magnet)}`);
  reporter.note(`Listening on  ${place}`);
}

async function run(context: VerbContext): Promise<number> {
  const { args, output, signal } = context;
  const ratio = parseRatio(args.get("seed-ratio") ?? "0", "--seed-ratio");
  const ms = args.duration("seed-time") ?? Infinity;
  const wanted = await planNetwork(args);
  const { metainfo, place, isChecked } = await findSeed(context, wanted);
  const plan = planFor(wanted, metainfo.private);
  await using session = await openSession(plan, signal);
  const torrent = session.add(metainfo, {
    ...place,
    peers: plan.peers,
    trackers: plan.trackers,
    readOnly: true,
    seedMode: isChecked,
  });
  await using reporter = new Reporter({
    session,
    output,
    json: args.has("json"),
    quiet: args.has("quiet"),
    peers: plan.peers,
  });
  using _hangUp = await followBlocklists(session, plan, reporter, signal);
  if (plan.privacyNote !== undefined) reporter.note(plan.privacyNote);
  const listening = `${where(session)}${portNote(plan, session)}`;
  tellTorrent(metainfo, plan.trackers, listening, reporter);
  reporter.add(torrent);
  try {
    await untilChecked(torrent, signal);
    const code = await seedUntil(torrent, { ratio, ms, signal });
    await reporter.leave();
    reporter.seeded(torrent);
    return code;
  } catch (error) {
    await reporter.abandon();
    throw error;
  }
}

/** `bip seed FILE.torrent DIR`, `bip seed PATH...` */
export const seedVerb: Verb = {
  name: "seed",
  summary: "Seed files that you have",
  usage: "FILE.torrent [DIR | --find DIR] | PATH... [OPTIONS]",
  details: [
    "FILE.torrent is a path, a file:, http or https URL, or - for stdin. DIR is the folder that contains the torrent's top-level file or folder, or that file or folder itself. The files are checked first and never changed. Good pieces are served; files that are incomplete or cannot be read are listed.",
    "Given PATH... and no torrent file, bip creates the torrent first: of one file or folder, or of several, named after the deepest folder that contains them all; they are served from where they are. Hidden and system files are left out, as with bip create.",
    `DIR may also be ${BUCKET_DETAILS} Nothing is written there.`,
    "Exit code 0 when --seed-ratio or --seed-time is reached, 3 when no piece is good, 6 when nothing can be read, 130 after Ctrl-C.",
    JSON_DETAILS,
  ],
  operands: [1, Infinity],
  operandNames: ["FILE.torrent or PATH"],
  permissions:
    "--allow-net --allow-read=FILE.torrent,DIR,PATH,FILE --allow-write=FILE",
  options: [
    FIND_OPTION,
    {
      name: "save-torrent",
      value: "FILE",
      summary: "Save the torrent file created from PATHs",
      complete: "file",
    },
    { name: "force", short: "f", summary: "Replace FILE" },
    {
      name: "name",
      value: "NAME",
      summary: "Name of the torrent created from PATHs",
    },
    {
      name: "seed-ratio",
      value: "R",
      summary: "Stop at this ratio of uploaded to size",
    },
    { name: "seed-time", value: "S", summary: "Stop after this long" },
    BUCKET_OPTION,
    ...NETWORK_OPTIONS,
  ],
  run: tellingErrors(run),
};
