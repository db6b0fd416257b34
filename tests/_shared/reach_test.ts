import { assertEquals } from "@std/assert";
import { findHost, isLocalHost } from "../../_shared/reach.ts";

const resolve = (name: string) =>
  name === "lost.example"
    ? Promise.reject(new Error("No such name"))
    : Promise.resolve(
      name === "inside.example" ? ["192.168.0.7", "8.8.8.8"] : ["8.8.4.4"],
    );
const find = (host: string) => findHost(new URL(`http://${host}/x`), resolve);

Deno.test("findHost() tells how near a host is, and its address", {
  permissions: "none",
}, async () => {
  const hosts: [string, number, string | undefined][] = [
    ["t.example", 0, "8.8.4.4"],
    ["lost.example", 0, undefined],
    ["192.0.2.1", 0, "192.0.2.1"],
    ["inside.example", 1, "8.8.8.8"],
    ["printer.local", 1, undefined],
    ["10.0.0.1", 1, "10.0.0.1"],
    ["169.254.169.254", 2, "169.254.169.254"],
    ["[fe80::1]", 2, "fe80::1"],
    ["127.0.0.1", 3, "127.0.0.1"],
    ["[::1]", 3, "::1"],
    ["0.0.0.0", 3, "0.0.0.0"],
    ["localhost", 3, undefined],
    ["a.LOCALHOST.", 3, undefined],
  ];
  for (const [host, reach, address] of hosts) {
    const found = await find(host);
    assertEquals(found.reach, reach, host);
    assertEquals(found.address, address, host);
  }
});

Deno.test("isLocalHost() by address and by name", {
  permissions: "none",
}, () => {
  for (
    const host of [
      "127.0.0.1",
      "10.1.2.3",
      "192.168.0.1",
      "169.254.1.1",
      "::1",
      "fe80::1",
      "fd00::1",
      "::ffff:10.0.0.1",
      "0.0.0.0",
      "localhost",
      "LOCALHOST.",
      "a.localhost",
      "printer.local",
      "x.internal",
    ]
  ) assertEquals(isLocalHost(host), true, host);
  for (
    const host of [
      "8.8.8.8",
      "2001:4860::1",
      "example.org",
      "local",
      "notlocalhost",
      "local.example",
    ]
  ) assertEquals(isLocalHost(host), false, host);
});
