import { assertEquals } from "@std/assert";
import {
  badMetadata,
  matchesInfoHash,
  metainfoFromPeers,
} from "../../../client/metadata/metadata_exchange.ts";
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

Deno.test("metainfoFromPeers() has what the link says beside the dictionary", {
  permissions: "none",
}, async () => {
  const { metainfo } = await simTorrent([["a.bin", 50_000]], { version: "v2" });
  const magnet = {
    ...magnetOf(metainfo),
    trackers: ["http://a.example/announce", "udp://b.example:1"],
    webSeeds: ["http://c.example/"],
  };
  const bare = metainfoFromPeers(metainfo.infoBytes, magnet);
  assertEquals(bare.trackers, magnet.trackers.map((url) => [url]));
  assertEquals(bare.webSeeds, magnet.webSeeds);
  const pieceLayers = new Map();
  const whole = metainfoFromPeers(metainfo.infoBytes, magnet, pieceLayers);
  assertEquals(whole.pieceLayers === pieceLayers, true);
  assertEquals(whole.trackers, bare.trackers);
  const { code, message } = badMetadata(new Error("It has no name"));
  assertEquals(code, "bad-metadata");
  assertEquals(message.endsWith("cannot be used: It has no name"), true);
});
