/**
 * `deno task demo`: a whole swarm on this machine.
 *
 * Makes a payload and its torrent, starts trackers, a DHT, a seeder and leechers
 * on loopback, shows them at work, compares every byte, and removes everything.
 * Exit codes: 0 done, 1 something failed or differs, 2 usage, 130 interrupted.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  formatRate,
  formatSize,
  parseInteger,
  parseSize,
} from "../cli/units.ts";
import { createMetainfo, parseMetainfo } from "../metainfo/mod.ts";
import { Display, type DisplayTarget } from "./demo_display.ts";
import {
  comparePayload,
  type PayloadFile,
  planPayload,
  writePayload,
} from "./demo_payload.ts";
import { type DemoPeer, DemoSwarm } from "./demo_swarm.ts";

const MIB = 1024 * 1024;
const DEFAULT_SIZE = "512MiB";
const DEFAULT_LEECHERS = "4";
/** Name of the torrent and of its folder. */
const NAME = "bip demo";

const HELP = `Usage: deno task demo [OPTIONS]

Trackers, a DHT, a seeder and leechers on this machine: makes files, shares them,
compares every byte, and removes them. The leechers begin in different ways: with
the torrent file or only a magnet link, with a tracker or only the DHT.

  --size SIZE     Size of the files in all (${DEFAULT_SIZE})
  --leechers N    How many peers fetch them, 1 to 32 (${DEFAULT_LEECHERS})
  -h, --help      Show this help`;

interface DemoOptions {
  readonly size: number;
  readonly leechers: number;
}

class Usage extends Error {}

function parseOptions(args: readonly string[]): DemoOptions | undefined {
  const parsed = parseArgs([...args], {
    string: ["size", "leechers"],
    boolean: ["help"],
    alias: { help: "h" },
    default: { size: DEFAULT_SIZE, leechers: DEFAULT_LEECHERS },
    unknown: (arg) => {
      throw new Usage(`Unknown argument ${arg}`);
    },
  });
  if (parsed.help) return undefined;
  const [size, leechers] = [parsed.size, parsed.leechers];
  try {
    const options = {
      size: parseSize(String(size), "--size"),
      leechers: parseInteger(String(leechers), "--leechers", 1, 32),
    };
    if (options.size < 65536) throw new Usage("--size must be at least 64KiB");
    return options;
  } catch (error) {
    throw new Usage(error instanceof Error ? error.message : String(error));
  }
}

const encoder = new TextEncoder();

/** Stdout; a pipe that is full is waited for. */
const stdout: DisplayTarget = {
  interactive: Deno.stdout.isTerminal(),
  color: Deno.stdout.isTerminal() && !Deno.noColor,
  get columns() {
    try {
      return Math.max(20, Deno.consoleSize().columns);
    } catch {
      return 80;
    }
  },
  write(text) {
    const bytes = encoder.encode(text);
    for (let at = 0; at < bytes.length;) {
      try {
        at += Deno.stdout.writeSync(bytes.subarray(at));
      } catch (error) {
        if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      }
    }
  },
};

const say = (line: string) => stdout.write(`${line}\n`);

/** Pieces small enough that peers soon have something to give. */
function pieceLengthFor(size: number): number {
  let length = 32768;
  while (length < 4 * MIB && size / length > 512) length *= 2;
  return length;
}

async function makeTorrent(
  payload: string,
  files: readonly PayloadFile[],
  announceUrl: string,
  size: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const startedAt = performance.now();
  await writePayload(payload, files, signal);
  const madeAt = performance.now();
  const bytes = await createMetainfo({
    inputs: [{ path: payload }],
    trackers: [[announceUrl]],
    pieceLength: pieceLengthFor(size),
    signal,
  });
  const { pieceCount, pieceLength } = parseMetainfo(bytes);
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  say(
    `Payload: ${formatSize(size)} in ${files.length} files, written in ${
      seconds(madeAt - startedAt)
    }`,
  );
  say(
    `Torrent: ${pieceCount} pieces of ${formatSize(pieceLength)}, hashed in ${
      seconds(performance.now() - madeAt)
    }`,
  );
  return bytes;
}

async function share(swarm: DemoSwarm): Promise<number> {
  using display = new Display(stdout, () => swarm.rows());
  await swarm.completed(({ name }) =>
    display.note(`${name} is complete after ${display.seconds.toFixed(1)} s`)
  );
  return display.seconds;
}

