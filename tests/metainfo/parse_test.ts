import { assert, assertEquals, assertThrows } from "@std/assert";
import { type BencodeInput, encodeBencode } from "../../bencode/mod.ts";
import {
  filePath,
  type ParseMetainfoOptions,
  pieceHashV1,
  pieceRoot,
} from "../../metainfo/metainfo.ts";
import { parseMetainfo } from "../../metainfo/parse.ts";
import { encodeText, toHex } from "../../_shared/bytes.ts";
import {
  codeOf,
  type Fields,
  paths,
  torrent,
  v1,
  v1Files,
  v1Info,
  v2File,
  v2Torrent,
  warned,
} from "./_torrents.ts";

const pure = { permissions: "none" } as const;

Deno.test("parseMetainfo: a v1 file with every field", pure, () => {
  const similar = new Uint8Array(20).fill(7);
  const bytes = torrent(
    v1Info({
      attr: "x",
      collections: ["c1"],
      md5sum: "0123456789abcdef0123456789abcdef",
      private: 1,
      sha1: new Uint8Array(20).fill(9),
      similar: [similar],
      source: "SRC",
      "update-url": "http://u/",
    }),
    {
      announce: "udp://one",
      "announce-list": [["udp://a ", "udp://b"], [], ["http://c"]],
      comment: "héllo",
      "created by": "me",
      "creation date": 1_700_000_000,
      encoding: "UTF-8",
      httpseeds: ["http://h/"],
      nodes: [["router.example", 6881], ["2001:DB8::0:1", 1], ["x", 0]],
      "url-list": ["http://w/", "", "http://w/", "http://v/"],
      similar: [similar, new Uint8Array(20)],
      collections: ["c2", "c1"],
    },
  );
  const metainfo = parseMetainfo(bytes);
  assertEquals(metainfo.version, "v1");
  assertEquals(metainfo.name, "a.txt");
  assert(metainfo.isSingleFile && metainfo.private);
  assertEquals(paths(metainfo), ["a.txt"]);
  assertEquals(metainfo.files, [{
    path: [],
    length: 5,
    pad: false,
    executable: true,
    hidden: false,
    sha1: new Uint8Array(20).fill(9),
    md5: "0123456789abcdef0123456789abcdef",
  }]);
  assertEquals(metainfo.trackers, [["udp://a", "udp://b"], ["http://c"]]);
  assertEquals(metainfo.webSeeds, ["http://w/", "http://v/"]);
  assertEquals(metainfo.httpSeeds, ["http://h/"]);
  assertEquals(metainfo.nodes, [
    { hostname: "router.example", port: 6881 },
    { hostname: "2001:db8::1", port: 1 },
  ]);
  assertEquals(metainfo.similar.map(toHex), ["07".repeat(20), "00".repeat(20)]);
  assertEquals(metainfo.collections, ["c1", "c2"]);
  assertEquals(
    [metainfo.source, metainfo.comment, metainfo.createdBy, metainfo.encoding],
    ["SRC", "héllo", "me", "UTF-8"],
  );
  assertEquals(metainfo.creationDate, 1_700_000_000);
  assertEquals(metainfo.updateUrl, "http://u/");
  assertEquals(metainfo.infoHash, metainfo.infoHashV1!);
  assertEquals(metainfo.infoHashV2, undefined);
  assertEquals(pieceHashV1(metainfo, 0), new Uint8Array(20));
  assertEquals(pieceRoot(metainfo, 0), undefined);
  assertThrows(() => pieceHashV1(metainfo, 1), RangeError);
  assertThrows(() => filePath(metainfo, 1), RangeError);
  assertEquals(warned(metainfo), ["ignored nodes"]);
});

