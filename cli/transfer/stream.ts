/**
 * `bip stream`: plays a torrent while it is fetched.
 *
 * @module
 */
import { formatEndpoint, ipScope, tryParseIp } from "../../_shared/address.ts";
import { encodeText } from "../../_shared/bytes.ts";
import { isPlayable } from "../../client/media_type.ts";
import type { Torrent } from "../../client/torrent.ts";
import { NativeFileSystem } from "../../disk/native_file_system.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import type { HttpServer } from "../../tracker/http_server.ts";
import { ipOf } from "../address_options.ts";
import type { Arguments, Verb, VerbContext } from "../command.ts";
import { CommandError, UsageError } from "../error.ts";
import { EXIT_BAD_TORRENT, EXIT_INTERRUPTED } from "../exit_code.ts";
import { ioError, listenError } from "../io_error.ts";
import { safeText } from "../text.ts";
import { selectFiles } from "../torrent/file_selection.ts";
import { makeFolder } from "../torrent/folders.ts";
import type { WebAccess } from "../torrent/fetch_torrent.ts";
import {
  readSource,
  readStdinSources,
  type Source,
} from "../torrent/source.ts";
import { listFiles } from "../torrent/torrent_document.ts";
import { checkReachable, untilKnown } from "./download.ts";
import { filePath, MediaServer, serveMedia } from "./media_server.ts";
import { tellingErrors } from "./event_json.ts";
import { Reporter } from "./reporter.ts";
import { ResumeFile } from "./resume_file.ts";
import {
  followBlocklists,
  JSON_DETAILS,
  NETWORK_OPTIONS,
  openSession,
  pauseFor,
  planFor,
  planNetwork,
} from "./transfer.ts";

/** The port and the address of peers go by other names than for others. */
const PEER_NAMES = { listen: "peer-listen", port: "peer-port" } as const;

/** Chooses what is played: what was named, or the largest film or sound. */
function chosenFiles(args: Arguments, metainfo: Metainfo): number[] {
  const files = listFiles(metainfo);
  const texts = args.all("file");
  if (texts.length > 0) {
    return selectFiles(texts, files.map(({ path }) => path), "--file")
      .map((at) => files[at]!.fileIndex);
  }
  const playable = files.filter(({ path }) => isPlayable(path));
  const [first, ...rest] = playable.length > 0 ? playable : files;
  if (first === undefined) {
    throw new CommandError(
      EXIT_BAD_TORRENT,
      "no-files",
      "Nothing to play: the torrent has no files",
    );
  }
  return [
    rest.reduce((best, file) => file.length > best.length ? file : best, first)
      .fileIndex,
  ];
}

/** Reads what the person named; stdin brings one. */
async function readOne(
  name: string,
  signal: AbortSignal,
  web: WebAccess,
): Promise<Source> {
  if (name !== "-") return await readSource(name, signal, web);
  const found = await readStdinSources(signal);
  if (!Array.isArray(found)) return found;
  if (found.length !== 1) {
    throw new UsageError("Expected one torrent, link or hash on stdin");
  }
  return await readSource(found[0]!, signal, web);
}

/** Where to serve: this machine only, unless the person says otherwise. */
function serveAddress(args: Arguments): { hostname: string; port: number } {
  return {
    hostname: ipOf(args, "listen") ?? "127.0.0.1",
    port: args.integer("port", 0, 65535) ?? 0,
  };
}

function serve(
  server: MediaServer,
  address: { hostname: string; port: number },
): HttpServer {
  try {
    return serveMedia(server, address);
  } catch (error) {
    throw listenError(error, formatEndpoint(address));
  }
}

/** A folder for the time of the command. */
async function makeTemp(): Promise<string> {
  try {
    return await Deno.makeTempDir({ prefix: "bip-stream-" });
  } catch (error) {
    throw ioError(error, "make", "a temporary folder");
  }
}

