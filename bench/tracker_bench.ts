/**
 * Our UDP tracker beside a bare echo, opentracker and npm's
 * bittorrent-tracker, our HTTP tracker beside a bare `Deno.serve`, each under
 * one load.
 *
 * `BIP_BENCH_NPM` names a folder in which `npm i bittorrent-tracker` was run.
 *
 * @module
 */
import { toHex } from "../_shared/bytes.ts";
import { seededRandom } from "../_shared/random.ts";
import { newSwarmAnnounce } from "../tracker/swarm_store.ts";
import { SwarmTable } from "../tracker/swarm_table.ts";
import { KvSwarmStore } from "../tracker/mod.ts";
import { freePort, hasProgram } from "../tests/interop/programs.ts";
import { startBip } from "../tests/support/bip.ts";
import { fromFileUrl, TempDir } from "../tests/support/paths.ts";
import { Child } from "../tests/support/process.ts";
import type { BenchRow } from "./bench_row.ts";
import { cpuSeconds } from "./cpu_seconds.ts";

const SMOKE = Deno.env.get("BIP_BENCH_SMOKE") === "1";
const SECONDS = SMOKE ? 0.3 : 1.5;
const ROUNDS = SMOKE ? 1 : 11;
const WINDOW = 64;
const TORRENTS = 1000;

const peerFile = (name: string) =>
  fromFileUrl(new URL(`./peers/${name}`, import.meta.url));

/** A server under load. */
interface Subject {
  readonly name: string;
  /** Starts it; it answers soon after. */
  start(port: number): Child;
}

interface Load {
  readonly rate: number;
  readonly errors: number;
  readonly lost: number;
  readonly size: number;
}

/** The info-hash of `tracker_load.c`. */
function infoHash(torrent: number): Uint8Array {
  return Uint8Array.from(
    { length: 20 },
    (_, i) => (torrent >>> (8 * (i & 3))) + 37 * i,
  );
}

