import { assert, assertEquals } from "@std/assert";
import { type Endpoint, formatEndpoint } from "../../../_shared/address.ts";
import { DhtLookup } from "../../../dht/lookup/lookup_machine.ts";

const none = { permissions: "none" } as const;
const target = new Uint8Array(20);

interface Told {
  readonly id: Uint8Array;
  readonly address: Endpoint;
}

/** An id at a distance of the zero target. */
function idAt(distance: number): Uint8Array {
  const id = new Uint8Array(20);
  new DataView(id.buffer).setUint32(0, distance);
  return id;
}

function at(network: number, number: number, port = 6881): Endpoint {
  return {
    hostname: `${network}.${number >> 8}.${number & 255}.1`,
    port,
  };
}

/** Forty nodes, of whom each tells of the eight that are closest of all. */
const honest: readonly Told[] = Array.from({ length: 40 }, (_, i) => ({
  id: idAt(1_000_000 + 1000 * i),
  address: at(20, i),
}));

/** What a node that a stranger runs tells of. */
type Lies = ReadonlyMap<string, readonly Told[]>;

/** Runs a lookup among them; nobody else answers. */
function run(
  lookup: DhtLookup,
  lies: Lies,
  attackers: readonly Told[],
  areKnown = false,
): void {
  const network = new Map(
    [...honest, ...attackers].map((one) => [formatEndpoint(one.address), one]),
  );
  const closest = [...attackers, ...honest.slice(0, 8)];
  const known = [...areKnown ? attackers : [], ...honest.slice(-8)];
  for (const { id, address } of known) lookup.add(id, address);
  for (let turns = 0; !lookup.done; turns++) {
    assert(turns < 1000, "the lookup does not end");
    const node = lookup.takeNext()!;
    const key = formatEndpoint(node.address);
    const one = network.get(key);
    if (one === undefined) {
      lookup.slow(node);
      lookup.failed(node);
      continue;
    }
    lookup.answered(node, one.id, Uint8Array.of(1));
    for (const { id, address } of lies.get(key) ?? closest) {
      lookup.add(id, address, node);
    }
  }
}

/** How many of the eight closest honest nodes are found. */
function found(lookup: DhtLookup): number {
  const wanted = new Set(
    honest.slice(0, 8).map(({ address }) => formatEndpoint(address)),
  );
  return lookup.closest().filter(({ address }) =>
    wanted.has(formatEndpoint(address))
  ).length;
}

Deno.test(
  "DhtLookup - names of dead nodes keep nobody from the living",
  none,
  () => {
    const attackers = Array.from({ length: 14 }, (_, i) => ({
      id: idAt(2000 + i),
      address: at(21, i),
    }));
    let next = 0;
    const lies = new Map(attackers.map(({ address }) => [
      formatEndpoint(address),
      Array.from({ length: 20 }, () => {
        const number = next++;
        return { id: idAt(number), address: at(22, number) };
      }),
    ]));
    // Attackers answer, too, so more are asked for.
    const lookup = new DhtLookup({ target, k: 24 });
    run(lookup, lies, attackers);
    assertEquals(found(lookup), 8);
    assert(lookup.stats.failed <= 3 * attackers.length);
  },
);

Deno.test(
  "DhtLookup - names of dead nodes on the hosts of the living",
  none,
  () => {
    const attacker = { id: idAt(2000), address: at(21, 1) };
    const lies = new Map([[
      formatEndpoint(attacker.address),
      honest.slice(0, 20).map(({ address: { hostname } }, i) => ({
        id: idAt(i),
        address: { hostname, port: 9 },
      })),
    ]]);
    const lookup = new DhtLookup({ target, k: 9 });
    run(lookup, lies, [attacker]);
    assertEquals(found(lookup), 8);
  },
);

Deno.test("DhtLookup - the living under others' ids", none, () => {
  const attacker = { id: idAt(2000), address: at(21, 1) };
  const lies = new Map([[
    formatEndpoint(attacker.address),
    honest.slice(0, 20).map(({ address }, i) => ({ id: idAt(i), address })),
  ]]);
  const lookup = new DhtLookup({ target, k: 9 });
  run(lookup, lies, [attacker], true);
  assertEquals(found(lookup), 8);
});

Deno.test(
  "DhtLookup - who tells of dead nodes only is asked for them last",
  none,
  () => {
    const lookup = new DhtLookup({ target, alpha: 1 });
    lookup.add(idAt(9), at(20, 1));
    const teller = lookup.takeNext()!;
    lookup.answered(teller, teller.id!);
    for (let i = 0; i < 8; i++) lookup.add(idAt(i), at(22, i), teller);
    lookup.add(idAt(50), at(20, 50));
    const asked: (string | undefined)[] = [];
    for (let node; (node = lookup.takeNext());) {
      asked.push(node.address.hostname);
      if (node.address.hostname === "22.0.7.1") {
        lookup.answered(node, node.id!);
      } else lookup.failed(node);
    }
    assertEquals(asked, [
      ...["22.0.0.1", "22.0.1.1", "22.0.2.1", "20.0.50.1"],
      ...["22.0.3.1", "22.0.4.1", "22.0.5.1", "22.0.6.1", "22.0.7.1"],
    ]);
    assertEquals(lookup.closest().length, 2);
    assert(lookup.done);
  },
);

Deno.test(
  "DhtLookup - late answers bring back what their teller told",
  none,
  () => {
    const lookup = new DhtLookup({ target, k: 3, alpha: 1 });
    lookup.add(idAt(9), at(20, 1));
    const teller = lookup.takeNext()!;
    lookup.answered(teller, teller.id!);
    for (let i = 0; i < 6; i++) lookup.add(idAt(i), at(22, i), teller);
    const late = [1, 2, 3].map(() => {
      const node = lookup.takeNext()!;
      lookup.slow(node);
      return node;
    });
    for (const node of late.slice(1)) lookup.answered(node, node.id!);
    assertEquals(lookup.takeNext()?.address.hostname, "22.0.3.1");
  },
);

Deno.test(
  "DhtLookup - a late one does not keep others of its subnet waiting",
  none,
  () => {
    const lookup = new DhtLookup({ target, alpha: 2 });
    const port = (number: number) => at(20, 7, number);
    lookup.add(idAt(1), port(1));
    lookup.add(idAt(9), at(20, 1));
    const late = lookup.takeNext()!;
    const teller = lookup.takeNext()!;
    lookup.answered(teller, teller.id!);
    assertEquals(lookup.add(idAt(2), port(2), teller), false);
    assertEquals(lookup.takeNext(), undefined);
    lookup.slow(late);
    const other = lookup.takeNext()!;
    assertEquals(other.address, port(2));
    lookup.answered(other, other.id!);
    // One of a subnet is enough, however late.
    lookup.answered(late, late.id!);
    assertEquals(lookup.closest().map(({ address }) => address), [
      port(2),
      at(20, 1),
    ]);
  },
);
