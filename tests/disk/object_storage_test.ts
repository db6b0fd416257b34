import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../disk/error.ts";
import { DiskManager } from "../../disk/manager.ts";
import type { PieceStore } from "../../disk/piece_store.ts";
import { testPieceStorage } from "../../testing/compliance/piece_storage.ts";
import { FakeS3, refusal, writeRuns } from "./object/fake_s3.ts";
import { makeTorrent, type TestTorrent } from "./support.ts";

for (const pageSize of [1000, 1]) {
  testPieceStorage({
    name: `object store, pages of ${pageSize}`,
    permissions: "none",
    make() {
      const server = new FakeS3();
      server.pageSize = pageSize;
      server.sums = pageSize === 1;
      return {
        open: () => server.storage({ prefix: "some/where" }),
        async [Symbol.asyncDispose]() {},
      };
    },
  });
}

const pure = { permissions: "none" } as const;
const MIB = 1 << 20;
const folder = `.bip/${"01".repeat(20)}/`;

async function writeAll(store: PieceStore, torrent: TestTorrent) {
  await store.find();
  for (const [i, piece] of torrent.content.entries()) {
    await store.writePiece(i, [{ offset: 0, bytes: piece.slice() }]);
  }
}

/** A store that has all pieces. */
async function filled(server: FakeS3, torrent: TestTorrent) {
  const store = await server.storage().open(torrent);
  await writeAll(store, torrent);
  return store;
}

/** Checks that a file was put together. */
function assertMade(server: FakeS3, torrent: TestTorrent, i = 0) {
  const { bytes } = server.objects.get(`torrent/f${i}`)!;
  assertEquals(bytes, torrent.fileContent[i] as Uint8Array<ArrayBuffer>);
}

for (
  const [pieceLength, kind, parts, deleted, sums] of [
    [MIB, "pieces", "sent", 3, false],
    [MIB, "runs", "copied", 0, false],
    [6 * MIB, "pieces", "copied", 0, false],
    [MIB, "pieces", "sent", 3, true],
    [MIB, "runs", "copied", 0, true],
    [6 * MIB, "pieces", "copied", 0, true],
  ] as const
) {
  Deno.test(
    `ObjectStorage - a large file is put together of parts that are ${parts}, of ${kind} of ${pieceLength}${
      sums ? ", with sums" : ""
    }`,
    pure,
    async () => {
      const server = new FakeS3();
      server.sums = sums;
      const torrent = makeTorrent({ pieceLength, files: [3 * MIB, 20 * MIB] });
      const store = await server.storage().open(torrent);
      await store.find();
      await (kind === "runs" ? writeRuns : writeAll)(store, torrent);
      await store.finish!(0);
      assertEquals(server.count("DELETE", /\.bip/), deleted);
      await store.finish!(1);
      assertEquals([...server.objects.keys()].sort(), [
        "torrent/f0",
        "torrent/f1",
      ]);
      torrent.fileContent.forEach((_, i) => assertMade(server, torrent, i));
      const copied = server.seen.filter(({ headers }) =>
        headers.has("x-amz-copy-source")
      ).length;
      assertEquals(copied, parts === "sent" ? 0 : kind === "runs" ? 3 : 2);
      assertEquals(server.uploads.size, 0);
    },
  );
}

Deno.test(
  "ObjectStorage - where the server cannot copy, parts are sent",
  pure,
  async () => {
    const server = new FakeS3();
    server.copies = false;
    const torrent = makeTorrent({ pieceLength: 6 * MIB, files: [12 * MIB] });
    const store = await filled(server, torrent);
    await store.finish!(0);
    assertMade(server, torrent);
  },
);

for (
  const [sums, inRuns] of [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ] as const
) {
  Deno.test(
    `ObjectStorage - what another process began is gone on with${
      sums ? ", sums kept" : ""
    }${inRuns ? ", in runs" : ""}; nothing is sent twice`,
    pure,
    async () => {
      const torrent = makeTorrent({ pieceLength: MIB, files: [35 * MIB] });
      const server = new FakeS3();
      server.sums = sums;
      // A process that dies at each request in turn, but for those of reading.
      let left = 1;
      let total = 0;
      server.fault = ({ method }) => {
        if (method === "GET" || method === "HEAD") return undefined;
        total++;
        return left-- > 0 ? undefined : refusal(403, "AccessDenied");
      };
      for (let run = 0;; run++) {
        left = 1 + run % 4;
        const store = await server.storage().open(torrent);
        const { good } = await store.find();
        const there = new Set(good);
        try {
          if (inRuns) await writeRuns(store, torrent, there);
          else {
            for (const [i, piece] of torrent.content.entries()) {
              if (there.has(i)) continue;
              const bytes = piece.slice();
              await store.writePiece(i, [{ offset: 0, bytes }]);
            }
          }
          await store.finish!(0);
          break;
        } catch (error) {
          assert(
            error instanceof DiskError && error.code === "permission",
            `${error}`,
          );
        }
        await store.close?.();
        assert(run < 60);
      }
      assertEquals([...server.objects.keys()], ["torrent/f0"]);
      assertMade(server, torrent);
      assert(total < 400, `${total}`);
      const puts = new Map<string, number>();
      for (const { method, key, query, headers } of server.seen) {
        if (method !== "PUT") continue;
        const name = `${key} ${query.get("partNumber") ?? ""} ${
          headers.get("x-amz-copy-source") ?? "sent"
        }`;
        puts.set(name, (puts.get(name) ?? 0) + 1);
      }
      // Only what was refused comes again.
      for (const [name, count] of puts) assert(count <= 4, `${name}: ${count}`);
    },
  );
}

