import { Buffer } from "node:buffer";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { randomInt, seededRandom } from "../../_shared/random.ts";
import {
  type BencodeLeniencyReport,
  BencodeSyntaxError,
  type BencodeSyntaxErrorCode,
  type BencodeValue,
  decodeBencode,
  type DecodeBencodeOptions,
  decodeBencodePrefix,
  encodeBencode,
  tryDecodeBencode,
} from "../../bencode/mod.ts";
import { freshSeed, plainEncode, randomValue, raw } from "./generate.ts";

function assertFault(
  text: string,
  code: BencodeSyntaxErrorCode,
  offset: number,
  options?: DecodeBencodeOptions,
): void {
  const error = assertThrows(
    () => decodeBencode(raw(text), options),
    BencodeSyntaxError,
  );
  assertEquals([error.code, error.offset], [code, offset], text);
  assertEquals(tryDecodeBencode(raw(text), options), undefined);
}

Deno.test({
  name: "decodeBencode() reads every kind of value",
  permissions: "none",
  fn() {
    assertEquals(decodeBencode(raw("i0e")), 0);
    assertEquals(decodeBencode(raw("i-42e")), -42);
    assertEquals(decodeBencode(raw("0:")), new Uint8Array(0));
    assertEquals(decodeBencode(raw("4:\x00\xff:e")), raw("\x00\xff:e"));
    assertEquals(decodeBencode(raw("le")), []);
    assertEquals(decodeBencode(raw("de")), new Map());
    assertEquals(
      decodeBencode(raw("d0:le1:\xffd1:ai1eee")),
      new Map<string, BencodeValue>([["", []], ["\xff", new Map([["a", 1]])]]),
    );
    assertEquals(decodeBencode(raw("llelee")), [[], []]);
  },
});

Deno.test({
  name: "decodeBencode() gives numbers when safe and bigints beyond",
  permissions: "none",
  fn() {
    for (
      const digits of [
        "999999999",
        "1000000000",
        "2147483648",
        "123456789012345",
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "9223372036854775808",
        "18446744073709551616",
        "9".repeat(300),
      ]
    ) {
      for (const text of [digits, `-${digits}`]) {
        const value = decodeBencode(raw(`i${text}e`));
        const isSafe = Number.isSafeInteger(Number(text));
        assertEquals(typeof value, isSafe ? "number" : "bigint", text);
        assertEquals(String(value), text);
      }
    }
  },
});

Deno.test({
  name: "decodeBencode() names each fault and its offset",
  permissions: "none",
  fn() {
    const faults: [string, BencodeSyntaxErrorCode, number][] = [
      ["", "unexpected-end", 0],
      ["e", "invalid-value", 0],
      ["x", "invalid-value", 0],
      ["-1:a", "invalid-value", 0],
      ["lxe", "invalid-value", 1],
      ["i", "unexpected-end", 1],
      ["ie", "invalid-integer", 1],
      ["i-e", "invalid-integer", 2],
      ["i+5e", "invalid-integer", 1],
      ["i--5e", "invalid-integer", 2],
      ["i1.5e", "invalid-integer", 2],
      ["i 1e", "invalid-integer", 1],
      ["i1", "unexpected-end", 2],
      ["i05e", "leading-zero", 0],
      ["li-05ee", "leading-zero", 1],
      ["i-0e", "negative-zero", 0],
      ["1", "unexpected-end", 1],
      ["1x", "invalid-length", 1],
      ["1 :a", "invalid-length", 1],
      ["2:a", "unexpected-end", 3],
      ["01:a", "leading-zero", 0],
      ["00:", "leading-zero", 0],
      ["18446744073709551615:a", "length-overflow", 0],
      ["9".repeat(400) + ":", "length-overflow", 0],
      ["9007199254740991:a", "unexpected-end", 18],
      ["di1ei2ee", "invalid-key", 1],
      ["dlei1ee", "invalid-key", 1],
      ["d+3:abci1ee", "invalid-key", 1],
      ["d1:ae", "missing-value", 4],
      ["d1:ai1e1:be", "missing-value", 10],
      ["d1:bi1e1:ai2ee", "unsorted-keys", 7],
      ["d1:ai1e1:ai2ee", "duplicate-keys", 7],
      ["d01:ai1ee", "leading-zero", 1],
      ["d1:\x800:1:\x7f0:e", "unsorted-keys", 6],
      ["d2:aa0:1:a0:e", "unsorted-keys", 7],
      ["dee", "trailing-bytes", 2],
      ["i1e\n", "trailing-bytes", 3],
    ];
    for (const [text, code, offset] of faults) assertFault(text, code, offset);
  },
});

