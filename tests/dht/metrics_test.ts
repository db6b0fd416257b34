import { assert, assertEquals } from "@std/assert";
import { dhtMetrics } from "../../dht/metrics.ts";
import { MainlineDht } from "../../dht/mod.ts";

Deno.test({
  name: "every figure of a node has a text of its own",
  permissions: { net: ["127.0.0.1"] },
  async fn() {
    await using dht = await MainlineDht.open({
      hostname: "127.0.0.1",
      bootstrap: [],
    });
    const stats = dht.stats();
    const families = dhtMetrics(stats);
    assertEquals(families.length, Object.keys(stats).length);
    for (const { name, type, help } of families) {
      assert(!help.startsWith("Counts "), name);
      assertEquals(name.endsWith("_total"), type === "counter", name);
    }
  },
});
