/**
 * uTP only, on loopback and over a simulated wide-area link (peers/udp_link.c,
 * needs gcc), beside libtorrent doing the same; connections that idle; and what
 * a packet leaves to the garbage collector.
 *
 * @module
 */
import { openDatagramSocket } from "../_shared/datagram.ts";
import { writeAll } from "../_shared/byte_conn.ts";
import { createMetainfo } from "../metainfo/mod.ts";
import { hasProgram, startLibtorrent } from "../tests/interop/programs.ts";
import { fromFileUrl } from "../tests/support/paths.ts";
import { Child } from "../tests/support/process.ts";
import type { UtpConnection } from "../utp/driver/connection.ts";
import { UtpTransport } from "../utp/transport.ts";
import type { BenchRow } from "./bench_row.ts";
import { allocatedBytes } from "./garbage.ts";
import {
  benchFolder,
  measure,
  type Run,
  transferRow,
  writeRandomFile,
} from "./swarm_bench.ts";

const MIB = 1024 * 1024;
const SMOKE = Deno.env.get("BIP_BENCH_SMOKE") === "1";
const RUNS = SMOKE ? 1 : 3;
/** What is lost, and when a queue overflows, makes single runs differ by half. */
const LINK_RUNS = SMOKE ? 1 : 15;
const IDLE_SECONDS = SMOKE ? 1 : 30;
const IDLE_CONNECTIONS = 200;
const GARBAGE_MIB = SMOKE ? 1 : 64;

/**
 * Links of 50 ms each way and 100 Mbit/s: loss in percent, MiB to transfer. So
 * much that it does not matter which of the first packets is lost.
 */
const LINKS = SMOKE ? [[0, 1]] as const : [[0, 16], [0.1, 12], [1, 4]] as const;

/** What is transferred. */
interface Payload {
  readonly folder: string;
  readonly torrent: string;
  readonly size: number;
}

/** How the two kinds of peers are started. */
const OURS = {
  start: (mode: string, { torrent }: Payload, dir: string, port?: number) => {
    const importMap = Deno.env.get("BIP_IMPORT_MAP");
    return new Child(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--quiet",
        "--no-check",
        "--unstable-net",
        ...(importMap === undefined ? [] : [`--import-map=${importMap}`]),
        fromFileUrl(new URL("peers/utp_session.ts", import.meta.url)),
        ...[mode, torrent, dir, ...(port === undefined ? [] : [`${port}`])],
      ],
    });
  },
};
const THEIRS = {
  start: (mode: string, { torrent }: Payload, dir: string, port?: number) => {
    const peer = port === undefined ? [] : ["--peer", `127.0.0.1:${port}`];
    const args = [mode, torrent, dir, "--utp", "--seconds", "900", ...peer];
    return startLibtorrent(...args);
  },
};

/**
 * Measures all of it.
 *
 * @returns Rows; without libtorrent only those of our own.
 */
