/** What outlives a session. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatEndpoint } from "../../../_shared/address.ts";
import { SessionError } from "../../../client/error.ts";
import type { SavedSession } from "../../../client/torrent/saved.ts";
import { formatMagnet, magnetOf } from "../../../metainfo/mod.ts";
import { assertFiles, simTorrent, SwarmWorld } from "../../../testing/mod.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "Session.save() and restore() bring torrents back",
  pure,
  async () => {
    const torrent = await simTorrent([["a.bin", 400_000], ["b.bin", 300_000]]);
    await using world = new SwarmWorld();
    const seed = await world.seeder(torrent, { uploadLimit: 200_000 });
    const host = await world.host();
    const one = host.add(torrent, {
      peers: [seed.address],
      sequential: true,
      trackers: ["http://more.example/announce"],
      downloadLimit: 5_000_000,
      maxPeers: 7,
    });
    await world.until(() => one.state === "downloading");
    await world.run(one.setFilePriorities(new Map([[1, 7]])));
    one.setPiecePriorities(new Map([[2, 1]]));
    one.addTrackers([["udp://late.example:1"]]);
    await world.run(one.files[0]!.rename(["sim", "other", "a.bin"]));
    assertEquals(one.snapshot().files[0]!.path, "sim/other/a.bin");
    await world.fails(one.files[0]!.rename(["..", "a.bin"]));
    await world.fails(one.files[0]!.rename(["sim", "b.bin"]));
    await world.until(() => one.stats().piecesDone >= 4);
    const saved: SavedSession = JSON.parse(
      JSON.stringify(await world.run(host.session.save())),
    );
    await world.run(host.session.close());

    const again = await world.host({ files: host.files, trackers: false });
    const [two] = again.session.restore(
      saved,
      () => ({ fileSystem: again.files }),
    );
    assert(two !== undefined);
    again.watch(two);
    // Also before it was checked.
    assertEquals(two.files.map((file) => file.priority), [4, 7]);
    await world.until(() => two.state === "downloading");
    const { doneBytes, downloadedBytes } = two.stats();
    assert(doneBytes >= 4 * 32768, `${doneBytes}`);
    assert(downloadedBytes >= doneBytes);
    assertEquals(two.downloadLimit, 5_000_000);
    assertEquals(two.files.map((file) => file.priority), [4, 7]);
    assertEquals(two.pieces()!.priorities[2], 1);
    assertEquals(saved.torrents[0]!.peers, [formatEndpoint(seed.address)]);
    // It may be restored twice: the second time there is nothing new.
    assertEquals(again.session.restore(saved), []);
    await world.run(two.completed);
    assertFiles(torrent, again.files, ["sim/b.bin"]);
    assertEquals(
      again.files.contents(["sim", "other", "a.bin"]),
      torrent.content.get("sim/a.bin"),
    );
    assertEquals(again.files.contents(["sim", "a.bin"]), undefined);
    // What was saved of it is the same choice of trackers.
    const { trackers } = await world.run(two.save());
    assertEquals(trackers, [
      "http://more.example/announce",
      ["udp://late.example:1"],
    ]);
  },
);

Deno.test(
  "a link is saved as a link until its metadata is known",
  pure,
  async () => {
    const torrent = await simTorrent([["a.bin", 100_000]], {
      version: "hybrid",
    });
    const link = formatMagnet({ ...magnetOf(torrent.metainfo), trackers: [] });
    await using world = new SwarmWorld();
    const host = await world.host();
    const one = host.addMagnet(link, torrent, { paused: true });
    const saved = await world.run(one.save());
    assertEquals(saved.torrent, undefined);
    assertEquals(saved.paused, true);
    await world.run(host.session.close());

    const again = await world.host();
    const seed = await world.seeder(torrent);
    const [two] = again.session.restore(
      { version: 1, torrents: [saved] },
      () => ({ fileSystem: again.files, paused: false, peers: [seed.address] }),
    );
    await world.run(two!.completed);
    const whole = await world.run(two!.save());
    // Its piece layers came from nobody: it is no torrent file yet.
    assertEquals(whole.torrent, undefined);
    assert(whole.info !== undefined);
    await world.run(again.session.close());

    const third = await world.host();
    const [three] = third.session.restore(
      // Nobody is there who could be asked.
      { version: 1, torrents: [{ ...whole, peers: [] }] },
      () => ({ fileSystem: again.files }),
    );
    await world.until(() => three!.state === "seeding");
  },
);

Deno.test("the folder of a torrent is saved", pure, async () => {
  const torrent = await simTorrent([["a.bin", 100_000]]);
  await using world = new SwarmWorld();
  const host = await world.host();
  const link = formatMagnet(magnetOf(torrent.metainfo));
  const one = host.session.add(link, { dir: "some/where", paused: true });
  assertEquals((await world.run(one.save())).dir, "some/where");
});

Deno.test("restore() refuses what is no saved session", pure, async () => {
  await using world = new SwarmWorld();
  const { session } = await world.host();
  const restore = (torrent: object) =>
    session.restore({ version: 1, torrents: [torrent] } as never);
  for (const saved of [{}, { version: 2, torrents: [] }, { version: 1 }]) {
    assertThrows(() => session.restore(saved as never), TypeError, "version 1");
  }
  const link = "a".repeat(40);
  assertThrows(
    () => restore({ version: 2, magnet: link, peers: [] }),
    TypeError,
    "version 2",
  );
  assertThrows(() => restore({ version: 1, peers: [] }), TypeError);
  assertThrows(
    () => restore({ version: 1, peers: [], torrent: "%%%" }),
    SyntaxError,
  );
  assertEquals(session.torrents, []);
  // Only one that was already added is passed over.
  const saved = { version: 1, magnet: link, peers: [] };
  const more = (options: object) => () =>
    session.restore({ version: 1, torrents: [saved] } as never, () => options);
  assertThrows(more({ maxPeers: -1 }), RangeError);
  await world.run(session.close());
  assertThrows(more({}), SessionError, "closed");
});
