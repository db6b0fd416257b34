import { assertEquals, assertThrows } from "@std/assert";
import { DiskError } from "../../disk/error.ts";
import type { FilePath } from "../../disk/file_system.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { sleep } from "../../_shared/clock.ts";
import { SimClock } from "../../testing/sim_clock.ts";
import {
  type FileCall,
  type FileFault,
  FileTimings,
  injectFaults,
  interceptFileSystem,
} from "../../disk/middleware.ts";

const pure = { permissions: "none" } as const;
const path: FilePath = ["a"];

function setUp(
  decide: (call: FileCall, index: number) => FileFault | undefined,
) {
  const memory = new MemoryFileSystem();
  return { memory, files: interceptFileSystem(memory, injectFaults(decide)) };
}

Deno.test(
  "faults are decided call by call, by number and what is done",
  pure,
  () => {
    const calls: unknown[] = [];
    const { files } = setUp((call, index) => {
      calls.push([index, call.operation, call.path.join("/")]);
      return undefined;
    });
    const handle = files.open(path, { write: true });
    if (handle instanceof Promise) throw new Error("It waits");
    handle.write(Uint8Array.of(1, 2), 3);
    handle.read(new Uint8Array(9), 1);
    files.stat(path);
    files.remove(path);
    assertEquals(calls, [
      [0, "open", "a"],
      [1, "write", "a"],
      [2, "read", "a"],
      [3, "stat", "a"],
      [4, "remove", "a"],
    ]);
  },
);

Deno.test(
  "a write that is cut leaves its beginning, and says where it ended",
  pure,
  () => {
    for (
      const error of [
        undefined,
        new DiskError("io", "Broken", { operation: "write" }),
      ]
    ) {
      const { memory, files } = setUp(({ operation }) =>
        operation === "write" ? { length: 3, error } : undefined
      );
      const handle = files.open(path, { write: true });
      if (handle instanceof Promise) throw new Error("It waits");
      const thrown = assertThrows(
        () => handle.write(Uint8Array.of(1, 2, 3, 4, 5), 10),
        DiskError,
      );
      assertEquals(thrown.code, error?.code ?? "disk-full");
      assertEquals(thrown.offset, error === undefined ? 13 : undefined);
      const bytes = new Uint8Array(5);
      assertEquals(memory.open(path).read(bytes, 10), 3);
      assertEquals([...bytes], [1, 2, 3, 0, 0]);
    }
  },
);

Deno.test(
  "a read that is cut is short, a fault that waits comes later",
  pure,
  async () => {
    const gate = Promise.withResolvers<void>();
    const { memory, files } = setUp(({ operation }) =>
      operation === "read"
        ? { length: 1 }
        : operation === "stat"
        ? { after: gate.promise }
        : undefined
    );
    memory.open(path, { write: true }).write(Uint8Array.of(7, 8), 0);
    const handle = files.open(path);
    if (handle instanceof Promise) throw new Error("It waits");
    const bytes = new Uint8Array(2);
    assertEquals([handle.read(bytes, 0), [...bytes]], [1, [7, 0]]);
    const stat = files.stat(path);
    assertEquals(stat instanceof Promise, true);
    gate.resolve();
    assertEquals((await stat)?.size, 2);
  },
);

Deno.test(
  "FileTimings measures calls that end at once, later, or fail",
  pure,
  async () => {
    const clock = new SimClock();
    await clock.advance(1_000);
    const timings = new FileTimings(clock);
    const call = (
      operation: FileCall["operation"],
      length: number,
    ): FileCall => ({
      operation,
      path,
      offset: 0,
      length,
    });
    const later = (ms: number, fails: boolean) =>
      timings.intercept(call("write", 10), async () => {
        await sleep(clock, ms);
        if (fails) throw new Error("It failed");
      });
    timings.intercept(call("read", 5), () => 7);
    assertThrows(() =>
      timings.intercept(call("read", 1), () => {
        throw new Error("It failed");
      })
    );
    const writes = [later(30, false), later(70, true)].map((one) =>
      one instanceof Promise ? one.catch(() => {}) : one
    );
    await clock.advance(100);
    await Promise.all(writes);
    assertEquals([...timings.stats()], [
      ["read", { count: 2, failures: 1, bytes: 6, totalMs: 0, maxMs: 0 }],
      ["write", { count: 2, failures: 1, bytes: 20, totalMs: 100, maxMs: 70 }],
    ]);
  },
);
