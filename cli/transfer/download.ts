/**
 * `bip download`: fetches a torrent.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import type { Session, Torrent } from "../../client/mod.ts";
import { NativeFileSystem } from "../../disk/native_file_system.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import type { Arguments, Verb, VerbContext } from "../command.ts";
import { CommandError, UsageError } from "../error.ts";
import { EXIT_DONE, EXIT_INTERRUPTED, EXIT_NO_PEERS } from "../exit_code.ts";
import { makeFolder } from "../torrent/folders.ts";
import { selectFiles } from "../torrent/file_selection.ts";
import { Reporter } from "./reporter.ts";
import { ResumeFile } from "./resume_file.ts";
import { readSource, type Source } from "../torrent/source.ts";
import type { Output } from "../terminal.ts";
import { safeText } from "../text.ts";
import { shownPaths } from "../torrent/torrent_document.ts";
import {
  JSON_DETAILS,
  NETWORK_OPTIONS,
  type NetworkPlan,
  openSession,
  pauseFor,
  planFor,
  planNetwork,
  seedUntil,
} from "./transfer.ts";
import {
  formatDuration,
  formatSize,
  parseDuration,
  parseRatio,
} from "../units.ts";

/** Files a person can choose from: no padding. */
function listed(metainfo: Metainfo): number[] {
  return metainfo.files.flatMap((file, i) => file.pad ? [] : [i]);
}

/** Turns `--files` into file indices. */
function chooser(
  args: Arguments,
): ((metainfo: Metainfo) => readonly number[] | undefined) | undefined {
  const texts = args.all("files");
  if (texts.length === 0) return undefined;
  return (metainfo) => {
    const indices = listed(metainfo);
    const all = shownPaths(metainfo);
    const paths = indices.map((i) => all[i]!.join("/"));
    return selectFiles(texts, paths).map((at) => indices[at]!);
  };
}

function printList(metainfo: Metainfo, output: Output, json: boolean): void {
  const paths = shownPaths(metainfo);
  listed(metainfo).forEach((fileIndex, at) => {
    const path = paths[fileIndex]!.join("/");
    const { length } = metainfo.files[fileIndex]!;
    if (json) output.printJson({ type: "file", index: at + 1, path, length });
    else {
      output.print(
        `${String(at + 1).padStart(5)}  ${formatSize(length).padStart(9)}  ${
          safeText(path)
        }`,
      );
    }
  });
}

function addTorrent(
  session: Session,
  source: Source,
  args: Arguments,
  peers: readonly Endpoint[],
  dir: string,
  resume: ResumeFile,
  resumeData: Uint8Array | undefined,
): Torrent {
  const topic = source.type === "torrent" ? source.metainfo : source.magnet;
  return session.add(topic, {
    dir,
    peers,
    sequential: args.has("sequential"),
    chooseFiles: chooser(args),
    overwrite: args.has("force"),
    resumeData,
    saveResumeData: (bytes) => resume.save(bytes),
  });
}

