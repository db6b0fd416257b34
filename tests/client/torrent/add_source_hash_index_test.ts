import { assertEquals } from "@std/assert";
import { HashIndex, sourceOf } from "../../../client/torrent/add_source.ts";

const [A, B] = ["a".repeat(40), "b".repeat(40)];
const hybrid = sourceOf(
  `magnet:?xt=urn:btih:${A}&xt=urn:btmh:1220${B}${"0".repeat(24)}`,
);

Deno.test("HashIndex finds by any hash, cut to 20 bytes", {
  permissions: "none",
}, () => {
  const index = new HashIndex<string>();
  index.add(hybrid, "one");
  assertEquals(index.get(Uint8Array.fromHex(A)), "one");
  assertEquals(index.get(Uint8Array.fromHex(`${B}${"f".repeat(24)}`)), "one");
  assertEquals(index.get(Uint8Array.fromHex("c".repeat(40))), undefined);
  assertEquals([index.has(sourceOf(A)), index.has(sourceOf("c".repeat(40)))], [
    true,
    false,
  ]);
});

Deno.test(
  "HashIndex leaves a hash to who was first",
  { permissions: "none" },
  () => {
    const index = new HashIndex<string>();
    index.add(sourceOf(B), "first");
    index.add(hybrid, "second");
    assertEquals([A, B].map((hash) => index.get(Uint8Array.fromHex(hash))), [
      "second",
      "first",
    ]);
    index.delete(hybrid, "second");
    assertEquals([A, B].map((hash) => index.get(Uint8Array.fromHex(hash))), [
      undefined,
      "first",
    ]);
  },
);
