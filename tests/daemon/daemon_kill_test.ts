/**
 * A daemon that is killed again and again loses no torrent, and fetches again
 * only what was under way. `BIP_KILLS=200 deno task test
 * tests/daemon/daemon_kill_test.ts` is a longer run; `BIP_SEED` repeats one.
 */
import { assert, assertEquals } from "@std/assert";
import { Session } from "../../client/mod.ts";
import { RemoteClient } from "../../daemon/remote_client.ts";
import { MemoryFileSystem } from "../../disk/mod.ts";
import { createMetainfo } from "../../metainfo/mod.ts";
import { randomInt, seededRandom } from "../../_shared/random.ts";
import { startBip } from "../support/bip.ts";
import { TempDir } from "../support/paths.ts";

const KILLS = Number(Deno.env.get("BIP_KILLS") ?? 10);
const SEED = Number(Deno.env.get("BIP_SEED") ?? Date.now() % 1e9);
const LISTEN = { hostname: "127.0.0.1", port: 0 };
/** Payload of a torrent, and how fast it comes. */
const SIZE = 8 * 1024 * 1024;
const RATE = 3 * 1024 * 1024;
/** What may be under way when it is killed: windows of requests, open pieces. */
const UNDER_WAY = 1024 * 1024;

interface Made {
  readonly torrent: Uint8Array;
  readonly bytes: Uint8Array;
}

Deno.test(`a daemon that is killed ${KILLS} times loses nothing (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  await using dir = new TempDir();
  await using seeder = await Session.open({
    listen: LISTEN,
    uploadLimit: RATE,
    trackers: false,
  });
  // A tracker that always tells of the seeder and forgets who asks.
  await using tracker = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, () => {
    const { port } = seeder.local!;
    const text = (part: string) => [...part].map((char) => char.charCodeAt(0));
    return new Response(
      new Uint8Array([
        ...text("d8:intervali1800e5:peers6:"),
        ...[127, 0, 0, 1, port >> 8, port & 255],
        ...text("e"),
      ]),
    );
  });
  const announce = `http://127.0.0.1:${tracker.addr.port}/announce`;
  const count = Math.max(2, Math.ceil(KILLS / 5));
  const fileSystem = new MemoryFileSystem();
  const make = async (i: number): Promise<Made> => {
    const bytes = random(new Uint8Array(SIZE));
    fileSystem.open([`${i}`], { write: true }).write(bytes, 0);
    const torrent = await createMetainfo({
      inputs: [{ path: [`${i}`], bytes }],
      trackers: [[announce]],
      pieceLength: 65_536,
    });
    const served = seeder.add(torrent, { fileSystem, seedMode: true });
    await served.completed;
    return { torrent, bytes };
  };
  const start = async () => {
    const child = startBip([
      ...["daemon", "--state", dir.join("state"), "--dir", dir.join("d")],
      ...["--listen", "127.0.0.1", "--port", "0", "--rpc-port", "0", "--json"],
    ], { permissions: ["--allow-all"] });
    const { rpc, torrents } = await child.line("listening");
    const remote = new RemoteClient({ url: rpc as string });
    return { child, remote, torrents: torrents as number };
  };

  const made: Made[] = [];
  let answered = 0;
  let asked = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const { child, remote, torrents } = await start();
    await using _ending = child;
    assert(
      torrents >= answered && torrents <= asked,
      `${torrents} of ${answered} to ${asked} torrents are there after ${kill} kills`,
    );
    answered = torrents;
    if (kill % 5 === 0 && made.length < count) {
      made.push(await make(made.length));
    }
    const next = made[torrents];
    const adding = next === undefined
      ? undefined
      : remote.call("torrent_add", { metainfo: next.torrent.toBase64() });
    if (adding !== undefined) asked = torrents + 1;
    adding?.then(() => answered++, () => {});
    // What else is written meanwhile.
    remote.call("torrent_set", { ids: [1], labels: [`k${kill}`] }).catch(
      () => {},
    );
    remote.call("session_set", { peer_limit_global: 100 + kill }).catch(
      () => {},
    );
    await new Promise((resolve) => setTimeout(resolve, randomInt(random, 900)));
    child.kill("SIGKILL");
    await child.result;
  }

  const { child, remote, torrents } = await start();
  await using _ending = child;
  assert(torrents >= answered && torrents <= asked);
  for (const { torrent } of made.slice(torrents)) {
    await remote.call("torrent_add", { metainfo: torrent.toBase64() });
  }
  const fields = ["percent_done", "labels"];
  for (;;) {
    const { torrents } = await remote.call("torrent_get", { fields }) as {
      torrents: { percent_done: number }[];
    };
    assertEquals(torrents.length, made.length);
    if (torrents.every(({ percent_done }) => percent_done === 1)) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  for (const [i, { bytes }] of made.entries()) {
    assertEquals(await Deno.readFile(dir.join("d", `${i}`)), bytes);
  }
  const sent = seeder.torrents.reduce(
    (sum, torrent) => sum + torrent.stats().uploadedBytes,
    0,
  );
  const again = sent - made.length * SIZE;
  console.log(
    `${KILLS} kills: ${(again / 1024).toFixed(0)} KiB of ${
      made.length * SIZE / 1024
    } KiB came twice`,
  );
  assert(again <= KILLS * UNDER_WAY, `${again} bytes came twice`);
});
