/**
 * `bip download`: fetches a torrent.
 *
 * @module
 */
import { ALLOCATION_OPTION, ORDER_OPTIONS } from "./policies.ts";
import { aborted } from "../../_shared/abort.ts";
import { toHex } from "../../_shared/bytes.ts";
import { deadlineSignal, systemClock } from "../../_shared/clock.ts";
import type { Torrent } from "../../client/mod.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import type { Arguments, Verb, VerbContext } from "../command.ts";
import { CommandError, describeError, UsageError } from "../error.ts";
import { EXIT_DONE, EXIT_INTERRUPTED, EXIT_NO_PEERS } from "../exit_code.ts";
import type { Output } from "../terminal.ts";
import { safeText } from "../text.ts";
import {
  BUCKET_BUFFER,
  BUCKET_DETAILS,
  BUCKET_OPTION,
} from "../torrent/bucket_options.ts";
import { FIND_OPTION, makeFolder } from "../torrent/folders.ts";
import {
  isFolder,
  linkOf,
  readSource,
  readStdinSources,
  type Source,
} from "../torrent/source.ts";
import { listFiles } from "../torrent/torrent_document.ts";
import { formatDuration, formatSize } from "../units.ts";
import { chooser, Job, type NamedSource, wishesOf } from "./download_job.ts";
import { LINK_OPTION } from "./found_files.ts";
import { tellingErrors } from "./event_json.ts";
import { failureLine, Reporter } from "./reporter.ts";
import {
  followBlocklists,
  JSON_DETAILS,
  NETWORK_OPTIONS,
  type NetworkPlan,
  openSession,
  planFor,
  planNetwork,
  portNote,
  where,
} from "./transfer.ts";

/** Lists the files, or those of `--files`; numbers are those of all. */
function printList(metainfo: Metainfo, args: Arguments, output: Output): void {
  const indices = chooser(args)?.(metainfo);
  const chosen = indices && new Set(indices);
  listFiles(metainfo).forEach(({ path, length, fileIndex }, at) => {
    if (chosen?.has(fileIndex) === false) return;
    if (args.has("json")) {
      output.printJson({ type: "file", index: at + 1, path, length });
    } else {
      output.print(
        `${String(at + 1).padStart(5)}  ${formatSize(length).padStart(9)}  ${
          safeText(path)
        }`,
      );
    }
  });
}

/**
 * Waits until it is known what a torrent has; false if the person ended it.
 *
 * @throws {CommandError} If no peer told in time.
 */
export async function untilKnown(
  torrent: Torrent,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  using deadline = deadlineSignal(systemClock, timeoutMs, "", signal);
  const { metadata, completed } = torrent;
  await Promise.race([metadata, completed, aborted(deadline.signal)]);
  if (torrent.error !== undefined) throw torrent.error;
  if (torrent.metainfo !== undefined || signal.aborted) return !signal.aborted;
  throw new CommandError(
    EXIT_NO_PEERS,
    "timeout",
    `No peer sent the metadata within ${formatDuration(timeoutMs)}`,
  );
}

/** Refuses a torrent that no peer can ever be found for. */
export function checkReachable(
  source: Source,
  args: Arguments,
  plan: NetworkPlan,
): void {
  if (plan.discovers || plan.peers.length > 0) return;
  const { trackers, webSeeds } = source.type === "torrent"
    ? source.metainfo
    : source.magnet;
  if (
    source.type === "torrent" && !args.has("no-web-seeds") &&
    webSeeds.length + args.all("web-seed").length > 0
  ) return;
  if (
    !args.has("no-trackers") &&
    trackers.flat().length + plan.trackers.length > 0
  ) return;
  if (source.type === "magnet" && source.magnet.peers.length > 0) return;
  if (plan.awaits) return;
  throw new CommandError(
    EXIT_NO_PEERS,
    "no-peers",
    "No way to find peers: the source names no tracker or peer; give --peer HOST:PORT",
  );
}

