/**
 * One download of `bip download`: what the person wants of it, and its course.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { NativeFileSystem } from "../../disk/native_file_system.ts";
import type { FileAllocation } from "../../disk/storage.ts";
import type { ObjectStorage } from "../../disk/object_storage.ts";
import {
  incompletePlace,
  isIncompleteSuffix,
} from "../../client/incomplete_place.ts";
import type { AddTorrentOptions, Session, Torrent } from "../../client/mod.ts";
import { encodeMetainfo } from "../../metainfo/edit.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import type { Arguments, VerbContext } from "../command.ts";
import { CommandError, describeError, UsageError } from "../error.ts";
import { EXIT_DONE, EXIT_INTERRUPTED, EXIT_NO_PEERS } from "../exit_code.ts";
import type { Output } from "../terminal.ts";
import { plural, safeText } from "../text.ts";
import { allocationOf, orderOf } from "./policies.ts";
import { bucketOf } from "../torrent/bucket_options.ts";
import { selectFiles } from "../torrent/file_selection.ts";
import type { Source } from "../torrent/source.ts";
import { listFiles } from "../torrent/torrent_document.ts";
import { formatDuration, formatSize, parseRatio } from "../units.ts";
import { linkOf, takeFound } from "./found_files.ts";
import type { Reporter } from "./reporter.ts";
import { ResumeFile } from "./resume_file.ts";
import { type NetworkPlan, pauseFor, seedUntil } from "./transfer.ts";

/** What the person typed, checked. */
export interface Wishes {
  readonly dir: string;
  /** Where it lies until it is complete, if elsewhere. */
  readonly incompleteDir: string | undefined;
  /** What names of files end with until they are complete. */
  readonly incompleteSuffix: string | undefined;
  /** A bucket instead of `dir`. */
  readonly storage: ObjectStorage | undefined;
  /** How files take space. */
  readonly allocation: FileAllocation | undefined;
  readonly json: boolean;
  readonly timeoutMs: number;
  readonly ratio: number;
  readonly seedMs: number;
  readonly seeds: boolean;
  /** Where to write a torrent file. */
  readonly saveTorrent: string | undefined;
  /** Web seeds beside those of the torrent. */
  readonly webSeeds: readonly string[];
}

