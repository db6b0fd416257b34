/** What is done to one torrent of a daemon while something else is done to it. */
import { assertEquals, assertRejects } from "@std/assert";
import type { Torrent } from "../../client/torrent.ts";
import type { DaemonContext } from "../../daemon/context.ts";
import { Daemon } from "../../daemon/daemon.ts";
import {
  type DaemonTorrent,
  makeDaemonTorrent,
} from "../../daemon/daemon_torrent.ts";
import { DaemonError } from "../../daemon/error.ts";
import { newRecord } from "../../daemon/state/record.ts";
import { StateFile } from "../../daemon/state/state_file.ts";
import { DiskError } from "../../disk/error.ts";
import { createMetainfo } from "../../metainfo/mod.ts";
import { TempDir } from "../support/paths.ts";

const bytes = new Uint8Array(100_000).fill(7);
const torrent = await createMetainfo({ inputs: [{ path: ["a"], bytes }] });

async function open(dir: TempDir): Promise<Daemon> {
  return await Daemon.open({
    state: dir.join("state"),
    dir: dir.path,
    session: { listen: false, dht: false, lpd: false, portMap: false },
  });
}

/** Waits until a torrent has a status. */
async function is(daemon: Daemon, torrent: DaemonTorrent, status: string) {
  const events = daemon.events();
  if (torrent.status === status) return;
  for await (const { type } of events) {
    if (type === "status" && torrent.status === status) return;
  }
}

/** Waits until all of a torrent is there. */
const isSeeding = (daemon: Daemon, torrent: DaemonTorrent) =>
  is(daemon, torrent, "seeding");

Deno.test("of two who add a torrent at once one is told that it is there", async () => {
  await using dir = new TempDir();
  await using daemon = await open(dir);
  const results = await Promise.allSettled(
    [0, 1].map(() => daemon.add(torrent, { paused: true })),
  );
  assertEquals(results.map(({ status }) => status), ["fulfilled", "rejected"]);
  const { reason } = results[1] as PromiseRejectedResult;
  assertEquals([reason.code, reason.id], ["duplicate", 1]);
});

Deno.test("a torrent that is removed is not opened elsewhere", async () => {
  await using dir = new TempDir();
  await using daemon = await open(dir);
  const one = await daemon.add(torrent, { paused: true });
  const moving = one.move(dir.join("else"), { data: false });
  await daemon.remove(one);
  const error = await assertRejects(() => moving, DaemonError);
  assertEquals(error.code, "not-found");
  assertEquals(daemon.session.torrents, []);
});

Deno.test("files are moved to one place after the other", async () => {
  await using dir = new TempDir();
  await using daemon = await open(dir);
  await Deno.writeFile(dir.join("a"), bytes);
  const one = await daemon.add(torrent);
  await isSeeding(daemon, one);
  const noted: [string, string | undefined][] = [];
  const client = one.torrent;
  const move = client.move.bind(client);
  client.move = async (to) => {
    noted.push([to, one.record.moving?.to]);
    await move(to);
    noted.push([to, one.record.moving?.to]);
  };
  const [x, y] = [dir.join("x"), dir.join("y")] as const;
  await Promise.all([one.move(x), one.move(y)]);
  // A crash would find the one that is under way.
  assertEquals(noted, [[x, x], [x, x], [y, y], [y, y]]);
  assertEquals([one.dir, one.record.moving], [y, undefined]);
  assertEquals([...Deno.readDirSync(y)].length, 1);
});

Deno.test("of a move or a rename that failed no note is kept", async () => {
  const record = newRecord("/in", 0);
  const noted: unknown[] = [];
  const nothing = () => {};
  const context = {
    allowedDir: (dir: string) => dir,
    changed: nothing,
    keep: () => noted.push(record.moving?.to, record.renaming?.length),
    now: () => 0,
    saveOptions: () => Promise.resolve(),
  } as unknown as DaemonContext;
  const fail = () => Promise.reject(new Error("no"));
  const client = {
    infoHash: new Uint8Array(20),
    dir: "/in",
    metainfo: {},
    storage: { ownPlaces: [["a"]] },
    files: [{ index: 0, path: ["a"], rename: fail }],
    move: fail,
  } as unknown as Torrent;
  const one = makeDaemonTorrent(context, 1, client, record);
  await assertRejects(() => one.move("/out"), Error, "no");
  assertEquals(noted.splice(0), ["/out", undefined, undefined, undefined]);
  await assertRejects(() => one.rename("a", "b"), Error, "no");
  assertEquals(noted, [undefined, 1, undefined, undefined]);
});

