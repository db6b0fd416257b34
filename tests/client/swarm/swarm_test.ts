/** Connected peers: what is learnt of them, and when they go. */
import { assert, assertEquals } from "@std/assert";
import type { Torrent } from "../../../client/torrent.ts";
import { simTorrent, SwarmWorld } from "../../../testing/mod.ts";

const pure = { permissions: "none" } as const;

const clients = (torrent: Torrent) =>
  torrent.peers().map(({ client, listening, direction }) => [
    client,
    listening?.port,
    direction,
  ]);

Deno.test(
  "peers tell each other their client, and where they listen",
  pure,
  async () => {
    const torrent = await simTorrent([["a", 400_000]]);
    await using world = new SwarmWorld();
    const seed = await world.seeder(torrent, {
      clientVersion: "Seed 1",
      uploadLimit: 20_000,
    });
    const host = await world.host({ clientVersion: "Leech 2" });
    const leech = host.add(torrent, { peers: [seed.address] });
    await world.until(() =>
      clients(seed.torrent).some(([client]) => client === "Leech 2") &&
      clients(leech).some(([client]) => client === "Seed 1")
    );
    assertEquals(clients(seed.torrent), [
      ["Leech 2", host.address.port, "inbound"],
    ]);
    assertEquals(clients(leech), [["Seed 1", seed.address.port, "outbound"]]);
  },
);

Deno.test(
  "a seed leaves a seed, and those who want nothing",
  pure,
  async () => {
    const torrent = await simTorrent([["a", 100_000], ["b", 100_000]]);
    await using world = new SwarmWorld();
    const seed = await world.seeder(torrent);
    const other = await world.seeder(torrent);
    other.torrent.addPeers([seed.address]);
    const part = await world.host();
    const half = part.add(torrent, { files: [0], peers: [seed.address] });
    await world.until(() => half.state === "seeding");
    await world.run(world.clock.advance(5_000));
    assertEquals([seed, other, part].map(({ torrent }) => torrent.peerCount), [
      0,
      0,
      0,
    ]);
    assert(half.stats().downloadedBytes >= 100_000);
  },
);
