import { assert, assertEquals } from "@std/assert";
import type { PeerCandidate } from "../../../_shared/address.ts";
import { sleep } from "../../../_shared/clock.ts";
import { SharedClock } from "../../../_shared/deadline_heap.ts";
import { DhtPeers } from "../../../client/session/dht_peers.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

const MINUTE = 60_000;
const address = { hostname: "192.0.2.4", port: 5 };

interface Lookup {
  readonly at: number;
  readonly torrent: number;
  readonly seed: boolean;
}

/** A node whose lookups take a while; `find` says how many peers they find. */
function setUp(find: (torrent: number) => number, takesMs = 0) {
  const clock = new SimClock();
  const lookups: Lookup[] = [];
  const node = { goodNodes: 50, outstanding: 0, atOnce: 0, most: 0 };
  const told: number[] = [];
  const ports: (number | undefined)[] = [];
  const peers = new DhtPeers({
    stats: () => node,
    addNode: ({ port }) => told.push(port),
    async *getPeers(infoHash, { seed = false, noSeed, announcePort, signal }) {
      assertEquals(noSeed, seed);
      ports.push(announcePort);
      const torrent = infoHash[0]! * 256 + infoHash[1]!;
      lookups.push({ at: clock.now(), torrent, seed });
      node.most = Math.max(node.most, ++node.atOnce);
      try {
        await sleep(clock, takesMs, { signal });
        for (let i = find(torrent); i > 0; i--) yield { infoHash, address };
      } finally {
        node.atOnce--;
      }
    },
  }, new SharedClock(clock));
  const follow = (torrent: number, isSeed = () => false, port = 6881) => {
    const found: PeerCandidate[] = [];
    const log: string[] = [];
    const infoHash = new Uint8Array(20);
    infoHash[0] = torrent >> 8;
    infoHash[1] = torrent & 255;
    const leave = peers.follow({ infoHash, port, isSeed }, {
      found: (candidate) => found.push(candidate),
      searching: () => log.push("searching"),
      waiting: (nextAt, error) => log.push(`${nextAt} ${error ?? "ok"}`),
    });
    return { found, log, leave };
  };
  return { clock, peers, lookups, node, follow, told, ports };
}

Deno.test("DhtPeers looks again: soon after nothing, later after success", {
  permissions: "none",
}, async () => {
  const { clock, peers, lookups, follow } = setUp(() =>
    lookups.length === 4 ? 1 : 0
  );
  const { found, log, leave } = follow(1);
  await clock.advance(16 * MINUTE);
  assertEquals(lookups.map(({ at }) => at / 1000), [0, 10, 40, 130]);
  assertEquals(found, [{ infoHash: found[0]!.infoHash, address }]);
  assertEquals(log.slice(0, 3), ["searching", "10000 ok", "searching"]);
  assertEquals(log.at(-1), `${130_000 + 15 * MINUTE} ok`);
  leave();
  leave();
  await clock.advance(60 * MINUTE);
  assertEquals(lookups.length, 4);
  await peers.close();
  assertEquals(clock.pending, 0);
});

Deno.test("DhtPeers announces seeds on a schedule of their own", {
  permissions: "none",
}, async () => {
  const { clock, peers, lookups, follow } = setUp(() => 0);
  const { leave } = follow(1, () => true);
  await clock.advance(60 * MINUTE);
  assertEquals(lookups.map(({ at }) => at / MINUTE), [0, 25, 50]);
  assertEquals(lookups.every(({ seed }) => seed), true);
  leave();
  await peers.close();
});

Deno.test("DhtPeers waits for a node that knows nobody, or waits for answers", {
  permissions: "none",
}, async () => {
  const { clock, peers, lookups, node, follow } = setUp(() => 0);
  node.goodNodes = 0;
  const { leave } = follow(1);
  await clock.advance(MINUTE);
  assertEquals(lookups, []);
  node.goodNodes = 1;
  node.outstanding = 500;
  await clock.advance(MINUTE);
  assertEquals(lookups, []);
  node.outstanding = 10;
  await clock.advance(1000);
  assertEquals(lookups.length, 1);
  leave();
  await peers.close();
  assertEquals(clock.pending, 0);
});

