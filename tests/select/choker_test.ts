import { assert, assertEquals, assertThrows } from "@std/assert";
import { randomInt, seededRandom } from "../../_shared/random.ts";
import type { Choker, ChokerPeer } from "../../select/mod.ts";
import {
  antiLeechChoker,
  fastestUploadChoker,
  roundRobinChoker,
  titForTatChoker,
} from "../../select/mod.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name, permissions: "none", fn });

const random = seededRandom(1);

const peer = (key: number, some: Partial<ChokerPeer> = {}): ChokerPeer => ({
  key,
  interested: true,
  snubbed: false,
  downloadRate: 0,
  uploadRate: 0,
  uploaded: 0,
  connectedAt: -1e6,
  progress: 0,
  ...some,
});

const sorted = (keys: Iterable<number>) => [...keys].sort((a, b) => a - b);

test("titForTatChoker gives slots to those that send most", () => {
  const choker = titForTatChoker({ random, slots: 2, optimisticSlots: 0 });
  const peers = [10, 40, 30, 20].map((downloadRate, key) =>
    peer(key, { downloadRate })
  );
  assertEquals(sorted(choker.tick(0, peers)), [1, 2]);
  assertEquals(choker.name, "tit-for-tat");
});

test("titForTatChoker gives nothing to the uninterested and the snubbing", () => {
  const choker = titForTatChoker({ random, slots: 2, optimisticSlots: 0 });
  const peers = [
    peer(0, { downloadRate: 9, interested: false }),
    peer(1, { downloadRate: 8, snubbed: true }),
    peer(2, { downloadRate: 1 }),
  ];
  assertEquals(sorted(choker.tick(0, peers)), [2]);
});

test("titForTatChoker lets peers that send alike keep their slots", () => {
  const choker = titForTatChoker({ random, slots: 2, optimisticSlots: 0 });
  const peers = [1, 2, 3, 4].map((key) => peer(key, { downloadRate: 5 }));
  for (let now = 0; now < 300_000; now += 15_000) {
    assertEquals(sorted(choker.tick(now, peers)), [1, 2], `${now}`);
  }
  // A peer that comes back waits behind those that wait longer.
  const left = [peer(1, { interested: false }), ...peers.slice(1)];
  assertEquals(sorted(choker.tick(300_000, left)), [2, 3]);
  assertEquals(sorted(choker.tick(315_000, peers)), [2, 3]);
});

test("titForTatChoker takes the slot of a peer that snubs us", () => {
  const choker = titForTatChoker({ random, slots: 1, optimisticSlots: 0 });
  const good = [peer(0, { downloadRate: 9 }), peer(1, { downloadRate: 1 })];
  assertEquals(sorted(choker.tick(0, good)), [0]);
  const bad = [peer(0, { downloadRate: 9, snubbed: true }), good[1]!];
  assertEquals(sorted(choker.tick(1000, bad)), [1]);
});

test("titForTatChoker flips nobody twice in ten seconds", () => {
  const choker = titForTatChoker({ random, slots: 1, optimisticSlots: 0 });
  const at = (first: number, second: number) => [
    peer(0, { downloadRate: first }),
    peer(1, { downloadRate: second }),
  ];
  assertEquals(sorted(choker.tick(0, at(2, 1))), [0]);
  assertEquals(sorted(choker.tick(9999, at(1, 2))), [0]);
  assertEquals(sorted(choker.tick(10_000, at(1, 2))), [1]);
  assertEquals(sorted(choker.tick(15_000, at(2, 1))), [1]);
  assertEquals(sorted(choker.tick(20_000, at(2, 1))), [0]);
});

test("titForTatChoker keeps an optimistic slot for thirty seconds", () => {
  const choker = titForTatChoker({ random, slots: 1 });
  const peers = [0, 1, 2, 3].map((key) =>
    peer(key, { downloadRate: key === 0 ? 9 : 0 })
  );
  const seen = new Set<number>();
  let last: number | undefined;
  for (let now = 0; now < 600_000; now += 10_000) {
    const keys = choker.tick(now, peers);
    assertEquals(keys.size, 2);
    assert(keys.has(0));
    const [lucky] = choker.optimistic;
    assert(lucky !== undefined && lucky !== 0 && keys.has(lucky));
    // It moves each third tick, and only then.
    if (now % 30_000 === 0) assert(lucky !== last);
    else assertEquals(lucky, last);
    last = lucky;
    seen.add(lucky);
  }
  assertEquals(sorted(seen), [1, 2, 3]);
});

test("titForTatChoker lets snubbing peers have only the optimistic slot", () => {
  const choker = titForTatChoker({ random, slots: 3 });
  assertEquals(
    sorted(choker.tick(0, [peer(0, { snubbed: true })])),
    [0],
  );
  assertEquals(sorted(choker.optimistic), [0]);
});

