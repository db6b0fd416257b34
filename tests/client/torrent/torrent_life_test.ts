/** States of one torrent; more of its life is in `tests/client/torrent_test.ts`. */
import { assertEquals, assertInstanceOf } from "@std/assert";
import { sleep } from "../../../_shared/clock.ts";
import { DiskError } from "../../../disk/error.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { injectFaults, interceptFileSystem } from "../../../disk/middleware.ts";
import { assertFiles, simTorrent, SwarmWorld } from "../../../testing/mod.ts";

const pure = { permissions: "none" } as const;

/** A seed, and a host with one file system that has nothing yet. */
async function setUp(capacityBytes = Infinity, scale = 10) {
  const torrent = await simTorrent([
    ["a.bin", scale * 60_000],
    ["b.bin", scale * 50_000],
  ]);
  const world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  const files = new MemoryFileSystem({ capacityBytes });
  const host = await world.host({ files });
  return { torrent, world, host, files, peers: [seed.address] };
}

Deno.test(
  "TorrentLife: a check while it is stopped by an error ends in that error",
  pure,
  async () => {
    const { torrent, world, host, files, peers } = await setUp(65536, 1);
    await using _ = world;
    const one = host.add(torrent, { peers });
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

Deno.test(
  "TorrentLife: files that are all gone are told once, whatever was wrong before",
  pure,
  async () => {
    const { torrent, world, host, files, peers } = await setUp(65536, 1);
    await using _ = world;
    const one = host.add(torrent, { peers, expectFiles: true });
    await world.until(() => one.state === "error");
    files.capacityBytes = Infinity;
    assertEquals(await world.run(one.resume()), true);
    await world.until(() => one.state === "seeding");
    for (const path of files.list()) files.remove(path.split("/"));
    await world.run(one.recheck().catch(() => {}));
    assertEquals(one.state, "error");
    assertEquals((one.error as DiskError).code, "not-found");
    assertEquals(files.list(), []);
    await world.run(one.resume());
    await world.run(one.recheck());
    await world.until(() => one.state === "seeding");
    assertEquals(files.list().length, 2);
  },
);

Deno.test(
  "TorrentLife: after a check that failed, what it found to be missing is fetched",
  pure,
  async () => {
    const { torrent, world, host, files, peers } = await setUp();
    await using _ = world;
    let isBroken = false;
    const error = new DiskError("io", "Broken", { operation: "read" });
    const fileSystem = interceptFileSystem(
      files,
      injectFaults(({ path, operation }) =>
        isBroken && path.at(-1) === "b.bin" && operation === "read"
          ? { error }
          : undefined
      ),
    );
    const one = host.add(torrent, { peers, fileSystem });
    await world.until(() => one.state === "seeding");
    files.open(["sim", "a.bin"], { write: true })
      .write(new Uint8Array(9), 40_000);
    isBroken = true;
    await world.run(one.recheck());
    assertEquals([one.state, one.error], ["error", error]);
    isBroken = false;
    await world.run(one.resume());
    await world.until(() => one.state === "seeding");
    assertFiles(torrent, files);
  },
);

Deno.test(
  "TorrentLife: goes on after an error, whatever is done to the files meanwhile",
  pure,
  async () => {
    const { torrent, world, host, files, peers } = await setUp(300_000);
    await using _ = world;
    const one = host.add(torrent, { peers });
    await world.until(() => one.state === "error");
    files.capacityBytes = Infinity;
    host.truths.clear();
    const renamed = one.files[1]!.rename(["c.bin"]);
    const resumed = one.resume();
    await world.run(Promise.all([renamed, resumed]));
    await world.until(() => one.state === "seeding");
    assertFiles(torrent, files, ["sim/a.bin"]);
    assertEquals(files.contents(["c.bin"]), torrent.content.get("sim/b.bin"));
  },
);

Deno.test(
  "TorrentLife: goes on after an error when it is asked to during a check",
  pure,
  async () => {
    const { torrent, world, host, files, peers } = await setUp(300_000);
    await using _ = world;
    const one = host.add(torrent, { peers });
    await world.until(() => one.state === "error");
    files.capacityBytes = Infinity;
    const checked = one.recheck();
    assertEquals(await world.run(one.resume()), true);
    await world.run(checked);
    assertEquals(one.error, undefined);
    await world.until(() => one.state === "seeding");
    assertFiles(torrent, files);
  },
);

Deno.test(
  "TorrentLife: does not check and fetch at once, who asks first for what",
  pure,
  async () => {
    const { torrent, world, host, files, peers } = await setUp(300_000);
    await using _ = world;
    const slow = interceptFileSystem(
      files,
      injectFaults(() => ({ after: sleep(world.clock, 5) })),
    );
    const one = host.add(torrent, { peers, fileSystem: slow });
    await world.until(() => one.state === "error");
    files.capacityBytes = Infinity;
    const resumed = one.resume();
    const checked = one.recheck();
    assertEquals(await world.run(resumed), true);
    assertEquals(one.state, "checking");
    await world.run(checked);
    await world.until(() => one.state === "seeding");
    assertFiles(torrent, files);
  },
);

Deno.test(
  "TorrentLife: of files that cannot all be wanted, those that can are fetched",
  pure,
  async () => {
    const { torrent, world, host, files, peers } = await setUp();
    await using _ = world;
    const one = host.add(torrent, { peers, files: [] });
    await world.until(() => one.state === "seeding");
    const theirs = Uint8Array.of(1);
    files.open(["sim", "b.bin"], { write: true }).write(theirs, 0);
    const error = await world.fails(
      one.setFilePriorities(new Map([[0, 4], [1, 4]])),
    );
    assertEquals((error as DiskError).code, "foreign-file");
    assertEquals(one.state, "downloading");
    await world.until(() => one.state === "seeding");
    assertFiles(torrent, files, ["sim/a.bin"]);
    assertEquals(files.contents(["sim", "b.bin"]), theirs);
  },
);

Deno.test(
  "Session.remove() tells what cannot be deleted, also of a torrent that was stopped",
  pure,
  async () => {
    const { torrent, world, host, files, peers } = await setUp();
    await using _ = world;
    const fail = (operation: string) =>
      new DiskError("permission", `Cannot ${operation}`, { operation });
    let broken = "write";
    const fileSystem = interceptFileSystem(
      files,
      injectFaults(({ operation }) =>
        operation === broken ? { error: fail(operation) } : undefined
      ),
    );
    const one = host.add(torrent, { peers, fileSystem });
    await world.until(() => one.state === "error");
    broken = "remove";
    const error = await world.fails(
      host.session.remove(one, { deleteFiles: true }),
    );
    assertInstanceOf(error, AggregateError);
    assertEquals(one.state, "removed");
  },
);

Deno.test(
  "Session.remove() deletes files that are being checked, if they are ours",
  pure,
  async () => {
    const { torrent, world, host, files, peers } = await setUp();
    await using _ = world;
    const one = host.add(torrent, { peers });
    await world.run(one.completed);
    await world.run(host.session.remove(one));
    // Nobody knows yet what these are.
    const unknown = host.add(torrent);
    await world.run(host.session.remove(unknown, { deleteFiles: true }));
    assertFiles(torrent, files);
    const ours = host.add(torrent, { resumeData: new Uint8Array() });
    await world.run(host.session.remove(ours, { deleteFiles: true }));
    assertEquals(files.list(), []);
  },
);

Deno.test(
  "Session.remove() leaves alone what lies in place of a file left out",
  pure,
  async () => {
    const { torrent, world, host, files, peers } = await setUp();
    await using _ = world;
    const options = { peers, files: [1] };
    const one = host.add(torrent, options);
    await world.until(() => one.state === "seeding");
    await world.run(host.session.remove(one));
    files.open(["sim", "a.bin"], { write: true });
    const resumeData = new Uint8Array();
    const again = host.add(torrent, { ...options, resumeData });
    await world.run(host.session.remove(again, { deleteFiles: true }));
    assertEquals(files.list(), ["sim/a.bin"]);
    // Unless it is the torrent's own by its resume data.
    files.remove(["sim", "a.bin"]);
    const whole = host.add(torrent, { peers });
    await world.until(() => whole.state === "seeding");
    await world.run(whole.selectFiles([1]));
    const own = { ...options, resumeData: await whole.storage!.resumeData() };
    await world.run(host.session.remove(whole));
    const last = host.add(torrent, own);
    await world.run(host.session.remove(last, { deleteFiles: true }));
    assertEquals(files.list(), []);
  },
);
