import { assertEquals, assertRejects } from "@std/assert";
import { Arguments } from "../../cli/command.ts";
import { CommandError, UsageError } from "../../cli/error.ts";
import { readLogin, readSecret } from "../../cli/login.ts";
import { TempDir } from "../support/paths.ts";

const { signal } = new AbortController();

const read = (values: Record<string, string>) =>
  readLogin(
    new Arguments(
      [],
      new Map(Object.entries(values).map(([key, value]) => [key, [value]])),
      new Set(),
    ),
    signal,
  );

Deno.test("a login stands on the command line or in a file", async () => {
  await using dir = new TempDir();
  const path = dir.join("login");
  await Deno.writeTextFile(path, "me:se:cret\n", { mode: 0o600 });
  assertEquals(await read({}), undefined);
  assertEquals(await read({ auth: "me:secret" }), "me:secret");
  assertEquals(await read({ "auth-file": path }), "me:se:cret");
  for (const auth of ["", "secret", ":secret", "me:"]) {
    const error = await assertRejects(() => read({ auth }), UsageError);
    assertEquals(error.message.includes("secret"), false);
  }
  await assertRejects(
    () => read({ auth: "me:secret", "auth-file": path }),
    UsageError,
    "not both",
  );
  await assertRejects(
    () => read({ "auth-file": dir.join("nix") }),
    CommandError,
  );
});

Deno.test({
  name: "a secret that others can read is none",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using dir = new TempDir();
    const path = dir.join("key");
    await Deno.writeTextFile(path, "secret", { mode: 0o600 });
    assertEquals(await readSecret(path, "a key", signal), "secret");
    for (const mode of [0o640, 0o604, 0o644, 0o660]) {
      await Deno.chmod(path, mode);
      const error = await assertRejects(
        () => readSecret(path, "a key", signal),
        CommandError,
        "chmod 600",
      );
      assertEquals([error.exitCode, error.code], [6, "not-secret"]);
    }
  },
});