test("titForTatChoker favours new peers three to one", () => {
  const source = seededRandom(5);
  for (const [age, share] of [[1, 0.75], [59_999, 0.75], [60_000, 0.5]]) {
    let lucky = 0;
    const rounds = 4000;
    for (let i = 0; i < rounds; i++) {
      const choker = titForTatChoker({ random: source, slots: 0 });
      const peers = [peer(0), peer(1, { connectedAt: 100_000 - age! })];
      if (choker.tick(100_000, peers).has(1)) lucky++;
    }
    assert(Math.abs(lucky / rounds - share!) < 0.03, `${age}: ${lucky}`);
  }
});

test("titForTatChoker gives those that took much and gave nothing what others leave", () => {
  const first = (one: Partial<ChokerPeer>) =>
    sorted(
      titForTatChoker({ random, slots: 1, optimisticSlots: 0 }).tick(0, [
        peer(0, one),
        peer(1),
      ]),
    );
  assertEquals(first({ uploaded: 32_768 }), [0], "a first credit");
  assertEquals(first({ uploaded: 32_769 }), [1]);
  assertEquals(first({ uploaded: 80_000, downloaded: 9_999 }), [1]);
  assertEquals(
    first({ uploaded: 80_000, downloaded: 10_000 }),
    [0],
    "an eighth",
  );
  assertEquals(first({ uploaded: 80_000, downloadRate: 9 }), [1], "a token");
  // It cannot give what we have already.
  assertEquals(first({ uploaded: 262_144, wanted: false }), [0]);
  assertEquals(first({ uploaded: 262_145, wanted: false }), [1]);
  const choker = titForTatChoker({ random, slots: 1, optimisticSlots: 0 });
  assertEquals(
    sorted(choker.tick(0, [peer(0, { uploaded: 99_999 })])),
    [0],
    "nobody else wants it",
  );
});

test("titForTatChoker tries a peer for ten seconds, then it is to give", () => {
  const choker = titForTatChoker({ random, slots: 1, optimisticSlots: 0 });
  assertEquals(sorted(choker.tick(0, [peer(0), peer(1)])), [0]);
  const owing = [peer(0, { uploaded: 99_999 }), peer(1)];
  assertEquals(sorted(choker.tick(9_999, owing)), [0]);
  assertEquals(sorted(choker.tick(10_000, owing)), [1]);
});

test("titForTatChoker ends the optimistic turn of one that owes when others wait", () => {
  const choker = titForTatChoker({ random, slots: 0 });
  const at = (now: number, ...keys: number[]) =>
    sorted(choker.tick(now, [
      peer(0, now > 0 ? { uploaded: 99_999 } : {}),
      ...keys.map((key) => peer(key)),
    ]));
  assertEquals(at(0), [0]);
  assertEquals(at(9_999, 1), [0]);
  assertEquals(at(20_000), [0], "there is nobody else");
  assertEquals(at(21_000, 1), [1]);
  for (let now = 31_000; now < 600_000; now += 10_000) {
    assertEquals(at(now, 1, 2).includes(0), false, `${now}`);
  }
});

test("titForTatChoker replaces an optimistic peer that leaves at once", () => {
  const choker = titForTatChoker({ random, slots: 0 });
  choker.tick(0, [peer(0)]);
  assertEquals(sorted(choker.tick(1000, [peer(1)])), [1]);
});

test("titForTatChoker opens slots while peers take enough", () => {
  const choker = titForTatChoker({
    random,
    slots: "rate-based",
    optimisticSlots: 0,
  });
  const peers = [2000, 4000, 5000, 100].map((uploadRate, key) =>
    peer(key, { uploadRate })
  );
  // 5000 > 1024 and 4000 > 3072, but not 2000 > 5120: two, and one to try.
  assertEquals(choker.tick(0, peers).size, 3);
});

test("roundRobinChoker gives those that keep first copies what others leave", () => {
  const make = () => roundRobinChoker({ random, slots: 1 });
  const keeper = peer(0, { keeps: true });
  for (const others of [1, 2]) {
    const choker = make();
    for (let now = 0; now < 300_000; now += 10_000) {
      const list = [keeper, ...[1, 2].slice(0, others).map((key) => peer(key))];
      assertEquals(
        choker.tick(now, list).has(0),
        others === 1,
        `${others} others at ${now}`,
      );
    }
  }
});

