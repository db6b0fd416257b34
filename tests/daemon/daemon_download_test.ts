/** What becomes of downloads: where they end, what runs then, when seeding ends. */
import { assert, assertEquals } from "@std/assert";
import { Session, type Torrent } from "../../client/mod.ts";
import { Daemon } from "../../daemon/daemon.ts";
import type { DaemonEvent, DaemonOptions } from "../../daemon/types.ts";
import { MemoryFileSystem } from "../../disk/mod.ts";
import { createMetainfo } from "../../metainfo/mod.ts";
import { TempDir } from "../support/paths.ts";

const LISTEN = { hostname: "127.0.0.1", port: 0 };
const QUIET = {
  listen: LISTEN,
  dht: false,
  lpd: false,
  portMap: false,
} as const;
const BYTES = new Uint8Array(300_000).fill(5);
const LARGE = new Uint8Array(3_000_000).fill(6);

/** Somebody who has it all. */
async function openSeeder() {
  const torrent = await createMetainfo({
    inputs: [{ path: ["a"], bytes: BYTES }, { path: ["b"], bytes: BYTES }],
    name: "album",
  });
  const fileSystem = new MemoryFileSystem();
  for (const name of ["a", "b"]) {
    fileSystem.open(["album", name], { write: true }).write(BYTES, 0);
  }
  const session = await Session.open({ listen: LISTEN });
  await session.add(torrent, { fileSystem }).completed;
  return { session, torrent, peers: [session.local!] };
}

async function open(
  dir: TempDir,
  options: Partial<DaemonOptions> = {},
): Promise<Daemon> {
  return await Daemon.open({
    state: dir.join("state"),
    dir: dir.join("done"),
    session: QUIET,
    ...options,
  });
}

/** Collects events until one is of a type. */
async function until(
  events: AsyncIterable<DaemonEvent>,
  type: DaemonEvent["type"],
): Promise<DaemonEvent[]> {
  const seen: DaemonEvent[] = [];
  for await (const event of events) {
    seen.push(event);
    if (event.type === type) break;
  }
  return seen;
}

/** Downloads the album, and closes the daemon after what is to be done then. */
async function download(
  dir: TempDir,
  then?: (daemon: Daemon) => Promise<void>,
): Promise<void> {
  const seeder = await openSeeder();
  await using _session = seeder.session;
  await using daemon = await open(dir);
  const events = daemon.events();
  await daemon.add(seeder.torrent, { peers: seeder.peers });
  await until(events, "completed");
  await then?.(daemon);
}

/** Changes what the state says of the torrent, as a crash would leave it. */
async function patch(dir: TempDir, record: object): Promise<void> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(dir.join("state"));
  database.prepare("UPDATE torrent SET record = json_patch(record, ?)")
    .run(JSON.stringify(record));
  database.close();
}

Deno.test("a complete download is moved, a program runs, and all of it is counted", async () => {
  await using dir = new TempDir();
  const seeder = await openSeeder();
  await using _session = seeder.session;
  const program = dir.join("program.ts");
  await Deno.writeTextFile(
    program,
    `Deno.writeTextFileSync(Deno.args[0], JSON.stringify(Object.fromEntries(Object.entries(Deno.env.toObject()).filter(([name]) => name.startsWith("TR_")))));`,
  );
  const argv = [
    Deno.execPath(),
    "run",
    "-A",
    "--no-config",
    program,
    dir.join("told"),
  ];
  await using daemon = await open(dir, {
    settings: {
      incompleteDir: dir.join("part"),
      completedHook: { enabled: true, argv },
    },
  });
  const events = daemon.events();
  const torrent = await daemon.add(seeder.torrent, {
    peers: seeder.peers,
    labels: ["music"],
  });
  const seen = await until(events, "hook");
  assertEquals(
    seen.filter(({ type }) => type !== "status" && type !== "tracker").map((
      { type },
    ) => type),
    ["added", "completed", "moved", "hook"],
  );
  const last = seen.at(-1)!;
  assert(last.type === "hook" && last.code === 0);
  assertEquals(await Deno.readFile(dir.join("done", "album", "a")), BYTES);
  assertEquals(JSON.parse(await Deno.readTextFile(dir.join("told"))), {
    TR_TORRENT_ID: "1",
    TR_TORRENT_HASH: torrent.infoHash,
    TR_TORRENT_NAME: "album",
    TR_TORRENT_DIR: dir.join("done"),
    TR_TORRENT_LABELS: "music",
    TR_TORRENT_BYTES: "600000",
  });
  await daemon.close();
  await using again = await open(dir);
  const [found] = again.torrents;
  assertEquals([
    found!.record.complete,
    found!.record.downloadedBytes,
    found!.record.hookDue,
  ], [true, 600_000, undefined]);
  assertEquals(again.stats().total.downloadedBytes, 600_000);
  assertEquals(found!.torrent.dir, dir.join("done"));
});

