import { assertEquals } from "@std/assert";
import type { FileInfo, FilePath } from "../../../disk/file_system.ts";
import { FileTable, lookAtFiles } from "../../../disk/files/file_table.ts";
import { Turns } from "../../../disk/turns.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { SimClock } from "../../support/sim_clock.ts";

const pure = { permissions: "none" } as const;

Deno.test("FileTable: what was seen, none, and not known", pure, () => {
  const table = new FileTable(3);
  table.set(0, { size: 0, modifiedMs: 5, changedMs: 6, id: 7 });
  table.set(1, undefined);
  assertEquals([0, 1, 2].map((i) => table.isKnown(i)), [true, true, false]);
  assertEquals([0, 1, 2].map((i) => table.size(i)), [0, -1, -3]);
  assertEquals(table.info(0), { size: 0, modifiedMs: 5, changedMs: 6, id: 7 });
  assertEquals(table.info(1), undefined);
  assertEquals(table.info(2), undefined);
});

Deno.test("FileTable: a file is told from another in its place", pure, () => {
  const info = (id?: number): FileInfo => ({ size: 1, modifiedMs: 1, id });
  const table = new FileTable(3);
  table.set(0, info(7));
  // The number that was known first counts while the file is written to.
  table.touch(0, 8);
  assertEquals(table.isKnown(0), false);
  assertEquals(
    [info(7), info(8), info(), undefined].map((i) => table.isOther(0, i)),
    [false, true, false, true],
  );
  // Without a number nobody knows; one that comes later counts.
  table.set(1, info());
  table.touch(1);
  assertEquals(table.isOther(1, info(8)), false);
  table.touch(1, 9);
  assertEquals([9, 8].map((id) => table.isOther(1, info(id))), [false, true]);
  // One that was not there is still not there.
  table.set(2, undefined);
  assertEquals(table.isOther(2, undefined), false);
  // An empty one is missed like any other.
  table.set(2, { size: 0, modifiedMs: 1 });
  assertEquals(table.isOther(2, undefined), true);
  // Nor is one missed that was never seen; one that was written to is.
  const unseen = new FileTable(1);
  assertEquals(unseen.isOther(0, undefined), false);
  unseen.touch(0);
  assertEquals(unseen.isOther(0, undefined), true);
});

Deno.test("FileTable: who else writes to a file is noticed", pure, () => {
  const table = new FileTable(1);
  const info = (modifiedMs: number, changedMs?: number): FileInfo => ({
    size: 1,
    modifiedMs,
    changedMs,
  });
  const isForeign = (seen: FileInfo | undefined) => {
    table.compare(0, seen);
    const result = table.isForeign(0);
    table.forget(0);
    return result;
  };
  const cases: [FileInfo, FileInfo | undefined, boolean][] = [
    [info(5), info(5), false],
    [info(5), info(6), true],
    [info(5), info(4), true],
    // Somebody set the time that it had.
    [info(5, 7), info(5, 8), true],
    [info(5, 7), info(5, 7), false],
    // What is not known says nothing.
    [info(5, 7), info(5), false],
    [info(5), info(5, 8), false],
    [info(0), info(6), false],
    [info(5), info(0), false],
    [info(5), undefined, false],
  ];
  for (const [left, seen, expected] of cases) {
    table.touch(0);
    assertEquals(isForeign(seen), false);
    table.stamp(0, left);
    assertEquals(isForeign(seen), expected);
    // What was seen is compared as what we left.
    table.set(0, left);
    assertEquals(isForeign(seen), expected);
  }
  // It is remembered, whatever is seen or written later.
  table.set(0, info(5));
  table.set(0, info(6));
  table.touch(0);
  table.stamp(0, info(7));
  table.compare(0, info(7));
  assertEquals(table.isForeign(0), true);
});

/** Counts what is looked at and listed. */
class CountingFileSystem extends MemoryFileSystem {
  readonly looked: string[] = [];
  readonly listed: string[] = [];
  readonly folders: Record<string, readonly string[] | undefined> = {};

  override stat(path: FilePath): FileInfo | undefined {
    this.looked.push(path.join("/"));
    return super.stat(path);
  }

  listFolder(folder: FilePath): readonly string[] | undefined {
    const key = folder.join("/");
    this.listed.push(key);
    return this.folders[key];
  }
}

const PATHS = Array.from({ length: 10 }, (_, i) => ["d", "e", `F${i}`]);

async function look(
  files: CountingFileSystem,
  which: readonly number[],
): Promise<number[]> {
  const there: number[] = [];
  const found = (i: number, info: FileInfo | undefined) => {
    if (info !== undefined) there.push(i);
  };
  const failed = (_: number, error: unknown) => {
    throw error;
  };
  await lookAtFiles(
    files,
    PATHS,
    which,
    new Turns(new SimClock()),
    found,
    failed,
  );
  return there;
}

Deno.test(
  "lookAtFiles() looks in listed folders only at what they name",
  pure,
  async () => {
    const all = PATHS.map((_, i) => i);
    const files = new CountingFileSystem();
    for (const path of [PATHS[2]!, PATHS[5]!]) {
      files.open(path, { write: true }).close();
    }
    files.folders["d"] = ["E"];
    files.folders["d/e"] = ["f2", "F5", "other"];
    assertEquals(await look(files, all), [2, 5]);
    // Some disks take other case and form for the same: those are looked at.
    assertEquals(files.looked, ["d/e/F2", "d/e/F5"]);
    assertEquals(files.listed, ["d", "d/e"]);

    // Nothing is below a folder that is not named, or not there.
    files.looked.length = files.listed.length = 0;
    files.folders["d"] = ["x"];
    assertEquals(await look(files, all), []);
    files.folders["d"] = undefined;
    assertEquals(await look(files, all), []);
    assertEquals([files.looked, files.listed], [[], ["d", "d"]]);

    // Eight are worth it.
    files.looked.length = files.listed.length = 0;
    files.folders["d"] = ["E"];
    assertEquals(await look(files, all.slice(0, 8)), [2, 5]);
    assertEquals([files.looked.length, files.listed.length], [2, 2]);
    files.looked.length = 0;

    // For fewer it is not.
    assertEquals(await look(files, all.slice(0, 7)), [2, 5]);
    assertEquals(files.looked.length, 7);
    assertEquals(files.listed.length, 2);
  },
);

Deno.test(
  "lookAtFiles() looks for each file where folders cannot be listed",
  pure,
  async () => {
    const there = new Set(["d/e/F2"]);
    const looked: string[] = [];
    const files = {
      stat: (path: FilePath) => {
        looked.push(path.join("/"));
        return there.has(path.join("/"))
          ? { size: 0, modifiedMs: 1 }
          : undefined;
      },
    } as unknown as CountingFileSystem;
    assertEquals(await look(files, PATHS.map((_, i) => i)), [2]);
    assertEquals(looked.length, 10);
  },
);
