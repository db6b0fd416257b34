/**
 * A torrent of very many small files: fetched, checked, gone on with and served,
 * beside libtorrent.
 *
 * Environment: `BIP_BENCH_FILES`, how many (100000).
 *
 * @module
 */
import type { BenchRow } from "./bench_row.ts";
import { cpuSeconds } from "./cpu_seconds.ts";
import { benchFolder, measure, type Run, watch } from "./swarm_bench.ts";
import { startBip } from "../tests/support/bip.ts";
import { ALONE, downloadArgs } from "../tests/support/transfer.ts";
import { hasProgram, startLibtorrent } from "../tests/interop/programs.ts";
import { DiskManager } from "../disk/manager.ts";
import { NativeFileSystem } from "../disk/native_file_system.ts";
import { createMetainfo } from "../metainfo/mod.ts";
import { diskPaths } from "../metainfo/disk_paths.ts";
import { parseMetainfo } from "../metainfo/parse.ts";

const FILE = 4096;
const SMOKE = Deno.env.get("BIP_BENCH_SMOKE") === "1";
const COUNT = SMOKE ? 500 : Number(Deno.env.get("BIP_BENCH_FILES") ?? 100_000);
const EVERYTHING = { permissions: ["-A"] };

/** Measures all of it. */
export async function run(): Promise<BenchRow[]> {
  if (!hasProgram("libtorrent")) {
    const note = "libtorrent is missing";
    return [{ name: "many files", ours: "not measured", note }];
  }
  const folder = benchFolder();
  try {
    const bytes = new Uint8Array(FILE);
    for (let i = 0; i < COUNT; i++) {
      const dir = `${folder}/seed/small/${Math.floor(i / 1000)}`;
      if (i % 1000 === 0) await Deno.mkdir(dir, { recursive: true });
      crypto.getRandomValues(bytes);
      Deno.writeFileSync(`${dir}/${i}`, bytes);
    }
    const torrent = await createMetainfo({
      inputs: [{ path: `${folder}/seed/small` }],
      pieceLength: 262_144,
    });
    const path = `${folder}/small.torrent`;
    await Deno.writeFile(path, torrent);
    return [
      await leech(folder, path),
      await verify(folder, path),
      await goOn(folder, torrent),
      await seed(folder, path),
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const named = (what: string) => `${what} ${COUNT} files of 4 KiB`;
const perFile = (seconds: number) => seconds * 1e6 / COUNT;

function row(
  what: string,
  ours: Pick<Run, "cpuSeconds" | "peakMib">,
  theirs?: Pick<Run, "cpuSeconds" | "peakMib">,
  most?: number,
): BenchRow {
  const text = ({ cpuSeconds, peakMib }: typeof ours) =>
    `${perFile(cpuSeconds).toFixed(0)} us of cpu a file` +
    (peakMib > 0 ? `, peak ${peakMib.toFixed(0)} MiB` : "");
  return {
    name: named(what),
    ours: text(ours),
    ...theirs && {
      peer: `libtorrent ${text(theirs)}`,
      ratio: theirs.cpuSeconds / ours.cpuSeconds,
    },
    ...most && {
      target: `< ${most} us`,
      met: perFile(ours.cpuSeconds) < most,
    },
  };
}

async function leech(folder: string, torrent: string): Promise<BenchRow> {
  const from = `${folder}/seed`;
  await using seeder = startLibtorrent(
    "seed",
    torrent,
    from,
    "--seconds",
    "900",
  );
  const { port } = await seeder.line("listening");
  const ours = await measure(folder, (dir) =>
    startBip(
      downloadArgs(torrent, dir, port, "--json"),
      EVERYTHING,
    ));
  const theirs = await measure(
    folder,
    (dir) =>
      startLibtorrent("leech", torrent, dir, "--peer", `127.0.0.1:${port}`),
  );
  const note = "start of the program included";
  return { ...row("leech", ours, theirs, 100), note };
}

async function verify(folder: string, torrent: string): Promise<BenchRow> {
  await using child = startBip(
    ["verify", torrent, `${folder}/seed`],
    EVERYTHING,
  );
  return row("verify", await watch(child, child.result), undefined, 100);
}

/** Goes on from resume data, in this process. */
async function goOn(
  folder: string,
  torrent: Uint8Array<ArrayBuffer>,
): Promise<BenchRow> {
  const metainfo = parseMetainfo(torrent);
  const paths = diskPaths(metainfo);
  const { infoHash, layout, pieces } = metainfo;
  await using disk = new DiskManager({
    fileSystem: new NativeFileSystem(`${folder}/seed`),
  });
  const add = (resume?: Uint8Array) =>
    disk.add({ infoHash, layout, paths, pieces }, {
      existing: resume === undefined ? "trust" : "resume",
      resume,
    });
  const first = await add();
  const resume = await first.resumeData();
  await first.close();
  const start = cpuSeconds("self");
  const storage = await add(resume);
  const cpu = cpuSeconds("self") - start;
  if (!storage.have.isFull) throw new Error("Resume data was not trusted");
  return row("go on with", { cpuSeconds: cpu, peakMib: 0 }, undefined, 50);
}

async function seed(folder: string, torrent: string): Promise<BenchRow> {
  const serve = async (from: "bip" | "libtorrent") => {
    const dir = `${folder}/seed`;
    await using seeder = from === "bip"
      ? startBip(["seed", torrent, dir, "--json", ...ALONE], EVERYTHING)
      : startLibtorrent("seed", torrent, dir, "--seconds", "900");
    const { port } = await seeder.line("listening");
    if (from === "bip") {
      await seeder.line("state", ({ state }) => state === "seeding");
    }
    const before = cpuSeconds(seeder.pid);
    await measure(
      folder,
      (to) =>
        startLibtorrent("leech", torrent, to, "--peer", `127.0.0.1:${port}`),
    );
    const { peakMib } = await watch(seeder, Promise.resolve());
    return { cpuSeconds: cpuSeconds(seeder.pid) - before, peakMib };
  };
  return row("serve", await serve("bip"), await serve("libtorrent"));
}
