// What is due for readers, and when they go on.
import { assertEquals } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { Readers } from "../../../client/reading/readers.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import { drain, SimClock } from "../../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;
const PIECE = 16_384;

/** Readers of a file of so many pieces, and what they want. */
function setUp(pieces: number) {
  const layout = new PieceLayout({
    pieceLength: PIECE,
    files: [{ length: pieces * PIECE }],
  });
  const have = new Bitfield(pieces);
  const soon: number[][] = [];
  const wanted: unknown[] = [];
  const disk = { gate: Promise.resolve() };
  const host = {
    context: { clock: new SimClock() },
    metainfo: { layout },
    error: undefined,
    content: {
      layout,
      have,
      isReadOnly: false,
      setRead: (ranges: unknown) => void wanted.push(ranges),
      readSoon: (due: ReadonlyMap<number, number>) =>
        void soon.push([...due.keys()]),
      storage: {
        readBlock: async (i: number, _: number, length: number) => {
          await disk.gate;
          return new Uint8Array(length).fill(i);
        },
      },
    },
  };
  const readers = new Readers(
    host as unknown as ConstructorParameters<typeof Readers>[0],
  );
  return { readers, have, soon, wanted, disk };
}

const range = (first: number, end: number) =>
  Array.from({ length: end - first }, (_, i) => first + i);

Deno.test("Readers share what is due, one piece each at least", none, () => {
  const { readers, soon } = setUp(2_000);
  readers.open(0);
  // Ten seconds at the least rate.
  assertEquals(soon.at(-1), range(0, 80));
  readers.open(0, { start: 1_000 * PIECE });
  assertEquals(soon.at(-1), [...range(0, 40), ...range(1_000, 1_040)]);
  for (let i = 0; i < 298; i++) readers.open(0, { start: i * PIECE });
  // No more than two each are looked at, and no more than one counts.
  assertEquals(soon.at(-1)!.length <= 300, true);
  assertEquals(soon.at(-1)!.includes(1_000), true);
  assertEquals(soon.at(-1)!.includes(1_001), false);
});

Deno.test(
  "Readers say anew what is due with each piece, and once they stop",
  none,
  async () => {
    const { readers, have, soon, wanted } = setUp(4);
    const reader = readers.open(0).getReader();
    assertEquals(soon.splice(0), [[0, 1, 2, 3]]);
    have.set(0);
    assertEquals((await reader.read()).value!.length, PIECE);
    assertEquals(soon.splice(0), [[1, 2, 3]]);
    const other = readers.open(0, { start: 100, end: 200 }).getReader();
    assertEquals(soon.splice(0), [[1, 2, 3]]);
    assertEquals((await other.read()).value!.length, 100);
    assertEquals((await other.read()).done, true);
    assertEquals(soon.splice(0), [[1, 2, 3]]);
    wanted.length = 0;
    readers.ready();
    assertEquals(wanted, [[{ first: 1, end: 4 }]]);
    assertEquals(soon.splice(0), [[1, 2, 3]]);
    const waiting = reader.read();
    await drain();
    have.set(1);
    readers.wake();
    assertEquals((await waiting).value![0], 1);
    await reader.cancel();
    assertEquals(wanted.at(-1), []);
    assertEquals(soon.at(-1), []);
  },
);

Deno.test(
  "Readers tell a part of a piece without looking again",
  none,
  async () => {
    const layout = new PieceLayout({
      pieceLength: 8 * PIECE,
      files: [{ length: 16 * PIECE }],
    });
    const have = Bitfield.full(2);
    let updates = 0;
    const readers = new Readers(
      {
        context: { clock: new SimClock() },
        metainfo: { layout },
        content: {
          layout,
          have,
          setRead() {},
          readSoon: () => void updates++,
          storage: {
            readBlock: (_: number, __: number, n: number) => new Uint8Array(n),
          },
        },
      } as unknown as ConstructorParameters<typeof Readers>[0],
    );
    const reader = readers.open(0).getReader();
    assertEquals(updates, 1);
    assertEquals((await reader.read()).value!.length, 65_536);
    assertEquals(updates, 1);
    await reader.read();
    assertEquals(updates, 2);
  },
);

Deno.test(
  "Readers give nothing more once they are cancelled",
  none,
  async () => {
    const { readers, have, disk } = setUp(1);
    have.set(0);
    const gate = Promise.withResolvers<void>();
    disk.gate = gate.promise;
    const reader = readers.open(0).getReader();
    const reading = reader.read();
    await reader.cancel();
    gate.resolve();
    assertEquals((await reading).done, true);
    await drain();
  },
);
