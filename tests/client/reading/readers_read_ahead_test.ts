/** How far ahead of a reader pieces are due. */
import { assert, assertEquals } from "@std/assert";
import { ReadAhead } from "../../../client/reading/readers.ts";

const pure = { permissions: "none" } as const;
const MIB = 1_048_576;

/** A reader that took so much a second, for ten seconds. */
function reader(bytesPerSecond: number, pieceLength = 262_144): ReadAhead {
  const ahead = new ReadAhead(0, 10_000 * MIB, pieceLength);
  for (let now = 0; now <= 10_000; now += 100) {
    ahead.took(bytesPerSecond / 10, now);
  }
  return ahead;
}

Deno.test(
  "ReadAhead: the present piece is due at once, others when they are read",
  pure,
  () => {
    const ahead = new ReadAhead(300_000, 10 * MIB, 262_144);
    const due = [...ahead.due(5_000)];
    assertEquals(due.map(([i]) => i), [1, 2, 3, 4, 5, 6]);
    assertEquals(due[0]![1], 5_000);
    // 128 KiB a second while nothing is known of the reader.
    assertEquals(due[1]![1], 5_000 + (2 * 262_144 - 300_000) / 131.072);
    for (let i = 1; i < due.length; i++) assert(due[i]![1] > due[i - 1]![1]);
  },
);

Deno.test("ReadAhead wants what is read in ten seconds", pure, () => {
  const pieces = [...reader(MIB).due(10_000)].length;
  assert(pieces >= 40 && pieces <= 42, `${pieces}`);
  assertEquals([...reader(MIB / 100).due(10_000)].length, 6);
});

Deno.test(
  "ReadAhead wants 32 MiB at most, less when there are others",
  pure,
  () => {
    assertEquals([...reader(100 * MIB, MIB).due(10_000)].length, 32);
    assertEquals([...reader(100 * MIB, MIB).due(10_000, 1 / 4)].length, 8);
  },
);

Deno.test(
  "ReadAhead wants two pieces at least, and nothing behind its end",
  pure,
  () => {
    const large = new ReadAhead(0, 100 * MIB, 8 * MIB);
    assertEquals([...large.due(0)].map(([i]) => i), [0, 1]);
    const short = new ReadAhead(0, 9 * MIB, 8 * MIB);
    assertEquals([...short.due(0)].map(([i]) => i), [0, 1]);
    short.took(8 * MIB, 0);
    assertEquals([...short.due(0)].map(([i]) => i), [1]);
    short.took(MIB, 0);
    assertEquals([...short.due(0)], []);
  },
);
