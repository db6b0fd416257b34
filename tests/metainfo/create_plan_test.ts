import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  CreateError,
  createTorrent,
  parseMetainfo,
  planTorrent,
} from "../../metainfo/mod.ts";
import { bytesOf } from "./_payload.ts";

Deno.test("planTorrent() says what createTorrent() makes", async () => {
  const inputs = [
    { path: ["d", "a"], bytes: bytesOf(40_000, 1) },
    { path: ["d", "b"], bytes: bytesOf(20_000, 2) },
    { path: ["d", "c"], bytes: new Uint8Array() },
  ];
  for (const version of ["v1", "v2", "hybrid"] as const) {
    const options = { inputs, version, pieceLength: 16384 };
    const { files, ...plan } = await planTorrent(options);
    const { bytes, infoHashV1: _, infoHashV2: __, ...created } =
      await createTorrent(options);
    assertEquals(plan, created, version);
    assertEquals(parseMetainfo(bytes).pieceCount, plan.pieceCount, version);
    assertEquals(files, [
      { path: ["a"], length: 40_000 },
      { path: ["b"], length: 20_000 },
      { path: ["c"], length: 0 },
    ]);
  }
});

Deno.test("createTorrent() refuses what no reader takes before it reads", async () => {
  const endless = (length: number) => ({
    path: ["a"],
    stream: new ReadableStream<Uint8Array>({
      pull() {
        throw new Error("read");
      },
    }, { highWaterMark: 0 }),
    length,
  });
  const cases: [number, "v1" | "v2" | "hybrid", RegExp][] = [
    [2_097_152 * 16384 + 1, "v1", /of 2097153 pieces/],
    [2_097_152 * 16384 + 1, "v2", /of 2097153 pieces/],
    // As many pieces as may be, but 52 bytes for each.
    [2_097_152 * 16384, "hybrid", /of \d+ bytes/],
  ];
  for (const [length, version, message] of cases) {
    const options = { inputs: [endless(length)], version, pieceLength: 16384 };
    const error = await assertRejects(
      () => createTorrent(options),
      CreateError,
    );
    assertEquals(error.code, "too-large");
    assert(message.test(error.message), error.message);
  }
  // One piece less is hashed.
  const options = { inputs: [endless(2_097_152 * 16384)], pieceLength: 16384 };
  assertEquals((await planTorrent(options)).pieceCount, 2_097_152);
  const inputs = Array.from({ length: 500_001 }, (_, i) => ({
    path: ["d", `${i}`],
    bytes: new Uint8Array(1),
  }));
  const many = await assertRejects(() => planTorrent({ inputs }), CreateError);
  assertEquals(many.message.match(/of \d+ files/)?.[0], "of 500001 files");
});
