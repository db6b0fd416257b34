/** Peers of peers (BEP 11), and none of it for private torrents (BEP 27). */
import { assert, assertEquals } from "@std/assert";
import { formatEndpoint, type PeerHints } from "../../../_shared/address.ts";
import { toHex } from "../../../_shared/bytes.ts";
import { sleep } from "../../../_shared/clock.ts";
import { PeerExchange } from "../../../client/peers/peer_exchange.ts";
import type { SwarmPeer } from "../../../client/peers/swarm_peer.ts";
import type { PeerDiscovery } from "../../../client/types.ts";
import {
  assertFiles,
  type SimHost,
  simTorrent,
  SwarmWorld,
} from "../../../testing/mod.ts";
import {
  decodeUtPex,
  encodeUtPex,
  PEX_FLAG,
  type UtPexMessage,
} from "../../../peer/ut_pex.ts";
import { WirePeer } from "../../support/wire_peer.ts";

const FILES = [["a.bin", 2_000_000]] as const;

Deno.test(
  "peers that know one peer find the others",
  { permissions: "none" },
  async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld({ seed: 2 });
    const seed = await world.seeder(torrent, { uploadLimit: 20_000 });
    const hosts: SimHost[] = [];
    for (let i = 0; i < 5; i++) {
      const host = await world.host();
      host.add(torrent, { peers: [seed.address] });
      hosts.push(host);
    }
    await world.clock.advance(75_000);
    for (const { torrent } of hosts) assertEquals(torrent.stats().peers, 5);
    assert(seed.wire.pexSent >= 5);
    // Not more than one message a minute to each peer, and one at the start.
    for (const { wire } of [seed, ...hosts]) {
      assert(wire.pexSent <= 2 * 6, `${wire.pexSent}`);
    }
  },
);

Deno.test(
  "peer exchange can be switched off",
  { permissions: "none" },
  async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld();
    const seed = await world.seeder(torrent, {
      uploadLimit: 20_000,
      pex: false,
    });
    const hosts: SimHost[] = [];
    for (let i = 0; i < 3; i++) {
      const host = await world.host();
      host.add(torrent, { peers: [seed.address] });
      hosts.push(host);
    }
    await world.clock.advance(75_000);
    assertEquals(seed.wire.pexSent, 0);
    assert(!seed.wire.offered.has("ut_pex"));
    for (const { torrent } of hosts) assertEquals(torrent.stats().peers, 1);
  },
);

for (const way of ["file", "magnet"] as const) {
  Deno.test(`a private torrent by ${way}: no exchange, no search`, {
    permissions: "none",
  }, async () => {
    const torrent = await simTorrent(FILES, { private: true });
    await using world = new SwarmWorld();
    let searches = 0;
    const discovery: PeerDiscovery = {
      source: "dht",
      // deno-lint-ignore require-yield
      async *discover(_torrent, signal) {
        searches++;
        await new Promise((resolve) =>
          signal.addEventListener("abort", resolve, { once: true })
        );
      },
    };
    const seed = await world.seeder(torrent, {
      uploadLimit: 20_000,
      discovery: [discovery],
    });
    const host = await world.host({ discovery: [discovery] });
    const hex = toHex(torrent.metainfo.infoHash);
    if (way === "file") host.add(torrent, { peers: [seed.address] });
    else host.addMagnet(hex, torrent, { peers: [seed.address] });
    await world.run(host.torrent.metadata);
    const before = searches;
    assertEquals(before, way === "file" ? 0 : 1);
    const offered = new Set(host.wire.offered);
    // One that would like to hear of others.
    const peers = [];
    for (const to of [host, seed]) {
      peers.push(
        await WirePeer.dial(world, to.address, {
          infoHash: torrent.metainfo.infoHash,
          id: peers.length,
          extension: "d1:md6:ut_pexi1ee1:pi6881ee",
          onOpen: (peer) => {
            peer.send(2);
            // And tells of some.
            peer.extended(
              1,
              "d5:added6:\x0a\x63\x00\x01\x1a\xe17:added.f1:\x00e",
            );
          },
        }),
      );
    }
    const known = host.torrent.stats().candidates;
    await world.clock.advance(150_000);
    for (const peer of peers) {
      const pex = peer.of(20).filter((message) => message[1] === 1);
      assertEquals(pex, [], "told of peers");
      peer.close();
    }
    for (const { wire } of [seed, host]) {
      assertEquals(wire.pexSent, 0);
      assertEquals(wire.sent.get(9) ?? 0, 0, "told a DHT port");
    }
    assert(!seed.wire.offered.has("ut_pex"));
    if (way === "file") assert(!offered.has("ut_pex"));
    // Those who connected told where they listen; nobody else is known.
    assert(host.torrent.stats().candidates <= known + 1);
    assertEquals(searches, before);
    assert(host.torrent.isPrivate);
  });
}

