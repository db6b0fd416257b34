import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../disk/error.ts";
import { DiskManager } from "../../disk/manager.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import {
  type FileOperation,
  injectFaults,
  interceptFileSystem,
} from "../../disk/middleware.ts";
import { STEP_BYTES, TURN_BYTES } from "../../disk/turns.ts";
import { makeTorrent } from "./support.ts";

const pure = { permissions: "none" } as const;
/** Most steps of one turn. */
const TURN = TURN_BYTES / STEP_BYTES;
const COUNT = 4 * TURN;

/** A torrent of empty files, and one of a few bytes. */
const torrent = makeTorrent({
  pieceLength: 16384,
  files: [...Array(COUNT).fill(0), 5],
});

/** Calls back at the hundredth call of a kind. */
function setUp(memory = new MemoryFileSystem()) {
  const calls = new Map<FileOperation, number>();
  const at: { operation?: FileOperation; run?: () => void } = {};
  const fileSystem = interceptFileSystem(
    memory,
    injectFaults(({ operation }) => {
      const count = (calls.get(operation) ?? 0) + 1;
      calls.set(operation, count);
      if (operation === at.operation && count === 100) at.run?.();
      return undefined;
    }),
  );
  const disk = new DiskManager({ fileSystem });
  const arm = (operation: FileOperation, run: () => void) => {
    calls.clear();
    Object.assign(at, { operation, run });
  };
  return { memory, disk, calls, arm };
}

const reason = new Error("enough");

Deno.test("making files ends with the signal", pure, async () => {
  const { memory, disk, arm } = setUp();
  await using _ = disk;
  const ended = new AbortController();
  arm("open", () => ended.abort(reason));
  const error = await assertRejects(() =>
    disk.add(torrent, { existing: "assume-empty", signal: ended.signal })
  );
  assertEquals(error, reason);
  assertEquals(memory.list().length, TURN - 1);
});

Deno.test(
  "looking at files ends with the signal, or the manager",
  pure,
  async () => {
    const { memory, disk, arm, calls } = setUp();
    const ended = new AbortController();
    arm("stat", () => ended.abort(reason));
    const error = await assertRejects(() =>
      disk.add(torrent, { signal: ended.signal })
    );
    assertEquals(error, reason);
    assertEquals(calls.get("stat"), TURN);
    let closing: Promise<void> | undefined;
    arm("stat", () => closing = disk.close());
    const { code } = await assertRejects(() => disk.add(torrent), DiskError);
    assertEquals([code, calls.get("stat")], ["closed", TURN]);
    await closing;
    assertEquals(memory.list(), []);
  },
);

Deno.test(
  "what is in the way of closing ends: a move, and all is as it was",
  pure,
  async () => {
    const { memory, disk, arm } = setUp();
    const storage = await disk.add(torrent);
    storage.writeBlock(0, 0, torrent.content[0]!);
    const before = memory.list();
    assertEquals(before.length, COUNT + 1);
    arm("rename", () => void disk.close());
    const { code } = await assertRejects(
      () => storage.move(["else"]),
      DiskError,
    );
    assertEquals(code, "closed");
    await disk.close();
    assertEquals(memory.list(), before);
  },
);

Deno.test("a copy to elsewhere ends with the storage", pure, async () => {
  const { memory, disk } = setUp();
  const long = makeTorrent({ pieceLength: 1 << 20, files: [9 << 20], id: 2 });
  const storage = await disk.add(long);
  storage.writeBlock(8, 0, long.content[8]!);
  const target = new MemoryFileSystem();
  let count = 0;
  const fileSystem = interceptFileSystem(
    target,
    injectFaults(({ operation }) => {
      if (operation === "write" && ++count === 2) void storage.close();
      return undefined;
    }),
  );
  const { code } = await assertRejects(
    () => storage.move([], { fileSystem }),
    DiskError,
  );
  assertEquals([code, count], ["closed", 4]);
  assertEquals([memory.list(), target.list()], [["torrent/f0"], []]);
  await disk.close();
});

Deno.test(
  "deletion ends with its signal, not with the storage",
  pure,
  async () => {
    const { memory, disk, arm } = setUp();
    await using _ = disk;
    const storage = await disk.add(torrent);
    const ended = new AbortController();
    arm("remove", () => ended.abort(reason));
    const { signal } = ended;
    const error = await assertRejects(() =>
      storage.remove({ deleteFiles: true, signal })
    );
    assertEquals(error, reason);
    assertEquals(memory.list().length, COUNT - TURN + 1);
    assertEquals(storage.state, "closed");
    const again = await disk.add(torrent);
    await again.remove({
      deleteFiles: true,
      signal: new AbortController().signal,
    });
    assertEquals(memory.list(), []);
  },
);

Deno.test("what stops a deletion is told", pure, async () => {
  let isLost = false;
  const fileSystem = Object.assign(new MemoryFileSystem(), {
    realPath(path: readonly string[]): string {
      if (isLost) throw new Error("no way there");
      return `/${path.join("/")}`;
    },
  });
  await using disk = new DiskManager({ fileSystem });
  const files = { files: [5, 5], paths: [["a", "x"], ["b", "y"]] };
  const apart = makeTorrent({ pieceLength: 16384, ...files, id: 4 });
  const storage = await disk.add(apart);
  isLost = true;
  const { signal } = new AbortController();
  const { errors } = await assertRejects(
    () => storage.remove({ deleteFiles: true, signal }),
    AggregateError,
  );
  assertEquals(errors.map(String), ["DiskError: Cannot remove: no way there"]);
  assertEquals(storage.state, "closed");
  isLost = false;
  await (await disk.add(apart)).close();
});

Deno.test(
  "a check of many small pieces ends with the signal",
  pure,
  async () => {
    const small = makeTorrent({
      pieceLength: 16,
      files: [16 * COUNT],
      id: 3,
    });
    const memory = new MemoryFileSystem();
    memory.open(small.paths[0]!, { write: true })
      .write(small.fileContent[0]!, 0);
    const { disk, arm, calls } = setUp(memory);
    await using _ = disk;
    const ended = new AbortController();
    arm("read", () => ended.abort(reason));
    const error = await assertRejects(() =>
      disk.add(small, { signal: ended.signal })
    );
    assertEquals(error, reason);
    assert(calls.get("read")! <= TURN);
  },
);
