import { assertEquals, assertRejects } from "@std/assert";
import { CommandError } from "../../cli/error.ts";
import { readFile, type ReadFileOptions } from "../../cli/read_file.ts";
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
  name: "readFile() comes to an end with devices, and with pipes at the signal",
  ignore: Deno.build.os === "windows",
  async fn() {
    assertEquals(await codeOf(readFile("/dev/zero", LIMIT)), [4, "too-large"]);
    assertEquals((await readFile("/dev/null", LIMIT)).length, 0);
    await using dir = new TempDir();
    const pipe = dir.join("pipe");
    const made = await new Deno.Command("mkfifo", { args: [pipe] }).output();
    assertEquals(made.code, 0);
    const controller = new AbortController();
    const read = readFile(pipe, { ...LIMIT, signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    assertEquals(await read.catch((error) => error), reason);
    // The reading itself is still there: let it end before the test does.
    await Deno.writeTextFile(pipe, "late");
  },
  sanitizeOps: false,
});
