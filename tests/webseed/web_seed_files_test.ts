import { assertEquals } from "@std/assert";
import { PieceLayout } from "../../metainfo/piece_layout.ts";
import type { WebSeedTorrent } from "../../webseed/url.ts";
import { WebSeedFiles } from "../../webseed/web_seed_files.ts";

const PIECE = 1_048_576;

function make(lengths: readonly number[], isWanted?: (i: number) => boolean) {
  const files = lengths.map((length, i) => ({ length, path: [`${i}`] }));
  const torrent: WebSeedTorrent = {
    name: "t",
    isSingleFile: false,
    files: files as unknown as WebSeedTorrent["files"],
    layout: new PieceLayout({ pieceLength: PIECE, files }),
  };
  return new WebSeedFiles(new URL("http://h/"), torrent, isWanted);
}

Deno.test("WebSeedFiles - remembers where files were moved to, up to 1024", {
  permissions: "none",
}, () => {
  const files = make(Array.from({ length: 1030 }, () => 1));
  assertEquals([files.url(0), files.isMoved(0)], ["http://h/t/0", false]);
  for (let i = 0; i < 1030; i++) files.setMoved(i, "http://m/");
  assertEquals([files.url(0), files.isMoved(1023)], ["http://m/", true]);
  assertEquals(files.url(1024), "http://h/t/1024");
  files.setMoved(0, undefined);
  assertEquals(files.url(0), "http://h/t/0");
});

Deno.test(
  "WebSeedFiles.isWorth() - a quarter of a large file, anything of a small one",
  {
    permissions: "none",
  },
  () => {
    const of = (pieces: number, wanted: number) =>
      make([pieces * PIECE], (i) => i < wanted).isWorth(0);
    assertEquals([of(64, 0), of(100, 24), of(100, 25)], [true, false, true]);
  },
);

Deno.test(
  "WebSeedFiles.isRestUseless() looks from the piece of a position on",
  {
    permissions: "none",
  },
  () => {
    const files = make([10, 5 * PIECE], (i) => i === 3);
    const at = (position: number) => files.isRestUseless(1, position);
    assertEquals(at(0), false);
    assertEquals(at(4 * PIECE - 11), false);
    assertEquals(at(4 * PIECE - 10), true);
    files.drop(1);
    assertEquals([at(0), files.isDropped(1)], [true, true]);
  },
);

Deno.test("WebSeedFiles.bad() - a file of very many pieces is left alone", {
  permissions: "none",
}, () => {
  const files = make([300_000 * PIECE, 1]);
  assertEquals(files.bad(7)?.length, 300_000);
});
