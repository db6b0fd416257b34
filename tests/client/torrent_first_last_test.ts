import { assert, assertEquals } from "@std/assert";
import { simTorrent, SwarmWorld } from "../../testing/mod.ts";

const permissions: Deno.PermissionOptions = "none";

Deno.test({
  name:
    "first and last pieces of all files come before the others, by link, too",
  permissions,
  async fn() {
    await using world = new SwarmWorld();
    const torrent = await simTorrent([
      ["sim/a", 60 * 32768],
      ["sim/b", 40 * 32768],
    ]);
    const seeder = await world.seeder(torrent);
    const leecher = await world.host();
    const added = leecher.addMagnet(
      `magnet:?xt=urn:btih:${torrent.metainfo.infoHashV1!.toHex()}`,
      torrent,
      { peers: [seeder.address], firstLastPieces: true },
    );
    const order: number[] = [];
    void (async () => {
      for await (const event of added.events()) {
        if (event.type === "piece") order.push(event.pieceIndex);
      }
    })();
    await world.run(added.completed);
    assertEquals(order.length, 100);
    // Only what is allowed fast, while we are choked, may come before.
    for (const end of [0, 59, 60, 99]) {
      assert(order.indexOf(end) < 14, `${end}: ${order}`);
    }
  },
});
