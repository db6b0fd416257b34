import { assertEquals } from "@std/assert";
import { UploadQueue } from "../../../peer/session/request_ledger.ts";
import { block } from "../session.ts";

const pure = { permissions: "none" } as const;

/** Requests that wait, taken out. */
const rest = (queue: UploadQueue) => {
  const pieces: number[] = [];
  for (let next = queue.next(); next; next = queue.next()) {
    pieces.push(next.pieceIndex);
  }
  return pieces;
};

Deno.test(
  "UploadQueue hands out in order what was not taken back",
  pure,
  () => {
    const queue = new UploadQueue(9);
    assertEquals([queue.next(), queue.isWaiting], [undefined, false]);
    for (let i = 0; i < 5; i++) assertEquals(queue.add(block(i)), "added");
    assertEquals(queue.cancel(block(2)), "waiting");
    assertEquals(queue.cancel(block(2)), undefined);
    assertEquals(queue.cancel(block(3, 0, 5)), undefined);
    // A request that comes again waits at the end.
    assertEquals([queue.cancel(block(1)), queue.add(block(1))], [
      "waiting",
      "added",
    ]);
    assertEquals([queue.size, queue.isWaiting], [4, true]);
    assertEquals(rest(queue), [0, 3, 4, 1]);
    assertEquals([queue.size, queue.isWaiting], [4, false]);
  },
);

Deno.test("UploadQueue knows what is handed out", pure, () => {
  const queue = new UploadQueue(9);
  for (const i of [0, 1, 2]) queue.add(block(i, 0, 10 + i));
  assertEquals(queue.finish(block(0, 0, 10)), false);
  queue.next();
  queue.next();
  assertEquals(queue.servingBytes, 21);
  assertEquals(queue.finish(block(0, 0, 9)), false);
  assertEquals(queue.finish(block(0, 0, 10)), true);
  assertEquals(queue.finish(block(0, 0, 10)), false);
  assertEquals([queue.servingBytes, queue.size], [11, 2]);
  assertEquals(queue.cancel(block(1, 0, 11)), "serving");
  assertEquals([queue.servingBytes, queue.size], [0, 1]);
});

Deno.test("UploadQueue is bounded, and takes a block once", pure, () => {
  const queue = new UploadQueue(2);
  const add = (i: number, length?: number) => queue.add(block(i, 0, length));
  assertEquals([add(0), add(0), add(0, 5)], ["added", "duplicate", "full"]);
  assertEquals([add(1), add(2), add(1)], ["added", "full", "duplicate"]);
  assertEquals(queue.clear(({ pieceIndex }) => pieceIndex > 0), [block(0)]);
  assertEquals([add(2), queue.size], ["added", 2]);
  assertEquals(rest(queue), [1, 2]);
});

Deno.test(
  "UploadQueue keeps its order though it is asked and told off without end",
  pure,
  () => {
    const queue = new UploadQueue(3);
    queue.add(block(0));
    for (let i = 0; i < 100; i++) {
      queue.add(block(7));
      queue.cancel(block(7));
    }
    for (const i of [1, 2]) queue.add(block(i));
    assertEquals(queue.next(), block(0));
    for (let i = 3; i < 100; i++) {
      assertEquals(queue.next(), block(i - 2));
      queue.finish(block(i - 2));
      assertEquals(queue.add(block(i)), "added");
    }
    assertEquals(rest(queue), [98, 99]);
  },
);

Deno.test("UploadQueue hands out first what comes first", pure, () => {
  const queue = new UploadQueue(400);
  for (let i = 0; i < 300; i++) queue.add(block(i));
  const first = (pieceIndex: number) => pieceIndex % 50 === 7;
  const pieces: (number | undefined)[] = [];
  for (let i = 0; i < 4; i++) pieces.push(queue.next(first)?.pieceIndex);
  queue.cancel(block(207));
  for (let i = 0; i < 3; i++) pieces.push(queue.next(first)?.pieceIndex);
  // Only so many are passed over.
  assertEquals(pieces, [7, 57, 107, 157, 0, 1, 257]);
  // What was handed out once is not handed out again.
  assertEquals(queue.finish(block(57)), true);
  assertEquals(queue.finish(block(57)), false);
  const left = Array.from({ length: 300 }, (_, i) => i)
    .filter((i) => i > 1 && ![7, 57, 107, 157, 207, 257].includes(i));
  assertEquals(rest(queue), left);
});
