import { assertEquals, assertRejects } from "@std/assert";
import { CommandError } from "../../cli/error.ts";
import { readFile, type ReadFileOptions } from "../../cli/read_file.ts";
import { bipArguments } from "../support/bip_command.ts";
import { startBip } from "../support/bip.ts";
import { TempDir } from "../support/paths.ts";

const LIMIT: ReadFileOptions = { limit: 3000, kind: "a note", exitCode: 4 };

async function codeOf(work: Promise<unknown>): Promise<[number, string]> {
  const { exitCode, code } = await assertRejects(() => work, CommandError);
  return [exitCode, code];
}

Deno.test("readFile() reads up to the limit, and no byte more", async () => {
  await using dir = new TempDir();
  const path = dir.join("f");
  for (const size of [0, 1, 1024, 3000]) {
    await Deno.writeFile(path, new Uint8Array(size).fill(5));
    assertEquals((await readFile(path, LIMIT)).length, size);
  }
  await Deno.writeFile(path, new Uint8Array(3001));
  assertEquals(await codeOf(readFile(path, LIMIT)), [4, "too-large"]);
  assertEquals(await codeOf(readFile(dir.join("no"), LIMIT)), [6, "not-found"]);
  assertEquals(await codeOf(readFile(dir.path, LIMIT)), [6, "is-a-folder"]);
});

Deno.test({
  name: "readFile() comes to an end with devices",
  ignore: Deno.build.os === "windows",
  async fn() {
    assertEquals(await codeOf(readFile("/dev/zero", LIMIT)), [4, "too-large"]);
    assertEquals((await readFile("/dev/null", LIMIT)).length, 0);
  },
});

Deno.test({
  name: "a folder in place of stdin is told by that name",
  ignore: Deno.build.os === "windows",
  async fn() {
    const child = new Deno.Command("sh", {
      args: [
        "-c",
        '"$@" < /',
        "sh",
        Deno.execPath(),
        ...bipArguments(["info", "-"]),
      ],
      env: { NO_COLOR: "1" },
    });
    const { code, stderr } = await child.output();
    assertEquals(code, 6);
    assertEquals(
      new TextDecoder().decode(stderr),
      "bip: error: Cannot read stdin: it is a folder\n",
    );
  },
});

Deno.test({
  name: "bip info stops waiting for a pipe at a signal",
  ignore: Deno.build.os === "windows",
  timeout: 30_000,
  async fn() {
    await using dir = new TempDir();
    const pipe = dir.join("pipe");
    const made = await new Deno.Command("mkfifo", { args: [pipe] }).output();
    assertEquals(made.code, 0);
    await using child = startBip(["info", pipe]);
    // Opens when the other side does.
    using _ = await Deno.open(pipe, { write: true });
    child.kill("SIGTERM");
    assertEquals((await child.result).code, 130);
  },
});
