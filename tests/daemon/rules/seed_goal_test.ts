import { assertEquals } from "@std/assert";
import {
  goalReached,
  goalsOf,
  goalValue,
} from "../../../daemon/rules/seed_goal.ts";

const none = { permissions: "none" } as const;
const WORK = {
  uploadedBytes: 200,
  size: 100,
  seedingMs: 600_000,
  idleMs: 120_000,
};
const NO_GOALS = { ratio: undefined, time: undefined, idle: undefined };

Deno.test("a goal is reached at its value, not before", none, () => {
  assertEquals(goalReached(WORK, NO_GOALS), undefined);
  assertEquals(goalReached(WORK, { ...NO_GOALS, ratio: 2 }), "ratio");
  assertEquals(goalReached(WORK, { ...NO_GOALS, ratio: 2.01 }), undefined);
  assertEquals(goalReached(WORK, { ...NO_GOALS, time: 10 }), "time");
  assertEquals(goalReached(WORK, { ...NO_GOALS, time: 11 }), undefined);
  assertEquals(goalReached(WORK, { ...NO_GOALS, idle: 2 }), "idle");
  assertEquals(goalReached(WORK, { ...NO_GOALS, idle: 3 }), undefined);
  assertEquals(goalReached(WORK, { ratio: 9, time: 99, idle: 1 }), "idle");
});

Deno.test("a torrent has its own goal, that of all, or none", none, () => {
  const on = { enabled: true, value: 3 };
  const off = { enabled: false, value: 3 };
  assertEquals(goalValue({ mode: "global", value: 5 }, on), 3);
  assertEquals(goalValue({ mode: "global", value: 5 }, off), undefined);
  assertEquals(goalValue({ mode: "own", value: 5 }, off), 5);
  assertEquals(goalValue({ mode: "none", value: 5 }, on), undefined);
});

Deno.test("each goal of a torrent goes by its own setting", none, () => {
  const own = (value: number) => ({ mode: "own", value }) as const;
  const global = { mode: "global", value: 0 } as const;
  const all = {
    seedRatio: { enabled: true, value: 1 },
    seedMinutes: { enabled: true, value: 2 },
    seedIdleMinutes: { enabled: false, value: 3 },
  };
  const record = {
    seedRatio: own(7),
    seedMinutes: global,
    seedIdleMinutes: global,
  };
  assertEquals(goalsOf(record, all), { ratio: 7, time: 2, idle: undefined });
  const other = { ...record, seedIdleMinutes: own(9), seedRatio: global };
  assertEquals(goalsOf(other, all), { ratio: 1, time: 2, idle: 9 });
});
