import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Bitfield } from "../../_shared/bitfield.ts";
import { DiskError } from "../../disk/error.ts";
import { DiskManager } from "../../disk/manager.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import {
  type FileOperation,
  injectFaults,
  interceptFileSystem,
} from "../../disk/middleware.ts";
import type { TorrentStorageEvent } from "../../disk/storage.ts";
import { partFileName } from "../../disk/files/part_file.ts";
import { assertFiles, open, writeAll, writePiece } from "./storage_bench.ts";
import { makeTorrent, type TestTorrent } from "./support.ts";

const pure = { permissions: "none" } as const;
const torrent = makeTorrent({
  pieceLength: 32768,
  files: [100_000, 0, 70_000, 30],
});

function put(memory: MemoryFileSystem, name: string, bytes: Uint8Array): void {
  const handle = memory.open(["torrent", name], { write: true });
  handle.truncate(0);
  handle.write(bytes, 0);
  handle.close();
}

function filled(torrent: TestTorrent): MemoryFileSystem {
  const memory = new MemoryFileSystem();
  torrent.fileContent.forEach((bytes, i) => put(memory, `f${i}`, bytes));
  return memory;
}

const verify = { add: { existing: "verify" } } as const;

Deno.test(
  "files that cannot be part of the torrent are not touched",
  pure,
  async () => {
    // Longer, shorter; with and without resume data that makes no sense.
    for (const size of [100_001, 500_000, 99_999, 1]) {
      for (const resume of [undefined, new Uint8Array(50)]) {
        const memory = new MemoryFileSystem();
        const strange = new Uint8Array(size).fill(7);
        put(memory, "f0", strange);
        const disk = new DiskManager({ fileSystem: memory });
        const add = { existing: resume ? "resume" : "verify", resume } as const;
        const error = await assertRejects(
          () => disk.add(torrent, add),
          DiskError,
        );
        assertEquals([error.code, error.path], ["foreign-file", "torrent/f0"]);
        assertEquals(error.files, ["torrent/f0"]);
        assertEquals(memory.list(), ["torrent/f0"]);
        assertEquals(memory.contents(["torrent", "f0"]), strange);
        // Nor while it is only read.
        await (await disk.add(torrent, { ...add, readOnly: true })).close();
        assertEquals(memory.contents(["torrent", "f0"]), strange);
        const storage = await disk.add(torrent, { ...add, overwrite: true });
        writeAll(storage, torrent);
        assertFiles(memory, torrent);
        await disk.close();
      }
    }
  },
);

Deno.test("no more than ten files in the way are named", pure, async () => {
  const many = makeTorrent({
    pieceLength: 16384,
    files: new Array(30).fill(16384),
  });
  const memory = new MemoryFileSystem();
  for (let i = 0; i < 30; i++) put(memory, `f${i}`, new Uint8Array(5));
  await using disk = new DiskManager({ fileSystem: memory });
  const error = await assertRejects(() => disk.add(many), DiskError);
  assertEquals(error.files.length, 10);
  assert(error.message.includes("29 more"));
});

Deno.test(
  "files of the right length, and those with good pieces, are taken",
  pure,
  async () => {
    for (const change of ["garbage", "shorter"]) {
      const memory = filled(torrent);
      const file = torrent.fileContent[0]!;
      put(
        memory,
        "f0",
        change === "garbage"
          ? new Uint8Array(100_000)
          : file.subarray(0, 40_000),
      );
      await using bench = await open(torrent, { memory, ...verify });
      assert(!bench.storage.have.isFull && !bench.storage.have.isEmpty);
      writeAll(bench.storage, torrent);
      assertFiles(memory, torrent);
    }
  },
);

Deno.test("longer files with good content are told and cut", pure, async () => {
  for (const slow of [false, true]) {
    const memory = filled(torrent);
    const longer = new Uint8Array(100_005);
    longer.set(torrent.fileContent[0]!);
    put(memory, "f0", longer);
    const readOnly = { existing: "verify", readOnly: true } as const;
    const events = [{ type: "surplus" as const, files: [0] }];
    {
      await using bench = await open(torrent, { memory, slow, add: readOnly });
      assertEquals(bench.events, events);
      assertEquals(memory.contents(["torrent", "f0"]), longer);
    }
    await using bench = await open(torrent, { memory, slow, ...verify });
    assertEquals(bench.events, events);
    assert(bench.storage.have.isFull);
    assertFiles(memory, torrent);
  }
});

