/**
 * Blocks asked for here and there, beside the same in order.
 *
 * @module
 */
import type { BenchRow } from "./bench_row.ts";
import { benchFolder, median } from "./swarm_bench.ts";
import { DiskManager } from "../disk/manager.ts";
import { NativeFileSystem } from "../disk/native_file_system.ts";
import { PieceLayout } from "../metainfo/piece_layout.ts";

const MIB = 1024 * 1024;
const BLOCK = 16384;
const SMOKE = Deno.env.get("BIP_BENCH_SMOKE") === "1";

/** Measures it. */
export async function run(): Promise<BenchRow[]> {
  const folder = benchFolder();
  try {
    return [await scattered(folder)];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function scattered(folder: string): Promise<BenchRow> {
  const size = (SMOKE ? 16 : 512) * MIB;
  const path = `${folder}/blocks.bin`;
  {
    using file = await Deno.open(path, { write: true, create: true });
    await file.truncate(size);
  }
  await using disk = new DiskManager({
    fileSystem: new NativeFileSystem(folder),
  });
  const storage = await disk.add({
    infoHash: new Uint8Array(20),
    layout: new PieceLayout({ pieceLength: MIB, files: [{ length: size }] }),
    paths: [["blocks.bin"]],
    pieces: new Uint8Array(20 * size / MIB),
  }, { existing: "trust", readOnly: true });
  const blocks = size / BLOCK;
  const order = Uint32Array.from({ length: blocks }, (_, i) => i);
  const into = new Uint8Array(BLOCK);
  const pass = async (): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < blocks; i++) {
      const at = order[i]! * BLOCK;
      const block = storage.readBlock(
        Math.floor(at / MIB),
        at % MIB,
        BLOCK,
        { brief: true },
      );
      into.set(block instanceof Uint8Array ? block : await block);
      if (i % 64 === 63) await Promise.resolve();
    }
    return (performance.now() - start) / 1000 * 1024 * MIB / size;
  };
  const times = async () => {
    const list: number[] = [];
    for (let i = 0; i < 3; i++) list.push(await pass());
    return median(list);
  };
  const inOrder = await times();
  const random = new Uint32Array(1);
  for (let i = blocks - 1; i > 0; i--) {
    crypto.getRandomValues(random);
    const k = random[0]! % (i + 1);
    [order[i], order[k]] = [order[k]!, order[i]!];
  }
  const anyhow = await times();
  return {
    name: "read blocks of 16 KiB here and there, in process",
    ours: `${anyhow.toFixed(2)} s a GiB`,
    peer: `in order ${inOrder.toFixed(2)} s a GiB`,
    ratio: inOrder / anyhow,
    target: "< 2 times in order",
    met: anyhow < 2 * inOrder,
  };
}
