import { assertEquals } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { ResumeSaver } from "../../../client/content/resume_saver.ts";
import type { TorrentStorage } from "../../../disk/mod.ts";
import { drain, SimClock } from "../../../testing/sim_clock.ts";

/** A storage of which only the resume data matter: the count of pieces. */
function storage(have: Bitfield): TorrentStorage {
  const partial: Pick<TorrentStorage, "have" | "resumeData"> = {
    have,
    resumeData: () => Promise.resolve(new Uint8Array([have.count])),
  };
  return partial as TorrentStorage;
}

Deno.test("ResumeSaver saves when there is news, not too often", {
  permissions: "none",
}, async () => {
  const clock = new SimClock();
  const have = new Bitfield(100);
  const saved: number[] = [];
  const saver = new ResumeSaver({
    clock,
    save: (data) => Promise.resolve(void saved.push(data[0]!)),
    onError: (error) => {
      throw error;
    },
  });
  saver.tick(clock.now());
  await saver.save();
  assertEquals(saved, []);
  saver.setStorage(storage(have));
  for (let second = 0; second < 60; second++) {
    if (second < 30) have.set(second);
    await clock.advance(1000);
    saver.tick(clock.now());
    await drain();
  }
  assertEquals(saved, [15, 30]);
});

Deno.test("ResumeSaver saves again what changed during a save", {
  permissions: "none",
}, async () => {
  const have = new Bitfield(100);
  const saved: number[] = [];
  let release = () => {};
  const saver = new ResumeSaver({
    clock: new SimClock(),
    save: async (data) => {
      await new Promise<void>((resolve) => release = resolve);
      saved.push(data[0]!);
    },
    onError: () => {},
  });
  saver.setStorage(storage(have));
  const first = saver.save();
  await drain();
  have.set(1);
  const second = saver.save();
  const third = saver.save();
  release();
  await drain();
  release();
  await Promise.all([first, second, third]);
  assertEquals(saved, [0, 1]);
});

Deno.test("ResumeSaver tells of failures and goes on", {
  permissions: "none",
}, async () => {
  const errors: unknown[] = [];
  let calls = 0;
  const saver = new ResumeSaver({
    clock: new SimClock(),
    save: () => {
      calls++;
      return Promise.reject(new Error("full"));
    },
    onError: (error) => errors.push(error),
  });
  saver.setStorage(storage(new Bitfield(1)));
  await saver.save();
  await saver.save();
  assertEquals(calls, 2);
  assertEquals(errors.length, 2);
});

Deno.test("ResumeSaver saves nothing twice", {
  permissions: "none",
}, async () => {
  const have = new Bitfield(100);
  const saved: number[] = [];
  const saver = new ResumeSaver({
    clock: new SimClock(),
    save: (data) => {
      saved.push(data[0]!);
      return Promise.resolve();
    },
    onError: () => {},
  });
  saver.setStorage(storage(have));
  await saver.save();
  await saver.save();
  have.set(1);
  await saver.save();
  assertEquals(saved, [0, 1]);
});
