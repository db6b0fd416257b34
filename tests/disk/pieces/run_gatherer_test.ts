import { assertEquals } from "@std/assert";
import { RunGatherer } from "../../../disk/pieces/run_gatherer.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

const pure = { permissions: "none" } as const;

/** Runs of three: 0 to 2, 3 to 5, 6 and 7. */
function setUp(
  { maxBytes = 30, apart = [] as number[], runPieces = 3 } = {},
) {
  const clock = new SimClock();
  const released: string[][] = [];
  const state = { isQuiet: false };
  const runs = new RunGatherer<string>({
    layout: new PieceLayout({ pieceLength: 10, files: [{ length: 75 }] }),
    runPieces,
    maxBytes,
    clock,
    isApart: (i) => apart.includes(i),
    isQuiet: () => state.isQuiet,
    release: (pieces) => released.push(pieces),
  });
  const take = (...pieces: number[]) =>
    pieces.map((i) => runs.take(i, `p${i}`).join(" ")).join("|");
  const taken = () => released.splice(0).map((run) => run.join(" "));
  return Object.assign(state, { clock, runs, take, taken });
}

Deno.test(
  "RunGatherer: a run is given in order once it is whole",
  pure,
  async () => {
    const { clock, take, taken } = setUp();
    assertEquals(take(2, 4, 0, 3), "|||");
    assertEquals(take(1), "p0 p1 p2");
    assertEquals(take(5), "p3 p4 p5");
    assertEquals(take(7, 6), "|p6 p7");
    await clock.advance(60_000);
    assertEquals(taken(), []);
  },
);

Deno.test(
  "RunGatherer: pieces go by themselves if no more of their run come",
  pure,
  async () => {
    const { clock, take, taken } = setUp();
    take(1);
    await clock.advance(2000);
    take(4, 0);
    await clock.advance(2000);
    take(3);
    await clock.advance(2999);
    assertEquals(taken(), []);
    await clock.advance(1);
    assertEquals(taken(), ["p1 p0"]);
    await clock.advance(1999);
    assertEquals(taken(), []);
    await clock.advance(1);
    assertEquals(taken(), ["p4 p3"]);
  },
);

Deno.test(
  "RunGatherer: nothing waits for longer than is said",
  pure,
  async () => {
    const { clock, runs, taken } = setUp({ runPieces: 7, maxBytes: 70 });
    for (let i = 0; i < 5; i++) {
      runs.take(i, `p${i}`);
      await clock.advance(i < 4 ? 4500 : 1999);
    }
    assertEquals(taken(), []);
    await clock.advance(1);
    assertEquals(taken(), ["p0 p1 p2 p3 p4"]);
  },
);

Deno.test(
  "RunGatherer: nothing waits when nothing more comes",
  pure,
  async () => {
    const given = setUp();
    const { clock, take, taken } = given;
    take(1, 4);
    given.isQuiet = true;
    await clock.advance(499);
    assertEquals(taken(), []);
    await clock.advance(1);
    assertEquals(taken(), ["p1", "p4"]);
    given.isQuiet = false;
    assertEquals(take(1), "");
    await clock.advance(4999);
    assertEquals(taken(), []);
  },
);

Deno.test(
  "RunGatherer: pieces of one block come, though none is in the making",
  pure,
  async () => {
    const given = setUp({ runPieces: 7, maxBytes: 70 });
    const { clock, take, taken } = given;
    given.isQuiet = true;
    for (const i of [4, 0, 6, 2, 1, 3]) {
      assertEquals(take(i), "");
      await clock.advance(400);
    }
    assertEquals(taken(), []);
    assertEquals(take(5), "p0 p1 p2 p3 p4 p5 p6");
    take(7);
    await clock.advance(1000);
    assertEquals(taken(), []);
  },
);

Deno.test("RunGatherer: what cannot get whole does not wait", pure, () => {
  const { take } = setUp({ apart: [2] });
  assertEquals(take(0, 1, 3), "p0|p1|");
  const short = setUp({ maxBytes: 29 });
  // The last is shorter.
  assertEquals(short.take(0, 3, 6), "p0|p3|");
});

Deno.test("RunGatherer: runs are released and dropped", pure, async () => {
  const { clock, runs, take, taken } = setUp();
  take(0, 3, 1, 6);
  runs.release(2);
  assertEquals(taken(), ["p0 p1"]);
  runs.release(2);
  assertEquals(taken(), []);
  runs.release();
  assertEquals(taken(), ["p3", "p6"]);
  take(0, 3, 1);
  assertEquals(runs.drop(), ["p0", "p1", "p3"]);
  await clock.advance(60_000);
  assertEquals([taken(), runs.drop()], [[], []]);
});
