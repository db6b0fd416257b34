import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { randomInt, seededRandom } from "../../_shared/random.ts";
import {
  type BencodeLeniencyReport,
  BencodeSyntaxError,
  type BencodeSyntaxErrorCode,
  type BencodeValue,
  IncrementalBencodeDecoder,
  type IncrementalBencodeDecoderOptions,
} from "../../bencode/mod.ts";
import { freshSeed, plainEncode, randomValue, raw } from "./generate.ts";

interface Outcome {
  values: BencodeValue[];
  fault: [BencodeSyntaxErrorCode, number] | undefined;
  reports: BencodeLeniencyReport[];
}

/** Decodes chunks to the end or the first fault. */
function decode(
  chunks: Uint8Array[],
  options: IncrementalBencodeDecoderOptions = {},
): Outcome {
  const outcome: Outcome = { values: [], fault: undefined, reports: [] };
  const decoder = new IncrementalBencodeDecoder({
    ...options,
    onLeniency: (report) => outcome.reports.push(report),
  });
  try {
    for (const chunk of chunks) outcome.values.push(...decoder.push(chunk));
    decoder.finish();
  } catch (error) {
    if (!(error instanceof BencodeSyntaxError)) throw error;
    outcome.fault = [error.code, error.offset];
  }
  return outcome;
}

function inBytes(input: Uint8Array): Uint8Array[] {
  return Array.from(input, (_, i) => input.subarray(i, i + 1));
}

Deno.test({
  name: "IncrementalBencodeDecoder gives the same values for any split",
  permissions: "none",
  fn() {
    const seed = freshSeed();
    const random = seededRandom(seed);
    for (let round = 0; round < 60; round++) {
      const values: BencodeValue[] = [];
      let text = "";
      for (let i = randomInt(random, 6); i > 0; i--) {
        const value = randomValue(random, 1 + randomInt(random, 60));
        values.push(value);
        text += plainEncode(value);
      }
      const input = raw(text);
      const splits = [[input], inBytes(input)];
      for (let k = 0; k < 3; k++) {
        const chunks: Uint8Array[] = [];
        for (let p = 0; p < input.length;) {
          const next = p + randomInt(random, 20);
          chunks.push(input.subarray(p, next));
          p = next;
        }
        splits.push(chunks);
      }
      for (const chunks of splits) {
        const { values: actual, fault } = decode(chunks);
        assertEquals(fault, undefined, `seed ${seed}, round ${round}`);
        assertEquals(actual, values, `seed ${seed}, round ${round}`);
      }
    }
  },
});

Deno.test({
  name: "IncrementalBencodeDecoder faults alike for every split in two",
  permissions: "none",
  fn() {
    const inputs: [
      string,
      BencodeValue[],
      BencodeSyntaxErrorCode,
      number,
      IncrementalBencodeDecoderOptions?,
    ][] = [
      ["x", [], "invalid-value", 0],
      ["e", [], "invalid-value", 0],
      ["i1ei2ee", [1, 2], "invalid-value", 6],
      ["i1ei+2ei3e", [1], "invalid-integer", 4],
      ["i1ei-e", [1], "invalid-integer", 5],
      ["i1ei02ei3e", [1], "leading-zero", 3],
      ["i1ei-0e", [1], "negative-zero", 3],
      ["led1:b0:1:a0:e", [[]], "unsorted-keys", 8],
      ["d1:a0:1:a0:e", [], "duplicate-keys", 6],
      ["d1:ae", [], "missing-value", 4],
      ["di1ei1ee", [], "invalid-key", 1],
      ["i7e1x", [7], "invalid-length", 4],
      ["i7e99999999999999999999:", [7], "length-overflow", 3],
      ["i7eli1e", [7], "unexpected-end", 7],
      ["i7e5:ab", [7], "unexpected-end", 7],
      ["i1e3:abc", [1], "too-long", 7, { maxLength: 4 }],
      ["i1eli1ei2ee", [1], "too-long", 8, { maxLength: 5 }],
      ["i1ei12345e", [1], "integer-too-long", 3, { maxIntegerDigits: 4 }],
      ["i1elllleeee", [1], "too-deep", 6, { maxDepth: 3 }],
      ["i1eli1ei2ei3ee", [1], "too-many-tokens", 10, { maxTokens: 3 }],
      ["i1ed1:ai1ee", [1], "too-many-tokens", 4, { maxTokens: 1 }],
    ];
    for (const [text, values, code, offset, options] of inputs) {
      const input = raw(text);
      const splits = [inBytes(input)];
      for (let i = 0; i <= input.length; i++) {
        splits.push([input.subarray(0, i), input.subarray(i)]);
      }
      for (const chunks of splits) {
        const outcome = decode(chunks, options);
        assertEquals(
          [outcome.values, outcome.fault],
          [values, [code, offset]],
          text,
        );
      }
    }
    const fits = decode(inBytes(raw("2:abi12e")), { maxLength: 4 });
    assertEquals([fits.values, fits.fault], [[raw("ab"), 12], undefined]);
  },
});

