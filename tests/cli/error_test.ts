import { assert, assertEquals } from "@std/assert";
import { CommandError, describeError, UsageError } from "../../cli/error.ts";
import { MagnetError } from "../../metainfo/magnet.ts";
import { MetainfoError } from "../../metainfo/metainfo.ts";
import { TempDir } from "../support/paths.ts";

Deno.test({
  name: "describeError - every kind of error has its exit code",
  permissions: "none",
  fn() {
    const named = (name: string, code?: string) =>
      Object.assign(new Error("x"), { name, ...(code && { code }) });
    const cases: [unknown, number, string][] = [
      [new UsageError("x"), 2, "usage"],
      [new CommandError(6, "disk-full", "x"), 6, "disk-full"],
      [new MetainfoError("missing", "info", "x"), 4, "missing"],
      [new MagnetError("bad-hash", "x"), 4, "bad-hash"],
      [named("BencodeSyntaxError"), 4, "bencode-syntax"],
      [named("DiskError", "disk-full"), 6, "disk-full"],
      [new Deno.errors.NotFound("x"), 6, "not-found"],
      [named("Error", "ENOSPC"), 6, "ENOSPC"],
      [new Error("No space left on device (os error 28)"), 6, "error"],
      [new DOMException("x", "TimeoutError"), 5, "timeout"],
      [new DOMException("x", "AbortError"), 130, "interrupted"],
      [new Deno.errors.ConnectionRefused("x"), 5, "connection-refused"],
      [new Error("x"), 1, "unexpected"],
      ["text", 1, "unexpected"],
      [undefined, 1, "unexpected"],
    ];
    for (const [error, exitCode, code] of cases) {
      const report = describeError(error);
      assertEquals(report.exitCode, exitCode, Deno.inspect(error));
      if (code !== "error") assertEquals(report.code, code);
      assertEquals(report.unexpected, exitCode === 1);
    }
  },
});

Deno.test({
  name: "describeError - a missing permission names the flag",
  permissions: "none",
  async fn() {
    let error: unknown;
    try {
      await Deno.readTextFile("x");
    } catch (thrown) {
      error = thrown;
    }
    const report = describeError(error);
    assertEquals(report.code, "permission-missing");
    assertEquals(report.unexpected, false);
    assert(report.hint?.includes("--allow-read"), report.hint);
    // Whatever it was wrapped in.
    const cause = new Error("Cannot look", { cause: error });
    for (
      const wrapped of [
        new CommandError(5, "unreachable", "Nobody", { cause }),
        Object.assign(cause, { name: "DiskError", code: "permission" }),
      ]
    ) assertEquals(describeError(wrapped), report);
  },
});

Deno.test({
  name: "describeError - a part that cannot be loaded is no defect",
  permissions: { read: true },
  async fn() {
    const thrown = async (specifier: string) => {
      try {
        return await import(specifier);
      } catch (error) {
        return describeError(error);
      }
    };
    const report = await thrown(new URL("./none.ts", import.meta.url).href);
    assertEquals([report.exitCode, report.code], [6, "not-loaded"]);
    assertEquals([report.unexpected, report.hint], [false, undefined]);
    assert(/^Cannot load a part of bip: .*none\.ts/.test(report.message));
    const { message } = describeError(
      Object.assign(
        new TypeError("Import 'https://jsr.io/x' failed.\n  0: dns error"),
        { code: "ERR_MODULE_NOT_FOUND" },
      ),
    );
    assertEquals(
      message,
      "Cannot load a part of bip: https://jsr.io/x could not be fetched and is not cached",
    );
  },
});

Deno.test("bip - says in one line that JSR is not in reach", async () => {
  await using temp = new TempDir();
  const cache = temp.path;
  // A port that is closed: the listener only reserves it.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const main = new URL("../../cli/main.ts", import.meta.url).href;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", main, "info", "x"],
    env: {
      NO_COLOR: "1",
      DENO_DIR: cache,
      JSR_URL: `http://127.0.0.1:${port}/`,
    },
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 6, text);
  assert(
    /^bip: error: Cannot load a part of bip: http:\S+ could not be fetched and is not cached\n$/
      .test(text),
    text,
  );
});
