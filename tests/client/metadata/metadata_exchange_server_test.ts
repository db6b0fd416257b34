import { assert, assertEquals } from "@std/assert";
import { MetadataServer } from "../../../client/metadata/metadata_exchange.ts";
import { RateLimiter } from "../../../client/limits/rate_limiter.ts";
import type { TorrentLimits } from "../../../client/limit_group.ts";
import type { SwarmPeer } from "../../../client/peers/swarm_peer.ts";
import type { UtMetadataMessage } from "../../../peer/ut_metadata.ts";
import { SimClock } from "../../../testing/sim_clock.ts";
import { METADATA_PIECE_LENGTH } from "../../../peer/ut_metadata.ts";

const pure = { permissions: "none" } as const;
const INFO = new Uint8Array(2.5 * METADATA_PIECE_LENGTH).fill(7);

/** Servers with peers that only count what they get. */
function scene(bytesPerSecond = Infinity) {
  const clock = new SimClock();
  const uploadLimit = new RateLimiter({ clock, bytesPerSecond });
  const peers = new Map<number, SwarmPeer>();
  let infoBytes: Uint8Array | undefined = INFO;
  const limits = { upload: uploadLimit } as TorrentLimits;
  const server = new MetadataServer({ peers, limits }, () => infoBytes);
  const connect = (key: number) => {
    const sent: UtMetadataMessage[] = [];
    const state = { hasRoom: true };
    const connection = {
      sendMetadata: (message: UtMetadataMessage) => sent.push(message) > 0,
      hasSendRoom: () => state.hasRoom,
    };
    const peer = { key, connection } as unknown as SwarmPeer;
    peers.set(key, peer);
    const count = (type: string) =>
      sent.filter((message) => message.type === type).length;
    return { peer, sent, state, count };
  };
  return {
    clock,
    server,
    connect,
    peers,
    uploadLimit,
    forget: () => infoBytes = undefined,
  };
}

Deno.test("MetadataServer answers at once without a limit", pure, () => {
  const { server, connect, forget } = scene();
  const { peer, sent, state } = connect(1);
  for (const piece of [0, 2, 3]) server.request(peer, piece);
  assertEquals(
    sent.map((message) =>
      message.type === "data"
        ? [message.piece, message.totalSize, message.data.length]
        : [message.type, message.piece]
    ),
    [
      [0, INFO.length, METADATA_PIECE_LENGTH],
      [2, INFO.length, METADATA_PIECE_LENGTH / 2],
      ["reject", 3],
    ],
  );
  state.hasRoom = false;
  server.request(peer, 0);
  state.hasRoom = true;
  forget();
  server.request(peer, 0);
  assertEquals(sent.slice(3).map(({ type }) => type), ["reject", "reject"]);
});

Deno.test(
  "MetadataServer keeps to the limit, in turn, and rejects a flood",
  pure,
  async () => {
    const rate = 100_000;
    const { server, connect, clock, uploadLimit } = scene(rate);
    const flood = connect(1);
    const honest = connect(2);
    for (let ms = 0; ms < 5_000; ms += 10) {
      for (let i = 0; i < 20; i++) server.request(flood.peer, 0);
      if (ms === 1_000) {
        for (const piece of [0, 1, 2]) server.request(honest.peer, piece);
      }
      await clock.advance(10);
    }
    const bytes = (flood.count("data") + honest.count("data")) *
      METADATA_PIECE_LENGTH;
    assert(bytes < 5.5 * rate + METADATA_PIECE_LENGTH, `${bytes} bytes`);
    assert(bytes > 4 * rate, `${bytes} bytes`);
    assertEquals(honest.count("data"), 3);
    assertEquals(honest.count("reject"), 0);
    assert(flood.count("reject") > 9_000);
    uploadLimit.close();
  },
);

Deno.test("MetadataServer sends nothing to who is gone", pure, async () => {
  const { server, connect, clock, peers } = scene(10_000);
  const { peer, count } = connect(1);
  for (let i = 0; i < 5; i++) server.request(peer, 0);
  const before = count("data");
  peers.delete(1);
  await clock.advance(60_000);
  assertEquals(count("data"), before);
  // Under the same key somebody else is served.
  const next = connect(1);
  server.request(next.peer, 1);
  await clock.advance(60_000);
  assertEquals(next.count("data"), 1);
});

Deno.test(
  "MetadataServer has eight requests of a peer wait, no more",
  pure,
  async () => {
    const { server, connect, clock } = scene(10_000);
    const { peer, count } = connect(1);
    server.request(peer, 0);
    assertEquals(count("data"), 1);
    for (let i = 0; i < 8; i++) server.request(peer, 0);
    assertEquals([count("data"), count("reject")], [1, 0]);
    server.request(peer, 0);
    assertEquals([count("data"), count("reject")], [1, 1]);
    await clock.advance(60_000);
    assertEquals([count("data"), count("reject")], [9, 1]);
  },
);
