import { assertEquals, assertThrows } from "@std/assert";
import type {
  FileHandle,
  FileOpenOptions,
  FilePath,
} from "../../../disk/file_system.ts";
import { HandleCache, HandlePool } from "../../../disk/files/handle_cache.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `HandleCache ${name}`, permissions: "none", fn });

/** Notes what is opened (`+`, for writing `!`) and closed (`-`). */
class NotingFileSystem extends MemoryFileSystem {
  readonly log: string[] = [];
  override open(path: FilePath, options: FileOpenOptions = {}): FileHandle {
    const name = path.join("/");
    const handle = super.open(path, options);
    this.log.push(`${options.write ? "!" : "+"}${name}`);
    return Object.assign(Object.create(handle), {
      read: handle.read.bind(handle),
      write: handle.write.bind(handle),
      size: handle.size.bind(handle),
      close: () => void this.log.push(`-${name}`),
    });
  }
}

function setUp(most: number, ...names: readonly string[]) {
  const files = new NotingFileSystem();
  for (const name of names) files.open([name], { write: true });
  files.log.length = 0;
  const pool = new HandlePool(most);
  const cache = new HandleCache(files, pool);
  const open = (name: string, write = false) =>
    cache.open([name], { write }) as FileHandle;
  const log = () => files.log.splice(0).join(" ");
  return { pool, cache, open, log };
}

test("keeps the files used last open", () => {
  const { pool, open, log } = setUp(2, "a", "b", "c");
  for (const name of ["a", "b", "a"]) open(name).close();
  assertEquals(log(), "+a +b");
  open("c").close();
  assertEquals([log(), pool.size], ["+c -b", 2]);
  open("a").close();
  assertEquals(log(), "");
});

test("closes nothing that is in use", () => {
  const { pool, cache, open, log } = setUp(1, "a", "b", "c");
  const a = open("a");
  const b = open("b");
  assertEquals([log(), pool.size], ["+a +b", 2]);
  b.close();
  open("c").close();
  assertEquals([log(), pool.size], ["+c -b", 2]);
  cache.drop(["a"]);
  assertEquals([log(), pool.size], ["", 1]);
  a.close();
  assertEquals(log(), "-a");
  a.close();
  assertEquals(log(), "");
});

test("opens a file anew for writing, and keeps that for reading", () => {
  const { cache, open, log } = setUp(9, "a");
  open("a").close();
  open("a", true).close();
  assertEquals(log(), "+a -a !a");
  open("a").close();
  open("a", true).close();
  assertEquals(log(), "");
  cache.rename(["a"], ["b"]);
  assertEquals(log(), "-a");
  open("b").close();
  cache.remove(["b"]);
  assertEquals(log(), "+b -b");
  assertThrows(() => open("b"));
});

test("closes all, or what is idle", () => {
  const { pool, cache, open, log } = setUp(9, "a", "b", "c");
  const a = open("a");
  open("b").close();
  assertEquals([pool.closeIdle(), log()], [true, "+a +b -b"]);
  assertEquals(pool.closeIdle(), false);
  open("c").close();
  cache.close();
  assertEquals(log(), "+c -c");
  a.close();
  assertEquals([log(), pool.size], ["-a", 0]);
});

Deno.test("HandleCache: what was only read may fail to be closed when it is written to", async () => {
  const memory = new MemoryFileSystem();
  memory.open(["a"], { write: true });
  const files = Object.assign(Object.create(memory), {
    open: (path: FilePath, options: FileOpenOptions = {}) =>
      Object.assign(Object.create(memory.open(path, options)), {
        close: () => options.write ? undefined : Promise.reject(new Error()),
      }),
  });
  const cache = new HandleCache(files);
  await (cache.open(["a"]) as FileHandle).close();
  await (cache.open(["a"], { write: true }) as FileHandle).close();
  await cache.close();
});
