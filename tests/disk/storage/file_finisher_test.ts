import { assertEquals } from "@std/assert";
import type { Backing } from "../../../disk/storage/backing.ts";
import { FileFinisher } from "../../../disk/storage/file_finisher.ts";

const pure = { permissions: "none" } as const;
const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

function setUp(completedBy: Record<number, number[]>) {
  const log: string[] = [];
  const state: { closed?: boolean; go?: () => void; fails?: boolean } = {};
  const backing = {
    completedBy: (i: number) => completedBy[i] ?? [],
    finish(i: number) {
      log.push(`finish ${i}`);
      return state.fails ? Promise.reject(new Error("no")) : Promise.resolve();
    },
  } as unknown as Backing;
  const finisher = new FileFinisher(backing, async (run) => {
    log.push("alone");
    if (state.closed) throw new Error("closed");
    await new Promise<void>((resolve) => state.go = resolve);
    await run();
  });
  const go = async () => {
    state.go!();
    await turn();
  };
  return Object.assign(state, { log, finisher, run: go });
}

Deno.test(
  "FileFinisher: complete files are finished alone, together",
  pure,
  async () => {
    const { log, finisher, run } = setUp({ 1: [4, 5], 2: [6], 3: [7] });
    finisher.pieceGood(0);
    assertEquals(log, []);
    finisher.pieceGood(1);
    finisher.pieceGood(2);
    // Nothing new is due, and one is on its way.
    finisher.pieceGood(0);
    assertEquals(log.splice(0), ["alone"]);
    await run();
    assertEquals(log.splice(0), ["finish 4", "finish 5", "finish 6"]);
    finisher.pieceGood(0);
    await turn();
    assertEquals(log, []);
    finisher.pieceGood(3);
    assertEquals(log.splice(0), ["alone"]);
    await run();
    assertEquals(log, ["finish 7"]);
  },
);

Deno.test(
  "FileFinisher: a failure keeps no other file from its name",
  pure,
  async () => {
    const bench = setUp({ 1: [4, 5], 2: [6] });
    bench.fails = true;
    bench.finisher.pieceGood(1);
    await bench.run();
    assertEquals(bench.log.splice(0), ["alone", "finish 4", "finish 5"]);
    bench.finisher.pieceGood(2);
    await bench.run();
    assertEquals(bench.log, ["alone", "finish 6"]);
  },
);

Deno.test(
  "FileFinisher: what is due when it is closed is for the next run",
  pure,
  async () => {
    const bench = setUp({ 1: [4], 2: [5] });
    bench.closed = true;
    bench.finisher.pieceGood(1);
    await turn();
    assertEquals(bench.log.splice(0), ["alone"]);
    bench.closed = false;
    bench.finisher.pieceGood(0);
    assertEquals(bench.log, []);
    bench.finisher.pieceGood(2);
    await bench.run();
    assertEquals(bench.log, ["alone", "finish 5"]);
  },
);
