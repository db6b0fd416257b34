/**
 * Streaming by the numbers that docs/streaming.md promises, in virtual time: how
 * soon the first byte comes, how long a seek takes, how often a player stalls,
 * how much comes twice.
 */
import { assert, assertEquals } from "@std/assert";
import type { Torrent } from "../../client/mod.ts";
import { formatMagnet } from "../../metainfo/mod.ts";
import { simTorrent, SwarmWorld } from "../../testing/mod.ts";

const pure = { permissions: "none" } as const;
/** Seconds that a player holds of what it has not shown yet. */
const BUFFER_S = 5;

/** A film of a minute, and a swarm that gives it at twice its bitrate. */
interface Swarm {
  readonly name: string;
  /** Bytes a second of each seeder. */
  readonly rates: readonly number[];
  readonly pieceLength: number;
  readonly latencyMs?: number;
  readonly seed?: number;
}

/** How a film was shown from one place on. */
interface Shown {
  /** From asking to the first byte, in milliseconds. */
  readonly firstMs: number;
  /** Time the picture stood still, in milliseconds. */
  readonly stalledMs: number;
}

/** Plays a film as a player does: as fast as it comes, some seconds ahead. */
async function play(
  world: SwarmWorld,
  torrent: Torrent,
  right: Uint8Array,
  bitrate: number,
  from: number,
  seconds: number,
): Promise<Shown> {
  const { clock } = world;
  const asked = clock.now();
  const reader = torrent.files[0]!.stream({ start: from }).getReader();
  const end = Math.min(right.length, from + seconds * bitrate);
  let at = from;
  let firstMs = 0;
  let stalledMs = 0;
  /** When the byte at `from` would have been shown, stalls added. */
  let began = asked;
  while (at < end) {
    const { value } = await reader.read();
    const now = clock.now();
    if (at === from) {
      firstMs = now - asked;
      began = now;
    }
    const due = began + (at - from) / bitrate * 1000;
    if (now > due) {
      stalledMs += now - due;
      began += now - due;
    }
    assertEquals(value, right.slice(at, at + value!.length));
    at += value!.length;
    const full = began + ((at - from) / bitrate - BUFFER_S) * 1000;
    if (full > now) {
      await new Promise<void>((resolve) => clock.schedule(full, resolve));
    }
  }
  await reader.cancel();
  return { firstMs, stalledMs };
}

const SWARMS: readonly Swarm[] = [
  {
    name: "four alike",
    rates: [250_000, 250_000, 250_000, 250_000],
    pieceLength: 262_144,
  },
  {
    name: "four, one of them fast",
    rates: [100_000, 200_000, 300_000, 400_000],
    pieceLength: 262_144,
  },
  {
    name: "twelve, some very slow",
    rates: [1, 1, 1, 2, 2, 3, 4, 5, 5, 6, 8, 12].map((n) => n * 20_000),
    pieceLength: 131_072,
  },
  {
    name: "two far away",
    rates: [500_000, 500_000],
    pieceLength: 131_072,
    latencyMs: 100,
  },
  {
    name: "four with pieces of a mebibyte",
    rates: [500_000, 500_000, 500_000, 500_000],
    pieceLength: 1_048_576,
  },
];

for (const { name, rates, pieceLength, latencyMs = 20, seed = 1 } of SWARMS) {
  Deno.test(`streaming from ${name} at twice the bitrate`, pure, async () => {
    const rate = rates.reduce((sum, rate) => sum + rate, 0);
    const bitrate = rate / 2;
    const torrent = await simTorrent([["film.webm", 60 * bitrate]], {
      pieceLength,
    });
    const right = torrent.content.get("film.webm")!;
    await using world = new SwarmWorld({ latencyMs, seed });
    const peers = [];
    for (const uploadLimit of rates) {
      peers.push((await world.seeder(torrent, { uploadLimit })).address);
    }
    const host = await world.host();
    const one = host.add(torrent, { peers });
    await world.until(() => one.stats().peers === rates.length);
    const show = (place: number, seconds: number) => {
      const from = Math.floor(place * right.length);
      return world.run(
        play(world, one, right, bitrate, from, seconds),
        seconds * 2000,
      );
    };
    await show(0, 8);
    for (const place of [0.8, 0.35, 0.6, 0.97]) {
      const { firstMs, stalledMs } = await show(place, 6);
      const what = `at ${place}: ${firstMs} ms, then ${stalledMs} ms`;
      assert(firstMs <= 1_500, `a seek took too long ${what}`);
      assert(stalledMs <= 1_000, `it stalled ${what}`);
    }
    await world.run(one.completed, 120_000);
    const { wastedBytes, downloadedBytes } = one.stats();
    const waste = wastedBytes / downloadedBytes;
    assert(waste < 0.03, `${(100 * waste).toFixed(2)} % came twice`);
    world.assertWire();
  });
}

Deno.test("two who read at once both go on", pure, async () => {
  const bitrate = 250_000;
  const torrent = await simTorrent([["film.webm", 60 * bitrate]], {
    pieceLength: 131_072,
  });
  const right = torrent.content.get("film.webm")!;
  await using world = new SwarmWorld({ latencyMs: 20 });
  const peers = [];
  for (const uploadLimit of [200_000, 400_000, 400_000]) {
    peers.push((await world.seeder(torrent, { uploadLimit })).address);
  }
  const host = await world.host();
  const one = host.add(torrent, { peers });
  await world.until(() => one.stats().peers === 3);
  const shown = await world.run(Promise.all([
    play(world, one, right, bitrate, 0, 15),
    play(world, one, right, bitrate, Math.floor(right.length / 2), 15),
  ]));
  for (const { firstMs, stalledMs } of shown) {
    assert(firstMs < 1_500, `the first byte came after ${firstMs} ms`);
    assert(stalledMs < 1_500, `it stalled for ${stalledMs} ms`);
  }
  const { wastedBytes, downloadedBytes } = one.stats();
  assert(wastedBytes < 0.03 * downloadedBytes);
});

Deno.test(
  "a link plays within a second in the local network",
  pure,
  async () => {
    const torrent = await simTorrent([["film.webm", 30_000_000], ["b", 9]], {
      pieceLength: 1_048_576,
    });
    await using world = new SwarmWorld({ latencyMs: 2, windowBytes: 65_536 });
    const seeds = [
      await world.seeder(torrent, { uploadLimit: 12_000_000 }),
      await world.seeder(torrent, { uploadLimit: 12_000_000 }),
    ];
    const host = await world.host();
    const link = formatMagnet({
      infoHashV1: torrent.metainfo.infoHashV1,
      peers: seeds.map(({ address }) => address),
    });
    const asked = world.clock.now();
    const one = host.addMagnet(link, torrent);
    await world.run(one.metadata);
    const reader = one.files[0]!.stream().getReader();
    const { value } = await world.run(reader.read());
    const ms = world.clock.now() - asked;
    assert(value!.length > 0);
    assert(ms <= 1_000, `the first byte came after ${ms} ms`);
    await reader.cancel();
  },
);
