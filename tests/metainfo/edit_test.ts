import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type BencodeInput,
  decodeBencode,
  encodeBencode,
} from "../../bencode/mod.ts";
import { createMetainfo } from "../../metainfo/create.ts";
import { diskPaths } from "../../metainfo/disk_paths.ts";
import { editMetainfo, encodeMetainfo } from "../../metainfo/edit.ts";
import { MetainfoError } from "../../metainfo/metainfo.ts";
import { parseMetainfo } from "../../metainfo/parse.ts";
import { encodeText, toHex } from "../../_shared/bytes.ts";
import { torrent, v1Info, v2File, v2Torrent } from "./_torrents.ts";

const pure = { permissions: "none" } as const;

Deno.test("editMetainfo: no changes give the same bytes", pure, () => {
  const bytes = torrent(
    v1Info({ md5sum: "x".repeat(32), private: 1, source: "S", "x-key": [1] }),
    {
      announce: "udp://a",
      "announce-list": [["udp://a", "udp://b"], ["udp://c"]],
      "unknown key": { deep: [1, "a", { b: 2 }] },
      "\xff\x00": "binary key",
    },
  );
  assertEquals(editMetainfo(bytes, {}), bytes);
  const v2 = v2Torrent({ "a.bin": v2File(50_000) });
  assertEquals(editMetainfo(v2, {}), v2);
});

Deno.test("editMetainfo: sets and removes every field", pure, () => {
  const bytes = torrent(v1Info(), { extra: 1, "comment.utf-8": "old" });
  const hash = toHex(parseMetainfo(bytes).infoHash);
  const edited = editMetainfo(bytes, {
    trackers: [["udp://a", "udp://b"], [], ["udp://c"]],
    webSeeds: ["http://w/"],
    httpSeeds: ["http://h/"],
    nodes: [{ hostname: "router.example", port: 6881 }],
    comment: "ünïcode",
    createdBy: "us",
    creationDate: 1_700_000_000,
  });
  const metainfo = parseMetainfo(edited);
  assertEquals(toHex(metainfo.infoHash), hash);
  assertEquals(metainfo.trackers, [["udp://a", "udp://b"], ["udp://c"]]);
  assertEquals(metainfo.webSeeds, ["http://w/"]);
  assertEquals(metainfo.httpSeeds, ["http://h/"]);
  assertEquals(metainfo.nodes, [{ hostname: "router.example", port: 6881 }]);
  assertEquals(metainfo.comment, "ünïcode");
  assertEquals(metainfo.createdBy, "us");
  assertEquals(metainfo.creationDate, 1_700_000_000);
  const top = decodeBencode(edited) as Map<string, unknown>;
  assertEquals(top.get("announce"), encodeText("udp://a"));
  assertEquals(top.get("extra"), 1);
  assert(!top.has("comment.utf-8"));
  const bare = editMetainfo(edited, {
    trackers: null,
    webSeeds: null,
    httpSeeds: [],
    nodes: null,
    comment: null,
    createdBy: null,
    creationDate: null,
  });
  assertEquals(bare, torrent(v1Info(), { extra: 1 }));
});

Deno.test("editMetainfo: one tracker needs no announce-list", pure, () => {
  const bytes = torrent(v1Info(), {
    announce: "udp://a",
    "announce-list": [["udp://a"], ["udp://b"]],
  });
  assertEquals(
    editMetainfo(bytes, { trackers: [["udp://x"]] }),
    torrent(v1Info(), { announce: "udp://x" }),
  );
});

Deno.test(
  "editMetainfo: strange values keep their bytes",
  pure,
  () => {
    const info = "d6:lengthi05e4:name1:a6:pieces20:" + "x".repeat(20) +
      "12:piece lengthi16384e4:name1:be";
    const bytes = encodeText(
      `d4:info${info}8:announce7:udp://a1:zi-0eetrailing`,
    );
    const edited = editMetainfo(bytes, { comment: "c" });
    assertEquals(
      edited,
      encodeText(`d8:announce7:udp://a7:comment1:c4:info${info}1:zi-0ee`),
    );
    assertEquals(
      toHex(parseMetainfo(edited).infoHash),
      toHex(parseMetainfo(bytes).infoHash),
    );
  },
);

