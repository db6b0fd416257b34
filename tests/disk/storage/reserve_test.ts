import { assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../../_shared/clock.ts";
import { HandleCache } from "../../../disk/files/handle_cache.ts";
import { TorrentFiles } from "../../../disk/files/torrent_files.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { injectFaults, interceptFileSystem } from "../../../disk/middleware.ts";
import { reserveFiles } from "../../../disk/storage/reserve.ts";
import type { ReserveProgress } from "../../../disk/check_options.ts";
import { makeTorrent } from "../support.ts";

const pure = { permissions: "none" } as const;
const PAGE = 65536;
const MIB = 1 << 20;

/** Four pieces of a page, two a file, then 9 MiB. */
const torrent = makeTorrent({
  pieceLength: PAGE,
  files: [2 * PAGE, 2 * PAGE, 9 * MIB],
});

async function setUp(
  { kept = [] as number[], sizes = [] as (number | undefined)[] } = {},
) {
  const memory = new MemoryFileSystem();
  for (const [i, size] of sizes.entries()) {
    if (size === undefined) continue;
    memory.open(torrent.paths[i]!, { write: true }).truncate(size);
  }
  const writes: string[] = [];
  const state: { fails?: boolean } = {};
  const fileSystem = interceptFileSystem(
    memory,
    injectFaults(({ operation, path, offset, length }) => {
      if (operation !== "write") return undefined;
      writes.push(`${path[1]} ${offset / PAGE} ${length / PAGE}`);
      return state.fails && writes.length > 1
        ? { error: new Error("full") }
        : undefined;
    }),
  );
  const files = new TorrentFiles(new HandleCache(fileSystem), [], torrent, {
    allocation: "full",
    clock: systemClock,
  });
  await files.load(() => true, false);
  const told: ReserveProgress[] = [];
  const run = (which: number[], more: { signal?: AbortSignal } = {}) =>
    reserveFiles(files, which, {
      isKept: (i) => kept.includes(i),
      clock: systemClock,
      onProgress: (progress) => told.push(progress),
      ...more,
    });
  const size = (i: number) => memory.stat(torrent.paths[i]!)?.size;
  const look = () => files.lookAgain();
  return Object.assign(state, { memory, writes, told, run, size, look });
}

Deno.test(
  "reserveFiles() writes zeros to pieces that lack space",
  pure,
  async () => {
    const { run, writes, told, memory } = await setUp({ kept: [1] });
    await run([0, 1]);
    assertEquals(writes, ["f0 0 1", "f1 0 1", "f1 1 1"]);
    assertEquals(told, [{ reservedBytes: 3 * PAGE, totalBytes: 3 * PAGE }]);
    // The kept one has a hole still, and stays as it is.
    assertEquals(memory.usedBytes, 3 * PAGE);
    // So what is around it is looked at as lacking again, and the other file not.
    writes.length = 0;
    await run([0, 1]);
    assertEquals(writes, ["f0 0 1"]);
    writes.length = told.length = 0;
    await run([1]);
    assertEquals([writes, told], [[], []]);
  },
);

Deno.test(
  "reserveFiles() fills holes, and what lies behind the end",
  pure,
  async () => {
    for (
      const [size, expected] of [
        // A hole somewhere: everything that is not kept.
        [PAGE, ["f0 0 1", "f0 1 1"]],
        [2 * PAGE, ["f0 0 1", "f0 1 1"]],
        [0, ["f0 0 1", "f0 1 1"]],
        [undefined, ["f0 0 1", "f0 1 1"]],
      ] as const
    ) {
      const { run, writes } = await setUp({ sizes: [size] });
      await run([0]);
      assertEquals(writes, [...expected], `${size}`);
    }
    // Without holes only what is behind the end.
    for (
      const [length, expected] of [
        [PAGE - 1, ["f0 0 1", "f0 1 1"]],
        [PAGE, ["f0 1 1"]],
        [PAGE + 1, ["f0 1 1"]],
        [2 * PAGE, []],
      ] as const
    ) {
      const { run, writes, memory, look } = await setUp();
      memory.open(torrent.paths[0]!, { write: true })
        .write(new Uint8Array(length), 0);
      await look();
      await run([0]);
      assertEquals(writes, [...expected], `${length}`);
    }
  },
);

Deno.test(
  "reserveFiles() tells how far it is, and ends with its signal",
  pure,
  async () => {
    const { run, told, writes } = await setUp();
    await run([2]);
    assertEquals(told.map(({ reservedBytes }) => reservedBytes / PAGE), [
      57,
      114,
      144,
    ]);
    assertEquals(told.every(({ totalBytes }) => totalBytes === 9 * MIB), true);
    assertEquals(writes.length, 144);
    const second = await setUp({ sizes: [undefined, undefined, 7] });
    const ended = new AbortController();
    const running = second.run([2, 0], { signal: ended.signal });
    ended.abort(new Error("enough"));
    await assertRejects(() => running, Error, "enough");
    assertEquals([second.size(0), second.size(2)], [undefined, 7]);
  },
);

Deno.test(
  "reserveFiles() leaves files as long as they were when it fails",
  pure,
  async () => {
    const bench = await setUp({ sizes: [undefined, 9] });
    bench.fails = true;
    await assertRejects(() => bench.run([0, 1]), Error, "full");
    assertEquals([bench.size(0), bench.size(1)], [undefined, 9]);
    const other = await setUp({ sizes: [undefined, 9] });
    other.fails = true;
    await assertRejects(() => other.run([1, 0]), Error, "full");
    assertEquals([other.size(0), other.size(1)], [undefined, 9]);
  },
);
