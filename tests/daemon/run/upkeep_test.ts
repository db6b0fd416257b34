import { assertEquals } from "@std/assert";
import type { DaemonTorrent } from "../../../daemon/daemon_torrent.ts";
import type { Engine } from "../../../daemon/run/engine.ts";
import { Upkeep } from "../../../daemon/run/upkeep.ts";
import {
  type DaemonSettings,
  DEFAULT_SETTINGS,
} from "../../../daemon/settings.ts";
import type { DaemonEvent } from "../../../daemon/types.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

/** Enough of an engine. */
function world(changes: Partial<DaemonSettings>) {
  const events: DaemonEvent[] = [];
  const seen = {
    settings: { ...DEFAULT_SETTINGS, ...changes },
    plans: 0,
    free: new Map<string, number>(),
    asked: [] as string[],
    now: 0,
    kept: 0,
    failures: [] as string[],
    isFull: false,
  };
  const torrents = new Map<number, unknown>();
  const engine = {
    torrents,
    fullDirs: new Set<string>(),
    publish: (event: DaemonEvent) => events.push(event),
    failed: (_: undefined, error: Error) => seen.failures.push(error.message),
    plan: () => seen.plans++,
  };
  const clock = new SimClock();
  const upkeep = new Upkeep({
    engine: engine as unknown as Engine,
    settings: () => seen.settings,
    setAltSpeed: (enabled) => {
      seen.settings = {
        ...seen.settings,
        altSpeed: { ...seen.settings.altSpeed, enabled },
      };
    },
    keepFigures: () => {
      if (seen.isFull) throw new Error("The disk is full");
      seen.kept++;
    },
    add: () => Promise.reject<DaemonTorrent>(new Error("not here")),
    clock,
    now: () => seen.now,
    freeSpace(dir) {
      seen.asked.push(dir);
      const free = seen.free.get(dir);
      return free === undefined
        ? Promise.reject(new Error("unknown"))
        : Promise.resolve(free);
    },
  });
  const torrent = (
    id: number,
    dir: string,
    record: { complete?: boolean; wanted: boolean },
  ) => torrents.set(id, { id, record, torrent: { dir } });
  return { upkeep, engine, events, seen, torrent, clock };
}

Deno.test("downloads wait where there is no room, and go on when there is", async () => {
  const { upkeep, engine, events, seen, torrent } = world({
    minFreeBytes: { enabled: true, value: 100 },
  });
  torrent(1, "/a", { wanted: true });
  torrent(2, "/b", { wanted: true, complete: true });
  torrent(3, "/c", { wanted: false });
  torrent(4, "/d", { wanted: true });
  seen.free.set("/a", 50);
  await upkeep.go();
  assertEquals(seen.asked, ["/a", "/d"]);
  assertEquals(events, [{ type: "space", dir: "/a", free: 50, low: true }]);
  assertEquals([[...engine.fullDirs], seen.plans], [["/a"], 1]);
  await upkeep.go();
  assertEquals([events.length, seen.plans], [1, 1]);
  seen.free.set("/a", 500);
  await upkeep.go();
  assertEquals(events[1], { type: "space", dir: "/a", free: 500, low: false });
  assertEquals([[...engine.fullDirs], seen.plans], [[], 2]);
  seen.free.set("/a", 1);
  await upkeep.go();
  seen.settings = {
    ...seen.settings,
    minFreeBytes: { enabled: false, value: 100 },
  };
  await upkeep.go();
  assertEquals([[...engine.fullDirs], seen.plans], [[], 4]);
  await upkeep.close();
});

Deno.test("the schedule switches the second set of limits by local time", async () => {
  const schedule = {
    enabled: true,
    beginMinute: 60,
    endMinute: 120,
    days: 127,
  };
  const { upkeep, seen } = world({
    altSpeed: { ...DEFAULT_SETTINGS.altSpeed, schedule },
  });
  const at = async (hour: number, minute: number) => {
    seen.now = new Date(2024, 0, 10, hour, minute).getTime();
    await upkeep.go();
    return seen.settings.altSpeed.enabled;
  };
  assertEquals(await at(0, 59), false);
  assertEquals(await at(1, 0), true);
  assertEquals(await at(1, 59), true);
  assertEquals(await at(2, 0), false);
  await upkeep.close();
});

Deno.test("it goes round every five seconds, also after something failed", async () => {
  const { upkeep, seen, clock } = world({});
  await clock.advance(4_999);
  assertEquals(seen.kept, 0);
  await clock.advance(1);
  assertEquals(seen.kept, 1);
  seen.isFull = true;
  await clock.advance(5_000);
  assertEquals([seen.kept, seen.failures], [1, ["The disk is full"]]);
  seen.isFull = false;
  await clock.advance(5_000);
  assertEquals(seen.kept, 2);
  await upkeep.close();
  await clock.advance(50_000);
  assertEquals(seen.kept, 2);
});
