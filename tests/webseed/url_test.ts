import { assertEquals, assertThrows } from "@std/assert";
import { PieceLayout } from "../../metainfo/piece_layout.ts";
import {
  parseWebSeedUrl,
  webSeedFileUrl,
  type WebSeedTorrent,
} from "../../webseed/url.ts";

function torrent(
  name: string,
  files: readonly (
    & { path: readonly string[] }
    & Partial<WebSeedTorrent["files"][number]>
  )[],
  more: Partial<WebSeedTorrent> = {},
): WebSeedTorrent {
  const all = files.map((file) => ({ length: 1, pad: false, ...file }));
  return {
    name,
    isSingleFile: false,
    files: all as unknown as WebSeedTorrent["files"],
    layout: new PieceLayout({ pieceLength: 16384, files: all }),
    ...more,
  };
}

Deno.test("parseWebSeedUrl() takes http and https URLs only", {
  permissions: "none",
}, () => {
  assertEquals(
    parseWebSeedUrl(" http://a.example/ü b/#x ")?.href,
    "http://a.example/%C3%BC%20b/",
  );
  assertEquals(
    parseWebSeedUrl("HTTPS://a.example")?.href,
    "https://a.example/",
  );
  for (
    const text of [
      "",
      "a.example/x",
      "ftp://a.example/",
      "file:///etc/passwd",
      "data:text/plain,x",
      "http://",
      `http://a.example/${"x".repeat(8192)}`,
    ]
  ) assertEquals(parseWebSeedUrl(text), undefined, text.slice(0, 40));
});

Deno.test("webSeedFileUrl() follows the rules of BEP 19", {
  permissions: "none",
}, () => {
  const single = torrent("a b.iso", [{ path: [] }], { isSingleFile: true });
  const folder = torrent("a b", [{ path: ["ü", "50%?#&+.txt"] }]);
  const cases: [string, WebSeedTorrent, string][] = [
    ["http://h/x.iso", single, "http://h/x.iso"],
    ["http://h/x.iso?k=1", single, "http://h/x.iso?k=1"],
    ["http://h/dir/", single, "http://h/dir/a%20b.iso"],
    ["http://h", single, "http://h/a%20b.iso"],
    [
      "http://h/dir/",
      folder,
      "http://h/dir/a%20b/%C3%BC/50%25%3F%23%26%2B.txt",
    ],
    ["http://h/dir", folder, "http://h/dir/a%20b/%C3%BC/50%25%3F%23%26%2B.txt"],
    ["http://u:p@h/", single, "http://h/a%20b.iso"],
  ];
  for (const [base, of, url] of cases) {
    assertEquals(webSeedFileUrl(parseWebSeedUrl(base)!, of, 0), url);
  }
  assertThrows(
    () => webSeedFileUrl(new URL("http://h/"), folder, 1),
    RangeError,
  );
});

Deno.test(
  "webSeedFileUrl() names files as the torrent has them, unless that leads elsewhere",
  {
    permissions: "none",
  },
  () => {
    const odd = torrent("safe", [
      { path: ["a_b"], originalPath: ["a:b"] },
      { path: ["x"], rawPath: [new Uint8Array([0xe9, 0x2f])] },
      { path: ["_", "x"], originalPath: ["..", "x"] },
      { path: ["y"], originalPath: ["", "y"] },
    ], { originalName: "what?" });
    const base = new URL("http://h/");
    assertEquals(
      odd.files.map((_, i) => webSeedFileUrl(base, odd, i)),
      [
        "http://h/what%3F/a%3Ab",
        "http://h/what%3F/%E9%2F",
        "http://h/what%3F/_/x",
        "http://h/what%3F/y",
      ],
    );
    const up = torrent("up", [{ path: ["a"] }], { originalName: ".." });
    assertEquals(webSeedFileUrl(base, up, 0), "http://h/up/a");
  },
);
