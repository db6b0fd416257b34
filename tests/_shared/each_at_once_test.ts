import { assert, assertEquals, assertRejects } from "@std/assert";
import { eachAtOnce } from "../../_shared/each_at_once.ts";

Deno.test("eachAtOnce - each once, in order, no more than so many at a time", async () => {
  for (const limit of [1, 3, 20]) {
    const begun: number[] = [];
    let active = 0;
    let most = 0;
    await eachAtOnce(Array(10).keys(), limit, async (item) => {
      begun.push(item);
      most = Math.max(most, ++active);
      await Promise.resolve();
      active--;
    });
    assertEquals(begun, [...Array(10).keys()]);
    assertEquals([active, most], [0, Math.min(limit, 10)]);
  }
  await eachAtOnce([], 3, () => Promise.reject(new Error("of nothing")));
});

Deno.test("eachAtOnce - a failure is thrown when what was begun has ended", async () => {
  const begun: string[] = [];
  const others = Promise.withResolvers<void>();
  let ended = 0;
  const all = eachAtOnce(["a", "b", "c", "d"], 3, async (item) => {
    begun.push(item);
    if (item === "b") throw new TypeError("b");
    await others.promise;
    ended++;
    if (item === "c") throw new RangeError("c");
  });
  let isOver = false;
  const over = all.catch(() => {}).finally(() => isOver = true);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  assert(!isOver);
  others.resolve();
  await over;
  await assertRejects(() => all, TypeError, "b");
  assertEquals([begun, ended], [["a", "b", "c"], 2]);
});
