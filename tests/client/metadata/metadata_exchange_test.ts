/** Magnet links: the info dictionary from peers, honest and not (BEP 9). */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { toHex } from "../../../_shared/bytes.ts";
import { formatEndpoint } from "../../../_shared/address.ts";
import { SessionError } from "../../../client/error.ts";
import {
  assertFiles,
  filled,
  type SimTorrent,
  simTorrent,
  SwarmWorld,
} from "../../../testing/mod.ts";
import { latin1, WirePeer } from "../../support/wire_peer.ts";
import { createHash } from "node:crypto";

const FILES = [["a.bin", 300_000], ["b.bin", 200_000]] as const;

function linkOf(
  torrent: SimTorrent,
  peers: readonly { hostname: string; port: number }[] = [],
): string {
  const { infoHashV1, infoHashV2 } = torrent.metainfo;
  const parts = [];
  if (infoHashV1) parts.push(`xt=urn:btih:${toHex(infoHashV1)}`);
  if (infoHashV2) parts.push(`xt=urn:btmh:1220${toHex(infoHashV2)}`);
  for (const peer of peers) parts.push(`x.pe=${formatEndpoint(peer)}`);
  return `magnet:?${parts.join("&")}`;
}

Deno.test("a v1 link with a peer becomes the torrent, and serves it on", {
  permissions: "none",
}, async () => {
  // Many pieces: the dictionary is longer than one piece of metadata.
  const torrent = await simTorrent([["a.bin", 40_000_000]], {
    pieceLength: 16384,
  });
  assert(torrent.metainfo.infoBytes.length > 40_000);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  const host = await world.host();
  const one = host.addMagnet(linkOf(torrent, [seed.address]), torrent);
  assertEquals(one.state, "metadata");
  const metainfo = await world.run(one.metadata);
  assertEquals(metainfo.infoBytes, torrent.metainfo.infoBytes);
  await world.until(() => one.stats().piecesDone > 100);
  // From one that got it by a link itself.
  const second = await world.host();
  second.addMagnet(linkOf(torrent, [host.address]), torrent);
  assertEquals(
    (await world.run(second.torrent.metadata)).infoHash,
    torrent.metainfo.infoHash,
  );
  await world.run(second.session.close());
  await world.run(one.completed, 120_000);
  assertFiles(torrent, host.files);
  const kinds = host.events.map(({ type }) => type);
  assert(kinds.indexOf("metadata") < kinds.indexOf("piece"));
  world.assertWire();
});

Deno.test("a hybrid link by both hashes, and by each alone", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent([["a.bin", 20_000], ["b.bin", 9_000]], {
    version: "hybrid",
  });
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  const { infoHashV1, infoHashV2 } = torrent.metainfo;
  for (
    const link of [
      linkOf(torrent, [seed.address]),
      `magnet:?xt=urn:btih:${toHex(infoHashV1!)}&x.pe=${
        formatEndpoint(seed.address)
      }`,
      `magnet:?xt=urn:btmh:1220${toHex(infoHashV2!)}&x.pe=${
        formatEndpoint(seed.address)
      }`,
    ]
  ) {
    const host = await world.host();
    const one = host.addMagnet(link, torrent);
    await world.run(one.metadata);
    await world.run(one.completed);
    assertFiles(torrent, host.files);
    await world.run(host.session.close());
  }
});

Deno.test("a v2 link: the piece layers come from peers, too", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent([["a.bin", 600_000], ["b.bin", 90_000]], {
    version: "v2",
  });
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  const host = await world.host();
  const one = host.addMagnet(linkOf(torrent, [seed.address]), torrent);
  await world.run(one.completed, 120_000);
  assertFiles(torrent, host.files);
  assertEquals(one.metainfo!.pieceLayers?.size, 2);
  // And on to the next.
  const second = await world.host();
  second.addMagnet(linkOf(torrent, [host.address]), torrent);
  await world.run(second.torrent.completed, 120_000);
  assertFiles(torrent, second.files);
  world.assertWire();
});

