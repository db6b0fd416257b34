/**
 * A torrent with a crowd of idle peers, beside libtorrent and a bare loop of
 * reads. Needs gcc for the peers (peers/near_free.c).
 *
 * @module
 */
import { createMetainfo } from "../metainfo/mod.ts";
import { hasProgram } from "../tests/interop/programs.ts";
import { fromFileUrl } from "../tests/support/paths.ts";
import type { BenchRow } from "./bench_row.ts";
import { benchFolder, median, writeRandomFile } from "./swarm_bench.ts";

const SMOKE = Deno.env.get("BIP_BENCH_SMOKE") === "1";
const HELD = SMOKE ? 200 : 2000;
const WATCHING = SMOKE ? 100 : 1000;
const SIZE = (SMOKE ? 16 : 256) * 1024 * 1024;
const RUNS = SMOKE ? 1 : 5;
const PIECE_LENGTH = 65_536;

interface Figures {
  /** CPU seconds. */
  readonly cpu: number;
  /** Resident memory a peer. */
  readonly rssKib: number;
  /** Of it the heap and buffers, in our own case. */
  readonly heapKib?: number;
}

function here(name: string): string {
  return fromFileUrl(new URL(`peers/${name}`, import.meta.url));
}

async function figures(command: string, args: string[]): Promise<Figures> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr));
  return JSON.parse(decoder.decode(stdout));
}

function ours(...args: string[]): Promise<Figures> {
  const importMap = Deno.env.get("BIP_IMPORT_MAP");
  return figures(Deno.execPath(), [
    "run",
    "-A",
    "--quiet",
    "--no-check",
    "--unstable-net",
    // What is young garbage is no peer's memory.
    `--v8-flags=--expose-gc${
      args[0] === "leech" ? "" : ",--max-semi-space-size=1"
    }`,
    ...(importMap === undefined ? [] : [`--import-map=${importMap}`]),
    here("crowd_session.ts"),
    ...args,
  ]);
}

function theirs(...args: string[]): Promise<Figures> {
  return figures("/usr/bin/python3", [here("lt_crowd.py"), ...args]);
}

/**
 * Measures memory and time.
 *
 * @returns Two rows.
 */
export async function run(): Promise<BenchRow[]> {
  const folder = benchFolder();
  try {
    const program = `${folder}/near_free`;
    const { success } = await new Deno.Command("gcc", {
      args: ["-O2", "-pthread", "-o", program, here("near_free.c")],
    }).output();
    if (!success) throw new Error("gcc failed");
    const payload = `${folder}/payload.bin`;
    await writeRandomFile(payload, SIZE);
    const torrent = `${folder}/payload.torrent`;
    await Deno.writeFile(
      torrent,
      await createMetainfo({
        inputs: [{ path: payload }],
        pieceLength: PIECE_LENGTH,
      }),
    );
    return [
      await memory(program, torrent, folder),
      await leech(program, torrent, payload),
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function memory(
  program: string,
  torrent: string,
  folder: string,
): Promise<BenchRow> {
  const count = String(HELD);
  const held = await ours("memory", program, count);
  const bare = await ours("bare", program, count);
  const peer = hasProgram("libtorrent")
    ? await theirs("memory", program, count, torrent, folder)
    : undefined;
  const kib = (value: number) => `${value.toFixed(1)} KiB`;
  return {
    name: `memory of an idle peer, of ${HELD}`,
    ours: kib(held.rssKib),
    ...(peer ? { peer: `libtorrent ${kib(peer.rssKib)}` } : {}),
    target: "under 20 KiB",
    met: held.rssKib < 20,
    note: `resident; heap and buffers ${kib(held.heapKib!)}; a bare loop of ` +
      `reads ${kib(bare.rssKib)}, ${kib(bare.heapKib!)}`,
  };
}

async function leech(
  program: string,
  torrent: string,
  payload: string,
): Promise<BenchRow> {
  const count = String(WATCHING);
  const cpu: [ours: number[], theirs: number[]] = [[], []];
  const into = async (run: (dir: string) => Promise<Figures>, at: 0 | 1) => {
    const dir = `${payload}.d`;
    await Deno.mkdir(dir);
    cpu[at].push((await run(dir)).cpu);
    await Deno.remove(dir, { recursive: true });
  };
  const length = String(PIECE_LENGTH);
  for (let i = 0; i < RUNS; i++) {
    await into((dir) => ours("leech", program, count, payload, dir, length), 0);
    if (!hasProgram("libtorrent")) continue;
    await into(
      (dir) => theirs("leech", program, count, torrent, dir, payload, length),
      1,
    );
  }
  const [mine, other] = cpu.map((list) => list.length > 0 ? median(list) : 0);
  return {
    name: `leech ${SIZE / 1024 / 1024} MiB in ${
      SIZE / PIECE_LENGTH
    } pieces beside ${WATCHING} idle peers`,
    ours: `${mine!.toFixed(2)} cpu s`,
    ...(other! > 0
      ? {
        peer: `libtorrent ${other!.toFixed(2)} cpu s`,
        ratio: other! / mine!,
      }
      : {}),
    target: "under 2.5 cpu s",
    met: mine! < 2.5,
  };
}

if (import.meta.main) {
  // deno-lint-ignore no-console -- the result
  console.table(await run());
}
