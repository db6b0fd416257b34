import { assertEquals } from "@std/assert";
import {
  type Dial,
  DialQueue,
  type DialQueueOptions,
} from "../../../handshake/dial/dial_queue.ts";

const none = { permissions: "none" } as const;
const queue = (options: Partial<DialQueueOptions> = {}) =>
  new DialQueue<number>({
    maxQueued: 1000,
    maxHalfOpen: 1000,
    maxHalfOpenPerTorrent: 1000,
    connectsPerSecond: 1000,
    ...options,
  }, 0);
/** Takes as many as may be dialled. */
const takeAll = (dials: DialQueue<number>, now = 0) => {
  const keys: string[] = [];
  for (let dial; (dial = dials.take(now)) !== undefined; taken.push(dial)) {
    keys.push(dial.key);
  }
  return keys.join("");
};
/** What was taken so. */
const taken: Dial<number>[] = [];
/** Ends the first of a torrent. */
const end = (dials: DialQueue<number>, key: string) => {
  const at = taken.findIndex((dial) => dial.key === key);
  dials.done(taken.splice(at, 1)[0]!);
};

Deno.test("torrents take turns, no matter which was first", none, () => {
  const dials = queue({ maxHalfOpen: 1 });
  for (let i = 0; i < 5; i++) dials.push("a", i);
  for (let i = 0; i < 3; i++) dials.push("b", i);
  dials.push("c", 0);
  let order = "";
  const items: Record<string, number[]> = { a: [], b: [], c: [] };
  for (let dial; (dial = dials.take(0)) !== undefined;) {
    order += dial.key;
    items[dial.key]!.push(dial.item);
    dials.done(dial);
  }
  assertEquals(order, "abcababaa");
  assertEquals(items, { a: [0, 1, 2, 3, 4], b: [0, 1, 2], c: [0] });
  assertEquals([dials.size, dials.halfOpen], [0, 0]);
});

Deno.test("every limit holds, and is free again", none, () => {
  const most = queue({ maxQueued: 3 });
  const added = [1, 2, 3, 4].map((item) => most.push("a", item));
  assertEquals(added, [true, true, true, false]);
  assertEquals([most.size, most.full], [3, true]);
  most.take(0);
  assertEquals([most.push("b", 1), most.push("b", 2)], [true, false]);

  taken.length = 0;
  const open = queue({ maxHalfOpen: 3, maxHalfOpenPerTorrent: 2 });
  for (let i = 0; i < 4; i++) open.push("a", i);
  for (let i = 0; i < 4; i++) open.push("b", i);
  assertEquals(takeAll(open), "aba");
  assertEquals(open.nextAt(0), 4000);
  end(open, "a");
  assertEquals(takeAll(open), "b");
  end(open, "b");
  end(open, "b");
  assertEquals(takeAll(open), "ab");

  const slow = queue({ connectsPerSecond: 2 });
  for (let i = 0; i < 9; i++) slow.push("a", i);
  assertEquals(takeAll(slow), "aa");
  assertEquals(slow.nextAt(0), 500);
  assertEquals(takeAll(slow, 499), "");
  assertEquals(takeAll(slow, 500), "a");
});

Deno.test("what is removed is not dialled", none, () => {
  const dials = queue();
  for (let i = 0; i < 50; i++) dials.push("a", i);
  dials.push("b", 7);
  taken.length = 0;
  const first = Array.from({ length: 40 }, () => dials.take(0)!);
  // The turns of b and 39 of a.
  assertEquals(dials.remove("a"), [39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49]);
  assertEquals([dials.size, dials.halfOpen], [0, 40]);
  assertEquals(dials.remove("a"), []);
  assertEquals(dials.remove("x"), []);
  for (const dial of first) dials.done(dial);
  dials.done(first[0]!);
  assertEquals(dials.halfOpen, 0);
  dials.push("a", 1);
  dials.clear();
  assertEquals([dials.size, dials.take(0)], [0, undefined]);
});

Deno.test("what takes long leaves its torrent's places to others", none, () => {
  const dials = queue({ maxHalfOpen: 6, maxHalfOpenPerTorrent: 2 });
  taken.length = 0;
  for (let i = 0; i < 99; i++) dials.push("a", i);
  assertEquals([takeAll(dials), dials.nextAt(0)], ["aa", 2000]);
  end(dials, "a");
  assertEquals([takeAll(dials, 1000), dials.nextAt(1000)], ["a", 2000]);
  assertEquals(takeAll(dials, 1999), "");
  assertEquals([takeAll(dials, 2000), dials.nextAt(2000)], ["a", 3000]);
  dials.push("b", 0);
  assertEquals(takeAll(dials, 2500), "b");
  assertEquals([takeAll(dials, 4000), dials.halfOpen], ["aa", 6]);
  // Then the oldest of all gives way to others, each once.
  assertEquals(dials.nextAt(4000), 4000);
  const [first, second] = taken;
  assertEquals([dials.takeLate(3999), dials.takeLate(4000)], [
    undefined,
    first,
  ]);
  assertEquals([dials.nextAt(4000), dials.takeLate(4999)], [5000, undefined]);
  assertEquals(takeAll(dials, 6000), "");
  dials.done(first!);
  assertEquals([takeAll(dials, 6000), dials.halfOpen], ["a", 6]);
  assertEquals(dials.takeLate(6000), second);
  // Who is alone may take his time.
  dials.remove("a");
  assertEquals([dials.takeLate(9000), dials.nextAt(9000)], [
    undefined,
    undefined,
  ]);
});
