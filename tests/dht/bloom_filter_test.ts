import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { tryParseIp } from "../../_shared/address.ts";
import { toHex } from "../../_shared/bytes.ts";
import { BloomFilter } from "../../dht/bloom_filter.ts";
import { type Vector, vectorTest } from "../support/protocol_vectors.ts";

const none = { permissions: "none" } as const;

function assertNear(actual: number, expected: number, tolerance: number) {
  assert(Math.abs(actual - expected) <= tolerance, `${actual}, ${expected}`);
}

/** The addresses that a vector names, of which only the last bytes vary. */
function addresses(vector: Vector): Uint8Array[] {
  const single = (vector.addresses ?? []) as string[];
  const result: Uint8Array[] = single.map((text) => tryParseIp(text)!);
  for (const [from, to] of (vector.ranges ?? []) as [string, string][]) {
    const ip = tryParseIp(from)!;
    const end = tryParseIp(to)!;
    const at = ip.length - 2;
    const number = (bytes: Uint8Array) => bytes[at]! * 256 + bytes[at + 1]!;
    for (let i = number(ip); i <= number(end); i++) {
      const next = ip.slice();
      next[at] = i >> 8;
      next[at + 1] = i;
      result.push(next);
    }
  }
  return result;
}

vectorTest("bep33-bloom", (vector) => {
  const filter = new BloomFilter();
  const list = addresses(vector);
  for (const ip of list) filter.insert(ip);
  assertEquals(toHex(filter.bytes), vector.hex, vector.name);
  assertNear(filter.estimate(), vector.estimate as number, 1e-4);
  for (const ip of list) assert(filter.has(ip));
});

Deno.test("an empty filter has nothing, a full one everything", none, () => {
  const ip = new Uint8Array([1, 2, 3, 4]);
  const empty = new BloomFilter();
  assertEquals(empty.estimate(), 0);
  assertFalse(empty.has(ip));
  const full = new BloomFilter(new Uint8Array(256).fill(255));
  assert(full.has(ip));
  assert(full.estimate() > 7000 && full.estimate() < 8000);
});

Deno.test("a union has both", none, () => {
  const a = new BloomFilter();
  const b = new BloomFilter();
  for (let i = 0; i < 100; i++) {
    a.insert(new Uint8Array([1, 2, 3, i]));
    b.insert(new Uint8Array([1, 2, 4, i]));
  }
  a.union(b);
  assertNear(a.estimate(), 200, 12);
  for (let i = 0; i < 100; i++) assert(a.has(new Uint8Array([1, 2, 4, i])));
  const c = new BloomFilter(a.bytes);
  c.insert(new Uint8Array([9, 9, 9, 9]));
  assertFalse(toHex(a.bytes) === toHex(c.bytes));
});

Deno.test("mapped IPv4 counts as IPv4; lengths are checked", none, () => {
  const a = new BloomFilter();
  const b = new BloomFilter();
  a.insert(tryParseIp("::ffff:1.2.3.4")!);
  b.insert(tryParseIp("1.2.3.4")!);
  assertEquals(a.bytes, b.bytes);
  assertThrows(() => new BloomFilter(new Uint8Array(255)), RangeError, "255");
});
