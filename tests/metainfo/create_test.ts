import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { concatBytes, toHex } from "../../_shared/bytes.ts";
import { seededRandom, shuffle } from "../../_shared/random.ts";
import { decodeBencode } from "../../bencode/mod.ts";
import {
  CreateError,
  createMetainfo,
  type CreateMetainfoOptions,
  type CreateSource,
  type HashProgress,
  parseMetainfo,
  pieceRoot,
} from "../../metainfo/mod.ts";
import { TempDir } from "../support/paths.ts";
import {
  bytesOf,
  patternOf,
  powerOfTwo,
  sha1Pieces,
  sha256Root,
  streamOf,
  type Tree,
  writeTree,
} from "./_payload.ts";

const QUIET = { creationDate: null, createdBy: null } as const;

/** Lengths around every boundary, names that sort differently as text. */
const TREE: Tree = {
  "top/a": bytesOf(1, 1),
  "top/b/0": bytesOf(16384, 2),
  "top/b/1": bytesOf(16385, 3),
  "top/b.txt": bytesOf(32768, 4),
  "top/c": bytesOf(0, 5),
  "top/d": bytesOf(300_001, 6),
  "top/\u{ff5e}": bytesOf(65536, 7),
  "top/\u{1f600}": bytesOf(65535, 8),
  "top/.hidden": bytesOf(7, 9),
  "top/é/ü": bytesOf(40_000, 10),
};

/** The paths of {@linkcode TREE} below the top, in the order of raw bytes. */
const ORDER = [
  ".hidden",
  "a",
  "b/0",
  "b/1",
  "b.txt",
  "c",
  "d",
  "é/ü",
  "\u{ff5e}",
  "\u{1f600}",
];

function bytesInputs(tree: Tree): CreateSource[] {
  return Object.entries(tree).map(([path, bytes]) => ({
    path: path.split("/"),
    bytes,
  }));
}

const FORMS: readonly Partial<CreateMetainfoOptions>[] = [
  { version: "v1" },
  { version: "v1", padFiles: true },
  { version: "v1", pieceLength: 49152 },
  { version: "v2" },
  { version: "hybrid" },
  { version: "hybrid", pieceLength: 16384 },
  { version: "v2", pieceLength: 16384 },
  { version: "v2", pieceLength: 524288 },
  { version: "hybrid", pieceLength: 524288 },
];

