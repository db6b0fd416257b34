import { assertEquals } from "@std/assert";
import { finishMove, finishRename } from "../../../daemon/run/load.ts";
import { TempDir } from "../../support/paths.ts";

function tree(path: string, prefix = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name, isDirectory } of Deno.readDirSync(path)) {
    const inner = `${path}/${name}`;
    if (isDirectory) Object.assign(found, tree(inner, `${prefix}${name}/`));
    else found[prefix + name] = Deno.readTextFileSync(inner);
  }
  return found;
}

async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.writeTextFile(path, text);
}

Deno.test("a move goes on where it was interrupted", async () => {
  await using dir = new TempDir();
  const [from, to] = [dir.join("from"), dir.join("to")];
  await write(`${to}/a/1`, "moved");
  // Half of a copy may have the length of the whole.
  await write(`${to}/a/2`, "wh\0\0\0");
  await write(`${from}/a/2`, "whole");
  await write(`${to}/a/4`, "wh");
  await write(`${from}/a/4`, "whole");
  await write(`${from}/a/sub/3`, "three");
  await write(`${from}/b`, "single");
  await write(`${from}/other`, "not ours");
  await finishMove(from, to, ["a", "b", "none", "..", "", "x/y"]);
  assertEquals(tree(to), {
    "a/1": "moved",
    "a/2": "whole",
    "a/4": "whole",
    "a/sub/3": "three",
    "b": "single",
  });
  assertEquals(tree(from), { other: "not ours" });
  await finishMove(from, to, ["a", "b"]);
  assertEquals(Object.keys(tree(to)).length, 5);
});

Deno.test("of a folder that others use only what is named is moved", async () => {
  await using dir = new TempDir();
  const [from, to] = [dir.join("from"), dir.join("to")];
  await write(`${from}/a/1`, "ours");
  await write(`${from}/a/2`, "another's");
  await write(`${from}/b/c/1`, "ours, too");
  await finishMove(from, to, ["a/1", "a/none", "a/../a/2", "b/c/1"]);
  assertEquals(tree(from), { "a/2": "another's" });
  assertEquals(tree(to), { "a/1": "ours", "b/c/1": "ours, too" });
  assertEquals([...Deno.readDirSync(from)].map(({ name }) => name), ["a"]);
});

Deno.test("what is something else stays, on both sides", async () => {
  await using dir = new TempDir();
  const [from, to] = [dir.join("from"), dir.join("to")];
  await write(`${from}/a/1`, "ours");
  await write(`${to}/a/1`, "of another length");
  await write(`${from}/a/2`, "ours");
  await write(`${to}/a/2`, "else");
  await write(`${from}/b/1`, "ours");
  await write(`${to}/b`, "a file");
  await write(`${from}/c`, "ours");
  await Deno.mkdir(`${to}/c`);
  await finishMove(from, to, ["a", "b", "c"]);
  assertEquals(tree(from), {
    "a/1": "ours",
    "a/2": "ours",
    "b/1": "ours",
    "c": "ours",
  });
  assertEquals(tree(to), {
    "a/1": "of another length",
    "a/2": "else",
    "b": "a file",
  });
});

Deno.test("a rename goes on where it was interrupted, under both names", async () => {
  await using dir = new TempDir();
  await write(dir.join("a/1"), "done");
  await write(dir.join("a/2.part"), "begun");
  await write(dir.join("a/3"), "there");
  await write(dir.join("b/3"), "in the way");
  await write(dir.join("b/d/4"), "renamed");
  const files = ["1", "2", "3", "d/4", "5"].map((name, index) => ({
    index,
    from: ["a", ...name.split("/")],
    to: ["b", ...name.split("/")],
  }));
  const renamed = await finishRename(dir.path, files, ".part");
  assertEquals(renamed.map(([index]) => index), [0, 1, 3, 4]);
  assertEquals(renamed[2]![1], ["b", "d", "4"]);
  const now = {
    "a/3": "there",
    "b/1": "done",
    "b/2.part": "begun",
    "b/3": "in the way",
    "b/d/4": "renamed",
  };
  assertEquals(tree(dir.path), now);
  await finishRename(dir.path, files);
  assertEquals(tree(dir.path), now);
});
