import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  attempt,
  type Awaitable,
  chain,
  eachInOrder,
} from "../../disk/awaitable.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "what is there at once stays so, what comes later is waited for",
  none,
  async () => {
    assertEquals(chain(1, (n) => n + 1), 2);
    assertEquals(await chain(Promise.resolve(1), (n) => n + 1), 2);
    const fail = (message: string) => () => {
      throw new Error(message);
    };
    const told = (error: unknown) => (error as Error).message;
    assertEquals(attempt<string>(fail("now"), told), "now");
    const later = attempt<string>(
      () => Promise.reject(new Error("then")),
      told,
    );
    assert(later instanceof Promise);
    assertEquals(await later, "then");
    assertEquals(attempt(() => 5, () => 6), 5);
    assertEquals(await attempt(() => Promise.resolve(5), () => 6), 5);
  },
);

Deno.test(
  "eachInOrder() waits for each before the next, at once where it can",
  none,
  async () => {
    for (const isSlow of [() => false, (n: number) => n > 1, () => true]) {
      const seen: string[] = [];
      const run = (n: number, i: number): Awaitable<void> => {
        seen.push(`${n}@${i}`);
        if (!isSlow(n)) return void seen.push(`${n} done`);
        return Promise.resolve().then(() => void seen.push(`${n} done`));
      };
      const all = eachInOrder([1, 2, 3], run);
      assertEquals(all instanceof Promise, isSlow(3));
      await all;
      assertEquals(
        seen,
        [1, 2, 3].flatMap((n) => [`${n}@${n - 1}`, `${n} done`]),
      );
    }
    const odd = (n: number): Awaitable<void> => {
      if (n === 2) throw new Error("two");
    };
    assertThrows(() => eachInOrder([1, 2, 3], odd), Error, "two");
    const slow = async (n: number) => await odd(n);
    await assertRejects(
      async () => await eachInOrder([1, 2], slow),
      Error,
      "two",
    );
  },
);
