import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Daemon } from "../../daemon/daemon.ts";
import { DaemonError } from "../../daemon/error.ts";
import type { DaemonTorrent } from "../../daemon/daemon_torrent.ts";
import type { DaemonOptions, DaemonTorrentStatus } from "../../daemon/types.ts";
import { type KeptTorrent, StateFile } from "../../daemon/state/state_file.ts";
import { createMetainfo } from "../../metainfo/mod.ts";
import { TempDir } from "../support/paths.ts";

const QUIET = {
  listen: false,
  dht: false,
  lpd: false,
  portMap: false,
} as const;

/** Torrent files of one file each, and their payload. */
async function torrentOf(name: string, fill = 7, size = 100_000) {
  const bytes = new Uint8Array(size).fill(fill);
  return {
    bytes,
    torrent: await createMetainfo({ inputs: [{ path: [name], bytes }] }),
  };
}

class World implements AsyncDisposable {
  readonly dir = new TempDir();
  readonly #daemons: Daemon[] = [];

  async open(options: Partial<DaemonOptions> = {}): Promise<Daemon> {
    const daemon = await Daemon.open({
      state: this.dir.join("state"),
      dir: this.dir.path,
      session: QUIET,
      ...options,
    });
    this.#daemons.push(daemon);
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) await daemon.close();
    await this.dir[Symbol.asyncDispose]();
  }
}

/** Waits until a torrent does something. */
async function reach(
  daemon: Daemon,
  torrent: DaemonTorrent,
  status: DaemonTorrentStatus,
): Promise<void> {
  const events = daemon.events();
  if (torrent.status === status) return;
  for await (const event of events) {
    if (event.type === "status" && torrent.status === status) return;
  }
}

Deno.test("a torrent is added again while it is on its way out", async () => {
  await using world = new World();
  const daemon = await world.open();
  const { torrent } = await torrentOf("a");
  const first = await daemon.add(torrent);
  const removing = daemon.remove(first);
  const second = await daemon.add(torrent);
  await removing;
  assertEquals([first.id, second.id], [1, 2]);
  assertEquals(daemon.torrents, [second]);
  assertEquals(daemon.get(first.infoHash), second);
});

Deno.test("a daemon remembers its torrents, their order and its settings", async () => {
  await using world = new World();
  const first = await world.open();
  const a = await first.add((await torrentOf("a", 1)).torrent, {
    paused: true,
    labels: ["x", "y"],
  });
  const b = await first.add(`magnet:?xt=urn:btih:${"ab".repeat(20)}&dn=b`, {
    paused: true,
  });
  const c = await first.add("cd".repeat(20), { paused: true });
  assertEquals([a.id, b.id, c.id], [1, 2, 3]);
  first.moveInQueue([c], "top");
  first.moveInQueue([a], 1);
  first.set({ maxPeers: 77 });
  a.set({ seedRatio: { mode: "own", value: 3 }, group: "g" });
  await first.close();
  await first.close();

  const second = await world.open();
  assertEquals(second.torrents.map(({ id }) => id), [1, 2, 3]);
  assertEquals(second.torrents.map((t) => t.queuePosition), [1, 2, 0]);
  assertEquals(second.torrents.map(({ name }) => name), [
    "a",
    "b",
    "cd".repeat(20),
  ]);
  const again = second.get(1)!;
  assertEquals(again.labels, ["x", "y"]);
  assertEquals(again.record.seedRatio, { mode: "own", value: 3 });
  assertEquals(again.record.group, "g");
  assertEquals(second.get(again.infoHash), again);
  assertEquals(second.get("ab".repeat(20))?.id, 2);
  assertEquals(second.get("00"), undefined);
  assertEquals(second.get("zz"), undefined);
  assertEquals(second.settings.maxPeers, 77);
  assertEquals(second.stats().total.runs, 2);
  assertEquals(second.stats().total.torrentsAdded, 3);
  assertEquals(second.stats().current.torrentsAdded, 0);
  assertEquals(second.unread, []);
});

Deno.test("a torrent that was already added, or is none, is refused", async () => {
  await using world = new World();
  const daemon = await world.open();
  const { torrent } = await torrentOf("a");
  await daemon.add(torrent, { paused: true });
  const twice = await assertRejects(() => daemon.add(torrent), DaemonError);
  assertEquals([twice.code, twice.id], ["duplicate", 1]);
  for (const source of [new Uint8Array(3), "magnet:?dn=x", "hello"]) {
    const error = await assertRejects(() => daemon.add(source), DaemonError);
    assertEquals(error.code, "bad-source");
  }
  const url = await assertRejects(
    () => daemon.add("http://127.0.0.1/a"),
    DaemonError,
  );
  assertEquals(url.code, "not-fetched");
  assertEquals(daemon.torrents.length, 1);
});

