import { assertEquals } from "@std/assert";
import { CommandError } from "../../cli/error.ts";
import { ioError, listenError } from "../../cli/io_error.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "ioError() words what the system says, and leaves the rest",
  none,
  () => {
    const full = Object.assign(new Error("x (os error 28)"), {
      code: "ENOSPC",
    });
    for (
      const [error, code, reason] of [
        [new Deno.errors.NotFound("x"), "not-found", "there is no such file"],
        [new Deno.errors.PermissionDenied("x"), "permission-denied", "denied"],
        [full, "disk-full", "the disk is full"],
        [new Error("Odd thing (os error 99): stat 'a'"), "io", ": Odd thing"],
      ] as const
    ) {
      const worded = ioError(error, "read", "a b") as CommandError;
      assertEquals(worded instanceof CommandError, true);
      assertEquals([worded.code, worded.exitCode], [code, 6]);
      assertEquals(worded.message.startsWith("Cannot read a b: "), true);
      assertEquals(worded.message.includes(reason), true, worded.message);
      assertEquals(worded.message.includes("os error"), false);
      assertEquals(worded.cause, error);
    }
    const empty = ioError(new Deno.errors.NotFound(), "read", "");
    assertEquals((empty as Error).message.startsWith('Cannot read "": '), true);
    for (const other of [new TypeError("mine"), "text", undefined]) {
      assertEquals(ioError(other, "read", "a"), other);
    }
  },
);

Deno.test("listenError() words all but defects and permissions", none, () => {
  const used = new Deno.errors.AddrInUse("in use");
  const worded = listenError(used, "port 1") as CommandError;
  assertEquals([worded.code, worded.exitCode], ["listen", 6]);
  assertEquals(worded.message, "Cannot listen on port 1: in use");
  for (
    const other of [new RangeError("x"), new Deno.errors.NotCapable("x"), 7]
  ) assertEquals(listenError(other, "port 1"), other);
});