Deno.test("a magnet link's torrent is kept once it is known", async () => {
  await using dir = new TempDir();
  const seeder = await openSeeder();
  await using _session = seeder.session;
  const daemon = await open(dir);
  const events = daemon.events();
  const hash = seeder.session.torrents[0]!.infoHash.toHex();
  await daemon.add(`magnet:?xt=urn:btih:${hash}`, { peers: seeder.peers });
  await until(events, "completed");
  await daemon.close();
  await using again = await open(dir);
  const [found] = again.torrents;
  assertEquals([found!.name, found!.torrent.metainfo?.totalLength], [
    "album",
    600_000,
  ]);
});

for (const goalAction of ["stop", "remove"] as const) {
  Deno.test(`at a seed goal the torrent is to ${goalAction}; its files stay`, async () => {
    await using dir = new TempDir();
    const seeder = await openSeeder();
    await using _session = seeder.session;
    await using daemon = await open(dir, {
      settings: { goalAction, seedRatio: { enabled: true, value: 0 } },
    });
    const events = daemon.events();
    const torrent = await daemon.add(seeder.torrent, { peers: seeder.peers });
    const seen = await until(events, "goal");
    assert(
      seen.some((event) => event.type === "goal" && event.goal === "ratio"),
    );
    if (goalAction === "stop") {
      assertEquals([torrent.status, torrent.record.wanted], ["stopped", false]);
      // A person may have it go on: always its turn.
      torrent.set({ seedRatio: { mode: "none", value: 0 } });
      torrent.start();
      assertEquals(torrent.status, "seeding");
    } else {
      await until(events, "removed");
      assertEquals(daemon.torrents, []);
    }
    assertEquals(
      (await Deno.stat(dir.join("done", "album", "a"))).size,
      300_000,
    );
  });
}

Deno.test("a move that a crash interrupted is finished", async () => {
  await using dir = new TempDir();
  await download(dir);
  await patch(dir, { moving: { to: dir.join("new"), names: ["album"] } });
  {
    await using daemon = await open(dir);
    const [torrent] = daemon.torrents;
    assertEquals([torrent!.dir, torrent!.torrent.dir, torrent!.record.moving], [
      dir.join("new"),
      dir.join("new"),
      undefined,
    ]);
    await torrent!.torrent.completed;
  }
  await using daemon = await open(dir);
  assertEquals(daemon.torrents[0]!.torrent.dir, dir.join("new"));
  assertEquals(await Deno.readFile(dir.join("new", "album", "a")), BYTES);
});

