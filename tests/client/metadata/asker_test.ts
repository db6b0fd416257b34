import { assertEquals } from "@std/assert";
import { Asker, askJointly } from "../../../client/metadata/asker.ts";

const none = { permissions: "none" } as const;

Deno.test("Asker halves what a silent peer owes, and pauses", none, () => {
  const asker = new Asker(1);
  for (const part of [0, 1, 2, 3]) asker.ask(part, 0);
  assertEquals(asker.hasRoom(4), false);
  assertEquals(asker.giveUpLate(2_999), false);
  assertEquals(asker.giveUpLate(3_000), true);
  assertEquals([asker.failures, asker.notBefore], [1, 6_000]);
  asker.ask(0, 6_000);
  asker.ask(1, 6_000);
  assertEquals(asker.hasRoom(2), false);
  // What comes late is an answer all the same, once.
  assertEquals([asker.answer(3), asker.answer(3)], [true, false]);
  asker.approve(0);
  assertEquals([asker.hasRoom(2), asker.notBefore], [true, 0]);
});

Deno.test("Asker waits twice as long after each refusal", none, () => {
  const asker = new Asker(1);
  const waits = [1, 2, 3, 4, 5].map((part) => {
    asker.ask(part, 0);
    asker.reject(part, 0);
    return asker.notBefore;
  });
  assertEquals(waits, [5_000, 10_000, 20_000, 40_000, 40_000]);
  asker.reject(9, 0);
  assertEquals(asker.failures, 5);
});

Deno.test(
  "askJointly() shares the parts, best peers first, then widens",
  none,
  () => {
    const askers = [1, 2, 3].map((peer) => new Asker(peer));
    askers[1]!.failures = 1;
    askers[2]!.approve(0);
    askers.sort(Asker.compare);
    assertEquals(askers.map(({ peer }) => peer), [3, 1, 2]);
    const ask = (now: number) => {
      const asked: [number, number][] = [];
      askJointly([0, 1, 2, 3, 4], askers, now, (asker, part) => {
        asker.ask(part, now);
        asked.push([asker.peer, part]);
      });
      return asked;
    };
    assertEquals(ask(0), [[3, 0], [3, 1], [3, 2], [3, 3], [1, 4]]);
    assertEquals(ask(749), []);
    assertEquals(askers[0]!.wakeAt(0, true), 750);
    assertEquals(askers[0]!.wakeAt(0, false), 3_000);
    assertEquals(ask(750), [[1, 0], [1, 1], [1, 2], [2, 3], [2, 4]]);
    // The last who was asked has as long as the first had.
    assertEquals(ask(1_499), []);
    assertEquals(askers[0]!.wakeAt(749, true), 750);
    assertEquals(askers[0]!.wakeAt(750, true), 3_000);
    askers[0]!.notBefore = 9_000;
    assertEquals(askers[0]!.wakeAt(3_000, false), 3_000);
  },
);

Deno.test("askJointly() asks as many peers again as were asked", none, () => {
  const askers = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((peer) => new Asker(peer));
  const counts = [0, 750, 1_500, 2_250, 3_000].map((now) => {
    let count = 0;
    askJointly([0], askers, now, (asker, part) => {
      asker.ask(part, now);
      count++;
    });
    return count;
  });
  assertEquals(counts, [1, 1, 2, 4, 1]);
});
