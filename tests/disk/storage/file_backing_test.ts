import { assertEquals, assertRejects } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { systemClock } from "../../../_shared/clock.ts";
import { DiskError } from "../../../disk/error.ts";
import type { FileSystem } from "../../../disk/file_system.ts";
import { HandleCache } from "../../../disk/files/handle_cache.ts";
import { PathClaims, TorrentClaims } from "../../../disk/files/path_claims.ts";
import { TorrentFiles } from "../../../disk/files/torrent_files.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { FileBacking } from "../../../disk/storage/file_backing.ts";
import { makeTorrent } from "../support.ts";

const pure = { permissions: "none" } as const;

/** Pieces of 16: f0 has 0 and 1, f1 has 1 to 3, then nothing. */
const torrent = makeTorrent({ pieceLength: 16, files: [20, 40, 0] });

async function setUp(
  { skip = [] as number[], incompleteSuffix = "" } = {},
) {
  const memory = new MemoryFileSystem();
  const claims = new PathClaims();
  const wanted = new Uint8Array(3).fill(1);
  for (const i of skip) wanted[i] = 0;
  const files = new TorrentFiles(new HandleCache(memory), [], torrent, {
    allocation: "sparse",
    incompleteSuffix,
    clock: systemClock,
    claims: new TorrentClaims(claims, torrent.infoHash),
  });
  files.stored.own.claim((i) => wanted[i] === 1);
  const adopted: unknown[] = [];
  const backing = new FileBacking(torrent, files, wanted, (fileSystem) => {
    adopted.push(fileSystem);
    return new HandleCache(fileSystem);
  });
  await files.load((i) => wanted[i] === 1, false);
  await files.settle((i) => wanted[i] === 1);
  const have = new Bitfield(torrent.layout.pieceCount);
  files.isGood = (i) => have.has(i);
  const write = async (...which: number[]) => {
    for (const i of which) {
      const bytes = torrent.content[i]!.slice() as Uint8Array<ArrayBuffer>;
      await backing.writePiece(i, [{ offset: 0, bytes }]);
      have.set(i);
    }
  };
  const checks: number[][] = [];
  /** A check that finds some pieces bad. */
  const confirm = (...bad: number[]) =>
    backing.confirm(have, (pieces) => {
      checks.push([...pieces].sort());
      for (const i of bad) have.clear(i);
      return Promise.resolve();
    });
  const names = () => memory.list().map((name) => name.split("/").at(-1));
  return {
    memory,
    backing,
    files,
    have,
    write,
    checks,
    confirm,
    names,
    adopted,
    claims,
  };
}

Deno.test(
  "FileBacking: files that are as they were are not checked",
  pure,
  async () => {
    const { write, confirm, checks } = await setUp();
    await write(0, 1, 2, 3);
    assertEquals(await confirm(), undefined);
    assertEquals(checks, []);
  },
);

Deno.test(
  "FileBacking: pieces of files that changed are checked, and told if lost",
  pure,
  async () => {
    const { write, confirm, checks, memory } = await setUp();
    await write(0, 1, 2, 3);
    memory.open(torrent.paths[0]!, { write: true }).write(new Uint8Array(1), 3);
    // All is right all the same.
    assertEquals(await confirm(), undefined);
    assertEquals(checks.splice(0), [[0, 1]]);
    memory.open(torrent.paths[1]!, { write: true }).truncate(41);
    memory.remove(torrent.paths[2]!);
    const lost = await confirm(2, 3);
    assertEquals(checks, [[1, 2, 3]]);
    assertEquals(lost!.pieces, [2, 3]);
    assertEquals(lost!.error.code, "replaced");
    assertEquals(
      lost!.error.message,
      'Cannot complete "torrent/f1": It was deleted, replaced or written to meanwhile, and 1 more',
    );
    // What is too long is cut, what is empty is made.
    assertEquals(memory.stat(torrent.paths[1]!)?.size, 40);
    assertEquals(memory.stat(torrent.paths[2]!)?.size, 0);
  },
);

