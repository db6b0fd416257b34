import { assertEquals, assertThrows } from "@std/assert";
import {
  type BencodeInput,
  decodeBencode,
  encodeBencode,
} from "../../bencode/mod.ts";
import { raw } from "./generate.ts";

function assertEncodes(value: BencodeInput, text: string): void {
  assertEquals(encodeBencode(value), raw(text));
}

Deno.test({
  name: "encodeBencode() writes every kind of value",
  permissions: "none",
  fn() {
    assertEncodes(0, "i0e");
    assertEncodes(-0, "i0e");
    assertEncodes(-7, "i-7e");
    assertEncodes(2n ** 64n, "i18446744073709551616e");
    assertEncodes(-(2n ** 64n), "i-18446744073709551616e");
    assertEncodes("", "0:");
    assertEncodes("spam", "4:spam");
    assertEncodes(raw("\x00\xff"), "2:\x00\xff");
    assertEncodes([], "le");
    assertEncodes({}, "de");
    assertEncodes(new Map(), "de");
    assertEncodes(Object.create(null), "de");
    assertEncodes([1, [2, [], {}], "x"], "li1eli2eledee1:xe");
    assertEncodes({ b: [{ c: 1 }], a: "x" }, "d1:a1:x1:bld1:ci1eeee");
  },
});

Deno.test({
  name: "encodeBencode() writes the digits of integers of every size",
  permissions: "none",
  fn() {
    for (let power = 1; power < Number.MAX_SAFE_INTEGER; power *= 10) {
      for (const value of [power - 1, power, power + 1, 7 * power / 10]) {
        if (!Number.isSafeInteger(value)) continue;
        assertEncodes(value, `i${value}e`);
        assertEncodes(-value, value === 0 ? "i0e" : `i-${value}e`);
      }
    }
    for (let bit = 1; bit <= 2 ** 52; bit *= 2) {
      assertEncodes(bit, `i${bit}e`);
      assertEncodes(bit - 1, `i${bit - 1}e`);
    }
    assertEncodes(Number.MAX_SAFE_INTEGER, "i9007199254740991e");
    assertEncodes(Number.MIN_SAFE_INTEGER, "i-9007199254740991e");
  },
});

Deno.test({
  name: "encodeBencode() sorts keys by their bytes and skips undefined fields",
  permissions: "none",
  fn() {
    assertEncodes(
      new Map([["\xff", 1], ["a", 2], ["B", 3], ["", 4], ["aa", 5]]),
      "d0:i4e1:Bi3e1:ai2e2:aai5e1:\xffi1ee",
    );
    // Integer-like keys of objects come first and in numeric order.
    assertEncodes({ z: 1, 10: 2, 9: 3, a: undefined }, "d2:10i2e1:9i3e1:zi1ee");
    assertEncodes({ a: undefined }, "de");
    const map = new Map([["b", 1], ["a", 2]]);
    encodeBencode(map);
    assertEquals([...map.keys()], ["b", "a"]);
  },
});

Deno.test({
  name: "encodeBencode() writes text as UTF-8, short and long",
  permissions: "none",
  fn() {
    const utf8 = (text: string) =>
      String.fromCharCode(
        ...new TextEncoder().encode(text),
      );
    for (const unit of ["a", "ä", "€", "😀", "a\u0000\u007f\u0080"]) {
      for (const count of [1, 7, 11, 12, 13, 24, 25, 47, 48, 49, 3000]) {
        const bytes = utf8(unit.repeat(count));
        assertEncodes(unit.repeat(count), `${bytes.length}:${bytes}`);
      }
    }
  },
});

