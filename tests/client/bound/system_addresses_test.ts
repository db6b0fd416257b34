import { assertEquals } from "@std/assert";
import { systemAddresses } from "../../../client/bound/system_addresses.ts";
import { TempDir } from "../../support/paths.ts";

const all = () =>
  Deno.networkInterfaces().map(({ name, address }) => ({ name, address }));

Deno.test("systemAddresses() lists all where it cannot be seen what is up", {
  permissions: { sys: ["networkInterfaces"] },
}, () => {
  assertEquals(systemAddresses(), all());
  assertEquals(systemAddresses("/nowhere"), all());
});

Deno.test("systemAddresses() lists those of interfaces that are up", async () => {
  await using temp = new TempDir();
  const names = new Set(all().map(({ name }) => name));
  for (const flags of ["0x1003", "0x1002"]) {
    for (const name of names) {
      await Deno.mkdir(temp.join(name), { recursive: true });
      await Deno.writeTextFile(temp.join(name, "flags"), `${flags}\n`);
    }
    const isUp = flags === "0x1003" || Deno.build.os !== "linux";
    assertEquals(systemAddresses(temp.path), isUp ? all() : []);
  }
  assertEquals(systemAddresses(temp.join("nothing")), all());
});
