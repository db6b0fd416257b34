import { assertEquals, assertRejects } from "@std/assert";
import { CommandError } from "../../../cli/error.ts";
import { findFolder, makeFolder } from "../../../cli/torrent/folders.ts";
import type { MetainfoFile } from "../../../metainfo/metainfo.ts";
import { TempDir } from "../../support/paths.ts";

const fileAt = (...path: string[]) =>
  ({ path, length: 1, pad: false }) as unknown as MetainfoFile;

Deno.test("findFolder() takes the folder around a torrent, or what it holds", async () => {
  await using temp = new TempDir();
  const many = { name: "album", files: [fileAt("a"), fileAt("b")] };
  const one = { name: "film", files: [fileAt()] };
  await makeFolder(temp.join("album"));
  await makeFolder(temp.join("other"));
  await Deno.writeTextFile(temp.join("film"), "x");
  await Deno.writeTextFile(temp.join("other/a"), "x");
  const find = (path: string, torrent: typeof many) =>
    findFolder(path, torrent, "verify");
  assertEquals(await find(temp.path, many), temp.path);
  const own = await find(temp.join("album"), many);
  assertEquals(await Deno.realPath(own), await Deno.realPath(temp.path));
  const slash = await find(`${temp.join("album")}/`, many);
  assertEquals(await Deno.realPath(slash), await Deno.realPath(temp.path));
  // Where the person stands may be it.
  for (const dots of ["album/.", "album/x/..", "album/x/../"]) {
    await makeFolder(temp.join("album/x"));
    const around = await find(temp.join(dots), many);
    assertEquals(await Deno.realPath(around), await Deno.realPath(temp.path));
  }
  const ofFile = await find(temp.join("film"), one);
  assertEquals(await Deno.realPath(ofFile), await Deno.realPath(temp.path));
  // The file of a torrent of one file, but under another name.
  await assertRejects(
    () => find(temp.join("other/a"), one),
    CommandError,
    'it is not a folder, nor called "film"',
  );
  for (
    const [path, code] of [
      ["other", "own-folder"],
      ["film", "not-a-folder"],
      ["nowhere", "not-found"],
    ] as const
  ) {
    const error = await assertRejects(
      () => find(temp.join(path), many),
      CommandError,
    );
    assertEquals([error.exitCode, error.code], [6, code]);
  }
  await Deno.writeTextFile(temp.join("other/album"), "x");
  const file = temp.join("other/album");
  await assertRejects(
    () => find(file, many),
    CommandError,
    "it is not a folder",
  );
  // A torrent of one file in a folder is one with a folder.
  const deep = { name: "album", files: [fileAt("a")] };
  const around = await find(temp.join("album"), deep);
  assertEquals(await Deno.realPath(around), await Deno.realPath(temp.path));
});

Deno.test("makeFolder() says that a file is in the way", async () => {
  await using temp = new TempDir();
  await Deno.writeTextFile(temp.join("a"), "x");
  const error = await assertRejects(
    () => makeFolder(temp.join("a")),
    CommandError,
  );
  assertEquals(error.code, "not-a-folder");
});