Deno.test("a rename that a crash interrupted is finished", async () => {
  await using dir = new TempDir();
  await download(dir);
  // One has its new name, the other one has not.
  const renaming = ["a", "b"].map((name, index) => ({
    index,
    from: ["album", name],
    to: ["album", "sub", `${name}.new`],
  }));
  const album = dir.join("done", "album");
  await Deno.mkdir(`${album}/sub`);
  await Deno.rename(`${album}/a`, `${album}/sub/a.new`);
  await patch(dir, { renaming });
  for (let run = 0; run < 2; run++) {
    await using daemon = await open(dir);
    const [torrent] = daemon.torrents;
    assertEquals(torrent!.record.renaming, undefined);
    await torrent!.torrent.completed;
    assertEquals(
      torrent!.torrent.files.map(({ path }) => path.slice(1)),
      [["sub", "a.new"], ["sub", "b.new"]],
    );
    assertEquals(torrent!.stats().downloadedBytes, 600_000);
  }
  assertEquals(await Deno.readFile(`${album}/sub/b.new`), BYTES);
  assertEquals([...Deno.readDirSync(album)].map(({ name }) => name), ["sub"]);
});

Deno.test("a removal that came while files were renamed takes all of them", async () => {
  await using dir = new TempDir();
  await download(dir);
  const album = dir.join("done", "album");
  await Deno.rename(`${album}/a`, `${album}/a.new`);
  await patch(dir, {
    renaming: [{ index: 0, from: ["album", "a"], to: ["album", "a.new"] }],
    removing: true,
  });
  await using daemon = await open(dir);
  assertEquals(daemon.torrents, []);
  assertEquals([...Deno.readDirSync(dir.join("done"))], []);
});

Deno.test("figures are kept while it runs", async () => {
  await using dir = new TempDir();
  await download(dir, async (daemon) => {
    await daemon.refresh();
    // What a crash would leave.
    for (const end of ["", "-wal"]) {
      await Deno.copyFile(dir.join(`state${end}`), dir.join(`crash${end}`));
    }
  });
  await using daemon = await open(dir, { state: dir.join("crash") });
  const { downloadedBytes, torrentsAdded, runs } = daemon.stats().total;
  assertEquals([downloadedBytes, torrentsAdded, runs], [600_000, 1, 2]);
});

for (const way of ["download", "upload"] as const) {
  Deno.test(`bandwidthPriority - the larger part of a limit that is shared (${way})`, async () => {
    await using dir = new TempDir();
    const limit = { enabled: true, value: 2_000_000 };
    const make = (name: string) =>
      createMetainfo({ inputs: [{ path: [name], bytes: LARGE }] });
    const torrents = [await make("low"), await make("high")];
    for (const name of ["low", "high"]) {
      await Deno.mkdir(dir.join("done"), { recursive: true });
      await Deno.writeFile(dir.join("done", name), LARGE);
    }
    const settings = { [`${way}Limit`]: limit };
    await using daemon = await open(dir, {
      ...way === "download" ? { dir: dir.join("new") } : {},
      settings,
    });
    await using other = await Session.open({ listen: LISTEN });
    const priorities = [-1, 1] as const;
    const ours = [];
    for (const [i, torrent] of torrents.entries()) {
      const theirs = other.add(torrent, {
        ...way === "download"
          ? { dir: dir.join("done"), seedMode: true }
          : { fileSystem: new MemoryFileSystem() },
      });
      const one = await daemon.add(torrent, {
        bandwidthPriority: priorities[i]!,
        peers: [other.local!],
      });
      ours.push({ one, theirs });
    }
    const done = ours.map(({ one, theirs }) =>
      way === "download" ? one.torrent : theirs
    );
    const [low, high] = done as [Torrent, Torrent];
    const bytes = () => [low, high].map((one) => one.stats().doneBytes);
    // One of them may begin before the other.
    const pieces = high.events();
    for await (const { type } of pieces) if (type === "piece") break;
    const [lowBefore, highBefore] = bytes() as [number, number];
    await high.completed;
    const [lowAfter, highAfter] = bytes() as [number, number];
    const part = (lowAfter - lowBefore) / (highAfter - highBefore);
    assert(part < 0.6, `${part}`);
  });
}
