import { assertEquals, assertRejects } from "@std/assert";
import { CreateError } from "../../../metainfo/create_error.ts";
import { planTorrent } from "../../../metainfo/create.ts";
import type { CreateMetainfoOptions } from "../../../metainfo/create_options.ts";
import { TempDir } from "../../support/paths.ts";
import { bytesOf, writeTree } from "../_payload.ts";

const isWindows = Deno.build.os === "windows";

/** Plans a torrent of the folder `d`; reasons by path below it. */
async function plan(temp: TempDir, options: Partial<CreateMetainfoOptions>) {
  const root = temp.join("d");
  const { files, leftOut, ...rest } = await planTorrent({
    inputs: [{ path: root }],
    ...options,
  });
  return {
    ...rest,
    files: Object.fromEntries(
      files.map(({ path, length }) => [path.join("/"), length]),
    ),
    leftOut: Object.fromEntries(
      leftOut.map(({ path, reason }) => [path.slice(root.length + 1), reason]),
    ),
  };
}

/** A folder with a link of each kind. */
async function linked(): Promise<TempDir> {
  const temp = new TempDir();
  await writeTree(temp.path, {
    "d/a": bytesOf(3, 1),
    "d/s/b": bytesOf(5, 2),
    "out/c": bytesOf(7, 3),
    "out/s/e": bytesOf(9, 4),
  });
  const links: [string, string][] = [
    ["a", "d/s/to-a"],
    ["../a", "d/s/near"],
    ["../out/c", "d/far"],
    ["../out", "d/folder"],
    [".", "d/self"],
    ["../..", "d/s/up"],
    ["round", "d/round"],
    ["nowhere", "d/dead"],
    ["a/b", "d/through-a-file"],
    // A circle beyond the folder itself.
    ["../../d/folder", "out/s/back"],
  ];
  for (const [target, path] of links) {
    await Deno.symlink(target, temp.join(path));
  }
  return temp;
}

Deno.test({
  name: "walkFolder() follows links, but in no circles",
  ignore: isWindows,
  async fn() {
    await using temp = await linked();
    const { files, leftOut, followedLinks, storedLinks } = await plan(temp, {
      symlinks: "follow",
    });
    assertEquals(files, {
      a: 3,
      far: 7,
      "folder/c": 7,
      "folder/s/e": 9,
      "s/b": 5,
      "s/near": 3,
    });
    assertEquals(leftOut, {
      dead: "dangling",
      "folder/s/back": "loop",
      round: "loop",
      "s/to-a": "dangling",
      "s/up": "loop",
      self: "loop",
      "through-a-file": "dangling",
    });
    assertEquals([followedLinks, storedLinks], [3, 0]);
  },
});

Deno.test({
  name: "walkFolder() stores or skips links and tells of each",
  ignore: isWindows,
  async fn() {
    await using temp = await linked();
    const stored = await plan(temp, { symlinks: "store" });
    assertEquals(stored.files, { a: 3, "s/b": 5, "s/near": 0 });
    assertEquals([stored.followedLinks, stored.storedLinks], [0, 1]);
    assertEquals(Object.keys(stored.leftOut).length, 8);
    assertEquals(new Set(Object.values(stored.leftOut)), new Set(["outside"]));
    const skipped = await plan(temp, {});
    assertEquals(skipped.files, { a: 3, "s/b": 5 });
    assertEquals(Object.keys(skipped.leftOut).length, 9);
    assertEquals(new Set(Object.values(skipped.leftOut)), new Set(["symlink"]));
    const { code } = await assertRejects(
      () => plan(temp, { symlinks: "refuse" }),
      CreateError,
    );
    assertEquals(code, "symlink");
  },
});

Deno.test({
  name: "walkFolder() leaves out pipes and what links lead to of that kind",
  ignore: isWindows,
  async fn() {
    await using temp = new TempDir();
    await writeTree(temp.path, { "d/a": bytesOf(3, 1) });
    const { code } = await new Deno.Command("mkfifo", {
      args: [temp.join("d/pipe")],
    }).output();
    assertEquals(code, 0);
    await Deno.symlink("pipe", temp.join("d/link"));
    const { leftOut, followedLinks } = await plan(temp, { symlinks: "follow" });
    assertEquals(leftOut, { link: "not-a-file", pipe: "not-a-file" });
    assertEquals(followedLinks, 0);
  },
});

Deno.test("walkFolder() tells of folders that nothing is in", async () => {
  await using temp = new TempDir();
  await writeTree(temp.path, { "d/a": bytesOf(1, 1) });
  await Deno.mkdir(temp.join("d/s/t"), { recursive: true });
  const { files, leftOut } = await plan(temp, {});
  assertEquals(files, { a: 1 });
  assertEquals(leftOut, { "s/t": "empty" });
});

Deno.test("walkFolder() asks the filter, and walks no folder that it refuses", async () => {
  await using temp = new TempDir();
  await writeTree(temp.path, {
    "d/a": bytesOf(1, 1),
    "d/no/x/y": bytesOf(1, 2),
    "d/s/t/b": bytesOf(1, 3),
    "d/s/t/no": bytesOf(1, 4),
  });
  const asked: [string, boolean][] = [];
  const { files, leftOut } = await plan(temp, {
    filter(path, isFolder) {
      asked.push([path, isFolder]);
      return !/(^|\/)no$/.test(path);
    },
  });
  assertEquals(files, { a: 1, "s/t/b": 1 });
  assertEquals(leftOut, {});
  assertEquals(asked.sort(), [
    ["a", false],
    ["no", true],
    ["s", true],
    ["s/t", true],
    ["s/t/b", false],
    ["s/t/no", false],
  ]);
});
