import { assertEquals } from "@std/assert";
import { RequestRates } from "../../../daemon/http/request_rates.ts";

const permissions = "none";

Deno.test({
  name: "an address may ask so often, and is remembered for so long",
  permissions,
  fn() {
    const rates = new RequestRates(10, 3);
    const take = (address: string, now: number) => rates.take(address, now);
    assertEquals([0, 0, 0, 0].map((now) => take("a", now)), [
      true,
      true,
      true,
      false,
    ]);
    assertEquals(take("b", 0), true);
    assertEquals(take("a", 100), true);
    assertEquals(take("a", 100), false);
    for (let i = 0; i < 5_000; i++) take(`${i}`, 100);
    assertEquals(rates.size, 4_096);
  },
});
