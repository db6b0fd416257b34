import { assertEquals } from "@std/assert";
import { DaemonError } from "../../../daemon/error.ts";
import { stateError } from "../../../daemon/state/state_error.ts";

Deno.test("stateError() says what is wrong with the file", {
  permissions: "none",
}, () => {
  const told = (message: string) => {
    const error = stateError(new Error(message), "a.db", "open");
    return [(error as DaemonError).code, error.message];
  };
  assertEquals(told("database is locked"), [
    "locked",
    "a.db is in use by another daemon",
  ]);
  assertEquals(told("file is not a database")[0], "bad-state");
  assertEquals(told("database disk image is malformed"), [
    "bad-state",
    "a.db is damaged, and was not touched",
  ]);
  assertEquals(told("disk I/O error"), [
    "io",
    "Cannot open a.db: disk I/O error",
  ]);
  for (
    const error of [
      new DaemonError("closed", "The daemon is closed"),
      new Deno.errors.NotCapable("Requires read access"),
    ]
  ) assertEquals(stateError(error, "a.db", "open") === error, true);
});