export async function run(): Promise<BenchRow[]> {
  const rows = [await idle(), await garbage()];
  if (!hasProgram("libtorrent")) {
    const note = "python3-libtorrent is missing";
    return [...rows, { name: "uTP", ours: "not measured", note }];
  }
  const folder = benchFolder();
  try {
    const large = await makePayload(folder, SMOKE ? 8 : 128);
    const [own, ...more] = await compare("on loopback", large);
    const speed = Number(/(\d+) MiB\/s/.exec(own!.ours)![1]);
    const met = own!.ratio! >= 5 && speed >= 40;
    rows.push({ ...own!, target: ">= 5, >= 40 MiB/s", met }, ...more);
    const link = `${folder}/udp_link`;
    if (!await buildLink(link)) {
      const note = "gcc is missing";
      return [...rows, { name: "uTP, WAN", ours: "not measured", note }];
    }
    for (const [loss, mib] of LINKS) {
      const name = `over 50 ms, 100 Mbit/s, loss ${loss} %`;
      const payload = await makePayload(folder, mib);
      rows.push(...await compare(name, payload, [link, String(loss)]));
    }
    return rows;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function makePayload(parent: string, mib: number): Promise<Payload> {
  const folder = `${parent}/${mib}`;
  await Deno.mkdir(`${folder}/seed`, { recursive: true });
  const path = `${folder}/seed/payload.bin`;
  await writeRandomFile(path, mib * MIB);
  const torrent = `${folder}/payload.torrent`;
  const inputs = [{ path }];
  await Deno.writeFile(
    torrent,
    await createMetainfo({ inputs, pieceLength: MIB / 4 }),
  );
  return { folder, torrent, size: mib * MIB };
}

async function buildLink(program: string): Promise<boolean> {
  const source = fromFileUrl(new URL("peers/udp_link.c", import.meta.url));
  try {
    const { success } = await new Deno.Command("gcc", {
      args: ["-O2", "-w", "-o", program, source],
    }).output();
    return success;
  } catch {
    return false;
  }
}

/**
 * Every pair of a seeder and a leecher, over a link if there is one: one after
 * the other, or side by side over a link, which leaves the processor idle.
 */
async function compare(
  where: string,
  payload: Payload,
  link?: readonly [program: string, loss: string],
): Promise<BenchRow[]> {
  const pairs = [
    ["", THEIRS, THEIRS],
    ["from its like", OURS, OURS],
    ["to libtorrent", OURS, THEIRS],
    ["from libtorrent", THEIRS, OURS],
  ] as const;
  const runs: Run[][] = pairs.map(() => []);
  for (let i = 0; i < (link === undefined ? RUNS : LINK_RUNS); i++) {
    const running = pairs.map(([, seeder, leecher], n) => async () => {
      const folder = `${payload.folder}/${n}`;
      await Deno.mkdir(folder, { recursive: true });
      await using seed = seeder.start(
        "seed",
        payload,
        `${payload.folder}/seed`,
      );
      const { port } = await seed.line("listening");
      await seed.line("complete");
      await using way = link === undefined ? undefined : new Child(link[0], {
        // What one pair loses every other one does.
        args: [`${port}`, "50", "100", "256", link[1], `${i + 1}`],
      });
      const to = way === undefined ? port : (await way.line("listening")).port;
      const start = (dir: string) =>
        leecher.start("leech", payload, dir, Number(to));
      runs[n]!.push(await measure(folder, start));
    });
    if (link !== undefined) await Promise.all(running.map((run) => run()));
    else for (const run of running) await run();
  }
  const theirs = runs[0]!;
  return pairs.slice(1).map(([way], n) => {
    const ours = runs[n + 1]!;
    const name = `uTP, ${payload.size / MIB} MiB ${way} ${where}`;
    const row = transferRow(name, payload.size, ours, theirs, 1, false);
    if (link === undefined || SMOKE) return row;
    // Each beside the one that lost the same packets.
    const logs = ours.map(({ seconds }, i) =>
      Math.log(theirs[i]!.seconds / seconds)
    );
    const mean = logs.reduce((sum, log) => sum + log) / logs.length;
    const squares = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0);
    const error = Math.sqrt(squares / logs.length / (logs.length - 1));
    const ratio = Math.exp(mean);
    const note = `${logs.length} runs, the ratio is good to ${
      error.toFixed(2)
    }`;
    return { ...row, ratio, met: ratio >= 1, note };
  });
}

/** User and system time of this process so far, in seconds. */
function cpuSeconds(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Both ends of connections over which nothing is sent. */
async function idle(): Promise<BenchRow> {
  using transport = new UtpTransport();
  using other = new UtpTransport();
  using listener = await other.listen({ hostname: "127.0.0.1", port: 0 });
  for (let i = 0; i < IDLE_CONNECTIONS; i++) {
    const accepting = listener.accept();
    const connection = await transport.connect(listener.local);
    await connection.write(Uint8Array.of(1));
    await (await accepting)!.read(new Uint8Array(1));
  }
  const start = cpuSeconds();
  await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
  const share = (cpuSeconds() - start) / IDLE_SECONDS;
  return {
    name: `uTP, both ends of ${IDLE_CONNECTIONS} idle connections`,
    ours: `${(share * 100).toFixed(2)} % of a core`,
    target: "under 1 %",
    met: share < 0.01,
  };
}

/** Both ends of a transfer in this process: a packet is sent and received. */
async function garbage(): Promise<BenchRow> {
  using transport = new UtpTransport();
  using other = new UtpTransport();
  using listener = await other.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  const out = await transport.connect(listener.local) as UtpConnection;
  await out.write(Uint8Array.of(1));
  const into = (await accepting) as UtpConnection;
  const buffer = new Uint8Array(65_536);
  await into.read(buffer);
  const block = new Uint8Array(16_384);
  const transfer = async (bytes: number) => {
    const writing = (async () => {
      for (let at = 0; at < bytes; at += block.length) {
        await writeAll(out, block);
      }
    })();
    for (let at = 0; at < bytes;) at += (await into.read(buffer))!;
    await writing;
  };
  const packets = () => out.stats().packetsSent + into.stats().packetsSent;
  await transfer(GARBAGE_MIB / 4 * MIB);
  const before = packets();
  const bytes = await allocatedBytes(() => transfer(GARBAGE_MIB * MIB));
  const ours = bytes / (packets() - before);
  const bare = await bareGarbage();
  return {
    name: "uTP, garbage a packet, sent and received",
    ours: `${Math.round(ours - bare)} bytes`,
    target: "under 100",
    met: ours - bare < 100,
    note: `V8's sampling heap profiler, both ends in one process; beyond the ${
      Math.round(bare)
    } bytes that a datagram leaves without uTP`,
  };
}

/** What the runtime leaves of each datagram that is sent and received. */
async function bareGarbage(): Promise<number> {
  const loopback = { hostname: "127.0.0.1" };
  using out = await openDatagramSocket(loopback);
  using into = await openDatagramSocket(loopback);
  const data = new Uint8Array(1472);
  const transfer = async (count: number) => {
    let sent = 0;
    const nothing = () => {};
    for (let received = 0; received < count; received++) {
      // Few enough for the system's buffer.
      while (sent < Math.min(count, received + 32)) {
        out.send(data, into.local).then(nothing, nothing);
        sent++;
      }
      await into.receive();
    }
  };
  const count = GARBAGE_MIB * 1024;
  await transfer(count / 4);
  return await allocatedBytes(() => transfer(count)) / count;
}
