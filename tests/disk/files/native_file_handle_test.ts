import { assertEquals } from "@std/assert";
import { toFileInfo } from "../../../disk/files/native_file_handle.ts";

Deno.test("toFileInfo() numbers files by disk and inode", {
  permissions: "none",
}, () => {
  const info = (dev: number, ino: number | null, mtime: Date | null = null) =>
    toFileInfo({
      size: 3,
      mtime,
      ctime: new Date(6),
      dev,
      ino,
    } as Deno.FileInfo);
  assertEquals(info(1, null, new Date(5)), {
    size: 3,
    modifiedMs: 5,
    changedMs: 6,
    links: undefined,
    takenBytes: undefined,
    id: undefined,
  });
  assertEquals(info(1, 2).modifiedMs, 0);
  assertEquals(info(1, 2).id, info(1, 2).id);
  const ids = [info(1, 2), info(2, 1), info(2, 2)].map(({ id }) => id);
  assertEquals(new Set([...ids, undefined]).size, 4);
});