/** Reads what the person named; stdin may bring several. */
async function* readSources(
  names: readonly string[],
  signal: AbortSignal,
  web: NetworkPlan["web"],
): AsyncIterable<{ readonly name: string; read(): Promise<Source> }> {
  if (names.filter((name) => name === "-").length > 1) {
    throw new UsageError("- can be read only once");
  }
  for (const name of names) {
    if (await isFolder(name) && await linkOf(name) === undefined) {
      throw new UsageError(
        `${name} is a folder, not a torrent`,
        `-o ${name} downloads to it`,
      );
    }
  }
  for (const name of names) {
    let lines = [name];
    if (name === "-") {
      try {
        const found = await readStdinSources(signal);
        if (Array.isArray(found)) lines = found;
        else {
          yield { name: "stdin", read: () => Promise.resolve(found) };
          continue;
        }
      } catch (error) {
        yield { name: "stdin", read: () => Promise.reject(error) };
        continue;
      }
    }
    for (const line of lines) {
      yield { name: line, read: () => readSource(line, signal, web) };
    }
  }
}

/** Reads all sources; those of several that fail are told and left out. */
async function gather(
  { args, output, signal }: VerbContext,
  web: NetworkPlan["web"],
  failed: (name: string, error: unknown) => void,
  check: (source: Source) => void,
): Promise<NamedSource[]> {
  const sources: NamedSource[] = [];
  const known = new Set<string>();
  for await (
    const { name, read } of readSources(
      args.operands,
      signal,
      web,
    )
  ) {
    try {
      const found = await read();
      const { infoHash } = found.type === "torrent"
        ? found.metainfo
        : found.magnet;
      if (known.has(toHex(infoHash))) {
        output.note(`Note: ${safeText(name)} is named twice`);
        continue;
      }
      known.add(toHex(infoHash));
      check(found);
      sources.push({ name, source: found });
    } catch (error) {
      if (signal.aborted) throw error;
      failed(name, error);
    }
  }
  return sources;
}

async function run(context: VerbContext): Promise<number> {
  const { args, output, signal } = context;
  const wishes = await wishesOf(args);
  const wanted = await planNetwork(args);
  const { json, saveTorrent } = wishes;
  const isOne = args.operands.length === 1;
  let code: number = EXIT_DONE;
  // The first of several failures gives the exit code.
  const failed = (name: string, error: unknown) => {
    if (isOne && args.operands[0] !== "-") throw error;
    const report = describeError(error);
    code ||= report.exitCode;
    if (json) {
      const { code, message } = report;
      output.printJson({ type: "error", code, message, source: name });
    }
    output.note(failureLine(name, report.message));
  };
  if (saveTorrent !== undefined) {
    const { checkOutput } = await import("../write_file.ts");
    await checkOutput(saveTorrent, args.has("force"));
  }
  const isPrivate = (source: Source) =>
    source.type === "torrent" && source.metainfo.private;
  const isListed = args.has("list");
  const sources = await gather(context, wanted.web, failed, (source) => {
    if (isListed && source.type === "torrent") return;
    // A wrong choice is said before anything is fetched.
    if (source.type === "torrent") chooser(args)?.(source.metainfo);
    checkReachable(source, args, planFor(wanted, isPrivate(source)));
  });
  if (sources.length === 0) return code;
  const plan = planFor(
    wanted,
    sources.every(({ source }) => isPrivate(source)),
  );
  if (isListed) {
    for (const { name, source } of sources) {
      try {
        if (source.type === "torrent") printList(source.metainfo, args, output);
        else {
          await using session = await openSession(plan, signal);
          const { peers, trackers } = plan;
          const torrent = session.add(source.magnet, {
            peers,
            trackers,
            files: [],
          });
          if (!await untilKnown(torrent, wishes.timeoutMs, signal)) {
            return code || EXIT_INTERRUPTED;
          }
          printList(torrent.metainfo!, args, output);
        }
      } catch (error) {
        failed(name, error);
      }
    }
    return code;
  }
  if (wishes.storage === undefined) {
    const { dir, incompleteDir = dir } = wishes;
    const moveTo = args.get("move-completed") ?? dir;
    for (const name of new Set([dir, incompleteDir, moveTo])) {
      await makeFolder(name);
    }
  }
  await using session = await openSession(
    wishes.storage === undefined ? plan : {
      ...plan,
      options: { ...plan.options, maxBufferedBytes: BUCKET_BUFFER },
    },
    signal,
  );
  await using reporter = new Reporter({
    session,
    output,
    json,
    quiet: args.has("quiet"),
    peers: plan.peers,
    // Also where the others came to nothing: scripts know what they asked for.
    several: !isOne || sources.length > 1 || code !== EXIT_DONE,
  });
  using _hangUp = await followBlocklists(session, plan, reporter, signal);
  try {
    if (plan.privacyNote !== undefined) reporter.note(plan.privacyNote);
    const note = portNote(plan, session);
    if (note !== "") reporter.note(`Listening on ${where(session)}${note}`);
    const jobs: Job[] = [];
    for (const source of sources) {
      jobs.push(
        await Job.start(source, session, plan, context, wishes, reporter),
      );
    }
    const codes = await Promise.all(jobs.map(async (job) => {
      try {
        return await job.run();
      } catch (error) {
        if (jobs.length === 1 && code === EXIT_DONE) throw error;
        return reporter.failedOne(job.name, error);
      }
    }));
    await reporter.leave();
    for (const job of jobs) await job.finish();
    if (signal.aborted && codes.includes(EXIT_INTERRUPTED)) {
      return EXIT_INTERRUPTED;
    }
    return code || (codes.find((code) => code !== EXIT_DONE) ?? EXIT_DONE);
  } catch (error) {
    await reporter.abandon();
    throw error;
  }
}

