import { assertEquals } from "@std/assert";
import { Rc4 } from "../../../handshake/encryption/rc4.ts";

const none = { permissions: "none" } as const;
const hex = (text: string) => Uint8Array.fromHex(text);

/** RFC 6229: key, then offset and 16 bytes of the key stream there. */
const KEY_STREAMS: readonly [string, readonly [number, string][]][] = [
  ["0102030405", [
    [0, "b2396305f03dc027ccc3524a0a1118a8"],
    [16, "6982944f18fc82d589c403a47a0d0919"],
    [240, "28cb1132c96ce286421dcaadb8b69eae"],
    [1008, "fe8baf7c8f6af9b6a6b6d0d3a1c7e60d"],
  ]],
  ["0102030405060708090a0b0c0d0e0f10", [
    [0, "9ac7cc9a609d1ef7b2932899cde41b97"],
    [240, "065902e4b620f6cc36c8589f66432f2b"],
  ]],
];

Deno.test("key streams are known", none, () => {
  // The classic answers first.
  const data = new TextEncoder().encode("Plaintext");
  new Rc4(new TextEncoder().encode("Key")).process(data);
  assertEquals(data, hex("bbf316e8d940af0ad3"));
  for (const [key, streams] of KEY_STREAMS) {
    const stream = new Uint8Array(1024);
    new Rc4(hex(key)).process(stream);
    for (const [offset, expected] of streams.slice(0, 3)) {
      assertEquals(stream.slice(offset, offset + 16).toHex(), expected);
    }
  }
});

Deno.test(
  "pieces of any length and alignment make the same stream",
  none,
  () => {
    const key = hex("0102030405060708");
    const whole = new Uint8Array(4096);
    new Rc4(key).process(whole);
    const cipher = new Rc4(key);
    const parts = new Uint8Array(4096);
    let offset = 0;
    for (let length = 0; offset < parts.length; length = (length + 7) % 61) {
      cipher.process(parts.subarray(offset, offset += length));
    }
    assertEquals(parts, whole);
  },
);

Deno.test("the first bytes can be thrown away", none, () => {
  const key = hex("00ff");
  const whole = new Uint8Array(1030);
  new Rc4(key).process(whole);
  const rest = new Uint8Array(6);
  new Rc4(key, 1024).process(rest);
  assertEquals(rest, whole.slice(1024));
});
