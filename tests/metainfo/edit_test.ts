import { assert, assertEquals, assertThrows } from "@std/assert";
import { decodeBencode, encodeBencode } from "../../bencode/mod.ts";
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
  "editMetainfo: a strange info dictionary keeps its bytes",
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
      encodeText(`d8:announce7:udp://a7:comment1:c4:info${info}1:zi0ee`),
    );
    assertEquals(
      toHex(parseMetainfo(edited).infoHash),
      toHex(parseMetainfo(bytes).infoHash),
    );
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