Deno.test("a link that proves private drops what it found openly", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES, { private: true });
  await using world = new SwarmWorld();
  const slow = { uploadLimit: 40_000 };
  const [named, found, dialled] = [
    await world.seeder(torrent, slow),
    await world.seeder(torrent, slow),
    await world.seeder(torrent, slow),
  ];
  const search = (
    source: "dht" | "lpd",
    host: SimHost,
    afterMs: number,
  ): PeerDiscovery => ({
    source,
    async *discover({ infoHash }, signal) {
      await sleep(world.clock, afterMs);
      const teller = host.address.hostname;
      yield { infoHash, address: host.address, teller };
      // One that nobody answers at: it is known, and tried.
      yield { infoHash, address: { hostname: "10.9.9.9", port: 6881 }, teller };
      await new Promise((resolve) =>
        signal.addEventListener("abort", resolve, { once: true })
      );
    },
  });
  const host = await world.host({
    discovery: [search("dht", found, 0), search("lpd", dialled, 61)],
  });
  const one = host.addMagnet(toHex(torrent.metainfo.infoHash), torrent, {
    peers: [named.address],
  });
  await world.run(one.metadata);
  assertEquals(host.peersIn("connected").includes("10.0.2.7"), true);
  await world.clock.advance(100);
  // Of the three seeds and the dead address only the named one is left.
  assertEquals(one.stats().peers, 1);
  assertEquals(one.stats().candidates, 1);
  assertEquals(found.torrent.stats().peers, 0);
  assertEquals(dialled.torrent.stats().peers, 0);
  await world.run(one.completed, 200_000);
  assertFiles(torrent, host.files);
  for (const other of [found, dialled]) {
    const dials = other.events.filter((event) =>
      event.type === "peer-connected" &&
      event.direction === "inbound"
    );
    assert(dials.length <= 1, "never dialled again");
  }
});

Deno.test("a flood of told peers is bounded and impossible ones are dropped", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const host = await world.host();
  host.add(torrent);
  const peer = await WirePeer.dial(world, host.address, {
    infoHash: torrent.metainfo.infoHash,
    extension: "d1:md6:ut_pexi1eee",
  });
  await world.until(() => peer.of(20).length > 0);
  const hello = String.fromCharCode(...peer.of(20)[0]!);
  const id = Number(/6:ut_pexi(\d+)e/.exec(hello)![1]);
  const tell = (addresses: readonly number[][]) => {
    const text = addresses.map((bytes) => String.fromCharCode(...bytes)).join(
      "",
    );
    peer.extended(id, `d5:added${text.length}:${text}e`);
  };
  // One subnet, multicast, port 0, then far too many at once.
  tell(Array.from({ length: 90 }, (_, i) => [8, 8, 8, i + 1, 26, 225]));
  await world.clock.advance(100);
  assert(host.torrent.stats().candidates <= 32);
  for (let round = 0; round < 50; round++) {
    tell(
      Array.from(
        { length: 200 },
        (_, i) => [11 + round, i, 7, 7, 26, 225],
      ),
    );
    tell([[224, 0, 0, 1, 1, 1], [9, 9, 9, 9, 0, 0], [0, 0, 0, 0, 1, 1]]);
  }
  await world.clock.advance(1000);
  // One message a minute counts, and of it a hundred.
  assert(host.torrent.stats().candidates <= 132);
  peer.close();
});

Deno.test(
  "a told peer leads to a download",
  { permissions: "none" },
  async () => {
    const torrent = await simTorrent([["a.bin", 300_000]]);
    await using world = new SwarmWorld({ seed: 9 });
    const seed = await world.seeder(torrent);
    const middle = await world.host();
    // Has next to nothing, but knows the seed.
    middle.add(torrent, {
      peers: [seed.address],
      downloadLimit: 2000,
      uploadLimit: 1,
    });
    await world.clock.advance(1000);
    const host = await world.host();
    host.add(torrent, { peers: [middle.address] });
    await world.run(host.torrent.completed, 120_000);
    assertFiles(torrent, host.files);
  },
);

Deno.test(
  "PEX tells who uploads only, was dialled, is encrypted, speaks uTP",
  {
    permissions: "none",
  },
  () => {
    const told: [string, number | undefined][] = [];
    const fake = (
      key: number,
      direction: string,
      state: { isSeed?: boolean; uploadOnly?: boolean } = {},
      encryption = "none",
      transport = "tcp",
    ) =>
      ({
        encryption,
        transport,
        key,
        direction,
        since: 0,
        address: { hostname: `1.1.1.${key}`, port: 9 },
        listening: { hostname: `1.1.1.${key}`, port: 6881 },
        connection: {
          state,
          supports: () => key === 1,
          sendPex: ({ added }: UtPexMessage) => {
            for (const peer of added) {
              told.push([
                formatEndpoint(peer),
                peer.flags,
              ]);
            }
          },
        },
      }) as unknown as SwarmPeer;
    const peers = new Map(
      [
        fake(1, "inbound"),
        fake(2, "inbound", { uploadOnly: true }),
        fake(3, "outbound", { isSeed: true }),
        fake(4, "outbound"),
        fake(5, "inbound", {}, "plaintext"),
        fake(6, "inbound", {}, "rc4", "utp"),
      ].map((peer) => [peer.key, peer]),
    );
    const exchange = new PeerExchange(new Uint8Array(20), peers);
    exchange.tick(1_999);
    assertEquals(told, []);
    exchange.tick(2_000);
    assertEquals(told, [
      ["1.1.1.2:6881", PEX_FLAG.seed],
      ["1.1.1.3:6881", PEX_FLAG.seed | PEX_FLAG.reachable],
      ["1.1.1.4:6881", PEX_FLAG.reachable],
      ["1.1.1.5:6881", PEX_FLAG.encryption],
      ["1.1.1.6:6881", PEX_FLAG.encryption | PEX_FLAG.utp],
    ]);
    peers.set(7, fake(7, "inbound"));
    exchange.tick(61_999);
    assertEquals(told.length, 5);
    exchange.tick(62_000);
    assertEquals(told.slice(5), [["1.1.1.7:6881", 0]]);
  },
);