Deno.test(
  "parseMetainfo: announce stands in for an empty announce-list",
  pure,
  () => {
    const trackers = (top: Fields) => v1({}, top).trackers;
    assertEquals(trackers({}), []);
    assertEquals(trackers({ announce: "\t udp://a\n" }), [["udp://a"]]);
    assertEquals(trackers({ announce: "" }), []);
    assertEquals(trackers({ announce: 5 }), []);
    assertEquals(trackers({ announce: "udp://a", "announce-list": [] }), [[
      "udp://a",
    ]]);
    assertEquals(
      trackers({ announce: "udp://a", "announce-list": [[""], [1]] }),
      [[
        "udp://a",
      ]],
    );
    assertEquals(
      trackers({
        announce: "udp://a",
        "announce-list": ["udp://b", "udp://c"],
      }),
      [["udp://b"], ["udp://c"]],
    );
    assertEquals(
      trackers({ "announce-list": [["udp://b", "udp://c"], " udp://d\n", 5] }),
      [["udp://b", "udp://c"], ["udp://d"]],
    );
    assertEquals(trackers({ "announce-list": "udp://b" }), [["udp://b"]]);
    assertEquals(
      trackers({ announce: ["udp://a", ["udp://b"], ""] }),
      [["udp://a"], ["udp://b"]],
    );
    assertEquals(
      trackers({ announce: ["udp://a"], "announce-list": [["udp://b"]] }),
      [["udp://b"]],
    );
  },
);

Deno.test("parseMetainfo: private is a non-zero integer of info", pure, () => {
  assert(v1({ private: 1 }).private);
  assert(v1({ private: -1 }).private);
  assert(!v1({ private: 0 }).private);
  assert(!v1({}, { private: 1 }).private);
});

Deno.test(
  "parseMetainfo: fields that are not needed may be nonsense",
  pure,
  () => {
    const odd: BencodeInput[] = [5, "x", [], {}, [[5]], { a: 1 }, [["", 1]]];
    for (
      const key of [
        "announce",
        "announce-list",
        "comment",
        "created by",
        "creation date",
        "encoding",
        "httpseeds",
        "nodes",
        "url-list",
        "similar",
        "collections",
        "update-url",
        "piece layers",
      ]
    ) {
      for (const value of odd) {
        assertEquals(v1({}, { [key]: value }).name, "a.txt");
      }
    }
    for (
      const key of [
        "attr",
        "md5sum",
        "sha1",
        "source",
        "similar",
        "collections",
      ]
    ) {
      for (const value of odd) assertEquals(v1({ [key]: value }).name, "a.txt");
    }
    assertEquals(v1({}, { "creation date": -1 }).creationDate, undefined);
  },
);

Deno.test("parseMetainfo: v1 errors", pure, () => {
  const info = (changes: Fields) => codeOf(torrent(v1Info(changes)));
  const list = (file: BencodeInput, changes: Fields = {}) =>
    codeOf(
      torrent(v1Files([file], { pieces: new Uint8Array(20), ...changes })),
    );
  assertEquals(codeOf(encodeText("")), "bad-bencode");
  assertEquals(codeOf(encodeText("le")), "wrong-type");
  assertEquals(codeOf(encodeText("de")), "missing info");
  assertEquals(codeOf(encodeBencode({ info: [] })), "wrong-type info");
  assertEquals(info({ name: undefined }), "missing info.name");
  assertEquals(info({ name: 1 }), "wrong-type info.name");
  assertEquals(info({ name: "" }), "bad-value info.name");
  assertEquals(info({ name: "\0\0" }), "bad-value info.name");
  assertEquals(info({ length: undefined }), "missing info.length");
  assertEquals(info({ length: -1 }), "bad-value info.length");
  assertEquals(info({ length: "5" }), "wrong-type info.length");
  assertEquals(info({ length: 2n ** 53n }), "too-large info.length");
  assertEquals(info({ length: 2 ** 53 - 1 }), "too-large info");
  assertEquals(info({ length: 0 }), "bad-pieces info.pieces");
  assertEquals(
    info({ "piece length": undefined }),
    "missing info.piece length",
  );
  assertEquals(info({ "piece length": 0 }), "bad-value info.piece length");
  assertEquals(info({ "piece length": -1 }), "bad-value info.piece length");
  assertEquals(info({ "piece length": [] }), "wrong-type info.piece length");
  assertEquals(
    info({ "piece length": 2 ** 31 }),
    "too-large info.piece length",
  );
  assertEquals(info({ pieces: undefined }), "missing info.pieces");
  assertEquals(info({ pieces: 5 }), "wrong-type info.pieces");
  for (const length of [0, 19, 21, 40]) {
    const pieces = new Uint8Array(length);
    assertEquals(info({ pieces }), "bad-pieces info.pieces");
  }
  assertEquals(codeOf(torrent(v1Files([]))), "bad-value info.files");
  assertEquals(list(5), "wrong-type info.files[0]");
  assertEquals(list({ path: ["a"] }), "missing info.files[0].length");
  assertEquals(
    list({ path: ["a"], length: -1 }),
    "bad-value info.files[0].length",
  );
  assertEquals(list({ length: 5 }), "missing info.files[0].path");
  assertEquals(list({ length: 5, path: [] }), "bad-value info.files[0].path");
  assertEquals(list({ length: 5, path: "a" }), "wrong-type info.files[0].path");
  assertEquals(list({ length: 5, path: [1] }), "wrong-type info.files[0].path");
  assertEquals(info({ files: {} }), "wrong-type info.files");
  assertEquals(
    codeOf(torrent(v1Files([
      { length: 2 ** 52, path: ["a"] },
      { length: 2 ** 52, path: ["b"] },
    ], { pieces: new Uint8Array(20) }))),
    "too-large info",
  );
});

