import { assertEquals } from "@std/assert";
import { DiskError, toDiskError } from "../../disk/mod.ts";

Deno.test("toDiskError() says what the system says, without what Deno adds", {
  permissions: "none",
}, () => {
  const cause = new Deno.errors.NotADirectory(
    "Not a directory (os error 20): lstat '/secret/place'",
  );
  const options = { operation: "stat", path: ["a", "b"] };
  const error = toDiskError(cause, options);
  assertEquals(error.message, 'Cannot stat "a/b": Not a directory');
  assertEquals(error.cause, cause);
  assertEquals(toDiskError(error, options), error);
  assertEquals(
    toDiskError("odd", options).message,
    new DiskError("io", "odd", options).message,
  );
});
