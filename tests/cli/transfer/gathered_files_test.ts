import { assertEquals, assertThrows } from "@std/assert";
import { GatheredFiles } from "../../../cli/transfer/gathered_files.ts";
import { DiskError } from "../../../disk/error.ts";
import { TempDir } from "../../support/paths.ts";

Deno.test("GatheredFiles reads parts where they are, and nothing else", async () => {
  await using temp = new TempDir();
  await Deno.mkdir(temp.join("x/deep"), { recursive: true });
  await Deno.writeTextFile(temp.join("x/deep/a"), "abc");
  await Deno.writeTextFile(temp.join("secret"), "no");
  const files = new GatheredFiles([
    { path: ["N", "part"], folder: temp.join("x"), name: "deep" },
    { path: ["N", "one"], folder: temp.join("x/deep"), name: "a" },
  ]);
  for (const path of [["N", "part", "a"], ["N", "one"]]) {
    assertEquals(files.stat(path)!.size, 3);
    const handle = files.open(path);
    const bytes = new Uint8Array(3);
    assertEquals(handle.read(bytes, 0), 3);
    handle.close();
    assertEquals(new TextDecoder().decode(bytes), "abc");
    assertEquals(
      files.localPath(path)!.replaceAll("\\", "/"),
      temp.join("x/deep/a").replaceAll("\\", "/"),
    );
    for (
      const run of [
        () => files.open(path, { write: true }),
        () => files.remove(path),
        () => files.removeEmptyFolder(path),
        () => files.rename(path),
      ]
    ) assertEquals(assertThrows(run, DiskError).code, "read-only");
  }
  for (const path of [["N", "secret"], ["N", "two"], ["x", "deep", "a"]]) {
    assertEquals(files.stat(path), undefined);
    assertEquals(files.localPath(path), undefined);
    const error = assertThrows(() => files.open(path), DiskError);
    assertEquals(error.code, "not-found");
  }
  for (const path of [["N", "part", ".."], ["N", "part", "../secret"], []]) {
    for (const run of [() => files.stat(path), () => files.open(path)]) {
      assertEquals(assertThrows(run, DiskError).code, "unsafe-path");
    }
  }
  assertEquals(await Deno.readTextFile(temp.join("x/deep/a")), "abc");
});
