import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../cli/error.ts";
import {
  globMatcher,
  selectFiles,
} from "../../../cli/torrent/file_selection.ts";

const PATHS = [
  "Show/ep1.mkv",
  "Show/ep2.mkv",
  "Show/extras/making of.mp4",
  "Show/extras/deep/notes.txt",
  "Show/cover.jpg",
];
const test = (name: string, fn: () => void) =>
  Deno.test({ name, permissions: "none", fn });

test("selectFiles - numbers and ranges count from 1", () => {
  const cases: [string, number[]][] = [
    ["1", [0]],
    ["1,3-5", [0, 2, 3, 4]],
    ["5,1,1", [0, 4]],
    [" 2 - 3 ", [1, 2]],
    ["4-", [3, 4]],
    ["1-5", [0, 1, 2, 3, 4]],
  ];
  for (const [text, expected] of cases) {
    assertEquals(selectFiles([text], PATHS), expected, text);
  }
});

test("selectFiles - numbers that are not there are refused", () => {
  for (
    const text of [
      "0",
      "6",
      "1-6",
      "3-2",
      "1,,2",
      "-",
      "-3",
      "1 2",
      "1--2",
      ",",
    ]
  ) {
    assertThrows(() => selectFiles([text], PATHS), UsageError, "--files");
  }
});

test("selectFiles - globs", () => {
  const cases: [string, number[]][] = [
    ["*.mkv", [0, 1]],
    ["ep[12].mkv", [0, 1]],
    ["ep[!1].mkv", [1]],
    ["ep?.mkv", [0, 1]],
    ["Show/*", [0, 1, 4]],
    ["Show/**", [0, 1, 2, 3, 4]],
    ["extras/**", [2, 3]],
    ["extras/*", [2]],
    ["**/*.txt", [3]],
    ["*.{mkv,jpg}", [0, 1, 4]],
    ["*.{m{kv,p4},txt}", [0, 1, 2, 3]],
    ["making of.mp4", [2]],
    ["Show/extras/deep/notes.txt", [3]],
    ["/Show/cover.jpg", [4]],
  ];
  for (const [text, expected] of cases) {
    assertEquals(selectFiles([text], PATHS), expected, text);
  }
  assertThrows(
    () => selectFiles(["*.iso"], PATHS),
    UsageError,
    "none of 5 files",
  );
  assertThrows(() => selectFiles([""], PATHS), UsageError);
});

test("selectFiles - an exact path or folder comes before globs", () => {
  const paths = [
    "T/[a] x.mkv",
    "T/a x.mkv",
    "T/b/1.txt",
    "T/2024-01-02/c.txt",
    "T/7/d.txt",
    "T/bb",
  ];
  const cases: [string[], number[]][] = [
    [["[a] x.mkv"], [0]],
    [["[a]*"], [1]],
    [["T/[a] x.mkv"], [0]],
    [["b"], [2]],
    [["T/b/"], [2]],
    [["./b"], [2]],
    [["2024-01-02"], [3]],
    // A number that is there counts; one that is not may be a name.
    [["7"], [4]],
    [["./1"], []],
    [["T"], [0, 1, 2, 3, 4, 5]],
    // Repeated options add up, in any order.
    [["bb", "2", "b/*.txt"], [1, 2, 5]],
  ];
  for (const [texts, expected] of cases) {
    if (expected.length > 0) {
      assertEquals(selectFiles(texts, paths), expected, texts.join());
    } else assertThrows(() => selectFiles(texts, paths), UsageError, "none of");
  }
  // One that names nothing is told, whatever the others name.
  assertThrows(() => selectFiles(["1", "no"], paths), UsageError, '"no"');
  assertThrows(
    () => selectFiles(["2", "9"], paths),
    UsageError,
    "there is no 9",
  );
});

test("globMatcher - literal characters", () => {
  assert(globMatcher("a\\*b", "--files")("a*b"));
  assert(!globMatcher("a\\*b", "--files")("aXb"));
  assert(globMatcher("[a", "--files")("[a"));
  assert(globMatcher("a+(b).txt", "--files")("a+(b).txt"));
  assert(globMatcher("{a}", "--files")("{a}"));
  assert(globMatcher("cafe\u0301", "--files")("caf\u00e9"));
  assert(globMatcher("[]]", "--files")("]"));
});

test("globMatcher - time is linear in the name, braces are bounded", () => {
  const match = globMatcher("*a".repeat(60) + "b", "--files");
  const start = performance.now();
  assert(!match("a".repeat(5000)));
  assert(performance.now() - start < 2000);
  assertThrows(
    () => globMatcher("{a,b}".repeat(12), "--files"),
    UsageError,
    "alternatives",
  );
});
