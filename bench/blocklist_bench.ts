/**
 * A block list of a million ranges: what it takes to read, to keep and to ask.
 *
 * Run: `deno run --allow-env bench/blocklist_bench.ts`
 */
import process from "node:process";
import { encodeText } from "../_shared/bytes.ts";
import { IpSetBuilder, readBlocklist } from "../handshake/mod.ts";
import type { BenchRow } from "./bench_row.ts";

/** Everything tiny, to see that it runs. */
const SMOKE = Deno.env.get("BIP_BENCH_SMOKE") === "1";
const RANGES = SMOKE ? 10_000 : 1_000_000;
const LOOKUPS = SMOKE ? 10_000 : 1_000_000;
const MIB = 1024 * 1024;

function formatIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => value >>> shift & 255).join(".");
}

/** P2P text whose ranges touch nowhere. */
function list(): ReadableStream<Uint8Array> {
  const step = Math.floor(2 ** 32 / RANGES);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at === RANGES) return controller.close();
      let text = "";
      const end = Math.min(RANGES, at + 1000);
      for (; at < end; at++) {
        const first = at * step;
        text += `Some network:${formatIpv4(first)}-${
          formatIpv4(first + step / 2)
        }\n`;
      }
      controller.enqueue(encodeText(text));
    },
  });
}

/** Memory that is in use and outside of the heap, in MiB. */
function memory(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return (heapUsed + external) / MIB;
}

/**
 * Measures.
 *
 * @returns Two rows.
 */
export async function run(): Promise<BenchRow[]> {
  const before = memory();
  const started = performance.now();
  const builder = new IpSetBuilder();
  await readBlocklist(list(), builder);
  const set = builder.build();
  const seconds = (performance.now() - started) / 1000;
  const grown = memory() - before;
  const addresses = Array.from(
    { length: 4096 },
    (_, i) => formatIpv4(Math.imul(i, 2654435761) >>> 0),
  );
  let found = 0;
  const start = process.cpuUsage();
  for (let i = 0; i < LOOKUPS; i++) {
    if (set.has(addresses[i & 4095]!)) found++;
  }
  // Of this process: others may have the cores.
  const { user, system } = process.cpuUsage(start);
  const us = (user + system) / LOOKUPS;
  if (found === 0) throw new Error("Nobody was found");
  return [
    {
      name: `block list, ${set.size} ranges`,
      ours: `${grown.toFixed(1)} MiB`,
      target: "40 MiB",
      met: grown < 40,
      note: `read in ${
        seconds.toFixed(1)
      } s; what was read and is not collected yet counts`,
    },
    {
      name: "block list, a look-up by text",
      ours: `${us.toFixed(2)} us`,
      target: "1 us",
      met: us < 1,
    },
  ];
}