Deno.test("a link with files chosen when they are known", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  const host = await world.host();
  const one = host.addMagnet(linkOf(torrent), torrent, {
    peers: [seed.address],
    chooseFiles: ({ files }) =>
      files.flatMap((file, i) => file.path.at(-1) === "b.bin" ? [i] : []),
  });
  host.truths.clear();
  await world.run(one.completed);
  assertFiles(torrent, host.files, ["sim/b.bin"]);
  assertEquals(host.files.contents(["sim", "a.bin"]), undefined);
});

Deno.test("a link's choice of files is obeyed unless the caller chooses", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent([["a", 70_000], ["b", 80_000], [
    "c",
    90_000,
  ]]);
  const hex = toHex(torrent.metainfo.infoHash);
  const cases = [
    ["so=1", {}, "-b-"],
    ["so=0,2-9", {}, "a-c"],
    ["so=7-9", {}, "abc"],
    ["so=1", { files: [0] }, "a--"],
    ["so=1", { chooseFiles: () => undefined }, "abc"],
  ] as const;
  for (const [so, options, wanted] of cases) {
    await using world = new SwarmWorld();
    const seed = await world.seeder(torrent);
    const host = await world.host();
    const link = `magnet:?xt=urn:btih:${hex}&${so}`;
    const one = host.addMagnet(link, torrent, {
      peers: [seed.address],
      ...options,
    });
    await world.run(one.completed);
    const chosen = [..."abc"].map((name, i) =>
      one.storage!.isFileWanted(i) ? name : "-"
    );
    assertEquals(chosen.join(""), wanted, so);
  }
});

Deno.test("a link without a peer waits, paused and resumed as well", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const host = await world.host();
  const one = host.addMagnet(linkOf(torrent), torrent);
  await world.clock.advance(5000);
  const paused = one.pause();
  assertEquals(await world.run(one.resume()), true);
  await world.run(paused);
  assertEquals(one.state, "metadata");
  await world.run(one.pause());
  assertEquals(one.state, "paused");
  const seed = await world.seeder(torrent);
  one.addPeers([seed.address]);
  await world.clock.advance(5000);
  assertEquals(one.stats().peers, 0);
  await world.run(one.resume());
  await world.run(one.completed);
  assertFiles(torrent, host.files);
});

/** Claims metadata of a size and answers requests with something else. */
function liar(
  world: SwarmWorld,
  torrent: SimTorrent,
  size: number,
  id: number,
  answer: (piece: number) => Uint8Array | undefined,
) {
  return WirePeer.listen(world, {
    infoHash: torrent.metainfo.infoHash,
    id,
    extension: `d1:md11:ut_metadatai3ee13:metadata_sizei${size}ee`,
    onMessage: (message, peer) => {
      if (message[0] !== 20 || message[1] === 0) return;
      const text = String.fromCharCode(...message.subarray(2));
      const match = /^d8:msg_typei0e5:piecei(\d+)ee/.exec(text);
      if (match === null) return;
      const piece = Number(match[1]);
      const data = answer(piece);
      // The host's id for ut_metadata stands in its extension handshake.
      const hello = peer.of(20).find((other) => other[1] === 0)!;
      const own = /11:ut_metadatai(\d+)e/.exec(String.fromCharCode(...hello));
      const to = Number(own![1]);
      if (data === undefined) {
        peer.extended(to, `d8:msg_typei2e5:piecei${piece}ee`);
      } else {
        peer.extended(
          to,
          `d8:msg_typei1e5:piecei${piece}e10:total_sizei${size}ee`,
          data,
        );
      }
    },
  });
}

