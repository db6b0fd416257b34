import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  compareBytes,
  concatBytes,
  equalBytes,
  fromByteString,
  plainBytes,
  readUint16,
  readUint32,
  toByteString,
  toHex,
  tryDecodeText,
  tryFromHex,
  writeUint16,
  writeUint32,
} from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";

Deno.test(
  "byte strings order as bytes and round-trip",
  { permissions: "none" },
  () => {
    const random = seededRandom(1);
    const list = Array.from(
      { length: 300 },
      (_, i) => random(new Uint8Array(i % 7)),
    );
    list.push(random(new Uint8Array(10_000)));
    const byBytes = [...list].sort(compareBytes).map(toHex);
    const byText = list.map(toByteString).sort((a, b) =>
      a < b ? -1 : a > b ? 1 : 0
    )
      .map((text) => toHex(fromByteString(text)));
    assertEquals(byText, byBytes);
    assertThrows(() => fromByteString("Ā"), RangeError, "U+0100");
  },
);

Deno.test("hex round-trips and refuses what is not hex", {
  permissions: "none",
}, () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  assertEquals(tryFromHex(toHex(all)), all);
  assertEquals(tryFromHex("AbCd"), new Uint8Array([0xab, 0xcd]));
  for (const bad of ["a", "+f", "0x", "g0", " 1"]) {
    assertEquals(tryFromHex(bad), undefined);
  }
});

Deno.test(
  "integers are unsigned and big-endian",
  { permissions: "none" },
  () => {
    const bytes = new Uint8Array(4);
    for (
      const value of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x12345678]
    ) {
      writeUint32(bytes, 0, value);
      assertEquals(readUint32(bytes, 0), value);
      assertEquals(new DataView(bytes.buffer).getUint32(0), value);
    }
    writeUint16(bytes, 1, 0xfedc);
    assertEquals(readUint16(bytes, 1), 0xfedc);
  },
);

Deno.test("concat, equality and text", { permissions: "none" }, () => {
  const joined = concatBytes([
    new Uint8Array([1]),
    new Uint8Array(),
    new Uint8Array([2, 3]),
  ]);
  assertEquals(joined, new Uint8Array([1, 2, 3]));
  assert(equalBytes(joined, new Uint8Array([1, 2, 3])));
  assert(!equalBytes(joined, new Uint8Array([1, 2])));
  assert(!equalBytes(joined, new Uint8Array([1, 2, 4])));
  assertEquals(tryDecodeText(new Uint8Array([0xff])), undefined);
  assertEquals(
    tryDecodeText(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])),
    "\ufeffa",
  );
  assertEquals(plainBytes(joined), joined);
});
