import { assert, assertEquals } from "@std/assert";
import type { SessionOptions } from "../../client/types.ts";
import { assertFiles, simTorrent, SwarmWorld } from "../../testing/mod.ts";

const WEB = ["http://8.8.8.8/"];

/** A web server with the content, and the ranges that it was asked for. */
function web(
  content: ReadonlyMap<string, Uint8Array>,
): {
  readonly fetch: NonNullable<SessionOptions["fetch"]>;
  readonly ranges: [start: number, end: number][];
  bytes(): number;
} {
  const [bytes] = [...content.values()];
  const ranges: [number, number][] = [];
  return {
    ranges,
    bytes: () => ranges.reduce((sum, [start, end]) => sum + end - start, 0),
    fetch(_, { headers }) {
      const range = new Headers(headers).get("range")!;
      const [start, last] = range.slice(6).split("-").map(Number);
      const end = last! + 1;
      ranges.push([start!, end]);
      return Promise.resolve(
        new Response(bytes!.slice(start, end), {
          status: 206,
          headers: {
            "content-range": `bytes ${start}-${last}/${bytes!.length}`,
          },
        }),
      );
    },
  };
}

Deno.test("web seeds - limits hold, and what is received is counted", async () => {
  await using world = new SwarmWorld();
  const torrent = await simTorrent([["a.bin", 2_000_000]]);
  const { fetch } = web(torrent.content);
  const leecher = await world.host({ fetch, downloadLimit: 200_000 });
  const download = leecher.add(torrent, { webSeeds: WEB });
  const startedAt = world.clock.now();
  await world.until(() => download.stats().doneBytes > 500_000, 60_000);
  const { downloadRate } = download.stats();
  assert(downloadRate > 0 && downloadRate < 250_000, `${downloadRate}`);
  await world.run(download.completed);
  const seconds = (world.clock.now() - startedAt) / 1000;
  // Bodies are read in real time, in which virtual time may pass.
  assert(seconds > 9, `${seconds}`);
  assertFiles(torrent, leecher.files);
  assertEquals(download.stats().downloadedBytes, 2_000_000);
});

Deno.test("web seeds - peers and web give different parts, what peers lack comes from the web", async () => {
  await using world = new SwarmWorld({ latencyMs: 20 });
  const torrent = await simTorrent([["a.bin", 8_000_000]]);
  const { fetch, bytes } = web(torrent.content);
  const seeder = await world.seeder(torrent, { uploadLimit: 1_000_000 });
  const leecher = await world.host({ fetch });
  const download = leecher.add(torrent, {
    webSeeds: WEB,
    peers: [seeder.address],
    downloadLimit: 2_000_000,
  });
  await world.run(download.completed);
  assertFiles(torrent, leecher.files);
  const { downloadedBytes, wastedBytes } = download.stats();
  const fromPeer = downloadedBytes - download.webSeeds()[0]!.downloadedBytes;
  assert(fromPeer > 500_000, `${fromPeer}`);
  assert(bytes() > 500_000, `${bytes()}`);
  // What the one gives is not asked of the other, but for the last range.
  assert(wastedBytes < 1_048_576, `${wastedBytes}`);
});

Deno.test("web seeds - nobody asks the web for what is there", async () => {
  await using world = new SwarmWorld();
  const torrent = await simTorrent([["a.bin", 300_000]]);
  const { fetch, ranges } = web(torrent.content);
  const seeder = await world.seeder(torrent, { fetch });
  await world.until(() => seeder.torrent.state === "seeding", 10_000);
  await world.clock.advance(60_000);
  assertEquals(ranges, []);
});
