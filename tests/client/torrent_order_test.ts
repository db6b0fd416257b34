/** In which order a torrent fetches, and from how many. */
import { assert, assertEquals } from "@std/assert";
import { simTorrent, SwarmWorld } from "../../testing/mod.ts";

Deno.test("Torrent keeps what it was told before it knows its files", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent([["a.bin", 500_000]]);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent, { uploadLimit: 500_000 });
  const host = await world.host({ maxPeersPerTorrent: 9 });
  const one = host.addMagnet(torrent.metainfo.infoHash.toHex(), torrent);
  assertEquals(one.maxPeers, 9);
  one.maxPeers = 1;
  one.setSequential(5);
  one.addPeers([seed.address]);
  await world.run(one.completed);
  // Pieces that the seed gives to choked peers (BEP 6) come first.
  const order = [...host.wire.requestedPieces];
  assert(order.indexOf(0) > order.indexOf(20), `${order}`);
  const saved = await one.save({ resumeData: false });
  assertEquals([saved.sequential, saved.maxPeers, one.maxPeers], [5, 1, 1]);
});

Deno.test("Torrent in sequence asks for pieces in order", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent([["a.bin", 2_000_000]]);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent, { uploadLimit: 500_000 });
  const host = await world.host();
  const one = host.add(torrent, { peers: [seed.address], sequential: true });
  await world.run(one.completed);
  const order = [...host.wire.requestedPieces];
  // Pieces that the seed gives to choked peers (BEP 6) come first.
  let inversions = 0;
  for (let i = 1; i < order.length; i++) {
    if (order[i]! < order[i - 1]!) inversions++;
  }
  assert(inversions <= 6, `${order}`);
  const rarest = await world.host();
  rarest.add(torrent, { peers: [seed.address] });
  await world.run(rarest.torrent.completed);
  const other = [...rarest.wire.requestedPieces];
  inversions = 0;
  for (let i = 1; i < other.length; i++) {
    if (other[i]! < other[i - 1]!) inversions++;
  }
  assert(inversions > 10, `${other}`);
});
