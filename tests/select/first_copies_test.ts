import { assertEquals } from "@std/assert";
import { Bitfield } from "../../_shared/bitfield.ts";
import { seededRandom } from "../../_shared/random.ts";
import { FirstCopies } from "../../select/first_copies.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name, permissions: "none", fn });

/** What peers have, as the copies of each piece are counted of it. */
function setUp(pieceCount: number) {
  const peers = new Map<number, Set<number>>();
  const counted: number[] = [];
  const have = Bitfield.full(pieceCount);
  const book = new FirstCopies({
    have,
    availability(pieceIndex) {
      counted.push(pieceIndex);
      return [...peers.values()].filter((own) => own.has(pieceIndex)).length;
    },
    hasPiece: (peer, pieceIndex) => peers.get(peer)?.has(pieceIndex) ?? false,
    random: seededRandom(1),
  });
  const gets = (peer: number, ...pieces: number[]) => {
    const own = peers.get(peer) ?? new Set();
    for (const pieceIndex of pieces) own.add(pieceIndex);
    peers.set(peer, own);
  };
  const firsts = (peer: number) =>
    [...have].filter(book.firstFor(peer) ?? (() => false));
  return { book, peers, gets, firsts, have, counted };
}

/** Some peer passes pieces on, a second after it got it. */
function passOn(
  { book, gets }: ReturnType<typeof setUp>,
  pieces: readonly number[],
  peer = 90,
) {
  for (const pieceIndex of pieces) {
    book.served(peer, pieceIndex);
    gets(peer, pieceIndex);
  }
  book.look(1_000);
  gets(peer + 1, ...pieces);
  book.look(2_000);
}

test("FirstCopies puts first what we have and nobody else", () => {
  const { book, gets, firsts, have } = setUp(5);
  have.clear(0);
  gets(8, 1, 4);
  assertEquals(book.firstFor(1), undefined);
  book.look(0);
  assertEquals(firsts(1), [2, 3]);
  gets(8, 3);
  assertEquals(firsts(1), [2], "at once, not with the next look");
  gets(8, 2);
  book.look(5_000);
  assertEquals(book.firstFor(1), undefined);
});

test("FirstCopies looks at all pieces every five seconds", () => {
  const { book, counted, gets, peers } = setUp(3);
  const looks = (now: number) => {
    counted.length = 0;
    book.look(now);
    return counted.length > 0;
  };
  gets(8, 0, 1, 2);
  const at = (times: readonly number[]) => times.filter(looks);
  assertEquals(
    at([0, 1, 4_999, 5_000, 5_001, 9_999, 12_000, 16_999, 17_000]),
    [0, 5_000, 12_000, 17_000],
  );
  // What nobody has any more is found with the next look.
  peers.clear();
  book.look(21_999);
  assertEquals(book.firstFor(1), undefined);
  book.look(22_000);
  assertEquals(book.firstFor(1)?.(0), true);
});

test("FirstCopies sends each piece to one peer first", () => {
  const { book, gets, firsts, have } = setUp(5);
  have.clear(0);
  gets(8, 4);
  book.look(0);
  book.served(1, 2);
  book.served(2, 2);
  book.served(2, 4);
  assertEquals(firsts(1), [1, 2, 3]);
  assertEquals(firsts(2), [1, 3]);
  book.choked(2);
  assertEquals(firsts(2), [1, 3]);
  book.choked(1);
  assertEquals(firsts(2), [1, 2, 3]);
  book.served(1, 2);
  book.gone(1);
  assertEquals(firsts(2), [1, 2, 3]);
});

test("FirstCopies forgets who was sent what others have", () => {
  const { book, gets, peers, firsts } = setUp(2);
  book.look(0);
  book.served(1, 1);
  gets(2, 1);
  book.look(1_000);
  peers.clear();
  book.look(6_000);
  assertEquals(firsts(2), [0, 1]);
});

test("FirstCopies suggests each piece to one peer, two ahead of its requests", () => {
  const { book, gets } = setUp(6);
  assertEquals(book.suggest(1), [], "nothing is known yet");
  gets(8, 5);
  book.look(0);
  const first = book.suggest(1);
  const second = book.suggest(2);
  assertEquals([first.length, second.length], [2, 2]);
  assertEquals(book.suggest(1), []);
  book.served(1, first[0]!);
  const third = book.suggest(1);
  assertEquals(
    [...first, ...second, ...third].toSorted(),
    [0, 1, 2, 3, 4],
    "each but the one that somebody has",
  );
  book.served(2, second[0]!);
  assertEquals(book.suggest(2), [], "there is no other");
  // What it had not asked for goes to others when it is choked, or leaves.
  book.choked(1);
  book.look(5_000);
  assertEquals(book.suggest(2).length, 1);
  assertEquals(book.suggest(3).length, 2);
});

test("FirstCopies suggests nothing that was found elsewhere since the last look", () => {
  const { book, gets } = setUp(3);
  book.look(0);
  gets(8, 0, 1);
  assertEquals(book.suggest(1), [2]);
});

test("FirstCopies finds out who keeps what others would pass on", () => {
  const world = setUp(6);
  const { book, gets, firsts } = world;
  book.look(0);
  book.served(1, 0);
  gets(1, 0);
  passOn(world, [1, 2, 3]);
  assertEquals(firsts(2), [4, 5]);
  book.look(5_999);
  assertEquals(book.keeps(1, 5_999), false);
  book.look(6_000);
  assertEquals(book.keeps(1, 6_000), true);
  assertEquals(book.keeps(90, 6_000), false);
  // Its copy counts for nothing: somebody else is to have one.
  book.look(11_000);
  assertEquals(firsts(2), [0, 4, 5]);
  assertEquals(book.suggest(2).length, 2);
  // It is forgiven after two minutes, or when it passes something on.
  assertEquals(book.keeps(1, 125_999), true);
  assertEquals(book.keeps(1, 126_000), false);
  book.choked(2);
  book.served(1, 4);
  gets(1, 4);
  book.look(20_000);
  gets(2, 4);
  book.look(22_000);
  assertEquals(book.keeps(1, 22_000), false);
});

test("FirstCopies does not suggest a piece to the one that keeps it", () => {
  const world = setUp(4);
  const { book, gets } = world;
  book.look(0);
  book.served(1, 0);
  gets(1, 0);
  passOn(world, [1, 2, 3]);
  book.look(11_000);
  book.look(16_000);
  assertEquals(book.suggest(1), []);
  book.look(21_000);
  assertEquals(book.suggest(2), [0]);
  book.gone(1);
  assertEquals(book.keeps(1, 21_000), false);
});

test("FirstCopies judges nobody while little is passed on", () => {
  const world = setUp(5);
  const { book, gets } = world;
  book.look(0);
  book.served(1, 0);
  gets(1, 0);
  passOn(world, [1, 2]);
  book.look(900_000);
  assertEquals(book.keeps(1, 900_000), false);
});

test("FirstCopies waits three times as long as others take", () => {
  const world = setUp(5);
  const { book, gets } = world;
  book.look(0);
  for (const pieceIndex of [1, 2, 3]) {
    book.served(90, pieceIndex);
    gets(90, pieceIndex);
  }
  book.look(1_000);
  gets(91, 1, 2, 3);
  book.served(1, 0);
  gets(1, 0);
  // Twenty seconds each.
  book.look(21_000);
  book.look(80_999);
  assertEquals(book.keeps(1, 80_999), false);
  book.look(81_000);
  assertEquals(book.keeps(1, 81_000), true);
});