for (const form of FORMS) {
  const { version = "v1", pieceLength = 32768 } = form;
  const options = { ...QUIET, ...form, pieceLength };
  const label = JSON.stringify({ ...form, pieceLength });

  Deno.test({
    name: `createMetainfo() hashes as the BEPs say: ${label}`,
    permissions: "none",
    async fn() {
      const torrent = await createMetainfo({
        ...options,
        inputs: bytesInputs(TREE),
      });
      const metainfo = parseMetainfo(torrent);
      assertEquals(metainfo.version, version);
      assertEquals(metainfo.name, "top");
      assertEquals(metainfo.warnings, []);
      const files = metainfo.files.filter((file) => !file.pad);
      assertEquals(files.map((file) => file.path.join("/")), ORDER);
      for (const file of files) {
        const bytes = TREE[`top/${file.path.join("/")}`]!;
        assertEquals(file.length, bytes.length);
        if (version === "v1" || bytes.length === 0) continue;
        const leaves = powerOfTwo(Math.ceil(bytes.length / 16384));
        assertEquals(file.piecesRoot, sha256Root(bytes, leaves));
      }
      const { layout } = metainfo;
      const stored = layout.files.map((_, i) => {
        const { path, pad, length } = metainfo.files[i]!;
        return pad ? new Uint8Array(length) : TREE[`top/${path.join("/")}`]!;
      });
      if (version !== "v2") {
        const payload = concatBytes(stored);
        assertEquals(metainfo.pieces, sha1Pieces(payload, pieceLength));
      }
      if (version === "v1") return;
      for (let i = 0; i < layout.pieceCount; i++) {
        const [span] = layout.spans(i, 0, 1);
        const file = stored[span!.fileIndex]!;
        const piece = file.subarray(
          span!.fileOffset,
          span!.fileOffset + pieceLength,
        );
        const leaves = file.length > pieceLength
          ? pieceLength / 16384
          : powerOfTwo(Math.ceil(file.length / 16384));
        assertEquals(
          toHex(pieceRoot(metainfo, i)!.hash),
          toHex(sha256Root(piece, leaves)),
        );
      }
    },
  });

  Deno.test(`createMetainfo() gives the same bytes from disk, memory and streams: ${label}`, async () => {
    await using temp = new TempDir();
    await writeTree(temp.path, TREE);
    const expected = await createMetainfo({
      ...options,
      inputs: bytesInputs(TREE),
    });
    const folder = [{ path: temp.join("top") }];
    assertEquals(
      await createMetainfo({ ...options, inputs: folder }),
      expected,
    );
    assertEquals(
      await createMetainfo({ ...options, inputs: folder, threads: 1 }),
      expected,
    );
    for (let seed = 1; seed <= 3; seed++) {
      const random = seededRandom(seed);
      const inputs = Object.entries(TREE).map(([path, bytes], i) => ({
        path: path.split("/"),
        stream: streamOf(bytes, seed * 100 + i),
        length: i % 2 === 0 ? undefined : bytes.length,
      }));
      shuffle(random, inputs);
      assertEquals(
        await createMetainfo({ ...options, inputs }),
        expected,
        `seed ${seed}`,
      );
    }
    const { "top/d": bytes, ...others } = TREE;
    await writeTree(temp.join("mixed"), others);
    const mixed = [
      { path: ["top", "d"], bytes: bytes! },
      { path: temp.join("mixed", "top") },
    ];
    assertEquals(await createMetainfo({ ...options, inputs: mixed }), expected);
  });
}

// Computed with libtorrent 2.0.8 (create_torrent, set_piece_hashes) from the
// same bytes on disk.
const GOLDEN = {
  "v2": {
    v1: undefined,
    v2: "7aaa149779f2ca8b30dc5873d5d0c22301638749aa219e2832274efa4b5f10b0",
  },
  "hybrid": {
    v1: "f41444c57d02eec304a81a63bddc1c025cbd014d",
    v2: "8467fbce5a07e57ee2bf3b07cb0bbb7e58a76259d23e0ce03ee562246278e6b7",
  },
} as const;

const PATTERN: Tree = {
  "golden/a": patternOf(40_000, 1),
  "golden/b/c": patternOf(100_000, 2),
  "golden/b/d": patternOf(0, 3),
  "golden/e": patternOf(16_384, 4),
};

for (const version of ["v2", "hybrid"] as const) {
  Deno.test({
    name: `createMetainfo() has libtorrent's info-hash: ${version}`,
    permissions: "none",
    async fn() {
      const metainfo = parseMetainfo(
        await createMetainfo({
          inputs: bytesInputs(PATTERN),
          version,
          pieceLength: 32768,
        }),
      );
      const { infoHashV1, infoHashV2 } = metainfo;
      assertEquals(infoHashV1 && toHex(infoHashV1), GOLDEN[version].v1);
      assertEquals(toHex(infoHashV2!), GOLDEN[version].v2);
    },
  });
}

Deno.test({
  name: "createMetainfo() has mktorrent's info-hash: v1",
  permissions: "none",
  async fn() {
    const torrent = await createMetainfo({
      inputs: bytesInputs(PATTERN),
      pieceLength: 32768,
    });
    // mktorrent 1.1 with -l 15 of the same bytes on disk.
    assertEquals(
      toHex(parseMetainfo(torrent).infoHash),
      "1e7bf13de072b54023a8c62ad9fb1fd8edf28ecb",
    );
  },
});

