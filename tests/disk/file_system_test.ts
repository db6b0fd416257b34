import { assertEquals, assertThrows } from "@std/assert";
import { DiskError } from "../../disk/error.ts";
import { checkFilePath } from "../../disk/file_system.ts";
import { HandleCache, HandlePool } from "../../disk/files/handle_cache.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import {
  FileTimings,
  injectFaults,
  interceptFileSystem,
} from "../../disk/middleware.ts";
import { NativeFileSystem } from "../../disk/native_file_system.ts";
import { SimClock } from "../../testing/sim_clock.ts";
import { testFileSystem } from "../../testing/file_system_compliance.ts";

const nothing = () => {};

testFileSystem({
  name: "memory",
  permissions: "none",
  make: () => ({ fileSystem: new MemoryFileSystem(), cleanUp: nothing }),
});

testFileSystem({
  name: "handle cache of one over memory",
  permissions: "none",
  make: () => ({
    fileSystem: new HandleCache(new MemoryFileSystem(), new HandlePool(1)),
    cleanUp: nothing,
  }),
});

testFileSystem({
  name: "everything asynchronous",
  permissions: "none",
  make: () => ({
    fileSystem: new HandleCache(
      interceptFileSystem(
        interceptFileSystem(
          new MemoryFileSystem(),
          new FileTimings(new SimClock()),
        ),
        injectFaults(() => ({ after: Promise.resolve() })),
      ),
      new HandlePool(2),
    ),
    cleanUp: nothing,
  }),
});

const disk = { read: true, write: true } as const;

function makeNative(base: (folder: string) => string, cached: boolean) {
  return () => {
    const folder = Deno.makeTempDirSync({ prefix: "bip_disk_" });
    const native = new NativeFileSystem(base(folder));
    return {
      fileSystem: cached ? new HandleCache(native) : native,
      cleanUp: () => Deno.removeSync(folder, { recursive: true }),
    };
  };
}

testFileSystem({
  name: "native",
  permissions: disk,
  make: makeNative((folder) => folder, false),
});

testFileSystem({
  name: "native, base folder to be made, trailing slashes, cached",
  permissions: disk,
  make: makeNative((folder) => `${folder}/not/yet//`, true),
});

Deno.test(
  "memory: capacity behaves as a full disk",
  { permissions: "none" },
  () => {
    const files = new MemoryFileSystem({ capacityBytes: 2 * 65536 });
    const handle = files.open(["x"], { write: true });
    handle.write(new Uint8Array(2 * 65536), 0);
    let code = "";
    try {
      handle.write(new Uint8Array(1), 2 * 65536);
    } catch (error) {
      code = (error as { code: string }).code;
    }
    assertEquals(code, "disk-full");
    assertEquals(files.usedBytes, 2 * 65536);
    files.remove(["x"]);
    assertEquals(files.usedBytes, 0);
    assertEquals(files.list(), []);
  },
);

Deno.test("checkFilePath() refuses what leads elsewhere, on Windows more", {
  permissions: "none",
}, () => {
  const isSafe = (name: string, windows: boolean) => {
    try {
      checkFilePath(["a", name], "open", windows);
      return true;
    } catch (error) {
      assertEquals(error instanceof DiskError && error.code, "unsafe-path");
      return false;
    }
  };
  for (const name of ["", ".", "..", "a/b", "/", "a\0"]) {
    assertEquals([isSafe(name, false), isSafe(name, true)], [false, false]);
  }
  for (const name of [...'\x01\x1f\\:*?"<>|'].map((one) => `a${one}b`)) {
    assertEquals(
      [isSafe(name, false), isSafe(name, true)],
      [true, false],
      name,
    );
  }
  for (const name of ["...", "a.b", "ü", " ", "-", "a b"]) {
    assertEquals([isSafe(name, false), isSafe(name, true)], [true, true], name);
  }
  assertThrows(() => checkFilePath([], "open"), DiskError);
});
