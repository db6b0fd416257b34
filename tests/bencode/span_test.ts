import { assertEquals, assertThrows } from "@std/assert";
import { randomInt, seededRandom } from "../../_shared/random.ts";
import {
  type BencodeLimits,
  bencodeSpan,
  BencodeSyntaxError,
  type BencodeSyntaxErrorCode,
  type BencodeValue,
  encodeBencode,
} from "../../bencode/mod.ts";
import { freshSeed, plainEncode, randomValue, raw } from "./generate.ts";

/** The bytes under a path, one character a byte. */
function cut(text: string, path: (string | number)[]): string | undefined {
  const span = bencodeSpan(raw(text), path);
  return span === undefined ? undefined : text.slice(span.start, span.end);
}

Deno.test({
  name: "bencodeSpan() finds nodes of every kind",
  permissions: "none",
  fn() {
    const text = "d1:ai-1e4:infod5:filesld6:lengthi7eed6:lengthi8eee" +
      "4:name3:xyze1:zle0:dee";
    assertEquals(cut(text, []), text);
    assertEquals(cut(text, ["a"]), "i-1e");
    assertEquals(cut(text, ["info", "name"]), "3:xyz");
    assertEquals(cut(text, ["info", "files", 1]), "d6:lengthi8ee");
    assertEquals(cut(text, ["info", "files", 1, "length"]), "i8e");
    assertEquals(cut(text, ["z"]), "le");
    assertEquals(cut(text, [""]), "de");
    assertEquals(
      cut(text, ["info"]),
      text.slice(text.indexOf("d5:files"), text.indexOf("1:zle")),
    );
  },
});

Deno.test({
  name: "bencodeSpan() gives undefined where there is no such node",
  permissions: "none",
  fn() {
    const text = "d1:ai1e1:bl1:xe2:cdde3:b:1i5ee";
    for (
      const path of [
        ["x"],
        ["A"],
        ["aa"],
        [0],
        ["a", "b"],
        ["a", 0],
        ["b", 1],
        ["b", -1],
        ["b", 0.5],
        ["b", "0"],
        ["b", 0, 0],
        ["cd", "x"],
        ["1"],
        [":1"],
      ]
    ) assertEquals(cut(text, path), undefined, path.join());
    assertEquals(cut(text, ["b:1"]), "i5e");
    assertEquals(cut("i1e", ["a"]), undefined);
  },
});

Deno.test({
  name: "bencodeSpan() cuts lenient input as it was written",
  permissions: "none",
  fn() {
    assertEquals(cut("d1:bi1e1:ai2eejunk", ["a"]), "i2e");
    assertEquals(cut("d4:infoi1e4:infoi2ee", ["info"]), "i1e");
    assertEquals(cut("d04:infod1:xi-0eee", ["info"]), "d1:xi-0ee");
    assertEquals(cut("d4:infoi007ee", ["info"]), "i007e");
    assertEquals(cut("i1ejunk", []), "i1e");
    // What follows the node is not read.
    assertEquals(cut("d4:infoi1eX", ["info"]), "i1e");
  },
});

Deno.test({
  name: "bencodeSpan() refuses what is not bencode, with the offset",
  permissions: "none",
  fn() {
    const faults: [
      string,
      (string | number)[],
      BencodeSyntaxErrorCode,
      number,
      BencodeLimits?,
    ][] = [
      ["", [], "unexpected-end", 0],
      ["", ["a"], "unexpected-end", 0],
      ["x", ["a"], "invalid-value", 0],
      ["d", ["a"], "unexpected-end", 1],
      ["di1e", ["a"], "invalid-key", 1],
      ["d1:be", ["a"], "missing-value", 4],
      ["d1:ae", ["a"], "missing-value", 4],
      ["d1:a", ["a"], "unexpected-end", 4],
      ["d1:bi1e", ["a"], "unexpected-end", 7],
      ["d1:bi+1e1:ai1ee", ["a"], "invalid-integer", 5],
      ["d1:bl1:ae1:ad1:xee", ["a"], "missing-value", 16],
      ["d9:ai1ee", ["a"], "unexpected-end", 8],
      ["d1:ai1", ["a"], "unexpected-end", 6],
      ["d99999999999999999999:", ["a"], "length-overflow", 1],
      ["lllleeee", [0, 0, 0], "too-deep", 3, { maxDepth: 3 }],
      ["lllleeee", [], "too-deep", 3, { maxDepth: 3 }],
      ["llee", [0], "too-deep", 1, { maxDepth: 1 }],
      ["d1:ali1ei2eee", ["a"], "too-many-tokens", 8, { maxTokens: 4 }],
      ["d1:bi1e1:ai2ee", ["a"], "too-many-tokens", 7, { maxTokens: 3 }],
      ["i12e", [], "too-long", 3, { maxLength: 3 }],
    ];
    for (const [text, path, code, offset, limits] of faults) {
      const error = assertThrows(
        () => bencodeSpan(raw(text), path, limits),
        BencodeSyntaxError,
      );
      assertEquals([error.code, error.offset], [code, offset], text);
    }
    assertEquals(
      bencodeSpan(raw("d1:ali1ei2eee"), ["a"], { maxDepth: 2, maxTokens: 5 }),
      { start: 4, end: 12 },
    );
    assertThrows(
      () => bencodeSpan(raw("le"), [], { maxDepth: -1 }),
      RangeError,
    );
  },
});

Deno.test({
  name: "bencodeSpan() needs no call stack",
  permissions: "none",
  fn() {
    const levels = 500_000;
    const bytes = new Uint8Array(2 * levels).fill(0x6c).fill(0x65, levels);
    const limits = { maxDepth: Infinity };
    assertEquals(bencodeSpan(bytes, [], limits)?.end, bytes.length);
    const path = new Array(levels - 1).fill(0);
    assertEquals(bencodeSpan(bytes, path, limits), {
      start: levels - 1,
      end: levels + 1,
    });
  },
});

Deno.test({
  name: "bencodeSpan() of every node of generated values is that node encoded",
  permissions: "none",
  fn() {
    const seed = freshSeed();
    const random = seededRandom(seed);
    for (let i = 0; i < 200; i++) {
      const root = randomValue(random, 1 + randomInt(random, 100));
      const bytes = raw(plainEncode(root));
      const nodes: [(string | number)[], BencodeValue][] = [[[], root]];
      for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
        const [path, value] = node;
        const { start, end } = bencodeSpan(bytes, path)!;
        assertEquals(
          bytes.subarray(start, end),
          encodeBencode(value),
          `seed ${seed}, round ${i}, path ${path.join()}`,
        );
        if (Array.isArray(value)) {
          value.forEach((item, index) => nodes.push([[...path, index], item]));
        } else if (value instanceof Map) {
          value.forEach((item, key) => nodes.push([[...path, key], item]));
        }
      }
    }
  },
});
