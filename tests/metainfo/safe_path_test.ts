import { assert, assertEquals } from "@std/assert";
import {
  MAX_COMPONENT_BYTES,
  sanitizePath,
  sanitizePathComponent,
} from "../../metainfo/safe_path.ts";
import { PathTree } from "../../metainfo/path_tree.ts";
import { encodeText, tryFromHex } from "../../_shared/bytes.ts";
import { randomBytes, randomInt, seededRandom } from "../../_shared/random.ts";

const UNSAFE_REGEXP =
  // deno-lint-ignore no-control-regex
  /[/\\\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]/;
const pure = { permissions: "none" } as const;

Deno.test(
  "sanitizePathComponent: what is dropped, replaced, kept",
  pure,
  () => {
    const cases: [string, string][] = [
      ["a.txt", "a.txt"],
      ["", ""],
      [".", ""],
      ["..", ""],
      ["...", "..."],
      ["../evil", "..evil"],
      ["/etc/passwd", "etcpasswd"],
      ["C:\\windows\\x", "C:windowsx"],
      ["a\0b", "ab"],
      ["a\nb", "a_b"],
      ["\x1b[31mred", "_[31mred"],
      ["a\x7fb\x85c", "a_b_c"],
      ["photo\u202egnp.exe", "photognp.exe"],
      ["a\u200bb\u2066c\ufeffd\u061ce", "abcde"],
      [".\u200b.", ""],
      ["./.", ""],
      [".hidden", ".hidden"],
      [" ", " "],
      ["a\u2028b", "a_b"],
      ["日本語.txt", "日本語.txt"],
      ["a\ud800b", "a_b"],
      ["NUL.txt", "NUL.txt"],
    ];
    for (const [raw, expected] of cases) {
      assertEquals(sanitizePathComponent(raw), expected, JSON.stringify(raw));
      assertEquals(sanitizePathComponent(encodeText(raw)), expected);
    }
    assertEquals(
      sanitizePathComponent(tryFromHex("636166e92e747874")!),
      "caf_.txt",
    );
    assertEquals(sanitizePathComponent(tryFromHex("c0aec0ae")!), "____");
  },
);

Deno.test("sanitizePathComponent: names for Windows", pure, () => {
  const windows = { windowsNames: true };
  const cases: [string, string][] = [
    ["NUL", "_NUL"],
    ["nul.txt", "_nul.txt"],
    ["COM1.log", "_COM1.log"],
    ["con .x", "_con .x"],
    ["lpt¹", "_lpt¹"],
    ["COM10", "COM10"],
    ["console", "console"],
    ["a:b", "a_b"],
    ['<>:"|?*', "_______"],
    ["trailing.", "trailing_"],
    ["trailing ", "trailing_"],
    ["...", ".._"],
    [" ", "_"],
    ["a.txt", "a.txt"],
  ];
  for (const [raw, expected] of cases) {
    assertEquals(sanitizePathComponent(raw, windows), expected, raw);
  }
  const long = sanitizePathComponent("a".repeat(254) + ". .", windows);
  assertEquals(long.length, MAX_COMPONENT_BYTES);
  assert(/[^. ]$/.test(long));
});

Deno.test(
  "sanitizePathComponent: long names are cut, extensions kept",
  pure,
  () => {
    const at = (n: number, tail = "") => "a".repeat(n) + tail;
    const bytes = (name: string) => encodeText(sanitizePathComponent(name));
    assertEquals(sanitizePathComponent(at(255)), at(255));
    assertEquals(sanitizePathComponent(at(256)), at(255));
    assertEquals(sanitizePathComponent(at(300, ".mkv")), at(251, ".mkv"));
    assertEquals(bytes(at(3, `.${at(300)}`)).length, 255);
    assertEquals(bytes(`.${at(300)}`).length, 255);
    assertEquals(bytes("語".repeat(100)).length, 255);
    assertEquals(bytes("x" + "語".repeat(100)).length, 253);
    assertEquals(bytes("\u{1f600}".repeat(64)).length, 252);
    assertEquals(
      sanitizePathComponent("\u{1f600}".repeat(63)),
      "\u{1f600}".repeat(63),
    );
  },
);