Deno.test("a torrent is fetched from a URL by what the daemon was given", async () => {
  await using world = new World();
  const { torrent } = await torrentOf("a");
  const daemon = await world.open({
    fetchTorrent: (url) =>
      url.endsWith("a.torrent")
        ? Promise.resolve(torrent)
        : Promise.reject(new Error("no such page")),
  });
  assertEquals(
    (await daemon.add("https://x/a.torrent", { paused: true })).name,
    "a",
  );
  const error = await assertRejects(
    () => daemon.add("https://x/b"),
    DaemonError,
  );
  assertEquals([error.code, error.message], ["not-fetched", "no such page"]);
});

/** As many empty files as are not deleted in one turn. */
function emptyFiles(count = 600) {
  const none = new Uint8Array(0);
  return createMetainfo({
    name: "many",
    inputs: [
      ...Array.from(
        { length: count },
        (_, i) => ({ path: [`${i}`], bytes: none }),
      ),
      { path: ["one"], bytes: new Uint8Array(9) },
    ],
  });
}

/** Waits until a torrent is stopped by an error. */
async function failed({ torrent }: DaemonTorrent): Promise<void> {
  const events = torrent.events();
  if (torrent.state === "error") return;
  for await (const { type } of events) if (type === "error") return;
}

const countIn = (dir: string) => {
  try {
    return [...Deno.readDirSync(dir)].length;
  } catch {
    return 0;
  }
};

Deno.test("what was to be deleted when the daemon ended is deleted by the next", async () => {
  await using world = new World();
  const first = await world.open();
  const torrent = await emptyFiles();
  const many = await first.add(torrent);
  await reach(first, many, "downloading");
  const dir = world.dir.join("many");
  assertEquals(countIn(dir), 600);
  const { torrent: other, bytes } = await torrentOf("a");
  await Deno.writeFile(world.dir.join("a"), bytes);
  await reach(first, await first.add(other), "seeding");
  const removing = first.remove(many, { data: true });
  const closing = first.close();
  await assertRejects(() => removing, DaemonError);
  await closing;
  const left = countIn(dir);
  assert(left > 0 && left <= 600, `${left} files are left`);

  const second = await world.open();
  assertEquals(second.torrents.map(({ name }) => name), ["a"]);
  // Who adds it again waits for the end of that.
  const again = await second.add(torrent, { paused: true });
  assertEquals(countIn(dir), 0);
  await second.remove(again);
  await second.close();
  const third = await world.open();
  assertEquals(third.torrents.length, 1);
  assertEquals(third.unread, []);
  assertEquals(await Deno.readFile(world.dir.join("a")), bytes);
});

Deno.test("a torrent whose files another one has is told so, and touches none", async () => {
  await using world = new World();
  const daemon = await world.open();
  const [one, two] = [await torrentOf("a", 1), await torrentOf("a", 2)];
  await Deno.writeFile(world.dir.join("a"), one.bytes);
  const first = await daemon.add(one.torrent);
  await reach(daemon, first, "seeding");
  const second = await daemon.add(two.torrent);
  await failed(second);
  assertEquals(
    second.torrent.error?.message,
    `Cannot write "a": it is a file of torrent ${first.infoHash} as well`,
  );
  await daemon.remove(second, { data: true });
  assertEquals(await Deno.readFile(world.dir.join("a")), one.bytes);
  assertEquals(first.status, "seeding");
});

Deno.test("a watched folder that is not there is told to who listens from the start", async () => {
  await using world = new World();
  const dir = world.dir.join("none");
  const watch = [{ enabled: true, dir, addedDir: "" }];
  const daemon = await world.open({ settings: { watch } });
  const events = Array.fromAsync(daemon.events());
  await daemon.refresh();
  await daemon.close();
  const told = (await events).filter(({ type }) => type === "watched");
  assertEquals(told.length, 1);
  assert(told[0]?.type === "watched");
  assertEquals(told[0].file, dir);
  assert(!/^$|os error/.test(told[0].message ?? ""), told[0].message);
});

Deno.test("a removed torrent is gone for good, with its files if they are to go", async () => {
  await using world = new World();
  const daemon = await world.open();
  const { torrent, bytes } = await torrentOf("a");
  await Deno.writeFile(world.dir.join("a"), bytes);
  const before = Date.now();
  const a = await daemon.add(torrent);
  await reach(daemon, a, "seeding");
  assertEquals(a.record.complete, true);
  await daemon.remove(a);
  await daemon.remove(a);
  assertEquals(daemon.torrents, []);
  assertEquals(daemon.get(a.id), undefined);
  assertEquals(daemon.removedSince(before), [1]);
  assertEquals(daemon.removedSince(Date.now() + 1000), []);
  await Deno.stat(world.dir.join("a"));
  const again = await daemon.add(torrent);
  assertEquals(again.id, 2);
  await reach(daemon, again, "seeding");
  await daemon.remove(again, { data: true });
  await assertRejects(
    () => Deno.stat(world.dir.join("a")),
    Deno.errors.NotFound,
  );
  await daemon.close();
  assertEquals((await world.open()).torrents, []);
});