/** Waits for Ctrl-C, or an error; says when all is there. */
async function untilLeft(
  torrent: Torrent,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<boolean> {
  let isComplete = false;
  const over = pauseFor(Infinity, signal);
  await Promise.race([
    torrent.completed.then(() => {
      isComplete = true;
      if (!signal.aborted) reporter.complete(torrent);
    }),
    over,
  ]);
  await over;
  return isComplete;
}

async function run(context: VerbContext): Promise<number> {
  const { args, output, signal } = context;
  const json = args.has("json");
  const address = serveAddress(args);
  const keeps = args.has("keep");
  const timeoutMs = args.duration("timeout") ?? Infinity;
  const list = args.get("playlist");
  if (args.get("output") !== undefined && !keeps) {
    throw new UsageError("-o is for --keep");
  }
  const wanted = await planNetwork(args, PEER_NAMES);
  if (list !== undefined) {
    const { checkOutput } = await import("../write_file.ts");
    await checkOutput(list, args.has("force"));
  }
  const source = await readOne(args.operands[0]!, signal, wanted.web);
  const plan = planFor(
    wanted,
    source.type === "torrent" && source.metainfo.private,
  );
  if (source.type === "torrent") chosenFiles(args, source.metainfo);
  checkReachable(source, args, plan);
  const dir = keeps ? args.get("output") ?? "." : await makeTemp();
  if (keeps) await makeFolder(dir);
  const topic = source.type === "torrent" ? source.metainfo : source.magnet;
  const resume = keeps
    ? new ResumeFile(new NativeFileSystem(dir), topic.infoHash)
    : undefined;
  try {
    await using session = await openSession(plan, signal);
    await using reporter = new Reporter({
      session,
      output,
      json,
      quiet: args.has("quiet"),
      peers: plan.peers,
    });
    using _hangUp = await followBlocklists(session, plan, reporter, signal);
    try {
      if (plan.privacyNote !== undefined) reporter.note(plan.privacyNote);
      const torrent = session.add(topic, {
        dir,
        peers: plan.peers,
        trackers: plan.trackers,
        chooseFiles: (metainfo) => chosenFiles(args, metainfo),
        overwrite: args.has("force"),
        ...(resume === undefined ? {} : {
          resumeData: await resume.load(),
          saveResumeData: (bytes: Uint8Array) => resume.save(bytes),
        }),
      });
      reporter.add(torrent);
      const isLocal = ipScope(tryParseIp(address.hostname)!) === "loopback";
      const media = new MediaServer({ torrent, isLocal });
      const http = serve(media, address);
      let isComplete = false;
      try {
        if (await untilKnown(torrent, timeoutMs, signal)) {
          media.files = chosenFiles(args, torrent.metainfo!)
            .map((index) => torrent.files[index]!);
          const origin = `http://${formatEndpoint(http.local)}`;
          if (list !== undefined) {
            const { writeOutput } = await import("../write_file.ts");
            const text = encodeText(media.playlist(origin));
            await writeOutput(list, text, args.has("force"));
          }
          tell(media, origin, context, reporter);
          isComplete = await untilLeft(torrent, reporter, signal);
        }
      } finally {
        // Players hold connections open.
        await Promise.all([reporter.leave(), http.close()]);
      }
      if (isComplete) await resume?.remove();
      return EXIT_INTERRUPTED;
    } catch (error) {
      await reporter.abandon();
      throw error;
    }
  } finally {
    if (!keeps) await Deno.remove(dir, { recursive: true });
  }
}

/** Says where it plays. */
function tell(
  { files }: MediaServer,
  origin: string,
  { output, args }: VerbContext,
  reporter: Reporter,
): void {
  const playlist = `${origin}/playlist.m3u`;
  const url = `${origin}${filePath(files[0]!)}`;
  reporter.event({
    type: "stream",
    url,
    playlist,
    files: files.map((file) => ({
      path: file.path.join("/"),
      length: file.length,
      url: `${origin}${filePath(file)}`,
    })),
  });
  if (args.has("json")) return;
  output.print(url);
  reporter.note(`Playing ${safeText(files[0]!.path.join("/"))}`);
  reporter.note(`Playlist: ${playlist}; Ctrl-C ends it`);
}

/** `bip stream SOURCE` */
export const streamVerb: Verb = {
  name: "stream",
  summary: "Play a torrent while it downloads",
  usage: "SOURCE [--file N|GLOB] [--keep [-o DIR]] [OPTIONS]",
  details: [
    "SOURCE is what bip download takes: a torrent file (a path, a file:, http or https URL, - for stdin), a magnet link, urn:btih:HASH, or an info-hash.",
    "Prints a URL for a player. It serves the largest video or audio file unless --file names others; several are listed at /playlist.m3u. What the player reads next is downloaded first, wherever it seeks to.",
    "What was downloaded is deleted at the end, unless --keep is given: then it stays in DIR, and bip download resumes from there. Without --keep, DIR is a new temporary folder (below TMPDIR).",
    "The URL works on this machine only: other machines and web pages get nothing unless --listen names an address that they can reach.",
    `${JSON_DETAILS} bip stream prints {"type":"stream", "url", "playlist", "files": [{"path", "length", "url"}]} as soon as the files are known.`,
  ],
  operands: [1, 1],
  operandNames: ["SOURCE"],
  permissions:
    "--allow-net --allow-read=SOURCE,DIR,FILE --allow-write=DIR,FILE",
  options: [
    {
      name: "file",
      value: "N|GLOB",
      repeat: true,
      summary: "File to play: 1,3-5, a path or a glob",
    },
    {
      name: "listen",
      value: "ADDR",
      summary: "IP address to serve players on (127.0.0.1)",
    },
    {
      name: "port",
      value: "N",
      summary: "Port to serve players on (any free one)",
    },
    { name: "keep", summary: "Keep what was downloaded" },
    {
      name: "output",
      short: "o",
      value: "DIR",
      summary: "Folder to keep it in (the current one)",
      complete: "folder",
    },
    {
      name: "playlist",
      value: "FILE",
      summary: "Also write the playlist to this file",
      complete: "file",
    },
    {
      name: "force",
      short: "f",
      summary: "Overwrite FILE, and files that cannot belong to the torrent",
    },
    {
      name: "timeout",
      value: "S",
      summary: "Give up if the metadata has not arrived after this long",
    },
    ...NETWORK_OPTIONS.map((option) => {
      const { name, summary } = option;
      return name === "listen" || name === "port"
        ? {
          ...option,
          name: PEER_NAMES[name],
          summary: `For peers: ${summary}`,
        }
        : option;
    }),
  ],
  run: tellingErrors(run),
};
