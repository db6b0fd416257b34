/**
 * A daemon with torrents that seed and have no peers; prints one JSON line:
 * `deno run -A bench/peers/idle_daemon.ts TORRENTS IDLE_SECONDS FOLDER`. The first
 * time it adds them, then it opens what it kept.
 *
 * @module
 */
import { encodeBencode } from "../../bencode/mod.ts";
import { Daemon } from "../../daemon/daemon.ts";

const LENGTH = 65_536;

/** A torrent of one file of zeros in 4 pieces. */
async function zeroTorrent(index: number): Promise<Uint8Array> {
  const piece = new Uint8Array(LENGTH / 4);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-1", piece));
  const pieces = new Uint8Array(80);
  for (let i = 0; i < 4; i++) pieces.set(hash, i * 20);
  return encodeBencode({
    info: {
      length: LENGTH,
      name: `idle-${index}.bin`,
      "piece length": LENGTH / 4,
      pieces,
    },
  });
}

/** User and system time of this process so far, in seconds. */
function cpuSeconds(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function rssKib(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]);
}

function heapKib(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return (heapUsed + external) / 1024;
}

const [count, seconds] = Deno.args.map(Number) as [number, number];
const dir = Deno.args[2]!;
const collect = (globalThis as { gc?: () => void }).gc;
const open = (state: string) =>
  Daemon.open({
    state,
    dir,
    session: {
      listen: { hostname: "127.0.0.1", port: 0 },
      dht: false,
      lpd: false,
      portMap: false,
    },
  });
// What one costs without torrents does not count.
await (await open(":memory:")).close();
collect?.();
const before = { cpu: cpuSeconds(), rss: rssKib(), heap: heapKib() };
const startedAt = performance.now();
await using daemon = await open(`${dir}/state`);
const isFirst = daemon.torrents.length === 0;
const readyMs = performance.now() - startedAt;
const readyCpu = cpuSeconds() - before.cpu;
for (let i = 0; isFirst && i < count; i++) {
  await daemon.add(await zeroTorrent(i));
}
const addedCpu = cpuSeconds() - before.cpu;
while (daemon.torrents.some(({ status }) => status !== "seeding")) {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
const checkedCpu = cpuSeconds() - before.cpu;
collect?.();
const start = cpuSeconds();
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const idle = (cpuSeconds() - start) * 60 / seconds;
collect?.();
// deno-lint-ignore no-console -- the result
console.log(JSON.stringify({
  torrents: daemon.torrents.length,
  readyMs,
  readyCpu,
  addedCpu,
  checkedCpu,
  idle,
  rssKib: (rssKib() - before.rss) / count,
  heapKib: (heapKib() - before.heap) / count,
}));
