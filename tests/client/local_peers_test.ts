import { assertEquals } from "@std/assert";
import type { PeerCandidate } from "../../_shared/address.ts";
import { EventQueue } from "../../_shared/event_queue.ts";
import { DiscoveryRunner } from "../../client/discovery_runner.ts";
import { LocalPeers } from "../../client/local_peers.ts";
import type { LocalDiscovery } from "../../lpd/mod.ts";
import { drain, SimClock } from "../../testing/sim_clock.ts";

/** A service that notes what it is asked, and gives what is pushed. */
function setUp() {
  const queue = new EventQueue<PeerCandidate>(10);
  const log: string[] = [];
  const discovery = {
    announce: (hash: Uint8Array, port: number) =>
      log.push(`announce ${hash[0]} ${port}`),
    watch: (hash: Uint8Array) => log.push(`watch ${hash[0]}`),
    remove: (hash: Uint8Array) => log.push(`remove ${hash[0]}`),
    close: () => Promise.resolve(queue.close()),
    [Symbol.asyncIterator]: () => queue[Symbol.asyncIterator](),
  } as unknown as LocalDiscovery;
  const peers = new LocalPeers(discovery, 9);
  const clock = new SimClock();
  const runner = (hash: number, port = 9) => {
    const found: string[] = [];
    const target = {
      infoHash: new Uint8Array(20).fill(hash),
      port,
      isPrivate: () => false,
      isSeed: () => false,
      onPeer: ({ address }: PeerCandidate) => found.push(address.hostname),
      onError: () => {},
      clock,
    };
    return { found, runner: new DiscoveryRunner([peers], target) };
  };
  const hear = async (hash: number, hostname: string) => {
    const infoHash = new Uint8Array(20).fill(hash);
    queue.push({ infoHash, address: { hostname, port: 1 } });
    await drain();
  };
  return { peers, log, runner, hear };
}

Deno.test("LocalPeers hands what is heard to the torrent it is about", {
  permissions: "none",
}, async () => {
  const { peers, log, runner, hear } = setUp();
  const one = runner(1);
  const two = runner(2, 0);
  one.runner.start();
  two.runner.start();
  await hear(1, "10.0.0.1");
  await hear(2, "10.0.0.2");
  await hear(3, "10.0.0.3");
  assertEquals([one.found, two.found], [["10.0.0.1"], ["10.0.0.2"]]);
  await one.runner.stop();
  await hear(1, "10.0.0.4");
  assertEquals(one.found, ["10.0.0.1"]);
  await two.runner.stop();
  assertEquals(log, ["announce 1 9", "watch 2", "remove 1", "remove 2"]);
  await peers.close();
});

Deno.test("LocalPeers goes on for who ends and starts in one turn", {
  permissions: "none",
}, async () => {
  const { peers, log, runner, hear } = setUp();
  const { runner: torrent, found } = runner(1);
  torrent.start();
  void torrent.stop();
  torrent.start();
  await hear(1, "10.0.0.1");
  assertEquals(found, ["10.0.0.1"]);
  assertEquals(log, ["announce 1 9", "remove 1", "announce 1 9"]);
  await torrent.stop();
  await peers.close();
});
