import { assertEquals, assertThrows } from "@std/assert";
import type { BencodeInput } from "../../bencode/mod.ts";
import {
  magnetOf,
  MetainfoError,
  pieceHashV1,
  pieceRoot,
} from "../../metainfo/metainfo.ts";
import { parseInfo, parseMetainfo } from "../../metainfo/parse.ts";
import { formatMagnet } from "../../metainfo/magnet.ts";
import { parseMagnet } from "../../metainfo/parse_magnet.ts";
import { merkleLeaves, merklePieceHash } from "../../metainfo/merkle.ts";
import { toByteString, toHex } from "../../_shared/bytes.ts";
import { payload } from "./_data.ts";
import {
  codeOf,
  type Fields,
  paths,
  torrent,
  v1Info,
  v2File,
  v2Torrent,
  warned,
} from "./_torrents.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "parseMetainfo: v2 with layers, roots and an empty file",
  pure,
  () => {
    const [a, b, c] = [v2File(50_000), v2File(16_384, 16384, 1), v2File(0)];
    const metainfo = parseMetainfo(v2Torrent({ a, b, c }));
    assertEquals(metainfo.version, "v2");
    assertEquals(metainfo.isSingleFile, false);
    assertEquals(paths(metainfo), ["dir/a", "dir/b", "dir/c"]);
    assertEquals(metainfo.pieceCount, 5);
    assertEquals(metainfo.totalLength, 66_384);
    assertEquals(metainfo.layout.pieceSize(3), 50_000 - 3 * 16384);
    assertEquals(metainfo.infoHash, metainfo.infoHashV2Truncated!);
    assertEquals(metainfo.infoHash, metainfo.infoHashV2!.subarray(0, 20));
    assertEquals(metainfo.pieceLayers!.get(toHex(a.piecesRoot)), a.layer);
    assertEquals(metainfo.pieceLayers!.size, 1);
    const data = [payload(0, 50_000), payload(1, 16_384)];
    for (let piece = 0; piece < metainfo.pieceCount; piece++) {
      const { hash, fileLength, length } = pieceRoot(metainfo, piece)!;
      const [span] = metainfo.layout.spans(piece, 0, length);
      assertEquals(length, metainfo.layout.pieceSize(piece));
      const bytes = data[span!.fileIndex]!.subarray(
        span!.fileOffset,
        span!.fileOffset + length,
      );
      const leaves = merkleLeaves(bytes);
      assertEquals(merklePieceHash(leaves, 16384, fileLength), hash);
    }
    const single = parseMetainfo(v2Torrent({ "x/y.bin": v2File(3) }));
    assertEquals([single.name, single.isSingleFile], ["xy.bin", true]);
    assertEquals(parseMetainfo(v2Torrent({ "..": v2File(3) })).name, "dir");
  },
);