Deno.test(
  "what lies in place of an empty file is not cut unasked",
  pure,
  async () => {
    const memory = filled(torrent);
    put(memory, "f1", new Uint8Array(5));
    const size = () => memory.stat(["torrent", "f1"])?.size;
    const error = await assertRejects(
      () => open(torrent, { memory, ...verify }),
      DiskError,
    );
    assertEquals([error.code, error.files], ["foreign-file", ["torrent/f1"]]);
    const skippedFiles = new Set([1]);
    for (const more of [{ readOnly: true }, { skippedFiles }]) {
      const add = { existing: "verify", ...more } as const;
      await using bench = await open(torrent, { memory, add });
      assert(bench.storage.have.isFull);
      await bench.storage.confirm();
      assertEquals([bench.events, size()], [[], 5]);
    }
    const add = { existing: "verify", overwrite: true } as const;
    await using bench = await open(torrent, { memory, add });
    assertEquals(bench.events, [{ type: "surplus", files: [1] }]);
    assertEquals(size(), 0);
    // It came after it was seen to be empty.
    put(memory, "f1", new Uint8Array(5));
    await bench.storage.confirm();
    assertEquals(size(), 5);
  },
);

Deno.test(
  "who only reads leaves alone what is not the torrent's",
  pure,
  async () => {
    const memory = filled(torrent);
    const foreign = new Uint8Array(100_005);
    put(memory, "f0", foreign);
    const add = { existing: "verify", readOnly: true } as const;
    await using bench = await open(torrent, { memory, add });
    const { storage } = bench;
    assert(!storage.have.isEmpty);
    await storage.move(["v"]);
    assert(memory.list().includes("v/torrent/f2"));
    memory.open(["v", "torrent", "f2"], { write: true }).write(foreign, 0);
    await assertRejects(() => storage.confirm(), DiskError);
    assertEquals(memory.stat(["v", "torrent", "f2"])?.size, 100_005);
    await storage.remove({ deleteFiles: true });
    assertEquals(memory.contents(["torrent", "f0"]), foreign);
  },
);

Deno.test("what is complete is not written to", pure, async () => {
  const memory = filled(torrent);
  const calls: FileOperation[] = [];
  const fileSystem = interceptFileSystem(
    memory,
    injectFaults(({ operation }) => {
      calls.push(operation);
      const isWrite = !["open", "stat", "read", "size", "close"].includes(
        operation,
      );
      return isWrite ? { error: new Error("EROFS") } : undefined;
    }),
  );
  const opened: boolean[] = [];
  const watched = {
    ...fileSystem,
    open: (path: readonly string[], options?: { write?: boolean }) => {
      opened.push(options?.write === true);
      return fileSystem.open(path, options);
    },
  };
  let resume: Uint8Array | undefined;
  for (const existing of ["verify", "resume", "trust"] as const) {
    const disk = new DiskManager({ fileSystem: watched });
    const storage = await disk.add(torrent, { existing, resume });
    assert(storage.have.isFull);
    await storage.readBlock(0, 0, 16384);
    await storage.confirm();
    resume = await storage.resumeData();
    await storage.flush();
    await disk.close();
  }
  assertEquals(opened.includes(true), false);
  assert(
    calls.every((call) =>
      ["open", "stat", "read", "size", "close"].includes(call)
    ),
  );
});

Deno.test(
  "saving resume data reads nothing back and writes nothing twice",
  pure,
  async () => {
    for (const slow of [false, true]) {
      await using bench = await open(torrent, { slow });
      const { storage, memory } = bench;
      for (let piece = 0; piece < torrent.content.length; piece++) {
        const bytes = torrent.content[piece]!;
        for (let at = 0; at < bytes.length; at += 1000) {
          storage.writeBlock(piece, at, bytes.subarray(at, at + 1000));
          if (at % 5000 === 0) await storage.resumeData();
        }
      }
      await storage.flush();
      assertEquals(storage.stats().readBytes, 0);
      assertEquals(storage.stats().writtenBytes, 170_030);
      assertFiles(memory, torrent);
    }
  },
);

