import { assert, assertEquals } from "@std/assert";
import type { ExtensionPeer } from "../../client/policy_options.ts";
import { assertFiles, simTorrent, SwarmWorld } from "../../testing/mod.ts";

const none = { permissions: "none" } as const;
const LIMIT_MS = 600_000;

Deno.test(
  "strategy: a number for each piece, of a torrent or a session",
  none,
  async () => {
    const torrent = await simTorrent([["a.bin", 600_000]]);
    for (const where of ["session", "torrent"] as const) {
      await using world = new SwarmWorld({ seed: 3 });
      const seed = await world.seeder(torrent, { uploadLimit: 200_000 });
      const strategy = (pieceIndex: number) => -pieceIndex;
      const host = await world.host(where === "session" ? { strategy } : {});
      host.add(torrent, {
        peers: [seed.address],
        ...(where === "torrent" ? { strategy } : {}),
      });
      await world.until(() => host.torrent.state === "seeding", LIMIT_MS);
      // The pieces that a choked peer may have for nothing come in any order.
      const order = [...host.wire.requestedPieces].slice(10);
      assertEquals(order, order.toSorted((a, b) => b - a));
      assertFiles(torrent, host.files);
    }
  },
);

Deno.test("choker: one of one's own decides", none, async () => {
  const torrent = await simTorrent([["a.bin", 300_000]]);
  await using world = new SwarmWorld({ seed: 4 });
  const ticks: number[] = [];
  const seed = await world.seeder(torrent, {
    uploadSlots: 2,
    choker: () => ({
      name: "nobody",
      optimistic: new Set(),
      tick: (_now, _peers, slots) => {
        ticks.push(slots!);
        return new Set();
      },
    }),
  });
  const host = await world.host();
  host.add(torrent, { peers: [seed.address] });
  await world.clock.advance(60_000);
  assertEquals(seed.wire.mostUnchoked, 0);
  assert(ticks.length > 3 && ticks.every((slots) => slots === 2), `${ticks}`);
});

Deno.test("uploadSlots of a torrent and of a session hold", none, async () => {
  const torrent = await simTorrent([["a.bin", 300_000]]);
  for (const [session, own] of [[2, 5], [5, 2]] as const) {
    await using world = new SwarmWorld({ seed: 5 });
    const seed = await world.host({
      uploadSlots: session,
      uploadLimit: 50_000,
    });
    for (const [path, bytes] of torrent.content) {
      seed.files.open(path.split("/"), { write: true }).write(bytes, 0);
    }
    seed.add(torrent, { uploadSlots: own });
    for (let i = 0; i < 6; i++) {
      const host = await world.host({ pex: false });
      host.add(torrent, { peers: [seed.address] });
    }
    await world.clock.advance(30_000);
    assertEquals(seed.wire.mostUnchoked, 2);
  }
});

Deno.test("revelation: made for the torrent", none, async () => {
  const torrent = await simTorrent([["a.bin", 300_000]]);
  await using world = new SwarmWorld({ seed: 6 });
  const made: number[] = [];
  const seed = await world.seeder(torrent, {
    revelation: (view) => {
      made.push(view.pieceCount);
      // Looks like a peer without pieces, and tells of them one by one.
      return {
        name: "shy",
        connected: () => ({ later: [...view.have] }),
        disconnected: () => [],
        verified: (pieceIndex) => [{ pieceIndex }],
      };
    },
  });
  const host = await world.host();
  host.add(torrent, { peers: [seed.address] });
  await world.until(() => host.torrent.state === "seeding", LIMIT_MS);
  assertEquals(made, [torrent.metainfo.pieceCount]);
  assertEquals([seed.wire.sent.get(14), seed.wire.sent.get(5)], [
    undefined,
    undefined,
  ]);
  assertEquals(seed.wire.sent.get(4), torrent.metainfo.pieceCount);
});

Deno.test(
  "extensions: made for each peer, of session and torrent",
  none,
  async () => {
    const torrent = await simTorrent([["a.bin", 300_000]]);
    await using world = new SwarmWorld({ seed: 7 });
    const heard: [ExtensionPeer, string][] = [];
    const chat = (name: string) => (peer: ExtensionPeer) => [{
      name,
      onHandshake: (_: unknown, c: { send(p: Uint8Array): boolean }) =>
        void c.send(new TextEncoder().encode("hello")),
      onMessage: (payload: Uint8Array) =>
        void heard.push([peer, new TextDecoder().decode(payload)]),
    }];
    const seed = await world.seeder(torrent, { extensions: chat("xy_a") });
    const host = await world.host({ extensions: chat("xy_a") });
    host.add(torrent, { peers: [seed.address], extensions: chat("xy_b") });
    await world.until(() => heard.length === 2, LIMIT_MS);
    const hosts = [seed.session.peerId, host.session.peerId];
    for (const [peer, text] of heard) {
      assertEquals(text, "hello");
      assertEquals(peer.infoHash, torrent.metainfo.infoHash);
      assert(hosts.some((id) => id.join() === peer.peerId.join()));
    }
    assertEquals(heard.map(([{ direction }]) => direction).sort(), [
      "inbound",
      "outbound",
    ]);
  },
);
