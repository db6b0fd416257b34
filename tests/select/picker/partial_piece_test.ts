import { assertEquals } from "@std/assert";
import {
  FREE,
  NOBODY,
  PartialPiece,
  RECEIVED,
  REQUESTED,
} from "../../../select/picker/partial_piece.ts";

const pure = { permissions: "none" } as const;
const counts = ({ free, requested, received }: PartialPiece) => [
  free,
  requested,
  received,
];

Deno.test(
  "PartialPiece: a block goes from free to requested to here, and back",
  pure,
  () => {
    const piece = new PartialPiece(5, 3);
    assertEquals([piece.isUntouched, piece.isComplete], [true, false]);
    assertEquals([piece.nextFree(), ...counts(piece)], [0, 3, 0, 0]);
    piece.ask(0, 7, 100);
    assertEquals([piece.nextFree(), ...counts(piece)], [1, 2, 1, 0]);
    assertEquals([...piece.state], [REQUESTED, FREE, FREE]);
    assertEquals([piece.who[0], piece.askedAt[0]], [7, 100]);
    piece.unask(0, 7);
    assertEquals([piece.nextFree(), piece.who[0]], [0, NOBODY]);
    for (const block of [1, 0, 2]) piece.receive(block, 9);
    assertEquals([piece.nextFree(), ...counts(piece)], [-1, 0, 0, 3]);
    assertEquals([piece.isComplete, piece.isUntouched], [true, false]);
    piece.discard(1);
    assertEquals([piece.nextFree(), ...counts(piece)], [1, 1, 0, 2]);
    assertEquals([...piece.state], [RECEIVED, FREE, RECEIVED]);
  },
);

Deno.test("PartialPiece knows all who were asked for a block", pure, () => {
  const piece = new PartialPiece(0, 2);
  assertEquals([piece.askers(0), piece.isAskedOf(0, 1)], [0, false]);
  for (const peer of [1, 2, 3]) piece.ask(0, peer, peer);
  assertEquals([piece.askers(0), piece.askedAt[0]], [3, 3]);
  assertEquals(counts(piece), [1, 1, 0]);
  assertEquals([1, 2, 3, 4].map((peer) => piece.isAskedOf(0, peer)), [
    true,
    true,
    true,
    false,
  ]);
  piece.unask(0, 2);
  piece.unask(0, 1);
  assertEquals([piece.askers(0), piece.isAskedOf(0, 3)], [1, true]);
  assertEquals([piece.isAskedOf(0, 1), piece.isAskedOf(0, 2)], [false, false]);
  piece.unask(0, 3);
  assertEquals([piece.askers(0), piece.isUntouched], [0, true]);
  piece.receive(0, 3);
  assertEquals([piece.askers(0), piece.isAskedOf(0, 3)], [0, false]);
});

Deno.test(
  "PartialPiece serves for another piece as if it were new",
  pure,
  () => {
    const piece = new PartialPiece(0, 2);
    piece.ask(0, 1, 5);
    piece.ask(0, 2, 5);
    piece.receive(1, 3);
    piece.exclusive = 1;
    piece.requesters = 2;
    piece.reuse(8);
    const fresh = new PartialPiece(8, 2);
    assertEquals([piece.index, piece.exclusive, piece.requesters], [
      8,
      NOBODY,
      0,
    ]);
    assertEquals([piece.nextFree(), ...counts(piece)], [0, ...counts(fresh)]);
    assertEquals([...piece.state, ...piece.who], [
      ...fresh.state,
      ...fresh.who,
    ]);
    piece.ask(0, 9, 6);
    assertEquals(piece.askers(0), 1);
  },
);
