/** The shared vectors, where the checkout has them beside it. */
import { assert, assertEquals } from "@std/assert";
import { toHex, tryFromHex } from "../../_shared/bytes.ts";
import {
  bencodeSpan,
  type BencodeValue,
  decodeBencode,
  decodeBencodePrefix,
  encodeBencode,
  IncrementalBencodeDecoder,
  tryDecodeBencode,
} from "../../bencode/mod.ts";

type VectorValue =
  | { int: string }
  | { str: string }
  | { list: VectorValue[] }
  | { dict: [string, VectorValue][] };

interface Vector {
  hex: string;
  text: string;
  verdict: "canonical" | "lenient" | "invalid";
  value?: VectorValue;
  consumed?: number;
}

const VECTORS = new URL("../../../shared/data/bencode.json", import.meta.url);

function readVectors(): Vector[] | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(VECTORS));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const vectors = readVectors();

/** Brings a decoded value into the form of the vectors, but for duplicates. */
function toVectorValue(value: BencodeValue): VectorValue {
  if (typeof value === "number" || typeof value === "bigint") {
    return { int: String(value) };
  }
  if (value instanceof Uint8Array) return { str: toHex(value) };
  if (Array.isArray(value)) return { list: value.map(toVectorValue) };
  return {
    dict: [...value].map(([key, item]) => {
      const bytes = Uint8Array.from(key, (c) => c.charCodeAt(0));
      return [toHex(bytes), toVectorValue(item)];
    }),
  };
}

/** Keeps the first of duplicate keys. */
function withoutDuplicates(value: VectorValue): VectorValue {
  if ("list" in value) return { list: value.list.map(withoutDuplicates) };
  if (!("dict" in value)) return value;
  const entries = new Map<string, VectorValue>();
  for (const [key, item] of value.dict) {
    if (!entries.has(key)) entries.set(key, withoutDuplicates(item));
  }
  return { dict: [...entries] };
}

Deno.test({
  name: vectors === undefined
    ? "bencode vectors: skipped, ../shared/data/bencode.json is not there"
    : `bencode agrees with all ${vectors.length} vectors`,
  ignore: vectors === undefined,
  permissions: "none",
  fn() {
    // One vector nests 1024 levels, which is beyond the default limit.
    const maxDepth = 1024;
    assert(vectors!.length > 100);
    for (const { hex, text, verdict, value, consumed } of vectors!) {
      const bytes = tryFromHex(hex)!;
      const strict = tryDecodeBencode(bytes, { maxDepth });
      const lenient = tryDecodeBencode(bytes, { maxDepth, mode: "lenient" });
      assertEquals(strict !== undefined, verdict === "canonical", text);
      assertEquals(lenient !== undefined, verdict !== "invalid", text);

      const decoder = new IncrementalBencodeDecoder({ maxDepth });
      if (verdict === "canonical") {
        assertEquals(encodeBencode(strict!, { maxDepth }), bytes, text);
        for (let i = 0; i < bytes.length - 1; i++) {
          assertEquals(decoder.push(bytes.subarray(i, i + 1)).length, 0, text);
        }
        const [last] = decoder.push(bytes.subarray(bytes.length - 1));
        assertEquals(encodeBencode(last!, { maxDepth }), bytes, text);
      }
      if (verdict !== "invalid") {
        const span = bencodeSpan(bytes, [], { maxDepth });
        const options = { maxDepth, mode: "lenient" } as const;
        const { length } = decodeBencodePrefix(bytes, options);
        assertEquals(span, { start: 0, end: length }, text);
        if (consumed !== undefined) assertEquals(length, consumed, text);
        if (value !== undefined) {
          const expected = withoutDuplicates(value);
          assertEquals(toVectorValue(lenient!), expected, text);
        }
      }
    }
  },
});

Deno.test({
  name: "decodeBencode() refuses the deepest vector by default",
  permissions: "none",
  fn() {
    const bytes = new Uint8Array(2048).fill(0x6c).fill(0x65, 1024);
    assertEquals(tryDecodeBencode(bytes), undefined);
    let value = decodeBencode(bytes, { maxDepth: 1024 });
    let depth = 1;
    for (; Array.isArray(value) && value.length > 0; value = value[0]!) depth++;
    assertEquals(depth, 1024);
  },
});
