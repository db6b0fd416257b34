import { assertEquals } from "@std/assert";
import { orderOf, strategyOf } from "../../../client/content/order.ts";
import { randomOrder } from "../../../select/rarest_first.ts";

Deno.test("orderOf() goes by the torrent, then by the session", {
  permissions: "none",
}, () => {
  const random = { strategy: randomOrder() };
  const byNumber = { strategy: (i: number) => -i };
  for (
    const [torrent, session, name] of [
      [{}, {}, "rarest-first"],
      [{}, random, "random"],
      [{ sequential: true }, random, "sequential"],
      [{ sequential: 3 }, random, "sequential"],
      [{ sequential: 0 }, random, "sequential"],
      [{ sequential: false }, random, "random"],
      [{ ...byNumber, sequential: true }, random, "ranked"],
      [{}, byNumber, "ranked"],
    ] as const
  ) assertEquals(orderOf(torrent, session).name, name);
  assertEquals(strategyOf(random.strategy), random.strategy);
});
