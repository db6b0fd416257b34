import { assertEquals, assertThrows } from "@std/assert";
import { Arguments } from "../../../cli/command.ts";
import { UsageError } from "../../../cli/error.ts";
import { FileChoice, leftOutText } from "../../../cli/torrent/file_choice.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name, permissions: "none", fn });

function choiceOf(
  values: Record<string, string[]>,
  ...switches: string[]
): FileChoice {
  return new FileChoice(
    new Arguments([], new Map(Object.entries(values)), new Set(switches)),
  );
}

test("FileChoice - hidden and system files only when told", () => {
  const hidden = [
    ".git",
    "a/.DS_Store",
    "Thumbs.db",
    "x/DESKTOP.INI",
    `.${"0".repeat(40)}.bip-part`,
  ];
  const choice = choiceOf({});
  for (const path of hidden) assertEquals(choice.takes(path, false), false);
  assertEquals(choice.takes("a.b/c", false), true);
  assertEquals(choice.hidden, 5);
  const all = choiceOf({}, "hidden");
  for (const path of hidden) assertEquals(all.takes(path, false), true);
});

test("FileChoice - exclude prunes, include takes files and what is in folders", () => {
  const choice = choiceOf({
    include: ["*.mkv", "extras/", "a/b/*.txt"],
    exclude: ["sample*", "/a/c/"],
  });
  const takes = (path: string, isFolder = false) =>
    choice.takes(path, isFolder);
  assertEquals(takes("x/ep.mkv"), true);
  assertEquals(takes("extras/deep/notes"), true);
  assertEquals(takes("a/b/n.txt"), true);
  assertEquals(takes("b/n.txt"), false);
  assertEquals(takes("x", true), true);
  assertEquals(takes("sample.mkv"), false);
  assertEquals(takes("x/samples", true), false);
  assertEquals(takes("a/c", true), false);
  assertEquals([choice.notIncluded, choice.excluded], [1, 3]);
  assertThrows(
    () => choiceOf({ exclude: ["{a,b}".repeat(12)] }),
    UsageError,
    "--exclude",
  );
});

test("FileChoice - knows what was typed in vain", () => {
  const choice = choiceOf({
    include: ["*.txt", "*.md"],
    exclude: ["data/sub", "b.txt", "b*", "sub/"],
  });
  for (const path of ["a.txt", "b.txt"]) choice.takes(path, false);
  choice.takes("sub", true);
  assertEquals(choice.unused, ['--include "*.md"', '--exclude "data/sub"']);
});

test("leftOutText - counts each kind once, in words", () => {
  const choice = choiceOf({ exclude: ["x"], include: ["y"] });
  assertEquals(leftOutText(choice, []), "");
  for (const path of [".a", ".b", "x", "z"]) choice.takes(path, false);
  assertEquals(
    leftOutText(choice, [
      { path: "p", reason: "not-a-file" },
      { path: "l", reason: "dangling" },
      { path: "m", reason: "dangling" },
      { path: "n", reason: "loop" },
      { path: "o", reason: "outside" },
      { path: "q", reason: "symlink" },
      { path: "r", reason: "empty" },
    ]),
    "2 hidden or system files (--hidden takes them), 1 by --exclude, 1 file not matching --include, 1 symbolic link, 1 link to what is no file of the torrent, 2 links that lead nowhere, 1 link to a folder that it is in, 1 pipe, socket or device, 1 empty folder",
  );
});
