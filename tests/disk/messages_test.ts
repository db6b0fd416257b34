import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DiskError } from "../../disk/error.ts";

import { DiskManager } from "../../disk/manager.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { injectFaults, interceptFileSystem } from "../../disk/middleware.ts";
import type { DiskEvent, DiskRequest } from "../../disk/messages.ts";

import { makeTorrent } from "./support.ts";

const pure = { permissions: "none" } as const;
const torrent = makeTorrent({
  pieceLength: 65536,
  files: [100_000, 0, 150_000, 30],
});

Deno.test(
  "the stream face: one answer a request, errors take no capacity",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    await using disk = new DiskManager({ fileSystem: memory, maxWaiting: 2 });
    const { infoHash } = torrent;
    const requests: DiskRequest[] = [
      { type: "load", infoHash, pieceIndex: 0, blockOffset: 0, length: 1 },
      { type: "add", torrent, options: { existing: "verify" } },
      { type: "add", torrent },
    ];
    for (let i = 0; i < 50; i++) {
      requests.push(
        {
          type: "process",
          infoHash,
          pieceIndex: 99,
          blockOffset: 0,
          data: new Uint8Array(1),
        },
        { type: "load", infoHash, pieceIndex: 0, blockOffset: 0, length: 1 },
      );
    }
    torrent.content.forEach((data, pieceIndex) => {
      const bad = data.slice();
      bad[0]! ^= 1;
      if (pieceIndex === 0) {
        requests.push({
          type: "process",
          infoHash,
          pieceIndex,
          blockOffset: 0,
          data: bad,
        });
      }
      requests.push({
        type: "process",
        infoHash,
        pieceIndex,
        blockOffset: 0,
        data,
      });
    });
    requests.push(
      { type: "load", infoHash, pieceIndex: 0, blockOffset: 5, length: 7 },
      { type: "sync", infoHash },
      { type: "remove", infoHash },
      { type: "sync", infoHash },
      { type: "add", torrent },
    );
    const events: DiskEvent[] = [];
    const reading = (async () => {
      for await (const event of disk.readable) {
        events.push(event);
        if (event.type === "storage") continue;
        if (event.request === requests.at(-1)) return;
      }
    })();
    const writer = disk.writable.getWriter();
    for (const request of requests) await writer.write(request);
    await reading;
    const answers = events.filter((event) => event.type !== "storage");
    assertEquals(
      answers.map((event) => event.request),
      requests,
    );
    const kinds = answers.map((event) => event.type);
    assertEquals(kinds.slice(0, 3), ["failed", "added", "failed"]);
    assertEquals(kinds.slice(3, 103), new Array(100).fill("failed"));
    assertEquals(kinds.slice(103), [
      ...new Array(5).fill("processed"),
      "loaded",
      "synced",
      "removed",
      "failed",
      "added",
    ]);
    const told = events.filter((event) => event.type === "storage")
      .map(({ event }) => event.type);
    assertEquals(told, [
      "piece-bad",
      ...new Array(4).fill("piece-good"),
      ...new Array(4).fill("piece-good"),
    ]);
    assertEquals(events.at(-2)?.type, "storage");
    const loaded = answers.find((event) => event.type === "loaded");
    assert(loaded?.type === "loaded");
    assertEquals(loaded.data, torrent.content[0]!.subarray(5, 12));
  },
);

Deno.test("the stream face waits for its reader", pure, async () => {
  await using disk = new DiskManager({
    fileSystem: new MemoryFileSystem(),
    maxWaiting: 1,
  });
  const writer = disk.writable.getWriter();
  const { infoHash } = torrent;
  const done: number[] = [];
  for (let i = 0; i < 5; i++) {
    writer.write({ type: "sync", infoHash }).then(() => done.push(i), () => {});
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert(done.length <= 2, `${done.length} went through`);
  const reader = disk.readable.getReader();
  for (let i = 0; i < 5; i++) assertEquals((await reader.read()).done, false);
  await disk.close();
  assertEquals((await reader.read()).done, true);
});

Deno.test("a signal closes the manager; requests fail then", pure, async () => {
  const stop = new AbortController();
  const fileSystem = new MemoryFileSystem();
  const disk = new DiskManager({ fileSystem, signal: stop.signal });
  const storage = await disk.add(torrent);
  storage.writeBlock(0, 0, torrent.content[0]!.subarray(0, 16384));
  const writer = disk.writable.getWriter();
  stop.abort(new Error("enough"));
  assertEquals(await Array.fromAsync(disk.readable), []);
  await disk.close();
  assertEquals(storage.state, "closed");
  // What came in before is in the file.
  assertEquals(
    fileSystem.contents(["torrent", "f0"])!.subarray(0, 16384),
    torrent.content[0]!.subarray(0, 16384),
  );
  const { infoHash } = torrent;
  const error = await assertRejects(
    () => writer.write({ type: "sync", infoHash }),
    DiskError,
  );
  assertEquals(error.code, "closed");
  assertThrows(
    () => new DiskManager({ fileSystem, signal: stop.signal }),
    Error,
    "enough",
  );
});

Deno.test("streams asked for after the end have ended", pure, async () => {
  const disk = new DiskManager({ fileSystem: new MemoryFileSystem() });
  await disk.close();
  assertEquals(await Array.fromAsync(disk.readable), []);
  const writer = disk.writable.getWriter();
  await assertRejects(
    () => writer.write({ type: "sync", infoHash: torrent.infoHash }),
    DiskError,
  );
});

Deno.test("a storage is closed at the end of its block", pure, async () => {
  const fileSystem = new MemoryFileSystem();
  await using disk = new DiskManager({ fileSystem });
  {
    await using storage = await disk.add(torrent);
    storage.writeBlock(0, 0, torrent.content[0]!);
  }
  assertEquals(disk.get(torrent.infoHash), undefined);
  await using again = await disk.add(torrent);
  assertEquals([...again.have], [0]);
});

Deno.test(
  "what happens later is told without being asked for",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 16_384, files: [16_384] });
    const gate = Promise.withResolvers<void>();
    const fileSystem = interceptFileSystem(
      new MemoryFileSystem(),
      injectFaults(({ operation }) =>
        operation === "write" ? { after: gate.promise } : undefined
      ),
    );
    const disk = new DiskManager({ fileSystem });
    const events = disk.readable.getReader();
    const requests = disk.writable.getWriter();
    const next = async () => {
      const { value } = await events.read();
      return value!.type === "storage" ? value!.event.type : value!.type;
    };
    await requests.write({ type: "add", torrent });
    assertEquals(await next(), "added");
    await requests.write({
      type: "process",
      infoHash: torrent.infoHash,
      pieceIndex: 0,
      blockOffset: 0,
      data: torrent.content[0]!,
    });
    assertEquals(await next(), "processed");
    const told = next();
    gate.resolve();
    assertEquals(await told, "piece-good");
    await disk.close();
  },
);