Deno.test("parseMetainfo: v2 errors", pure, () => {
  const a = v2File(50_000);
  const v2 = (changes: Fields, top: Fields = {}) =>
    codeOf(v2Torrent({ a }, changes, top));
  assertEquals(
    v2({ "meta version": 3 }),
    "unsupported-version info.meta version",
  );
  assertEquals(v2({ "meta version": 1 }), "bad-value info.meta version");
  assertEquals(v2({ "meta version": "2" }), "wrong-type info.meta version");
  assertEquals(v2({ "meta version": undefined }), "missing info.meta version");
  assertEquals(
    v2({ "meta version": 3, name: 5 }),
    "unsupported-version info.meta version",
  );
  for (const pieceLength of [8192, 16385, 49152]) {
    assertEquals(
      v2({ "piece length": pieceLength }),
      "bad-value info.piece length",
    );
  }
  assertEquals(
    v2({}, { "piece layers": undefined }),
    "bad-piece-layers piece layers",
  );
  assertEquals(v2({}, { "piece layers": {} }), "bad-piece-layers piece layers");
  assertEquals(v2({}, { "piece layers": [] }), "wrong-type piece layers");
  const layers = (layer: BencodeInput) => ({
    "piece layers": { [toByteString(a.piecesRoot)]: layer },
  });
  assertEquals(v2({}, layers(5)), "wrong-type piece layers");
  const bent = a.layer.slice();
  bent[40]! ^= 1;
  for (const layer of [bent, a.layer.subarray(32), a.layer.subarray(1), ""]) {
    assertEquals(v2({}, layers(layer)), "bad-piece-layers piece layers");
  }
  const tree = (entry: BencodeInput) =>
    v2({ "file tree": { a: { "": entry } } });
  const at = "info.file tree[file 0]";
  assertEquals(v2({ "file tree": undefined }), "missing info.file tree");
  assertEquals(v2({ "file tree": [] }), "wrong-type info.file tree");
  assertEquals(v2({ "file tree": {} }), "bad-value info.file tree");
  assertEquals(v2({ "file tree": { a: "x" } }), `wrong-type ${at}`);
  assertEquals(tree(5), `wrong-type ${at}`);
  assertEquals(tree({}), `missing ${at}.length`);
  assertEquals(tree({ length: -1 }), `bad-value ${at}.length`);
  assertEquals(tree({ length: 5 }), `missing ${at}.pieces root`);
  assertEquals(
    tree({ length: 5, "pieces root": 5 }),
    `wrong-type ${at}.pieces root`,
  );
  for (
    const root of [new Uint8Array(31), new Uint8Array(33), new Uint8Array(32)]
  ) {
    assertEquals(
      tree({ length: 5, "pieces root": root }),
      `bad-value ${at}.pieces root`,
    );
  }
  assertEquals(tree({ ...a.entry, attr: "p" }), `bad-value ${at}`);
  assertEquals(
    v2({ "file tree": { "": a.entry } }),
    "bad-value info.file tree",
  );
  assertEquals(
    v2({ "file tree": { a: { "": a.entry, b: { "": a.entry } } } }),
    "bad-value info.file tree",
  );
  const empty = v2File(0).entry;
  for (
    const unnamed of [
      { "": { "": a.entry } },
      { a: { "": a.entry }, "": { "": empty } },
      { a: { "": a.entry }, b: { "": { "": empty }, c: { "": empty } } },
      { a: { "": a.entry, b: 5 } },
      { a: { "": a.entry }, "": {} },
    ]
  ) assertEquals(v2({ "file tree": unnamed }), "bad-value info.file tree");
  for (const key of ["", "x", "k".repeat(31), "k".repeat(33)]) {
    const { "piece layers": known } = layers(a.layer);
    assertEquals(
      v2({}, { "piece layers": { ...known, [key]: a.layer } }),
      "bad-piece-layers piece layers",
    );
  }
  assertEquals(
    v2({}, { "piece layers": { ["k".repeat(32)]: 5 } }),
    "wrong-type piece layers",
  );
  assertEquals(
    tree({ length: 2n ** 60n, "pieces root": a.piecesRoot }),
    `too-large ${at}.length`,
  );
  assertEquals(
    tree({ length: 2 ** 52, "pieces root": a.piecesRoot }),
    "too-large info",
  );
  assertEquals(
    v2({
      "file tree": {
        a: { "": a.entry },
        b: { "": { ...a.entry, length: 60_000 } },
      },
    }),
    "bad-piece-layers piece layers",
  );
});

Deno.test("parseMetainfo: a v2 info dictionary must be canonical", pure, () => {
  const text = toByteString(v2Torrent({ a: v2File(5) }));
  const bent = text.replace("meta versioni2e", "meta versioni02e");
  const bytes = Uint8Array.from(bent, (char) => char.charCodeAt(0));
  assertEquals(codeOf(bytes), "bad-bencode info");
  const outside = Uint8Array.from(text + "\n", (char) => char.charCodeAt(0));
  assertEquals(parseMetainfo(outside).warnings[0]!.code, "not-canonical");
});

Deno.test(
  "parseMetainfo: layers that are missing or strays, when allowed",
  pure,
  () => {
    const a = v2File(50_000);
    const bytes = v2Torrent({ a }, {}, { "piece layers": undefined });
    const lax = parseMetainfo(bytes, { requirePieceLayers: false });
    assertEquals(warned(lax), ["missing-piece-layers piece layers"]);
    assertEquals(pieceRoot(lax, 0), undefined);
    const stray = v2Torrent({ a }, {}, {
      "piece layers": {
        [toByteString(a.piecesRoot)]: a.layer,
        ["x".repeat(32)]: "junk",
      },
    });
    assertEquals(warned(parseMetainfo(stray)), [
      "stray-piece-layer piece layers",
    ]);
  },
);