Deno.test("a removal with files that was interrupted is finished", async () => {
  await using world = new World();
  const { torrent, bytes } = await torrentOf("a");
  const file = world.dir.join("a");
  const state = world.dir.join("state");
  /** Adds it, and begins to remove it. */
  const interrupt = async () => {
    await Deno.writeFile(file, bytes);
    const daemon = await world.open();
    const ours = await daemon.add(torrent);
    await reach(daemon, ours, "seeding");
    await daemon.close();
    using kept = await StateFile.open(state);
    kept.saveResume(ours.id, undefined);
    kept.beginRemoval(ours.id, ours.record);
  };
  await interrupt();
  const daemon = await world.open();
  assertEquals([daemon.torrents, daemon.unread], [[], []]);
  await assertRejects(() => Deno.stat(file), Deno.errors.NotFound);
  await daemon.close();
  // Where it was added again since, they are the new one's.
  await interrupt();
  {
    using kept = await StateFile.open(state);
    const [row] = [...kept.torrents()] as KeptTorrent[];
    const { removing: _, ...record } = row!.record;
    kept.add({ ...row!, hash: row!.saved.infoHash, record });
  }
  const again = await world.open();
  assertEquals(again.torrents.length, 1);
  await reach(again, again.torrents[0]!, "seeding");
  await again.close();
  using kept = await StateFile.open(state);
  assertEquals([...kept.torrents()].length, 1);
});

Deno.test("files that are being checked after a start are removed, too", async () => {
  await using world = new World();
  // So large that it is not checked at once.
  const { torrent, bytes } = await torrentOf("a", 7, 16_000_000);
  await Deno.writeFile(world.dir.join("a"), bytes);
  const first = await world.open();
  await reach(first, await first.add(torrent), "seeding");
  await first.close();
  {
    using kept = await StateFile.open(world.dir.join("state"));
    kept.saveResume(1, undefined);
  }
  const daemon = await world.open();
  await daemon.remove(daemon.torrents[0]!, { data: true });
  await assertRejects(
    () => Deno.stat(world.dir.join("a")),
    Deno.errors.NotFound,
  );
});

Deno.test("the queue says who runs; start and stop change it", async () => {
  await using world = new World();
  const daemon = await world.open({
    settings: { downloadQueue: { enabled: true, value: 1 } },
  });
  const a = await daemon.add("aa".repeat(20));
  const b = await daemon.add("bb".repeat(20));
  const c = await daemon.add("cc".repeat(20), { paused: true });
  const seen = () => [a, b, c].map(({ status }) => status);
  assertEquals(seen(), ["metadata", "queued", "stopped"]);
  assertEquals([a.idleMs! >= 0, b.idleMs], [true, undefined]);
  a.stop();
  assertEquals(seen(), ["stopped", "metadata", "stopped"]);
  c.start({ now: true });
  assertEquals(seen(), ["stopped", "metadata", "metadata"]);
  a.start();
  assertEquals(seen(), ["queued", "metadata", "metadata"]);
  daemon.set({ downloadQueue: { enabled: false, value: 1 } });
  assertEquals(seen(), ["metadata", "metadata", "metadata"]);
  assertEquals([daemon.stats().running, daemon.stats().stopped], [3, 0]);
});

Deno.test("settings for one run are not kept", async () => {
  await using world = new World();
  const first = await world.open({ settings: { maxPeers: 9 } });
  assertEquals(first.settings.maxPeers, 9);
  first.set({ pex: false });
  await first.close();
  const second = await world.open();
  assertEquals([second.settings.maxPeers, second.settings.pex], [500, false]);
});

Deno.test("folders outside of the allowed ones are refused", async () => {
  await using world = new World();
  const daemon = await world.open({ allowedDirs: [world.dir.path] });
  const { torrent } = await torrentOf("a");
  const outside = { dir: `${world.dir.path}/../x` };
  assertEquals(
    (await assertRejects(() => daemon.add(torrent, outside), DaemonError)).code,
    "bad-setting",
  );
  assertThrows(() => daemon.set({ downloadDir: "/etc" }), DaemonError);
  assertThrows(() => daemon.set({ labelDirs: { x: "/etc" } }), DaemonError);
  await assertRejects(() => daemon.freeSpace("/etc"), DaemonError);
  const a = await daemon.add(torrent, { paused: true });
  await assertRejects(() => a.move("/etc"), DaemonError);
  daemon.set({ downloadDir: world.dir.join("sub", "..", "down") });
  assertEquals(daemon.settings.downloadDir, world.dir.join("down"));
});