test("roundRobinChoker gives every peer its turn", () => {
  const choker = roundRobinChoker({
    random,
    slots: 2,
    optimisticSlots: 0,
    quotaBytes: 1000,
    quotaMs: 60_000,
  });
  const uploaded = [0, 0, 0, 0, 0, 0];
  const turns = [0, 0, 0, 0, 0, 0];
  for (let now = 0; now < 3_600_000; now += 10_000) {
    const keys = choker.tick(
      now,
      uploaded.map((bytes, key) => peer(key, { uploaded: bytes })),
    );
    assertEquals(keys.size, 2);
    for (const key of keys) {
      uploaded[key]! += 100;
      turns[key]!++;
    }
  }
  const least = Math.min(...turns);
  assert(Math.max(...turns) <= least * 1.25 && least > 0, turns.join());
});

test("roundRobinChoker does not end a turn early", () => {
  const choker = roundRobinChoker({
    random,
    slots: 1,
    optimisticSlots: 0,
    quotaBytes: 1000,
    quotaMs: 60_000,
  });
  const at = (now: number, bytes: number) => {
    const peers = [peer(0, { uploaded: bytes }), peer(1)];
    return sorted(choker.tick(now, peers));
  };
  assertEquals(at(0, 500), [0]);
  assertEquals(at(59_000, 5000), [0]); // enough bytes, not enough time
  assertEquals(at(61_000, 1000), [0]); // enough time, not enough bytes
  assertEquals(at(62_000, 1500), [1]);
});

test("roundRobinChoker ends a turn after its bytes and time, or twice that time", () => {
  for (
    const [now, uploaded, isOver] of [
      [59_999, 2 ** 30, false],
      [60_000, 20 * 2 ** 20 - 1, false],
      [60_000, 20 * 2 ** 20, true],
      [119_999, 0, false],
      [120_000, 0, true],
    ] as const
  ) {
    const choker = roundRobinChoker({ random, slots: 1, optimisticSlots: 0 });
    choker.tick(0, [peer(0), peer(1)]);
    const keys = choker.tick(now, [peer(0, { uploaded }), peer(1)]);
    assertEquals(sorted(keys), [isOver ? 1 : 0], `${now} ${uploaded}`);
  }
});

test("roundRobinChoker lets the newest in, who stays if it takes more than another", () => {
  for (
    const [holders, newcomer, stays] of [
      [5_000, 500_000, true],
      [30_000, 500_000, true],
      [40_000, 500_000, false], // not slow beside the fastest
      [5_000, 6_000, false],
    ] as const
  ) {
    const choker = roundRobinChoker({ random });
    const peers = Array.from({ length: 30 }, (_, key) => peer(key));
    const tick = (now: number, rate: number) => {
      const before = peers.map((some) => ({
        ...some,
        uploadRate: some.key === 30 ? rate : holders,
      }));
      return choker.tick(now, before, 8);
    };
    tick(0, 0);
    tick(10_000, 0);
    // Ever so many wait longer than it does.
    peers.push(peer(30, { connectedAt: 15_000 }));
    assert(tick(20_000, 0).has(30));
    assertEquals(tick(30_000, newcomer).has(30), stays, `${holders}`);
  }
});

test("fastestUploadChoker gives slots to those that take most", () => {
  const choker = fastestUploadChoker({ random, slots: 2, optimisticSlots: 0 });
  const peers = [10, 40, 30, 20].map((uploadRate, key) =>
    peer(key, { uploadRate })
  );
  assertEquals(sorted(choker.tick(0, peers)), [1, 2]);
});

test("antiLeechChoker prefers newcomers and those nearly done", () => {
  const choker = antiLeechChoker({ random, slots: 2, optimisticSlots: 0 });
  const peers = [0.5, 0.01, 0.7, 0.98].map((progress, key) =>
    peer(key, { progress })
  );
  assertEquals(sorted(choker.tick(0, peers)), [1, 3]);
});

const makers: ((slots: number) => Choker)[] = [
  (slots) => titForTatChoker({ random, slots }),
  (slots) => roundRobinChoker({ random, slots }),
  (slots) => fastestUploadChoker({ random, slots }),
  (slots) => antiLeechChoker({ random, slots }),
];

for (const make of makers) {
  test(`${make(1).name} choker keeps its promises in a swarm that churns`, () => {
    for (let seed = 1; seed <= 10; seed++) {
      const source = seededRandom(seed);
      const slots = randomInt(source, 5);
      const choker = make(slots);
      let peers: ChokerPeer[] = [];
      let before = new Set<number>();
      const flipped = new Map<number, number>();
      for (let step = 0, now = 0; step < 300; step++) {
        now += randomInt(source, 12_000);
        peers = peers.filter(() => randomInt(source, 20) > 0).map((p) =>
          peer(p.key, {
            interested: randomInt(source, 8) > 0,
            snubbed: randomInt(source, 8) === 0,
            downloadRate: randomInt(source, 1000),
            uploadRate: randomInt(source, 1000),
            uploaded: p.uploaded + randomInt(source, 1000),
            progress: randomInt(source, 101) / 100,
          })
        );
        peers.push(peer(step, { connectedAt: now }));
        const keys = new Set(choker.tick(now, peers));
        assert(keys.size <= slots + 1, `Seed ${seed}`);
        const known = new Map(peers.map((p) => [p.key, p]));
        // A slot is given to those that want it; it may be kept beyond that.
        for (const key of keys) {
          assert(known.get(key)!.interested || before.has(key));
        }
        const wanting = peers.filter((p) => p.interested).length;
        if (wanting > 0 && flipped.size === 0) assert(keys.size > 0);
        for (const { key, interested, snubbed } of peers) {
          if (keys.has(key) === before.has(key)) continue;
          const last = flipped.get(key) ?? -Infinity;
          // Only what ends by itself may end early.
          const isEarly = now - last < 10_000;
          if (isEarly) assert(!keys.has(key) && (!interested || snubbed));
          flipped.set(key, now);
        }
        before = keys;
      }
    }
  });
}

