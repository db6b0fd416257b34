import { assertEquals } from "@std/assert";
import { documentLines } from "../../../cli/torrent/torrent_document.ts";

Deno.test("documentLines() - more files than a call takes arguments", {
  permissions: "none",
}, () => {
  const files = Array.from({ length: 300_000 }, (_, i) => ({
    path: `${i}`,
    length: 1,
  }));
  const lines = documentLines({
    name: "t",
    infoHashV1: null,
    infoHashV2: null,
    version: "v1",
    pieceLength: null,
    pieceCount: null,
    totalLength: null,
    files,
    private: null,
    trackers: [],
    webSeeds: [],
    nodes: [],
    comment: null,
    createdBy: null,
    creationDate: null,
    source: null,
    magnet: "magnet:?",
  });
  assertEquals(lines.at(-1), "  300000         1 B  299999");
});
