import { assert, assertEquals } from "@std/assert";
import { randomInt, seededRandom } from "../../_shared/random.ts";
import { DiskError } from "../../disk/error.ts";
import { DiskManager } from "../../disk/manager.ts";
import { FakeS3, refusal, writeRuns } from "./object/fake_s3.ts";
import { makeTorrent } from "./support.ts";

const pure = { permissions: "none" } as const;
const MIB = 1 << 20;
const folder = `.bip/${"01".repeat(20)}/`;

Deno.test(
  "ObjectStorage - a reader finds runs, and files when they are gone",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: MIB, files: [5, 20 * MIB] });
    const server = new FakeS3();
    const writer = await server.storage().open(torrent);
    await writeRuns(writer, torrent);
    const reader = await server.storage().open(torrent, { readOnly: true });
    const all = torrent.content.map((_, i) => i);
    assertEquals([...(await reader.find()).good], all);
    const check = async () => {
      for (const i of [0, 7, 8, 19, 20]) {
        const into = new Uint8Array(torrent.content[i]!.length);
        assertEquals(await reader.readRange(i, 0, into), true);
        assertEquals(into, torrent.content[i] as Uint8Array<ArrayBuffer>);
      }
    };
    await check();
    assertEquals(server.objects.size, 3);
    await writer.finish!(0);
    assertEquals(server.objects.size, 4);
    await writer.finish!(1);
    assertEquals(server.objects.size, 2);
    await check();
    // Both of a piece, as after a write whose answer was lost.
    for (const name of ["0000008-0000015", "0000009"]) {
      const end = name.includes("-") ? 16 : 10;
      server.put(
        folder + name,
        torrent.fileContent[1]!.slice(
          Number(name.slice(0, 7)) * MIB - 5,
          end * MIB - 5,
        ) as Uint8Array<ArrayBuffer>,
      );
    }
    await reader.find();
    await check();
    const last = await server.storage().open(torrent);
    await last.find();
    await last.finish!(1);
    assertEquals([...server.objects.keys()].sort(), [
      "torrent/f0",
      "torrent/f1",
    ]);
  },
);

for (const version of ["v1", "v2", "hybrid"] as const) {
  Deno.test(
    `ObjectStorage - pieces of ${version} that come at once are sent once, and told when they are stored`,
    pure,
    async () => {
      const torrent = makeTorrent({
        pieceLength: MIB,
        files: version === "hybrid"
          ? [20 * MIB - 9, { length: 9, pad: true }, 9 * MIB]
          : [20 * MIB - 9, 9 * MIB],
        version,
      });
      const server = new FakeS3();
      const { clock } = server;
      await using disk = new DiskManager({ storage: server.storage(), clock });
      const storage = await disk.add(torrent);
      const { pieceCount } = torrent.layout;
      for (let i = 0; i < pieceCount; i++) {
        // Some order, the same neighbours.
        const pieceIndex = (i * 5) % pieceCount;
        storage.writeBlock(pieceIndex, 0, torrent.content[pieceIndex]!);
      }
      let told = 0;
      for await (const event of storage.events()) {
        assertEquals(event.type, "piece-good");
        if (++told === pieceCount) break;
      }
      await storage.confirm();
      torrent.fileContent.filter((_, i) => !torrent.layout.files[i]!.pad)
        .forEach((content) => {
          const stored = [...server.objects.values()].find(({ bytes }) =>
            bytes.length === content.length
          );
          assertEquals(stored?.bytes, content as Uint8Array<ArrayBuffer>);
        });
      const sent = (pattern: RegExp) =>
        server.seen.filter(({ method, key, headers }) =>
          method === "PUT" && pattern.test(key) &&
          !headers.has("x-amz-copy-source")
        );
      assertEquals(
        sent(/\.bip.*\/[\d-]+$/).reduce(
          (sum, { body }) => sum + body.length,
          0,
        ),
        pieceCount * MIB - (version === "hybrid" ? 0 : 9),
      );
      assertEquals(sent(/\.bip.*\/\d+-\d+$/).length, 4);
      // What is no whole part of its file.
      assert(
        sent(/^torrent/).reduce((sum, { body }) => sum + body.length, 0) <
          16 * MIB,
      );
      assertEquals(server.uploads.size, 0);
    },
  );
}