Deno.test({
  name: "encodeBencode() refuses what bencode cannot hold, and says where",
  permissions: "none",
  fn() {
    const refused: [unknown, typeof RangeError | typeof TypeError, string][] = [
      [1.5, RangeError, "1.5"],
      [NaN, RangeError, "NaN"],
      [Infinity, RangeError, "Infinity"],
      [2 ** 53, RangeError, "a bigint"],
      ["\ud800", RangeError, "lone surrogate"],
      ["x".repeat(100) + "\udfff", RangeError, "lone surrogate"],
      [null, TypeError, "null"],
      [undefined, TypeError, "undefined"],
      [true, TypeError, "boolean"],
      [() => 1, TypeError, "function"],
      [Symbol("s"), TypeError, "symbol"],
      [new Date(0), TypeError, "Date"],
      [new Set([1]), TypeError, "Set"],
      [new ArrayBuffer(1), TypeError, "ArrayBuffer"],
      [new Uint16Array(1), TypeError, "Uint16Array"],
    ];
    for (const [value, type, text] of refused) {
      assertThrows(() => encodeBencode(value as BencodeInput), type, text);
      const list = { a: 1, info: [0, [value]] } as BencodeInput;
      assertThrows(() => encodeBencode(list), type, "info[1][0]");
      if (value === undefined) continue;
      const fields = { a: 1, info: [0, { x: value }] } as BencodeInput;
      assertThrows(() => encodeBencode(fields), type, "info[1].x");
    }
  },
});

Deno.test({
  name: "encodeBencode() refuses keys that are not byte strings",
  permissions: "none",
  fn() {
    assertThrows(() => encodeBencode({ "\u0100": 1 }), RangeError, "U+00FF");
    assertThrows(() => encodeBencode({ a: { "x€": 1 } }), RangeError, "at a");
    const map = new Map([[7, 1]]) as unknown as ReadonlyMap<string, number>;
    assertThrows(() => encodeBencode(map), TypeError, "a key of type number");
    const value = new Map([["a", undefined]]) as unknown as BencodeInput;
    assertThrows(() => encodeBencode(value), TypeError, "undefined at a");
  },
});

Deno.test({
  name: "encodeBencode() bounds depth and survives cycles",
  permissions: "none",
  fn() {
    const nested = (levels: number) => {
      let value: BencodeInput[] = [];
      for (let i = 1; i < levels; i++) value = [value];
      return value;
    };
    assertEncodes(nested(100), "l".repeat(100) + "e".repeat(100));
    assertThrows(() => encodeBencode(nested(101)), RangeError, "cycle");
    assertThrows(() => encodeBencode([], { maxDepth: 0 }), RangeError);
    assertEquals(encodeBencode(1, { maxDepth: 0 }), raw("i1e"));
    const deep = encodeBencode(nested(200_000), { maxDepth: Infinity });
    assertEquals(deep.length, 400_000);
    for (const bad of [-1, 0.5, NaN]) {
      assertThrows(() => encodeBencode(1, { maxDepth: bad }), RangeError);
    }

    const list: BencodeInput[] = [];
    list.push(list, list);
    assertThrows(() => encodeBencode(list), RangeError, "cycle");
    const map = new Map<string, BencodeInput>();
    map.set("self", map);
    assertThrows(() => encodeBencode(map), RangeError, "self.self");
  },
});

Deno.test({
  name:
    "encodeBencode() gives bytes of its own, also after errors and inside getters",
  permissions: "none",
  fn() {
    const first = encodeBencode("first");
    assertThrows(() => encodeBencode(["long", NaN]), RangeError);
    encodeBencode("second");
    assertEquals(first, raw("5:first"));
    assertEquals(first.buffer.byteLength, first.length);
    let inner: Uint8Array | undefined;
    const tricky = {
      a: "outer",
      get b(): number {
        inner = encodeBencode(["inner", "x".repeat(10_000)]);
        return inner.length;
      },
    };
    assertEncodes(tricky, "d1:a5:outer1:bi10015ee");
    assertEquals(inner!.subarray(0, 10), raw("l5:inner10"));
    const large = raw("y".repeat(300_000));
    assertEquals(decodeBencode(encodeBencode([large, large])), [large, large]);
  },
});
