import { assert, assertEquals } from "@std/assert";
import type { BencodeInput } from "../../bencode/mod.ts";
import { parseMetainfo } from "../../metainfo/parse.ts";
import { toByteString, toHex } from "../../_shared/bytes.ts";
import {
  codeOf,
  type Fields,
  torrent,
  v1,
  v1Files,
  v1Info,
} from "./_torrents.ts";

const pure = { permissions: "none" } as const;

Deno.test("parseMetainfo: hostile paths stay inside, unique", pure, () => {
  const metainfo = parseMetainfo(torrent(v1Files([
    { length: 1, path: ["..", "..", "etc", "passwd"] },
    { length: 1, path: ["/abs"] },
    { length: 1, path: ["..\\x"] },
    { length: 1, path: ["a\0b"] },
    { length: 1, path: [".."] },
    { length: 1, path: [".", "Abs"] },
    { length: 1, path: ["dir"] },
    { length: 1, path: ["DIR", "f"] },
    { length: 1, path: ["ignored"], "path.utf-8": ["..", "über"] },
    { length: 1, path: ["kept"], "path.utf-8": [Uint8Array.of(0xff)] },
    { length: 1, path: ["x\u202etxt.exe"] },
  ], { name: "../up" })));
  assertEquals(metainfo.name, "..up");
  assertEquals(metainfo.files.map((file) => file.path.join("/")), [
    "etc/passwd",
    "abs",
    "..x",
    "ab",
    "_",
    "Abs.1",
    "dir.1",
    "DIR/f",
    "über",
    "kept",
    "xtxt.exe",
  ]);
  assertEquals(metainfo.files[7]!.rawPath, undefined);
  assertEquals(
    metainfo.files[0]!.rawPath!.map(toByteString),
    ["..", "..", "etc", "passwd"],
  );
  assertEquals(v1({ name: "//" }).name, toHex(v1({ name: "//" }).infoHash));
  assertEquals(v1({ name: "x/../y" }).name, "x..y");
  assertEquals(v1({ name: "a", "name.utf-8": "é" }).name, "é");
  const windows = parseMetainfo(torrent(v1Info({ name: "CON" })), {
    windowsNames: true,
  });
  assertEquals(windows.name, "_CON");
});

Deno.test("parseMetainfo: pad files and attributes (BEP 47)", pure, () => {
  const metainfo = parseMetainfo(torrent(v1Files([
    { length: 100, path: ["a"], attr: "hx" },
    { length: 16284, path: [".pad", "1"], attr: "p" },
    { length: 1, path: ["b"] },
    { length: 16383, attr: "p" },
    { length: 1, path: ["c"] },
    { length: 16383, path: ["_____padding_file_0_if you see this"] },
  ])));
  assertEquals(metainfo.totalLength, 102);
  assertEquals(metainfo.pieceCount, 3);
  assertEquals(metainfo.files.map((f) => f.pad), [
    false,
    true,
    false,
    true,
    false,
    true,
  ]);
  assert(metainfo.files[0]!.executable && metainfo.files[0]!.hidden);
  assertEquals(metainfo.files[3]!.path, [".pad", "16383"]);
});

Deno.test("parseMetainfo: BitComet's name alone is no padding", pure, () => {
  const name = "_____padding_file_0_if you see this file";
  const pads = (...files: [length: number, name: string][]) =>
    parseMetainfo(torrent(v1Files(
      files.map(([length, name]) => ({ length, path: [name] })),
    ))).files.map((file) => file.pad);
  assertEquals(pads([1, "a"], [16383, name]), [false, true]);
  assertEquals(pads([1, "a"], [16382, name]), [false, false]);
  assertEquals(pads([1, "a"], [16384, name]), [false, false]);
  assertEquals(pads([1, "a"], [32767, name]), [false, false]);
  assertEquals(pads([16384, name]), [false]);
  assertEquals(pads([16384, "a"], [0, name]), [false, false]);
  assertEquals(pads([1, "a"], [16383, "_____padding_file_"]), [false, false]);
});

Deno.test("parseMetainfo: text that is no UTF-8", pure, () => {
  const gbk = Uint8Array.of(0xd6, 0xd0, 0xce, 0xc4, 0x5c);
  const named = (top: Fields, name: BencodeInput = gbk) => {
    const bytes = torrent(v1Info({ name }), top);
    return parseMetainfo(bytes).name;
  };
  assertEquals(named({ encoding: "GBK" }), "中文");
  assertEquals(named({ encoding: " gb-k\n" }), "中文");
  assertEquals(named({ encoding: "cp936" }), "中文");
  assertEquals(named({ codepage: 936 }), "中文");
  assertEquals(named({ encoding: "UTF8", codepage: 936 }), "中文");
  assertEquals(named({ encoding: "none", codepage: 1 }), "____");
  assertEquals(named({}), "____");
  // What is UTF-8 stays so, and what fits no encoding is shown as before.
  assertEquals(named({ encoding: "GBK" }, "é.txt"), "é.txt");
  assertEquals(named({ encoding: "latin1" }, "é.txt"), "é.txt");
  assertEquals(
    named({ encoding: "GBK" }, Uint8Array.of(0x61, 0xff)),
    "a_",
  );
  const sjis = Uint8Array.of(0x83, 0x5c, 0x2e, 0x83, 0x7b);
  assertEquals(named({ encoding: "Shift_JIS" }, sjis), "ソ.ボ");
  assertEquals(named({ codepage: 932 }, sjis), "ソ.ボ");
  const latin = Uint8Array.of(0x63, 0x61, 0x66, 0xe9);
  for (const encoding of ["ISO-8859-1", "latin1", "windows-1252", "CP1252"]) {
    assertEquals(named({ encoding }, latin), "café");
  }
  const files = parseMetainfo(torrent(
    v1Files([
      { length: 1, path: [gbk, "a"] },
      { length: 1, path: [gbk], "path.utf-8": ["ü"] },
    ]),
    { encoding: "GBK", comment: gbk },
  ));
  assertEquals(files.files.map((file) => file.path), [["中文", "a"], ["ü"]]);
  assertEquals(files.files[0]!.originalPath, ["中文\\", "a"]);
  assertEquals(files.comment, "中文\\");
});

Deno.test("parseMetainfo: name.utf-8 and path.utf-8 alone", pure, () => {
  const single = v1({ name: undefined, "name.utf-8": "ü.txt" });
  assertEquals(single.name, "ü.txt");
  const { files } = parseMetainfo(torrent(v1Files([
    { length: 1, "path.utf-8": ["ü", "a"] },
  ])));
  assertEquals(files[0]!.path, ["ü", "a"]);
  const bad = Uint8Array.of(0xff);
  assertEquals(
    codeOf(torrent(v1Info({ name: undefined, "name.utf-8": bad }))),
    "missing info.name",
  );
  assertEquals(
    codeOf(torrent(v1Files([{ length: 1, "path.utf-8": [bad] }]))),
    "missing info.files[0].path",
  );
});
