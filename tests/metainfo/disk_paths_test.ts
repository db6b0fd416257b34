import { assertEquals } from "@std/assert";
import {
  type DiskNaming,
  diskPaths,
  plainPaths,
  renamedFiles,
  unportableFiles,
} from "../../metainfo/disk_paths.ts";
import { parseMetainfo } from "../../metainfo/parse.ts";
import { torrent, v1Files, v1Info } from "./_torrents.ts";

const pure = { permissions: "none" } as const;
const EXACT: DiskNaming = { ignoresCase: false, ignoresForm: false };

const folder = (name: string, ...paths: string[]) =>
  parseMetainfo(torrent(v1Files(
    paths.map((path) => ({ length: 1, path: path.split("|") })),
    { name },
  )));
const joined = (paths: readonly (readonly string[] | undefined)[]) =>
  paths.map((path) => path?.join("|"));

Deno.test("diskPaths() keeps apart what the disk takes for one", pure, () => {
  const nfc = "\u00e9";
  const nfd = "e\u0301";
  const torrent = folder("d", "A", "a", nfc, nfd, "a", "s|f", "S");
  assertEquals(joined(diskPaths(torrent)), [
    "d|A",
    "d|a.1",
    `d|${nfc}`,
    `d|${nfd}.1`,
    "d|a.2",
    "d|s|f",
    "d|S.1",
  ]);
  assertEquals(joined(diskPaths(torrent, EXACT)), [
    "d|A",
    "d|a",
    `d|${nfc}`,
    `d|${nfd}`,
    "d|a.1",
    "d|s|f",
    "d|S",
  ]);
  assertEquals(joined(diskPaths(torrent, { ignoresCase: false })), [
    "d|A",
    "d|a",
    `d|${nfc}`,
    `d|${nfd}.1`,
    "d|a.1",
    "d|s|f",
    "d|S",
  ]);
  assertEquals(
    joined(diskPaths(torrent, { ignoresForm: false })).slice(1, 4),
    ["d|a.1", `d|${nfc}`, `d|${nfd}`],
  );
});

Deno.test("diskPaths(): a number is put into a name of 255 bytes", pure, () => {
  const long = `${"a".repeat(251)}.txt`;
  const paths = joined(diskPaths(folder("d", long, long)));
  assertEquals(paths, [`d|${long}`, `d|${"a".repeat(249)}.1.txt`]);
});

Deno.test("diskPaths(): many names that are one take linear time", pure, () => {
  const names = Array.from(
    { length: 4096 },
    (_, i) =>
      Array.from(
        "abcdefghijkl",
        (char, bit) => i >> bit & 1 ? char.toUpperCase() : char,
      ).join(""),
  );
  const files = names.map((name) => ({ length: 1, path: [name] }));
  const torrent_ = parseMetainfo(torrent(v1Files(files)), {
    maxDuplicateNames: 5000,
  });
  assertEquals(new Set(joined(diskPaths(torrent_))).size, 4096);
  assertEquals(
    joined(diskPaths(torrent_, EXACT)),
    names.map((n) => `dir|${n}`),
  );
});

Deno.test("plainPaths() are names as they stand", pure, () => {
  const torrent_ = folder(
    "x\u200by",
    "plain",
    "a\u202eb|c\\d",
    "..|f\x01",
    "g/h|\ufeffi",
    "n".repeat(256),
    "m".repeat(255),
  );
  assertEquals(joined(plainPaths(torrent_)), [
    "x\u200by|plain",
    "x\u200by|a\u202eb|c\\d",
    "x\u200by|f\x01",
    "x\u200by|gh|\ufeffi",
    `x\u200by|${"n".repeat(255)}`,
    `x\u200by|${"m".repeat(255)}`,
  ]);
  assertEquals(plainPaths(folder("d", "a", "b")), [undefined, undefined]);
  const single = parseMetainfo(torrent(v1Info({ name: "a\u200b" })));
  assertEquals(plainPaths(single), [["a\u200b"]]);
  const up = parseMetainfo(torrent(v1Info({ name: "../a\u200b" })));
  assertEquals(plainPaths(up), [undefined]);
});

Deno.test("renamedFiles() says from where to where", pure, () => {
  const torrent_ = folder("d", "a", "b\u200b", "A");
  assertEquals(renamedFiles(torrent_), [
    { index: 1, from: "d/b\u200b", to: "d/b" },
    { index: 2, from: "d/A", to: "d/A.1" },
  ]);
  assertEquals(renamedFiles(torrent_, diskPaths(torrent_, EXACT)), [
    { index: 1, from: "d/b\u200b", to: "d/b" },
  ]);
});

Deno.test("unportableFiles() gives a reason", pure, () => {
  const torrent_ = folder("d", "a", "b\u200b", "A", "c:|x", "nul.txt", "end.");
  assertEquals(
    unportableFiles(torrent_).map(({ index, reason }) => [index, reason]),
    [
      [1, "changed"],
      [2, "shared"],
      [3, "windows"],
      [4, "windows"],
      [5, "windows"],
    ],
  );
  assertEquals(unportableFiles(folder("d", "a", "\u00e9", "\u65e5")), []);
});