Deno.test(
  "ObjectStorage - a service that takes no sums of parts, or loses them",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: MIB, files: [20 * MIB] });
    const algorithm = "x-amz-checksum-algorithm";
    const server = new FakeS3();
    server.fault = ({ headers }) =>
      headers.has(algorithm) ? refusal(501, "NotImplemented") : undefined;
    const store = await filled(server, torrent);
    await store.finish!(0);
    assertMade(server, torrent);
    const other = new FakeS3();
    other.sums = true;
    let wrong = 0;
    other.fault = ({ method, query }, answer) => {
      if (method !== "PUT" || !query.has("partNumber") || wrong++ > 1) {
        return undefined;
      }
      const given = answer();
      if (wrong === 1) given.headers.delete("x-amz-checksum-crc32");
      else given.headers.set("x-amz-checksum-crc32", "AAAAAA==");
      return given;
    };
    const again = await other.storage().open(torrent);
    await other.during(writeAll(again, torrent));
    await other.during(Promise.resolve(again.finish!(0)));
    // Both parts came again.
    assert(wrong >= 5, `${wrong}`);
    assertMade(other, torrent);
  },
);

Deno.test(
  "ObjectStorage - a reader goes on while another process finishes or replaces files",
  pure,
  async () => {
    const server = new FakeS3();
    const torrent = makeTorrent({
      pieceLength: 32768,
      files: [50_000, 50_000],
    });
    const writer = await filled(server, torrent);
    const reader = await server.storage().open(torrent, { readOnly: true });
    await reader.find();
    await writer.finish!(0);
    await writer.finish!(1);
    const into = new Uint8Array(100);
    assert(await reader.readRange(1, 0, into));
    assertEquals(into, torrent.content[1]!.subarray(0, 100));
    // Made anew of the same pieces, under another ETag.
    const { bytes, meta } = server.objects.get("torrent/f0")!;
    server.objects.set("torrent/f0", { bytes, meta, etag: '"new"' });
    assert(await reader.readRange(0, 5, into));
    assertEquals(into, torrent.content[0]!.subarray(5, 105));
    // Replaced by somebody else.
    server.put("torrent/f0", new Uint8Array(50_000));
    assertEquals(await reader.readRange(0, 0, into), false);
    server.objects.clear();
    assertEquals(await reader.readRange(3, 0, into), false);
    assertEquals(
      server.seen.filter(({ method }) => method === "DELETE").length,
      4,
    );
  },
);

Deno.test(
  "ObjectStorage - what is there under the name of a file is hashed, and not replaced",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 32768, files: [70_000] });
    for (const damaged of [false, true]) {
      const server = new FakeS3();
      const content = torrent.fileContent[0]!.slice() as Uint8Array<
        ArrayBuffer
      >;
      if (damaged) content[0]! ^= 1;
      server.put("torrent/f0", content);
      await using disk = new DiskManager({ storage: server.storage() });
      const storage = await disk.add(torrent);
      assertEquals(storage.have.count, damaged ? 2 : 3);
      await storage.confirm();
      assertEquals(server.count("PUT", /./), 0);
      if (!damaged) continue;
      storage.writeBlock(0, 0, torrent.content[0]!);
      for await (const { type } of storage.events()) {
        assertEquals(type, "piece-good");
        break;
      }
      const error = await assertRejects(() => storage.confirm(), DiskError);
      assertEquals(error.code, "foreign-file");
      assertEquals(server.objects.get("torrent/f0")!.bytes, content);
      await storage.close();
      const again = await disk.add(torrent, { overwrite: true });
      assertEquals(again.have.count, 3);
      assertMade(server, torrent);
      assertEquals(server.objects.size, 1);
    }
  },
);

Deno.test(
  "ObjectStorage - an object of another length is in the way",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 32768, files: [70_000, 5] });
    const server = new FakeS3();
    server.put("torrent/f1", new Uint8Array(6));
    await using disk = new DiskManager({ storage: server.storage() });
    const error = await assertRejects(() => disk.add(torrent), DiskError);
    assertEquals([error.code, error.path], [
      "foreign-file",
      "s3://bucket/torrent/f1",
    ]);
    const reader = await disk.add(torrent, { readOnly: true });
    assertEquals(reader.have.count, 0);
    await reader.close();
    await disk.add(torrent, { overwrite: true });
  },
);

