/**
 * Leeching from and seeding to libtorrent, beside libtorrent doing the same.
 *
 * @module
 */
import type { BenchRow } from "./bench_row.ts";
import { startBip } from "../tests/support/bip.ts";
import type { Child } from "../tests/support/process.ts";
import { hasProgram, startLibtorrent } from "../tests/interop/programs.ts";
import { busiestThreadSeconds, cpuSeconds } from "./cpu_seconds.ts";
import { createMetainfo } from "../metainfo/mod.ts";

const MIB = 1024 * 1024;

/** What one run took. */
export interface Run {
  /** Wall time. */
  readonly seconds: number;
  /** Time of all its threads, as last seen. */
  readonly cpuSeconds: number;
  /** Time of the thread that had the most. */
  readonly busiestSeconds: number;
  /** Peak resident memory. */
  readonly peakMib: number;
}

/** Picks the middle one. */
export function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

/** Watches a process's memory and time until it ends (Linux only). */
export async function watch(
  child: { readonly pid: number },
  done: Promise<unknown>,
): Promise<Omit<Run, "seconds">> {
  const seen = { peakMib: 0, cpuSeconds: 0, busiestSeconds: 0 };
  let running = true;
  const stop = done.finally(() => running = false);
  while (running) {
    try {
      const status = await Deno.readTextFile(`/proc/${child.pid}/status`);
      seen.peakMib = Math.max(
        seen.peakMib,
        Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024,
      );
      seen.cpuSeconds = cpuSeconds(child.pid);
      seen.busiestSeconds = busiestThreadSeconds(child.pid);
    } catch {
      break;
    }
    await Promise.race([
      stop,
      new Promise((resolve) => setTimeout(resolve, 20)),
    ]);
  }
  return seen;
}

/** Where benchmarks keep their payload: memory where the system offers it. */
export function benchFolder(): string {
  let dir: string | undefined;
  try {
    if (Deno.statSync("/dev/shm").isDirectory) dir = "/dev/shm";
  } catch {
    // The system's temporary folder will do.
  }
  return Deno.makeTempDirSync({
    prefix: "bip_bench_",
    ...(dir ? { dir } : {}),
  });
}

/**
 * Measures both directions.
 *
 * @returns Two rows, or none without libtorrent.
 */