Deno.test({
  name: "createMetainfo() writes every option, and parseMetainfo() reads it",
  permissions: "none",
  async fn() {
    const trackers = [["http://a.example/", "udp://b.example:1"], [
      "https://c.example/x",
    ]];
    const nodes = [
      { hostname: "router.example", port: 6881 },
      { hostname: "::1", port: 1 },
    ];
    const torrent = await createMetainfo({
      inputs: [{ path: ["f"], bytes: new Uint8Array(3) }],
      name: "näme",
      trackers: [[], ...trackers],
      webSeeds: ["http://w.example/"],
      nodes,
      private: true,
      comment: "cömment",
      source: "SRC",
      createdBy: "me",
      creationDate: 1234567890,
      extra: { httpseeds: ["http://h.example/"] },
      extraInfo: { "x_cross_seed": "abc" },
    });
    const metainfo = parseMetainfo(torrent);
    assertEquals(metainfo.name, "näme");
    assertEquals(metainfo.isSingleFile, true);
    assertEquals(metainfo.trackers, trackers);
    assertEquals(metainfo.webSeeds, ["http://w.example/"]);
    assertEquals(metainfo.httpSeeds, ["http://h.example/"]);
    assertEquals(metainfo.nodes, nodes);
    assertEquals(metainfo.private, true);
    assertEquals(metainfo.comment, "cömment");
    assertEquals(metainfo.source, "SRC");
    assertEquals(metainfo.createdBy, "me");
    assertEquals(metainfo.creationDate, 1234567890);
    const text = new TextDecoder().decode(metainfo.infoBytes);
    assert(text.includes("7:privatei1e"), text);
    assert(text.includes("12:x_cross_seed3:abc"), text);
  },
});

Deno.test({
  name: "createMetainfo() writes nothing that was not asked for",
  permissions: "none",
  async fn() {
    const before = Math.floor(Date.now() / 1000);
    const torrent = await createMetainfo({
      inputs: [{ path: ["f"], bytes: new Uint8Array(3) }],
    });
    const outer = decodeBencode(torrent);
    assert(outer instanceof Map);
    assertEquals([...outer.keys()], ["created by", "creation date", "info"]);
    const info = outer.get("info");
    assert(info instanceof Map);
    assertEquals([...info.keys()], [
      "length",
      "name",
      "piece length",
      "pieces",
    ]);
    const date = Number(outer.get("creation date"));
    assert(date >= before && date <= Date.now() / 1000, String(date));
    const one = await createMetainfo({
      inputs: [{ path: ["f"], bytes: new Uint8Array(3) }],
      trackers: [["http://t.example/"]],
      ...QUIET,
    });
    const keys = decodeBencode(one);
    assert(keys instanceof Map);
    assertEquals([...keys.keys()], ["announce", "info"]);
  },
});

Deno.test({
  name: "createMetainfo() takes a stream of unknown length in 1 MiB pieces",
  permissions: "none",
  async fn() {
    const bytes = bytesOf(2_500_000, 11);
    const seen: HashProgress[] = [];
    const torrent = await createMetainfo({
      inputs: [{ path: ["s"], stream: streamOf(bytes, 12) }],
      onProgress: (progress) => seen.push(progress),
    });
    const metainfo = parseMetainfo(torrent);
    assertEquals(metainfo.pieceLength, 2 ** 20);
    assertEquals(metainfo.totalLength, bytes.length);
    assertEquals(metainfo.pieces, sha1Pieces(bytes, 2 ** 20));
    assertEquals(seen.at(-1), {
      hashedBytes: 2_500_000,
      totalBytes: 2_500_000,
    });
  },
});

async function failure(
  options: CreateMetainfoOptions,
): Promise<CreateError> {
  return await assertRejects(() => createMetainfo(options), CreateError);
}

const X = new Uint8Array(1);

