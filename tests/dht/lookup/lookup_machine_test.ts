import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Endpoint } from "../../../_shared/address.ts";
import { toHex } from "../../../_shared/bytes.ts";
import {
  randomBytes,
  randomInt,
  seededRandom,
} from "../../../_shared/random.ts";
import {
  DhtLookup,
  type LookupNode,
} from "../../../dht/lookup/lookup_machine.ts";

const none = { permissions: "none" } as const;
const target = new Uint8Array(20);

/** An id at a distance of the zero target. */
function idAt(distance: number): Uint8Array {
  const id = new Uint8Array(20);
  new DataView(id.buffer).setUint32(0, distance);
  return id;
}

function addressOf(number: number): Endpoint {
  return {
    hostname: `${1 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}.1`,
    port: 6881,
  };
}

function hexes(nodes: readonly LookupNode[]): string[] {
  return nodes.map((node) => toHex(node.id!).slice(0, 8));
}

Deno.test("DhtLookup - on an empty table it is done at once", none, () => {
  const lookup = new DhtLookup({ target });
  assertEquals(lookup.done, true);
  assertEquals(lookup.takeNext(), undefined);
  assertEquals(lookup.closest(), []);
});

Deno.test("DhtLookup - asks the closest first, alpha at a time", none, () => {
  const lookup = new DhtLookup({ target, alpha: 3 });
  for (const distance of [50, 10, 40, 20, 30]) {
    assert(lookup.add(idAt(distance), addressOf(distance)));
  }
  const taken = [lookup.takeNext()!, lookup.takeNext()!, lookup.takeNext()!];
  assertEquals(hexes(taken), ["0000000a", "00000014", "0000001e"]);
  assertEquals(lookup.takeNext(), undefined);
  lookup.answered(taken[2]!, taken[2]!.id!);
  assertEquals(hexes([lookup.takeNext()!]), ["00000028"]);
  // A slow one makes room, and may still answer.
  lookup.slow(taken[0]!);
  assertEquals(hexes([lookup.takeNext()!]), ["00000032"]);
  lookup.answered(taken[0]!, taken[0]!.id!);
  assertEquals(hexes(lookup.closest()), ["0000000a", "0000001e"]);
});

Deno.test(
  "DhtLookup - finds the k closest of a random network, in few hops",
  none,
  () => {
    const seed = 7;
    const random = seededRandom(seed);
    const network = Array.from({ length: 1000 }, (_, i) => ({
      id: randomBytes(random, 20),
      address: addressOf(i),
    }));
    const distance = (a: Uint8Array, b: Uint8Array) =>
      toHex(a.map((byte, i) => byte ^ b[i]!));
    for (let round = 0; round < 3; round++) {
      const wanted = randomBytes(random, 20);
      const near = (to: Uint8Array, among: typeof network) =>
        among.toSorted((a, b) =>
          distance(a.id, to) < distance(b.id, to) ? -1 : 1
        ).slice(0, 8);
      const lookup = new DhtLookup({ target: wanted });
      for (let i = 0; i < 4; i++) {
        const node = network[randomInt(random, network.length)]!;
        lookup.add(node.id, node.address);
      }
      const inFlight: LookupNode[] = [];
      let asked = 0;
      while (!lookup.done) {
        for (let node; (node = lookup.takeNext());) inFlight.push(node);
        const node = inFlight.splice(randomInt(random, inFlight.length), 1)[0]!;
        asked++;
        lookup.answered(node, node.id!, Uint8Array.of(1, 2));
        // Each node knows a random sixth of the network, and its neighbours.
        const known = network.filter((one) =>
          randomInt(random, 6) === 0 ||
          distance(one.id, node.id!).startsWith("00")
        );
        for (const one of near(wanted, known)) {
          lookup.add(one.id, one.address, node);
        }
      }
      assertEquals(
        hexes(lookup.closest()),
        near(wanted, network).map((one) => toHex(one.id).slice(0, 8)),
        `seed ${seed} round ${round}`,
      );
      assert(asked < 60, `asked ${asked}`);
      assert(lookup.stats.hops <= 11, `hops ${lookup.stats.hops}`);
      assertEquals(lookup.stats.asked, asked);
    }
  },
);

