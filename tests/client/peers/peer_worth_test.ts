import { assertEquals } from "@std/assert";
import {
  crowdedPeers,
  isReplaceable,
  leastUseful,
  type Newcomer,
  type PeerMerit,
} from "../../../client/peers/peer_worth.ts";

const none = { permissions: "none" } as const;
const NOW = 1_000_000;

interface Named extends PeerMerit {
  readonly name: string;
}

function peer(name: string, more: Partial<PeerMerit> = {}): Named {
  return {
    name,
    since: NOW - 5_000,
    usedAt: NOW - 1000,
    askedAt: undefined,
    unusedAt: undefined,
    direction: "inbound",
    isNamed: false,
    site: name,
    ...more,
  };
}
const stranger: Newcomer = {
  direction: "inbound",
  isNamed: false,
  site: "new",
};
function goes(
  peers: readonly Named[],
  newcomer: Newcomer = stranger,
  more: { isStarving?: boolean; inboundPlaces?: number } = {},
): string | undefined {
  return leastUseful(peers, newcomer, {
    now: NOW,
    isStarving: false,
    inboundPlaces: 80,
    ...more,
  })?.name;
}
const crowd = (count: number, more: Partial<PeerMerit> = {}) =>
  Array.from(
    { length: count },
    (_, i) => peer(`c${i}`, { site: "crowd", usedAt: undefined, ...more }),
  );

Deno.test("useful peers stay when a stranger comes", none, () => {
  assertEquals(goes([peer("a"), peer("b", { usedAt: undefined })]), undefined);
});

Deno.test("who owes blocks or wastes a slot goes first", none, () => {
  const since = NOW - 90_000;
  const idle = peer("idle", { since, usedAt: NOW - 80_000 });
  const owes = peer("owes", {
    since,
    usedAt: NOW - 20_000,
    askedAt: NOW - 10_000,
  });
  const wastes = peer("wastes", {
    since,
    usedAt: NOW - 15_000,
    unusedAt: NOW - 10_000,
  });
  assertEquals(goes([...crowd(5), idle, wastes, owes]), "owes");
  assertEquals(goes([...crowd(5), idle, wastes]), "wastes");
  assertEquals(goes([...crowd(5), idle]), "c0");
  assertEquals(goes([...crowd(3), idle]), "idle");
  // Neither asked just now nor busy the other way.
  const asked = peer("asked", { ...owes, askedAt: NOW - 9_999 });
  const gives = peer("gives", { ...wastes, usedAt: NOW - 9_999 });
  assertEquals(goes([asked, gives]), undefined);
});

Deno.test(
  "a crowd of one site makes room for others, not for itself",
  none,
  () => {
    const peers = [...crowd(90), peer("x", { usedAt: undefined })];
    assertEquals(goes(peers), "c0");
    assertEquals(goes(peers, { ...stranger, site: "crowd" }), undefined);
    assertEquals(goes(crowd(90, { usedAt: NOW })), undefined);
  },
);

Deno.test("a crowd is no larger than the newcomer's own by one", none, () => {
  const own = (count: number) =>
    Array.from(
      { length: count },
      (_, i) => peer(`n${i}`, { site: "new", usedAt: undefined }),
    );
  assertEquals(goes([...crowd(5), ...own(3)]), "c0");
  assertEquals(goes([...crowd(5), ...own(4)]), undefined);
  assertEquals([goes(crowd(4)), goes(crowd(3))], ["c0", undefined]);
});

Deno.test("who is dialled gets its share back", none, () => {
  const peers = [peer("a"), peer("b", { usedAt: NOW - 2000 })];
  const dialled: Newcomer = { ...stranger, direction: "outbound" };
  assertEquals(goes(peers, dialled, { inboundPlaces: 1 }), "b");
  assertEquals(goes(peers, dialled, { inboundPlaces: 2 }), undefined);
  assertEquals(goes(peers, stranger, { inboundPlaces: 1 }), undefined);
});

Deno.test("a person's peers come in always, and stay", none, () => {
  const own = peer("own", { isNamed: true, usedAt: undefined, since: 0 });
  const named: Newcomer = { ...stranger, isNamed: true };
  assertEquals(goes([own, peer("a")], named), "a");
  assertEquals(goes([own], named), undefined);
  assertEquals(isReplaceable(own, NOW, true), false);
});

Deno.test("while nobody sends anything patience is short", none, () => {
  const silent = peer("silent", { since: NOW - 20_000, usedAt: undefined });
  assertEquals(isReplaceable(silent, NOW, false), false);
  assertEquals(isReplaceable(silent, NOW, true), true);
  assertEquals(goes([silent]), undefined);
  assertEquals(goes([silent], stranger, { isStarving: true }), "silent");
});

Deno.test("newcomers of one site are a crowd for a while", none, () => {
  const names = (peers: readonly Named[]) =>
    [...crowdedPeers(peers, NOW)].map(({ name }) => name);
  assertEquals(names([...crowd(4), peer("x")]), ["c0", "c1", "c2", "c3"]);
  assertEquals(names(crowd(3)), []);
  assertEquals(names(crowd(9, { usedAt: NOW })), []);
  assertEquals(names(crowd(9, { since: NOW - 120_001 })), []);
});

Deno.test("patience ends to the millisecond", none, () => {
  const used = (ms: number) => peer("x", { usedAt: NOW - ms });
  assertEquals(
    [59_999, 60_000].map((ms) => isReplaceable(used(ms), NOW, false)),
    [
      false,
      true,
    ],
  );
  const owes = (ms: number) => ({ ...used(ms), askedAt: NOW - 10_000 });
  assertEquals(
    [9_999, 10_000].map((ms) => isReplaceable(owes(ms), NOW, false)),
    [
      false,
      true,
    ],
  );
  assertEquals(crowdedPeers(crowd(4, { since: NOW - 120_000 }), NOW).size, 4);
  // A crowd counts those only that never exchanged anything.
  const site = crowd(5);
  const busy = peer("busy", { site: "crowd", usedAt: NOW });
  assertEquals(goes([busy, ...site]), "c0");
  assertEquals(goes([busy, ...site.slice(0, 3)]), undefined);
});
