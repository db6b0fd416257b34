import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskBudget } from "../../../disk/budget.ts";
import { CheckQueue } from "../../../disk/turns.ts";
import type { FileSystem } from "../../../disk/file_system.ts";
import { DiskManager } from "../../../disk/manager.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { drain, SimClock } from "../../../testing/sim_clock.ts";
import { makeTorrent } from "../support.ts";

const pure = { permissions: "none" } as const;

Deno.test("CheckQueue: one at a time on a disk, in order", pure, async () => {
  const queue = new CheckQueue();
  const log: string[] = [];
  const gates = new Map<string, () => void>();
  const run = (disk: number, name: string, signal?: AbortSignal) =>
    queue.run(disk, async () => {
      log.push(name);
      await new Promise<void>((resolve) => gates.set(name, resolve));
    }, signal);
  const stop = new AbortController();
  const a = run(1, "a");
  const b = run(1, "b");
  const c = run(1, "c", stop.signal);
  const d = run(1, "d");
  const other = run(2, "other");
  const reason = new Error("enough");
  stop.abort(reason);
  assertEquals(await assertRejects(() => c), reason);
  const late = run(1, "late", AbortSignal.abort(reason));
  assertEquals(await assertRejects(() => late), reason);
  assertEquals(log, ["a", "other"]);
  gates.get("a")!();
  await a;
  await Promise.resolve();
  await Promise.resolve();
  assertEquals(log, ["a", "other", "b"]);
  gates.get("b")!();
  await b;
  while (!gates.has("d")) await Promise.resolve();
  gates.get("d")!();
  gates.get("other")!();
  await Promise.all([d, other]);
  assertEquals(log, ["a", "other", "b", "d"]);
  const failed = queue.run(1, () => Promise.reject(reason));
  assertEquals(await assertRejects(() => failed), reason);
  assertEquals(await queue.run(1, () => Promise.resolve(7)), 7);
});

Deno.test("CheckQueue: who gives up lets nobody pass", pure, async () => {
  const queue = new CheckQueue();
  const gate = Promise.withResolvers<void>();
  const first = queue.run(1, () => gate.promise);
  const reason = new Error("enough");
  await assertRejects(() =>
    queue.run(1, () => Promise.resolve(), AbortSignal.abort(reason))
  );
  let hasBegun = false;
  const second = queue.run(1, async () => void await (hasBegun = true));
  await drain();
  assertEquals(hasBegun, false);
  gate.resolve();
  await Promise.all([first, second]);
  assert(hasBegun);
});

/** Two folders of one disk. */
function onOneDisk(): FileSystem & { reads: number } {
  const memory = new MemoryFileSystem();
  const disk = {
    reads: 0,
    open: (path: readonly string[], options?: { write?: boolean }) => {
      const handle = memory.open(path, options);
      const { read } = handle;
      return Object.assign(handle, {
        read(into: Uint8Array, offset: number) {
          disk.reads++;
          return read(into, offset);
        },
      });
    },
    stat: (path: readonly string[]) => memory.stat(path),
    remove: (path: readonly string[]) => memory.remove(path),
    removeEmptyFolder: (path: readonly string[]) =>
      memory.removeEmptyFolder(path),
    rename: (from: readonly string[], to: readonly string[]) =>
      memory.rename(from, to),
    close: () => {},
    device: () => 7,
  };
  return disk;
}

Deno.test(
  "checks of one disk wait for each other; held ones let others go",
  pure,
  async () => {
    const clock = new SimClock();
    const budget = new DiskBudget();
    const torrents = [1, 2, 3].map((id) =>
      makeTorrent({ id, pieceLength: 1 << 20, files: [24 << 20] })
    );
    const systems = torrents.map(() => onOneDisk());
    const log: number[] = [];
    const held = Promise.withResolvers<void>();
    let isHeld = false;
    const adds = torrents.map((torrent, i) => {
      const fileSystem = systems[i]!;
      const handle = fileSystem.open(torrent.paths[0]!, { write: true });
      assert(!(handle instanceof Promise));
      handle.write(torrent.fileContent[0]!, 0);
      const disk = new DiskManager({ fileSystem, budget, clock });
      return disk.add(torrent, {
        onProgress: ({ checked }) => {
          log.push(i);
          if (i === 0 && checked > 8 && checked < 24) isHeld = true;
          if (i === 0 && checked === 4) {
            assertEquals([systems[1]!.reads, systems[2]!.reads], [0, 0]);
          }
        },
        hold: () => i === 0 && isHeld ? held.promise : undefined,
      }).then((storage) => ({ disk, storage }));
    });
    await clock.advance(100);
    // Held in the middle; the others went one after the other meanwhile.
    assert(systems[0]!.reads > 4 && systems[0]!.reads < 24);
    assertEquals([systems[1]!.reads, systems[2]!.reads], [24, 24]);
    assert(log.indexOf(0) < log.indexOf(1));
    assert(log.lastIndexOf(1) < log.indexOf(2));
    isHeld = false;
    held.resolve();
    await clock.advance(100);
    assertEquals(systems[0]!.reads, 24);
    for (const { disk, storage } of await Promise.all(adds)) {
      assert(storage.have.isFull);
      await disk.close();
    }
  },
);
