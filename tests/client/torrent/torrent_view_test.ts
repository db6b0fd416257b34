/** What users see of torrents and sessions. */
import { formatEndpoint } from "../../../_shared/address.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { SessionError } from "../../../client/error.ts";
import type { SessionEvent } from "../../../client/session_view.ts";
import { assertFiles, simTorrent, SwarmWorld } from "../../../testing/mod.ts";

const pure = { permissions: "none" } as const;

Deno.test("a torrent tells of its peers, files and pieces", pure, async () => {
  const torrent = await simTorrent([["a.bin", 200_000], ["b.bin", 100_000]]);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent, { uploadLimit: 100_000 });
  const host = await world.host();
  const one = host.add(torrent, { peers: [seed.address] });
  assertEquals(one.pieces(), undefined);
  await world.until(() => one.stats().piecesDone >= 2);
  const [peer] = one.peers();
  assert(peer !== undefined);
  assertEquals(peer.address, seed.address);
  assertEquals(peer.listening, seed.address);
  assertEquals(peer.direction, "outbound");
  assertEquals([peer.source, peer.transport], ["manual", "sim"]);
  assertEquals([peer.isSeed, peer.progress], [true, 1]);
  assertEquals([peer.amInterested, peer.peerChoking], [true, false]);
  assert(peer.downloadRate > 0 && peer.downloadedBytes > 32768);
  const pieces = one.pieces()!;
  assertEquals(pieces.count, torrent.metainfo.pieceCount);
  assertEquals(
    pieces.have.reduce((sum, one) => sum + one),
    one.stats().piecesDone,
  );
  assertEquals(new Set(pieces.availability), new Set([1]));
  assertEquals(pieces.distributedCopies, 1);
  assertEquals(
    one.files.map((file) => [file.path.join("/"), file.length, file.isPad]),
    [["sim/a.bin", 200_000, false], ["sim/b.bin", 100_000, false]],
  );
  await world.run(one.completed);
  assertEquals(one.files.map((file) => file.doneBytes), [200_000, 100_000]);
  const [other] = seed.torrent.peers();
  assertEquals(other?.direction, "inbound");
});

Deno.test("snapshots are plain JSON", pure, async () => {
  const torrent = await simTorrent([["a.bin", 200_000]], {
    trackers: [["http://secret.example/passkey/announce"]],
  });
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent, { uploadLimit: 100_000 });
  const httpTracker = {
    announce: () => Promise.resolve({ intervalMs: 1_800_000, peers: [] }),
  };
  const discovery = [{
    source: "friends",
    // deno-lint-ignore require-yield
    async *discover() {
      await Promise.resolve();
      throw new Error("Nobody is in");
    },
  }];
  const host = await world.host({ httpTracker, discovery });
  const one = host.add(torrent, { peers: [seed.address] });
  await world.until(() => one.stats().piecesDone >= 2);
  const state = host.session.state();
  assertEquals(JSON.parse(JSON.stringify(state)), state);
  assertEquals(state.local, formatEndpoint(host.address));
  const [snapshot] = state.torrents;
  assertEquals(snapshot!.state, "downloading");
  assertEquals(snapshot!.peers.length, 1);
  assertEquals(snapshot!.trackers[0]!.name, "http://secret.example");
  assert(!JSON.stringify(state).includes("passkey"));
  assertEquals(snapshot!.files[0]!.path, "a.bin");
  const { nextInMs, ...friends } = snapshot!.discoveries[0]!;
  assert(nextInMs! > 0);
  assertEquals(friends, {
    source: "friends",
    state: "failed",
    message: "Nobody is in",
    peers: 0,
  });
  await world.clock.advance(1_000);
  const [later] = host.session.state().torrents;
  assertEquals(later!.discoveries[0]!.nextInMs, nextInMs! - 1_000);
  const { wantedBytes, doneBytes, downloadRate, etaMs } = snapshot!.stats;
  assertEquals(etaMs, (wantedBytes - doneBytes) / downloadRate * 1000);
  // Without a rate nobody can tell.
  assertEquals(seed.torrent.stats().etaMs, undefined);
});

