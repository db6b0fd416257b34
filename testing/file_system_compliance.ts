/**
 * What every file system of `disk/` must do.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../disk/error.ts";
import type { FileSystem } from "../disk/file_system.ts";

/** How to make the file system under test. */
export interface ComplianceSubject {
  /** What the tests begin with. */
  readonly name: string;
  /**
   * Makes an empty one.
   *
   * @returns The file system, and what cleans up after it was closed.
   */
  make(): { fileSystem: FileSystem; cleanUp: () => void };
  /** What the tests may do. */
  readonly permissions: Deno.PermissionOptions;
}

const bytes = (...values: number[]) => new Uint8Array(values);

async function put(files: FileSystem, path: string[], data: Uint8Array) {
  const handle = await files.open(path, { write: true });
  await handle.write(data, 0);
  await handle.close();
}

async function get(files: FileSystem, path: string[]): Promise<Uint8Array> {
  const handle = await files.open(path);
  const data = new Uint8Array(await handle.size());
  assertEquals(await handle.read(data, 0), data.length);
  await handle.close();
  return data;
}

async function code(run: () => unknown): Promise<string> {
  const error = await assertRejects(async () => await run(), DiskError);
  return error.code;
}

/**
 * Registers tests that every `FileSystem` has to pass.
 *
 * @param subject The file system under test.
 */
