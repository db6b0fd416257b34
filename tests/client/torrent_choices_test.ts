// What may be chosen for a torrent while it is there.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { simTorrent, SwarmWorld } from "../../testing/mod.ts";

const none = { permissions: "none" } as const;

/** A torrent of two files, in five pieces, that nobody sends. */
async function scene(world: SwarmWorld) {
  const torrent = await simTorrent([["a", 49_152], ["b", 32_768]], {
    pieceLength: 16_384,
  });
  const host = await world.host();
  const one = host.add(torrent);
  await world.until(() => one.state === "downloading");
  return { one };
}

Deno.test(
  "Torrent knows its files and pieces by number, and no others",
  none,
  async () => {
    await using world = new SwarmWorld();
    const { one } = await scene(world);
    await one.setFilePriorities(new Map([[0, 7], [1, 1]]));
    one.setPiecePriorities(new Map([[0, 3], [4, 2]]));
    one.setDeadline(0, 5_000);
    one.setDeadline(4, undefined);
    assertEquals([...one.pieces()!.priorities], [3, 7, 7, 1, 2]);
    for (const index of [-1, 0.5, 2, NaN]) {
      await assertRejects(
        async () => await one.setFilePriorities(new Map([[index, 1]])),
        RangeError,
        "There is no file",
      );
    }
    for (const index of [-1, 0.5, 5, NaN]) {
      const set = () => one.setPiecePriorities(new Map([[index, 1]]));
      assertThrows(set, RangeError, "There is no piece");
      assertThrows(
        () => one.setDeadline(index, 1),
        RangeError,
        "the torrent has 5",
      );
    }
  },
);

Deno.test(
  "Torrent is limited by its session, a group, or nothing",
  none,
  async () => {
    const torrent = await simTorrent([["a", 200_000]]);
    for (
      const [by, isSlow] of [
        ["session", true],
        ["group", true],
        ["nothing", false],
      ] as const
    ) {
      await using world = new SwarmWorld();
      const seed = await world.seeder(torrent);
      const host = await world.host({
        downloadLimit: by === "group" ? 1e9 : 20_000,
      });
      const one = host.add(torrent, { paused: true, peers: [seed.address] });
      assertEquals(one.limitedBy, "session");
      const group = host.session.limitGroup();
      group.downloadLimit = 20_000;
      const chosen = by === "group" ? group : by;
      one.limitedBy = chosen;
      one.limitedBy = chosen;
      assertEquals(one.limitedBy === chosen, true);
      void one.resume();
      await world.run(one.completed, 60_000);
      assertEquals(world.clock.now() > 8_000, isSlow, by);
    }
  },
);

Deno.test("Torrent takes weights and numbers of peers", none, async () => {
  await using world = new SwarmWorld();
  const { one } = await scene(world);
  for (const weight of [0.01, 100, 1]) {
    one.limitWeight = weight;
    assertEquals(one.limitWeight, weight);
  }
  for (const weight of [0.009, 100.1, NaN]) {
    assertThrows(() => one.limitWeight = weight, RangeError, "0.01 to 100");
  }
  assertEquals(one.maxPeers, 100);
  one.maxPeers = 3;
  // It could not be restored with such.
  for (const count of [0, -1, 1.5, NaN]) {
    assertThrows(() => one.maxPeers = count, RangeError, "positive integer");
  }
  assertEquals(one.maxPeers, 3);
});