Deno.test(
  "DhtLookup - failed nodes are replaced, slow ones waited for when few",
  none,
  () => {
    const lookup = new DhtLookup({ target, k: 2, alpha: 2 });
    for (const distance of [1, 2, 3, 4]) {
      lookup.add(
        idAt(distance),
        addressOf(distance),
      );
    }
    const one = lookup.takeNext()!;
    const two = lookup.takeNext()!;
    lookup.failed(one);
    lookup.slow(two);
    const three = lookup.takeNext()!;
    const four = lookup.takeNext()!;
    assertEquals(hexes([three, four]), ["00000003", "00000004"]);
    lookup.answered(three, three.id!);
    lookup.failed(four);
    assertEquals(lookup.done, false);
    lookup.answered(two, two.id!);
    assertEquals(lookup.done, true);
    assertEquals(hexes(lookup.closest()), ["00000002", "00000003"]);
    // Nothing counts twice.
    lookup.failed(two);
    lookup.answered(one, one.id!);
    lookup.slow(three);
    assertEquals(lookup.stats, { asked: 4, answered: 2, failed: 2, hops: 0 });
  },
);

Deno.test(
  "DhtLookup - with enough answers slow nodes do not hold it up",
  none,
  () => {
    const lookup = new DhtLookup({ target, k: 2, alpha: 3 });
    for (const distance of [1, 2, 3]) {
      lookup.add(
        idAt(distance),
        addressOf(distance),
      );
    }
    const one = lookup.takeNext()!;
    const two = lookup.takeNext()!;
    const three = lookup.takeNext();
    assertEquals(three, undefined);
    lookup.slow(one);
    const last = lookup.takeNext()!;
    lookup.answered(two, two.id!);
    lookup.answered(last, last.id!);
    assertEquals(lookup.done, true);
  },
);

Deno.test(
  "DhtLookup - bootstrap nodes first, without an id of theirs",
  none,
  () => {
    const lookup = new DhtLookup({ target });
    lookup.add(idAt(5), addressOf(5));
    assert(lookup.add(undefined, addressOf(9)));
    assertEquals(lookup.add(undefined, addressOf(9)), false);
    const seed = lookup.takeNext()!;
    assertEquals([seed.id, seed.address], [undefined, addressOf(9)]);
    lookup.answered(seed, idAt(2));
    assertEquals(hexes(lookup.closest()), ["00000002"]);
    assertEquals(lookup.done, false);
  },
);

Deno.test(
  "DhtLookup - a node with another id than was said counts with its own",
  none,
  () => {
    const lookup = new DhtLookup({ target });
    lookup.add(idAt(1), addressOf(1));
    const node = lookup.takeNext()!;
    lookup.answered(node, idAt(2));
    assertEquals(hexes(lookup.closest()), ["00000002"]);
    assertEquals(lookup.stats.failed, 0);
  },
);

Deno.test("DhtLookup - one node for an address and for a subnet", none, () => {
  const lookup = new DhtLookup({ target });
  assert(lookup.add(idAt(9), { hostname: "1.2.3.4", port: 1000 }));
  assertEquals(lookup.add(idAt(9), { hostname: "1.2.3.4", port: 1000 }), false);
  assertEquals(
    lookup.add(idAt(10), { hostname: "1.2.3.5", port: 1000 }),
    false,
  );
  // A closer one stands for the subnet as long as nobody was asked.
  assert(lookup.add(idAt(8), { hostname: "1.2.3.6", port: 1000 }));
  assert(lookup.add(idAt(20), { hostname: "1.2.4.6", port: 1000 }));
  assertEquals(hexes([lookup.takeNext()!]), ["00000008"]);
  assertEquals(lookup.add(idAt(7), { hostname: "1.2.3.7", port: 1000 }), false);
  assertEquals(hexes([lookup.takeNext()!]), ["00000014"]);
  assertEquals(lookup.takeNext(), undefined);

  const v6 = new DhtLookup({ target });
  assert(v6.add(idAt(1), { hostname: "2001:db8:0:1::1", port: 1 }));
  assertEquals(
    v6.add(idAt(2), { hostname: "2001:db8:0:1::2", port: 1 }),
    false,
  );
  assert(v6.add(idAt(3), { hostname: "2001:db8:0:2::2", port: 1 }));

  const local = new DhtLookup({ target });
  assert(local.add(idAt(1), { hostname: "10.1.2.3", port: 1 }));
  assert(local.add(idAt(2), { hostname: "10.1.2.4", port: 1 }));
  assertEquals(local.add(idAt(3), { hostname: "10.1.2.4", port: 2 }), false);

  const open = new DhtLookup({ target, restrictSubnets: false });
  assert(open.add(idAt(1), { hostname: "127.0.0.1", port: 1 }));
  assert(open.add(idAt(2), { hostname: "127.0.0.1", port: 2 }));
});