export async function wishesOf(args: Arguments): Promise<Wishes> {
  const ratio = parseRatio(args.get("seed-ratio") ?? "0", "--seed-ratio");
  const seedMs = args.duration("seed-time");
  const saveTorrent = args.get("save-torrent");
  if (saveTorrent !== undefined && args.operands.length > 1) {
    throw new UsageError("--save-torrent is for one SOURCE");
  }
  const storage = await bucketOf(args.get("output"), args);
  for (
    const name of [
      "move-completed",
      "incomplete-dir",
      "incomplete-suffix",
      "allocation",
    ]
  ) {
    if (storage === undefined || args.get(name) === undefined) continue;
    throw new UsageError(`--${name} is for folders only`);
  }
  linkOf(args);
  const incompleteSuffix = args.get("incomplete-suffix");
  if (incompleteSuffix !== undefined && !isIncompleteSuffix(incompleteSuffix)) {
    throw new UsageError(
      `--incomplete-suffix must be the end of a file name, not ${
        JSON.stringify(incompleteSuffix)
      }`,
    );
  }
  const moveTo = args.get("move-completed");
  const incompleteDir = args.get("incomplete-dir");
  if (moveTo !== undefined && incompleteDir !== undefined) {
    throw new UsageError(
      "--incomplete-dir and --move-completed exclude each other: -o is where it ends up with the one, and where it begins with the other",
    );
  }
  const webSeeds = args.all("web-seed");
  if (webSeeds.length > 0 && args.operands.length > 1) {
    throw new UsageError("--web-seed is for one SOURCE");
  }
  for (const url of webSeeds) {
    if (/^https?:\/\//i.test(url) && URL.canParse(url)) continue;
    throw new UsageError(
      `--web-seed must be an http or https URL, not ${JSON.stringify(url)}`,
    );
  }
  return {
    dir: args.get("output") ?? ".",
    incompleteDir,
    incompleteSuffix,
    storage,
    allocation: allocationOf(args),
    json: args.has("json"),
    timeoutMs: args.duration("timeout") ?? Infinity,
    ratio,
    seedMs: seedMs ?? Infinity,
    seeds: args.has("seed") || ratio > 0 || seedMs !== undefined,
    saveTorrent,
    webSeeds,
  };
}

/** A source, and what the person called it. */
export interface NamedSource {
  readonly name: string;
  readonly source: Source;
}

/** Turns `--files` into file indices. */
export function chooser(
  args: Arguments,
): ((metainfo: Metainfo) => readonly number[] | undefined) | undefined {
  const texts = args.all("files");
  if (texts.length === 0) return undefined;
  return (metainfo) => {
    const files = listFiles(metainfo);
    return selectFiles(texts, files.map(({ path }) => path))
      .map((at) => files[at]!.fileIndex);
  };
}

/** Waits for completion, an error, Ctrl-C or the time limit. */
async function untilComplete(
  torrent: Torrent,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<boolean> {
  const ended = new AbortController();
  const ending = AbortSignal.any([signal, ended.signal]);
  const onTime = pauseFor(timeoutMs, ending).then(() => false);
  try {
    const complete = await Promise.race([
      torrent.completed.then(() => true),
      onTime,
      import("./check_writable.ts").then(async ({ checkWritable }) => {
        await checkWritable(torrent, ending);
        return onTime;
      }),
    ]);
    if (complete || signal.aborted) return complete;
  } finally {
    ended.abort();
  }
  const { peers, candidates } = torrent.stats();
  throw new CommandError(
    EXIT_NO_PEERS,
    "timeout",
    `Not complete after ${formatDuration(timeoutMs)}: ${doneText(torrent)}, ${
      plural(peers, "peer")
    } connected, ${candidates} known`,
  );
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

/** Says how much is there. */
function doneText(torrent: Torrent): string {
  const { doneBytes, wantedBytes } = torrent.stats();
  return torrent.metainfo === undefined
    ? "no metadata yet"
    : `${formatSize(doneBytes)} of ${formatSize(wantedBytes)}`;
}

/** Finds out where it begins, and where it ends up. */
async function placeOf(
  source: Source,
  args: Arguments,
  { dir, incompleteDir }: Wishes,
): Promise<Pick<AddTorrentOptions, "dir" | "completeDir">> {
  const moveTo = args.get("move-completed");
  if (incompleteDir !== undefined) {
    const topic = source.type === "torrent" ? source.metainfo : source.magnet;
    return await incompletePlace(topic, dir, incompleteDir);
  }
  if (moveTo === undefined) return { dir };
  const { isMovedAlready } = await import("./moved_files.ts");
  const isThere = source.type === "torrent" &&
    await isMovedAlready(
      source.metainfo,
      moveTo,
      chooser(args)?.(source.metainfo),
    );
  return isThere ? { dir: moveTo } : { dir, completeDir: moveTo };
}

/** One download of the session. */
export class Job {
  readonly name: string;
  readonly #context: VerbContext;
  readonly #wishes: Wishes;
  readonly #reporter: Reporter;
  readonly #resume: ResumeFile;
  readonly #torrent: Torrent;
  #isComplete = false;

  private constructor(
    name: string,
    context: VerbContext,
    wishes: Wishes,
    reporter: Reporter,
    resume: ResumeFile,
    torrent: Torrent,
  ) {
    this.name = name;
    this.#context = context;
    this.#wishes = wishes;
    this.#reporter = reporter;
    this.#resume = resume;
    this.#torrent = torrent;
  }

  /** Adds a source to the session. */
  static async start(
    { name, source }: NamedSource,
    session: Session,
    plan: NetworkPlan,
    context: VerbContext,
    wishes: Wishes,
    reporter: Reporter,
  ): Promise<Job> {
    const { args } = context;
    const { storage, allocation, incompleteSuffix, webSeeds } = wishes;
    const topic = source.type === "torrent" ? source.metainfo : source.magnet;
    const place = await placeOf(source, args, wishes);
    const dir = place.dir!;
    const resume = new ResumeFile(
      // A bucket tells itself what is there.
      storage ? new MemoryFileSystem() : new NativeFileSystem(dir),
      topic.infoHash,
    );
    let resumeData = await resume.load();
    if (args.get("find") !== undefined) {
      if (source.type !== "torrent") {
        throw new UsageError("--find is for torrent files");
      }
      if (storage) throw new UsageError("--find copies into folders only");
      // What was remembered knows nothing of the new files.
      if (
        await takeFound(source.metainfo, context, chooser(args), dir, reporter)
      ) {
        resumeData = undefined;
      }
    }
    const torrent = session.add(topic, {
      ...place,
      storage,
      allocation,
      incompleteSuffix,
      peers: plan.peers,
      trackers: plan.trackers,
      webSeeds,
      ...orderOf(args),
      firstLastPieces: args.has("first-last"),
      chooseFiles: chooser(args),
      overwrite: args.has("force"),
      resumeData,
      saveResumeData: (bytes) => resume.save(bytes),
    });
    reporter.add(torrent);
    return new Job(name, context, wishes, reporter, resume, torrent);
  }

  /** Downloads, and seeds as long as is wished; returns the exit code. */
  async run(): Promise<number> {
    const { signal } = this.#context;
    const { timeoutMs, seeds, ratio, seedMs } = this.#wishes;
    const saved = this.#saveTorrent();
    if (!await untilComplete(this.#torrent, signal, timeoutMs)) {
      return EXIT_INTERRUPTED;
    }
    this.#isComplete = true;
    this.#reporter.complete(this.#torrent);
    const code = await saved;
    if (!seeds) return code;
    const ended = await seedUntil(this.#torrent, { ratio, ms: seedMs, signal });
    this.#reporter.seeded(this.#torrent);
    return ended || code;
  }

  /** Keeps or removes what was remembered, when the session is closed. */
  async finish(): Promise<void> {
    const { output, args } = this.#context;
    const isShown = !this.#wishes.json && !args.has("quiet");
    if (this.#isComplete) {
      await this.#resume.remove();
      if (this.#wishes.storage !== undefined) return;
      await finishLinks(
        this.#torrent.dir ?? ".",
        this.#torrent.metainfo!,
        output,
      );
      return;
    }
    const { problem } = this.#resume;
    if (problem !== undefined) {
      this.#reporter.warn("resume-data", problem, this.#torrent);
    }
    if (isShown && this.#context.signal.aborted) {
      const { name = toHex(this.#torrent.infoHash) } = this.#torrent;
      this.#reporter.note(
        `Stopped: ${safeText(name)}, ${
          doneText(this.#torrent)
        }; run the same command to resume`,
      );
    }
  }

  /** Writes the torrent file as soon as it can be told. */
  async #saveTorrent(): Promise<number> {
    const { saveTorrent } = this.#wishes;
    if (saveTorrent === undefined) return EXIT_DONE;
    try {
      await this.#torrent.metadata;
    } catch {
      // The download itself says what went wrong.
      return EXIT_DONE;
    }
    try {
      const { writeOutput } = await import("../write_file.ts");
      const bytes = encodeMetainfo(this.#torrent.metainfo!);
      await writeOutput(saveTorrent, bytes, this.#context.args.has("force"));
      this.#reporter.note(`Saved ${safeText(saveTorrent)}`);
      return EXIT_DONE;
    } catch (error) {
      const { code, message, exitCode } = describeError(error);
      this.#reporter.warn(code, message, this.#torrent);
      return exitCode;
    }
  }
}