/** Forgets what is known of files, so that they are checked after a start. */
async function forget(dir: TempDir): Promise<void> {
  using kept = await StateFile.open(dir.join("state"));
  kept.saveResume(1, undefined);
}

Deno.test("of a move to where something is in the way no note is made", async () => {
  await using dir = new TempDir();
  await Deno.writeFile(dir.join("a"), bytes);
  await Deno.mkdir(dir.join("else"));
  // As long as the torrent's: a crash would take it for half of a copy.
  const theirs = new Uint8Array(bytes.length);
  await Deno.writeFile(dir.join("else/a"), theirs);
  const { saveRecord } = StateFile.prototype;
  const notes: unknown[] = [];
  StateFile.prototype.saveRecord = function (id, place, record) {
    if (record.moving !== undefined) notes.push(record.moving);
    saveRecord.call(this, id, place, record);
  };
  try {
    await using daemon = await open(dir);
    const one = await daemon.add(torrent);
    await isSeeding(daemon, one);
    const moving = () => one.move(dir.join("else"));
    assertEquals((await assertRejects(moving, DiskError)).code, "exists");
    assertEquals([notes, one.record.moving], [[], undefined]);
    assertEquals(await Deno.readFile(dir.join("else/a")), theirs);
  } finally {
    StateFile.prototype.saveRecord = saveRecord;
  }
});

Deno.test("files that are being checked after a start are moved, too", async () => {
  await using dir = new TempDir();
  // So large that it is not checked at once.
  const large = new Uint8Array(16_000_000).fill(7);
  const torrent = await createMetainfo({
    inputs: [{ path: ["a"], bytes: large }],
  });
  await Deno.writeFile(dir.join("a"), large);
  const first = await open(dir);
  await isSeeding(first, await first.add(torrent));
  await first.close();
  await forget(dir);
  await using daemon = await open(dir);
  const one = daemon.get(1)!;
  assertEquals(one.torrent.state, "checking");
  const moving = one.move(dir.join("else"));
  await moving;
  await isSeeding(daemon, one);
  assertEquals((await Deno.stat(dir.join("else/a"))).size, large.length);
  await assertRejects(() => Deno.stat(dir.join("a")), Deno.errors.NotFound);
});

Deno.test("who is removed while files are to be moved after a check is told", async () => {
  await using dir = new TempDir();
  const large = new Uint8Array(16_000_000).fill(7);
  const torrent = await createMetainfo({
    inputs: [{ path: ["a"], bytes: large }],
  });
  await Deno.writeFile(dir.join("a"), large);
  await using daemon = await open(dir);
  const one = await daemon.add(torrent);
  const moving = one.move(dir.join("else"));
  await daemon.remove(one);
  assertEquals(
    (await assertRejects(() => moving, DaemonError)).code,
    "not-found",
  );
  assertEquals((await Deno.stat(dir.join("a"))).size, large.length);
});

Deno.test("what was known of files elsewhere says nothing of those that are found", async () => {
  await using dir = new TempDir();
  await Deno.writeFile(dir.join("a"), bytes);
  const theirs = Uint8Array.of(1, 2, 3);
  await Deno.mkdir(dir.join("else"));
  await Deno.writeFile(dir.join("else/a"), theirs);
  const first = await open(dir);
  const one = await first.add(torrent);
  await isSeeding(first, one);
  await one.move(dir.join("else"), { data: false });
  await first.close();
  const second = await open(dir);
  const again = second.get(1)!;
  await again.torrent.completed.catch(() => {});
  assertEquals((again.torrent.error as DiskError).code, "foreign-file");
  await second.close();
  {
    // A removal with files that a crash interrupted.
    using kept = await StateFile.open(dir.join("state"));
    kept.beginRemoval(1, again.record);
  }
  await using third = await open(dir);
  assertEquals(third.torrents, []);
  assertEquals(await Deno.readFile(dir.join("else/a")), theirs);
});