test("a peer that loses interest for a moment keeps its slot if nobody wants it", () => {
  const choker = titForTatChoker({ random, slots: 2, optimisticSlots: 0 });
  const [a, b, c] = [0, 1, 2].map((key) => peer(key));
  assertEquals(sorted(choker.tick(0, [a!, b!])), [0, 1]);
  const bored = { ...b!, interested: false };
  assertEquals(sorted(choker.tick(1000, [a!, bored])), [0, 1]);
  assertEquals(sorted(choker.tick(2000, [a!, b!])), [0, 1]);
  assertEquals(sorted(choker.tick(3000, [a!, bored, c!])), [0, 2]);
});

test("a choker has seven slots of its own, or as many as it is allowed", () => {
  const peers = Array.from({ length: 30 }, (_, key) => peer(key));
  const counts = (slots?: number) =>
    [undefined, 0, 1, 5, 20].map((most) =>
      titForTatChoker({ random, slots }).tick(0, peers, most).size
    );
  // One more without merit, but for a slot alone.
  assertEquals(counts(), [8, 0, 1, 5, 20]);
  assertEquals(counts(3), [4, 0, 1, 4, 4]);
});

test("a choker that is allowed less takes slots at once", () => {
  const choker = titForTatChoker({ random, optimisticSlots: 0 });
  const peers = [0, 1, 2].map((key) => peer(key, { downloadRate: 9 - key }));
  assertEquals(sorted(choker.tick(0, peers, 2)), [0, 1]);
  assertEquals(sorted(choker.tick(1, peers, 1)), [0]);
  // Also those that are given without merit.
  const lucky = titForTatChoker({ random });
  assertEquals(lucky.tick(0, peers, 2).size, 2);
  assertEquals(sorted(lucky.tick(1, peers, 1)), [0]);
  assertEquals(sorted(lucky.optimistic), []);
});

test("a peer that makes no use of slots has the last one by chance only", () => {
  const peers = [peer(0, { unused: true }), peer(1, { unused: true })];
  const lucky = (others: ChokerPeer[]) =>
    sorted(
      titForTatChoker({ random, slots: 0 }).tick(0, [...peers, ...others]),
    );
  for (let i = 0; i < 10; i++) assertEquals(lucky([peer(2)]), [2]);
  assertEquals(lucky([]).length, 1);
});

test("chokers refuse nonsense", () => {
  for (
    const options of [{ slots: -1 }, { slots: 1.5 }, { optimisticSlots: -1 }, {
      optimisticMs: -1,
    }, { minFlipMs: NaN }]
  ) assertThrows(() => titForTatChoker({ random, ...options }), RangeError);
  // Zero is a number like any other.
  for (
    const name of ["slots", "optimisticSlots", "optimisticMs", "minFlipMs"]
  ) {
    titForTatChoker({ random, [name]: 0 });
    assertThrows(() => titForTatChoker({ random, [name]: -1 }), RangeError);
  }
});

test("roundRobinChoker lets single newcomers go before a crowd", () => {
  const choker = roundRobinChoker({ random, slots: 2, optimisticSlots: 0 });
  const peers = [0, 1, 2, 3].map((key) => peer(key, { crowded: true }));
  peers.push(peer(4));
  assertEquals(sorted(choker.tick(0, peers)), [0, 4]);
});

test("rate-based slots open one more where each upload is 2 KiB/s faster", () => {
  const choker = titForTatChoker({
    random,
    slots: "rate-based",
    optimisticSlots: 0,
  });
  const peers = [9_000, 4_000, 4_000, 4_000, 4_000].map((uploadRate, key) =>
    peer(key, { uploadRate, downloadRate: 100 - key })
  );
  // Above 1 KiB/s, above 3 KiB/s, not above 5 KiB/s: two, and one to try.
  assertEquals(sorted(choker.tick(0, peers)), [0, 1, 2]);
});
