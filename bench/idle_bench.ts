/**
 * Thousands of torrents that seed and have no peers, beside libtorrent.
 *
 * @module
 */
import { hasProgram } from "../tests/interop/programs.ts";
import { fromFileUrl } from "../tests/support/paths.ts";
import type { BenchRow } from "./bench_row.ts";

const SMOKE = Deno.env.get("BIP_BENCH_SMOKE") === "1";
const TORRENTS = SMOKE ? 100 : 5000;
const IDLE_SECONDS = SMOKE ? 1 : 20;

interface Figures {
  /** CPU seconds until all seed. */
  readonly added: number;
  /** CPU seconds a minute from then on. */
  readonly idle: number;
  /** Resident memory a torrent. */
  readonly rssKib: number;
  /** Of it the heap and buffers, in our own case. */
  readonly heapKib?: number;
}

async function figures(command: string, args: string[]): Promise<Figures> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr));
  return JSON.parse(decoder.decode(stdout));
}

/**
 * Measures both.
 *
 * @returns Three rows.
 */
export async function run(): Promise<BenchRow[]> {
  const folder = await Deno.makeTempDir({ prefix: "bip_bench_" });
  try {
    for (let i = 0; i < TORRENTS; i++) {
      // Sparse: nobody reads them.
      using file = Deno.openSync(`${folder}/idle-${i}.bin`, {
        write: true,
        createNew: true,
      });
      file.truncateSync(1048576);
    }
    const peer = (name: string) =>
      fromFileUrl(new URL(`peers/${name}`, import.meta.url));
    const importMap = Deno.env.get("BIP_IMPORT_MAP");
    const args = [String(TORRENTS), String(IDLE_SECONDS), folder];
    const ours = await figures(Deno.execPath(), [
      "run",
      "-A",
      "--quiet",
      "--no-check",
      "--unstable-net",
      "--v8-flags=--expose-gc",
      ...(importMap === undefined ? [] : [`--import-map=${importMap}`]),
      peer("idle_session.ts"),
      ...args,
    ]);
    const theirs = hasProgram("libtorrent")
      ? await figures("/usr/bin/python3", [peer("lt_idle.py"), ...args])
      : undefined;
    const row = (
      name: string,
      key: "added" | "idle",
      unit: string,
      goal: number,
    ): BenchRow => ({
      name,
      ours: `${ours[key].toFixed(2)} ${unit}`,
      ...(theirs
        ? {
          peer: `libtorrent ${theirs[key].toFixed(2)} ${unit}`,
          ratio: theirs[key] / ours[key],
        }
        : {}),
      target: `under ${goal} ${unit}`,
      met: ours[key] < goal,
    });
    return [
      row(`add ${TORRENTS} idle torrents`, "added", "cpu s", 3),
      row(`${TORRENTS} idle torrents`, "idle", "cpu s a minute", 0.6),
      {
        name: "memory of an idle torrent",
        ours: `${ours.heapKib!.toFixed(1)} KiB`,
        ...(theirs
          ? { peer: `libtorrent ${theirs.rssKib.toFixed(1)} KiB` }
          : {}),
        target: "under 12 KiB",
        met: ours.heapKib! < 12,
        note: `heap and buffers; resident ${ours.rssKib.toFixed(0)} KiB`,
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