Deno.test(
  "editMetainfo: changes the info dictionary only when told to",
  pure,
  () => {
    const info = v1Info({ private: 1, source: "A", "name.utf-8": "x", z: [1] });
    const bytes = torrent(info, { announce: "udp://a" });
    for (
      const changes of [{ private: true }, { source: "A" }, {
        private: true,
        source: "A",
      }]
    ) assertEquals(editMetainfo(bytes, changes), bytes);
    const edited = editMetainfo(bytes, {
      private: false,
      source: "B",
      name: "ünï",
    });
    const { private: _, ...rest } = info;
    const kept: Record<string, BencodeInput> = {
      ...rest,
      source: "B",
      name: "ünï",
    };
    delete kept["name.utf-8"];
    assertEquals(edited, torrent(kept, { announce: "udp://a" }));
    assertEquals(
      editMetainfo(edited, { source: null, private: true }),
      torrent({ ...v1Info(), z: [1], name: "ünï", private: 1 }, {
        announce: "udp://a",
      }),
    );
    assertEquals(
      editMetainfo(edited, { source: null }),
      torrent({ ...v1Info(), z: [1], name: "ünï" }, { announce: "udp://a" }),
    );
    // A flag that says no, in whatever way, is left as it stands.
    for (const flag of [0, "1"]) {
      const open = torrent(v1Info({ private: flag }));
      assertEquals(editMetainfo(open, { private: false }), open);
      assert(parseMetainfo(editMetainfo(open, { private: true })).private);
    }
    for (const name of ["", ".", "..", "a/b", "a\0", "\ud800"]) {
      assertThrows(() => editMetainfo(bytes, { name }), TypeError);
    }
  },
);

Deno.test(
  "editMetainfo: a lone v2 file is renamed in its tree, too",
  pure,
  async () => {
    const payload = new Uint8Array(40_000).fill(7);
    for (const version of ["v2", "hybrid"] as const) {
      const lone = await createMetainfo({
        inputs: [{ path: ["a"], bytes: payload }],
        version,
      });
      const renamed = parseMetainfo(editMetainfo(lone, { name: "é" }));
      assertEquals(renamed.name, "é");
      assert(renamed.isSingleFile);
      assertEquals(
        diskPaths(renamed, { ignoresCase: false, ignoresForm: false }),
        [
          ["é"],
        ],
      );
      assertEquals(
        toHex(renamed.files[0]!.piecesRoot!),
        toHex(parseMetainfo(lone).files[0]!.piecesRoot!),
      );
      const folder = await createMetainfo({
        inputs: [
          { path: ["d", "a"], bytes: payload },
          { path: ["d", "b"], bytes: payload },
        ],
        version,
      });
      const moved = parseMetainfo(editMetainfo(folder, { name: "e" }));
      assertEquals(moved.name, "e");
      assertEquals(
        moved.files.filter(({ pad }) => !pad).map(({ path }) => path),
        [["a"], ["b"]],
      );
    }
    // A folder that has one file, as only v1 can tell.
    const one = await createMetainfo({
      inputs: [{ path: ["d", "a"], bytes: payload }],
      name: "d",
      version: "hybrid",
    });
    const parsed = parseMetainfo(editMetainfo(one, { name: "e" }));
    assertEquals([parsed.name, parsed.isSingleFile], ["e", false]);
    assertEquals(parsed.files[0]!.path, ["a"]);
  },
);

Deno.test("editMetainfo: refuses what is no torrent", pure, () => {
  const code = (bytes: Uint8Array, options = {}) =>
    assertThrows(() => editMetainfo(bytes, {}, options), MetainfoError).code;
  assertEquals(code(encodeText("")), "bad-bencode");
  assertEquals(code(encodeText("le")), "wrong-type");
  assertEquals(code(encodeText("de")), "missing");
  assertEquals(code(encodeBencode({ info: 1 })), "wrong-type");
  const bytes = torrent(v1Info());
  assertEquals(code(bytes, { maxLength: bytes.length - 1 }), "too-large");
  for (const creationDate of [-1, 1.5, NaN]) {
    assertThrows(() => editMetainfo(bytes, { creationDate }), RangeError);
  }
  for (let end = 0; end < bytes.length; end++) {
    assertEquals(code(bytes.subarray(0, end)), "bad-bencode");
  }
});

Deno.test("encodeMetainfo: a torrent file that says the same", pure, () => {
  for (
    const bytes of [
      torrent(v1Info()),
      editMetainfo(torrent(v1Info()), {
        trackers: [["udp://a:1", "udp://b:1"], ["http://c/announce"]],
        webSeeds: ["http://w/"],
        httpSeeds: ["http://h/"],
        nodes: [{ hostname: "router.example", port: 6881 }],
        comment: "ünïcode",
        createdBy: "test",
        creationDate: 1,
      }),
    ]
  ) {
    const written = encodeMetainfo(parseMetainfo(bytes));
    assertEquals(written, bytes);
  }
});
