import { assertEquals } from "@std/assert";
import { matchesInfoHash } from "../../../client/metadata/info_hash.ts";
import { magnetOf } from "../../../metainfo/mod.ts";
import { simTorrent } from "../../../testing/mod.ts";

Deno.test("matchesInfoHash() wants every hash of the link to fit", {
  permissions: "none",
}, async () => {
  const { metainfo } = await simTorrent([["a.bin", 50_000]], {
    version: "hybrid",
  });
  const magnet = magnetOf(metainfo);
  const { infoBytes } = metainfo;
  const { infoHashV1: _, ...second } = magnet;
  const { infoHashV2: __, ...first } = magnet;
  for (const link of [magnet, first, second]) {
    assertEquals(matchesInfoHash(infoBytes, link), true);
    assertEquals(matchesInfoHash(infoBytes.subarray(1), link), false);
  }
  const wrongFirst = { ...magnet, infoHashV1: new Uint8Array(20) };
  const wrongSecond = { ...magnet, infoHashV2: new Uint8Array(32) };
  for (const link of [wrongFirst, wrongSecond]) {
    assertEquals(matchesInfoHash(infoBytes, link), false);
  }
});
