import { assertEquals } from "@std/assert";
import { at, idOf, MachineBench as Bench } from "../machine_bench.ts";

Deno.test(
  "Family - a lost first datagram is made good in seconds",
  { permissions: "none" },
  () => {
    const bench = new Bench();
    const contacts = [at(1)];
    bench.input({ type: "contacts", kind: "bootstrap", contacts });
    assertEquals(bench.takeQueries().length, 1);
    bench.advance(3000);
    const again = bench.takeQueries();
    assertEquals(again.map(([to, { method }]) => [to, method]), [
      [at(1), "ping"],
    ]);
    bench.answer(again[0]!, { id: idOf(1) });
    const [next] = bench.takeQueries();
    assertEquals([next![0], next![1].method], [at(1), "find_node"]);
    bench.answer(next!, { id: idOf(1), nodes: new Uint8Array() });
    assertEquals(
      bench.outputs.some((output) =>
        output.type === "event" && output.event.type === "bootstrapped"
      ),
      true,
    );
    // Nobody is pinged more than once a minute for that.
    const silent = new Bench();
    silent.input({ type: "contacts", kind: "bootstrap", contacts });
    silent.advance(58_000);
    const pings = silent.takeQueries().filter(([, { method }]) =>
      method === "ping"
    );
    assertEquals(pings.length, 1);
  },
);