Deno.test({
  name: "IncrementalBencodeDecoder reports leniencies from the input's start",
  permissions: "none",
  fn() {
    const input = raw("i1ei02ed1:b0:1:a0:ei-0e");
    for (const chunks of [[input], inBytes(input)]) {
      const { values, fault, reports } = decode(chunks, { mode: "lenient" });
      assertEquals(fault, undefined);
      assertEquals(values.length, 4);
      assertEquals(reports, [
        { leniency: "leading-zero", offset: 3 },
        { leniency: "unsorted-keys", offset: 13 },
        { leniency: "negative-zero", offset: 19 },
      ]);
    }
  },
});

Deno.test({
  name: "IncrementalBencodeDecoder gives what precedes a fault, then the fault",
  permissions: "none",
  fn() {
    const decoder = new IncrementalBencodeDecoder();
    assertEquals(decoder.error, undefined);
    assertEquals(decoder.push(raw("i1ei2ex")), [1, 2]);
    assertEquals(decoder.error?.offset, 6);
    for (let i = 0; i < 2; i++) {
      const error = assertThrows(() => decoder.push(raw("i3e")));
      assertStrictEquals(error, decoder.error);
      assertStrictEquals(assertThrows(() => decoder.finish()), decoder.error);
    }
  },
});

Deno.test({
  name: "IncrementalBencodeDecoder refuses a long string before buffering it",
  permissions: "none",
  fn() {
    const decoder = new IncrementalBencodeDecoder();
    const error = assertThrows(
      () => decoder.push(raw("d4:name16777216:")),
      BencodeSyntaxError,
    );
    assertEquals(error.code, "too-long");
    assertEquals(decoder.buffered, 0);

    // It never holds more than the limit.
    const small = new IncrementalBencodeDecoder({ maxLength: 1000 });
    assertEquals(small.push(raw("l")), []);
    for (let i = 0; i < 499; i++) {
      assertEquals(small.push(raw("0:")), []);
      assertEquals(small.buffered, 3 + 2 * i);
    }
    assertEquals((small.push(raw("e"))[0] as unknown[]).length, 499);
    assertEquals(small.buffered, 0);
    small.finish();
  },
});

Deno.test({
  name: "IncrementalBencodeDecoder gives values that own their bytes",
  permissions: "none",
  fn() {
    const decoder = new IncrementalBencodeDecoder();
    const chunk = raw("3:abc2:d");
    const [first] = decoder.push(chunk);
    chunk.fill(0x21);
    assertEquals(first, raw("abc"));
    const next = raw("e1:f");
    const [second, third] = decoder.push(next);
    next.fill(0x21);
    assertEquals(second, raw("de"));
    assertEquals(third, raw("f"));
    decoder.push(raw("1:"));
    decoder.push(raw("q"));
    assertEquals(second, raw("de"));
  },
});

Deno.test({
  name: "IncrementalBencodeDecoder takes a large value in small chunks",
  permissions: "none",
  fn() {
    const body = seededRandom(1)(new Uint8Array(3_000_000));
    const decoder = new IncrementalBencodeDecoder();
    decoder.push(raw("l3000000"));
    decoder.push(raw(":"));
    for (let i = 0; i < body.length; i += 1000) {
      decoder.push(body.subarray(i, i + 1000));
    }
    assertEquals(decoder.push(raw("e")), [[body]]);
    assertThrows(
      () => new IncrementalBencodeDecoder({ maxLength: -1 }),
      RangeError,
    );
  },
});