function subjects(dir: TempDir): Subject[] {
  const list: Subject[] = [
    {
      name: "ours",
      start: (port) =>
        startBip([
          "tracker",
          "--listen",
          "127.0.0.1",
          "--port",
          `${port}`,
          "--json",
        ]),
    },
    {
      name: "echo",
      start: (port) =>
        new Child(Deno.execPath(), {
          args: [
            "run",
            "--quiet",
            "--no-check",
            "--no-config",
            "--unstable-net",
            "--allow-net",
            peerFile("udp_echo.ts"),
            `${port}`,
          ],
        }),
    },
  ];
  if (hasProgram("opentracker")) {
    const allowed = dir.join("allowed");
    Deno.chmodSync(dir.path, 0o755);
    Deno.writeTextFileSync(
      allowed,
      Array.from({ length: TORRENTS }, (_, i) => `${toHex(infoHash(i))}\n`)
        .join(""),
    );
    list.push({
      name: "opentracker",
      start: (port) =>
        new Child("opentracker", {
          args: [
            "-i",
            "127.0.0.1",
            "-p",
            `${port}`,
            "-P",
            `${port}`,
            "-w",
            allowed,
          ],
        }),
    });
  }
  const npm = Deno.env.get("BIP_BENCH_NPM");
  if (npm !== undefined && exists(`${npm}/node_modules/bittorrent-tracker`)) {
    list.push({
      name: "bittorrent-tracker",
      start: (port) =>
        new Child("node", {
          args: [peerFile("npm_tracker.mjs"), npm, `${port}`],
        }),
    });
  }
  return list;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

async function compile(
  dir: TempDir,
  name: string,
): Promise<string | undefined> {
  const program = dir.join(name);
  try {
    const { success } = await new Deno.Command("gcc", {
      args: ["-O2", "-o", program, peerFile(`${name}.c`)],
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).output();
    return success ? program : undefined;
  } catch {
    return undefined;
  }
}

async function load(
  program: string,
  port: number,
  what: string,
): Promise<Load> {
  // The load connects until it is answered, for ten seconds a socket.
  const { stdout } = await new Deno.Command(program, {
    args: [`${port}`, `${SECONDS}`, `${WINDOW}`, `${TORRENTS}`, what],
    stdin: "null",
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

const perSecond = (rate: number) => `${(rate / 1000).toFixed(1)}k/s`;

function rowsOf(what: string, rates: Map<string, number[]>): BenchRow[] {
  const ours = median(rates.get("ours")!);
  const targets: Record<string, number | undefined> = {
    echo: 0.85,
    "bittorrent-tracker": 4,
  };
  const rows: BenchRow[] = [];
  for (const [name, list] of rates) {
    if (name === "ours") continue;
    const rate = median(list);
    const target = what === "announce" ? targets[name] : undefined;
    const ratio = ours / rate;
    rows.push({
      name: `UDP tracker, ${what} beside ${name}`,
      ours: perSecond(ours),
      peer: perSecond(rate),
      ratio: Math.round(ratio * 100) / 100,
      ...(target === undefined
        ? {}
        : { target: `${target}x`, met: ratio >= target }),
    });
  }
  return rows;
}

/** One swarm of all announces in a database, 32 at a time. */
async function kvRow(dir: TempDir): Promise<BenchRow> {
  const name = "KV tracker store, one swarm of all announces";
  if (!("openKv" in Deno)) {
    return { name, ours: "not measured", note: "needs --unstable-kv" };
  }
  const store = new KvSwarmStore({
    kv: await Deno.openKv(dir.join("swarms.kv")),
    wallClock: Date.now,
    random: seededRandom(1),
  });
  const before = Deno.memoryUsage().rss;
  const start = performance.now();
  let count = 0;
  let rss = before;
  const client = async () => {
    while (performance.now() - start < (SMOKE ? 300 : 10_000)) {
      const n = count++ % 20_000;
      await store.announce({
        ...newSwarmAnnounce(),
        ip0: Math.imul(n + 1, 0x9e3779b1) >>> 0,
        port: 1 + n,
        seed: n % 3 === 0,
      });
      if (n % 500 === 0) rss = Math.max(rss, Deno.memoryUsage().rss);
    }
  };
  await Promise.all(Array.from({ length: 32 }, client));
  const rate = 1000 * count / (performance.now() - start);
  await store.close();
  const mib = (rss - before) / 2 ** 20;
  return {
    name,
    ours: `${rate.toFixed(0)}/s, ${mib.toFixed(0)} MiB more`,
    target: "above 1000/s, below 200 MiB",
    met: rate > 1000 && mib < 200,
  };
}

/** Our HTTP tracker beside a bare `Deno.serve`, in cpu seconds. */
async function httpRows(dir: TempDir): Promise<BenchRow[]> {
  const program = await compile(dir, "http_load");
  if (program === undefined) return [];
  await using servers = new AsyncDisposableStack();
  const start = (
    make: (port: number) => Child,
  ): { port: number; child: Child } => {
    const port = freePort();
    const child = make(port);
    servers.use(child);
    return { port, child };
  };
  const list = [
    start((port) =>
      startBip([
        "tracker",
        "--listen",
        "127.0.0.1",
        "--port",
        "0",
        "--http-port",
        `${port}`,
        "--json",
      ])
    ),
    start((port) =>
      new Child(Deno.execPath(), {
        args: [
          "run",
          "--quiet",
          "--no-check",
          "--no-config",
          "--allow-net",
          peerFile("http_hello.ts"),
          `${port}`,
        ],
      })
    ),
  ];
  for (const { port } of list) await listening(port);
  const rows: BenchRow[] = [];
  for (const how of ["keep", "close"]) {
    const costs: number[][] = [[], []];
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [i, { port, child }] of list.entries()) {
        const before = cpuSeconds(child.pid);
        const { stdout } = await new Deno.Command(program, {
          args: [`${port}`, `${SECONDS}`, "32", `${TORRENTS}`, how],
          stdin: "null",
          stderr: "inherit",
        }).output();
        const { rate, errors } = JSON.parse(new TextDecoder().decode(stdout));
        if (errors > 0) throw new Error(`${errors} connections failed`);
        const used = cpuSeconds(child.pid) - before;
        if (round > 0) costs[i]!.push(1e6 * used / (rate * SECONDS));
      }
    }
    const [ours, peer] = costs.map(median);
    rows.push({
      name: `HTTP tracker, announce (${how}) beside bare Deno.serve`,
      ours: `${ours!.toFixed(0)} cpu us`,
      peer: `${peer!.toFixed(0)} cpu us`,
      ratio: Math.round(100 * ours! / peer!) / 100,
    });
  }
  return rows;
}

async function listening(port: number): Promise<void> {
  while (true) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Memory of a table that holds a million peers of 100,000 torrents. */
function memoryRow(): BenchRow {
  const torrents = SMOKE ? 1000 : 100_000;
  const table = new SwarmTable({ random: seededRandom(1) });
  const request = newSwarmAnnounce();
  const before = Deno.memoryUsage().rss;
  const start = performance.now();
  for (let n = 0; n < 10 * torrents; n++) {
    const torrent = n * 7919 % torrents;
    for (let i = 0; i < 4; i++) request.infoHash[i] = torrent >>> (8 * i);
    request.ip0 = 0x0a000000 + n;
    request.port = 1 + n % 65535;
    table.announce(request, n);
  }
  const seconds = (performance.now() - start) / 1000;
  const mib = (Deno.memoryUsage().rss - before) / 2 ** 20;
  const { bytes } = table.stats();
  return {
    name: `Swarm table, ${10 * torrents} peers of ${torrents} torrents`,
    ours: `${mib.toFixed(0)} MiB (tables ${(bytes! / 2 ** 20).toFixed(0)} MiB)`,
    target: "below 400 MiB",
    met: mib < 400,
    note: `${perSecond(10 * torrents / seconds)} announces without sockets`,
  };
}

/**
 * Measures the trackers.
 *
 * @returns One row a peer and kind of request, and one for the memory.
 */
export async function run(): Promise<BenchRow[]> {
  await using dir = new TempDir();
  const rows = [memoryRow(), await kvRow(dir)];
  const program = await compile(dir, "tracker_load");
  if (program === undefined) {
    return [...rows, {
      name: "UDP tracker",
      ours: "not measured",
      note: "gcc is missing",
    }];
  }
  await using servers = new AsyncDisposableStack();
  const list = subjects(dir).map((subject) => {
    const port = freePort();
    servers.use(subject.start(port));
    return { name: subject.name, port };
  });
  for (const what of ["announce", "scrape"]) {
    const rates = new Map<string, number[]>();
    // In turn, so that what else the machine does hits all alike. One round to
    // warm up is not counted.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const { name, port } of list) {
        const { rate, errors } = await load(program, port, what);
        if (errors > 0) throw new Error(`${name} answered ${errors} errors`);
        const all = rates.get(name) ?? [];
        if (round > 0) all.push(rate);
        rates.set(name, all);
      }
    }
    rows.push(...rowsOf(what, rates));
  }
  return [...rows, ...await httpRows(dir)];
}
