import { assertEquals } from "@std/assert";
import { LimitGroup, Session } from "../../../client/mod.ts";
import { newRecord } from "../../../daemon/state/record.ts";
import { LimitGroups } from "../../../daemon/run/limit_groups.ts";

const limit = (value: number, enabled = true) => ({ enabled, value });
const settings = (down: number, honors = true) => ({
  downloadLimit: limit(down),
  uploadLimit: limit(5, false),
  honorsSessionLimits: honors,
});

Deno.test("groups have the limits of the settings", async () => {
  await using session = await Session.open({ listen: false });
  const groups = new LimitGroups(() => session.limitGroup());
  groups.set({ a: settings(7), b: settings(8, false) });
  const [a, b] = [groups.of("a")!, groups.of("b")!];
  assertEquals(a instanceof LimitGroup, true);
  assertEquals([a.downloadLimit, a.uploadLimit, a.honorsSession], [
    7,
    Infinity,
    true,
  ]);
  assertEquals([b.downloadLimit, b.honorsSession], [8, false]);
  groups.set({ a: settings(9, false) });
  assertEquals([groups.of("a"), groups.of("b"), groups.of("")], [
    a,
    undefined,
    undefined,
  ]);
  assertEquals([a.downloadLimit, a.honorsSession], [9, false]);
});

Deno.test("a torrent has its limits, its group's, and turns by its priority", async () => {
  await using session = await Session.open({ listen: false });
  const groups = new LimitGroups(() => session.limitGroup());
  groups.set({ a: settings(7) });
  const torrent = session.add("ab".repeat(20), { paused: true });
  const record = newRecord("/", 0);
  const seen = () => [torrent.downloadLimit, torrent.limitedBy];
  groups.apply(torrent, record);
  assertEquals(seen(), [Infinity, "session"]);
  const all = ([-1, 0, 1] as const).map((bandwidthPriority) => {
    groups.apply(torrent, { ...record, bandwidthPriority });
    return torrent.limitWeight;
  });
  assertEquals(all, [1 / 3, 1, 3]);
  groups.apply(torrent, { ...record, group: "a", downloadLimit: limit(9) });
  assertEquals(seen(), [9, groups.of("a")!]);
  groups.apply(torrent, { ...record, honorsSessionLimits: false });
  assertEquals(seen(), [Infinity, "nothing"]);
});
