/** Strangers that take places, claim what is not theirs and name victims. */
import { assert, assertEquals } from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import { sleep } from "../../_shared/clock.ts";
import type { TrackerClient } from "../../client/types.ts";
import {
  addressFilter,
  HandshakeFilters,
  Handshaker,
  IpSet,
} from "../../handshake/mod.ts";
import { assertFiles, simTorrent, SwarmWorld } from "../../testing/mod.ts";
import { WirePeer, type WirePeerOptions } from "../support/wire_peer.ts";

const none = { permissions: "none" } as const;
const FILES = [["a.bin", 400_000]] as const;

/** A tracker that names these. */
const naming = (peers: readonly Endpoint[]): TrackerClient => ({
  announce: () => Promise.resolve({ intervalMs: 1_800_000, peers }),
});

/** Connects strangers that say one thing and then nothing. */
async function crowd(
  world: SwarmWorld,
  to: Endpoint,
  count: number,
  options: WirePeerOptions,
  from: (i: number) => string,
): Promise<WirePeer[]> {
  const peers = [];
  for (let i = 0; i < count; i++) {
    const more = { ...options, id: 100 + i };
    peers.push(await WirePeer.dial(world, to, more, from(i)));
  }
  return peers;
}

Deno.test(
  "a crowd of one network does not keep others from a seed",
  none,
  async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld({ seed: 3 });
    const seed = await world.seeder(torrent, { maxPeersPerTorrent: 20 });
    const { infoHash } = torrent.metainfo;
    const interested = (peer: WirePeer) => peer.send(2);
    const options = { infoHash, onOpen: interested };
    const strangers = await crowd(
      world,
      seed.address,
      30,
      options,
      (i) => `20.1.1.${i + 1}`,
    );
    await world.clock.advance(1000);
    assertEquals(seed.torrent.stats().peers, 20);
    const host = await world.host();
    host.add(torrent, { peers: [seed.address] });
    await world.run(host.torrent.completed, 30_000);
    assertFiles(torrent, host.files);
    for (const stranger of strangers) stranger.close();
  },
);

Deno.test(
  "whom a person names is dialled when all places are taken",
  none,
  async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld({ seed: 4 });
    const host = await world.host({ maxPeersPerTorrent: 10, maxPeers: 10 });
    host.add(torrent);
    const { infoHash } = torrent.metainfo;
    const strangers = await crowd(
      world,
      host.address,
      10,
      { infoHash },
      (i) => `20.1.${i}.1`,
    );
    await world.clock.advance(1000);
    assertEquals(host.torrent.stats().peers, 10);
    const seed = await world.seeder(torrent);
    host.torrent.addPeers([seed.address]);
    await world.run(host.torrent.completed, 20_000);
    for (const stranger of strangers) stranger.close();
  },
);

Deno.test(
  "who is dialled gets a fifth of the places from those who came",
  none,
  async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld({ seed: 5 });
    const seed = await world.seeder(torrent);
    const peers: Endpoint[] = [];
    const host = await world.host({
      maxPeersPerTorrent: 10,
      httpTracker: {
        announce: async (_url, { event }) => {
          // The answer comes when all places are taken.
          if (event === "started") await sleep(world.clock, 5000);
          peers.push(seed.address);
          return { intervalMs: 1_800_000, peers };
        },
      },
    });
    const { infoHash } = torrent.metainfo;
    host.add(torrent, { trackers: ["http://10.0.0.1/a"] });
    await world.clock.advance(1000);
    const strangers = await crowd(
      world,
      host.address,
      10,
      { infoHash },
      (i) => `20.1.${i}.1`,
    );
    await world.clock.advance(100);
    assertEquals(host.torrent.stats().peers, 10);
    await world.run(host.torrent.completed, 10_000);
    for (const stranger of strangers) stranger.close();
  },
);

Deno.test("silent seeds make room for others", none, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld({ seed: 6 });
  const { infoHash } = torrent.metainfo;
  const sybils = [];
  for (let i = 0; i < 60; i++) {
    sybils.push(
      await WirePeer.listen(world, {
        infoHash,
        id: 100 + i,
        onOpen: (peer) => {
          peer.send(14);
          peer.send(1);
        },
      }),
    );
  }
  const seed = await world.seeder(torrent);
  const peers = [...sybils.map(({ address }) => address), seed.address];
  const host = await world.host({
    maxPeersPerTorrent: 10,
    httpTracker: naming(peers),
  });
  host.add(torrent, { trackers: ["http://10.0.0.1/a"] });
  await world.run(host.torrent.completed, 120_000);
  assertFiles(torrent, host.files);
  for (const sybil of sybils) sybil.close();
});

