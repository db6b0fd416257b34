import { assertEquals, assertStringIncludes } from "@std/assert";
import { byRate, roomOf, topFrame } from "../../../cli/remote/top.ts";

const torrent = (id: number, more: Record<string, unknown> = {}) => ({
  id,
  name: `name ${id}`,
  status: 6,
  percent_done: 1,
  size_when_done: 1,
  eta: -1,
  rate_download: 0,
  rate_upload: 0,
  upload_ratio: 0,
  ...more,
});

Deno.test({
  name: "byRate - what moves most is first, what is stopped last",
  permissions: "none",
  fn() {
    const sorted = byRate([
      torrent(1, { status: 0 }),
      torrent(2),
      torrent(3, { rate_upload: 1 }),
      torrent(4, { rate_download: 2 }),
    ]);
    assertEquals(sorted.map(({ id }) => id), [4, 3, 2, 1]);
  },
});

Deno.test({
  name: "topFrame - fits any terminal, and says what is wrong",
  permissions: "none",
  fn() {
    const look = { stats: {}, torrents: [torrent(1), torrent(2), torrent(3)] };
    for (const rows of [1, 2, 5, 6, 7, 24]) {
      for (const columns of [1, 20, 40, 80, 200]) {
        const frame = { look, problem: undefined, offset: 0, columns, rows };
        const lines = topFrame(frame);
        assertEquals(
          lines.length,
          Math.min(rows, 4 + Math.min(3, roomOf(rows))),
        );
        for (const line of lines) assertEquals(line.length <= columns, true);
      }
    }
    const frame = { look, problem: undefined, offset: 1, columns: 80, rows: 6 };
    const lines = topFrame(frame);
    assertStringIncludes(lines[3]!, "name 2");
    assertEquals(lines.at(-1), "q quits; 2 to 3 of 3, arrow keys scroll");
    assertEquals(
      topFrame({ ...frame, problem: "gone" }).at(-1),
      "Trying again: gone",
    );
  },
});

Deno.test({
  name: "topFrame - columns that matter less make room for names",
  permissions: "none",
  fn() {
    const look = { stats: {}, torrents: [torrent(1)] };
    const heads = [100, 80, 60, 40].map((columns) =>
      topFrame({ look, problem: undefined, offset: 0, columns, rows: 24 })[2]!
        .split(/ +/).filter((head) => head !== "").join(" ")
    );
    assertEquals(heads, [
      "ID DONE SIZE ETA DOWN UP PEERS RATIO STATE NAME",
      "ID DONE SIZE ETA DOWN UP PEERS RATIO STATE NAME",
      "ID DONE DOWN UP STATE NAME",
      "ID DONE DOWN UP NAME",
    ]);
  },
});