function hybrid(changes: Fields = {}, files?: BencodeInput[]) {
  const [a, b, c] = [v2File(20_000), v2File(5), v2File(0)];
  return v2Torrent({ a, b, c }, {
    files: files ?? [
      { length: 20_000, path: ["a"] },
      { length: 12_768, path: [".pad", "12768"], attr: "p" },
      { length: 5, path: ["b"] },
      { length: 0, path: ["c"] },
    ],
    pieces: new Uint8Array(60),
    ...changes,
  });
}

Deno.test("parseMetainfo: a hybrid has both hashes", pure, () => {
  const metainfo = parseMetainfo(hybrid());
  assertEquals(metainfo.version, "hybrid");
  assertEquals(metainfo.infoHash, metainfo.infoHashV1!);
  assertEquals(metainfo.infoHashV2!.length, 32);
  assertEquals(paths(metainfo), ["dir/a", "dir/.pad/12768", "dir/b", "dir/c"]);
  assertEquals(metainfo.layout.pieceSize(1), 16384);
  assertEquals(pieceRoot(metainfo, 1)!.length, 20_000 - 16_384);
  assertEquals(pieceRoot(metainfo, 2)!.length, 5);
  assertEquals(pieceHashV1(metainfo, 2)!.length, 20);
  const magnet = parseMagnet(formatMagnet(magnetOf(metainfo)));
  assertEquals(toHex(magnet.infoHashV1!), toHex(metainfo.infoHashV1!));
  assertEquals(toHex(magnet.infoHashV2!), toHex(metainfo.infoHashV2!));
  assertEquals(magnet.length, 20_005);
  const one = v2File(5);
  const single = parseMetainfo(v2Torrent({ n: one }, {
    name: "n",
    length: 5,
    pieces: new Uint8Array(20),
  }));
  assertEquals([single.isSingleFile, single.version], [true, "hybrid"]);
});

Deno.test(
  "parseMetainfo: a hybrid whose halves differ is refused",
  pure,
  () => {
    const f = (length: number, ...path: string[]) => ({ length, path });
    const pad = { length: 12_768, path: [".pad", "x"], attr: "p" };
    const [a, b, c] = [f(20_000, "a"), f(5, "b"), f(0, "c")];
    const lists: BencodeInput[][] = [
      [f(20_000, "A"), pad, b, c],
      [f(19_999, "a"), pad, b, c],
      [a, b, c],
      [b, pad, a, c],
      [a, pad, b],
      [a, pad, b, c, f(0, "d")],
      [a, pad, f(5, "b", "b"), c],
      [a, pad, f(4, "b"), c],
      [a, c, pad, b],
    ];
    for (const files of lists) {
      assertEquals(codeOf(hybrid({}, files)).split(" ")[0], "hybrid-mismatch");
    }
    assertEquals(codeOf(hybrid({ pieces: undefined })), "missing info.pieces");
    assertEquals(
      codeOf(hybrid({ pieces: new Uint8Array(40) })),
      "bad-pieces info.pieces",
    );
    const one = v2File(5);
    const single = { name: "other", length: 5, pieces: new Uint8Array(20) };
    assertEquals(
      codeOf(v2Torrent({ n: one }, single)).split(" ")[0],
      "hybrid-mismatch",
    );
  },
);

Deno.test("parseInfo: the info dictionary alone (BEP 9)", pure, () => {
  for (
    const bytes of [
      torrent(v1Info()),
      hybrid(),
      v2Torrent({ a: v2File(50_000) }),
    ]
  ) {
    const whole = parseMetainfo(bytes);
    const part = parseInfo(whole.infoBytes, {
      trackers: [["udp://t"]],
      webSeeds: ["http://w"],
      nodes: [{ hostname: "n", port: 1 }],
    });
    assertEquals(part.infoHash, whole.infoHash);
    assertEquals(part.infoHashV2, whole.infoHashV2);
    assertEquals(part.files, whole.files);
    assertEquals(part.trackers, [["udp://t"]]);
    assertEquals(part.webSeeds, ["http://w"]);
    assertEquals(part.nodes, [{ hostname: "n", port: 1 }]);
    for (let end = 0; end < whole.infoBytes.length; end += 7) {
      assertThrows(
        () => parseInfo(whole.infoBytes.subarray(0, end)),
        MetainfoError,
      );
    }
    assertThrows(
      () => parseInfo(bytes.subarray(0, 0)),
      MetainfoError,
    );
    const longer = new Uint8Array([...whole.infoBytes, 10]);
    assertThrows(() => parseInfo(longer), MetainfoError);
  }
});