/** `bip download SOURCE...` */
export const downloadVerb: Verb = {
  name: "download",
  summary: "Fetch torrents",
  usage: "SOURCE... [-o DIR] [OPTIONS]",
  details: [
    "SOURCE is a torrent file (a path, a file:, http or https URL, - for stdin), a magnet link, urn:btih:HASH, or an info-hash of 40 or 64 hex digits. stdin may also hold a list: one link, hash or URL per line. The torrent's top-level file or folder is put in DIR, the current folder unless -o names another.",
    "DIR may also be " + BUCKET_DETAILS +
    " Until a file is complete, each of its pieces is an object there; running the same command again resumes.",
    "Several sources are downloaded at the same time. One that fails does not stop the others; the exit code is that of the first failure.",
    "Symbolic links are created once the download is complete, if they point to a file of the torrent; others become empty files.",
    "Data that is already there is checked and kept. Files that cannot belong to the torrent stop the command with exit code 6, unless --force is given; files that are too long are truncated.",
    "The first Ctrl-C stops cleanly and keeps what was downloaded; running the same command again resumes. SIGHUP does the same, except under nohup or with --blocklist.",
    JSON_DETAILS +
    ' An "error" about one of several sources names it as "source". With --list there is one {"type":"file", "index", "path", "length"} for each file.',
  ],
  operands: [1, Infinity],
  operandNames: ["SOURCE"],
  permissions:
    "--allow-net --allow-read=SOURCE,DIR,FILE --allow-write=DIR,FILE",
  options: [
    {
      name: "output",
      short: "o",
      value: "DIR",
      summary: "Folder to download to (the current one)",
      complete: "folder",
    },
    BUCKET_OPTION,
    {
      name: "files",
      value: "LIST",
      repeat: true,
      summary: "Download only these: 1,3-5, a path or a glob",
    },
    FIND_OPTION,
    LINK_OPTION,
    {
      name: "move-completed",
      value: "DIR",
      summary: "Move the torrent to this folder when complete",
      complete: "folder",
    },
    {
      name: "incomplete-dir",
      value: "DIR",
      summary: "Keep it in this folder until it is complete",
      complete: "folder",
    },
    {
      name: "incomplete-suffix",
      value: "TEXT",
      summary: "End names of files with it until they are complete, as .part",
    },
    ALLOCATION_OPTION,
    { name: "list", summary: "List the files, or those of --files, and exit" },
    ...ORDER_OPTIONS,
    {
      name: "force",
      short: "f",
      summary: "Overwrite files that cannot belong to the torrent",
    },
    {
      name: "save-torrent",
      value: "FILE",
      summary: "Save the torrent file, such as that of a magnet link",
      complete: "file",
    },
    { name: "seed", summary: "Keep seeding when complete" },
    {
      name: "seed-ratio",
      value: "R",
      summary: "Seed until this ratio of uploaded to size",
    },
    { name: "seed-time", value: "S", summary: "Seed for this long" },
    {
      name: "timeout",
      value: "S",
      summary: "Give up if not complete after this long",
    },
    ...NETWORK_OPTIONS,
    {
      name: "web-seed",
      value: "URL",
      repeat: true,
      summary: "Web server that also has the files",
    },
    { name: "no-web-seeds", summary: "Do not download from web servers" },
  ],
  run: tellingErrors(run),
};
