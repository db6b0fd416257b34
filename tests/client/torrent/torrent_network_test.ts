/** What talks to others ends whenever it is told to, and leaves nothing. */
import { assertEquals } from "@std/assert";
import { toHex } from "../../../_shared/bytes.ts";
import type { PeerDiscovery } from "../../../client/types.ts";
import { simTorrent, SwarmWorld } from "../../../testing/mod.ts";

/** Yields one address, then stays until told to end. */
function search(address: { hostname: string; port: number }): PeerDiscovery {
  return {
    source: "dht",
    async *discover({ infoHash }, signal) {
      yield { infoHash, address };
      await new Promise((resolve) =>
        signal.addEventListener("abort", resolve, { once: true })
      );
    },
  };
}

for (const version of ["v1", "hybrid", "v2"] as const) {
  Deno.test(`a ${version} torrent ends at any moment, whatever else is asked`, {
    permissions: "none",
  }, async () => {
    for (let round = 0; round < 16; round++) {
      const torrent = await simTorrent([["a", 300_000], ["b", 70_000]], {
        version,
        private: round % 3 === 0,
      });
      await using world = new SwarmWorld({ seed: round + 1 });
      const seed = await world.seeder(torrent, { uploadLimit: 400_000 });
      const host = await world.host({
        discovery: [search(seed.address)],
      });
      const { session } = host;
      const { infoHashV1, infoHashV2 } = torrent.metainfo;
      const link = infoHashV1 !== undefined
        ? `magnet:?xt=urn:btih:${toHex(infoHashV1)}`
        : `magnet:?xt=urn:btmh:1220${toHex(infoHashV2!)}`;
      const one = session.add(round % 2 === 0 ? torrent.bytes : link, {
        fileSystem: host.files,
        peers: [seed.address],
        saveResumeData: () => Promise.resolve(),
      });
      await world.clock.advance(round * 53);
      const asked: (() => Promise<unknown>[])[] = [
        () => [session.close(), session.close()],
        () => [session.remove(one, { deleteFiles: true }), one.pause()],
        () => [one.pause(), one.resume(), session.remove(one), one.close()],
        () => [one.resume(), one.pause(), one.selectFiles([0])],
      ];
      const calls = asked[(round >> 1) % 4]!();
      await world.run(Promise.allSettled(calls), 20_000);
      await world.run(session.close(), 20_000);
      await world.run(seed.session.close(), 20_000);
      // What was under way in the network arrives.
      await world.clock.advance(50);
      const what = `round ${round}`;
      assertEquals([world.open, world.clock.pending], [0, 0], what);
      const { peers, connecting, state } = one.stats();
      assertEquals([peers, connecting, state], [0, 0, "removed"], what);
    }
  });
}

Deno.test("a discovery has any name, and tells what it does", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent([["a", 60_000]]);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  let asked = 0;
  const host = await world.host({
    discovery: [{
      source: "friends",
      async *discover({ infoHash }, signal) {
        // The first time it is not there yet.
        if (++asked === 1) throw new Error("Nobody is in");
        yield* search(seed.address).discover(
          { infoHash, port: 0, isSeed: () => false },
          signal,
        );
      },
      traits: { isTrusted: true },
    }],
  });
  const leech = host.add(torrent);
  await world.clock.advance(1000);
  const [failed] = leech.discoveries();
  assertEquals([failed!.source, failed!.state, failed!.message], [
    "friends",
    "failed",
    "Nobody is in",
  ]);
  await world.run(leech.completed);
  const [works] = leech.discoveries();
  assertEquals([works!.state, works!.peers], ["searching", 1]);
});

Deno.test("a paused torrent answers no handshake", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent([["a", 60_000]]);
  await using world = new SwarmWorld();
  const host = await world.host();
  const leech = host.add(torrent, { paused: true });
  const seed = await world.seeder(torrent, {}, { peers: [host.address] });
  await world.clock.advance(30_000);
  const handshakes = () => {
    const { connected, failed } = host.session.stats().handshakes;
    return [connected.inbound, Object.keys(failed).length > 0];
  };
  assertEquals(handshakes(), [0, true]);
  await world.run(leech.resume());
  await world.run(leech.completed);
  assertEquals(handshakes(), [1, true]);
  await world.run(leech.pause());
  await world.clock.advance(60_000);
  assertEquals([seed.torrent.peerCount, leech.state], [0, "paused"]);
  assertEquals(handshakes(), [1, true]);
});