Deno.test("PEX flags arrive as they were meant, by IPv4 and IPv6", {
  permissions: "none",
}, () => {
  const infoHash = new Uint8Array(20);
  interface Kind {
    readonly encryption?: string;
    readonly transport?: string;
    readonly direction?: string;
    readonly isSeed?: boolean;
    readonly speaks?: readonly string[];
    readonly hints?: PeerHints;
    readonly isTold?: boolean;
  }
  const kinds: readonly Kind[] = [
    { encryption: "rc4", hints: { encryption: true } },
    { isSeed: true, hints: { seed: true } },
    { transport: "utp", hints: { utp: true } },
    { speaks: ["ut_holepunch"], hints: { holepunch: true } },
    { direction: "outbound", hints: { reachable: true } },
    { hints: {} },
  ];
  const sent: Uint8Array[] = [];
  const peers = new Map<number, SwarmPeer>();
  const truth = new Map<string, unknown>();
  const fake = (ip: string, kind: Kind) => {
    const key = peers.size;
    const listening = { hostname: ip, port: 6881 };
    const { encryption = "none", transport = "tcp", direction = "inbound" } =
      kind;
    peers.set(
      key,
      {
        key,
        encryption,
        transport,
        direction,
        since: 0,
        listening,
        address: { hostname: ip, port: 50_000 },
        connection: {
          state: { isSeed: kind.isSeed ?? false },
          supports: (name: string) =>
            name === "ut_pex"
              ? kind.isTold
              : kind.speaks?.includes(name) ?? false,
          sendPex: (message: UtPexMessage) => sent.push(encodeUtPex(message)),
        },
      } as unknown as SwarmPeer,
    );
    if (kind.hints) truth.set(ip, kind.hints);
  };
  fake("9.9.9.9", { isTold: true });
  for (const [n, kind] of kinds.entries()) {
    fake(`1.1.1.${n}`, kind);
    fake(`2001:db8::${n + 1}`, kind);
  }
  const exchange = new PeerExchange(infoHash, peers);
  exchange.tick(2_000);
  const candidates = exchange.candidates(
    peers.get(0)!,
    decodeUtPex(sent[0]!),
  );
  const told = candidates.map(({ address, hints }) =>
    [address.hostname, JSON.parse(JSON.stringify(hints ?? {}))] as const
  );
  assertEquals(new Map(told), truth);
});

Deno.test("PeerExchange tells fifty at a time, and only what changed", {
  permissions: "none",
}, () => {
  const sent: UtPexMessage[] = [];
  const peers = new Map<number, SwarmPeer>();
  const enter = (key: number, isTold = false) => {
    const endpoint = { hostname: `8.0.${key}.1`, port: 6881 };
    peers.set(key, {
      key,
      since: 0,
      address: endpoint,
      listening: endpoint,
      direction: "outbound",
      encryption: "none",
      transport: "tcp",
      connection: {
        state: {},
        supports: (name: string) => isTold && name === "ut_pex",
        sendPex: (message: UtPexMessage) => void sent.push(message),
      },
    } as unknown as SwarmPeer);
  };
  enter(0, true);
  for (let key = 1; key <= 101; key++) enter(key);
  const exchange = new PeerExchange(new Uint8Array(20), peers);
  const counts = (now: number) => {
    exchange.tick(now);
    return sent.splice(0).map(({ added, dropped }) => [
      added.length,
      dropped.length,
    ]);
  };
  assertEquals(counts(1_999), []);
  assertEquals([counts(2_000), counts(62_000), counts(122_000)], [
    [[50, 0]],
    [[50, 0]],
    [[1, 0]],
  ]);
  assertEquals(counts(182_000), []);
  for (let key = 1; key <= 101; key++) peers.delete(key);
  assertEquals([counts(242_000), counts(302_000), counts(362_000)], [
    [[0, 50]],
    [[0, 50]],
    [[0, 1]],
  ]);
  assertEquals(counts(422_000), []);
});