async function compare(
  swarm: DemoSwarm,
  files: readonly PayloadFile[],
  signal: AbortSignal,
): Promise<boolean> {
  const of = (peer: DemoPeer) => `${peer.dir}/${NAME}`;
  const original = of(swarm.seeder);
  let same = true;
  for (const peer of swarm.leechers) {
    const differences = await comparePayload(
      original,
      of(peer),
      files,
      signal,
    );
    for (const { path, what } of differences) {
      say(`${peer.name}: ${path}: ${what}`);
      same = false;
    }
  }
  return same;
}

function summary(swarm: DemoSwarm, size: number, seconds: number): string[] {
  const received = size * swarm.leechers.length;
  const uploaded = (peer: DemoPeer) => peer.torrent.stats().uploadedBytes;
  const fromSeeder = uploaded(swarm.seeder);
  const fromLeechers = swarm.leechers.reduce(
    (sum, peer) => sum + uploaded(peer),
    0,
  );
  const wasted = swarm.leechers.reduce(
    (sum, { torrent }) => sum + torrent.stats().wastedBytes,
    0,
  );
  const percent = (part: number) =>
    Math.round(part / (fromSeeder + fromLeechers) * 100);
  return [
    `Moved ${formatSize(received)} in ${seconds.toFixed(1)} s: ${
      formatRate(received / seconds)
    }`,
    `The seeder sent ${formatSize(fromSeeder)} (${
      percent(fromSeeder)
    }%), the leechers each other ${formatSize(fromLeechers)} (${
      percent(fromLeechers)
    }%); ${formatSize(wasted)} came twice`,
  ];
}

async function runDemo(
  { size, leechers }: DemoOptions,
  folder: string,
  signal: AbortSignal,
): Promise<boolean> {
  const files = planPayload(size);
  const payload = `${folder}/seeder/${NAME}`;
  await using swarm = await DemoSwarm.open({
    folder,
    leechers,
    makeTorrent: (url) => makeTorrent(payload, files, url, size, signal),
    signal,
  });
  say(
    `Swarm:   an HTTP and a UDP tracker, a DHT, a seeder and ${leechers} ${
      leechers === 1 ? "leecher" : "leechers"
    } on 127.0.0.1`,
  );
  for (const { name, start } of swarm.leechers) {
    say(`         ${name} begins with: ${start}`);
  }
  const seconds = await share(swarm);
  const same = await compare(swarm, files, signal);
  for (const line of summary(swarm, size, seconds)) say(line);
  say(
    same
      ? `Verified: every byte of every leecher is the seeder's`
      : "FAILED: the leechers' files differ from the seeder's",
  );
  return same;
}

/** The first of several errors is what went wrong; the others followed. */
function messageOf(error: unknown): string {
  while (error instanceof SuppressedError) error = error.suppressed;
  return error instanceof Error ? error.message : String(error);
}

const ENDING_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

async function main(): Promise<number> {
  let options: DemoOptions | undefined;
  try {
    options = parseOptions(Deno.args);
  } catch (error) {
    if (!(error instanceof Usage)) throw error;
    console.error(`${error.message}\nTry: deno task demo --help`);
    return 2;
  }
  if (options === undefined) {
    say(HELP);
    return 0;
  }
  const stop = new AbortController();
  const interrupted = new DOMException("Interrupted", "AbortError");
  let folder: string | undefined;
  const remove = () => {
    try {
      if (folder !== undefined) Deno.removeSync(folder, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  };
  const onSignal = () => {
    if (stop.signal.aborted) {
      // The second time nothing is waited for.
      if (stdout.interactive) stdout.write("\x1b[?25h");
      remove();
      Deno.exit(130);
    }
    stop.abort(interrupted);
  };
  for (const name of ENDING_SIGNALS) Deno.addSignalListener(name, onSignal);
  // Nothing may pass by the removal of the files.
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    stop.abort(event.reason);
  };
  addEventListener("unhandledrejection", onRejection);
  try {
    folder = Deno.makeTempDirSync({ prefix: "bip_demo_" });
    return await runDemo(options, folder, stop.signal) ? 0 : 1;
  } catch (error) {
    if (stop.signal.reason === interrupted) {
      console.error("Interrupted");
      return 130;
    }
    console.error(`Demo failed: ${messageOf(error)}`);
    return 1;
  } finally {
    remove();
    removeEventListener("unhandledrejection", onRejection);
    for (const name of ENDING_SIGNALS) {
      Deno.removeSignalListener(name, onSignal);
    }
  }
}

if (import.meta.main) Deno.exit(await main());
