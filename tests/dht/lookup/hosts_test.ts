import { assertEquals } from "@std/assert";
import { Hosts } from "../../../dht/lookup/hosts.ts";

Deno.test("Hosts parses addresses and knows which are accepted", {
  permissions: "none",
}, () => {
  const hosts = new Hosts(["global"]);
  const told = (hostname: string) => {
    const { family, accepted, ip } = hosts.lookUp(hostname) ?? {};
    return [family, accepted, ip?.length];
  };
  for (let i = 0; i < 2; i++) {
    assertEquals(told("8.8.8.8"), [4, true, 4]);
    assertEquals(told("2a00::1"), [6, true, 16]);
    assertEquals(told("127.0.0.1"), [4, false, 4]);
    assertEquals(told("example.org"), [undefined, undefined, undefined]);
    for (let n = 0; n < 200; n++) assertEquals(told(`9.0.0.${n}`)[1], true);
  }
  told("127.0.0.1");
  hosts.widen(["127.9.9.9", "example.org"]);
  assertEquals(told("127.0.0.1"), [4, true, 4]);
  assertEquals(told("10.0.0.1"), [4, false, 4]);
});
