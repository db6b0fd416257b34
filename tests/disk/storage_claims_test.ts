import { assertEquals } from "@std/assert";
import { DiskBudget } from "../../disk/budget.ts";
import type { DiskError } from "../../disk/error.ts";
import { partFileName } from "../../disk/files/part_file.ts";
import { DiskManager } from "../../disk/manager.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { NativeFileSystem } from "../../disk/native_file_system.ts";
import type { DiskAddOptions } from "../../disk/storage.ts";
import { isWhole, one, PATHS, PIECE, refused, two } from "./rivals.ts";
import { writeAll, writePiece } from "./storage_bench.ts";
import { makeTorrent, type TestTorrent } from "./support.ts";
import { TempDir } from "../support/paths.ts";

const pure = { permissions: "none" } as const;
const hex = (id: number) => `0${id}`.repeat(20);

function setUp(memory = new MemoryFileSystem()) {
  const disk = new DiskManager({ fileSystem: memory });
  return { memory, disk };
}

/** Nothing is there yet, so it is added; but not written. */
async function blocked(
  disk: DiskManager,
  torrent: TestTorrent,
  options: DiskAddOptions = {},
): Promise<DiskError> {
  const storage = await disk.add(torrent, options);
  writePiece(storage, torrent, 0);
  assertEquals(storage.state, "paused");
  assertEquals(storage.error?.code, "taken");
  await storage.remove({ deleteFiles: true });
  return storage.error!;
}

Deno.test(
  "two torrents do not write to one file: the first that was added has it",
  pure,
  async () => {
    const { memory, disk } = setUp();
    await using _ = disk;
    const first = await disk.add(one);
    const message = `Cannot write "t/a": it is a file of torrent ${
      hex(1)
    } as well`;
    for (const existing of ["verify", "resume", "assume-empty"] as const) {
      assertEquals((await blocked(disk, two, { existing })).message, message);
    }
    assertEquals(memory.list(), []);
    // It is told at once when something is there.
    for (const [i, more] of ["", ", and so is 1 more"].entries()) {
      writePiece(first, one, i);
      for (const existing of ["verify", "resume"] as const) {
        const error = await refused(() => disk.add(two, { existing }));
        assertEquals(error.message, message + more);
        assertEquals(error.files, ["t/a", "t/b"].slice(0, i + 1));
      }
      await refused(() => disk.add(two, { overwrite: true }));
    }
    await first.close();
    await isWhole(await disk.add(one, { readOnly: true }), one);
    // Who only reads has nothing.
    const second = await disk.add(two, { overwrite: true });
    writeAll(second, two);
    await second.flush();
    assertEquals(memory.contents(PATHS[0]!), two.fileContent[0]);
  },
);

Deno.test(
  "what two torrents have alike both seed; one may repair it",
  pure,
  async () => {
    const { memory, disk } = setUp();
    await using _ = disk;
    const alike = { ...one, infoHash: new Uint8Array(20).fill(3) };
    const first = await disk.add(one);
    writeAll(first, one);
    const events: string[] = [];
    const second = await disk.add(alike, {
      onEvent: ({ type }) => events.push(type),
    });
    const third = await disk.add({ ...one, infoHash: new Uint8Array(20) }, {
      readOnly: true,
    });
    for (const storage of [first, second, third]) await isWhole(storage, one);
    const file = memory.open(PATHS[0]!, { write: true });
    file.write(new Uint8Array(9), 5);
    for (const storage of [first, second]) {
      await storage.recheck();
      assertEquals([...storage.have], [1]);
    }
    writePiece(second, one, 0);
    assertEquals(second.state, "paused");
    assertEquals(events, ["error"]);
    assertEquals(second.error?.code, "taken");
    writePiece(first, one, 0);
    assertEquals([...first.have], [0, 1]);
    // Deleting and moving leave alone what is the other's.
    await refused(() => second.move(["else"]));
    await refused(() => second.renameFile(1, ["t", "c"]));
    await second.remove({ deleteFiles: true });
    await isWhole(first, one);
    await first.remove({ deleteFiles: true });
    assertEquals(memory.list(), []);
  },
);

Deno.test(
  "who waits for a path gets it when the other is gone",
  pure,
  async () => {
    const { disk } = setUp();
    await using _ = disk;
    const alike = { ...one, infoHash: new Uint8Array(20).fill(3) };
    const first = await disk.add(one);
    writeAll(first, one);
    const second = await disk.add(alike);
    await first.remove({ deleteFiles: true });
    await second.recheck();
    writeAll(second, one);
    await second.flush();
    await isWhole(second, one);
    await refused(() => disk.add(two));
  },
);

