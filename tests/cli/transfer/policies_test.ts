import { assertEquals, assertThrows } from "@std/assert";
import { Arguments } from "../../../cli/command.ts";
import { UsageError } from "../../../cli/error.ts";
import { orderOf, policiesOf } from "../../../cli/transfer/policies.ts";

const permissions: Deno.PermissionOptions = "none";
const given = (
  values: Record<string, string>,
  switches: readonly string[] = [],
) =>
  new Arguments(
    [],
    new Map(Object.entries(values).map(([name, value]) => [name, [value]])),
    new Set(switches),
  );

Deno.test({
  name: "policies are chosen by name; what is none is told with the nearest",
  permissions,
  fn() {
    assertEquals(policiesOf(given({})), {});
    assertEquals(orderOf(given({})), {});
    const { choker, revelation, uploadSlots } = policiesOf(given({
      choker: "anti-leech",
      reveal: "super-seeding",
      "upload-slots": "3",
    }));
    assertEquals(choker!().name, "anti-leech");
    assertEquals([revelation, uploadSlots], ["super-seeding", 3]);
    const nameOf = (args: Arguments) =>
      (orderOf(args).strategy as { name: string }).name;
    assertEquals(nameOf(given({ order: "random" })), "random");
    assertEquals(nameOf(given({}, ["sequential"])), "sequential");
    for (
      const [values, switches] of [
        [{ choker: "anti-lech" }, []],
        [{ reveal: "constructor" }, []],
        [{ "upload-slots": "0" }, []],
        [{ order: "random" }, ["sequential"]],
        [{ order: "best" }, []],
      ] as const
    ) {
      assertThrows(() => {
        const args = given(values, switches);
        policiesOf(args);
        orderOf(args);
      }, UsageError);
    }
  },
});