Deno.test({
  name: "BencodeSyntaxError says what was expected and where",
  permissions: "none",
  fn() {
    const error = assertThrows(
      () => decodeBencode(raw("d1:bi1e1:ai2ee")),
      BencodeSyntaxError,
      "Cannot decode bencode at offset 7: expected keys in the order of their bytes",
    );
    assert(error instanceof SyntaxError);
    assertEquals(error.name, "BencodeSyntaxError");
  },
});

Deno.test({
  name: "decodeBencode() reports every leniency, and the first duplicate wins",
  permissions: "none",
  fn() {
    const reports: BencodeLeniencyReport[] = [];
    const input = raw("d1:bi-0e1:ai007e1:bl1:xe1:cd1:yi1ee02:hii1eexyz");
    const value = decodeBencode(input, {
      mode: "lenient",
      onLeniency: (report) => reports.push(report),
    });
    assertEquals(
      value,
      new Map<string, BencodeValue>([
        ["b", 0],
        ["a", 7],
        ["c", new Map([["y", 1]])],
        ["hi", 1],
      ]),
    );
    assertEquals(reports, [
      { leniency: "negative-zero", offset: 4 },
      { leniency: "unsorted-keys", offset: 8 },
      { leniency: "leading-zero", offset: 11 },
      { leniency: "duplicate-keys", offset: 16 },
      { leniency: "leading-zero", offset: 35 },
      { leniency: "trailing-bytes", offset: 44 },
    ]);
  },
});

Deno.test({
  name: "decodeBencode() lets only the named leniencies pass",
  permissions: "none",
  fn() {
    const inputs = {
      "leading-zero": "i01e",
      "negative-zero": "i-0e",
      "unsorted-keys": "d1:b0:1:a0:e",
      "duplicate-keys": "d1:a0:1:a0:e",
      "trailing-bytes": "i1ee",
    } as const;
    type Name = keyof typeof inputs;
    for (const allowed of Object.keys(inputs) as Name[]) {
      for (const name of Object.keys(inputs) as Name[]) {
        const value = tryDecodeBencode(raw(inputs[name]), { mode: [allowed] });
        assertEquals(value !== undefined, name === allowed, name);
      }
    }
    assertFault("i-00e", "negative-zero", 0, { mode: ["leading-zero"] });
  },
});

Deno.test({
  name: "decodeBencode() gives views of the input, plain ones also of a Buffer",
  permissions: "none",
  fn() {
    class Special extends Uint8Array {}
    const input = new Special(raw("??l1:x2:yze??")).subarray(2, 11);
    const [x, yz] = decodeBencode(input) as Uint8Array[];
    assertEquals([x, yz], [raw("x"), raw("yz")]);
    assertEquals(x!.constructor, Uint8Array);
    assertEquals(yz!.buffer, input.buffer);
    assertEquals(yz!.byteOffset, input.byteOffset + 6);
    input[6] = 0x71;
    assertEquals(yz, raw("qz"));
  },
});

Deno.test({
  name: "decodeBencode() takes its limits and nothing beyond",
  permissions: "none",
  fn() {
    const nested = (levels: number) => "l".repeat(levels) + "e".repeat(levels);
    decodeBencode(raw(nested(100)));
    assertFault(nested(101), "too-deep", 100);
    decodeBencode(raw("de"), { maxDepth: 1 });
    assertFault("le", "too-deep", 0, { maxDepth: 0 });
    assertEquals(decodeBencode(raw("i1e"), { maxDepth: 0 }), 1);
    // Siblings do not add up.
    decodeBencode(raw("l" + "le".repeat(50) + "e"), { maxDepth: 2 });

    // The list, then a key, a dictionary and two integers.
    decodeBencode(raw("ld1:ai1eei2ee"), { maxTokens: 5 });
    assertFault("ld1:ai1eei2ee", "too-many-tokens", 9, { maxTokens: 4 });
    assertFault("ld1:ai1eei2ee", "too-many-tokens", 2, { maxTokens: 2 });
    assertFault("l" + "0:".repeat(2_000_000) + "e", "too-many-tokens", 3999999);

    assertEquals(decodeBencode(raw("2:ab"), { maxLength: 4 }), raw("ab"));
    assertFault("2:ab", "too-long", 3, { maxLength: 3 });

    const digits = "7".repeat(4096);
    assertEquals(decodeBencode(raw(`i-${digits}e`)), -BigInt(digits));
    assertFault(`li${digits}7ee`, "integer-too-long", 1);
    assertFault("i12345e", "integer-too-long", 0, { maxIntegerDigits: 4 });
  },
});

