/**
 * The whole DHT on a simulated internet. `BIP_SIM_NODES=10000` makes it as
 * large as the real thing's neighbourhoods; what it took is printed.
 */
import { assert, assertEquals } from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import { concatBytes } from "../../_shared/bytes.ts";
import { randomBytes } from "../../_shared/random.ts";
import { encodeKrpc, tryDecodeKrpc } from "../../dht/mod.ts";
import { tryEncodeCompactNode } from "../../dht/compact_node.ts";
import { closestOf, DhtWorld, portsOf, statsOf } from "../support/dht_world.ts";
import { DatagramNetwork } from "../../testing/datagram_network.ts";
import { SimClock } from "../../testing/sim_clock.ts";

function readCount(): number {
  try {
    return Number(Deno.env.get("BIP_SIM_NODES") ?? 300);
  } catch {
    return 300;
  }
}

const NODES = readCount();
const SEED = 20_261_122;

Deno.test(`DHT - ${NODES} nodes, 10 % loss, 20 % churn: what is announced is found (seed ${SEED})`, () => {
  const started = performance.now();
  const clock = new SimClock();
  const net = new DatagramNetwork({
    clock,
    seed: SEED,
    loss: 0.1,
    duplicates: 0.01,
  });
  const world = new DhtWorld(net, clock, {
    seed: SEED,
    nat: 0.1,
    insecure: 0.2,
    machine: { firstBucketSizes: [16] },
  });
  world.grow(NODES, 50);
  clock.runSync(clock.now() + 120_000);
  const missing = world.nodes.filter((node) =>
    node.bootstrappedAt === undefined
  );
  assertEquals(missing.length, 0);
  const joined = performance.now() - started;

  // Announce.
  const count = Math.max(100, Math.round(NODES / 10));
  const torrents = Array.from({ length: count }, (_, i) => ({
    infoHash: randomBytes(world.random, 20),
    port: 30_000 + i % 30_000,
    announcer: world.pick(world.nodes),
  }));
  const lookups = torrents.map(({ announcer, infoHash }) =>
    announcer.search({ method: "get_peers", target: infoHash })
  );
  assert(world.settle(lookups), "every lookup ends");
  const stores = torrents.map(({ announcer, infoHash, port }, i) =>
    announcer.store(closestOf(lookups[i]!), {
      method: "announce_peer",
      infoHash,
      port,
      impliedPort: false,
      seed: false,
    })
  );
  assert(world.settle(stores), "every store ends");
  const stored = stores.map(({ progress }) =>
    progress.filter(({ type }) => type === "stored").length
  );
  assert(Math.min(...stored) >= 5, `stored at ${Math.min(...stored)}`);

  // Churn: a fifth leaves, and is replaced by newcomers.
  world.shrink(0.2);
  world.grow(Math.round(NODES / 5), 50);
  clock.runSync(clock.now() + 30_000);

  // Find.
  const finds = torrents.map(({ infoHash }) =>
    world.pick(world.nodes).search({ method: "get_peers", target: infoHash })
  );
  assert(world.settle(finds), "every lookup ends");
  const found =
    finds.filter((find, i) => portsOf(find).includes(torrents[i]!.port)).length;
  const hops = finds.map((find) => statsOf(find)!.hops);
  const asked = finds.map((find) => statsOf(find)!.asked);
  const took = finds.map(({ startedAt, endedAt }) => endedAt - startedAt);
  const mean = (all: number[]) => all.reduce((a, b) => a + b) / all.length;
  const { heapUsed, rss } = Deno.memoryUsage();
  console.log(
    `${NODES} nodes: ${found} of ${count} found, hops ${
      mean(hops).toFixed(1)
    } (most ${Math.max(...hops)}), asked ${mean(asked).toFixed(1)} (most ${
      Math.max(...asked)
    }), lookup ${(mean(took) / 1000).toFixed(1)} s (longest ${
      (Math.max(...took) / 1000).toFixed(1)
    }) of virtual time; ${
      (net.stats.sent / 1e6).toFixed(2)
    } M datagrams, heap ${(heapUsed / 2 ** 20).toFixed(0)} MiB, rss ${
      (rss / 2 ** 20).toFixed(0)
    } MiB, ${((performance.now() - started) / 1000).toFixed(1)} s, of which ${
      (joined / 1000).toFixed(1)
    } s to join`,
  );
  assert(found >= 0.999 * count, `found ${found} of ${count}`);
  assert(mean(hops) <= Math.log2(NODES), `mean hops ${mean(hops)}`);
  assert(Math.max(...hops) <= 2 * Math.log2(NODES), "most hops");
  assertEquals(net.stats.tooLong, 0);
});

const target = new Uint8Array(20).fill(0x5a);