Deno.test(
  "FileBacking: files that are left out may be gone, or changed",
  pure,
  async () => {
    const { write, confirm, memory, backing } = await setUp({ skip: [1] });
    await write(0, 1);
    assertEquals(await confirm(), undefined);
    memory.open(torrent.paths[1]!, { write: true }).write(new Uint8Array(9), 0);
    assertEquals(await confirm(), undefined);
    assertEquals([backing.isWanted(1), backing.isWanted(0)], [false, true]);
    // One that was there, and is left out by now, is looked at.
    const other = await setUp();
    await other.write(0, 1, 2, 3);
    await other.backing.setWanted(1, false, false);
    assertEquals(await other.confirm(), undefined);
    other.memory.open(torrent.paths[1]!, { write: true }).write(
      new Uint8Array(1),
      3,
    );
    await other.confirm();
    assertEquals(other.checks, [[1, 2, 3]]);
  },
);

Deno.test(
  "FileBacking: a file that is wanted again gets what waits, unless only read",
  pure,
  async () => {
    const { write, backing, memory, names } = await setUp({ skip: [1] });
    await write(0, 1, 2, 3);
    assertEquals(memory.stat(torrent.paths[1]!), undefined);
    await backing.setWanted(1, true, true);
    assertEquals([backing.isWanted(1), names().includes("f1")], [true, false]);
    await backing.setWanted(1, true, false);
    assertEquals(memory.contents(torrent.paths[1]!), torrent.fileContent[1]);
    assertEquals(names(), ["f0", "f1", "f2"]);
  },
);

Deno.test(
  "FileBacking: names of complete files by the piece that ends them",
  pure,
  async () => {
    const { write, backing, names } = await setUp({ incompleteSuffix: ".x" });
    await write(0);
    assertEquals(backing.completedBy(0), []);
    await write(2, 3, 1);
    assertEquals(backing.completedBy(3), [1]);
    assertEquals(backing.completedBy(1), [0, 1]);
    assertEquals(names(), ["f0.x", "f1.x", "f2"]);
    await backing.finish(0);
    assertEquals(backing.completedBy(1), [1]);
    assertEquals([backing.paths[1], backing.ownPlaces[1]], [
      ["torrent", "f1"],
      ["torrent", "f1.x"],
    ]);
    await backing.finish(1);
    assertEquals(backing.completedBy(1), []);
    assertEquals(names(), ["f0", "f1", "f2"]);
  },
);

Deno.test(
  "FileBacking: it moves, also elsewhere, and its claims with it",
  pure,
  async () => {
    const { write, backing, memory, adopted, claims } = await setUp();
    await write(0, 1, 2, 3);
    await backing.move(["to"], undefined);
    assertEquals([memory.list(), adopted], [
      ["to/torrent/f0", "to/torrent/f1", "to/torrent/f2"],
      [],
    ]);
    const target = new MemoryFileSystem();
    const place: FileSystem = target;
    await backing.move([], target);
    assertEquals([memory.list(), adopted], [[], [target]]);
    assertEquals(target.list().length, 3);
    const other = new TorrentClaims(claims, new Uint8Array(20));
    assertEquals(other.take(place, torrent.paths[0]!), "01".repeat(20));
    backing.close();
    assertEquals(other.take(place, torrent.paths[0]!), undefined);
  },
);

Deno.test("FileBacking: what it counts, reads and deletes", pure, async () => {
  const { write, backing, memory, have } = await setUp();
  await write(0, 1);
  const into = new Uint8Array(4);
  assertEquals(await backing.readRange(1, 2, into), true);
  assertEquals(into, torrent.content[1]!.slice(2, 6));
  assertEquals([backing.writtenBytes, backing.readBytes], [32, 4]);
  await backing.writeRange(2, 0, new Uint8Array(3));
  assertEquals(backing.writtenBytes, 35);
  assertEquals(
    backing.reserve({ isKept: () => false, clock: systemClock }),
    undefined,
  );
  memory.remove(torrent.paths[0]!);
  assertEquals(await backing.findLost(0, have), [1]);
  assertEquals(await backing.sync(), []);
  assertEquals(await backing.remove(), []);
  assertEquals(memory.list(), []);
  const ended = new AbortController();
  ended.abort(new Error("enough"));
  assertEquals(await backing.remove(ended.signal), []);
});

Deno.test(
  "FileBacking: a file of another torrent is not wanted",
  pure,
  async () => {
    const { backing, claims, memory } = await setUp({ skip: [0] });
    const other = new TorrentClaims(claims, new Uint8Array(20).fill(2));
    const place: FileSystem = memory;
    other.take(place, torrent.paths[0]!);
    const error = await assertRejects(
      () => backing.setWanted(0, true, false),
      DiskError,
    );
    assertEquals([error.code, backing.isWanted(0)], ["taken", false]);
  },
);