Deno.test(
  "a claim to listen where a seed does keeps it away for a moment",
  none,
  async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld({ seed: 7 });
    const seed = await world.seeder(torrent);
    const host = await world.host({ httpTracker: naming([seed.address]) });
    host.add(torrent, { trackers: ["http://10.0.0.1/a"], paused: true });
    await world.clock.advance(1000);
    const squatter = await WirePeer.dial(world, host.address, {
      infoHash: torrent.metainfo.infoHash,
      extension: "d1:mde1:pi6881ee",
    }, seed.address.hostname);
    void host.torrent.resume();
    await world.run(host.torrent.completed, 40_000);
    squatter.close();
  },
);

Deno.test(
  "peers cannot send us to our own machine or network",
  none,
  async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld({ seed: 8 });
    const dialled: string[] = [];
    const host = await world.host({
      refuses: ({ hostname }) => dialled.push(hostname) > 0,
    });
    host.add(torrent);
    const tell = async (from: string) => {
      const peer = await WirePeer.dial(world, host.address, {
        infoHash: torrent.metainfo.infoHash,
        id: dialled.length + 1,
        extension: "d1:md6:ut_pexi1eee",
      }, from);
      await world.until(() => peer.of(20).length > 0);
      const hello = String.fromCharCode(...peer.of(20)[0]!);
      const id = Number(/6:ut_pexi(\d+)e/.exec(hello)![1]);
      const victims = [
        [127, 0, 0, 1],
        [169, 254, 169, 254],
        [192, 168, 1, 1],
        [20, 9, 9, 9],
      ];
      const text = victims.map((ip) => String.fromCharCode(...ip, 0x1a, 0xe1))
        .join("");
      peer.extended(id, `d5:added${text.length}:${text}e`);
      await world.clock.advance(3000);
      peer.close();
    };
    await tell("20.1.1.1");
    assertEquals(dialled.splice(0), ["20.9.9.9"]);
    await tell("10.200.1.1");
    assertEquals(new Set(dialled), new Set(["192.168.1.1", "20.9.9.9"]));
  },
);

Deno.test(
  "who claims to listen where a service does is not passed on",
  none,
  async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld({ seed: 12 });
    const host = await world.host();
    host.add(torrent);
    const { infoHash } = torrent.metainfo;
    const claim = (port: number, id: number) =>
      WirePeer.dial(world, host.address, {
        infoHash,
        id,
        extension: `d1:md6:ut_pexi1ee1:pi${port}ee`,
      }, `20.1.${id}.1`);
    const peers = [await claim(3306, 1), await claim(6881, 2)];
    const reader = await claim(22, 3);
    await world.until(() => reader.of(20).length > 1);
    const told = String.fromCharCode(...reader.of(20)[1]!);
    assert(told.includes("5:added6:\x14\x01\x02\x01\x1a\xe1"), told);
    for (const peer of [...peers, reader]) peer.close();
  },
);

Deno.test(
  "who connects again and again is granted pieces once",
  none,
  async () => {
    const torrent = await simTorrent([["a.bin", 3_400_000]], {
      pieceLength: 16_384,
    });
    await using world = new SwarmWorld({ seed: 13 });
    const seed = await world.seeder(torrent);
    const { infoHash } = torrent.metainfo;
    const grants = async (from: string, id: number) => {
      const options = { infoHash, id };
      const peer = await WirePeer.dial(world, seed.address, options, from);
      await world.clock.advance(1000);
      peer.close();
      await world.clock.advance(1000);
      return peer.of(17).length;
    };
    assert(await grants("20.1.1.1", 1) > 0);
    assertEquals(await grants("20.1.1.1", 2), 0);
    assert(await grants("20.1.1.2", 3) > 0);
    await world.clock.advance(30 * 60_000);
    assert(await grants("20.1.1.1", 4) > 0);
  },
);

Deno.test(
  "a private torrent does not chase a peer that left",
  none,
  async () => {
    const torrent = await simTorrent(FILES, { private: true });
    await using world = new SwarmWorld({ seed: 9 });
    let dials = 0;
    const a = await world.host({ refuses: () => (dials++, false) });
    a.add(torrent);
    const b = await world.host();
    b.add(torrent, { peers: [a.address] });
    await world.until(() => a.torrent.stats().candidates === 1);
    assertEquals([dials, a.torrent.stats().peers], [0, 1]);
    await world.run(b.torrent.pause());
    await world.clock.advance(600_000);
    // An attempt may be an encrypted connection and a plain one.
    assert(dials >= 1 && dials <= 6, `${dials}`);
  },
);

