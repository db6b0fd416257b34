/**
 * A daemon with thousands of torrents, steered by Transmission's RPC, beside
 * transmission-daemon.
 *
 * @module
 */
import { encodeText } from "../_shared/bytes.ts";
import { encodeBencode } from "../bencode/encode.ts";
import { hasProgram, Transmission } from "../tests/interop/programs.ts";
import { callLegacy } from "../tests/interop/rpc_scene.ts";
import { startBip } from "../tests/support/bip.ts";
import { fromFileUrl, TempDir } from "../tests/support/paths.ts";
import type { BenchRow } from "./bench_row.ts";
import { cpuSeconds } from "./cpu_seconds.ts";

const SMOKE = Deno.env.get("BIP_BENCH_SMOKE") === "1";
const TORRENTS = SMOKE ? 50 : 5000;
const QUIET_MS = 75_000;
const ROUNDS = SMOKE ? 2 : 20;

/** What Sonarr and Radarr ask for. */
const FIELDS = `id hashString name downloadDir totalSize leftUntilDone
  isFinished eta status secondsDownloading secondsSeeding errorString
  uploadedEver downloadedEver seedRatioLimit seedRatioMode seedIdleLimit
  seedIdleMode file-count labels`.split(/\s+/);

function residentKib(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+)/m.exec(text)![1]);
}

interface Figures {
  /** CPU milliseconds to add a torrent. */
  readonly addMs: number;
  /** CPU milliseconds of a list of all, as objects and as a table. */
  readonly listMs: number;
  readonly tableMs: number;
  /** Resident memory a torrent. */
  readonly kib: number;
}

/** A torrent of one piece; nobody has it. */
function torrent(i: number): string {
  return encodeBencode({
    info: {
      length: 16_384,
      name: `torrent number ${i}`,
      "piece length": 16_384,
      pieces: encodeText(`${i}`.padStart(20, "0")),
    },
  }).toBase64();
}

async function measure(port: number, pid: number): Promise<Figures> {
  const remote = { name: "", port, dir: "", otherDir: "" };
  await callLegacy(remote, "session-get");
  const [cpu, kib] = [cpuSeconds(pid), residentKib(pid)];
  for (let i = 0; i < TORRENTS; i++) {
    const given = { metainfo: torrent(i), paused: true };
    await callLegacy(remote, "torrent-add", given);
  }
  // What was begun may end first.
  for (let last = -1, now = 0; last !== now;) {
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    now = cpuSeconds(pid);
  }
  const added = cpuSeconds(pid) - cpu;
  // Ours gives memory back once it was quiet for a minute.
  if (!SMOKE) await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  const kibNow = residentKib(pid);
  const list = async (more: Record<string, unknown>) => {
    const before = cpuSeconds(pid);
    for (let i = 0; i < ROUNDS; i++) {
      const { arguments: given } = await callLegacy(remote, "torrent-get", {
        fields: FIELDS,
        ...more,
      });
      if ((given.torrents as unknown[]).length < TORRENTS) {
        throw new Error("Torrents are missing");
      }
    }
    return (cpuSeconds(pid) - before) * 1000 / ROUNDS;
  };
  return {
    addMs: added * 1000 / TORRENTS,
    listMs: await list({}),
    tableMs: await list({ format: "table" }),
    kib: (kibNow - kib) / TORRENTS,
  };
}

async function ours(): Promise<Figures> {
  await using dir = new TempDir();
  await using daemon = startBip([
    "daemon",
    "--json",
    ...["--state", dir.join("state.db"), "--dir", dir.path],
    ...["--listen", "127.0.0.1", "--port", "0", "--rpc-port", "0"],
    ...["--no-dht", "--no-lpd", "--no-port-map", "--log-level", "info"],
  ], { permissions: ["-A"] });
  const { rpc } = await daemon.line("listening");
  return await measure(Number(new URL(String(rpc)).port), daemon.pid);
}

async function theirs(): Promise<Figures> {
  await using dir = new TempDir();
  await using daemon = new Transmission(dir.path);
  await daemon.ready();
  return await measure(daemon.rpcPort, daemon.pid);
}

/** Resident memory of a torrent that seeds in libtorrent. */
async function libtorrentKib(): Promise<number> {
  await using dir = new TempDir();
  for (let i = 0; i < TORRENTS; i++) {
    // Sparse: nobody reads them.
    using file = Deno.openSync(dir.join(`idle-${i}.bin`), {
      write: true,
      createNew: true,
    });
    file.truncateSync(1048576);
  }
  const { stdout } = await new Deno.Command("/usr/bin/python3", {
    args: [
      fromFileUrl(new URL("peers/lt_idle.py", import.meta.url)),
      ...[String(TORRENTS), "1", dir.path],
    ],
    stdin: "null",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).rssKib;
}

/**
 * Measures both.
 *
 * @returns Four rows.
 */
export async function run(): Promise<BenchRow[]> {
  if (Deno.build.os !== "linux") return [];
  const mine = await ours();
  const model = hasProgram("transmission-daemon") &&
      hasProgram("transmission-remote")
    ? await theirs()
    : undefined;
  const row = (
    name: string,
    figure: keyof Figures,
    unit: string,
    most: number,
  ): BenchRow => ({
    name,
    ours: `${mine[figure].toFixed(1)} ${unit}`,
    ...(model === undefined ? {} : {
      peer: `transmission ${model[figure].toFixed(1)} ${unit}`,
      ratio: model[figure] / mine[figure],
    }),
    target: `under ${most} ${unit}`,
    met: mine[figure] < most,
  });
  const memory = row("", "kib", "KiB", 25);
  const libtorrent = hasProgram("libtorrent")
    ? [`libtorrent ${(await libtorrentKib()).toFixed(1)} KiB`]
    : [];
  return [
    row(`list ${TORRENTS} torrents by RPC`, "listMs", "cpu ms", 150),
    row(`list ${TORRENTS} torrents as a table`, "tableMs", "cpu ms", 150),
    row("add a torrent by RPC", "addMs", "cpu ms", 5),
    {
      ...memory,
      name: "memory of a torrent of a daemon, resident",
      peer: [...memory.peer === undefined ? [] : [memory.peer], ...libtorrent]
        .join(", "),
    },
  ];
}
