/**
 * The piece picker with a million pieces and 1000 peers, and with ten thousand
 * pieces: a pick has to cost the same, also while deadlines and priorities change.
 *
 * Run: `deno run --allow-env bench/picker_bench.ts`
 */
import { Bitfield } from "../_shared/bitfield.ts";
import { seededRandom } from "../_shared/random.ts";
import type { SelectionStrategy } from "../select/mod.ts";
import { PiecePicker, rarestFirst, sequential } from "../select/mod.ts";
import type { BenchRow } from "./bench_row.ts";

const PEERS = 1000;
const SEEDS = 50;
const BLOCKS = 16;
const BATCH = 16;
/** Deadlines at a time, where these change. */
const DEADLINES = 64;
/** Everything tiny, to see that it runs. */
const SMOKE = Deno.env.get("BIP_BENCH_SMOKE") === "1";
const ROUNDS = SMOKE ? 1 : 3;
const MANY_PIECES = SMOKE ? 100_000 : 1_000_000;

interface Figures {
  joinMs: number;
  haveNs: number;
  pickNs: number;
  blockNs: number;
  /** A deadline that comes, one that goes, and another priority. */
  changeNs: number;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

/** What the peers have: an eighth, a half or seven eighths, at random. */
function makeFields(pieceCount: number): Bitfield[] {
  const fields: Bitfield[] = [];
  let x = 2654435761;
  for (let peer = SEEDS; peer < PEERS; peer++) {
    const bytes = new Uint8Array(Math.ceil(pieceCount / 8));
    const shift = peer % 3;
    for (let i = 0; i < bytes.length - 1; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x = (x ^ x << 5) >>> 0;
      const [a, b, c] = [x & 255, x >>> 8 & 255, x >>> 16 & 255];
      bytes[i] = shift === 0 ? a & b & c : shift === 1 ? a : a | b | c;
    }
    fields.push(Bitfield.tryFrom(bytes, pieceCount)!);
  }
  return fields;
}

function measure(
  fields: readonly Bitfield[],
  strategy: SelectionStrategy,
  seed: number,
  picks: number,
  isRestless = false,
): Figures {
  const pieceCount = fields[0]!.length;
  const picker = new PiecePicker({
    layout: { pieceCount, blockCount: () => BLOCKS, blockSize: () => 16384 },
    random: seededRandom(seed),
    strategy,
  });
  let joinMs = 0;
  for (let peer = 0; peer < PEERS; peer++) {
    picker.peers.add(peer);
    picker.peers.setChoked(peer, false);
    picker.peers.setRate(peer, 1e6);
    if (peer < SEEDS) {
      picker.peers.setAll(peer);
      continue;
    }
    const start = performance.now();
    picker.peers.setBitfield(peer, fields[peer - SEEDS]!);
    joinMs += performance.now() - start;
  }
  let x = seed | 1;
  const draw = (below: number) => {
    x = Math.imul(x, 1664525) + 1013904223 >>> 0;
    return Math.floor(x / 0x100000000 * below);
  };
  picker.pick(0, 1, 0); // the order is built here
  let start = performance.now();
  const haves = 200_000;
  let fresh = 0;
  for (let i = 0; i < haves; i++) {
    const peer = SEEDS + draw(PEERS - SEEDS);
    if (picker.peers.gained(peer, draw(pieceCount))) fresh++;
  }
  const haveNs = (performance.now() - start) * 1e6 / haves;
  if (fresh === 0 && pieceCount > 1000) throw new Error("No have was new");
  let blocks = 0;
  let calls = 0;
  let pickMs = 0;
  start = performance.now();
  let now = 0;
  let changeMs = 0;
  const due: number[] = [];
  while (blocks < picks * BATCH && !picker.isDone) {
    const peer = draw(PEERS);
    if (isRestless) {
      const [wanted, other] = [draw(pieceCount), draw(pieceCount)];
      const priority = 1 + draw(7);
      const { pieces } = picker;
      const before = performance.now();
      pieces.setDeadline(wanted, now + draw(60_000));
      pieces.setPriority(other, priority);
      if (due.push(wanted) > DEADLINES) {
        pieces.setDeadline(due.shift()!, undefined);
      }
      changeMs += performance.now() - before;
    }
    const before = performance.now();
    const chosen = picker.pick(peer, BATCH, now++);
    pickMs += performance.now() - before;
    calls++;
    blocks += chosen.length;
    for (const { pieceIndex, blockOffset } of chosen) {
      const result = picker.received(peer, pieceIndex, blockOffset, now);
      if (result.pieceComplete) picker.pieces.verified(pieceIndex);
    }
  }
  const ns = (performance.now() - start) * 1e6;
  return {
    joinMs,
    haveNs,
    pickNs: pickMs * 1e6 / calls,
    blockNs: ns / blocks,
    changeNs: changeMs * 1e6 / calls,
  };
}

/** Measures both sizes with both orders. */
// deno-lint-ignore require-await -- the table's runner awaits every bench
export async function run(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const few = makeFields(10_000);
  const many = makeFields(MANY_PIECES);
  for (const strategy of [rarestFirst(), sequential()]) {
    const small: Figures[] = [];
    const large: Figures[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      // As many rounds of the small torrent as make the same work.
      small.push(measure(few, strategy, round + 1, SMOKE ? 2_000 : 8_000));
      large.push(measure(many, strategy, round + 1, SMOKE ? 2_000 : 30_000));
    }
    const of = (list: Figures[], key: keyof Figures) =>
      median(list.map((figures) => figures[key]));
    const pick = of(large, "pickNs");
    rows.push({
      name: `picker, ${strategy.name}: picks of ${BATCH} blocks`,
      ours: `${Math.round(1e9 / pick)} picks/s (${
        Math.round(of(large, "blockNs"))
      } ns a block with its arrival and the piece's end)`,
      target: "no more than twice the cost with 10,000 pieces",
      met: pick <= 2 * of(small, "pickNs"),
      note: `${MANY_PIECES} pieces, ${PEERS} peers; with 10,000 pieces ${
        Math.round(1e9 / of(small, "pickNs"))
      } picks/s`,
    });
    rows.push({
      name: `picker, ${strategy.name}: announced pieces`,
      ours: `${Math.round(1e9 / of(large, "haveNs"))} haves/s`,
      note: `a bitfield of ${MANY_PIECES} pieces: ${
        (of(large, "joinMs") / (PEERS - SEEDS)).toFixed(2)
      } ms`,
    });
  }
  const [small, large] = [few, many].map((fields) =>
    Array.from(
      { length: ROUNDS },
      (_, i) => measure(fields, rarestFirst(), i + 1, 2_000, true),
    )
  ) as [Figures[], Figures[]];
  for (
    const [key, what] of [["pickNs", "picks"], ["changeNs", "changes"]] as const
  ) {
    const [few, many] = [small, large].map((list) =>
      median(list.map((figures) => figures[key]))
    ) as [number, number];
    rows.push({
      name: `picker, while deadlines and priorities change: ${what}`,
      ours: `${(many / 1000).toFixed(1)} us`,
      target: "no more than twice the cost with 10,000 pieces",
      met: many <= 2 * few,
      note: `${MANY_PIECES} pieces, ${PEERS} peers; with 10,000 pieces ${
        (few / 1000).toFixed(1)
      } us`,
    });
  }
  return rows;
}

if (import.meta.main) {
  // deno-lint-ignore no-console -- the result
  console.table(await run());
}