export async function run(): Promise<BenchRow[]> {
  if (!hasProgram("libtorrent")) {
    return [{
      name: "swarm",
      ours: "not measured",
      note: "python3-libtorrent is missing",
    }];
  }
  const smoke = Deno.env.get("BIP_BENCH_SMOKE") === "1";
  const size = (smoke ? 64 : 1024) * MIB;
  const runs = smoke ? 1 : 5;
  const folder = benchFolder();
  try {
    await Deno.mkdir(`${folder}/seed`);
    await writeRandomFile(`${folder}/seed/payload.bin`, size);
    const torrent = `${folder}/payload.torrent`;
    await Deno.writeFile(
      torrent,
      await createMetainfo({
        inputs: [{ path: `${folder}/seed/payload.bin` }],
        pieceLength: MIB,
      }),
    );
    return [
      ...await leech(folder, torrent, size, runs),
      await seed(folder, torrent, size, runs),
      await leechEncrypted(folder, torrent, size, smoke ? 1 : 3),
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Fills a file with bytes that no two mebibytes share. */
export async function writeRandomFile(
  path: string,
  size: number,
): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  const block = new Uint8Array(MIB);
  for (let at = 0; at < MIB; at += 65536) {
    crypto.getRandomValues(block.subarray(at, at + 65536));
  }
  const view = new DataView(block.buffer);
  for (let at = 0; at < size; at += MIB) {
    view.setUint32(0, at / MIB);
    file.writeSync(block);
  }
}

/** Runs a leecher until it says that it is complete. */
export async function measure(
  folder: string,
  start: (dir: string) => Child,
): Promise<Run> {
  const dir = `${folder}/leech`;
  await Deno.mkdir(dir);
  try {
    await using child = start(dir);
    const complete = child.line("complete");
    const seen = watch(child, complete.catch(() => {}));
    const { seconds } = await complete;
    return { seconds: Number(seconds), ...await seen };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

// Folders below /dev cannot be named in a narrower permission.
const EVERYTHING = { permissions: ["-A"] };
const localBip = ["--listen", "127.0.0.1", "--port", "0", "--no-trackers"];

async function leech(
  folder: string,
  torrent: string,
  size: number,
  runs: number,
): Promise<BenchRow[]> {
  await using seeder = startLibtorrent(
    "seed",
    torrent,
    `${folder}/seed`,
    "--seconds",
    "900",
  );
  const { port } = await seeder.line("listening");
  const ours: Run[] = [];
  const theirs: Run[] = [];
  for (let i = 0; i <= runs; i++) {
    const a = await measure(folder, (dir) =>
      startBip([
        "download",
        torrent,
        "-o",
        dir,
        "--peer",
        `127.0.0.1:${port}`,
        "--no-dht",
        "--no-lpd",
        "--no-pex",
        "--json",
        ...localBip,
      ], EVERYTHING));
    const b = await measure(
      folder,
      (dir) =>
        startLibtorrent("leech", torrent, dir, "--peer", `127.0.0.1:${port}`),
    );
    // The first pair warms the caches.
    if (i > 0 || runs === 1) {
      ours.push(a);
      theirs.push(b);
    }
  }
  const name = `leech ${size / MIB} MiB from libtorrent`;
  const [own, other] = [ours, theirs].map((all) =>
    median(all.map((run) => run.busiestSeconds))
  ) as [number, number];
  return [transferRow(name, size, ours, theirs, 1), {
    name: `${name}, busiest thread`,
    ours: `${own.toFixed(2)} cpu s`,
    peer: `libtorrent ${other.toFixed(2)} cpu s`,
    ratio: other / own,
    target: "under 1.3 cpu s",
    met: own < 1.3,
    note: `all threads ${
      median(ours.map((run) => run.cpuSeconds)).toFixed(2)
    } cpu s, libtorrent's ${
      median(theirs.map((run) => run.cpuSeconds)).toFixed(2)
    }`,
  }];
}

/** RC4: from us to us, and from libtorrent to libtorrent. */
async function leechEncrypted(
  folder: string,
  torrent: string,
  size: number,
  runs: number,
): Promise<BenchRow> {
  const alone = ["--no-dht", "--no-lpd", "--no-pex", "--json", ...localBip];
  const rc4 = ["--encryption", "require-rc4"];
  await using bip = startBip(
    ["seed", torrent, `${folder}/seed`, ...alone, ...rc4],
    EVERYTHING,
  );
  await bip.line("state", (line) => line.state === "seeding");
  const peer = ["--peer", `127.0.0.1:${(await bip.line("listening")).port}`];
  const theirRc4 = ["--encryption", "rc4"];
  await using seeder = startLibtorrent(
    "seed",
    torrent,
    `${folder}/seed`,
    "--seconds",
    "900",
    ...theirRc4,
  );
  const theirPort = (await seeder.line("listening")).port;
  const theirPeer = ["--peer", `127.0.0.1:${theirPort}`];
  const ours: Run[] = [];
  const theirs: Run[] = [];
  for (let i = 0; i < runs; i++) {
    ours.push(
      await measure(folder, (dir) =>
        startBip(
          ["download", torrent, "-o", dir, ...peer, ...alone, ...rc4],
          EVERYTHING,
        )),
    );
    theirs.push(
      await measure(
        folder,
        (dir) =>
          startLibtorrent("leech", torrent, dir, ...theirPeer, ...theirRc4),
      ),
    );
  }
  return transferRow(
    `leech ${size / MIB} MiB in RC4 from its like`,
    size,
    ours,
    theirs,
    3,
  );
}

async function seed(
  folder: string,
  torrent: string,
  size: number,
  runs: number,
): Promise<BenchRow> {
  await using bip = startBip([
    "seed",
    torrent,
    `${folder}/seed`,
    "--no-dht",
    "--no-lpd",
    "--no-pex",
    "--json",
    ...localBip,
  ], EVERYTHING);
  await bip.line("state", (line) => line.state === "seeding");
  const bipPort = (await bip.line("listening")).port;
  await using seeder = startLibtorrent(
    "seed",
    torrent,
    `${folder}/seed`,
    "--seconds",
    "900",
  );
  const { port } = await seeder.line("listening");
  const ours: Run[] = [];
  const theirs: Run[] = [];
  const from = (dir: string, source: unknown) =>
    startLibtorrent("leech", torrent, dir, "--peer", `127.0.0.1:${source}`);
  for (let i = 0; i <= runs; i++) {
    const a = await measure(folder, (dir) => from(dir, bipPort));
    const b = await measure(folder, (dir) => from(dir, port));
    if (i > 0 || runs === 1) {
      ours.push(a);
      theirs.push(b);
    }
  }
  return transferRow(
    `seed ${size / MIB} MiB to a libtorrent leecher`,
    size,
    ours,
    theirs,
    0.8,
    false,
  );
}

/** A row of transfers: seconds, speed, memory. */
export function transferRow(
  name: string,
  size: number,
  ours: Run[],
  theirs: Run[],
  target: number,
  withMemory = true,
): BenchRow {
  const text = (list: Run[]) => {
    const seconds = median(list.map((r) => r.seconds));
    const speed = (size / MIB / seconds).toFixed(0);
    const memory = median(list.map((r) => r.peakMib)).toFixed(0);
    return `${seconds.toFixed(2)} s (${speed} MiB/s${
      withMemory ? `, peak ${memory} MiB` : ""
    })`;
  };
  const ratio = median(theirs.map((r) => r.seconds)) /
    median(ours.map((r) => r.seconds));
  const peak = median(ours.map((r) => r.peakMib));
  return {
    name,
    ours: text(ours),
    peer: `libtorrent ${text(theirs)}`,
    ratio,
    target: `>= ${target}${withMemory ? ", peak < 200 MiB" : ""}`,
    met: ratio >= target && (!withMemory || peak < 200),
  };
}