Deno.test(
  "a file that is left out is nobody's until it is wanted",
  pure,
  async () => {
    const { memory, disk } = setUp();
    await using _ = disk;
    const shared = makeTorrent({
      pieceLength: PIECE,
      files: [100, PIECE],
      paths: [PATHS[0]!, ["t", "c"]],
      id: 3,
      seed: 3,
    });
    const first = await disk.add(one);
    writeAll(first, one);
    await refused(() => disk.add(shared));
    const second = await disk.add(shared, { skippedFiles: new Set([0]) });
    writeAll(second, shared);
    await second.flush();
    // Its share of the border waits in the part file.
    assertEquals(memory.contents(PATHS[0]!), one.fileContent[0]);
    assertEquals(
      memory.stat([partFileName(shared.infoHash)]) !== undefined,
      true,
    );
    await isWhole(second, shared);
    await second.recheck();
    await isWhole(second, shared);
    await refused(() => second.setFileWanted(0, true));
    assertEquals(second.isFileWanted(0), false);
    await second.setFileWanted(1, false);
    await second.setFileWanted(1, true);
    await first.close();
    await refused(() =>
      disk.add(two, { skippedFiles: new Set([1]) })
        .then(async (storage) => {
          await second.setFileWanted(0, true);
          await storage.close();
        })
    );
    await disk.get(two.infoHash)!.remove({ deleteFiles: true });
    memory.remove(PATHS[0]!);
    await second.setFileWanted(0, true);
    await second.confirm();
    assertEquals(memory.contents(PATHS[0]!), shared.fileContent[0]);
    await isWhole(second, shared);
  },
);

Deno.test(
  "a file that was wanted stays the torrent's when it is left out",
  pure,
  async () => {
    const { memory, disk } = setUp();
    await using _ = disk;
    const first = await disk.add(one);
    writeAll(first, one);
    await first.setFileWanted(0, false);
    await refused(() => disk.add(two));
    assertEquals(memory.contents(PATHS[0]!), one.fileContent[0]);
  },
);

Deno.test(
  "renaming and moving take the new paths, and give back the old",
  pure,
  async () => {
    const { memory, disk } = setUp();
    await using _ = disk;
    const first = await disk.add(one);
    const other = { ...two, paths: [["u", "a"], ["u", "b"]] };
    const second = await disk.add(other);
    const error = await refused(() => second.renameFile(0, ["t", "a"]));
    assertEquals(
      error.message,
      `Cannot write "t/a": it is a file of torrent ${hex(1)} as well`,
    );
    await first.renameFile(0, ["t", "c"]);
    await refused(() => second.renameFile(0, ["t", "c"]));
    await second.renameFile(0, ["t", "a"]);
    await refused(() => first.renameFile(0, ["t", "a"]));
    writeAll(first, one);
    writeAll(second, other);
    await first.move(["v"]);
    await second.renameFile(1, ["t", "d"]);
    const third = await disk.add({ ...two, infoHash: new Uint8Array(20) }, {
      folder: ["w"],
    });
    await refused(() => first.move(["w"]));
    await isWhole(first, one);
    await refused(() =>
      third.renameFile(0, ["t", "d"]).then(() => third.move(["v"]))
    );
    await first.move([]);
    assertEquals(memory.contents(["t", "b"]), one.fileContent[1]);
  },
);

Deno.test("a suffix leads to no file of another torrent", pure, async () => {
  const { memory, disk } = setUp();
  await using _ = disk;
  const suffixed = { ...two, paths: [["t", "a.x"], ["t", "z"]] };
  const first = await disk.add(suffixed);
  const second = await disk.add(one, { incompleteSuffix: ".x" });
  writeAll(first, suffixed);
  writePiece(second, one, 0);
  await second.flush();
  assertEquals(second.ownPlaces.slice(0, -1), [["t", "a"], ["t", "b.x"]]);
  assertEquals(memory.contents(["t", "a.x"]), two.fileContent[0]);
  // And the other way round.
  await second.remove({ deleteFiles: true });
  await first.remove({ deleteFiles: true });
  const again = await disk.add(one, { incompleteSuffix: ".x" });
  await blocked(disk, suffixed);
  await again.renameFile(0, ["t", "q"]);
  await blocked(disk, { ...suffixed, paths: [["t", "q.x"], ["t", "z"]] });
  writeAll(again, one);
  await again.confirm();
  await disk.add(suffixed);
});

