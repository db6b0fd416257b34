import { assertEquals } from "@std/assert";
import { seededRandom } from "../../_shared/random.ts";
import { CHOKERS, STRATEGIES } from "../../select/named.ts";

Deno.test({
  name: "policies are called what they call themselves",
  permissions: "none",
  fn() {
    for (const [name, make] of Object.entries(CHOKERS)) {
      assertEquals(make(seededRandom(1)).name, name);
    }
    for (const [name, make] of Object.entries(STRATEGIES)) {
      assertEquals(make().name, name);
    }
  },
});