Deno.test("parseMetainfo: nothing to download is a torrent, too", pure, () => {
  const empty = v1({ length: 0, pieces: "" });
  assertEquals([empty.pieceCount, empty.totalLength], [0, 0]);
  const v2 = parseMetainfo(v2Torrent({ a: v2File(0) }));
  assertEquals([v2.pieceCount, v2.totalLength], [0, 0]);
});

Deno.test("parseMetainfo: every prefix is refused", pure, () => {
  for (
    const bytes of [
      torrent(v1Files([{ length: 5, path: ["a", "b"] }]), {
        announce: "udp://a",
      }),
      v2Torrent({ a: v2File(20_000), b: v2File(3) }),
    ]
  ) {
    parseMetainfo(bytes);
    for (let end = 0; end < bytes.length; end++) {
      assertEquals(codeOf(bytes.subarray(0, end)), "bad-bencode", `${end}`);
    }
  }
});

Deno.test("parseMetainfo: every limit", pure, () => {
  const file = (name: string) => ({ length: 1, path: [name] });
  const link = (name: string, target: string[]) => ({
    attr: "l",
    path: [name],
    "symlink path": target,
  });
  const many = torrent(v1Files([file("a"), file("b"), file("c")]));
  const limits: [
    Uint8Array,
    ParseMetainfoOptions,
    ParseMetainfoOptions,
    string,
  ][] = [
    [
      many,
      { maxLength: many.length },
      { maxLength: many.length - 1 },
      "too-large",
    ],
    [many, { maxDepth: 5 }, { maxDepth: 4 }, "too-large"],
    [many, { maxTokens: 60 }, { maxTokens: 10 }, "too-large"],
    [
      many,
      { maxPieceLength: 16384 },
      { maxPieceLength: 16383 },
      "too-large info.piece length",
    ],
    [
      many,
      { maxPathComponents: 3 },
      { maxPathComponents: 2 },
      "too-large info.files[2].path",
    ],
    [
      torrent(v1Info({ length: 16385, pieces: new Uint8Array(40) })),
      { maxPieces: 2 },
      { maxPieces: 1 },
      "too-large info",
    ],
    [
      torrent(v1Files([{ length: 1, path: ["a", "b", "c"] }])),
      { maxPathDepth: 3 },
      { maxPathDepth: 2 },
      "too-large info.files[0].path",
    ],
    [
      torrent(v1Files([file("a"), link("b", ["c", "d", "e"])])),
      { maxPathComponents: 5, maxPathDepth: 3 },
      { maxPathComponents: 4 },
      "too-large info.files[1].symlink path",
    ],
    [
      torrent(v1Files([file("a"), link("b", ["c", "d", "e"])])),
      { maxPathDepth: 3 },
      { maxPathDepth: 2 },
      "too-large info.files[1].symlink path",
    ],
    [
      torrent(v1Files([file("a"), file("A"), file("a")])),
      { maxDuplicateNames: 2 },
      { maxDuplicateNames: 1 },
      "too-large info.files",
    ],
    [
      v2Torrent({ a: v2File(5), b: v2File(0) }),
      { maxPathComponents: 2 },
      { maxPathComponents: 1 },
      "too-large info.file tree[file 1]",
    ],
  ];
  for (const [bytes, good, bad, code] of limits) {
    parseMetainfo(bytes, good);
    assertEquals(codeOf(bytes, bad), code);
  }
});

