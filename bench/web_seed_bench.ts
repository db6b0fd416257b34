/**
 * Downloading from a web server alone, beside aria2 doing the same.
 *
 * @module
 */
import type { BenchRow } from "./bench_row.ts";
import {
  benchFolder,
  median,
  type Run,
  watch,
  writeRandomFile,
} from "./swarm_bench.ts";
import { createMetainfo } from "../metainfo/mod.ts";
import { Nginx } from "../tests/interop/nginx.ts";
import { hasProgram } from "../tests/interop/programs.ts";
import { bipArguments } from "../tests/support/bip_command.ts";

const MIB = 1024 * 1024;

/** Runs a program to its end, and looks at it meanwhile (Linux only). */
async function measure(
  folder: string,
  start: (dir: string) => { readonly command: string; readonly args: string[] },
): Promise<Run> {
  const dir = `${folder}/leech`;
  await Deno.mkdir(dir);
  try {
    const { command, args } = start(dir);
    const startedAt = performance.now();
    const child = new Deno.Command(command, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const { status } = child;
    const seen = await watch(child, status);
    const { code } = await status;
    if (code !== 0) throw new Error(`${command} ended with ${code}`);
    return { seconds: (performance.now() - startedAt) / 1000, ...seen };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/**
 * Measures a download of 1 GiB from nginx on loopback.
 *
 * @returns A row.
 */
export async function run(): Promise<BenchRow[]> {
  for (const program of ["nginx", "aria2c"] as const) {
    if (hasProgram(program)) continue;
    const note = `${program} is missing`;
    return [{ name: "web seed", ours: "not measured", note }];
  }
  const smoke = Deno.env.get("BIP_BENCH_SMOKE") === "1";
  const size = (smoke ? 64 : 1024) * MIB;
  const runs = smoke ? 1 : 5;
  const folder = benchFolder();
  try {
    await Deno.mkdir(`${folder}/seed`);
    await writeRandomFile(`${folder}/seed/payload.bin`, size);
    await using nginx = await Nginx.start(`${folder}/seed`);
    const torrent = `${folder}/payload.torrent`;
    await Deno.writeFile(
      torrent,
      await createMetainfo({
        inputs: [{ path: `${folder}/seed/payload.bin` }],
        pieceLength: MIB,
        webSeeds: [nginx.url],
      }),
    );
    const ours: Run[] = [];
    const theirs: Run[] = [];
    for (let i = 0; i <= runs; i++) {
      const a = await measure(folder, (dir) => ({
        command: Deno.execPath(),
        args: bipArguments([
          "download",
          torrent,
          `--output=${dir}`,
          `--web-seed=${nginx.url}`,
          "--listen=127.0.0.1",
          "--port=0",
          "--no-trackers",
          "--quiet",
        ], { permissions: ["-A"] }),
      }));
      const b = await measure(folder, (dir) => ({
        command: "aria2c",
        args: [
          "--no-conf",
          "--enable-dht=false",
          "--enable-dht6=false",
          "--bt-enable-lpd=false",
          "--file-allocation=none",
          "--seed-time=0",
          "--interface=127.0.0.1",
          "--disable-ipv6=true",
          `--dir=${dir}`,
          torrent,
        ],
      }));
      // The first pair warms the caches.
      if (i > 0 || runs === 1) {
        ours.push(a);
        theirs.push(b);
      }
    }
    const text = (list: Run[]) => {
      const [seconds, cpu, memory] = [
        median(list.map((r) => r.seconds)),
        median(list.map((r) => r.cpuSeconds)),
        median(list.map((r) => r.peakMib)),
      ];
      return `${seconds.toFixed(2)} s, ${cpu.toFixed(2)} cpu s, peak ${
        memory.toFixed(0)
      } MiB`;
    };
    const ratio = median(theirs.map((r) => r.seconds)) /
      median(ours.map((r) => r.seconds));
    return [{
      name: `web seed: ${size / MIB} MiB from nginx, from start to end`,
      ours: text(ours),
      peer: `aria2 ${text(theirs)}`,
      ratio,
      target: ">= 1",
      met: ratio >= 1,
    }];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
