import { assert, assertEquals, assertRejects } from "@std/assert";
import { assertFiles, simTorrent } from "../../testing/sim_torrent.ts";
import { SwarmWorld } from "../../testing/swarm_world.ts";

Deno.test({
  name: "SwarmWorld - the same swarm twice, event by event",
  permissions: "none",
  async fn() {
    const play = async () => {
      await using world = new SwarmWorld({ seed: 3, latencyMs: 25 });
      const torrent = await simTorrent([["a.bin", 200_000]]);
      const seeder = await world.seeder(torrent);
      const hosts = [await world.host(), await world.host()];
      for (const host of hosts) {
        host.add(torrent, { peers: [seeder.address] });
      }
      for (const { torrent } of hosts) await world.run(torrent.completed);
      for (const host of hosts) assertFiles(torrent, host.files);
      world.assertWire();
      assert(world.open > 0);
      return [
        world.clock.now(),
        hosts.map(({ events }) => events.map(({ type }) => type)),
        hosts.map(({ wire }) => [...wire.sent]),
      ];
    };
    assertEquals(await play(), await play());
  },
});

Deno.test({
  name: "SwarmWorld - refusing, waiting in vain, rejecting, damaged content",
  permissions: "none",
  async fn() {
    await using world = new SwarmWorld();
    const torrent = await simTorrent([["a.bin", 50_000]]);
    const seeder = await world.seeder(torrent);
    const host = await world.host({ refuses: () => true });
    const added = host.add(torrent, { peers: [seeder.address] });
    await assertRejects(
      () => world.until(() => added.state === "seeding", 3_000, "the end"),
      Error,
      "the end did not come true in 3000 ms of virtual time",
    );
    assertEquals(host.peersIn("failed")[0], seeder.address.hostname);
    const reason = new Error("no");
    assertEquals(await world.fails(Promise.reject(reason)), reason);
    await assertRejects(() => world.fails(Promise.resolve()), Error);
    // A host that tells of what it lacks is found out.
    const handle = seeder.files.open(["a.bin"], { write: true });
    handle.write(new Uint8Array(50_000), 0);
    const other = await world.host();
    other.add(torrent, { peers: [seeder.address] });
    await world.until(() => seeder.wire.violations.length > 0, 10_000);
    assert(/told of piece \d+ that is not stored/.test(
      seeder.wire.violations.join("\n"),
    ));
    await assertRejects(async () => await world.assertWire(), Error);
  },
});