Deno.test("parseMetainfo: symbolic links stay inside (BEP 47)", pure, () => {
  const link = (name: string, ...target: string[]) => ({
    attr: "l",
    length: 0,
    path: name.split("/"),
    "symlink path": target,
  });
  const metainfo = parseMetainfo(torrent(v1Files([
    { length: 5, path: ["d", "f"] },
    link("good", "d", "f"),
    link("folder", "d"),
    link("chain", "folder", "f"),
    link("up", "..", "..", "etc", "passwd"),
    link("loop", "loop"),
    link("dangling", "nowhere"),
    link("d/inside", "d"),
    { attr: "l", path: ["none"] },
    { attr: "l", path: ["long"], length: 9, "symlink path": ["d", "f"] },
    link("below"),
    { length: 1, path: ["good", "x"] },
  ], { pieces: new Uint8Array(20) })));
  assertEquals(
    metainfo.files.map((f) => `${f.path.join("/")} ${f.symlink?.join("/")}`),
    [
      "d/f undefined",
      "good.1 d/f",
      "folder d",
      "chain d/f",
      "up undefined",
      "loop undefined",
      "dangling undefined",
      "d/inside undefined",
      "none undefined",
      "long d/f",
      "below undefined",
      "good/x undefined",
    ],
  );
  assertEquals(metainfo.totalLength, 6);
});

Deno.test("parseMetainfo: hostile sizes take bounded time", pure, () => {
  const start = performance.now();
  const deep = `d4:info${"d1:a".repeat(100_000)}`;
  assertEquals(codeOf(encodeText(deep)), "too-large");
  assertEquals(codeOf(encodeText("l".repeat(1_000_000))), "too-large");
  assertEquals(
    codeOf(encodeText(`l${"i0e".repeat(4_000_000)}e`)),
    "too-large",
  );
  assertEquals(codeOf(encodeText("d4:info99999999999999999:")), "bad-bencode");
  const chain: Fields = { "": v2File(0).entry };
  let tree: Fields = chain;
  for (let i = 0; i < 900; i++) tree = { ["n".repeat(300)]: tree };
  const wide: Record<string, Fields> = {};
  for (let i = 0; i < 20_000; i++) wide[`f${i}`] = chain;
  let deepWide: Fields = wide as Fields;
  for (let i = 0; i < 900; i++) deepWide = { d: deepWide };
  const info = (fileTree: Fields) =>
    encodeBencode({
      info: {
        "file tree": fileTree,
        "meta version": 2,
        name: "x",
        "piece length": 16384,
      },
    }, { maxDepth: 2000 });
  assertEquals(parseMetainfo(info(tree)).files[0]!.path.length, 900);
  assertEquals(codeOf(info(deepWide)).split(" ")[0], "too-large");
  const same = Array.from(
    { length: 20_000 },
    () => ({ length: 0, path: ["a"] }),
  );
  assertEquals(codeOf(torrent(v1Files(same))), "too-large info.files");
  assert(performance.now() - start < 20_000);
});