Deno.test("DhtPeers tells what fails, and tries again", {
  permissions: "none",
}, async () => {
  const { clock, peers, lookups, follow } = setUp(() => {
    throw new Error("no socket");
  });
  const { log, leave } = follow(1, () => true);
  await clock.advance(11_000);
  assertEquals(log[1], "10000 no socket");
  assertEquals(lookups.length, 2);
  leave();
  await peers.close();
});

Deno.test("DhtPeers looks 5000 torrents up in 15 minutes, a few at a time", {
  permissions: "none",
}, async () => {
  // Most of them have nobody, which must not keep others from their turn.
  const { clock, peers, lookups, node, follow } = setUp(
    (torrent) => torrent % 10 === 0 ? 3 : 0,
    3_000,
  );
  const leaves: (() => void)[] = [];
  for (let i = 0; i < 5000; i++) {
    leaves.push(follow(i, () => i % 2 === 0).leave);
  }
  assertEquals(clock.pending, 10 + 1);
  await clock.advance(15 * MINUTE);
  const first = new Set(lookups.map(({ torrent }) => torrent));
  assertEquals(first.size, 5000);
  assert(node.most <= 40, `${node.most} at once`);
  assert(lookups.length < 9_000, `${lookups.length} lookups`);
  // From then on they come no faster.
  const begin = clock.now();
  await clock.advance(50 * MINUTE);
  const aMinute = new Array(50).fill(0);
  for (const { at } of lookups) {
    if (at >= begin) aMinute[Math.floor((at - begin) / MINUTE)]++;
  }
  assert(Math.max(...aMinute) <= 520, `${aMinute}`);
  for (const leave of leaves) leave();
  await peers.close();
  await clock.advance(0);
  assertEquals([node.atOnce, clock.pending], [0, 0]);
});

Deno.test("DhtPeers passes nodes on that it is told of, few at a time", {
  permissions: "none",
}, async () => {
  const { clock, peers, told } = setUp(() => 0);
  for (let i = 0; i < 1000; i++) {
    peers.addNode({ hostname: "192.0.2.1", port: i + 1 });
  }
  assertEquals(told.length, 50);
  await clock.advance(3000);
  for (let i = 0; i < 10; i++) peers.addNode({ hostname: "a.test", port: 7 });
  assertEquals(told.length, 53);
  await peers.close();
});

Deno.test("DhtPeers announces the port of a torrent, if there is any", {
  permissions: "none",
}, async () => {
  const { clock, peers, follow, ports } = setUp(() => 1);
  for (const port of [1, 0]) follow(port, undefined, port);
  await clock.advance(1_000);
  assertEquals(ports, [1, undefined]);
  await peers.close();
});

Deno.test("DhtPeers looks for as many at once as the node has room for", {
  permissions: "none",
}, async () => {
  const { clock, peers, lookups, node, follow } = setUp(() => 1, 1e9);
  for (let i = 0; i < 400; i++) follow(i);
  await clock.advance(10 * MINUTE);
  const { most } = node;
  await clock.advance(10 * MINUTE);
  assertEquals([node.most, lookups.length], [most, most]);
  assertEquals(most, 40);
  await peers.close();
});

Deno.test("DhtPeers waits while many queries of the node are out", {
  permissions: "none",
}, async () => {
  for (const [more, count] of [[0, 1], [1, 0]] as const) {
    const { clock, peers, lookups, node, follow } = setUp(() => 1);
    node.outstanding = 200 + more;
    follow(1);
    await clock.advance(0);
    assertEquals(lookups.length, count);
    await peers.close();
  }
});
