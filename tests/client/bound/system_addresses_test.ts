import { assert, assertEquals } from "@std/assert";
import { systemAddresses } from "../../../client/bound/system_addresses.ts";

Deno.test("systemAddresses() lists all where it cannot be seen what is up", {
  permissions: { sys: ["networkInterfaces"] },
}, () => {
  const all = Deno.networkInterfaces();
  assertEquals(
    systemAddresses(),
    all.map(({ name, address }) => ({ name, address })),
  );
});

Deno.test("systemAddresses() lists those of interfaces that are up", () => {
  const found = systemAddresses();
  assert(found.some(({ address }) => address === "127.0.0.1"));
});
