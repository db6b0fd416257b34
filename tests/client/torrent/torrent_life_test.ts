/** States of one torrent; more of its life is in `tests/client/torrent_test.ts`. */
import { assertEquals } from "@std/assert";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { simTorrent, SwarmWorld } from "../../../testing/mod.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "TorrentLife: a check while it is stopped by an error ends in that error",
  pure,
  async () => {
    const torrent = await simTorrent([["a.bin", 60_000], ["b.bin", 50_000]]);
    await using world = new SwarmWorld();
    const seed = await world.seeder(torrent);
    const files = new MemoryFileSystem({ capacityBytes: 65536 });
    const host = await world.host({ files });
    const one = host.add(torrent, { peers: [seed.address] });
    await world.until(() => one.state === "error");
    const { error } = one;
    for (const isPaused of [false, true]) {
      if (isPaused) await world.run(one.pause());
      await world.run(one.recheck());
      assertEquals([one.state, one.error], ["error", error]);
    }
    files.capacityBytes = Infinity;
    assertEquals(await world.run(one.resume()), true);
    await world.until(() => one.state === "seeding");
  },
);