/** Waits for completion, an error, Ctrl-C or the time limit. */
async function untilComplete(
  torrent: Torrent,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<boolean> {
  const ended = new AbortController();
  const onTime = pauseFor(timeoutMs, AbortSignal.any([signal, ended.signal]));
  try {
    const complete = await Promise.race([
      torrent.completed.then(() => true),
      onTime.then(() => false),
    ]);
    if (complete || signal.aborted) return complete;
  } finally {
    ended.abort();
  }
  const { peers, candidates, doneBytes, wantedBytes } = torrent.stats();
  throw new CommandError(
    EXIT_NO_PEERS,
    "timeout",
    `Not complete after ${formatDuration(timeoutMs)}: ${
      formatSize(doneBytes)
    } of ${
      formatSize(wantedBytes)
    } are there, ${peers} peers are connected, ${candidates} are known`,
  );
}

async function listFiles(
  torrent: Torrent,
  output: Output,
  json: boolean,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<number> {
  const ended = new AbortController();
  const stop = () => ended.abort();
  torrent.metadata.then(stop, stop);
  await pauseFor(timeoutMs, AbortSignal.any([signal, ended.signal]));
  if (torrent.metainfo === undefined) {
    if (signal.aborted) return EXIT_INTERRUPTED;
    throw new CommandError(
      EXIT_NO_PEERS,
      "timeout",
      `No peer sent the metadata within ${formatDuration(timeoutMs)}`,
    );
  }
  printList(torrent.metainfo, output, json);
  return EXIT_DONE;
}

/** Makes the torrent's links, and says so where that is not possible. */
async function finishLinks(
  folder: string,
  metainfo: Metainfo,
  output: Output,
): Promise<void> {
  if (metainfo.files.every(({ symlink }) => symlink === undefined)) return;
  const { placeLinks } = await import("./links.ts");
  const { left, reason } = await placeLinks(folder, metainfo);
  if (left === 0) return;
  output.note(
    `Note: ${left} symbolic ${left === 1 ? "link is" : "links are"} left as ${
      left === 1 ? "an empty file" : "empty files"
    }${reason === undefined ? "" : `: ${safeText(reason)}`}`,
  );
}

/** Says what was kept after Ctrl-C. */
function noteStopped(torrent: Torrent, output: Output): void {
  const { doneBytes, wantedBytes } = torrent.stats();
  const kept = torrent.metainfo === undefined
    ? "the metadata is not there yet"
    : `${formatSize(doneBytes)} of ${formatSize(wantedBytes)} are there`;
  output.note(`Stopped: ${kept}; the same command goes on`);
}

/** Whether any peer can ever be found. */
function hasSource(
  source: Source,
  args: Arguments,
  plan: NetworkPlan,
): boolean {
  if (plan.discovers) return true;
  if (plan.peers.length > 0) return true;
  const { trackers } = source.type === "torrent"
    ? source.metainfo
    : source.magnet;
  if (!args.has("no-trackers") && trackers.flat().length > 0) return true;
  if (source.type === "magnet" && source.magnet.peers.length > 0) return true;
  return args.get("listen") !== undefined || args.get("port") !== undefined;
}

async function run({ args, output, signal }: VerbContext): Promise<number> {
  const dir = args.get("output");
  const json = args.has("json");
  const list = args.has("list");
  if (dir === undefined && !list) {
    throw new UsageError("download needs -o DIR", "DIR is where the files go");
  }
  const timeout = args.get("timeout");
  const timeoutMs = timeout === undefined
    ? Infinity
    : parseDuration(timeout, "--timeout");
  const ratio = parseRatio(args.get("seed-ratio") ?? "0", "--seed-ratio");
  const seedTime = args.get("seed-time");
  const seedMs = seedTime === undefined
    ? Infinity
    : parseDuration(seedTime, "--seed-time");
  const seeds = args.has("seed") || ratio > 0 || seedTime !== undefined;
  const wanted = planNetwork(args);
  const source = await readSource(args.operands[0]!, signal);
  const plan = planFor(
    wanted,
    source.type === "torrent" && source.metainfo.private,
  );
  if (list && source.type === "torrent") {
    printList(source.metainfo, output, json);
    return EXIT_DONE;
  }
  // A wrong choice is said before anything is fetched.
  if (source.type === "torrent") chooser(args)?.(source.metainfo);
  if (!hasSource(source, args, plan)) {
    throw new CommandError(
      EXIT_NO_PEERS,
      "no-peers",
      "There is nobody to ask: the source names no tracker and no peer; give --peer HOST:PORT",
    );
  }
  const folder = dir ?? ".";
  if (!list) await makeFolder(folder);
  const { infoHash } = source.type === "torrent"
    ? source.metainfo
    : source.magnet;
  const resume = new ResumeFile(new NativeFileSystem(folder), infoHash);
  const resumeData = list ? undefined : await resume.load();
  await using session = await openSession(plan);
  if (list) {
    const torrent = session.add(
      source.type === "torrent" ? source.metainfo : source.magnet,
      { peers: plan.peers, files: [] },
    );
    return await listFiles(torrent, output, json, signal, timeoutMs);
  }
  const torrent = addTorrent(
    session,
    source,
    args,
    plan.peers,
    folder,
    resume,
    resumeData,
  );
  await using reporter = new Reporter({
    torrent,
    session,
    output,
    json,
    quiet: args.has("quiet"),
  });
  try {
    if (!await untilComplete(torrent, signal, timeoutMs)) {
      await reporter.leave();
      const { problem } = resume;
      if (problem !== undefined) reporter.warn("resume-data", problem);
      await reporter[Symbol.asyncDispose]();
      if (!json && !args.has("quiet")) noteStopped(torrent, output);
      return EXIT_INTERRUPTED;
    }
    reporter.complete();
    const code = seeds
      ? await seedUntil(torrent, { ratio, ms: seedMs, signal })
      : EXIT_DONE;
    const { doneBytes, downloadedBytes } = torrent.stats();
    const { seconds } = reporter;
    await reporter.leave();
    await resume.remove();
    await reporter[Symbol.asyncDispose]();
    await finishLinks(folder, torrent.metainfo!, output);
    if (!json && !args.has("quiet")) {
      output.note(
        `Complete: ${safeText(torrent.name ?? "")}, ${
          formatSize(doneBytes)
        } in ${seconds.toFixed(1)} s (${
          formatSize(downloadedBytes)
        } downloaded)`,
      );
    }
    return code;
  } catch (error) {
    await reporter.failed(error);
    throw error;
  }
}

/** `bip download SOURCE -o DIR` */
export const downloadVerb: Verb = {
  name: "download",
  summary: "Fetch a torrent",
  usage: "SOURCE -o DIR [OPTIONS]",
  details: [
    "SOURCE is a torrent file, a magnet link, or an info-hash of 40 or 64 hex digits. DIR is the folder that will hold the torrent's top-level name.",
    "Symbolic links are made when all is there, if they lead to a file of the torrent; otherwise they are empty files.",
    "What is there already is checked and kept. Files that cannot be the torrent's stop the command with exit code 6, unless --force is given; what is too long is cut.",
    "The first Ctrl-C stops cleanly and keeps what was fetched; the same command goes on from there. So does SIGHUP, but not below nohup.",
    JSON_DETAILS,
  ],
  operands: [1, 1],
  operandNames: ["SOURCE"],
  permissions: "--allow-net --allow-read=SOURCE,DIR --allow-write=DIR",
  options: [
    {
      name: "output",
      short: "o",
      value: "DIR",
      summary: "Folder that will hold the torrent",
      complete: "folder",
    },
    {
      name: "files",
      value: "LIST",
      repeat: true,
      summary: "Fetch only these: 1,3-5, a path or a glob; repeatable",
    },
    { name: "list", summary: "List the files and stop" },
    { name: "sequential", summary: "Fetch pieces in order" },
    {
      name: "force",
      short: "f",
      summary: "Write over files that cannot be the torrent's",
    },
    { name: "seed", summary: "Go on seeding when complete" },
    {
      name: "seed-ratio",
      value: "R",
      summary: "Seed until so many times the size was uploaded",
    },
    { name: "seed-time", value: "S", summary: "Seed for so many seconds" },
    {
      name: "timeout",
      value: "S",
      summary: "Give up if it is not complete after so many seconds",
    },
    ...NETWORK_OPTIONS,
  ],
  run,
};