Deno.test(
  "DhtLookup - made-up ids around the target cannot take it over",
  none,
  () => {
    const lookup = new DhtLookup({
      target,
      verifyId: (_, address) => address.hostname.startsWith("1."),
    });
    const honest = new Set<string>();
    for (let i = 0; i < 20; i++) {
      honest.add(toHex(idAt(1000 + i)).slice(0, 8));
      lookup.add(idAt(1000 + i), { hostname: `1.0.${i}.1`, port: 1 });
    }
    for (let i = 0; i < 200; i++) {
      lookup.add(idAt(1 + i), { hostname: `9.0.${i}.1`, port: 1 });
    }
    let node: LookupNode | undefined;
    while ((node = lookup.takeNext())) lookup.answered(node, node.id!);
    assert(lookup.done);
    const closest = lookup.closest();
    assertEquals(closest.length, 16);
    assertEquals(closest.filter((one) => one.verified).length, 8);
    assert(
      hexes(closest.filter((one) => one.verified)).every((id) =>
        honest.has(id)
      ),
    );
  },
);

Deno.test("DhtLookup - endless fresh nodes do not keep it going", none, () => {
  const lookup = new DhtLookup({ target, maxRequests: 50 });
  let next = 1_000_000;
  let number = 0;
  const more = () => lookup.add(idAt(next--), addressOf(number++));
  more();
  while (!lookup.done) {
    const node = lookup.takeNext()!;
    lookup.answered(node, node.id!);
    for (let i = 0; i < 50; i++) more();
  }
  assertEquals(lookup.stats.asked, 50);
});

Deno.test("DhtLookup - the token is a copy and bounded", none, () => {
  const lookup = new DhtLookup({ target });
  lookup.add(idAt(1), addressOf(1));
  lookup.add(idAt(2), addressOf(2));
  const token = Uint8Array.of(1, 2, 3);
  const one = lookup.takeNext()!;
  lookup.answered(one, one.id!, token);
  token[0] = 9;
  const two = lookup.takeNext()!;
  lookup.answered(two, two.id!, new Uint8Array(129));
  assertEquals(lookup.closest().map((node) => node.token), [
    Uint8Array.of(1, 2, 3),
    undefined,
  ]);
});

Deno.test("DhtLookup - refuses what can be no node, and itself", none, () => {
  const lookup = new DhtLookup({ target, ownId: idAt(3) });
  assertEquals(lookup.add(idAt(3), addressOf(1)), false);
  assertEquals(
    lookup.add(idAt(1), { hostname: "name.example", port: 1 }),
    false,
  );
  assertEquals(lookup.add(idAt(1), { hostname: "1.2.3.4", port: 0 }), false);
  assertEquals(lookup.add(new Uint8Array(19), addressOf(1)), false);
  assertThrows(
    () => new DhtLookup({ target: new Uint8Array(19) }),
    RangeError,
    "19",
  );
  for (const name of ["k", "alpha", "maxRequests"]) {
    assertThrows(() => new DhtLookup({ target, [name]: 0 }), RangeError, name);
  }
});

Deno.test(
  "DhtLookup - of bootstrap nodes one that answers is enough",
  none,
  () => {
    const lookup = new DhtLookup({ target });
    for (let i = 0; i < 3; i++) lookup.add(undefined, addressOf(i));
    const [one, two, three] = [1, 2, 3].map(() => lookup.takeNext()!) as [
      LookupNode,
      LookupNode,
      LookupNode,
    ];
    lookup.slow(two);
    lookup.slow(three);
    assertEquals(lookup.done, false);
    lookup.answered(one, idAt(1));
    assertEquals(lookup.done, true);
    // The others may still come.
    lookup.answered(two, idAt(2));
    lookup.failed(three);
    assertEquals(lookup.done, true);
    assertEquals(hexes(lookup.closest()), ["00000001", "00000002"]);
  },
);
