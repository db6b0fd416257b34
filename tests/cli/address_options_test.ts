import { assertEquals, assertThrows } from "@std/assert";
import { addressesOf, ipOf } from "../../cli/address_options.ts";
import { Arguments } from "../../cli/command.ts";
import { UsageError } from "../../cli/error.ts";

const pure = { permissions: "none" } as const;
const given = (...values: string[]) =>
  new Arguments([], new Map([["at", values]]), new Set());

Deno.test("ipOf() - an IP address, in brackets or not", pure, () => {
  assertEquals(ipOf(given(), "at"), undefined);
  for (const [text, ip] of [["::1", "::1"], ["[::1]", "::1"], ["1.2.3.4"]]) {
    assertEquals(ipOf(given(text!), "at"), ip ?? text);
  }
  for (const text of ["", "here", "[::1", "1.2.3.4:5"]) {
    assertThrows(() => ipOf(given(text), "at"), UsageError, "--at must be");
  }
});

Deno.test("addressesOf() - every HOST:PORT", pure, () => {
  assertEquals(addressesOf(given(), "at"), []);
  assertEquals(addressesOf(given("a.test:1", "[::1]:2"), "at"), [
    { hostname: "a.test", port: 1 },
    { hostname: "::1", port: 2 },
  ]);
  for (const text of ["", "a.test", "a.test:0", "a.test:65536", "::1"]) {
    assertThrows(
      () => addressesOf(given("a.test:1", text), "at"),
      UsageError,
      `--at must be HOST:PORT, not ${JSON.stringify(text)}`,
    );
  }
});
