/**
 * Creating and verifying torrents, beside mktorrent and libtorrent.
 *
 * Environment: `BIP_BENCH_MIB` (size of the payload, 4096), `BIP_BENCH_FILES`
 * (how many small files, 100000), `BIP_BENCH_DIR` (where they are written, a RAM
 * disk; `/dev/shm`).
 *
 * @module
 */
import type { BenchRow } from "./bench_row.ts";
import {
  createMetainfo,
  parseMetainfo,
  pieceRoot,
  verifyPieces,
} from "../metainfo/mod.ts";

const MIB = 1024 * 1024;
const PIECE_LENGTH = MIB;
const RUNS = 3;
const THREADS = 2;

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function seconds(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

/** Runs a program to its end. */
async function runProgram(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args })
    .output();
  const decoder = new TextDecoder();
  if (!success) {
    throw new Error(`${command} failed: ${decoder.decode(stderr)}`);
  }
  return decoder.decode(stdout);
}

async function isInstalled(command: string, args: string[]): Promise<boolean> {
  try {
    await new Deno.Command(command, { args, stdout: "null", stderr: "null" })
      .output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The python that has libtorrent, if any. */
async function libtorrentPython(): Promise<string | undefined> {
  for (const python of ["/usr/bin/python3", "python3"]) {
    try {
      await runProgram(python, ["-c", "import libtorrent"]);
      return python;
    } catch {
      continue;
    }
  }
  return undefined;
}

/** Writes a payload in which no two pieces are alike. */
async function writePayload(path: string, mib: number): Promise<void> {
  const block = new Uint8Array(16 * MIB);
  for (let i = 0; i < block.length; i += 65536) {
    crypto.getRandomValues(block.subarray(i, i + 65536));
  }
  using file = await Deno.create(path);
  const stamp = new DataView(block.buffer);
  for (let done = 0; done < mib; done += 16) {
    const count = Math.min(16, mib - done);
    for (let i = 0; i < count; i++) stamp.setUint32(i * MIB, done + i);
    const part = block.subarray(0, count * MIB);
    for (let at = 0; at < part.length;) {
      at += await file.write(part.subarray(at));
    }
  }
}

function row(
  name: string,
  mib: number,
  ours: number[],
  peer: number[] | undefined,
  target: { readonly ratio: number; readonly text: string },
): BenchRow {
  const speed = (times: number[]) => {
    const time = median(times);
    return `${time.toFixed(2)} s, ${(mib / time).toFixed(0)} MiB/s`;
  };
  if (peer === undefined) {
    return { name, ours: speed(ours), note: "the peer is not installed" };
  }
  const ratio = median(peer) / median(ours);
  return {
    name,
    ours: speed(ours),
    peer: speed(peer),
    ratio,
    target: target.text,
    met: ratio >= target.ratio,
  };
}

async function benchCreate(
  folder: string,
  path: string,
  mib: number,
): Promise<BenchRow[]> {
  const called: number[] = [];
  const whole: number[] = [];
  const theirs: number[] = [];
  const hasPeer = await isInstalled("mktorrent", ["-h"]);
  const script = new URL("./peers/create_once.ts", import.meta.url).href;
  const output = `${folder}/created.torrent`;
  for (let run = 0; run < RUNS; run++) {
    called.push(
      await seconds(() =>
        createMetainfo({
          inputs: [{ path }],
          pieceLength: PIECE_LENGTH,
          threads: THREADS,
        })
      ),
    );
    const args = ["run", "-A", "--no-config", "--no-check", script, path];
    args.push(String(PIECE_LENGTH), String(THREADS), output);
    whole.push(await seconds(() => runProgram(Deno.execPath(), args)));
    if (!hasPeer) continue;
    const made = `${folder}/mk${run}.torrent`;
    const mkArgs = ["-t", String(THREADS), "-l", "20", "-a"];
    mkArgs.push("http://127.0.0.1/announce", "-o", made, path);
    theirs.push(await seconds(() => runProgram("mktorrent", mkArgs)));
  }
  const peer = hasPeer ? theirs : undefined;
  const target = { ratio: 1, text: "at least mktorrent -t 2" };
  const size = `${mib} MiB v1`;
  return [
    row(`create ${size}, call`, mib, called, peer, target),
    row(`create ${size}, whole process`, mib, whole, peer, target),
  ];
}

async function benchVerify(
  folder: string,
  path: string,
  mib: number,
): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const python = await libtorrentPython();
  for (const version of ["v1", "v2"] as const) {
    const created: number[] = [];
    let bytes = new Uint8Array(0);
    for (let run = 0; run < (version === "v1" ? 1 : 3); run++) {
      created.push(
        await seconds(async () => {
          bytes = await createMetainfo({
            inputs: [{ path }],
            version,
            pieceLength: PIECE_LENGTH,
            threads: THREADS,
          });
        }),
      );
    }
    if (version === "v2") {
      const time = median(created);
      const speed = `${time.toFixed(2)} s, ${(mib / time).toFixed(0)} MiB/s`;
      rows.push({ name: `create ${mib} MiB v2, call`, ours: speed });
    }
    const torrent = `${folder}/${version}.torrent`;
    await Deno.writeFile(torrent, bytes);
    const metainfo = parseMetainfo(bytes);
    const { layout, pieces } = metainfo;
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      ours.push(
        await seconds(async () => {
          const { bad } = await verifyPieces({
            layout,
            filePaths: [path],
            expected: version === "v1"
              ? { pieces }
              : { pieceRoot: (i) => pieceRoot(metainfo, i) },
            threads: THREADS,
          });
          if (bad.length > 0) throw new Error("Good pieces were called bad");
        }),
      );
      if (python === undefined) continue;
      const script = new URL("./peers/lt_check.py", import.meta.url).pathname;
      const text = await runProgram(python, [script, torrent, folder, "1"]);
      theirs.push(Number(text));
    }
    rows.push(
      row(
        `verify ${mib} MiB ${version}`,
        mib,
        ours,
        python === undefined ? undefined : theirs,
        { ratio: 2, text: "twice libtorrent's check" },
      ),
    );
  }
  return rows;
}