Deno.test(
  "ObjectStorage - objects that are no whole pieces are passed over",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 32768, files: [70_000] });
    const server = new FakeS3();
    for (
      const [name, size] of [
        ["0000000", 32768],
        ["0000001", 32767],
        ["0000003", 9],
        ["1", 32768],
        ["x", 1],
      ] as const
    ) {
      server.put(folder + name, new Uint8Array(size));
    }
    const store = await server.storage().open(torrent);
    assertEquals([...(await store.find()).good], [0]);
  },
);

Deno.test(
  "ObjectStorage - pieces that do not fit in memory twice are refused",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 2 * MIB, files: [3 * MIB] });
    const storage = new FakeS3().storage();
    await using disk = new DiskManager({ storage, maxBufferedBytes: 3 * MIB });
    const error = await assertRejects(() => disk.add(torrent), DiskError);
    assertEquals(error.code, "unsupported");
    await disk.add(torrent, { readOnly: true });
  },
);

Deno.test(
  "ObjectStorage - removes what is its own, uploads that were begun too",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: MIB, files: [9 * MIB, 5] });
    const server = new FakeS3();
    const other = server.put("torrent/f1", new Uint8Array(5));
    const store = await filled(server, torrent);
    server.fault = ({ method, query }) =>
      method === "POST" && query.has("uploadId")
        ? refusal(403, "AccessDenied")
        : undefined;
    await assertRejects(async () => await store.finish!(0), DiskError);
    assertEquals(server.uploads.size, 1);
    server.fault = undefined;
    const last = await server.storage().open(torrent);
    await last.remove();
    assertEquals(server.uploads.size, 0);
    assertEquals([...server.objects.values()].map(({ etag }) => etag), [other]);
  },
);

Deno.test(
  "ObjectStorage - a server that did not put a file together is not believed",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: MIB, files: [9 * MIB] });
    const server = new FakeS3();
    const store = await filled(server, torrent);
    server.fault = ({ method, query }) =>
      method === "POST" && query.has("uploadId")
        ? new Response(null)
        : undefined;
    const error = await assertRejects(
      async () => await store.finish!(0),
      DiskError,
    );
    assert(error.message.includes("did not assemble the file"));
    assertEquals(server.count("DELETE", /./), 0);
    server.fault = undefined;
    await store.finish!(0);
    assertEquals([...server.objects.keys()], ["torrent/f0"]);
  },
);

Deno.test(
  "ObjectStorage - a piece of which one file is gone is not there",
  pure,
  async () => {
    const torrent = makeTorrent({
      pieceLength: 32768,
      files: [50_000, 50_000],
    });
    const server = new FakeS3();
    const store = await filled(server, torrent);
    await store.finish!(0);
    server.objects.delete(`${folder}0000001`);
    const { good, doubtful } = await (await server.storage().open(torrent))
      .find();
    assertEquals([...good].sort(), [0, 2, 3]);
    assertEquals(doubtful, []);
  },
);

Deno.test(
  "ObjectStorage - parts of another length are made again, files of another length not believed",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: MIB, files: [20 * MIB] });
    const server = new FakeS3();
    const store = await filled(server, torrent);
    server.fault = ({ method, query }) =>
      method === "POST" && query.has("uploadId")
        ? refusal(403, "AccessDenied")
        : undefined;
    await assertRejects(async () => await store.finish!(0), DiskError);
    const [upload] = server.uploads.values();
    const part = upload!.parts.get(1)!;
    upload!.parts.set(1, { ...part, bytes: part.bytes.slice(1) });
    server.fault = undefined;
    const other = await server.storage().open(torrent);
    await other.find();
    await other.finish!(0);
    assertMade(server, torrent);
    assertEquals(server.count("PUT", /^torrent/), 4);
    server.objects.clear();
    const last = await filled(server, torrent);
    server.fault = ({ method }) =>
      method === "HEAD"
        ? new Response(null, {
          headers: {
            "content-length": "5",
            "x-amz-meta-bip-info-hash": "01".repeat(20),
          },
        })
        : undefined;
    await assertRejects(async () => await last.finish!(0), DiskError);
    await last.close?.();
  },
);

Deno.test(
  "ObjectStorage - what is left of an upload is cleared away though its file is there",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: MIB, files: [20 * MIB] });
    const server = new FakeS3();
    const store = await filled(server, torrent);
    server.fault = ({ method, key }) =>
      method === "DELETE" && key.includes("upload-")
        ? refusal(403, "AccessDenied")
        : undefined;
    await assertRejects(async () => await store.finish!(0), DiskError);
    await store.close?.();
    server.fault = undefined;
    assertEquals(
      [...server.objects.keys()].includes(`${folder}upload-0-8`),
      true,
    );
    const other = await server.storage().open(torrent);
    await other.find();
    await other.finish!(0);
    await other.close?.();
    assertEquals([...server.objects.keys()], ["torrent/f0"]);
    assertEquals(server.uploads.size, 0);
  },
);