export function testFileSystem(subject: ComplianceSubject): void {
  const test = (what: string, run: (files: FileSystem) => Promise<void>) =>
    Deno.test({
      name: `${subject.name}: ${what}`,
      permissions: subject.permissions,
      async fn() {
        const { fileSystem, cleanUp } = subject.make();
        try {
          await run(fileSystem);
        } finally {
          await fileSystem.close();
          cleanUp();
        }
      },
    });

  test("reads back what was written, folders made", async (files) => {
    await put(files, ["a", "b", "c.txt"], bytes(1, 2, 3));
    assertEquals(await get(files, ["a", "b", "c.txt"]), bytes(1, 2, 3));
    assertEquals((await files.stat(["a", "b", "c.txt"]))?.size, 3);
  });

  test("keeps positions of interleaved calls apart", async (files) => {
    const handle = await files.open(["x"], { write: true });
    const writes = [];
    for (let i = 9; i >= 0; i--) {
      writes.push(handle.write(new Uint8Array(1000).fill(i), i * 1000));
    }
    await Promise.all(writes);
    const parts = Array.from({ length: 10 }, () => new Uint8Array(1000));
    const counts = await Promise.all(
      parts.map((part, i) => handle.read(part, i * 1000)),
    );
    await handle.close();
    assertEquals(counts, new Array(10).fill(1000));
    parts.forEach((part, i) => assert(part.every((byte) => byte === i)));
  });

  test("a gap reads as zeros; reads stop at the end", async (files) => {
    const handle = await files.open(["x"], { write: true });
    await handle.write(bytes(9), 100_000);
    assertEquals(await handle.size(), 100_001);
    const data = new Uint8Array(10).fill(1);
    assertEquals(await handle.read(data, 50_000), 10);
    assertEquals(data, new Uint8Array(10));
    assertEquals(await handle.read(data, 100_000), 1);
    assertEquals(data[0], 9);
    assertEquals(await handle.read(data, 100_001), 0);
    assertEquals(await handle.read(data, 2 ** 40), 0);
    assertEquals(await handle.read(new Uint8Array(0), 0), 0);
    await handle.close();
  });

  test("overwrites in the middle", async (files) => {
    await put(files, ["x"], bytes(1, 2, 3, 4));
    const handle = await files.open(["x"], { write: true });
    await handle.write(bytes(8, 9), 1);
    await handle.close();
    assertEquals(await get(files, ["x"]), bytes(1, 8, 9, 4));
  });

  test("truncate cuts and extends with zeros", async (files) => {
    const handle = await files.open(["x"], { write: true });
    await handle.write(bytes(1, 2, 3, 4), 0);
    await handle.truncate(2);
    await handle.truncate(5);
    assertEquals(await handle.size(), 5);
    await handle.sync();
    await handle.close();
    assertEquals(await get(files, ["x"]), bytes(1, 2, 0, 0, 0));
  });

  test("offsets beyond 4 GiB", async (files) => {
    const offset = 5 * 2 ** 30 + 3;
    const handle = await files.open(["x"], { write: true });
    await handle.write(bytes(5), offset);
    const data = new Uint8Array(2);
    assertEquals(await handle.read(data, offset - 1), 2);
    assertEquals(data, bytes(0, 5));
    assertEquals(await handle.size(), offset + 1);
    await handle.close();
    assert(await files.remove(["x"]));
  });

  test("missing files", async (files) => {
    assertEquals(await files.stat(["no"]), undefined);
    assertEquals(await files.stat(["no", "such", "file"]), undefined);
    assertEquals(await code(() => files.open(["no"])), "not-found");
    assertEquals(await code(() => files.open(["a", "b"])), "not-found");
    assertEquals(await files.remove(["no"]), false);
    assertEquals(await code(() => files.rename(["no"], ["x"])), "not-found");
    assertEquals(await files.stat(["a"]), undefined);
  });

  test("opening for writing keeps the content", async (files) => {
    await put(files, ["x"], bytes(1, 2, 3));
    const handle = await files.open(["x"], { write: true });
    assertEquals(await handle.size(), 3);
    await handle.close();
  });

  test("remove, and folders only when empty", async (files) => {
    await put(files, ["f", "g", "x"], bytes(1));
    assertEquals(await files.removeEmptyFolder(["f", "g"]), false);
    assertEquals(await files.remove(["f", "g", "x"]), true);
    assertEquals(await files.stat(["f", "g", "x"]), undefined);
    assertEquals(await files.removeEmptyFolder(["f"]), false);
    assertEquals(await files.removeEmptyFolder(["f", "g"]), true);
    assertEquals(await files.removeEmptyFolder(["f"]), true);
    assertEquals(await files.removeEmptyFolder(["f"]), false);
  });

  test("rename makes folders and replaces only when told", async (files) => {
    await put(files, ["x"], bytes(1));
    await files.rename(["x"], ["new", "y"]);
    assertEquals(await files.stat(["x"]), undefined);
    assertEquals(await get(files, ["new", "y"]), bytes(1));
    await put(files, ["z"], bytes(2));
    assertEquals(
      await code(() => files.rename(["z"], ["new", "y"])),
      "exists",
    );
    assertEquals(await get(files, ["new", "y"]), bytes(1));
    await files.rename(["z"], ["new", "y"], { replace: true });
    assertEquals(await get(files, ["new", "y"]), bytes(2));
    assertEquals(await files.stat(["z"]), undefined);
  });

  test("a folder is no file, a file is no folder", async (files) => {
    await put(files, ["f", "x"], bytes(1));
    assertEquals(await code(() => files.open(["f"])), "not-a-file");
    assertEquals(
      await code(() => files.open(["f"], { write: true })),
      "not-a-file",
    );
    assertEquals(await code(() => files.stat(["f"])), "not-a-file");
    assertEquals(await code(() => files.remove(["f"])), "not-a-file");
    assertEquals(
      await code(() => files.open(["f", "x", "y"], { write: true })),
      "not-a-file",
    );
  });

  test("unsafe paths are refused everywhere", async (files) => {
    const unsafe = [
      [],
      [""],
      ["."],
      [".."],
      ["a", ".."],
      ["..", "a"],
      ["a/b"],
      ["/etc"],
      ["a\0b"],
      ["a", "", "b"],
    ];
    for (const path of unsafe) {
      assertEquals(await code(() => files.open(path)), "unsafe-path");
      assertEquals(
        await code(() => files.open(path, { write: true })),
        "unsafe-path",
      );
      assertEquals(await code(() => files.stat(path)), "unsafe-path");
      assertEquals(await code(() => files.remove(path)), "unsafe-path");
      assertEquals(
        await code(() => files.removeEmptyFolder(path)),
        "unsafe-path",
      );
      assertEquals(await code(() => files.rename(path, ["x"])), "unsafe-path");
      await put(files, ["q"], bytes(1));
      assertEquals(await code(() => files.rename(["q"], path)), "unsafe-path");
    }
  });

  test("closed handles say so, closing twice is fine", async (files) => {
    const handle = await files.open(["x"], { write: true });
    await handle.close();
    await handle.close();
    assertEquals(await code(() => handle.read(bytes(0), 0)), "closed");
    assertEquals(await code(() => handle.write(bytes(0), 0)), "closed");
    assertEquals(await code(() => handle.size()), "closed");
  });

  test("a read-only handle does not write", async (files) => {
    await put(files, ["x"], bytes(1));
    const handle = await files.open(["x"]);
    await assertRejects(
      async () => await handle.write(bytes(2), 0),
      DiskError,
    );
    await handle.close();
    assertEquals(await get(files, ["x"]), bytes(1));
  });

  test("the time changes with the content", async (files) => {
    await put(files, ["x"], bytes(1));
    const before = (await files.stat(["x"]))!.modifiedMs;
    assert(before > 0);
    assertEquals((await files.stat(["x"]))!.modifiedMs, before);
  });

  test("names that are odd but fine", async (files) => {
    for (const name of ["ünïcode ☃", "..a", "a..", "...", " ", "-rf", "%2e"]) {
      await put(files, [name, name], bytes(7));
      assertEquals(await get(files, [name, name]), bytes(7));
    }
  });

  test("a number tells files at one path apart, if there is one", async (files) => {
    await put(files, ["x"], bytes(1));
    const before = await files.stat(["x"]);
    const handle = await files.open(["x"]);
    const open = await handle.stat?.();
    if (open !== undefined) assertEquals(open, before);
    await handle.close();
    await files.rename(["x"], ["y"]);
    assertEquals((await files.stat(["y"]))?.id, before?.id);
    await put(files, ["x"], bytes(1));
    const after = await files.stat(["x"]);
    if (before?.id !== undefined) assert(after?.id !== before.id);
  });

  test("a file that is thought to be new is opened if it is not", async (files) => {
    for (const path of [["n"], ["f", "g", "n"]]) {
      const made = await files.open(path, { write: true, isNew: true });
      await made.write(bytes(1, 2, 3), 0);
      await made.close();
      const again = await files.open(path, { write: true, isNew: true });
      assertEquals(await again.size(), 3);
      await again.close();
    }
  });

  test("folders are listed, if they can be", async (files) => {
    if (files.listFolder === undefined) return;
    await put(files, ["f", "x"], bytes(1));
    await put(files, ["f", "g", "y"], bytes(1));
    const names = await files.listFolder(["f"]);
    assertEquals([...names ?? []].sort(), ["g", "x"]);
    assertEquals(await files.listFolder(["no"]), undefined);
    assertEquals(
      await code(() => files.listFolder!(["..", "f"])),
      "unsafe-path",
    );
    assertEquals(
      await code(() => files.listFolder!(["f", "x", "z"])),
      "not-a-file",
    );
  });

  test("a real path does not change when a file is made", async (files) => {
    if (files.realPath === undefined) return;
    const before = ["x", "y"].map((name) => files.realPath!(["f", name]));
    assertEquals(new Set(before).size, 2);
    await put(files, ["f", "x"], bytes(1));
    await put(files, ["f", "y"], bytes(1));
    const after = ["x", "y"].map((name) => files.realPath!(["f", name]));
    assertEquals(after, before);
    assertEquals(
      after.every((path) => path.startsWith(files.realPath!([]))),
      true,
    );
    assertEquals(await code(() => files.realPath!([".."])), "unsafe-path");
  });
}
