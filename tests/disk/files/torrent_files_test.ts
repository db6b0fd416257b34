import { assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../../_shared/clock.ts";
import { DiskError } from "../../../disk/error.ts";
import { HandleCache } from "../../../disk/files/handle_cache.ts";
import { partFileName } from "../../../disk/files/part_file.ts";
import { TorrentFiles } from "../../../disk/files/torrent_files.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import {
  type FileCall,
  type FileFault,
  injectFaults,
  interceptFileSystem,
} from "../../../disk/middleware.ts";
import { makeTorrent } from "../support.ts";

const pure = { permissions: "none" } as const;

/** Pieces of 16 bytes: 0 to 24, padding up to 32, 32 to 72, nothing. */
const torrent = makeTorrent({
  pieceLength: 16,
  files: [25, { length: 7, pad: true }, 40, 0],
});
const [a, , b, none] = torrent.paths as [
  string[],
  string[],
  string[],
  string[],
];
const part = partFileName(torrent.infoHash);

async function setUp(
  { skip = [] as number[], incompleteSuffix = "", slow = false } = {},
) {
  const memory = new MemoryFileSystem();
  const state: {
    fault?: ((call: FileCall) => FileFault | undefined) | undefined;
  } = {};
  const calls: FileCall[] = [];
  const fileSystem = interceptFileSystem(
    memory,
    injectFaults((call) => {
      calls.push(call);
      return state.fault?.(call) ??
        (slow ? { after: Promise.resolve() } : undefined);
    }),
  );
  const files = new TorrentFiles(new HandleCache(fileSystem), [], torrent, {
    allocation: "sparse",
    incompleteSuffix,
    clock: systemClock,
  });
  files.stored.own.claim((i) => !skip.includes(i));
  await files.load((i) => !skip.includes(i), false);
  const writeAll = async () => {
    for (const [i, piece] of torrent.content.entries()) {
      await files.writePiece(i, [{ offset: 0, bytes: piece.slice() }]);
    }
  };
  const read = async (pieceIndex: number, offset = 0, length = 16) => {
    const into = new Uint8Array(length).fill(0xee);
    return await files.readRange(pieceIndex, offset, into) ? into : undefined;
  };
  return Object.assign(state, { memory, files, calls, writeAll, read });
}

for (const slow of [false, true]) {
  Deno.test(
    `TorrentFiles: pieces are read as they were written, ${
      slow ? "later" : "at once"
    }`,
    pure,
    async () => {
      for (const skip of [[], [0], [2], [0, 2]]) {
        const { files, read, writeAll, memory } = await setUp({ skip, slow });
        assertEquals(await read(0), undefined);
        await writeAll();
        for (const [i, piece] of torrent.content.entries()) {
          assertEquals(await read(i, 0, piece.length), piece);
          assertEquals(await read(i, 3, 5), piece.slice(3, 8));
        }
        // Padding is neither written nor read, and counts as both.
        assertEquals(files.writtenBytes, 65);
        assertEquals(files.readBytes, 16 + 16 * 4 + 8 + 5 * 5);
        assertEquals(await read(1, 9, 7), new Uint8Array(7));
        const there = [a, b].map((path) => memory.stat(path) !== undefined);
        assertEquals(there, [!skip.includes(0), !skip.includes(2)]);
        assertEquals(memory.stat([part]) !== undefined, skip.length > 0);
        // The second part of a piece is lacking.
        for (const path of [a, [part]]) {
          if (memory.stat(path) === undefined) continue;
          memory.open(path, { write: true }).truncate(20);
          if (path === a) assertEquals(await read(1), undefined);
          else if (skip.includes(0)) assertEquals(await read(0), undefined);
        }
      }
    },
  );
}

Deno.test(
  "TorrentFiles: settle() makes empty files, those that are wanted",
  pure,
  async () => {
    const { files, memory } = await setUp();
    await files.settle((i) => i !== 3);
    assertEquals(memory.list(), []);
    await files.settle(() => true);
    assertEquals(memory.list(), [none.join("/")]);
    const { modifiedMs } = memory.stat(none)!;
    await files.settle(() => true);
    assertEquals(memory.stat(none)!.modifiedMs, modifiedMs);
  },
);

