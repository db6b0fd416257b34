/**
 * What encryption costs, and what it costs those who have none; what `--bind`
 * costs.
 *
 * @module
 */
import { Rc4 } from "../handshake/encryption/rc4.ts";
import { createMetainfo } from "../metainfo/mod.ts";
import { hasProgram, startLibtorrent } from "../tests/interop/programs.ts";
import { startBip } from "../tests/support/bip.ts";
import type { BenchRow } from "./bench_row.ts";
import { cpuSeconds } from "./cpu_seconds.ts";
import {
  benchFolder,
  measure,
  median,
  writeRandomFile,
} from "./swarm_bench.ts";

const MIB = 1024 * 1024;
const SMOKE = Deno.env.get("BIP_BENCH_SMOKE") === "1";
const RUNS = SMOKE ? 1 : 9;
const SIZE = (SMOKE ? 16 : 1024) * MIB;

/**
 * Measures all of it.
 *
 * @returns Rows; without libtorrent only that of the cipher.
 */
export async function run(): Promise<BenchRow[]> {
  const rows = [rc4()];
  if (!hasProgram("libtorrent")) {
    const note = "python3-libtorrent is missing";
    return [...rows, { name: "leech, plain", ours: "not measured", note }];
  }
  return [...rows, ...await transfers()];
}

/** In place, in messages of a block, by time of the processor. */
function rc4(): BenchRow {
  const cipher = new Rc4(new Uint8Array(20).fill(7), 1024);
  const block = new Uint8Array(16_384);
  const count = (SMOKE ? 16 : 256) * MIB / block.length;
  const speeds = Array.from({ length: SMOKE ? 1 : 5 }, () => {
    const start = cpuSeconds("self");
    for (let i = 0; i < count; i++) cipher.process(block);
    return count * block.length / MIB / (cpuSeconds("self") - start);
  });
  const speed = median(speeds);
  return {
    name: "RC4, one core",
    ours: `${speed.toFixed(0)} MiB/s`,
    target: ">= 400 MiB/s",
    met: speed >= 400,
  };
}

/** What is compared with the same without encryption, unbound. */
const WAYS = [
  ["encryption off", ["--encryption", "off", "--listen", "127.0.0.1"]],
  ["encryption allowed", ["--encryption", "allow", "--listen", "127.0.0.1"]],
  ["bound", ["--encryption", "off", "--bind", "127.0.0.1"]],
] as const;

/** Nobody else is looked for. */
const ALONE = ["--no-dht", "--no-lpd", "--no-pex", "--no-trackers"];
// Folders below /dev cannot be named in a narrower permission.
const EVERYTHING = { permissions: ["-A"] };

/** What is transferred, and where it is. */
interface Payload {
  readonly folder: string;
  readonly torrent: string;
}

/** Plain connections from and to libtorrent, each way in turn. */
async function transfers(): Promise<BenchRow[]> {
  const folder = benchFolder();
  try {
    await Deno.mkdir(`${folder}/seed`);
    const path = `${folder}/seed/payload.bin`;
    await writeRandomFile(path, SIZE);
    const torrent = `${folder}/payload.torrent`;
    const inputs = [{ path }];
    await Deno.writeFile(
      torrent,
      await createMetainfo({ inputs, pieceLength: MIB }),
    );
    const payload = { folder, torrent };
    return [...await leech(payload), ...await seed(payload)];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function leech({ folder, torrent }: Payload): Promise<BenchRow[]> {
  await using seeder = startLibtorrent(
    ...["seed", torrent, `${folder}/seed`, "--seconds", "1800"],
  );
  const { port } = await seeder.line("listening");
  const args = ["download", torrent, "--json", "--port", "0"];
  args.push("--peer", `127.0.0.1:${port}`, ...ALONE);
  return await compare("leech", async (options) => {
    const run = await measure(
      folder,
      (dir) => startBip([...args, "-o", dir, ...options], EVERYTHING),
    );
    return run.cpuSeconds;
  });
}

async function seed({ folder, torrent }: Payload): Promise<BenchRow[]> {
  const args = ["seed", torrent, `${folder}/seed`, "--json", "--port", "0"];
  return await compare("seed", async (options) => {
    await using bip = startBip([...args, ...ALONE, ...options], EVERYTHING);
    await bip.line("state", (line) => line.state === "seeding");
    const { port } = await bip.line("listening");
    const start = cpuSeconds(bip.pid);
    await measure(
      folder,
      (dir) =>
        startLibtorrent("leech", torrent, dir, "--peer", `127.0.0.1:${port}`),
    );
    return cpuSeconds(bip.pid) - start;
  });
}

/** One way after the other, again and again, by time of the processor. */
async function compare(
  what: string,
  run: (options: readonly string[]) => Promise<number>,
): Promise<BenchRow[]> {
  const seconds: number[][] = WAYS.map(() => []);
  for (let i = 0; i < RUNS; i++) {
    for (const [n, [, options]] of WAYS.entries()) {
      seconds[n]!.push(await run(options));
    }
  }
  const [off, ...others] = seconds.map(median) as [number, ...number[]];
  return others.map((cpu, n) => ({
    name: `${what} ${SIZE / MIB} MiB, plain, ${WAYS[n + 1]![0]}`,
    ours: `${cpu.toFixed(2)} cpu s`,
    peer: `${WAYS[0][0]} ${off.toFixed(2)} cpu s`,
    ratio: off / cpu,
    // A median of nine may be off by as much.
    ...(n === 0 ? { target: ">= 0.98", met: off / cpu >= 0.98 } : {}),
  }));
}