Deno.test("only what is done is offered", none, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const seed = await world.seeder(torrent);
  const host = await world.host();
  host.add(torrent, { peers: [seed.address] });
  await world.run(host.torrent.completed);
  assertEquals([...host.wire.offered].sort(), [
    "lt_donthave",
    "upload_only",
    "ut_metadata",
    "ut_pex",
  ]);
});

Deno.test(
  "a session's filter holds both ways, and can be changed",
  none,
  async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld({ seed: 10 });
    const seed = await world.seeder(torrent);
    const filter = new HandshakeFilters();
    const ban = addressFilter(new IpSet([seed.address.hostname]));
    filter.add(ban);
    const host = await world.host({ filter });
    host.add(torrent, { peers: [seed.address] });
    seed.torrent.addPeers([host.address]);
    await world.clock.advance(60_000);
    assertEquals([host.peersIn("connected"), host.torrent.stats().peers], [
      [],
      0,
    ]);
    filter.remove(ban);
    host.torrent.addPeers([seed.address]);
    await world.run(host.torrent.completed);
  },
);

Deno.test(
  "who claims a seed's id at its address keeps it away for a moment",
  none,
  async () => {
    const torrent = await simTorrent(FILES);
    // The rule for two connections at once would keep the claimant's.
    for (const port of [1, 6880, 6882, 60_000]) {
      await using world = new SwarmWorld({ seed: 11 });
      const hostname = world.ip();
      const seed = await world.seeder(torrent, {
        peerId: new TextEncoder().encode("-XX0001-\0\0\0\0\0\0\0\0\0\0\0\x01"),
        hostname,
        listen: { hostname, port },
      });
      const host = await world.host();
      host.add(torrent);
      await world.clock.advance(1000);
      const squatter = await WirePeer.dial(world, host.address, {
        infoHash: torrent.metainfo.infoHash,
        id: 1,
      }, hostname);
      await world.clock.advance(100);
      assertEquals(host.torrent.stats().peers, 1);
      host.torrent.addPeers([seed.address]);
      await world.run(host.torrent.completed, 60_000);
      squatter.close();
    }
  },
);

Deno.test(
  "a peer that hangs up after the handshake is given up",
  none,
  async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld();
    const address = { hostname: "10.77.0.1", port: 6881 };
    await using rude = await Handshaker.open({
      transports: [world.network.transport(address.hostname)],
      clock: world.clock,
      listen: address,
    });
    rude.addTorrent(torrent.metainfo.infoHash);
    let met = 0;
    void (async () => {
      for await (const event of rude.events()) {
        if (event.type !== "connected") continue;
        met++;
        event.connection.close();
      }
    })();
    const host = await world.host();
    host.add(torrent, { savedPeers: [address] });
    await world.clock.advance(60_000);
    assert(met >= 2 && met <= 4, `${met}`);
    await world.clock.advance(60 * 60_000);
    assertEquals(met, 5);
  },
);

Deno.test("who wasted our time is not let in again at once", none, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld({ seed: 21 });
  const { infoHash } = torrent.metainfo;
  const seed = await world.seeder(torrent);
  const junk = new Uint8Array(65_536);
  let id = 100;
  const come = async (from: string) => {
    const peer = await WirePeer.dial(world, seed.address, {
      infoHash,
      id: ++id,
      onOpen: (peer) => peer.send(99, junk),
    }, from);
    await world.clock.advance(500);
    const isIn = !peer.ended;
    peer.close();
    return isIn;
  };
  // 8192 for each, of 60,000; 250 a second are paid back.
  let times = 0;
  while (times < 50 && await come("20.1.1.1")) times++;
  assert(times >= 3 && times <= 8, `${times}`);
  assertEquals(await come("20.1.1.1"), false);
  assertEquals(await come("20.1.1.2"), true);
  await world.clock.advance(120_000);
  assertEquals(await come("20.1.1.1"), true);
});

Deno.test("peers that come and go take nothing of a limit", none, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld({ seed: 22 });
  const { infoHash } = torrent.metainfo;
  const seed = await world.seeder(torrent);
  const host = await world.host({ downloadLimit: 50_000 });
  host.add(torrent, { peers: [seed.address] });
  let over = false;
  const come = async (stranger: number) => {
    for (let i = 0; !over; i++) {
      const peer = await WirePeer.dial(world, host.address, {
        infoHash,
        id: stranger * 1000 + i,
        onOpen: (peer) => {
          peer.send(14);
          peer.send(1);
        },
      }, `20.1.${stranger}.1`);
      await sleep(world.clock, 300);
      peer.close();
    }
  };
  const strangers = Promise.all(Array.from({ length: 10 }, (_, i) => come(i)));
  // 400 kB at 50 kB/s.
  await world.run(host.torrent.completed, 12_000);
  over = true;
  await world.run(strangers);
});