Deno.test(
  "a name is a torrent's, too, when the file has the suffix",
  pure,
  async () => {
    const { memory, disk } = setUp();
    await using _ = disk;
    const put = (path: string[], bytes: Uint8Array) =>
      memory.open(path, { write: true }).write(bytes, 0);
    put(["t", "a.x"], one.fileContent[0]!);
    // Found, and left out.
    const options = { incompleteSuffix: ".x", skippedFiles: new Set([0]) };
    const first = await disk.add(
      { ...one, paths: [PATHS[0]!, ["u"]] },
      options,
    );
    await refused(() => disk.add(two, { skippedFiles: new Set([1]) }));
    await first.close();
    // Whole, but not under the name that another has.
    memory.rename(["t", "a"], ["t", "a.x"]);
    await disk.add(two, { skippedFiles: new Set([1]) });
    await refused(() => disk.add(one, { incompleteSuffix: ".x" }));
  },
);

Deno.test(
  "no torrent has the part file of another, not even by its name",
  pure,
  async () => {
    const { disk } = setUp();
    await using _ = disk;
    const name = `.${hex(9)}.bip-part`;
    const hidden = makeTorrent({
      pieceLength: PIECE,
      files: [5],
      paths: [[name]],
    });
    const error = await blocked(disk, hidden);
    assertEquals(
      error.message,
      `Cannot write "${name}": it is a file of torrent ${hex(9)} as well`,
    );
  },
);

Deno.test("torrents of several managers of one budget, by real paths", async () => {
  await using temp = new TempDir();
  const dir = temp.path;
  await Deno.mkdir(`${dir}/real/t`, { recursive: true });
  await Deno.symlink(`${dir}/real`, `${dir}/link`);
  await using budget = new AsyncDisposableStack();
  const shared = new DiskBudget();
  const at = (base: string) =>
    budget.use(
      new DiskManager({
        fileSystem: new NativeFileSystem(base),
        budget: shared,
      }),
    );
  const first = await at(`${dir}/real`).add(one);
  await blocked(at(`${dir}/link`), two);
  await blocked(at(`${dir}/link/`), two);
  await blocked(at(dir), two, { folder: ["real"] });
  await blocked(at(dir), two, { folder: ["link"] });
  writePiece(first, one, 0);
  await first.flush();
  // A link to the file itself.
  await Deno.symlink(`${dir}/real/t/a`, `${dir}/real/t/other`);
  const linked = { ...two, paths: [["t", "other"], ["t", "more"]] };
  await refused(() => at(`${dir}/real`).add(linked));
  await refused(() =>
    at(`${dir}/real`).add(linked, { skippedFiles: new Set([0]) })
      .then((storage) => storage.setFileWanted(0, true))
  );
  // Another budget knows nothing of it.
  const alone = budget.use(
    new DiskManager({ fileSystem: new NativeFileSystem(`${dir}/real`) }),
  );
  await alone.add(two);
  // Where there is nothing yet.
  const missing = await at(`${dir}/new/x`).add({
    ...two,
    infoHash: new Uint8Array(20).fill(5),
  });
  writePiece(missing, two, 0);
  await missing.flush();
  await refused(() => at(`${dir}/new/x`).add(one));
  await refused(() => at(`${dir}/link/../new/x`).add(one));
  const { infoHash: _, ...rest } = two;
  const moving = await at(`${dir}/other`).add({
    ...rest,
    infoHash: new Uint8Array(20).fill(6),
  });
  await refused(() =>
    moving.move([], { fileSystem: new NativeFileSystem(`${dir}/new/x`) })
  );
  await moving.move([], { fileSystem: new NativeFileSystem(`${dir}/moved`) });
  await blocked(at(`${dir}/moved`), one);
});

Deno.test("where files really are is found out by folders, not one by one", async () => {
  await using temp = new TempDir();
  const dir = temp.path;
  let count = 0;
  class Counting extends NativeFileSystem {
    override realPath(path: readonly string[]): string {
      count++;
      return super.realPath(path);
    }
  }
  await using disk = new DiskManager({ fileSystem: new Counting(dir) });
  const many = makeTorrent({ pieceLength: PIECE, files: Array(50).fill(10) });
  const storage = await disk.add(many);
  writeAll(storage, many);
  await storage.flush();
  await storage.close();
  count = 0;
  await disk.add(many);
  // No more than one where names are what they seem to be.
  assertEquals(Deno.build.os !== "linux" || count === 1, true);
});
