import { assertEquals } from "@std/assert";
import {
  type Candidate,
  Crowds,
  isBetter,
  isKeptLess,
  type SourceBook,
  type Teller,
} from "../../../client/peers/candidate.ts";

const none = { permissions: "none" } as const;

const traits = (rank: number, namesLocal = false) => ({
  rank,
  namesLocal,
  share: 1,
  isOpen: true,
  isTrusted: false,
});

function source(name: string, rank: number, turn = 0): SourceBook {
  return {
    name,
    traits: traits(rank),
    count: 0,
    turn,
    tellerTurn: 0,
    tellers: new Map(),
  };
}

const teller = (source: SourceBook, count = 1, turn = 0): Teller => ({
  key: "t",
  source,
  count,
  turn,
});

const crowd = (useless = 0, useful = 0) => ({
  key: "c",
  count: 1,
  useful,
  useless,
});

function candidate(more: Partial<Candidate> & { teller: Teller }): Candidate {
  return {
    key: "k",
    address: { hostname: "1.2.3.4", port: 1 },
    host: crowd(),
    site: crowd(),
    port: crowd(),
    peerId: undefined,
    hints: undefined,
    order: 0,
    state: "idle",
    claims: 0,
    failures: 0,
    notBefore: 0,
    isSeed: false,
    ...more,
  };
}

Deno.test("isBetter() by source, then teller, then what is known", none, () => {
  const before = (a: Candidate, b: Candidate, turn = 0) => [
    isBetter(a, b, turn),
    isBetter(b, a, turn),
  ];
  const of = (rank: number, turn: number) =>
    candidate({ teller: teller(source(`s${rank}`, rank, turn)) });
  // People's own peers first; others take turns; of like turns the rank counts.
  assertEquals(before(of(0, 9), of(1, 1)), [true, false]);
  assertEquals(before(of(3, 1), of(1, 2)), [true, false]);
  assertEquals(before(of(1, 2), of(3, 2)), [true, false]);
  // Of like rank and turn none goes before the other.
  const twin = candidate({ teller: teller(source("twin", 1, 2)) });
  assertEquals(before(of(1, 2), twin), [false, false]);
  const named = candidate({ teller: teller(source("named", 0, 1)) });
  assertEquals(before(of(0, 9), named), [false, false]);
  // Who waited long has no more than one turn for it.
  assertEquals(before(of(3, 1), of(1, 2), 5), [false, true]);

  const book = source("s", 1);
  const one = teller(book, 1, 1);
  const same = (more: Partial<Candidate>) =>
    candidate({ teller: one, ...more });
  assertEquals(
    before(candidate({ teller: teller(book, 1, 0) }), same({ order: 9 })),
    [true, false],
  );
  assertEquals(
    before(same({ failures: 2 }), same({ site: crowd(3) })),
    [true, false],
  );
  // Two of no use, or one that was, say nothing yet.
  for (const fine of [crowd(2), crowd(9, 1)]) {
    assertEquals(
      before(same({ site: fine }), same({ failures: 1 })),
      [true, false],
    );
  }
  assertEquals(before(same({ port: crowd(3) }), same({})), [false, true]);
  assertEquals(
    before(same({ port: crowd(3) }), same({ port: crowd(3), site: crowd(3) })),
    [true, false],
  );
  assertEquals(before(same({ failures: 1 }), same({ order: 1 })), [
    false,
    true,
  ]);
  assertEquals(before(same({ order: 2 }), same({ order: 1 })), [true, false]);
  assertEquals(before(same({}), same({})), [false, false]);
  // Nor does a teller that has waited have more than one turn for it.
  const late = { ...book, tellerTurn: 5 };
  const from = (turn: number, order: number) =>
    candidate({ teller: teller(late, 1, turn), order });
  assertEquals(before(from(0, 1), from(3, 2)), [false, true]);
  assertEquals(before(from(0, 1), from(6, 2)), [true, false]);
});

Deno.test("isKeptLess() makes room by shares and failures", none, () => {
  const [near, far] = [source("near", 1), source("far", 5)];
  const mine = teller(far, 5);
  for (
    const [entry, newcomer, expected] of [
      [candidate({ teller: mine }), mine, false],
      [candidate({ teller: mine, failures: 1 }), mine, true],
      [candidate({ teller: teller(far, 7) }), teller(far, 5), true],
      [candidate({ teller: teller(far, 6) }), teller(far, 5), false],
      [
        candidate({ teller: teller(far, 1), failures: 1 }),
        teller(near, 5),
        true,
      ],
      [
        candidate({ teller: teller(near, 1), failures: 1 }),
        teller(far, 5),
        false,
      ],
      [candidate({ teller: teller(near, 9) }), teller(far, 5), true],
      [
        candidate({ teller: teller(far, 1), failures: 1 }),
        teller(far, 5),
        true,
      ],
    ] as const
  ) assertEquals(isKeptLess(entry, newcomer), expected);
});

Deno.test("Crowds let no host or site take all the room", none, () => {
  const crowds = new Crowds();
  const fill = (hostname: (i: number) => string, most: number) => {
    const in_: Candidate[] = [];
    const full = (rank: number, namesLocal = false) =>
      crowds.fullFor(
        { hostname: hostname(in_.length), port: 9 },
        traits(rank, namesLocal),
      )?.key;
    for (let i = 0; i < most; i++) {
      assertEquals(full(4), undefined, `${hostname(i)}`);
      const address = { hostname: hostname(i), port: i };
      in_.push(candidate({
        teller: teller(source("s", 4)),
        address,
        ...crowds.enter(address),
      }));
    }
    return { in_, full };
  };
  const host = fill(() => "1.2.3.4", 2);
  assertEquals(host.full(4)?.[0], "h");
  assertEquals(fill(() => "127.0.0.1", 16).full(4)?.[0], "h");
  const site = fill((i) => `9.9.9.${i}`, 32);
  assertEquals(site.full(4)?.[0], "s");
  assertEquals(site.full(1, true)?.[0], "s");
  // Trackers and the like may name more of a site than peers may.
  assertEquals(site.full(3), undefined);
  for (const one of host.in_) crowds.leave(one);
  assertEquals(host.full(4), undefined);
});

Deno.test("Crowds forget a host with its last candidate", none, () => {
  const crowds = new Crowds();
  const address = (port: number) => ({ hostname: "1.2.3.4", port });
  const enter = (port: number) =>
    candidate({
      teller: teller(source("s", 4)),
      address: address(port),
      ...crowds.enter(address(port)),
    });
  const isFull = () => crowds.fullFor(address(1), traits(4)) !== undefined;
  const [first] = [enter(1), enter(2)];
  assertEquals(isFull(), true);
  crowds.leave(first!);
  assertEquals(isFull(), false);
  enter(3);
  assertEquals(isFull(), true);
});
