/**
 * Many torrents of one session in a simulated DHT: no more is asked at a time
 * than nodes can answer. `BIP_SIM_TORRENTS=5000` makes it as many as some have;
 * what it took is printed then.
 */
import { assert, assertEquals } from "@std/assert";
import type { PeerCandidate } from "../../_shared/address.ts";
import { randomBytes } from "../../_shared/random.ts";
import { SharedClock } from "../../_shared/deadline_heap.ts";
import { DhtPeers, type PeerLookup } from "../../client/session/dht_peers.ts";
import {
  closestOf,
  DhtWorld,
  type SimDhtNode,
  type SimRequest,
} from "../support/dht_world.ts";
import { SimClock } from "../../testing/sim_clock.ts";
import { DatagramNetwork } from "../../testing/datagram_network.ts";

const TORRENTS = Number(Deno.env.get("BIP_SIM_TORRENTS") ?? 500);
const MINUTE = 60_000;

/** What `MainlineDht` does, on a simulated node. */
function lookupsOf({ clock }: DatagramNetwork, node: SimDhtNode): PeerLookup {
  const until = async (request: SimRequest) => {
    while (!request.done) {
      await new Promise<void>((go) => clock.schedule(clock.now() + 50, go));
    }
  };
  return {
    stats: () => node.machine.stats(),
    addNode: () => {},
    async *getPeers(infoHash, { announcePort, seed = false, noSeed }) {
      const lookup = node.search({
        method: "get_peers",
        target: infoHash,
        noSeed,
      });
      await until(lookup);
      const store = node.store(closestOf(lookup), {
        method: "announce_peer",
        infoHash,
        port: announcePort!,
        impliedPort: false,
        seed,
      });
      await until(store);
      const none: PeerCandidate[] = [];
      yield* none;
    },
  };
}

Deno.test(`DHT - ${TORRENTS} torrents of one session are announced in time, none timed out`, async () => {
  const started = performance.now();
  const clock = new SimClock();
  const net = new DatagramNetwork({ clock, seed: 7, latencyMs: [10, 150] });
  const world = new DhtWorld(net, clock, { seed: 7 });
  world.grow(120, 50);
  clock.runSync(clock.now() + 2 * MINUTE);
  const node = world.nodes.at(-1)!;
  const peers = new DhtPeers(lookupsOf(net, node), new SharedClock(clock));
  const before = node.machine.stats();
  const begin = clock.now();
  const announced = new Set<number>();
  for (let i = 0; i < TORRENTS; i++) {
    peers.follow({
      infoHash: randomBytes(world.random, 20),
      port: 6881,
      isSeed: () => i % 10 !== 0,
    }, {
      found: () => {},
      searching: () => {},
      waiting: () => announced.add(i),
    });
  }
  let outstanding = 0;
  while (clock.now() < begin + 15 * MINUTE) {
    await clock.advance(50);
    outstanding = Math.max(outstanding, node.machine.stats().outstanding);
  }
  const { timeouts, sent } = node.machine.stats();
  assertEquals(announced.size, TORRENTS);
  assertEquals(timeouts - before.timeouts, 0);
  // What is begun while there is room may go on to ask.
  assert(outstanding <= 400, `${outstanding} queries at once`);
  const known = world.nodes.reduce(
    (sum, { machine }) => sum + machine.stats().peers,
    0,
  );
  // Each is told to the eight closest nodes, and to their neighbours in time.
  assert(known >= 4 * TORRENTS && known <= 20 * TORRENTS, `${known}`);
  if (TORRENTS > 500) {
    // deno-lint-ignore no-console -- the figures of a large run
    console.log({
      outstanding,
      queries: sent - before.sent,
      timeouts: timeouts - before.timeouts,
      stored: known,
      heapMib: Math.round(Deno.memoryUsage().heapUsed / 2 ** 20),
      seconds: (performance.now() - started) / 1000,
    });
  }
});