Deno.test("sanitizePath: never leaves the folder", pure, () => {
  assertEquals(sanitizePath(["a", "..", "..", "b"]), ["a", "b"]);
  assertEquals(sanitizePath([".."]), ["_"]);
  assertEquals(sanitizePath([]), ["_"]);
  assertEquals(sanitizePath(["", ""]), ["_", "_"]);
  assertEquals(sanitizePath(["\\", "\\", "bar"]), ["bar"]);
  assertEquals(sanitizePath(["a", "", "b"]), ["a", "_", "b"]);
  const seed = 47;
  const random = seededRandom(seed);
  const parts = [
    "..",
    ".",
    "/",
    "\\",
    "\0",
    "\u202e",
    "\u200b",
    "a",
    "é",
    "\ud800",
    "~",
    ":",
    " ",
    "CON",
  ];
  for (let round = 0; round < 20_000; round++) {
    const components = Array.from({ length: randomInt(random, 4) }, () => {
      if (randomInt(random, 8) === 0) return randomBytes(random, 6);
      let text = "";
      for (let i = randomInt(random, 5); i > 0; i--) {
        text += parts[randomInt(random, parts.length)];
      }
      return randomInt(random, 50) === 0 ? text.repeat(200) : text;
    });
    const windowsNames = round % 2 === 0;
    const path = sanitizePath(components, { windowsNames });
    const label = `seed ${seed} round ${round}: ${JSON.stringify(path)}`;
    assert(path.length > 0, label);
    for (const part of path) {
      assert(part !== "" && part !== "." && part !== "..", label);
      assert(!UNSAFE_REGEXP.test(part), label);
      assert(part.isWellFormed(), label);
      assert(encodeText(part).length <= MAX_COMPONENT_BYTES, label);
      if (windowsNames) assert(!/[<>:"|?*]|[. ]$/.test(part), label);
    }
    assertEquals(sanitizePath(path, { windowsNames }), path, label);
  }
});

Deno.test("PathTree: taken names get a number", pure, () => {
  const tree = new PathTree();
  const add = (text: string) => tree.addFile(text.split("/")).join("/");
  tree.addParents(["D", "x"]);
  assertEquals(add("a.txt"), "a.txt");
  assertEquals(add("A.TXT"), "A.1.TXT");
  assertEquals(add("a.txt"), "a.2.txt");
  assertEquals(add("a.1.txt"), "a.1.1.txt");
  assertEquals(add("\u00e9"), "\u00e9");
  assertEquals(add("e\u0301"), "e\u0301.1");
  assertEquals(add("stra\u00dfe"), "stra\u00dfe");
  assertEquals(add("STRASSE"), "STRASSE.1");
  assertEquals(add("d"), "d.1");
  assertEquals(add("d/X"), "d/X");
  assertEquals(add("D/x"), "D/x.1");
  assertEquals(add(".profile"), ".profile");
  assertEquals(add(".profile"), ".profile.1");
  assertEquals(add("b/a.txt"), "b/a.txt");
});

Deno.test("PathTree: links lead to files and folders, or nowhere", pure, () => {
  const tree = new PathTree();
  const links: [string, string][] = [
    ["current", "v/1"],
    ["app", "current/app"],
    ["loop1", "loop2"],
    ["loop2", "loop1"],
    ["self", "self"],
    ["dangling", "none"],
    ["grow", "grow/x"],
    ...Array.from(
      { length: 45 },
      (_, i): [string, string] => [`c${i + 1}`, i === 0 ? "v/1/app" : `c${i}`],
    ),
  ];
  tree.addParents(["v", "1", "app"]);
  tree.addFile(["v", "1", "app"]);
  for (const [from, to] of links) {
    tree.addLink(tree.addFile(from.split("/")), to.split("/"));
  }
  const follow = (text: string) => tree.resolve(text.split("/"))?.join("/");
  assertEquals(follow("v/1/app"), "v/1/app");
  assertEquals(follow("v"), "v");
  assertEquals(follow("v/1/none"), undefined);
  assertEquals(follow("v/1/app/x"), undefined);
  assertEquals(follow("current"), "v/1");
  assertEquals(follow("app"), "v/1/app");
  assertEquals(follow("c40"), "v/1/app");
  assertEquals(follow("c41"), undefined);
  for (const name of ["loop1", "loop2", "self", "dangling", "grow", "none"]) {
    assertEquals(follow(name), undefined, name);
  }
  assertEquals(tree.resolve([]), undefined);
});
