import { assert, assertEquals } from "@std/assert";
import type { WebSeedInput } from "../../webseed/web_seed_types.ts";
import { Bench, PIECE } from "../support/web_seed_bench.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "WebSeedMachine - a server without ranges is read whole",
  pure,
  () => {
    const have = new Set<number>([3]);
    const b = new Bench([{ length: 4 * PIECE }], {
      isLacking: (piece) => !have.has(piece),
    });
    b.want(1);
    b.answer(200, { "content-length": `${4 * PIECE}` });
    assertEquals(b.types(), ["read"]);
    assert(!b.machine.sendsParts);
    for (let i = 0; i < 3; i++) b.bytes(PIECE);
    // What follows is there already.
    assertEquals(b.types(), ["done"]);
    assertEquals(b.unserved(), 0);
    assertEquals(b.blocks.length, 6);
    have.clear();
    assertEquals(b.want(2), ["/dir/t whole"]);
    // One at a time from now on.
    assertEquals(b.machine.window(b.now), 0);
    b.answer(200, {}, 2);
    b.bytes(4 * PIECE, 2);
    assertEquals(b.types(), []);
    b.input({ type: "ended", id: 2 });
    assertEquals([b.blocks.length, b.unserved()], [14, 0]);
  },
);

Deno.test(
  "WebSeedMachine - without ranges, files that share a piece follow each other",
  pure,
  () => {
    const b = new Bench([{ length: 40_000 }, { length: 100 }, {
      length: 40_000,
    }]);
    b.want(0);
    b.answer(200);
    b.bytes(40_000);
    b.input({ type: "ended", id: 1 });
    assertEquals(b.requests(), ["/dir/t/f1 whole"]);
    b.answer(200);
    b.bytes(100);
    b.input({ type: "ended", id: 1 });
    assertEquals(b.requests(), ["/dir/t/f2 whole"]);
    b.answer(200);
    b.bytes(40_000);
    b.input({ type: "ended", id: 1 });
    assertEquals(b.blocks, ["0:0", "0:16384", "1:0", "1:16384", "2:0"]);
    assertEquals(b.unserved(), 0);
  },
);

Deno.test(
  "WebSeedMachine - a small file that is sent whole says nothing of ranges",
  pure,
  () => {
    const b = new Bench([{ length: PIECE }, { length: PIECE }]);
    assertEquals(b.want(0), ["/dir/t/f0 bytes=0-32767"]);
    b.answer(200, { "content-length": `${PIECE}` });
    b.bytes(PIECE);
    b.input({ type: "ended", id: 1 });
    assert(b.machine.sendsParts);
    assertEquals(b.blocks, ["0:0", "0:16384"]);
  },
);

Deno.test(
  "WebSeedMachine - no huge file is read for little that others have, too",
  pure,
  () => {
    const length = 100 * 1024 * 1024;
    let isAlone = false;
    const b = new Bench([{ length }], {
      isLacking: (piece) => piece > 3000,
      isAlone: () => isAlone,
    });
    b.want(3100);
    b.answer(200);
    assertEquals([b.machine.state, b.unserved()], ["waiting", 2]);
    assertEquals(b.machine.waitsUntil! - b.now, 60_000);
    b.pass(60_000);
    isAlone = true;
    assertEquals(b.want(3100), ["/dir/t whole"]);
  },
);

Deno.test("WebSeedMachine - a bad piece ends a single file", pure, () => {
  const b = new Bench();
  b.want(0);
  b.input({ type: "bad", pieceIndex: 1 });
  assertEquals(b.types(), ["state", "done", "lost"]);
  assertEquals([b.machine.state, b.machine.pieces.count], ["banned", 0]);
  assertEquals(b.machine.message, "Piece 1 failed its hash check");
});

Deno.test(
  "WebSeedMachine - a bad piece ends its file, or those that it happens to again",
  pure,
  () => {
    const b = new Bench([
      { length: 2 * PIECE + 10 },
      { length: PIECE },
      { length: 4 * PIECE },
    ]);
    // Piece 2 has an end and a start.
    b.input({ type: "bad", pieceIndex: 2 });
    assertEquals(b.outputs, [{ type: "lost", pieces: [2] }]);
    b.want(0);
    b.input({ type: "bad", pieceIndex: 3 });
    assertEquals(b.outputs.map((o) => o.type === "lost" ? o.pieces : o.type), [[
      3,
    ]]);
    // File 1 is dropped now: it was in both; 0 and 2 are not.
    assertEquals(b.machine.active, 1);
    b.input({ type: "bad", pieceIndex: 0 });
    assertEquals(b.types(), ["lost", "done"]);
    assertEquals([...b.machine.pieces], [4, 5, 6, 7]);
    assertEquals(b.machine.state, "ready");
  },
);

Deno.test("WebSeedMachine - many bad pieces end it", pure, () => {
  const b = new Bench(Array.from({ length: 40 }, () => ({ length: PIECE })));
  for (let i = 0; i < 15; i++) b.input({ type: "bad", pieceIndex: i });
  assertEquals(b.machine.state, "ready");
  b.input({ type: "bad", pieceIndex: 15 });
  assertEquals(b.machine.state, "banned");
});

Deno.test(
  "WebSeedMachine - when all blocks came from elsewhere the transfer ends",
  pure,
  () => {
    const b = new Bench();
    b.want(0);
    const { layout } = b.torrent;
    b.input({ type: "cancel", block: layout.block(3, 0) });
    b.input({ type: "cancel", block: layout.block(0, 0) });
    assertEquals(b.types(), []);
    b.input({ type: "cancel", block: layout.block(0, 1) });
    assertEquals(b.outputs, [{
      type: "done",
      id: 1,
      blocks: [],
      failed: false,
    }]);
    // What still comes of it is nothing.
    for (
      const input of [{ type: "ended", id: 1 }, { type: "awaiting", id: 1 }]
    ) {
      assertEquals(b.input(input as WebSeedInput), []);
    }
  },
);

Deno.test(
  "WebSeedMachine - stop ends transfers, close ends it for good",
  pure,
  () => {
    const b = new Bench();
    b.want(0);
    b.input({ type: "stop" });
    assertEquals([b.unserved(), b.machine.state], [2, "ready"]);
    b.want(0);
    b.input({ type: "failed", id: 2, reason: "x", isLocal: true });
    assertEquals([b.unserved(), b.machine.state], [2, "ready"]);
    b.want(0);
    b.input({ type: "close" });
    assertEquals([b.unserved(), b.machine.state], [2, "closed"]);
    b.want(0);
    assertEquals([b.unserved(), b.requests()], [2, []]);
  },
);
