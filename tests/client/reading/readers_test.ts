/** Files that are read while they are fetched. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { SessionError } from "../../../client/error.ts";
import { type ReaderHost, Readers } from "../../../client/reading/readers.ts";
import type { FileStreamOptions } from "../../../client/mod.ts";
import type { Torrent } from "../../../client/torrent.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import {
  filled,
  SimClock,
  type SimHost,
  type SimTorrent,
  simTorrent,
  SwarmWorld,
} from "../../../testing/mod.ts";

const pure = { permissions: "none" } as const;
const FILES = [["a.webm", 1_000_000], ["b.txt", 300_000]] as const;

/** A seeder of 200 KB a second, and a host that fetches of it. */
async function scene(world: SwarmWorld, uploadLimit = 200_000) {
  const torrent = await simTorrent(FILES);
  const seed = await world.seeder(torrent, { uploadLimit });
  const host = await world.host();
  return { torrent, seed, host, peers: [seed.address] };
}

const right = (torrent: SimTorrent, path = "a.webm") =>
  torrent.content.get(`sim/${path}`)!;

/** Reads a part of a file to its end. */
async function read(
  torrent: Torrent,
  options: FileStreamOptions = {},
  fileIndex = 0,
): Promise<Uint8Array> {
  const parts = await Array.fromAsync(
    torrent.files[fileIndex]!.stream(options),
  );
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** Takes so many bytes of a stream, which stays open. */
async function take(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  length: number,
): Promise<Uint8Array> {
  const parts: number[] = [];
  while (parts.length < length) {
    const { value, done } = await reader.read();
    assert(!done, "it ended early");
    parts.push(...value);
  }
  return new Uint8Array(parts);
}

function assertUntouched(host: SimHost): void {
  assertEquals([...host.torrent.pieces()!.priorities].at(-1), 0);
  assertEquals(host.torrent.files[1]!.priority, 0);
}

Deno.test(
  "stream gives a file byte for byte while it is fetched",
  pure,
  async () => {
    await using world = new SwarmWorld();
    const { torrent, host, peers } = await scene(world);
    const one = host.add(torrent, { peers });
    const [whole, part, last, none] = await world.run(Promise.all([
      read(one),
      read(one, { start: 777_777, end: 888_888 }),
      read(one, { start: 299_999 }, 1),
      read(one, { start: 5, end: 5 }),
    ]));
    assertEquals(whole, right(torrent));
    assertEquals(part, right(torrent).slice(777_777, 888_888));
    assertEquals(last, right(torrent, "b.txt").slice(299_999));
    assertEquals(none, new Uint8Array());
    const { wastedBytes, downloadedBytes } = one.stats();
    assert(wastedBytes < 0.03 * downloadedBytes, `${wastedBytes} bytes wasted`);
    world.assertWire();
  },
);

Deno.test(
  "stream: what lies ahead of a reader comes first, until it is done",
  pure,
  async () => {
    await using world = new SwarmWorld();
    const torrent = await simTorrent([["film.webm", 30_000_000]]);
    const seed = await world.seeder(torrent, { uploadLimit: 200_000 });
    const host = await world.host();
    const one = host.add(torrent, { peers: [seed.address] });
    await world.until(() => one.stats().piecesDone > 2);
    const began = world.clock.now();
    const reader = one.files[0]!.stream({ start: 14_500_000 }).getReader();
    await world.run(take(reader, 30_000));
    const ms = world.clock.now() - began;
    assert(ms < 1_000, `it waited ${ms} ms for what is not due`);
    await reader.cancel();
    // Nothing is due any more: what comes next lies anywhere.
    const first = Math.floor(14_500_000 / 32_768);
    const isAhead = (i: number) => i >= first && i < first + 41;
    const before = host.events.length;
    await world.clock.advance(5_000);
    const next = host.events.slice(before).flatMap((event) =>
      event.type === "piece" ? [event.pieceIndex] : []
    ).slice(4);
    assert(next.length > 10);
    assert(next.filter(isAhead).length < next.length / 2, `${next}`);
  },
);

Deno.test("stream refuses what is no part of the file", pure, async () => {
  await using world = new SwarmWorld();
  const { torrent, host } = await scene(world);
  const file = host.add(torrent).files[0]!;
  for (
    const [start, end] of [[-1, 5], [6, 5], [0, 1_000_001], [0.5, 1], [
      NaN,
      1,
    ], [1_000_001, undefined]]
  ) {
    assertThrows(() => file.stream({ start, end }), RangeError);
  }
});

Deno.test(
  "stream goes on after a pause, a check and damage",
  pure,
  async () => {
    await using world = new SwarmWorld();
    const { torrent, host, peers } = await scene(world);
    const one = host.add(torrent, { peers });
    const reader = one.files[0]!.stream().getReader();
    const got = [await world.run(take(reader, 100_000))];
    await world.run(one.pause());
    const paused = take(reader, 200_000);
    await world.clock.advance(30_000);
    await world.run(one.resume());
    got.push(await world.run(paused));
    const checked = take(reader, 200_000);
    await world.run(one.recheck());
    got.push(await world.run(checked));
    got.push(
      await world.run(
        Array.fromAsync({
          async *[Symbol.asyncIterator]() {
            for (let r; !(r = await reader.read()).done;) yield* r.value;
          },
        }).then((bytes) => new Uint8Array(bytes)),
      ),
    );
    assertEquals(
      new Uint8Array(got.flatMap((part) => [...part])),
      right(torrent),
    );
  },
);

Deno.test("stream waits for a piece that came bad", pure, async () => {
  await using world = new SwarmWorld();
  const torrent = await simTorrent(FILES);
  const files = filled(torrent);
  const bad = await world.seeder(torrent, { uploadLimit: 200_000, files });
  await world.until(() => bad.torrent.state === "seeding");
  bad.truths.clear();
  files.open(["sim", "a.webm"], { write: true }).write(new Uint8Array(50), 9);
  const host = await world.host();
  const one = host.add(torrent, { peers: [bad.address] });
  const whole = read(one);
  await world.until(() =>
    host.events.some((event) => event.type === "piece" && !event.good)
  );
  const good = await world.seeder(torrent, { uploadLimit: 200_000 });
  one.addPeers([good.address]);
  assertEquals(await world.run(whole), right(torrent));
});

Deno.test(
  "stream fetches of a file that is left out what it reads",
  pure,
  async () => {
    await using world = new SwarmWorld();
    const { torrent, host, peers } = await scene(world);
    const one = host.add(torrent, { peers, files: [0] });
    await world.run(one.completed);
    assertUntouched(host);
    const reader = one.files[1]!.stream({ start: 100_000 }).getReader();
    assertEquals(one.state, "downloading");
    const got = await world.run(take(reader, 50_000));
    assertEquals(
      got,
      right(torrent, "b.txt").slice(100_000, 100_000 + got.length),
    );
    await reader.cancel();
    assertUntouched(host);
    const { doneBytes } = one.stats();
    assert(doneBytes < 1_300_000, "all of it was fetched");
    await world.until(() => one.state === "seeding");
    // To its end it is fetched, too, and stays left out.
    assertEquals(await world.run(read(one, {}, 1)), right(torrent, "b.txt"));
    await world.until(() => one.state === "seeding");
    assertUntouched(host);
    assertEquals(host.files.contents(["sim", "b.txt"]), undefined);
  },
);

Deno.test("stream ends with what stops the torrent", pure, async () => {
  await using world = new SwarmWorld();
  const { torrent, host, peers } = await scene(world);
  const one = host.add(torrent, { peers });
  const rest = read(one);
  const failed = assertRejects(() => rest, SessionError, "removed");
  await world.until(() => one.stats().piecesDone > 2);
  await world.run(one.close());
  await world.run(failed);
  await world.run(assertRejects(() => read(one), SessionError, "removed"));
});

Deno.test(
  "stream ends with its signal, and when it is cancelled",
  pure,
  async () => {
    await using world = new SwarmWorld();
    const { torrent, host, peers } = await scene(world);
    const one = host.add(torrent, { peers });
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = assertRejects(() => read(one, { signal }), Error, "enough");
    const early = one.files[0]!.stream().getReader();
    const pending = early.read();
    await early.cancel();
    assertEquals((await pending).done, true);
    controller.abort(new Error("enough"));
    await world.run(aborted);
    await assertRejects(() => read(one, { signal }), Error, "enough");
  },
);

Deno.test(
  "stream of a torrent that is only read gives what is there",
  pure,
  async () => {
    await using world = new SwarmWorld();
    const torrent = await simTorrent(FILES);
    const files = filled(torrent);
    files.open(["sim", "a.webm"], { write: true }).write(new Uint8Array(50), 9);
    const host = await world.host({ files });
    const one = host.watch(
      host.session.add(torrent.bytes, { fileSystem: files, readOnly: true }),
    );
    await world.until(() => one.state === "seeding");
    assertEquals(
      await world.run(read(one, { start: 400_000, end: 400_100 })),
      right(torrent).slice(400_000, 400_100),
    );
    const error = await world.fails(read(one));
    assert(error instanceof SessionError && error.code === "not-there");
  },
);

Deno.test(
  "a piece that comes between the look for it and the wait is read at once",
  pure,
  async () => {
    const data = new Uint8Array(10).fill(7);
    let isThere = false;
    let looks = 0;
    const readers: Readers = new Readers({
      metainfo: { layout: new PieceLayout({ pieceLength: 16, files: [data] }) },
      content: {
        have: {
          has() {
            // The first look is for what is due.
            if (++looks === 2) {
              queueMicrotask(() => {
                isThere = true;
                readers.wake();
              });
            }
            return isThere;
          },
        },
        layout: new PieceLayout({ pieceLength: 16, files: [data] }),
        storage: { readBlock: () => data },
        setRead: () => {},
        readSoon: () => {},
      },
      context: { clock: new SimClock() },
    } as unknown as ReaderHost);
    assertEquals(await Array.fromAsync(readers.open(0)), [data]);
  },
);