/** Attackers that know only each other and pretend to be next to a key. */
function addSybils(
  world: DhtWorld,
  addresses: readonly Endpoint[],
): { asked: number } {
  const seen = { asked: 0 };
  const sybils = addresses.map((address, i) => {
    const id = target.slice();
    id[18] = i >> 8;
    id[19] = i;
    return { id, address };
  });
  const nodes = concatBytes(
    sybils.slice(0, 16).map(({ id, address }) =>
      tryEncodeCompactNode(id, address)!
    ),
  );
  for (const { id, address } of sybils) {
    const host = world.net.attach(address, (data, from) => {
      const message = tryDecodeKrpc(data);
      if (message.type !== "query") return;
      seen.asked++;
      const { transactionId } = message;
      const token = Uint8Array.of(1);
      // It swallows announces, and never tells of a peer.
      host.send(
        encodeKrpc({ type: "response", transactionId, id, nodes, token }),
        from,
      );
    });
    // They make themselves known to everybody, again and again.
    for (const [i, node] of world.nodes.entries()) {
      for (let round = 0; round < 3; round++) {
        world.clock.schedule(
          world.clock.now() + 97 * i + 30_000 * round,
          () => {
            host.send(
              encodeKrpc({
                type: "query",
                method: "find_node",
                transactionId: Uint8Array.of(1, 2),
                id,
                target,
              }),
              node.address,
            );
          },
        );
      }
    }
  }
  return seen;
}

function announceAndFind(world: DhtWorld): number {
  const announcer = world.pick(world.nodes);
  const lookup = announcer.search({ method: "get_peers", target });
  assert(world.settle([lookup]));
  const store = announcer.store(closestOf(lookup), {
    method: "announce_peer",
    infoHash: target,
    port: 4242,
    impliedPort: false,
    seed: false,
  });
  assert(world.settle([store]));
  const finds = Array.from(
    { length: 20 },
    () => world.pick(world.nodes).search({ method: "get_peers", target }),
  );
  assert(world.settle(finds));
  return finds.filter((find) => portsOf(find).includes(4242)).length;
}

function smallWorld(seed: number): DhtWorld {
  const clock = new SimClock();
  const net = new DatagramNetwork({ clock, seed, loss: 0.02 });
  const world = new DhtWorld(net, clock, {
    seed,
    machine: { firstBucketSizes: [16] },
  });
  world.grow(100, 50);
  clock.runSync(clock.now() + 60_000);
  return world;
}

Deno.test("DHT - a cluster of liars in few subnets around a key does not hide it", () => {
  const world = smallWorld(1);
  const addresses: Endpoint[] = [];
  for (let subnet = 0; subnet < 4; subnet++) {
    for (let i = 1; i <= 15; i++) {
      addresses.push({ hostname: `203.0.${subnet}.${i}`, port: 6881 });
    }
  }
  const seen = addSybils(world, addresses);
  world.clock.runSync(world.clock.now() + 180_000);
  assertEquals(announceAndFind(world), 20);
  assert(seen.asked > 0, "they are asked, but do not matter");
});

Deno.test("DHT - liars all over the internet do not hide a key either (BEP 42)", () => {
  const world = smallWorld(2);
  const addresses = Array.from({ length: 60 }, () => world.freshAddress());
  const seen = addSybils(world, addresses);
  world.clock.runSync(world.clock.now() + 180_000);
  assertEquals(announceAndFind(world), 20);
  assert(seen.asked > 0, "they are asked, but do not matter");
});

Deno.test("DHT - a flood of forged tokens stores nothing, and bans the flooder", () => {
  const world = smallWorld(3);
  const { net } = world;
  const victim = world.nodes[0]!;
  const honest = world.pick(world.nodes.slice(1));
  // A real token, given to somebody else.
  const lookup = honest.search({ method: "get_peers", target });
  assert(world.settle([lookup]));
  const given = closestOf(lookup).find(({ token }) => token !== undefined)!;
  const id = randomBytes(world.random, 20);
  const announce = (token: Uint8Array) =>
    encodeKrpc({
      type: "query",
      method: "announce_peer",
      transactionId: Uint8Array.of(7),
      id,
      infoHash: target,
      port: 666,
      token,
    });
  let refused = 0;
  const flooder = world.freshAddress();
  net.attach(flooder, (data) => {
    const message = tryDecodeKrpc(data);
    if (message.type === "error" && message.code === 203) refused++;
  });
  for (let i = 0; i < 500; i++) {
    const token = randomBytes(world.random, 8);
    // From one address, and from made-up ones.
    net.transmit(announce(token), flooder, victim.address);
    net.transmit(announce(token), world.freshAddress(), victim.address);
    net.transmit(
      announce(given.token!),
      world.freshAddress(),
      given.address,
    );
  }
  world.clock.runSync(world.clock.now() + 5000);
  for (const node of world.nodes) assertEquals(node.machine.stats().peers, 0);
  assert(refused > 0 && refused <= 50, `refused ${refused}`);
  assert(victim.machine.stats().flood > 300);
  // Honest nodes are served throughout.
  const ping = honest.request((requestId) => (
    { type: "ping", requestId, address: victim.address }
  ));
  assert(world.settle([ping]));
  assertEquals(ping.progress[0]?.type, "pong");
});
