import { assertEquals } from "@std/assert";
import * as disk from "../../disk/mod.ts";

Deno.test("the face of disk has these values", { permissions: "none" }, () => {
  assertEquals(Object.keys(disk).sort(), [
    "DiskBudget",
    "DiskError",
    "DiskManager",
    "FileStorage",
    "FileTimings",
    "MemoryFileSystem",
    "MemoryStorage",
    "NativeFileSystem",
    "ObjectStorage",
    "checkFilePath",
    "findPaths",
    "injectFaults",
    "interceptFileSystem",
    "interceptStorage",
    "loadResumeData",
    "saveResumeData",
    "systemClock",
    "toDiskError",
  ]);
});
