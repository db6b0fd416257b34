import { assertEquals, assertThrows } from "@std/assert";
import { PeerProtocolError } from "../../../peer/error.ts";
import { MAX_PIECE_COUNT } from "../../../peer/limits.ts";
import { RemotePieces } from "../../../peer/session/session_pieces.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `RemotePieces ${name}`, permissions: "none", fn });

/** What is told before or after the number of pieces is known. */
type Told = readonly (number | "all" | "none" | readonly number[])[];

function tell(pieces: RemotePieces, told: Told): unknown[] {
  return told.map((one) =>
    one === "all"
      ? pieces.onHaveAll()
      : one === "none"
      ? pieces.onHaveNone()
      : typeof one === "number"
      ? one < 0 ? pieces.onDontHave(~one) : pieces.onHave(one)
      : pieces.onBitfield(Uint8Array.from(one))
  );
}

const code = (run: () => unknown) => assertThrows(run, PeerProtocolError).code;

test("takes first, later and odd messages, with and without the number", () => {
  for (
    const [told, known, early, has, first] of [
      [["none"], ["first"], ["first"], [], "have-none"],
      [["all"], ["first"], ["first"], [0, 1, 2, 3, 4, 5, 6, 7, 8], "have-all"],
      [["none", "none"], ["first", "odd"], ["first", "odd"], [], "have-none"],
      [
        ["all", "all"],
        ["first", "odd"],
        ["first", "odd"],
        undefined,
        undefined,
      ],
      [
        ["none", "all"],
        ["first", "late"],
        ["first", "late"],
        undefined,
        undefined,
      ],
      [[[0x81, 0x80]], ["first"], ["first"], [0, 7, 8], "bitfield"],
      // Spare bits are passed over.
      [[[1, 0xff]], ["late"], ["first"], [7, 8], "bitfield"],
      [
        [3, 3, "none"],
        [true, false, "odd"],
        [false, false, "odd"],
        [3],
        "bitfield",
      ],
      // ~3: it has no piece 3 any more.
      [[3, ~3, ~4], [true, true, false], [false, false, false], [], undefined],
      [[[1, 0], [1, 0]], ["first", "odd"], ["first", "late"], [7], "bitfield"],
      [
        [[1, 0], [2, 0]],
        ["first", "late"],
        ["first", "late"],
        [6, 7],
        "bitfield",
      ],
      [[8, [1, 0]], [true, "late"], [false, "late"], [7, 8], "bitfield"],
      [
        ["all", ~2],
        ["first", true],
        undefined,
        [0, 1, 3, 4, 5, 6, 7, 8],
        undefined,
      ],
    ] as [
      Told,
      unknown[],
      unknown[] | undefined,
      number[] | undefined,
      string | undefined,
    ][]
  ) {
    const name = JSON.stringify(told);
    const sure = new RemotePieces(9);
    assertEquals(tell(sure, told), known, name);
    if (has !== undefined) assertEquals([...sure.pieces], has, name);
    assertEquals(sure.isSeed, sure.pieces.count === 9, name);
    if (early === undefined) continue;
    const late = new RemotePieces();
    assertEquals(tell(late, told), early, name);
    assertEquals(late.pieces.length, 0);
    const outcome = late.setPieceCount(9);
    assertEquals([...late.pieces], [...sure.pieces], name);
    if (first !== undefined) assertEquals(outcome, first, name);
    assertEquals(late.setPieceCount(9), undefined);
  }
});

test("refuses what does not fit the number, then or later", () => {
  const sure = new RemotePieces(9);
  assertEquals(code(() => sure.onHave(9)), "out-of-range");
  assertEquals(code(() => sure.onBitfield(new Uint8Array(1))), "bad-bitfield");
  assertEquals(code(() => sure.onBitfield(new Uint8Array(3))), "bad-bitfield");
  assertEquals(sure.onDontHave(9), false);
  for (
    const [told, expected] of [
      [[9], "out-of-range"],
      [[16], "out-of-range"],
      [[700, 800], "out-of-range"],
      [[[0]], "bad-bitfield"],
      [[[0, 0, 0]], "bad-bitfield"],
    ] as const
  ) {
    const late = new RemotePieces();
    tell(late, told);
    assertEquals(code(() => late.setPieceCount(9)), expected, `${told}`);
  }
});

test("is bounded before the number is known", () => {
  const most = MAX_PIECE_COUNT / 8;
  const pieces = new RemotePieces();
  assertEquals(code(() => pieces.onHave(MAX_PIECE_COUNT)), "out-of-range");
  assertEquals(pieces.onHave(MAX_PIECE_COUNT - 1), false);
  assertEquals(
    code(() => pieces.onBitfield(new Uint8Array(most + 1))),
    "too-long",
  );
  assertEquals(pieces.onBitfield(new Uint8Array(most)), "late");
  // Two sizes cannot both be right.
  assertEquals(pieces.onBitfield(new Uint8Array(8)), "odd");
  const small = new RemotePieces();
  small.onBitfield(new Uint8Array(2));
  assertEquals([small.isPiece(15), small.isPiece(16)], [true, false]);
});

test("is a seed by have-all alone while the number is not known", () => {
  const pieces = new RemotePieces();
  assertEquals(pieces.isSeed, false);
  pieces.onHaveAll();
  assertEquals(pieces.isSeed, true);
  assertEquals(new RemotePieces(0).isSeed, false);
});
