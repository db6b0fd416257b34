/** Life of a torrent: pausing, resuming, removing, selecting, failing. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
} from "@std/assert";
import { SessionError } from "../../client/error.ts";
import { DiskError } from "../../disk/error.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { injectFaults, interceptFileSystem } from "../../disk/middleware.ts";
import {
  assertFiles,
  filled,
  simTorrent,
  SwarmWorld,
} from "../../testing/mod.ts";

const FILES = [["a.bin", 600_000], ["b.bin", 500_000], [
  "c.bin",
  400_000,
]] as const;

Deno.test("Torrent pauses: no peer, no byte, and goes on", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent, { uploadLimit: 300_000 });
  const host = await world.host();
  const one = host.add(torrent, { peers: [seed.address] });
  await world.until(() => one.stats().piecesDone > 5);
  await world.run(one.pause());
  assertEquals(one.state, "paused");
  assertEquals(one.stats().peers, 0);
  const { downloadedBytes, doneBytes } = one.stats();
  await world.clock.advance(60_000);
  assertEquals(one.stats().downloadedBytes, downloadedBytes);
  assertEquals(one.stats().doneBytes, doneBytes);
  assertEquals(one.stats().peers, 0);
  assertEquals(await world.run(one.resume()), true);
  await world.run(one.completed);
  assertEquals(one.state, "seeding");
  assertFiles(torrent, host.files);
  // What was there was not fetched twice.
  assert(one.stats().downloadedBytes < 1_700_000);
  world.assertWire();
});

Deno.test("a pause costs no peer: who was connected is dialled soon", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent, { uploadLimit: 10_000 });
  const host = await world.host();
  const one = host.add(torrent, { peers: [seed.address] });
  await world.until(() => one.stats().connecting === 1);
  await world.run(one.pause());
  await world.run(one.resume());
  await world.clock.advance(1_500);
  assertEquals(one.stats().peers, 1, "while it was dialled");
  for (const connectedMs of [0, 1_000, 10_000]) {
    await world.until(() => one.stats().peers === 1);
    await world.clock.advance(connectedMs);
    const paused = one.pause();
    const resumed = one.resume();
    await world.run(Promise.all([paused, resumed]));
    await world.clock.advance(1_500);
    assertEquals(one.stats().peers, 1, `after ${connectedMs} ms, in a turn`);
    await world.run(one.pause());
    await world.clock.advance(500);
    await world.run(one.resume());
    await world.clock.advance(1_500);
    assertEquals(one.stats().peers, 1, `after ${connectedMs} ms`);
  }
});

Deno.test(
  "Torrent added paused waits for resume()",
  { permissions: "none" },
  async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld();
    const seed = await world.seeder(torrent);
    const host = await world.host();
    const one = host.add(torrent, { peers: [seed.address], paused: true });
    await world.clock.advance(20_000);
    assertEquals(one.state, "paused");
    assertEquals(host.wire.mostOpen, 0);
    await world.run(one.resume());
    await world.run(one.completed);
  },
);

Deno.test("Torrent takes pause() and resume() at once: the last one counts", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld({ seed: 4 });
  const seed = await world.seeder(torrent, { uploadLimit: 200_000 });
  const host = await world.host();
  const one = host.add(torrent, { peers: [seed.address] });
  await world.until(() => one.stats().piecesDone > 2);
  await world.run(Promise.all([one.pause(), one.resume()]));
  await world.clock.advance(100);
  assertEquals(one.state, "downloading");
  await world.run(Promise.all([one.resume(), one.pause(), one.pause()]));
  await world.clock.advance(30_000);
  assertEquals(one.state, "paused");
  assertEquals(one.stats().peers, 0);
  for (let i = 0; i < 20; i++) {
    const calls = [];
    for (let k = world.int(4); k >= 0; k--) {
      calls.push(world.int(2) === 0 ? one.pause() : one.resume());
    }
    await world.clock.advance(world.int(500));
    await world.run(Promise.all(calls));
  }
  await world.run(one.resume());
  await world.run(one.completed, 120_000);
  assertFiles(torrent, host.files);
});

Deno.test("Torrent paused and resumed while it is checked", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  const host = await world.host();
  const one = host.add(torrent, { peers: [seed.address] });
  assertEquals(one.state, "checking");
  const paused = one.pause();
  const resumed = one.resume();
  await world.run(Promise.all([paused, resumed]));
  await world.run(one.completed);
  const states = host.events.flatMap((event) =>
    event.type === "state" ? [event.state] : []
  );
  assert(!states.includes("metadata"), `${states}`);
  assertEquals(one.state, "seeding");
});

Deno.test("Torrent paused while it is checked goes on where it was, or ends", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const host = await world.host({ files: filled(torrent) });
  const one = host.add(torrent, { readOnly: true });
  assertEquals(one.state, "checking");
  void one.pause();
  await world.clock.advance(60_000);
  assertEquals([one.state, one.isPaused], ["checking", true]);
  assertEquals(one.snapshot().paused, true);
  assertEquals(one.stats().piecesDone, 0);
  assertEquals(await world.run(one.resume()), true);
  assertEquals([one.isPaused, one.snapshot().paused], [false, false]);
  await world.until(() => one.state === "seeding");
  void one.recheck();
  await world.run(one.pause());
  await world.clock.advance(60_000);
  assertEquals(one.state, "checking");
  await world.run(one.close());
  assertEquals(one.state, "removed");
});

Deno.test("Session.remove() races with pause() and resume()", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld({ seed: 6 });
  const seed = await world.seeder(torrent);
  const host = await world.host();
  for (let i = 0; i < 12; i++) {
    const one = host.add(torrent, { peers: [seed.address] });
    await world.clock.advance(i * 13);
    const calls: Promise<unknown>[] = [one.pause(), one.resume()];
    calls.splice(i % 3, 0, host.session.remove(one, { deleteFiles: i > 5 }));
    calls.push(host.session.remove(one));
    await world.run(Promise.all(calls));
    assertEquals(one.state, "removed");
    assertEquals(host.session.torrents, []);
    assertEquals(await one.resume(), false);
    await assertRejects(() =>
      one.completed.then(() => {
        throw new SessionError("closed", "completed before");
      }), SessionError);
    if (i > 5) assertEquals(host.files.list(), []);
  }
  await world.clock.advance(1000);
  assertEquals(host.wire.open, 0);
});

Deno.test("Session.remove() deletes the files only when told to", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  const host = await world.host();
  const one = host.add(torrent, { peers: [seed.address] });
  await world.run(one.completed);
  await world.run(host.session.remove(one));
  assertFiles(torrent, host.files);
  const again = host.add(torrent);
  await world.until(() => again.state === "seeding");
  await world.run(host.session.remove(again, { deleteFiles: true }));
  assertEquals(host.files.list(), []);
});

Deno.test("Torrent fetches only the selected files, and more on request", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  const host = await world.host();
  const one = host.add(torrent, { peers: [seed.address], files: [1] });
  // Pieces at the borders are kept beside the files.
  host.truths.clear();
  await world.run(one.completed);
  assertFiles(torrent, host.files, ["sim/b.bin"]);
  assertEquals(
    host.files.list().filter((path) => /[ac]\.bin$/.test(path)),
    [],
  );
  assertEquals(one.stats().doneBytes, one.stats().wantedBytes);
  assert(one.stats().wantedBytes < 600_000);
  await assertRejects(() => one.selectFiles([1, 3]), RangeError, "no file 3");
  await world.run(one.selectFiles([1, 2]));
  assertEquals(one.state, "downloading");
  await world.until(() => one.state === "seeding", 90_000);
  assertFiles(torrent, host.files, ["sim/b.bin", "sim/c.bin"]);
  assertEquals(
    host.files.list().filter((path) => path.endsWith("a.bin")),
    [],
  );
  await world.run(one.selectFiles([0, 1, 2]));
  await world.until(() => one.state === "seeding", 90_000);
  assertFiles(torrent, host.files);
  world.assertWire();
});

Deno.test("Torrent drops files in the middle of the download", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld({ seed: 8 });
  const seed = await world.seeder(torrent, { uploadLimit: 100_000 });
  const host = await world.host();
  const one = host.add(torrent, { peers: [seed.address], sequential: true });
  await world.until(() => one.stats().piecesDone > 3);
  await world.run(one.selectFiles([2]));
  await world.run(one.completed);
  assertFiles(torrent, host.files, ["sim/c.bin"]);
  assert(one.stats().piecesDone < one.stats().pieceCount);
  // Two selections at once: the later one counts as a whole.
  await world.run(
    Promise.all([one.selectFiles([0]), one.selectFiles([1, 2])]),
  );
  const wanted = [0, 1, 2].map((i) => one.storage!.isFileWanted(i));
  assertEquals(wanted, [false, true, true]);
});

Deno.test("Torrent selects no files before it knows them", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const host = await world.host();
  const hex = [...torrent.metainfo.infoHash].map((byte) =>
    byte.toString(16).padStart(2, "0")
  ).join("");
  const one = host.addMagnet(hex, torrent);
  const error = await world.fails(one.selectFiles([0]));
  assertInstanceOf(error, SessionError);
  assertEquals(error.code, "no-metadata");
});

Deno.test("Torrent goes on from its resume data without checking", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld({ seed: 10 });
  const seed = await world.seeder(torrent, { uploadLimit: 200_000 });
  const files = new MemoryFileSystem();
  let saved: Uint8Array | undefined;
  let done = 0;
  {
    const host = await world.host({ files });
    const one = host.add(torrent, {
      peers: [seed.address],
      saveResumeData: (data) => Promise.resolve(void (saved = data)),
    });
    await world.until(() => one.stats().piecesDone > 20);
    const closing = host.session.close();
    await world.run(closing);
    done = one.stats().piecesDone;
  }
  assert(saved !== undefined);
  const host = await world.host({ files });
  const one = host.add(torrent, {
    peers: [seed.address],
    resumeData: saved,
  });
  await world.until(() => one.state === "downloading", 100);
  assertEquals(one.stats().piecesDone, done);
  assertEquals(
    host.events.filter((event) => event.type === "checking"),
    [],
  );
  await world.run(one.completed);
  assertFiles(torrent, files);
});

Deno.test("Torrent distrusts resume data that is garbage or old", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld({ seed: 12 });
  const seed = await world.seeder(torrent);
  const files = new MemoryFileSystem();
  let saved = new Uint8Array();
  const first = await world.host({ files });
  const one = first.add(torrent, {
    peers: [seed.address],
    saveResumeData: (data) =>
      Promise.resolve(void (saved = new Uint8Array(data))),
  });
  await world.run(one.completed);
  await world.run(first.session.close());
  const handle = files.open(["sim", "a.bin"], { write: true });
  handle.write(new Uint8Array(1000), 40_000);
  for (
    const resumeData of [saved, saved.slice(0, 50), new Uint8Array(5)]
  ) {
    const host = await world.host({ files });
    const again = host.add(torrent, { resumeData });
    await world.until(() => again.state === "downloading");
    const { piecesDone, pieceCount } = again.stats();
    assertEquals(piecesDone, pieceCount - 1);
    await world.run(host.session.close());
  }
});

for (const after of [100_000, 700_000]) {
  Deno.test(`Torrent with a disk full at ${after}: error, then goes on`, {
    permissions: "none",
  }, async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld({ seed: after });
    const seed = await world.seeder(torrent, { uploadLimit: 400_000 });
    const files = new MemoryFileSystem({ capacityBytes: after });
    const host = await world.host({ files });
    const one = host.add(torrent, { peers: [seed.address] });
    await world.until(() => one.state === "error", 60_000);
    assertInstanceOf(one.error, DiskError);
    assertEquals(one.error.code, "disk-full");
    await world.clock.advance(5_000);
    assertEquals(one.stats().peers, 0);
    const { downloadedBytes } = one.stats();
    await world.clock.advance(60_000);
    assertEquals(one.stats().downloadedBytes, downloadedBytes);
    // Still full: it says so.
    assertEquals(await world.run(one.resume()), false);
    assertEquals(one.state, "error");
    files.capacityBytes = Infinity;
    // The last word counts.
    const [isGoing] = await world.run(Promise.all([one.resume(), one.pause()]));
    assertEquals([isGoing, one.state], [false, "error"]);
    assertEquals(await world.run(one.resume()), true);
    await world.run(one.completed, 120_000);
    assertFiles(torrent, files);
    assertEquals(one.error, undefined);
  });
}

Deno.test("Torrent with a broken disk at the start: error, then goes on", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  const host = await world.host();
  let broken = true;
  const fileSystem = interceptFileSystem(
    filled(torrent, host.files),
    injectFaults(({ operation }) =>
      broken && operation === "read"
        ? {
          error: new DiskError("io", "Cannot read: broken", { operation }),
        }
        : undefined
    ),
  );
  const one = host.watch(
    host.session.add(torrent.bytes, { fileSystem, peers: [seed.address] }),
  );
  await world.until(() => one.state === "error", 60_000);
  assertInstanceOf(one.error, DiskError);
  broken = false;
  assertEquals(await world.run(one.resume()), true);
  await world.run(one.completed);
});

Deno.test("Torrent whose two hashes disagree stops and blames nobody", {
  permissions: "none",
}, async () => {
  const files = [["a.bin", 100_000]] as const;
  const torrent = await simTorrent(files, { version: "hybrid" });
  const other = await simTorrent(files, { version: "hybrid", seed: 2 });
  await using world = new SwarmWorld();
  // It has what the v1 hashes are of, and looks at nothing.
  const seed = await world.seeder(torrent, {}, { seedMode: true });
  const host = await world.host();
  const twisted = {
    ...torrent.metainfo,
    files: other.metainfo.files,
    pieceLayers: other.metainfo.pieceLayers!,
  };
  const one = host.watch(
    host.session.add(twisted, {
      fileSystem: host.files,
      peers: [seed.address],
    }),
  );
  await world.until(() => one.state === "error", 20_000);
  assertInstanceOf(one.error, SessionError);
  assertEquals(one.error.code, "contradiction");
  assertEquals(host.peersIn("banned"), []);
  assertEquals(await world.run(one.resume()), false);
});

Deno.test("Torrent that only reads serves what is there and writes nothing", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld({ seed: 14 });
  const half = filled(torrent);
  half.open(["sim", "b.bin"], { write: true }).write(
    new Uint8Array(100_000),
    0,
  );
  half.remove(["sim", "c.bin"]);
  const before = half.list();
  const changed = half.stat(["sim", "b.bin"])!.modifiedMs;
  const seed = await world.seeder(torrent, { uploadLimit: 500_000 });
  const part = await world.host({ files: half });
  part.add(torrent, { readOnly: true, peers: [seed.address] });
  const host = await world.host({ pex: false });
  await world.clock.advance(3000);
  host.add(torrent, { peers: [part.address] });
  await world.clock.advance(20_000);
  assertEquals(part.torrent.stats().downloadedBytes, 0);
  assertEquals(half.list(), before);
  assertEquals(half.stat(["sim", "b.bin"])!.modifiedMs, changed);
  assertEquals(
    host.torrent.stats().piecesDone,
    part.torrent.stats().piecesDone,
  );
  assertEquals(part.peersIn("banned"), []);
  host.torrent.addPeers([seed.address]);
  await world.run(host.torrent.completed);
  world.assertWire();
});
