import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { CommandError, UsageError } from "../../cli/error.ts";
import { checkOutput, replaceFile, writeOutput } from "../../cli/write_file.ts";
import { TempDir } from "../support/paths.ts";

const isWindows = Deno.build.os === "windows";
const bytes = new Uint8Array([1, 2, 3]);

async function namesOf(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name)
    .sort();
}

Deno.test("checkOutput() tries without leaving anything", async () => {
  await using temp = new TempDir();
  const path = temp.join("a");
  assertEquals(await checkOutput(path, false), undefined);
  assertEquals(await namesOf(temp.path), []);
  await Deno.writeFile(path, bytes);
  await assertRejects(() => checkOutput(path, false), UsageError, "already");
  assertEquals((await checkOutput(path, true))?.size, 3);
  assertEquals(await Deno.readFile(path), bytes);
  await assertRejects(() => checkOutput(temp.path, true), UsageError, "folder");
  const lost = temp.join("no/a");
  const error = await assertRejects(
    () => checkOutput(lost, true),
    CommandError,
  );
  assertEquals([error.exitCode, error.code], [6, "not-found"]);
  assertEquals(await checkOutput(lost, false, false), undefined);
});

Deno.test({
  name: "checkOutput() does not wait for a pipe, and takes no lost link",
  ignore: isWindows,
  async fn() {
    await using temp = new TempDir();
    const pipe = temp.join("pipe");
    await new Deno.Command("mkfifo", { args: [pipe] }).output();
    assertEquals((await checkOutput(pipe, true))?.isFifo, true);
    const link = temp.join("link");
    await Deno.symlink("nowhere", link);
    const error = await assertRejects(() => checkOutput(link, true));
    assert(error instanceof CommandError);
    assertStringIncludes(error.message, "it is a symbolic link that leads");
    assertEquals(await namesOf(temp.path), ["link", "pipe"]);
  },
});

Deno.test("writeOutput() replaces only when told", async () => {
  await using temp = new TempDir();
  const path = temp.join("a");
  await writeOutput(path, bytes, false);
  const error = await assertRejects(
    () => writeOutput(path, new Uint8Array(9), false),
    CommandError,
  );
  assertEquals(error.code, "already-exists");
  assertEquals(await Deno.readFile(path), bytes);
  await writeOutput(path, new Uint8Array(2), true);
  assertEquals(await Deno.readFile(path), new Uint8Array(2));
});

Deno.test("replaceFile() leaves one whole file, with its mode", async () => {
  await using temp = new TempDir();
  const path = temp.join("a");
  await replaceFile(path, bytes);
  if (!isWindows) await Deno.chmod(path, 0o600);
  // What a run that was killed has left.
  await Deno.writeTextFile(`${path}.new`, "half");
  await replaceFile(path, new Uint8Array(5));
  assertEquals(await Deno.readFile(path), new Uint8Array(5));
  if (!isWindows) assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
  assertEquals(await namesOf(temp.path), ["a"]);
  // A folder in the way of the new one.
  await Deno.mkdir(`${path}.new/x`, { recursive: true });
  await assertRejects(() => replaceFile(path, bytes), CommandError);
  assertEquals(await Deno.readFile(path), new Uint8Array(5));
});

Deno.test({
  name: "replaceFile() writes where a link leads, never through a strange one",
  ignore: isWindows,
  async fn() {
    await using temp = new TempDir();
    await Deno.mkdir(temp.join("sub"));
    await Deno.writeFile(temp.join("sub/real"), bytes);
    await Deno.symlink("sub/real", temp.join("link"));
    await Deno.writeTextFile(temp.join("other"), "precious");
    await Deno.symlink("../other", temp.join("sub/real.new"));
    await replaceFile(temp.join("link"), new Uint8Array(4));
    assert((await Deno.lstat(temp.join("link"))).isSymlink);
    assertEquals(await Deno.readFile(temp.join("sub/real")), new Uint8Array(4));
    assertEquals(await Deno.readTextFile(temp.join("other")), "precious");
    assertEquals(await namesOf(temp.join("sub")), ["real"]);
  },
});
