import { assertEquals } from "@std/assert";
import { PathMtu } from "../../../utp/socket/path_mtu.ts";

const none = { permissions: "none" } as const;
const HALF_HOUR = 30 * 60_000;

/** Searches on a path; gives the lengths of the probes. */
function search(mtu: PathMtu, path: number, now = 0): number[] {
  const probes: number[] = [];
  for (let n = mtu.nextProbe(now); n > 0; n = mtu.nextProbe(now)) {
    probes.push(n);
    mtu.sent(n);
    assertEquals(mtu.nextProbe(now), 0);
    if (n <= path) mtu.arrived(n, now);
    else mtu.lost(n, false, now);
    assertEquals(mtu.probing, 0);
  }
  return probes;
}

Deno.test(
  "the longest datagram is tried first, then halves of the rest",
  none,
  () => {
    const wide = new PathMtu({ floor: 548, ceiling: 1472 });
    assertEquals(search(wide, 1500), [1472]);
    assertEquals(wide.size, 1472);
    assertEquals(wide.nextProbe(10 * HALF_HOUR), 0);
    const narrow = new PathMtu({ floor: 548, ceiling: 1472 });
    assertEquals(search(narrow, 1000), [1472, 1009, 778, 893, 950, 979, 993]);
    assertEquals(narrow.size, 993);
  },
);

Deno.test("after half an hour a path is looked at again", none, () => {
  const mtu = new PathMtu({ floor: 548, ceiling: 1472 });
  search(mtu, 600, 1000);
  assertEquals(mtu.nextProbe(1000 + HALF_HOUR - 1), 0);
  assertEquals(search(mtu, 1500, 1000 + HALF_HOUR), [1472]);
  assertEquals(mtu.size, 1472);
});

Deno.test("a ceiling below the floor leaves nothing to try", none, () => {
  const mtu = new PathMtu({ floor: 548, ceiling: 100 });
  assertEquals([mtu.size, mtu.nextProbe(0)], [548, 0]);
});

Deno.test(
  "where others are lost, too, a probe is tried four times",
  none,
  () => {
    const mtu = new PathMtu({ floor: 548, ceiling: 1472 });
    for (let i = 0; i < 4; i++) {
      assertEquals(mtu.nextProbe(0), 1472);
      mtu.sent(1472);
      mtu.lost(1472, true, 0);
    }
    assertEquals(mtu.nextProbe(0), 1009);
  },
);

Deno.test("a probe that was taken for lost and arrives counts", none, () => {
  const mtu = new PathMtu({ floor: 548, ceiling: 1472 });
  mtu.sent(1472);
  mtu.lost(1472, false, 0);
  mtu.sent(mtu.nextProbe(0));
  // It is not the one that is on the way.
  mtu.lost(1472, false, 0);
  assertEquals(mtu.probing, 1009);
  mtu.arrived(1472, 0);
  assertEquals([mtu.size, mtu.nextProbe(0)], [1472, 0]);
  mtu.arrived(1009, 0);
  assertEquals(mtu.size, 1472);
});