/** Writes files of 4 KiB, a thousand a folder. */
function writeFiles(folder: string, count: number): void {
  const block = crypto.getRandomValues(new Uint8Array(4096));
  const stamp = new DataView(block.buffer);
  for (let i = 0; i < count; i++) {
    const parent = `${folder}/${Math.floor(i / 1000)}`;
    if (i % 1000 === 0) Deno.mkdirSync(parent, { recursive: true });
    stamp.setUint32(0, i);
    Deno.writeFileSync(`${parent}/${i}.bin`, block);
  }
}

/** Processor seconds and peak memory of a program, by GNU time. */
async function costOf(
  command: string,
  args: string[],
): Promise<{ cpu: number; mib: number }> {
  const { stderr, success } = await new Deno.Command("/usr/bin/time", {
    args: ["-f", "cost %U %S %M", command, ...args],
  }).output();
  const text = new TextDecoder().decode(stderr);
  const cost = /cost ([\d.]+) ([\d.]+) (\d+)\s*$/.exec(text);
  if (!success || cost === null) throw new Error(`${command} failed: ${text}`);
  return {
    cpu: Number(cost[1]) + Number(cost[2]),
    mib: Number(cost[3]) / 1024,
  };
}

async function benchSmallFiles(folder: string): Promise<BenchRow[]> {
  const name = "create, a file of 4 KiB";
  if (!await isInstalled("/usr/bin/time", ["-f", "", "true"])) {
    return [{ name, ours: "GNU time is not installed" }];
  }
  const count = Number(Deno.env.get("BIP_BENCH_FILES") ?? 100_000);
  const path = `${folder}/files`;
  writeFiles(path, count);
  const script = new URL("./peers/create_once.ts", import.meta.url).href;
  const ourArgs = ["run", "-A", "--no-config", "--no-check", script, path];
  ourArgs.push("262144", "1", `${folder}/files.torrent`);
  const hasPeer = await isInstalled("mktorrent", ["-h"]);
  const ours: { cpu: number; mib: number }[] = [];
  const theirs: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    ours.push(await costOf(Deno.execPath(), ourArgs));
    if (!hasPeer) continue;
    const args = ["-t", "1", "-l", "18", "-a", "http://127.0.0.1/announce"];
    args.push("-o", `${folder}/mk_files${run}.torrent`, path);
    theirs.push((await costOf("mktorrent", args)).cpu);
  }
  const cpu = median(ours.map((cost) => cost.cpu));
  const mib = median(ours.map((cost) => cost.mib));
  const micros = (seconds: number) =>
    `${(seconds * 1e6 / count).toFixed(1)} us of a processor`;
  return [{
    name,
    ours: `${micros(cpu)}, ${mib.toFixed(0)} MiB at ${count} files`,
    ...(hasPeer && { peer: micros(median(theirs)) }),
    target: "under 25 us and 150 MiB",
    met: cpu * 1e6 / count < 25 && mib < 150,
  }];
}

/**
 * Runs all of them.
 *
 * @returns The lines of the table.
 */
export async function run(): Promise<BenchRow[]> {
  const mib = Number(Deno.env.get("BIP_BENCH_MIB") ?? 4096);
  const parent = Deno.env.get("BIP_BENCH_DIR") ?? "/dev/shm";
  const folder = await Deno.makeTempDir({ dir: parent, prefix: "bip_create_" });
  try {
    const path = `${folder}/payload.bin`;
    await writePayload(path, mib);
    return [
      ...await benchCreate(folder, path, mib),
      ...await benchVerify(folder, path, mib),
      ...await benchSmallFiles(folder),
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  // deno-lint-ignore no-console
  console.log(JSON.stringify(await run(), undefined, 2));
}
