/**
 * A daemon with thousands of torrents: added, kept, opened again.
 *
 * @module
 */
import { fromFileUrl } from "../tests/support/paths.ts";
import type { BenchRow } from "./bench_row.ts";

const SMOKE = Deno.env.get("BIP_BENCH_SMOKE") === "1";
const TORRENTS = SMOKE ? 100 : 5000;
const IDLE_SECONDS = SMOKE ? 1 : 20;

/** What `peers/idle_daemon.ts` prints. */
interface Figures {
  readonly readyMs: number;
  readonly readyCpu: number;
  readonly addedCpu: number;
  readonly checkedCpu: number;
  readonly idle: number;
  readonly rssKib: number;
  readonly heapKib: number;
}

async function figures(folder: string): Promise<Figures> {
  const importMap = Deno.env.get("BIP_IMPORT_MAP");
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      "--no-check",
      "--unstable-net",
      "--v8-flags=--expose-gc",
      ...(importMap === undefined ? [] : [`--import-map=${importMap}`]),
      fromFileUrl(new URL("peers/idle_daemon.ts", import.meta.url)),
      String(TORRENTS),
      String(IDLE_SECONDS),
      folder,
    ],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr));
  return JSON.parse(decoder.decode(stdout));
}

/**
 * Measures.
 *
 * @returns Four rows.
 */
export async function run(): Promise<BenchRow[]> {
  const folder = await Deno.makeTempDir({ prefix: "bip_bench_" });
  try {
    for (let i = 0; i < TORRENTS; i++) {
      await Deno.writeFile(`${folder}/idle-${i}.bin`, new Uint8Array());
      await Deno.truncate(`${folder}/idle-${i}.bin`, 65_536);
    }
    const first = await figures(folder);
    const again = await figures(folder);
    const cpu = (
      name: string,
      value: number,
      goal: number,
      note: string,
    ): BenchRow => ({
      name: `daemon of ${TORRENTS} torrents: ${name}`,
      ours: `${value.toFixed(2)} cpu s`,
      target: `under ${goal} cpu s`,
      met: value < goal,
      note,
    });
    return [
      cpu("added", first.addedCpu, 10, "each kept before the next"),
      cpu(
        "opened again",
        again.readyCpu,
        3,
        `${(again.readyMs / 1000).toFixed(1)} s; all checked after ${
          again.checkedCpu.toFixed(2)
        } cpu s`,
      ),
      cpu("a minute of nothing", again.idle, 1.5, ""),
      {
        name: "memory of a torrent of a daemon",
        ours: `${again.heapKib.toFixed(1)} KiB`,
        target: "under 25 KiB",
        met: again.heapKib < 25,
        note: `heap and buffers; resident ${again.rssKib.toFixed(0)} KiB`,
      },
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  // deno-lint-ignore no-console -- the result
  console.table(await run());
}
