import { assertEquals, assertRejects } from "@std/assert";
import { Settlement } from "../../../client/torrent/content_setup.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "Settlement is what its first call says, asked before or after",
  none,
  async () => {
    for (const isAskedFirst of [true, false]) {
      const good = new Settlement<number>();
      const bad = new Settlement<number>();
      const asked = isAskedFirst ? [good.promise, bad.promise] : [];
      good.resolve(1);
      good.resolve(2);
      good.reject(new Error("late"));
      bad.reject(new TypeError("bad"));
      bad.resolve(3);
      assertEquals(await good.promise, 1);
      await assertRejects(() => bad.promise, TypeError, "bad");
      assertEquals(asked.length === 0 || asked[0] === good.promise, true);
    }
  },
);

Deno.test("Settlement may be rejected unseen", none, async () => {
  const settlement = new Settlement<void>();
  void settlement.promise;
  settlement.reject(new Error("nobody looks"));
  // An unhandled rejection would fail the test here.
  await new Promise((resolve) => setTimeout(resolve));
});