Deno.test(
  "TorrentFiles: a file has its name once all of its pieces are good",
  pure,
  async () => {
    const { files, writeAll, memory } = await setUp({ incompleteSuffix: ".x" });
    await files.settle(() => true);
    await writeAll();
    const names = () => memory.list().map((name) => name.split("/")[1]);
    assertEquals(names(), ["f0.x", "f2.x", "f3"]);
    const good = new Set<number>();
    files.isGood = (i) => good.has(i);
    const complete = () => [0, 1, 2, 3].map((i) => files.isComplete(i));
    const nothing = [false, false, false, false];
    for (
      const [i, expected] of [
        [1, nothing],
        [0, [true, false, false, false]],
        [2, [true, false, false, false]],
        [4, [true, false, false, false]],
      ] as const
    ) {
      good.add(i);
      assertEquals(complete(), [...expected], `${i}`);
    }
    // One that was good before is lost again.
    good.delete(0);
    assertEquals(complete(), nothing);
    good.add(3);
    await files.finish();
    assertEquals(names(), ["f0.x", "f2", "f3"]);
    good.add(0);
    await files.finish();
    assertEquals(names(), ["f0", "f2", "f3"]);
  },
);

Deno.test(
  "TorrentFiles: what waits in the part file is not complete",
  pure,
  async () => {
    const { files, writeAll } = await setUp({
      incompleteSuffix: ".x",
      skip: [0],
    });
    files.isGood = () => true;
    await writeAll();
    assertEquals([files.isComplete(0), files.isComplete(2)], [false, true]);
  },
);

Deno.test(
  "TorrentFiles: sync() waits for what was written, and tells what failed",
  pure,
  async () => {
    const bench = await setUp({ skip: [0] });
    const { files, writeAll, calls } = bench;
    const synced = () =>
      calls.splice(0).filter(({ operation }) => operation === "sync")
        .map(({ path }) => path.at(-1));
    assertEquals([await files.sync(), synced()], [[], []]);
    await writeAll();
    assertEquals([await files.sync(), synced()], [[], ["f2", part]]);
    // Files once, the part file while there is something in it.
    assertEquals([await files.sync(), synced()], [[], [part]]);
    await writeAll();
    const error = new DiskError("io", "Broken", { operation: "sync" });
    bench.fault = ({ operation }) =>
      operation === "sync" ? { error } : undefined;
    assertEquals(await files.sync(), [error, error]);
    bench.fault = undefined;
    synced();
    assertEquals([await files.sync(), synced()], [[], ["f2", part]]);
  },
);

Deno.test(
  "TorrentFiles: remove() goes on when a file stays, and tells",
  pure,
  async () => {
    const bench = await setUp({ skip: [2] });
    const { files, writeAll, memory } = bench;
    await files.settle((i) => i !== 2);
    await writeAll();
    memory.open(["torrent", "other"], { write: true });
    const error = new DiskError("io", "Broken", { operation: "remove" });
    bench.fault = ({ operation, path }) =>
      operation === "remove" && path === a ? { error } : undefined;
    assertEquals(await files.remove(), [error]);
    assertEquals(memory.list(), ["torrent/f0", "torrent/other"]);
    bench.fault = undefined;
    assertEquals(await files.remove(), []);
    memory.remove(["torrent", "other"]);
    assertEquals(memory.removeEmptyFolder(["torrent"]), true);
  },
);

Deno.test(
  "TorrentFiles: move() takes all along, also what waits, or nothing",
  pure,
  async () => {
    const bench = await setUp({ skip: [2], incompleteSuffix: ".x" });
    const { files, writeAll, memory, read } = bench;
    await files.settle((i) => i !== 2);
    await writeAll();
    const before = memory.list();
    assertEquals(before, [part, "torrent/f0.x", "torrent/f3"]);
    // A file would not get its own name there, if it is another place.
    memory.open(["to", "torrent", "f0"], { write: true });
    const blocked = await assertRejects(() => files.move(["to"]), DiskError);
    assertEquals(
      [blocked.code, blocked.path, memory.list()],
      ["exists", "to/torrent/f0", [part, "to/torrent/f0", ...before.slice(1)]],
    );
    memory.remove(["to", "torrent", "f0"]);
    // The part file cannot be read there: all is put back.
    bench.fault = ({ operation, path }) =>
      operation === "stat" && path.join("/") === `to/${part}` &&
        memory.stat(["to", part]) !== undefined
        ? { error: new DiskError("io", "Broken", { operation }) }
        : undefined;
    await assertRejects(() => files.move(["to"]), DiskError, "Broken");
    assertEquals(memory.list(), before);
    bench.fault = undefined;
    await files.move(["to"]);
    assertEquals(memory.list(), before.map((name) => `to/${name}`).sort());
    assertEquals(memory.removeEmptyFolder(["torrent"]), false);
    for (const [i, piece] of torrent.content.entries()) {
      assertEquals(await read(i, 0, piece.length), piece);
    }
    await files.rename(0, ["torrent", "g"]);
    assertEquals(files.stored.paths[0], ["to", "torrent", "g"]);
    await files.move([]);
    assertEquals(memory.list(), [part, "torrent/f3", "torrent/g.x"]);
    await files.move([]);
    assertEquals(memory.list(), [part, "torrent/f3", "torrent/g.x"]);
  },
);
