/**
 * Adds torrents that seed and have no peers, then idles; prints one JSON line:
 * `deno run -A bench/peers/idle_session.ts TORRENTS IDLE_SECONDS FOLDER`.
 *
 * @module
 */
import { Session } from "../../client/session.ts";
import { encodeBencode } from "../../bencode/mod.ts";

/** A torrent of one file of 1 MiB in 4 pieces whose content nobody has. */
export function idleTorrent(index: number): Uint8Array {
  const pieces = new Uint8Array(80);
  new DataView(pieces.buffer).setUint32(0, index);
  return encodeBencode({
    info: {
      length: 1048576,
      name: `idle-${index}.bin`,
      "piece length": 262144,
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

function rssMib(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1024;
}

if (import.meta.main) {
  const [count, seconds] = Deno.args.map(Number) as [number, number];
  const torrents = Array.from({ length: count }, (_, i) => idleTorrent(i));
  const dir = Deno.args[2]!;
  await using session = await Session.open({
    listen: { hostname: "127.0.0.1", port: 0 },
    trackers: false,
  });
  const collect = (globalThis as { gc?: () => void }).gc;
  collect?.();
  const before = { cpu: cpuSeconds(), rss: rssMib(), heap: heapMib() };
  for (const bytes of torrents) session.add(bytes, { dir, seedMode: true });
  while (session.torrents.some(({ state }) => state !== "seeding")) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const added = cpuSeconds() - before.cpu;
  collect?.();
  const start = cpuSeconds();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const idle = (cpuSeconds() - start) * 60 / seconds;
  collect?.();
  // deno-lint-ignore no-console -- the result
  console.log(JSON.stringify({
    added,
    idle,
    rssKib: (rssMib() - before.rss) * 1024 / count,
    heapKib: (heapMib() - before.heap) * 1024 / count,
  }));
}

function heapMib(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return (heapUsed + external) / 1048576;
}