const BAD_INPUTS: readonly [string, CreateSource[], string?][] = [
  ["empty", []],
  ["empty", [{ path: ["a"], bytes: new Uint8Array(0) }]],
  ["empty", [{ path: ["a"], stream: streamOf(new Uint8Array(0), 1) }]],
  ["bad-path", [{ path: [], bytes: X }]],
  ["bad-path", [{ path: [""], bytes: X }]],
  ["bad-path", [{ path: ["."], bytes: X }]],
  ["bad-path", [{ path: ["a", ".."], bytes: X }]],
  ["bad-path", [{ path: ["a/b"], bytes: X }]],
  ["bad-path", [{ path: ["a\0"], bytes: X }]],
  ["bad-path", [{ path: ["\ud800"], bytes: X }]],
  ["bad-path", [{ path: ["a"], bytes: X }], "../n"],
  ["duplicate-path", [{ path: ["d", "a"], bytes: X }, {
    path: ["d", "a"],
    bytes: X,
  }]],
  ["duplicate-path", [{ path: ["d", "a", "b"], bytes: X }, {
    path: ["d", "a"],
    bytes: X,
  }]],
  ["no-name", [{ path: ["a"], bytes: X }, { path: ["b"], bytes: X }]],
  ["changed", [{ path: ["a"], stream: streamOf(X, 1), length: 2 }]],
  ["changed", [{
    path: ["a"],
    stream: streamOf(new Uint8Array(9), 1),
    length: 8,
  }]],
];

for (const [code, inputs, name] of BAD_INPUTS) {
  const paths = inputs.map(({ path }) => path);
  Deno.test({
    name: `createMetainfo() refuses ${JSON.stringify(paths)} with ${code}`,
    permissions: "none",
    async fn() {
      assertEquals((await failure({ inputs, name })).code, code);
    },
  });
}

Deno.test({
  name: "createMetainfo() refuses a v2 folder that reads as a single file",
  permissions: "none",
  async fn() {
    const inputs = [{ path: ["a", "b"], bytes: X }];
    const { code } = await failure({ inputs, version: "v2" });
    assertEquals(code, "lone-file");
    for (const version of ["v1", "hybrid"] as const) {
      const metainfo = parseMetainfo(await createMetainfo({ inputs, version }));
      assertEquals(metainfo.isSingleFile, false);
      assertEquals(metainfo.name, "a");
    }
    const deep = [{ path: ["a", "b", "c"], bytes: X }];
    const metainfo = parseMetainfo(
      await createMetainfo({ inputs: deep, version: "v2" }),
    );
    assertEquals(metainfo.isSingleFile, false);
  },
});

Deno.test({
  name: "createMetainfo() cancels streams when it fails",
  permissions: "none",
  async fn() {
    const reasons: unknown[] = [];
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(10)),
        cancel: (reason) => {
          reasons.push(reason);
        },
      });
    const error = await failure({
      inputs: [
        { path: ["d", "a"], stream: endless(), length: 1000 },
        { path: ["d", "b"], stream: endless() },
      ],
    });
    assertEquals(error.code, "changed");
    assertEquals(error.path, "a");
    assertEquals(reasons, [error, error]);
  },
});

Deno.test({
  name: "createMetainfo() reports a stream that fails, with its cause",
  permissions: "none",
  async fn() {
    const cause = new Error("broken");
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(cause),
    });
    const error = await failure({ inputs: [{ path: ["a"], stream }] });
    assertEquals(error.code, "read-failed");
    assertStrictEquals(error.cause, cause);
    const text = new ReadableStream({
      start: (controller) => controller.enqueue("text"),
    });
    await assertRejects(
      () => createMetainfo({ inputs: [{ path: ["a"], stream: text }] }),
      TypeError,
      "expected a Uint8Array",
    );
  },
});

Deno.test({
  name: "createMetainfo() stops on abort, also while a stream is silent",
  permissions: "none",
  async fn() {
    const reason = new Error("enough");
    const early = AbortSignal.abort(reason);
    const inputs = [{ path: ["a"], bytes: X }];
    const rejected = await assertRejects(() =>
      createMetainfo({ inputs, signal: early })
    );
    assertStrictEquals(rejected, reason);

    const controller = new AbortController();
    let cancelled: unknown;
    const stream = new ReadableStream<Uint8Array>({
      pull: () => controller.abort(reason),
      cancel: (why) => {
        cancelled = why;
      },
    });
    const { signal } = controller;
    const late = await assertRejects(() =>
      createMetainfo({ inputs: [{ path: ["a"], stream }], signal })
    );
    assertStrictEquals(late, reason);
    assertStrictEquals(cancelled, reason);
  },
});
