/** Files that were there and are all gone, as when a disk is not mounted. */
import { assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../disk/error.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { open, writeAll } from "./storage_bench.ts";
import { makeTorrent } from "./support.ts";

const pure = { permissions: "none" } as const;
const torrent = makeTorrent({ pieceLength: 32768, files: [50_000, 60_000] });

/** Resume data of all of it, and where it is. */
async function known() {
  const memory = new MemoryFileSystem();
  await using bench = await open(torrent, { memory });
  writeAll(bench.storage, torrent);
  await bench.storage.confirm();
  return { memory, resume: await bench.storage.resumeData() };
}

const expecting = (resume: Uint8Array, expectFiles = true) =>
  ({ existing: "resume", resume, expectFiles }) as const;

Deno.test("where all files are gone it is not begun anew", pure, async () => {
  const { resume } = await known();
  const memory = new MemoryFileSystem();
  const add = expecting(resume);
  const error = await assertRejects(
    () => open(torrent, { memory, add }),
    DiskError,
  );
  assertEquals([error.code, memory.list()], ["not-found", []]);
  await using bench = await open(torrent, {
    memory,
    add: expecting(resume, false),
  });
  assertEquals(bench.storage.have.isEmpty, true);
});

Deno.test("what one file of several lacks is begun anew", pure, async () => {
  for (const gone of torrent.paths) {
    const { memory, resume } = await known();
    memory.remove(gone);
    await using bench = await open(torrent, {
      memory,
      add: expecting(resume),
    });
    assertEquals(bench.storage.have.isEmpty, false);
  }
});

Deno.test(
  "of a torrent that had nothing nothing is expected",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    await using bench = await open(torrent, { memory });
    const resume = await bench.storage.resumeData();
    await using again = await open(torrent, { add: expecting(resume) });
    assertEquals(again.storage.have.isEmpty, true);
    await again.storage.recheck({ expectFiles: true });
  },
);

Deno.test("a check that finds no file forgets nothing", pure, async () => {
  const { memory, resume } = await known();
  await using bench = await open(torrent, { memory, add: expecting(resume) });
  const { storage } = bench;
  for (const path of torrent.paths) memory.remove(path);
  const options = { expectFiles: true };
  const error = await assertRejects(() => storage.recheck(options), DiskError);
  assertEquals([error.code, storage.have.isFull], ["not-found", true]);
  for (const [i, path] of torrent.paths.entries()) {
    memory.open(path, { write: true }).write(torrent.fileContent[i]!, 0);
  }
  await storage.recheck(options);
  assertEquals(storage.have.isFull, true);
  for (const path of torrent.paths) memory.remove(path);
  await storage.recheck();
  assertEquals(storage.have.isEmpty, true);
});
