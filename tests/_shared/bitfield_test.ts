import { assert, assertEquals, assertThrows } from "@std/assert";
import { Bitfield } from "../../_shared/bitfield.ts";
import { randomInt, seededRandom } from "../../_shared/random.ts";

Deno.test(
  "Bitfield has exactly ceil(n/8) bytes and zero spare bits for n = 0 to 2000",
  {
    permissions: "none",
  },
  () => {
    for (let n = 0; n <= 2000; n++) {
      const empty = new Bitfield(n);
      assertEquals(empty.toBytes().length, Math.ceil(n / 8));
      const full = Bitfield.full(n);
      assertEquals(full.count, n);
      assert(full.isFull);
      const bytes = full.toBytes();
      const spare = bytes.length * 8 - n;
      if (spare > 0) {
        assertEquals(bytes.at(-1)! & ((1 << spare) - 1), 0);
        bytes[bytes.length - 1]! |= 1;
        assertEquals(Bitfield.tryFrom(bytes, n), undefined);
      }
      assertEquals(
        Bitfield.tryFrom(new Uint8Array(bytes.length + 1), n),
        undefined,
      );
    }
  },
);

Deno.test(
  "Bitfield agrees with a set of numbers",
  { permissions: "none" },
  () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = seededRandom(seed);
      const n = 1 + randomInt(random, 300);
      const field = new Bitfield(n);
      const model = new Set<number>();
      for (let step = 0; step < 300; step++) {
        const index = randomInt(random, n);
        if (randomInt(random, 3) > 0) {
          assertEquals(field.set(index), !model.has(index));
          model.add(index);
        } else assertEquals(field.clear(index), model.delete(index));
        assertEquals(field.count, model.size);
      }
      assertEquals(
        [...field],
        [...model].sort((a, b) => a - b),
        `seed ${seed}`,
      );
      const copy = Bitfield.tryFrom(field.toBytes(), n)!;
      assertEquals([...copy], [...field]);
      assertEquals(copy.count, field.count);
      const other = new Bitfield(n);
      assertEquals(other.lacksAnyOf(field), model.size > 0);
      assertEquals(field.lacksAnyOf(copy), false);
    }
  },
);

Deno.test(
  "Bitfield of a million empty bits iterates",
  { permissions: "none" },
  () => {
    assertEquals([...new Bitfield(1_000_000)], []);
  },
);

Deno.test("Bitfield refuses bits outside", { permissions: "none" }, () => {
  const field = new Bitfield(9);
  for (const index of [-1, 9, 1.5, NaN]) {
    assertThrows(() => field.set(index), RangeError, "Cannot address bit");
    assertEquals(field.has(index) && index !== 1.5, false);
  }
  assertThrows(() => new Bitfield(-1), RangeError);
  assertThrows(() => new Bitfield(2 ** 31), RangeError);
});
