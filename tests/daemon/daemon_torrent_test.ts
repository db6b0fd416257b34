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

/** Waits until all of a torrent is there. */
async function isSeeding(daemon: Daemon, torrent: DaemonTorrent) {
  const events = daemon.events();
  const is = () => torrent.status === "seeding";
  if (is()) return;
  for await (const { type } of events) if (type === "status" && is()) return;
}

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