Deno.test("a torrent that is found elsewhere was not completed again", async () => {
  await using dir = new TempDir();
  await Deno.mkdir(dir.join("else"));
  for (const name of ["a", "else/a"]) {
    await Deno.writeFile(dir.join(name), bytes);
  }
  const first = await open(dir);
  const { record } = await first.add(torrent);
  await isSeeding(first, first.get(1)!);
  await first.close();
  {
    // As if all of it had come from peers.
    using kept = await StateFile.open(dir.join("state"));
    kept.saveRecord(1, 0, { ...record, downloadedBytes: 100_000 });
  }
  await using daemon = await open(dir);
  const one = daemon.get(1)!;
  await isSeeding(daemon, one);
  const events = daemon.events();
  await one.move(dir.join("else"), { data: false });
  await isSeeding(daemon, one);
  assertEquals(one.record.complete, true);
  await daemon.close();
  const told = await Array.fromAsync(events, ({ type }) => type);
  assertEquals(told.includes("moved"), true);
  assertEquals(told.includes("completed"), false);
});

Deno.test("options and record say at any time that the files are in one place", async () => {
  await using dir = new TempDir();
  await Deno.mkdir(dir.join("else"));
  await Deno.writeFile(dir.join("else/a"), bytes);
  const places: unknown[] = [];
  const { saveOptions } = StateFile.prototype;
  StateFile.prototype.saveOptions = function (id, saved) {
    saveOptions.call(this, id, saved);
    queueMicrotask(() => {
      const [row] = this.torrents();
      if (row && "record" in row) places.push([row.record.dir, row.saved.dir]);
    });
  };
  try {
    await using daemon = await open(dir);
    const one = await daemon.add(torrent);
    places.length = 0;
    await one.move(dir.join("else"), { data: false });
    assertEquals(places, [[dir.join("else"), dir.join("else")]]);
  } finally {
    StateFile.prototype.saveOptions = saveOptions;
  }
});

Deno.test("what is found complete among the incomplete goes where it belongs", async () => {
  await using dir = new TempDir();
  const begun = dir.join("begun");
  await Deno.mkdir(begun);
  await Deno.writeFile(`${begun}/a`, bytes);
  await using daemon = await Daemon.open({
    state: dir.join("state"),
    dir: dir.path,
    session: { listen: false, dht: false, lpd: false, portMap: false },
    settings: { incompleteDir: begun, useIncompleteDir: true },
  });
  const events = daemon.events();
  const one = await daemon.add(torrent);
  for await (const { type } of events) if (type === "moved") break;
  assertEquals([one.dir, one.torrent.dir], [dir.path, dir.path]);
  assertEquals(await Deno.readFile(dir.join("a")), bytes);
  await daemon.remove(one, { data: true });
  // Where a person wants it elsewhere meanwhile, it belongs there.
  await Deno.writeFile(`${begun}/a`, bytes);
  const again = await daemon.add(torrent);
  const last = dir.join("last");
  const moving = again.move(last);
  await isSeeding(daemon, again);
  await Promise.all([moving, again.move()]);
  assertEquals([again.dir, again.torrent.dir], [last, last]);
  assertEquals(await Deno.readFile(`${last}/a`), bytes);
});

Deno.test("where the disk of its files is not mounted it stops, until it is started", async () => {
  for (const returns of [true, false]) {
    await using dir = new TempDir();
    const [place, away] = [dir.join("disk"), dir.join("away")];
    await Deno.mkdir(place);
    await Deno.writeFile(`${place}/a`, bytes);
    {
      await using daemon = await open(dir);
      await isSeeding(daemon, await daemon.add(torrent, { dir: place }));
    }
    await Deno.rename(place, away);
    await Deno.mkdir(place);
    await using daemon = await open(dir);
    const [one] = daemon.torrents as [DaemonTorrent];
    await is(daemon, one, "error");
    assertEquals(
      one.error,
      'Cannot find "a": No file of the torrent is there any more; is its disk mounted?',
    );
    assertEquals([...Deno.readDirSync(place)], []);
    if (returns) {
      await Deno.remove(place);
      await Deno.rename(away, place);
    }
    one.start();
    await is(daemon, one, returns ? "seeding" : "downloading");
  }
});
