import { assert, assertEquals, assertThrows } from "@std/assert";
import { ExtensionBits } from "../../handshake/mod.ts";
import { EXTENSION_NAMES } from "../../handshake/extension_bits.ts";

const none = { permissions: "none" } as const;

Deno.test("each name is its bit of the BEPs", none, () => {
  assertEquals(`${ExtensionBits.of("extension-protocol")}`, "0000000000100000");
  assertEquals(`${ExtensionBits.of("dht")}`, "0000000000000001");
  assertEquals(`${ExtensionBits.of("fast")}`, "0000000000000004");
  assertEquals(`${ExtensionBits.of("v2-upgrade")}`, "0000000000000010");
});

Deno.test("with and without change one bit and no other", none, () => {
  const all = new ExtensionBits(new Uint8Array(8).fill(0xff));
  for (const name of EXTENSION_NAMES) {
    const less = all.without(name);
    assert(!less.has(name));
    assertEquals(less.with(name).toBytes(), all.toBytes());
    assertEquals(less.names(), EXTENSION_NAMES.filter((n) => n !== name));
    assert(all.has(name), "immutable");
  }
});

Deno.test("and keeps what both have, unnamed bits too", none, () => {
  const a = new ExtensionBits(new Uint8Array([0xf0, 0, 0, 0, 0, 0x10, 0, 5]));
  const b = new ExtensionBits(new Uint8Array([0x30, 1, 0, 0, 0, 0x10, 0, 4]));
  assertEquals(`${a.and(b)}`, "3000000000100004");
  assertEquals(a.and(b).toBytes(), b.and(a).toBytes());
});

Deno.test("bytes are copied both ways", none, () => {
  const bytes = new Uint8Array(8);
  const bits = new ExtensionBits(bytes);
  bytes[7] = 1;
  bits.toBytes()[7] = 1;
  assert(!bits.has("dht"));
});

Deno.test("there are eight bytes", none, () => {
  for (const length of [0, 7, 9]) {
    assertThrows(() => new ExtensionBits(new Uint8Array(length)), RangeError);
  }
});