Deno.test("liars do not keep a link from becoming the right torrent", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent([["a.bin", 8_000_000]], {
    pieceLength: 16384,
  });
  const size = torrent.metainfo.infoBytes.length;
  assert(size > 8_000);
  await using world = new SwarmWorld({ seed: 3 });
  const seed = await world.seeder(torrent);
  const garbage = (length: number) => new Uint8Array(length).fill(65);
  const liars = [
    // The right size and wrong bytes.
    await liar(
      world,
      torrent,
      size,
      1,
      (piece) => garbage(Math.min(16384, size - piece * 16384)),
    ),
    // Too long a piece.
    await liar(world, torrent, size, 2, () => garbage(16385)),
    // A huge size, sent in full.
    await liar(world, torrent, 16_000_000, 3, () => garbage(16384)),
    // Far beyond what is accepted.
    await liar(world, torrent, 4_000_000_000, 4, () => garbage(16384)),
    await liar(world, torrent, 0, 5, () => garbage(1)),
    // Refuses.
    await liar(world, torrent, size, 6, () => undefined),
    // Says nothing.
    await WirePeer.listen(world, {
      infoHash: torrent.metainfo.infoHash,
      id: 7,
      extension: `d1:md11:ut_metadatai3ee13:metadata_sizei${size}ee`,
    }),
    // Bytes that are no dictionary.
    await WirePeer.listen(world, {
      infoHash: torrent.metainfo.infoHash,
      id: 8,
      extension: "l".repeat(5000),
    }),
  ];
  const host = await world.host();
  const one = host.addMagnet(
    linkOf(torrent, liars.map(({ address }) => address)),
    torrent,
  );
  await world.clock.advance(8_000);
  assertEquals(one.state, "metadata");
  one.addPeers([seed.address]);
  const metainfo = await world.run(one.metadata, 180_000);
  assertEquals(metainfo.infoBytes, torrent.metainfo.infoBytes);
  await world.run(one.completed, 120_000);
  assertFiles(torrent, host.files);
  for (const each of liars) each.close();
});

Deno.test("a dictionary that fits the hash and is no torrent: an error", {
  permissions: "none",
}, async () => {
  const info = latin1("d4:name1:xe");
  const infoHash = new Uint8Array(createHash("sha1").update(info).digest());
  await using world = new SwarmWorld();
  const torrent = await simTorrent(FILES);
  const fake: SimTorrent = {
    ...torrent,
    metainfo: { ...torrent.metainfo, infoHash },
  };
  const peer = await liar(world, fake, info.length, 1, () => info);
  const host = await world.host();
  const one = host.watch(
    host.session.add(`magnet:?xt=urn:btih:${toHex(infoHash)}`, {
      fileSystem: host.files,
      peers: [peer.address],
    }),
  );
  await world.until(() => one.state === "error");
  assertInstanceOf(one.error, SessionError);
  assertEquals(one.error.code, "bad-metadata");
  // No peer can change that.
  assertEquals(await world.run(one.resume()), false);
  assertEquals(one.state, "error");
  peer.close();
});

Deno.test("metadata is served in pieces, and refused before it is known", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  const empty = await world.host();
  empty.addMagnet(linkOf(torrent), torrent);
  const ask = async (to: typeof seed) => {
    const peer = await WirePeer.dial(world, to.address, {
      infoHash: torrent.metainfo.infoHash,
      extension: "d1:md11:ut_metadatai7eee",
    });
    await world.until(() => peer.of(20).length > 0);
    const hello = String.fromCharCode(...peer.of(20)[0]!);
    const id = Number(/11:ut_metadatai(\d+)e/.exec(hello)![1]);
    for (const piece of [0, 1, 4095]) {
      peer.extended(id, `d8:msg_typei0e5:piecei${piece}ee`);
    }
    await world.until(() => peer.of(20).length > 3);
    peer.close();
    const answers = peer.of(20).slice(1).map((message) => {
      assertEquals(message[1], 7);
      return String.fromCharCode(...message.subarray(2));
    });
    return { hello, answers };
  };
  const { infoBytes } = torrent.metainfo;
  const known = await ask(seed);
  assert(known.hello.includes(`13:metadata_sizei${infoBytes.length}e`));
  assert(known.answers[0]!.startsWith("d8:msg_typei1e5:piecei0e"));
  assertEquals(
    known.answers[0]!.slice(known.answers[0]!.indexOf("ee") + 2).length,
    infoBytes.length,
  );
  assert(known.answers[1]!.startsWith("d8:msg_typei2e"));
  assert(known.answers[2]!.startsWith("d8:msg_typei2e"));
  const unknown = await ask(empty);
  assert(!unknown.hello.includes("metadata_size"));
  for (const answer of unknown.answers) {
    assert(answer.startsWith("d8:msg_typei2e"));
  }
});

Deno.test("a link to what is on disk already is seeded without a download", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  const host = await world.host({ files: filled(torrent) });
  const one = host.addMagnet(linkOf(torrent, [seed.address]), torrent);
  await world.run(one.completed);
  assertEquals(one.stats().downloadedBytes, 0);
});
