/**
 * Decoding and encoding bencode, beside npm's `bencode@4` on node.
 *
 * The peer is measured when `BIP_BENCH_NPM` names a folder in which
 * `npm i bencode@4` was run. Runs alone, too:
 * `deno run -A bench/bencode_bench.ts`.
 *
 * @module
 */
import { randomInt, seededRandom } from "../_shared/random.ts";
import { decodeBencode, encodeBencode } from "../bencode/mod.ts";
import type { BenchRow } from "./bench_row.ts";

const MIB = 1024 * 1024;
/** Everything tiny, to see that it runs. */
const SMOKE = Deno.env.get("BIP_BENCH_SMOKE") === "1";
/** Both sides take turns, so that other load meets both. */
const ROUNDS = SMOKE ? 1 : 3;
const RUNS = SMOKE ? 1 : 11;
const WARM_UP = SMOKE ? 1 : 6;
const TARGET = 5;

interface Payload {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Milliseconds of each run of decoding and encoding one payload. */
interface Times {
  readonly decode: number[];
  readonly encode: number[];
}

/** A torrent of 20,000 files and 60,000 pieces: 2.6 MiB. */
function makeTorrent(): Uint8Array {
  const random = seededRandom(1);
  const files = [];
  for (let i = 0; i < 20_000; i++) {
    files.push({
      length: randomInt(random, 10_000_000),
      path: [`directory${i % 100}`, `subfolder ${i % 7}`, `file-${i}.bin`],
    });
  }
  return encodeBencode({
    announce: "http://tracker.example/announce",
    "creation date": 1_700_000_000,
    info: {
      files,
      name: "bench",
      "piece length": 262_144,
      pieces: random(new Uint8Array(60_000 * 20)),
      private: 1,
    },
  });
}

/** A list of 200,000 integers, each with a string of 5 bytes: 4.1 MiB. */
function makeList(): Uint8Array {
  const random = seededRandom(2);
  const list = [];
  for (let i = 0; i < 200_000; i++) {
    list.push(
      randomInt(random, 2 ** 32) * 2 ** 10 + randomInt(random, 2 ** 10),
    );
    list.push(random(new Uint8Array(5)));
  }
  return encodeBencode(list);
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

function time(run: () => unknown): number[] {
  const times: number[] = [];
  for (let i = 0; i < WARM_UP + RUNS; i++) {
    const start = performance.now();
    run();
    times.push(performance.now() - start);
  }
  return times.slice(WARM_UP);
}

function measureOurs(bytes: Uint8Array): Times {
  const decode = time(() => decodeBencode(bytes));
  const value = decodeBencode(bytes);
  return { decode, encode: time(() => encodeBencode(value)) };
}

/** The same measurement for node, which gets the payload's path. */
const PEER_SCRIPT = `
import bencode from "bencode";
import { readFileSync } from "node:fs";
const bytes = new Uint8Array(readFileSync(process.argv[1]));
const time = (run) => {
  const times = [];
  for (let i = 0; i < ${WARM_UP + RUNS}; i++) {
    const start = performance.now();
    run();
    times.push(performance.now() - start);
  }
  return times.slice(${WARM_UP});
};
const decode = time(() => bencode.decode(bytes));
const value = bencode.decode(bytes);
const encode = time(() => bencode.encode(value));
console.log(JSON.stringify({ decode, encode }));
`;

async function measurePeer(
  bytes: Uint8Array,
  folder: string,
): Promise<Times | string> {
  const path = await Deno.makeTempFile({ prefix: "bip_bench_" });
  try {
    await Deno.writeFile(path, bytes);
    const { success, stdout, stderr } = await new Deno.Command("node", {
      args: ["--input-type=module", "--eval", PEER_SCRIPT, path],
      cwd: folder,
    }).output();
    if (success) return JSON.parse(new TextDecoder().decode(stdout));
    return new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await Deno.remove(path);
  }
}

/**
 * Measures both payloads.
 *
 * @returns A row each for decoding and encoding them.
 */
export async function run(): Promise<BenchRow[]> {
  const folder = Deno.env.get("BIP_BENCH_NPM");
  const payloads: Payload[] = [
    { name: "torrent", bytes: makeTorrent() },
    { name: "list", bytes: makeList() },
  ];
  const rows: BenchRow[] = [];
  for (const { name, bytes } of payloads) {
    const size = bytes.length / MIB;
    const ours: Times = { decode: [], encode: [] };
    const peer: Times = { decode: [], encode: [] };
    let note = folder === undefined
      ? "BIP_BENCH_NPM names no folder with npm bencode"
      : undefined;
    for (let round = 0; round < ROUNDS; round++) {
      const times = measureOurs(bytes);
      ours.decode.push(...times.decode);
      ours.encode.push(...times.encode);
      if (folder === undefined || note !== undefined) continue;
      const answer = await measurePeer(bytes, folder);
      if (typeof answer === "string") {
        note = answer;
      } else {
        peer.decode.push(...answer.decode);
        peer.encode.push(...answer.encode);
      }
    }
    for (const operation of ["decode", "encode"] as const) {
      const rate = (milliseconds: number) =>
        `${(size * 1000 / milliseconds).toFixed(0)} MiB/s`;
      const ourTime = median(ours[operation]);
      const row: BenchRow = {
        name: `bencode ${operation}, ${size.toFixed(1)} MiB ${name}`,
        ours: rate(ourTime),
        target: `${TARGET} times npm bencode@4`,
      };
      if (note !== undefined) {
        row.note = note;
      } else {
        const peerTime = median(peer[operation]);
        row.peer = rate(peerTime);
        row.ratio = peerTime / ourTime;
        row.met = row.ratio >= TARGET;
      }
      rows.push(row);
    }
  }
  return rows;
}

if (import.meta.main) {
  for (const { name, ours, peer, ratio, met, note } of await run()) {
    const line = `${name}: ${ours}` +
      (peer === undefined ? "" : `, npm ${peer}, ${ratio!.toFixed(1)} times`) +
      (met === false ? ", target missed" : "") +
      (note === undefined ? "" : ` (${note})`);
    Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
  }
}
