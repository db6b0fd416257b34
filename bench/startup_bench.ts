/**
 * How long `bip` takes until it does something, beside a Deno script that does
 * nothing and beside aria2.
 *
 * `deno run -A bench/startup_bench.ts CHECKOUT` measures another checkout of
 * this repository in turn with this one.
 *
 * @module
 */
import type { BenchRow } from "./bench_row.ts";
import { benchFolder } from "./swarm_bench.ts";
import { ROOT } from "../_tools/process.ts";
import { decideStdSource, IMPORT_MAP_VARIABLE } from "../_tools/std_source.ts";
import { createMetainfo, parseMetainfo } from "../metainfo/mod.ts";
import { hasProgram } from "../tests/interop/programs.ts";
import { bipArguments } from "../tests/support/bip_command.ts";
import { RawSeeder } from "../tests/support/raw_seeder.ts";

const RUNS = Deno.env.get("BIP_BENCH_SMOKE") === "1" ? 3 : 21;
/** Small enough that checking it is nothing. */
const PAYLOAD_LENGTH = 3_000_000;
const LOCAL = ["--listen=127.0.0.1", "--port=0", "--no-dht", "--no-lpd"];
const WHAT = ["--help", "info", "seed from start", "download to first request"];

/** A way to start a program: fulfilled when that is done which is waited for. */
type Start = () => Promise<void>;

/** What there is to start with. */
interface Stage {
  /** Holds the payload. */
  readonly folder: string;
  /** Path of the torrent file. */
  readonly torrent: string;
  readonly infoHash: Uint8Array;
  readonly pieceCount: number;
}

function spawn(program: string, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
}

async function toEnd(program: string, args: readonly string[]): Promise<void> {
  const { success } = await spawn(program, args).output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed`);
}

/** Ends a program, unless it has come to its end by itself. */
function end(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Runs a program until it prints a text. */
async function toText(
  program: string,
  args: readonly string[],
  text: string,
): Promise<void> {
  const child = spawn(program, args);
  let printed = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    printed += part;
    if (printed.includes(text)) end(child);
  }
  await child.status;
  if (!printed.includes(text)) throw new Error(`It never said ${text}`);
}

/** Runs a program until it asks a seed for a block. */
async function toRequest(
  program: string,
  stage: Stage,
  args: (port: number) => readonly string[],
): Promise<void> {
  const asked = Promise.withResolvers<void>();
  await using seed = new RawSeeder({
    ...stage,
    block(_piece, _offset, length) {
      asked.resolve();
      return new Uint8Array(length);
    },
  });
  const child = spawn(program, args(seed.port));
  const ended = child.output();
  await Promise.race([
    asked.promise,
    ended.then(({ code }) => {
      throw new Error(`It ended with ${code} and asked for nothing`);
    }),
  ]);
  end(child);
  await ended;
}

/** `bip` of a checkout, as its task runs it. */
function bipStarts(checkout: string, stage: Stage): Start[] {
  const { folder, torrent } = stage;
  const deno = Deno.execPath();
  // Checkouts from before that flag.
  const isOurs = checkout === ROOT;
  const flags = ["--unstable-net", "--unstable-kv"];
  const bip = (...args: string[]) =>
    bipArguments(args, {
      permissions: ["-A"],
      flags: isOurs ? [...flags, "--unstable-lazy-dynamic-imports"] : flags,
    }).map((word) => word.replace(ROOT, checkout));
  return [
    () => toEnd(deno, bip("--help")),
    () => toEnd(deno, bip("info", torrent)),
    () =>
      toText(
        deno,
        bip("seed", torrent, folder, "--json", "--no-trackers", ...LOCAL),
        '"seeding"',
      ),
    async () => {
      await toRequest(deno, stage, (port) => {
        const peer = `--peer=127.0.0.1:${port}`;
        const to = `--output=${folder}/got`;
        return bip("download", torrent, to, peer, "--no-trackers", ...LOCAL);
      });
      await Deno.remove(`${folder}/got`, { recursive: true });
    },
  ];
}

/** The same of aria2, which takes peers from a tracker. */
function aria2Starts({ torrent }: Stage): Start[] {
  return [
    () => toEnd("aria2c", ["--no-conf", "--help"]),
    () => toEnd("aria2c", ["--no-conf", "--show-files", torrent]),
  ];
}

/** Runs all in turn. */
async function measure(starts: readonly Start[]): Promise<number[]> {
  const times: number[][] = starts.map(() => []);
  for (let run = 0; run <= RUNS; run++) {
    for (const [at, start] of starts.entries()) {
      const begin = performance.now();
      await start();
      // The first fills the caches.
      if (run > 0) times[at]!.push(performance.now() - begin);
    }
  }
  return times.map((all) => all.toSorted((a, b) => a - b)[all.length >> 1]!);
}

async function prepare(folder: string): Promise<Stage> {
  const bytes = new Uint8Array(PAYLOAD_LENGTH);
  for (let i = 0; i < bytes.length; i++) bytes[i] = i ^ (i >> 8);
  const file = await createMetainfo({ inputs: [{ path: ["payload"], bytes }] });
  const { infoHash, pieceCount } = parseMetainfo(file);
  const torrent = `${folder}/payload.torrent`;
  await Deno.writeFile(`${folder}/payload`, bytes);
  await Deno.writeFile(torrent, file);
  return { folder, torrent, infoHash, pieceCount };
}

/**
 * Measures all in turn.
 *
 * @param other Root of another checkout that is measured, too.
 * @returns A row for each thing that is waited for.
 */
export async function run(other?: string): Promise<BenchRow[]> {
  const folder = benchFolder();
  try {
    const stage = await prepare(folder);
    const empty = `${folder}/empty.ts`;
    await Deno.writeTextFile(empty, "");
    const nothing = ["run", "--quiet", "--no-check", "--no-config", empty];
    const ours = bipStarts(ROOT, stage);
    const others = other === undefined ? [] : bipStarts(other, stage);
    const aria2 = hasProgram("aria2c") ? aria2Starts(stage) : [];
    const rows: BenchRow[] = [];
    for (const [at, name] of WHAT.entries()) {
      const [own, bare, ...rest] = await measure([
        ours[at]!,
        () => toEnd(Deno.execPath(), nothing),
        ...others.slice(at, at + 1),
        ...aria2.slice(at, at + 1),
      ]) as [number, number, ...number[]];
      const names = [
        ...others.slice(at, at + 1).map(() => other),
        ...aria2.slice(at, at + 1).map(() => "aria2"),
      ];
      rows.push({
        name: `start-up, bip ${name}`,
        ours: `${own.toFixed(0)} ms`,
        peer: [bare, ...rest].map((ms, i) =>
          `${i === 0 ? "empty script" : names[i - 1]} ${ms.toFixed(0)} ms`
        ).join(", "),
        ratio: bare / own,
        note: `${(own - bare).toFixed(0)} ms over an empty script`,
      });
    }
    return rows;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  // Where it is run by hand no task has decided it.
  const { importMap } = await decideStdSource(true);
  if (importMap !== undefined) Deno.env.set(IMPORT_MAP_VARIABLE, importMap);
  // deno-lint-ignore no-console -- the result
  console.table(await run(Deno.args[0]));
}
