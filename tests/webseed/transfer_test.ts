import { assertEquals } from "@std/assert";
import { PieceLayout } from "../../metainfo/piece_layout.ts";
import { BlockCutter } from "../../webseed/block_cutter.ts";
import {
  noteSpeed,
  requestHeaders,
  startTransfer,
} from "../../webseed/transfer.ts";

const range = { fileIndex: 0, start: 5, end: 10 };

Deno.test(
  "requestHeaders() names the last byte, and the person to her own origin",
  {
    permissions: "none",
  },
  () => {
    const base = new URL("https://a:b@h.example/");
    const identity = { "accept-encoding": "identity" };
    assertEquals(requestHeaders(base, "https://o.example/", range), {
      ...identity,
      range: "bytes=5-9",
    });
    assertEquals(requestHeaders(base, "https://h.example/x", undefined), {
      ...identity,
      authorization: "Basic YTpi",
    });
    const odd = new URL("http://%E9:@h.example/");
    assertEquals(
      requestHeaders(odd, "http://h.example/", undefined).authorization,
      `Basic ${btoa("%E9:")}`,
    );
  },
);

Deno.test("noteSpeed() - a KiB a second of the server's time is fast enough", {
  permissions: "none",
}, () => {
  const layout = new PieceLayout({
    pieceLength: 16384,
    files: [{ length: 9 }],
  });
  for (const [bytes, isSlow] of [[30_719, true], [30_720, false]] as const) {
    const transfer = startTransfer({
      id: 1,
      wanted: new Map(),
      cutter: new BlockCutter(layout, () => {}),
      ranges: [],
      range,
      isWhole: false,
    });
    transfer.since = 0;
    assertEquals(noteSpeed(transfer, 10, 29_999), false);
    // Nobody waited for the server.
    assertEquals(noteSpeed(transfer, bytes - 20, 90_000), false);
    transfer.since = 100_000;
    assertEquals(noteSpeed(transfer, 10, 100_001), isSlow);
    assertEquals([transfer.slowMs, transfer.since], [0, undefined]);
  }
});
