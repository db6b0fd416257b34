import { assertEquals } from "@std/assert";
import { DaemonError } from "../../../daemon/error.ts";
import { MAX_WATCHED_BYTES } from "../../../daemon/rules/watch_machine.ts";
import { WatchFolder } from "../../../daemon/run/watch_folder.ts";
import { TempDir } from "../../support/paths.ts";

function watching(dir: TempDir, addedDir = "", whileAdding = () => {}) {
  const added: string[] = [];
  const told: (string | undefined)[][] = [];
  const folder = new WatchFolder<string>({
    enabled: true,
    dir: dir.path,
    addedDir,
  }, {
    add(source) {
      const text = typeof source === "string"
        ? source
        : new TextDecoder().decode(source);
      if (text === "half") {
        return Promise.reject(
          new DaemonError("bad-source", "It is half of one"),
        );
      }
      if (text === "known") {
        return Promise.reject(
          new DaemonError("duplicate", "It was already added"),
        );
      }
      added.push(text);
      whileAdding();
      return Promise.resolve(text);
    },
    told: (file, torrent, message) =>
      told.push([file.slice(dir.path.length + 1), torrent, message]),
  });
  const names = () =>
    [...Deno.readDirSync(dir.path)].map(({ name }) => name).sort();
  return { folder, added, told, names };
}

Deno.test("files are added when they are whole, then renamed", async () => {
  await using dir = new TempDir();
  const { folder, added, told, names } = watching(dir);
  await Deno.writeTextFile(dir.join("a.torrent"), "one");
  await Deno.writeTextFile(dir.join("b.magnet"), "magnet:?");
  await Deno.writeTextFile(dir.join("c.torrent"), "known");
  await Deno.writeTextFile(dir.join("d.txt"), "text");
  await Deno.mkdir(dir.join("e.torrent"));
  await folder.look();
  assertEquals(added, []);
  await Promise.all([folder.look(), folder.look()]);
  assertEquals(added, ["one", "magnet:?"]);
  assertEquals(names(), [
    "a.torrent.added",
    "b.magnet.added",
    "c.torrent.added",
    "d.txt",
    "e.torrent",
  ]);
  assertEquals(told, [
    ["a.torrent", "one", undefined],
    ["b.magnet", "magnet:?", undefined],
    ["c.torrent", undefined, "It was already added"],
  ]);
});

Deno.test("half of a file stays, and is told once until it changes", async () => {
  await using dir = new TempDir();
  const { folder, added, told, names } = watching(dir);
  const path = dir.join("a.torrent");
  await Deno.writeTextFile(path, "half");
  for (let i = 0; i < 4; i++) await folder.look();
  assertEquals(told, [["a.torrent", undefined, "It is half of one"]]);
  assertEquals(names(), ["a.torrent"]);
  await Deno.writeTextFile(path, "whole");
  for (let i = 0; i < 3; i++) await folder.look();
  assertEquals(added, ["whole"]);
});

Deno.test("added files go to a folder of their own", async () => {
  await using dir = new TempDir();
  await using done = new TempDir();
  const { folder, names } = watching(dir, done.join("x", "y"));
  await Deno.writeTextFile(dir.join("a.torrent"), "one");
  await folder.look();
  await folder.look();
  assertEquals(names(), []);
  assertEquals(
    await Deno.readTextFile(done.join("x", "y", "a.torrent")),
    "one",
  );
});

Deno.test("a folder that is not there is told of once", async () => {
  await using dir = new TempDir();
  const { told, folder } = watching({ path: dir.join("none") } as TempDir);
  for (let i = 0; i < 3; i++) await folder.look();
  assertEquals(told.length, 1);
  await Deno.mkdir(dir.join("none"));
  await folder.look();
  await Deno.remove(dir.join("none"));
  await folder.look();
  assertEquals(told.length, 2);
});

Deno.test("a file that grew, or went, while others were added is not read", async () => {
  await using dir = new TempDir();
  const names = ["a.torrent", "b.torrent", "c.torrent"];
  const { folder, added, told } = watching(dir, "", () => {
    Deno.truncateSync(dir.join("b.torrent"), MAX_WATCHED_BYTES + 1);
    Deno.removeSync(dir.join("c.torrent"));
    Deno.mkdirSync(dir.join("c.torrent"));
  });
  for (const name of names) await Deno.writeTextFile(dir.join(name), name);
  await folder.look();
  await folder.look();
  assertEquals(added, ["a.torrent"]);
  assertEquals(told, [
    ["a.torrent", "a.torrent", undefined],
    ["b.torrent", undefined, "It is no longer a torrent file"],
    ["c.torrent", undefined, "It is no longer a torrent file"],
  ]);
});

Deno.test("what was added does not take the place of what was before it", async () => {
  await using dir = new TempDir();
  await using done = new TempDir();
  for (const addedDir of ["", done.path]) {
    const { folder, added } = watching(dir, addedDir);
    for (const text of ["one", "other", "third"]) {
      await Deno.writeTextFile(dir.join("a.torrent"), text);
      for (let i = 0; i < 3; i++) await folder.look();
    }
    assertEquals(added, ["one", "other", "third"]);
    const first = addedDir === ""
      ? dir.join("a.torrent.added")
      : done.join("a.torrent");
    assertEquals(
      ["", ".2", ".3"].map((end) => Deno.readTextFileSync(first + end)),
      ["one", "other", "third"],
    );
  }
});
