import { assertEquals } from "@std/assert";
import { DiskError } from "../../disk/error.ts";
import { syncFile } from "../../disk/file_system.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { injectFaults, interceptFileSystem } from "../../disk/middleware.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "syncFile() waits for a file that is there, and makes none",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    const calls: string[] = [];
    const state: { error?: Error } = {};
    const files = interceptFileSystem(
      memory,
      injectFaults(({ operation }) => {
        calls.push(operation);
        const { error } = state;
        return operation === "sync" && error ? { error } : undefined;
      }),
    );
    assertEquals(await syncFile(files, ["f", "x"]), undefined);
    assertEquals([calls.splice(0), memory.list()], [["stat"], []]);
    memory.open(["f", "x"], { write: true });
    assertEquals(await syncFile(files, ["f", "x"]), undefined);
    assertEquals(calls.splice(0), ["stat", "open", "sync", "close"]);
    state.error = new Error("broken");
    const failed = await syncFile(files, ["f", "x"]);
    assertEquals(failed instanceof DiskError, true);
    assertEquals(failed!.message, 'Cannot sync "f/x": broken');
  },
);