Deno.test({
  name: "decodeBencode() refuses bad options",
  permissions: "none",
  fn() {
    for (const bad of [-1, 1.5, NaN]) {
      assertThrows(
        () => decodeBencode(raw("i1e"), { maxDepth: bad }),
        RangeError,
        "maxDepth",
      );
      assertThrows(
        () => tryDecodeBencode(raw("i1e"), { maxTokens: bad }),
        RangeError,
        "maxTokens",
      );
    }
    assertThrows(
      () => decodeBencode(raw("i1e"), { mode: "loose" as "strict" }),
      TypeError,
      "mode",
    );
    assertThrows(
      () => decodeBencode(raw("i1e"), { mode: ["toString" as "leading-zero"] }),
      TypeError,
      "toString",
    );
  },
});

Deno.test({
  name: "decodeBencode() needs no call stack and linear time for hostile input",
  permissions: "none",
  timeout: 20_000,
  fn() {
    const levels = 1_000_000;
    const bomb = new Uint8Array(levels).fill(0x6c);
    assertEquals(tryDecodeBencode(bomb, { maxDepth: Infinity }), undefined);
    assertFault("l".repeat(20_000), "too-deep", 100);
    let value = decodeBencode(raw("l".repeat(levels) + "e".repeat(levels)), {
      maxDepth: Infinity,
    });
    let depth = 0;
    for (; Array.isArray(value); value = value[0]!) {
      depth++;
      if (value.length === 0) break;
    }
    assertEquals(depth, levels);
    tryDecodeBencode(raw("9".repeat(levels)));
    tryDecodeBencode(raw("i" + "9".repeat(levels) + "e"));
    tryDecodeBencode(raw("0".repeat(levels) + ":"), { mode: "lenient" });
  },
});

Deno.test({
  name: "decodeBencodePrefix() leaves what follows the value",
  permissions: "none",
  fn() {
    const message = raw("d8:msg_typei1e5:piecei0e10:total_sizei5eepayload");
    const { value, length } = decodeBencodePrefix(message);
    assertEquals(message.subarray(length), raw("payload"));
    assertEquals((value as Map<string, unknown>).get("total_size"), 5);
    assertEquals(decodeBencodePrefix(raw("0:0:")), {
      value: new Uint8Array(0),
      length: 2,
    });
    for (
      const [text, code, maxLength] of [
        ["", "unexpected-end", 10],
        ["junk", "invalid-value", 10],
        ["i01e", "leading-zero", 10],
        ["i12epayload", "too-long", 3],
        ["2:ab", "too-long", 3],
        ["i1", "unexpected-end", 2],
      ] as const
    ) {
      const error = assertThrows(
        () => decodeBencodePrefix(raw(text), { maxLength }),
        BencodeSyntaxError,
      );
      assertEquals(error.code, code, text);
    }
    assertEquals(
      decodeBencodePrefix(raw("i12epayload"), { maxLength: 4 }).length,
      4,
    );
  },
});

Deno.test({
  name: "decodeBencode() reads keys of any length and any bytes",
  permissions: "none",
  fn() {
    const random = seededRandom(5);
    for (let round = 0; round < 3; round++) {
      for (const length of [0, 1, 2, 23, 24, 25, 26, 4096, 4097, 9000]) {
        const key = plainKey(random(new Uint8Array(length)));
        const value = decodeBencode(raw(`d${length}:${key}i1ee`));
        assertEquals([...(value as Map<string, number>)], [[key, 1]]);
      }
    }
    assertEquals(
      [...(decodeBencode(raw("d9:__proto__i1ee")) as Map<string, number>)],
      [["__proto__", 1]],
    );
  },
});

function plainKey(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

Deno.test({
  name: "decodeBencode() reads generated values back, and no prefix of them",
  permissions: "none",
  fn() {
    const seed = freshSeed();
    const random = seededRandom(seed);
    for (let i = 0; i < 400; i++) {
      const value = randomValue(random, 1 + randomInt(random, 200));
      const bytes = raw(plainEncode(value));
      const note = `seed ${seed}, round ${i}`;
      assertEquals(decodeBencode(bytes), value, note);
      assertEquals(encodeBencode(value), bytes, note);
      const step = 1 + Math.floor(bytes.length / 200);
      for (let length = 0; length < bytes.length; length += step) {
        const error = assertThrows(
          () => decodeBencode(bytes.subarray(0, length)),
          BencodeSyntaxError,
        );
        assertEquals(
          [error.code, error.offset],
          ["unexpected-end", length],
          `${note}, length ${length}`,
        );
      }
    }
  },
});

Deno.test("decodeBencode() gives plain byte strings of a Buffer, too", () => {
  const padded = Buffer.from("xxd1:ali1e3:abcee");
  const bytes = padded.subarray(2);
  const value = decodeBencode(bytes) as Map<string, BencodeValue[]>;
  const text = value.get("a")![1] as Uint8Array;
  assertEquals(text.constructor, Uint8Array);
  assertEquals(text, new TextEncoder().encode("abc"));
  assertEquals(text.buffer, bytes.buffer, "not copied");
});