Deno.test(
  "resume data says nothing of files that are not ours any more",
  pure,
  async () => {
    for (const replace of [false, true]) {
      const memory = new MemoryFileSystem();
      let resume: Uint8Array;
      {
        await using bench = await open(torrent, { memory });
        writeAll(bench.storage, torrent);
        memory.rename(["torrent", "f0"], ["elsewhere"]);
        if (replace) put(memory, "f0", new Uint8Array(100_000));
        resume = await bench.storage.resumeData();
      }
      await using bench = await open(torrent, {
        memory,
        add: { existing: "resume", resume },
      });
      const { first, end } = torrent.layout.filePieces(0);
      for (let i = first; i < end; i++) assert(!bench.storage.have.has(i));
      assert(bench.storage.have.has(end));
    }
  },
);

Deno.test(
  "confirm tells of files that are not those we wrote",
  pure,
  async () => {
    for (const slow of [false, true]) {
      await using bench = await open(torrent, { slow });
      const { storage, memory, events } = bench;
      writeAll(storage, torrent);
      await storage.flush();
      await storage.confirm();
      // The same content in another file, and an empty file that is gone.
      memory.remove(["torrent", "f1"]);
      memory.rename(["torrent", "f2"], ["elsewhere"]);
      put(memory, "f2", torrent.fileContent[2]!);
      events.length = 0;
      await storage.confirm();
      assertEquals(events, []);
      assertFiles(memory, torrent);
      // Bytes behind the end.
      const handle = memory.open(["torrent", "f3"], { write: true });
      handle.write(new Uint8Array(5), 30);
      await storage.confirm();
      assertFiles(memory, torrent);
      memory.remove(["torrent", "f0"]);
      put(memory, "f2", new Uint8Array(70_000));
      const error = await assertRejects(() => storage.confirm(), DiskError);
      assertEquals(error.code, "replaced");
      assertEquals(events.map(({ type }) => type), ["pieces-lost"]);
      assert(
        storage.have.isEmpty === (error.files.length > 1) ||
          !storage.have.isFull,
      );
      writeAll(storage, torrent);
      await storage.flush();
      await storage.recheck();
      writeAll(storage, torrent);
      await storage.flush();
      await storage.confirm();
      assertFiles(memory, torrent);
    }
  },
);

Deno.test(
  "confirm and resume data tell of bytes that somebody else wrote",
  pure,
  async () => {
    const { files } = torrent.layout;
    const path = ["torrent", "f2"];
    const { first, end } = torrent.layout.filePieces(2);
    for (const when of ["before", "between", "after", "renamed"] as const) {
      await using bench = await open(torrent);
      const { storage, memory, events } = bench;
      const scribble = (at: number) => {
        const handle = memory.open(path, { write: true });
        handle.write(torrent.fileContent[2]!.subarray(at, at + 9), at + 1);
        handle.close();
        assertEquals(memory.stat(path)!.size, files[2]!.length);
      };
      const pieces = torrent.content.map((_, i) => i);
      // In the last whole piece of the file: the one after is written later.
      const at = files[2]!.length - 25_000;
      for (const i of pieces) {
        if (i !== end - 1) writePiece(storage, torrent, i);
      }
      await storage.flush();
      if (when === "before") {
        // It was there before; what is written over it makes it right.
        scribble(files[2]!.length - 20);
      } else if (when === "between") scribble(at);
      writePiece(storage, torrent, end - 1);
      await storage.flush();
      if (when === "after") scribble(at);
      if (when === "renamed") {
        scribble(at);
        await storage.renameFile(2, path.with(1, "other"));
        await storage.renameFile(2, path);
      }
      // Who takes the torrent up again looks at these pieces.
      const resume = await storage.resumeData();
      const again = new DiskManager({ fileSystem: memory });
      const other = await again.add(torrent, { existing: "resume", resume });
      const bad = when === "before" ? [] : [end - 2];
      const missing = (have: Bitfield) => pieces.filter((i) => !have.has(i));
      assertEquals(missing(other.have), bad, when);
      await again.close();

      if (when === "before") await storage.confirm();
      else {
        const error = await assertRejects(() => storage.confirm(), DiskError);
        assertEquals([error.code, error.files], ["replaced", ["torrent/f2"]]);
        const lost = events.filter(({ type }) => type === "pieces-lost");
        assertEquals(lost.map((event) => "pieces" in event && event.pieces), [
          bad,
        ]);
        assertEquals(missing(storage.have), bad);
        writePiece(storage, torrent, end - 2);
        await storage.flush();
        await storage.confirm();
      }
      assertFiles(memory, torrent);
      assert(first < end - 2);
    }
  },
);

