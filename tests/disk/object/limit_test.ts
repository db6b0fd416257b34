import { assertEquals, assertRejects } from "@std/assert";
import { Limit } from "../../../disk/object/limit.ts";

const pure = { permissions: "none" } as const;

/** Starts work that ends when it is told to. */
function works(limit: Limit) {
  const running: { name: string; end: () => void; fail: () => void }[] = [];
  const start = (
    name: string,
    bytes = 0,
    signal?: AbortSignal,
  ) =>
    limit.run(
      () =>
        new Promise<string>((resolve, reject) =>
          running.push({
            name,
            end: () => resolve(name),
            fail: () => reject(new Error(name)),
          })
        ),
      bytes,
      signal,
    );
  const names = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
    return running.map(({ name }) => name).join("");
  };
  return { running, start, names };
}

Deno.test("Limit - so many at a time, in order", pure, async () => {
  const { running, start, names } = works(new Limit(2));
  const done = ["a", "b", "c", "d"].map((name) => start(name));
  assertEquals(await names(), "ab");
  running[1]!.end();
  assertEquals(await names(), "abc");
  running[0]!.fail();
  await assertRejects(() => done[0]!, Error, "a");
  assertEquals(await names(), "abcd");
  for (const { end } of running) end();
  assertEquals(await Promise.all(done.slice(1)), ["b", "c", "d"]);
});

Deno.test("Limit - takes as many bytes as there are", pure, async () => {
  const { running, start, names } = works(new Limit(9, 10));
  const done = [start("a", 6), start("b", 4), start("c", 0), start("d", 1)];
  assertEquals(await names(), "abc");
  running[1]!.end();
  assertEquals(await names(), "abcd");
  for (const { end } of running) end();
  await Promise.all(done);
});

Deno.test(
  "Limit - so many bytes at a time; what is larger goes alone",
  pure,
  async () => {
    const { running, start, names } = works(new Limit(9, 10));
    const done = [start("a", 6), start("b", 5), start("c", 1), start("d", 99)];
    assertEquals(await names(), "a");
    running[0]!.end();
    assertEquals(await names(), "abc");
    running[1]!.end();
    assertEquals(await names(), "abc");
    running[2]!.end();
    assertEquals(await names(), "abcd");
    running[3]!.end();
    await Promise.all(done);
  },
);

Deno.test(
  "Limit - who waits can give up, and lets others pass",
  pure,
  async () => {
    const { running, start, names } = works(new Limit(2, 10));
    const control = new AbortController();
    const done = [start("a", 8), start("b", 8, control.signal), start("c", 1)];
    assertEquals(await names(), "a");
    control.abort(new Error("enough"));
    await assertRejects(() => done[1]!, Error, "enough");
    assertEquals(await names(), "ac");
    for (const { end } of running) end();
    await Promise.all([done[0], done[2]]);
    const full = [start("x", 8), start("y", 8)];
    const late = start("z", 8, control.signal);
    await assertRejects(() => late, Error, "enough");
    running[2]!.end();
    await names();
    running[3]!.end();
    await Promise.all(full);
  },
);
