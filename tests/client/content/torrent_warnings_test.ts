/** Files that are cut, replaced or gone while a torrent goes on. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import {
  lostWarning,
  partWarning,
  surplusWarning,
  unreadableWarning,
} from "../../../client/content/torrent_warnings.ts";
import { makeMetainfo } from "./fake_content.ts";
import { DiskError } from "../../../disk/error.ts";
import { injectFaults, interceptFileSystem } from "../../../disk/middleware.ts";
import { createMetainfo } from "../../../metainfo/create.ts";
import { parseMetainfo } from "../../../metainfo/parse.ts";
import {
  assertFiles,
  filled,
  simTorrent,
  SwarmWorld,
} from "../../../testing/mod.ts";

const FILES = [["a.bin", 600_000], ["b.bin", 500_000], [
  "c.bin",
  400_000,
]] as const;

Deno.test("Torrent that cannot read a file serves the others, and says so", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  let broken: (name: string) => boolean = () => false;
  const files = filled(torrent);
  const seed = await world.host({ files, readCacheBytes: 0 });
  const one = seed.watch(seed.session.add(torrent.bytes, {
    readOnly: true,
    fileSystem: interceptFileSystem(
      files,
      injectFaults(({ operation, path }) =>
        operation === "read" && broken(path.at(-1)!)
          ? { error: new DiskError("io", "Broken", { operation }) }
          : undefined
      ),
    ),
  }));
  const warnings: string[] = [];
  void (async () => {
    for await (const event of one.events()) {
      if (event.type === "warning") warnings.push(event.code);
    }
  })();
  await world.until(() => one.state === "seeding");
  broken = (name) => name === "a.bin";
  const host = await world.host();
  const two = host.add(torrent, { peers: [seed.address] });
  const whole = torrent.metainfo.layout.pieceCount;
  const { end } = torrent.metainfo.layout.filePieces(0);
  await world.until(() => two.stats().piecesDone === whole - end, 60_000);
  assertEquals([one.state, two.state], ["seeding", "downloading"]);
  assert(warnings.length > 0 && warnings.every((code) => code === "lost"));
  // Nothing is left: that is an error; going on means to look again.
  broken = () => true;
  const third = await world.host();
  const three = third.add(torrent, { peers: [seed.address] });
  await world.until(() => one.state === "error", 60_000);
  broken = () => false;
  assertEquals(await world.run(one.resume()), true);
  await world.until(() => one.state === "seeding");
  await world.run(three.completed, 240_000);
  assertFiles(torrent, third.files);
});

Deno.test(
  "Torrent that is only read says what is missing, and serves the rest",
  {
    permissions: "none",
  },
  async () => {
    const torrent = await simTorrent(FILES);
    for (const missing of [[], ["b.bin"], ["a.bin", "b.bin", "c.bin"]]) {
      await using world = new SwarmWorld();
      const files = filled(torrent);
      for (const name of missing) files.remove(["sim", name]);
      const host = await world.host({ files });
      const one = host.watch(host.session.add(torrent.bytes, {
        readOnly: true,
        fileSystem: files,
      }));
      await world.until(() => one.state !== "checking");
      await world.clock.advance(100);
      const warnings = host.events.filter(({ type }) => type === "warning");
      const { piecesDone, pieceCount } = one.stats();
      assertEquals(one.state, piecesDone === 0 ? "downloading" : "seeding");
      assertEquals(piecesDone === pieceCount, missing.length === 0);
      assertEquals(warnings.length, missing.length === 1 ? 1 : 0);
    }
  },
);

Deno.test("Torrent whose file is cut fetches what is lost again", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  const host = await world.host({ readCacheBytes: 0 });
  const one = host.add(torrent, { peers: [seed.address] });
  await world.run(one.completed);
  const handle = host.files.open(["sim", "b.bin"], { write: true });
  handle.truncate(100_000);
  // Somebody asks for it; until then nothing is noticed.
  const other = await world.host();
  const two = other.add(torrent, { peers: [host.address] });
  await world.until(() => one.stats().piecesDone < one.stats().pieceCount);
  await world.run(two.completed, 240_000);
  await world.until(() => one.state === "seeding");
  assertFiles(torrent, host.files);
  assertFiles(torrent, other.files);
});

for (const how of ["removed", "replaced"] as const) {
  Deno.test(`Torrent whose file is ${how} meanwhile is not complete`, {
    permissions: "none",
  }, async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld();
    const seed = await world.seeder(torrent, { uploadLimit: 300_000 });
    const host = await world.host();
    const one = host.add(torrent, { peers: [seed.address] });
    await world.until(() => one.stats().piecesDone > 20);
    host.files.rename(["sim", "a.bin"], ["elsewhere"]);
    if (how === "replaced") {
      const handle = host.files.open(["sim", "a.bin"], { write: true });
      handle.write(new Uint8Array(600_000), 0);
    }
    const error = await world.run(
      assertRejects(() => one.completed, DiskError),
      120_000,
    );
    assertEquals([one.state, error.code], ["error", "replaced"]);
    assertEquals(error.files, ["sim/a.bin"]);
    // Going on fetches it again.
    assertEquals(await world.run(one.resume()), true);
    await world.run(one.completed, 120_000);
    assertFiles(torrent, host.files);
  });
}

Deno.test("Torrent does not overwrite what is not its own, unless told to", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  const host = await world.host();
  const own = new Uint8Array(700_000).fill(9);
  const handle = host.files.open(["sim", "a.bin"], { write: true });
  handle.write(own, 0);
  const one = host.add(torrent, { peers: [seed.address] });
  await world.until(() => one.state === "error");
  assert(one.error instanceof DiskError);
  assertEquals(one.error.code, "foreign-file");
  assertEquals(host.files.contents(["sim", "a.bin"]), own);
  await world.run(host.session.close());
  const again = await world.host({ files: host.files });
  const two = again.add(torrent, { peers: [seed.address], overwrite: true });
  await world.run(two.completed, 120_000);
  assertFiles(torrent, host.files);
});

Deno.test("Torrent cuts longer files after saying so", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const files = filled(torrent);
  const handle = files.open(["sim", "b.bin"], { write: true });
  handle.write(new Uint8Array(9), 500_000);
  const host = await world.host({ files });
  const one = host.add(torrent, { paused: true });
  const events = one.events();
  await world.until(() => one.state === "paused");
  const warnings = [];
  for await (const event of events) {
    if (event.type === "warning") warnings.push(event);
    if (event.type === "state" && event.state === "paused") break;
  }
  assertEquals(warnings, [{
    type: "warning",
    code: "surplus",
    message: "Longer than the torrent says: sim/b.bin",
    files: ["sim/b.bin"],
  }]);
  assertFiles(torrent, files);
});

Deno.test("Torrent that is only read serves what is good of it", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const files = filled(torrent);
  const handle = files.open(["sim", "b.bin"], { write: true });
  handle.truncate(100_000);
  const seed = await world.host({ files });
  const one = seed.add(torrent, { readOnly: true });
  const events = one.events();
  await world.until(() => one.state === "seeding");
  const { piecesDone, pieceCount } = one.stats();
  assert(piecesDone > 0 && piecesDone < pieceCount);
  for await (const event of events) {
    if (event.type !== "warning") continue;
    // The next one begins in its last piece.
    assertEquals(event.files, ["sim/b.bin", "sim/c.bin"]);
    assertEquals(
      event.message,
      `${piecesDone} of ${pieceCount} pieces are good; only they are served. Incomplete: sim/b.bin, sim/c.bin`,
    );
    break;
  }
  const host = await world.host();
  const two = host.add(torrent, { peers: [seed.address] });
  await world.until(() => two.stats().piecesDone === piecesDone, 60_000);
  assertEquals(files.contents(["sim", "b.bin"])!.length, 100_000);
});

Deno.test("Warnings name the only file of a torrent, and the first of many", {
  permissions: "none",
}, async () => {
  const make = async (inputs: readonly string[][]) =>
    parseMetainfo(
      await createMetainfo({
        inputs: inputs.map((path) => ({ path, bytes: new Uint8Array(9) })),
        ...(inputs.length > 1 ? { name: "top" } : {}),
      }),
    );
  const film = await make([["film"]]);
  const none = new Bitfield(1);
  const error = new Error("why");
  for (
    const { files, message } of [
      surplusWarning([0], film),
      partWarning(none, film),
      { ...unreadableWarning([0], error, film), message: "film" },
    ]
  ) {
    assertEquals(files, ["film"]);
    assert(message.endsWith("film"), message);
  }
  const many = await make(Array.from("abcdefghijkl", (name) => [name]));
  const { files, message } = partWarning(none, many);
  assertEquals(files.length, 10);
  assert(message.endsWith("top/a, top/b, top/c, and 9 more files"), message);
});

Deno.test("warnings name three files, and count the rest", {
  permissions: "none",
}, async () => {
  const sizes = Object.fromEntries(
    ["a", "b", "c", "d", "e"].map((name) => [name, 32_768]),
  );
  const metainfo = await makeMetainfo("v1", sizes);
  const told = (count: number) =>
    surplusWarning([0, 1, 2, 3, 4].slice(0, count), metainfo).message;
  const three = "abc/a, abc/b, abc/c";
  for (
    const [count, names] of [
      [1, "abc/a"],
      [3, three],
      [4, `${three}, and 1 more file`],
      [5, `${three}, and 2 more files`],
    ] as const
  ) assertEquals(told(count).endsWith(`: ${names}`), true, told(count));
  const unread = (...files: number[]) =>
    unreadableWarning(files, new Error("It is gone"), metainfo).message;
  assertEquals(unread(0), "It is gone");
  assertEquals(unread(0, 1), "It is gone, nor 1 more file");
  assertEquals(unread(0, 1, 2), "It is gone, nor 2 more files");
  const lost = (...pieces: number[]) =>
    lostWarning(pieces, new Error("It is gone")).message;
  assertEquals(lost(0), "It is gone; 1 piece is lost");
  assertEquals(lost(0, 1), "It is gone; 2 pieces are lost");
  // A file is whole though the piece behind it is not.
  const have = new Bitfield(5);
  have.set(0);
  have.set(2);
  assertEquals(partWarning(have, metainfo).files, ["abc/b", "abc/d", "abc/e"]);
});