Deno.test("the room on a disk is that of the nearest folder", async () => {
  await using world = new World();
  const daemon = await world.open();
  const { free, total } = await daemon.freeSpace(
    world.dir.join("not", "there"),
  );
  assert(free > 0 && free <= total);
});

Deno.test("a label has a folder, and incomplete ones lie elsewhere", async () => {
  await using world = new World();
  const daemon = await world.open();
  const [films, part] = [world.dir.join("films"), world.dir.join("part")];
  daemon.set({ labelDirs: { film: films }, incompleteDir: part });
  const a = await daemon.add((await torrentOf("a", 1)).torrent, {
    paused: true,
    labels: ["new", "film"],
  });
  assertEquals([a.dir, a.torrent.dir], [films, part]);
  // What is there already is not looked for elsewhere.
  await Deno.mkdir(films);
  const { torrent, bytes } = await torrentOf("b", 2);
  await Deno.writeFile(`${films}/b`, bytes);
  const b = await daemon.add(torrent, { labels: ["film"] });
  assertEquals([b.dir, b.torrent.dir], [films, films]);
});

Deno.test("files are moved, renamed, found elsewhere, and remembered so", async () => {
  await using world = new World();
  const { torrent, bytes } = await torrentOf("a");
  await Deno.writeFile(world.dir.join("a"), bytes);
  const daemon = await world.open();
  const a = await daemon.add(torrent);
  await reach(daemon, a, "seeding");
  await a.move(world.dir.join("b"));
  await a.rename("a", "c");
  assertEquals(a.name, "c");
  await Deno.stat(world.dir.join("b", "c"));
  for (
    const [path, name, code] of [["x", "y", "not-found"], [
      "c",
      "a/b",
      "bad-setting",
    ], ["c", "..", "bad-setting"]] as const
  ) {
    assertEquals(
      (await assertRejects(() => a.rename(path, name), DaemonError)).code,
      code,
    );
  }
  await Deno.mkdir(world.dir.join("d"));
  await Deno.rename(world.dir.join("b", "c"), world.dir.join("d", "c"));
  await a.move(world.dir.join("d"), { data: false });
  await reach(daemon, a, "seeding");
  await daemon.close();
  const again = await world.open();
  const found = again.get(1)!;
  await reach(again, found, "seeding");
  assertEquals([found.name, found.dir, found.torrent.dir], [
    "c",
    world.dir.join("d"),
    world.dir.join("d"),
  ]);
  assertEquals(found.stats().doneBytes, 100_000);
});

Deno.test("a torrent has the limits of its group, of the session, or none", async () => {
  await using world = new World();
  const daemon = await world.open();
  const limit = (value: number) => ({ enabled: true, value });
  daemon.set({
    groups: {
      slow: {
        downloadLimit: limit(5),
        uploadLimit: limit(6),
        honorsSessionLimits: true,
      },
    },
  });
  const a = await daemon.add("aa".repeat(20), { paused: true });
  assertEquals(a.torrent.limitedBy, "session");
  a.set({ group: "slow", downloadLimit: limit(3) });
  const group = a.torrent.limitedBy;
  assert(typeof group === "object");
  assertEquals([group.downloadLimit, group.uploadLimit], [5, 6]);
  assertEquals([a.torrent.downloadLimit, a.torrent.uploadLimit], [3, Infinity]);
  a.set({ honorsSessionLimits: false });
  assertEquals(a.torrent.limitedBy, "nothing");
  a.set({ honorsSessionLimits: true });
  daemon.set({ groups: {} });
  assertEquals(a.torrent.limitedBy, "session");
});

Deno.test("a move notes which files it is of, not the folders that others use, too", async () => {
  await using world = new World();
  const daemon = await world.open();
  const ours = await daemon.add(await emptyFiles(2), {
    filePriorities: [4, 0, 4],
  });
  await reach(daemon, ours, "downloading");
  const client = ours.torrent;
  const move = client.move.bind(client);
  let names: readonly string[] = [];
  client.move = (dir) => {
    names = ours.record.moving!.names;
    return move(dir);
  };
  await ours.move(world.dir.join("else"));
  const part = `.${ours.infoHash}.bip-part`;
  assertEquals(names, ["many/0", "many/one", part]);
  assertEquals(ours.record.moving, undefined);
});