Deno.test(
  "what the part file has of a file comes to its place when added",
  pure,
  async () => {
    const partName = partFileName(torrent.infoHash);
    // Piece 3 has the end of f0 and the start of f2.
    const shared = torrent.layout.filePieces(2).first;
    for (const kind of ["verify", "resume", "deselected"] as const) {
      for (const slow of [false, true]) {
        const memory = new MemoryFileSystem();
        let resume: Uint8Array;
        {
          await using bench = await open(torrent, {
            memory,
            slow,
            add: { skippedFiles: new Set([2, 3]) },
          });
          for (let i = 0; i <= shared; i++) {
            writePiece(bench.storage, torrent, i);
          }
          await bench.storage.flush();
          resume = await bench.storage.resumeData();
        }
        assert(memory.list().includes(partName));
        const skippedFiles = new Set(kind === "deselected" ? [3] : []);
        await using bench = await open(torrent, {
          memory,
          slow,
          add: {
            existing: kind === "resume" ? "resume" : "verify",
            resume,
            skippedFiles,
          },
        });
        const { storage } = bench;
        // Nothing of it has to be fetched again, and the part file is gone.
        for (let i = 0; i <= shared; i++) assert(storage.have.has(i));
        assertEquals(memory.list().includes(partName), false);
        assertEquals(
          await storage.readBlock(shared, 0, 32768),
          torrent.content[shared]!,
        );
        for (let i = shared + 1; i < torrent.content.length; i++) {
          writePiece(storage, torrent, i);
        }
        await storage.setFileWanted(3, true);
        await storage.flush();
        assertFiles(memory, torrent);
        assertEquals(memory.list().includes(partName), false);
      }
    }
  },
);

Deno.test("a part file is read where nothing is written", pure, async () => {
  const memory = new MemoryFileSystem();
  const shared = torrent.layout.filePieces(2).first;
  {
    await using bench = await open(torrent, {
      memory,
      add: { skippedFiles: new Set([2, 3]) },
    });
    for (let i = 0; i <= shared; i++) writePiece(bench.storage, torrent, i);
  }
  const before = memory.list();
  await using bench = await open(torrent, {
    memory,
    add: { existing: "verify", readOnly: true },
  });
  assertEquals(bench.storage.have.count, shared + 1);
  assertEquals(
    await bench.storage.readBlock(shared, 0, 32768),
    torrent.content[shared]!,
  );
  assertEquals(memory.list(), before);
});

Deno.test(
  "a file that cannot be read counts as missing where nothing is written",
  pure,
  async () => {
    const reason = new DiskError("permission", "no", { operation: "look" });
    for (const failing of ["stat", "open", "read"] as const) {
      const fileSystem = interceptFileSystem(
        filled(torrent),
        injectFaults(({ operation, path }) =>
          operation === failing && path.at(-1) === "f2"
            ? { error: reason }
            : undefined
        ),
      );
      const events: TorrentStorageEvent[] = [];
      const disk = new DiskManager({ fileSystem });
      const add = {
        existing: "verify",
        onEvent: (event: TorrentStorageEvent) => events.push(event),
      } as const;
      await assertRejects(() => disk.add(torrent, add), DiskError, "no");
      const storage = await disk.add(torrent, { ...add, readOnly: true });
      const { first } = torrent.layout.filePieces(2);
      assertEquals(storage.have.count, first, failing);
      const [event, ...others] = events;
      assert(event?.type === "unreadable");
      assertEquals([event.files, event.error.code], [[2], "permission"]);
      assertEquals(others, []);
      await disk.close();
    }
  },
);

Deno.test("where nothing at all can be read it is an error", pure, async () => {
  const disk = new DiskManager({
    fileSystem: interceptFileSystem(
      filled(torrent),
      injectFaults(({ operation }) =>
        operation === "open"
          ? { error: new DiskError("permission", "no", { operation }) }
          : undefined
      ),
    ),
  });
  const add = { existing: "verify", readOnly: true } as const;
  await assertRejects(() => disk.add(torrent, add), DiskError, "no");
  await disk.close();
});
