import { assert, assertEquals, assertThrows } from "@std/assert";
import { missingBytes, truthOf } from "../../testing/audit/wire_truth.ts";
import {
  assertFiles,
  filled,
  type SimFiles,
  simTorrent,
} from "../../testing/sim_torrent.ts";

const files: SimFiles = [["a.bin", 40_000], ["b/c.bin", 30_000]];

Deno.test({
  name: "simTorrent - the same torrent for a seed, another for another",
  permissions: "none",
  async fn() {
    const hashOf = async (seed: number) =>
      (await simTorrent(files, { seed })).metainfo.infoHashV1!.toHex();
    assertEquals(await hashOf(1), await hashOf(1));
    assert(await hashOf(1) !== await hashOf(2));
    const single = await simTorrent([["a.bin", 10]], { private: true });
    assertEquals([...single.content.keys()], ["a.bin"]);
    assert(single.metainfo.private);
    const v2 = await simTorrent(files, { version: "v2", pieceLength: 16384 });
    assertEquals(v2.metainfo.infoHashV1, undefined);
    assertEquals([...v2.content.keys()], ["sim/a.bin", "sim/b/c.bin"]);
  },
});

Deno.test({
  name: "assertFiles and truthOf - what is missing or damaged is found",
  permissions: "none",
  async fn() {
    const torrent = await simTorrent(files);
    const stored = filled(torrent);
    assertFiles(torrent, stored);
    const truth = truthOf(torrent, stored);
    assertEquals([truth.pieceCount, missingBytes(truth)], [3, 0]);
    const handle = stored.open(["sim", "b", "c.bin"], { write: true });
    const byte = new Uint8Array(1);
    handle.read(byte, 29_999);
    byte[0]! ^= 1;
    handle.write(byte, 29_999);
    assertThrows(() => assertFiles(torrent, stored), Error, "differs");
    assertFiles(torrent, stored, ["sim/a.bin"]);
    const damaged = truthOf(torrent, stored);
    assertEquals(
      [0, 1, 2].map((piece) => damaged.isStored(piece)),
      [true, true, false],
    );
    assertEquals(missingBytes(damaged), 70_000 - 2 * 32_768);
    stored.remove(["sim", "a.bin"]);
    assertThrows(() => assertFiles(torrent, stored), Error, "is missing");
  },
});
