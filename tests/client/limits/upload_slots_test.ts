import { assert, assertEquals } from "@std/assert";
import {
  slotsForRate,
  UploadSlots,
} from "../../../client/limits/upload_slots.ts";

const none = { permissions: "none" } as const;
const share = (slots: UploadSlots, torrent: object, demand: number, now = 0) =>
  slots.share(torrent, { demand, rate: 0 }, now);

Deno.test("UploadSlots grow with the rate, or the limit", none, () => {
  assertEquals(slotsForRate(0), 8);
  assertEquals(slotsForRate(0, true), 4);
  assertEquals(slotsForRate(1024 * 1024, true), 17);
  assertEquals(slotsForRate(1024 * 1024), 24);
  let limit = Infinity;
  const slots = new UploadSlots({ limit: () => limit });
  const a = {};
  assertEquals(slots.share(a, { demand: 3, rate: 0 }, 0), 8);
  assertEquals(slots.share(a, { demand: 3, rate: 10 * 1024 * 1024 }, 0), 78);
  limit = 1024 * 1024;
  assertEquals(slots.total, 24);
  limit = 20 * 1024;
  assertEquals(slots.total, 4);
  assertEquals(new UploadSlots({ slots: 3, limit: () => limit }).total, 3);
});

Deno.test("UploadSlots know whether anybody said how many", none, () => {
  const limit = () => Infinity;
  const all = [undefined, "rate-based", 4] as const;
  assertEquals(
    all.map((slots) => new UploadSlots({ slots, limit }).isByRate),
    [true, true, false],
  );
});

Deno.test("UploadSlots are shared by need, the odd ones in turn", none, () => {
  const slots = new UploadSlots({ slots: 10, limit: () => Infinity });
  const [a, b, c] = [{}, {}, {}];
  assertEquals(share(slots, a, 50), 10);
  assertEquals(share(slots, b, 2), 2);
  assertEquals(share(slots, a, 50), 8);
  share(slots, c, 50);
  assertEquals([share(slots, a, 50), share(slots, c, 50)], [4, 4]);
  share(slots, b, 0);
  assertEquals(share(slots, b, 0), 0);
  share(slots, a, 3);
  assertEquals([share(slots, c, 3), share(slots, a, 3)], [4, 4]);
  assertEquals(share(slots, b, 0), 1);
  slots.release(b);
  slots.release(c);
  assertEquals(share(slots, a, 50), 10);
});

Deno.test(
  "UploadSlots: more torrents than slots, and all get their turn",
  none,
  () => {
    const slots = new UploadSlots({ slots: 4, limit: () => Infinity });
    const torrents = Array.from({ length: 10 }, () => ({}));
    for (const torrent of torrents) share(slots, torrent, 5);
    const had = new Map<object, number>();
    for (let now = 0; now < 600_000; now += 30_000) {
      let sum = 0;
      for (const torrent of torrents) {
        const count = share(slots, torrent, 5, now);
        had.set(torrent, (had.get(torrent) ?? 0) + count);
        sum += count;
      }
      assertEquals(sum, 4);
    }
    for (const count of had.values()) assertEquals(count, 8);
    assert(had.size === 10);
  },
);

Deno.test(
  "UploadSlots: who wants its even share takes no odd one",
  none,
  () => {
    const slots = new UploadSlots({ slots: 10, limit: () => Infinity });
    const [a, b, c] = [{}, {}, {}];
    const shares = (now: number) =>
      ([[a, 3], [b, 50], [c, 50]] as const).map(([torrent, demand]) =>
        share(slots, torrent, demand, now)
      );
    shares(0);
    assertEquals([shares(0), shares(30_000)], [[3, 4, 3], [3, 3, 4]]);
  },
);