Deno.test("a session tells what its torrents tell", pure, async () => {
  const torrent = await simTorrent([["a.bin", 100_000]]);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  const host = await world.host();
  const events: SessionEvent[] = [];
  const told = (async () => {
    for await (const event of host.session.events()) events.push(event);
  })();
  const one = host.add(torrent, { peers: [seed.address] });
  await world.run(one.completed);
  await world.run(host.session.remove(one));
  await world.run(host.session.close());
  await world.run(told);
  assertEquals(events[0], { type: "added", torrent: one });
  assert(
    events.some((event) =>
      event.type === "torrent" && event.event.type === "complete"
    ),
  );
  assertEquals(
    events.filter((event) => event.type === "removed").length,
    1,
  );
});

Deno.test(
  "completed rejects when an error stops the torrent, and is new after it",
  pure,
  async () => {
    const torrent = await simTorrent([["a.bin", 400_000]]);
    await using world = new SwarmWorld();
    const seed = await world.seeder(torrent);
    const host = await world.host();
    host.files.capacityBytes = 100_000;
    const one = host.add(torrent, { peers: [seed.address] });
    const first = one.completed;
    await world.fails(first);
    assertEquals(one.state, "error");
    host.files.capacityBytes = Infinity;
    assertEquals(await world.run(one.resume()), true);
    await world.run(one.completed);
    assertFiles(torrent, host.files);
    // More is wanted than before: it is not complete.
    const two = await world.host();
    const part = two.add(torrent, { peers: [seed.address], files: [] });
    await world.run(part.completed);
    await world.run(part.selectFiles([0]));
    await world.run(part.completed);
    assertEquals(part.stats().doneBytes, 400_000);
    const removed = await world.host();
    const gone = removed.add(torrent, { peers: [] });
    const waiting = gone.completed;
    await world.run(gone.close());
    assert(await world.fails(waiting) instanceof SessionError);
  },
);

Deno.test(
  "a torrent is checked again, and fetches what was damaged",
  pure,
  async () => {
    const torrent = await simTorrent([["a.bin", 400_000]]);
    await using world = new SwarmWorld();
    const seed = await world.seeder(torrent);
    const host = await world.host();
    const one = host.add(torrent, { peers: [seed.address] });
    await assertRejects(() => one.setFilePriorities(new Map([[0, 1]])));
    await world.run(one.completed);
    host.files.open(["a.bin"], { write: true }).write(
      new Uint8Array(10),
      70_000,
    );
    await world.run(one.recheck());
    assertEquals(one.stats().doneBytes, 400_000 - 32768);
    await world.run(one.completed);
    assertFiles(torrent, host.files);
    // Paused it stays paused; closed it is closed.
    await world.run(one.pause());
    await world.run(one.recheck());
    assertEquals(one.state, "paused");
    await world.run(one.close());
    await world.fails(one.recheck());
  },
);

Deno.test("pieces with a deadline come first", pure, async () => {
  const torrent = await simTorrent([["a.bin", 3_000_000]]);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent, { uploadLimit: 400_000 });
  const host = await world.host();
  const one = host.add(torrent, { peers: [seed.address] });
  assertThrows(() => one.setDeadline(80, 1000), SessionError);
  await world.until(() => one.state === "downloading");
  for (const index of [80, 81, 82]) one.setDeadline(index, 1000);
  assertThrows(() => one.setDeadline(92, 1), RangeError);
  await world.until(() =>
    [80, 81, 82].every((index) => one.pieces()!.have[index] === 1)
  );
  assert(one.stats().piecesDone < 20, `${one.stats().piecesDone}`);
});

Deno.test("files get priorities while the torrent runs", pure, async () => {
  const torrent = await simTorrent([["a.bin", 500_000], ["b.bin", 500_000]]);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent, { uploadLimit: 300_000 });
  const host = await world.host();
  const one = host.add(torrent, {
    peers: [seed.address],
    filePriorities: [0],
  });
  await world.run(one.completed);
  assertEquals(one.files[0]!.priority, 0);
  assert(one.stats().doneBytes < 600_000);
  const [first] = one.files;
  await world.run(first!.setPriority(7));
  assertEquals(one.state, "downloading");
  await world.run(one.completed);
  assertFiles(torrent, host.files);
  await assertRejects(() => first!.setPriority(8), RangeError);
  await assertRejects(
    () => one.setFilePriorities(new Map([[2, 1]])),
    RangeError,
  );
});