Deno.test(
  "ObjectStorage - files of any lengths are as they were, of runs, pieces and both",
  pure,
  async () => {
    const random = seededRandom(13);
    for (let turn = 0; turn < 4; turn++) {
      const pieceLength = turn === 0
        ? MIB
        : 65_536 * (1 + randomInt(random, 40));
      const torrent = makeTorrent({
        pieceLength,
        // At first parts that are gathered of a short head, a run and a short end.
        files: turn === 0
          ? [7 * MIB, 12 * MIB, MIB + 5, 9]
          : [9, 18, 1, 14].map((most) => randomInt(random, most * MIB)),
        version: turn < 3 ? "v1" : "v2",
        seed: turn,
      });
      const server = new FakeS3();
      let refused = 0;
      server.fault = (_, answer) => {
        const given = answer();
        if (given.status === 400) refused++;
        return given;
      };
      const store = await server.storage().open(torrent);
      await store.find();
      const alone = new Set<number>();
      for (const [i, piece] of torrent.content.entries()) {
        if (turn % 2 === 0 || randomInt(random, 30) > 0) continue;
        const bytes = piece.slice() as Uint8Array<ArrayBuffer>;
        await store.writePiece(i, [{ offset: 0, bytes }]);
        alone.add(i);
      }
      await writeRuns(store, torrent, alone);
      for (const i of [2, 0, 3, 1]) await store.finish!(i);
      await store.close?.();
      assertEquals([...server.objects.keys()].sort(), [
        "torrent/f0",
        "torrent/f1",
        "torrent/f2",
        "torrent/f3",
      ]);
      torrent.fileContent.forEach((content, i) => {
        const { bytes } = server.objects.get(`torrent/f${i}`)!;
        assertEquals(bytes.length, content.length);
        assert(bytes.every((byte, at) => byte === content[at]), `${turn} ${i}`);
      });
      assertEquals(refused, 0);
    }
  },
);

Deno.test(
  "ObjectStorage - a process that dies at any request loses nothing that was told",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: MIB, files: [19 * MIB] });
    const server = new FakeS3();
    const { clock } = server;
    const random = seededRandom(5);
    const told = new Set<number>();
    const stored: string[] = [];
    let left = 0;
    server.fault = ({ method, key }) => {
      if (method === "GET" || method === "HEAD") return undefined;
      if (left-- <= 0) return refusal(403, "AccessDenied");
      if (/\.bip.*\/[\d-]+$/.test(key) && method === "PUT") stored.push(key);
      return undefined;
    };
    const go = async (disk: DiskManager, atOnce: boolean) => {
      const storage = await disk.add(torrent);
      for (const i of told) assert(storage.have.has(i), `piece ${i}`);
      const missing = torrent.content.map((_, i) => i)
        .filter((i) => !storage.have.has(i));
      while (missing.length > 0) {
        do {
          const [i] = missing.splice(randomInt(random, missing.length), 1);
          storage.writeBlock(i!, 0, torrent.content[i!]!);
        } while (atOnce && missing.length > 0);
        const failure = await storage.flush().catch((error) => error);
        for (const i of storage.have) told.add(i);
        if (failure !== undefined) throw failure;
      }
      await storage.confirm();
    };
    for (let run = 0, isDone = false; !isDone; run++) {
      assert(run < 60, `${stored}`);
      left = 1 + run % 4;
      const disk = new DiskManager({ storage: server.storage(), clock });
      try {
        await go(disk, run % 2 === 0);
        isDone = true;
      } catch (error) {
        assert(error instanceof DiskError, `${error}`);
      }
      left = 0;
      await disk.close().catch(() => {});
    }
    assertEquals([...server.objects.keys()], ["torrent/f0"]);
    assertEquals(
      server.objects.get("torrent/f0")!.bytes,
      torrent.fileContent[0] as Uint8Array<ArrayBuffer>,
    );
    assertEquals(stored.filter((key, i) => stored.indexOf(key) !== i), []);
    assert(stored.some((key) => key.includes("-")));
    assert(stored.some((key) => !key.includes("-")));
  },
);
