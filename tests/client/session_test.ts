/** Sessions: what is shared, what is refused, and how it ends. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { toHex } from "../../_shared/bytes.ts";
import { sleep } from "../../_shared/clock.ts";
import { SessionError } from "../../client/error.ts";
import { Session } from "../../client/session.ts";
import {
  injectFaults,
  interceptFileSystem,
  MemoryFileSystem,
} from "../../disk/mod.ts";
import { MagnetError, MetainfoError } from "../../metainfo/mod.ts";
import {
  assertFiles,
  filled,
  simTorrent,
  SwarmWorld,
} from "../../testing/mod.ts";
import { WirePeer } from "../support/wire_peer.ts";

const FILES = [["a.bin", 900_000]] as const;

Deno.test("Session.add() refuses a torrent that is there, by any hash", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES, { version: "hybrid" });
  await using world = new SwarmWorld();
  const host = await world.host();
  host.add(torrent);
  const { infoHash, infoHashV1, infoHashV2 } = torrent.metainfo;
  for (
    const source of [
      torrent.bytes,
      torrent.metainfo,
      toHex(infoHash),
      toHex(infoHashV1!),
      `magnet:?xt=urn:btmh:1220${toHex(infoHashV2!)}`,
      `magnet:?xt=urn:btih:${toHex(infoHashV1!)}`,
    ]
  ) {
    const error = assertThrows(
      () => host.session.add(source, { fileSystem: host.files }),
      SessionError,
    );
    assertEquals(error.code, "duplicate");
  }
  assertEquals(host.session.torrents.length, 1);
  for (const hash of [infoHash, infoHashV1!, infoHashV2!]) {
    assertStrictEquals(host.session.get(hash), host.torrent);
  }
  assertEquals(host.session.get(new Uint8Array(20)), undefined);
  // Once removed it may come back.
  await world.run(host.session.remove(host.torrent));
  host.add(torrent);
  await world.until(() => host.torrent.state === "downloading");
});

Deno.test(
  "Session.add() refuses what is no torrent",
  { permissions: "none" },
  async () => {
    await using world = new SwarmWorld();
    const { session } = await world.host();
    assertThrows(() => session.add(new Uint8Array(5)), MetainfoError);
    assertThrows(() => session.add("magnet:?dn=x"), MagnetError);
    assertThrows(() => session.add("file.torrent"), MagnetError);
    assertEquals(session.torrents, []);
  },
);

Deno.test("Session.close() is final, idempotent, and ends what waits", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const host = await world.host();
  const one = host.add(torrent);
  const { metadata, completed } = one;
  const events = one.events();
  const closing = host.session.close();
  assertEquals(host.session.close(), closing);
  await world.run(closing);
  await host.session.closed;
  await one.closed;
  await metadata;
  const error = await world.fails(completed);
  assertInstanceOf(error, SessionError);
  assertEquals(error.code, "closed");
  const last = (await Array.fromAsync(events)).at(-1);
  assertEquals(last, { type: "state", state: "removed" });
  assertEquals(one.state, "removed");
  assertThrows(() => host.session.add(torrent.bytes), SessionError, "closed");
  assertEquals(await one.resume(), false);
  await one.pause();
  assertEquals((await Array.fromAsync(one.events())).length, 0);
});

for (
  const [name, ms] of [["checking", 0], ["connecting", 15], ["shaking", 45], [
    "downloading",
    1500,
  ]] as const
) {
  Deno.test(`Session.close() while ${name} leaves nothing`, {
    permissions: "none",
  }, async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld();
    const seed = await world.seeder(torrent, { uploadLimit: 100_000 });
    const host = await world.host();
    world.network.blackhole({ hostname: "10.99.0.1", port: 1 });
    host.add(torrent, {
      peers: [seed.address, { hostname: "10.99.0.1", port: 1 }],
    });
    await world.clock.advance(ms);
    await world.run(host.session.close(), 5000);
    assertEquals(host.wire.open, 0);
    await world.run(seed.session.close(), 5000);
    await world.clock.advance(100);
    assertEquals(world.open, 0);
    assertEquals(world.clock.pending, 0);
  });
}

Deno.test("Session.close() while metadata is fetched leaves nothing", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const host = await world.host();
  // Offers metadata and never sends any.
  const silent = await WirePeer.listen(world, {
    infoHash: torrent.metainfo.infoHash,
    extension: "d1:md11:ut_metadatai3ee13:metadata_sizei500ee",
  });
  const one = host.addMagnet(toHex(torrent.metainfo.infoHash), torrent, {
    peers: [silent.address],
  });
  await world.until(() => silent.peers[0]?.of(20).length === 2);
  assertEquals(one.state, "metadata");
  await world.run(host.session.close());
  await assertRejects(() => one.metadata, SessionError);
  silent.close();
});

Deno.test("Session ends with its signal", { permissions: "none" }, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const controller = new AbortController();
  const host = await world.host({ signal: controller.signal });
  const one = host.add(torrent);
  controller.abort();
  await world.until(() => one.state === "removed");
  await world.run(host.session.close());
  const reason = new Error("no");
  assertEquals(
    await world.fails(Session.open({ signal: AbortSignal.abort(reason) })),
    reason,
  );
});

Deno.test("Session finds out that an address is its own", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const host = await world.host();
  const one = host.add(torrent, { peers: [host.address] });
  await world.clock.advance(30_000);
  assertEquals(one.stats().peers, 0);
  assertEquals(one.stats().candidates, 0);
  assertEquals(host.peersIn("connected"), []);
  assert(world.network.attempts <= 2, `${world.network.attempts}`);
});

Deno.test(
  "Session keeps one connection when both sides dial, and dials no more",
  { permissions: "none" },
  async () => {
    const torrent = await simTorrent([["a.bin", 5_000_000]]);
    await using world = new SwarmWorld({ seed: 21 });
    const hosts = [
      await world.seeder(torrent, { uploadLimit: 50_000 }),
      await world.host(),
      await world.host(),
    ];
    for (const host of hosts.slice(1)) host.add(torrent);
    for (const host of hosts) {
      host.torrent.addPeers(hosts.map(({ address }) => address));
    }
    await world.clock.advance(20_000);
    for (const host of hosts) assertEquals(host.torrent.stats().peers, 2);
    const { attempts } = world.network;
    await world.clock.advance(40_000);
    for (const host of hosts) assertEquals(host.torrent.stats().peers, 2);
    assertEquals(world.network.attempts, attempts, "dialled again");
  },
);

Deno.test("Session shares its limit of peers among torrents", {
  permissions: "none",
}, async () => {
  const torrents = [
    await simTorrent(FILES, { seed: 1 }),
    await simTorrent([["b.bin", 900_000]], { seed: 2 }),
  ];
  await using world = new SwarmWorld();
  const host = await world.host({ maxPeers: 5, uploadLimit: 1000 });
  const others = [];
  for (const torrent of torrents) {
    host.watch(
      host.session.add(torrent.bytes, {
        fileSystem: filled(torrent),
        readOnly: true,
      }),
    );
    for (let i = 0; i < 4; i++) {
      const other = await world.host({ pex: false });
      other.add(torrent, { peers: [host.address] });
      others.push(other);
    }
  }
  await world.clock.advance(5000);
  assertEquals(host.session.peerCount, 5);
  assertEquals(host.session.stats().peers, 5);
  assertEquals(host.session.stats().torrents, 2);
});

for (
  const [name, session, one] of [
    ["session", { downloadLimit: 100_000 }, {}],
    ["torrent", {}, { downloadLimit: 100_000 }],
    ["both", { downloadLimit: 100_000 }, { downloadLimit: 150_000 }],
    ["both, torrent first", { downloadLimit: 150_000 }, {
      downloadLimit: 100_000,
    }],
  ] as const
) {
  Deno.test(
    `Session holds a download limit: ${name}`,
    { permissions: "none" },
    async () => {
      const torrent = await simTorrent([["a.bin", 3_000_000]]);
      await using world = new SwarmWorld({ seed: 31 });
      const seeds = [
        await world.seeder(torrent),
        await world.seeder(torrent),
        await world.seeder(torrent),
      ];
      const host = await world.host(session);
      host.add(torrent, { peers: seeds.map((seed) => seed.address), ...one });
      await world.clock.advance(2000);
      const before = host.torrent.stats().downloadedBytes;
      await world.clock.advance(15_000);
      const rate = (host.torrent.stats().downloadedBytes - before) / 15;
      assert(rate > 80_000 && rate < 112_000, `${rate} bytes a second`);
      // Changed while it runs.
      if (name !== "torrent") host.session.downloadLimit = 300_000;
      if (name !== "session") host.torrent.downloadLimit = 300_000;
      await world.clock.advance(2000);
      const middle = host.torrent.stats().downloadedBytes;
      await world.clock.advance(3000);
      const faster = (host.torrent.stats().downloadedBytes - middle) / 3;
      assert(faster > 220_000 && faster < 360_000, `${faster} bytes a second`);
      host.session.downloadLimit = host.torrent.downloadLimit = Infinity;
      await world.run(host.torrent.completed, 4000);
      assertFiles(torrent, host.files);
      world.assertWire();
    },
  );
}

Deno.test(
  "Session with thirty peers under a low limit: no silence, no burst, no snub",
  {
    permissions: "none",
  },
  async () => {
    const torrent = await simTorrent([["a.bin", 20_000_000]]);
    await using world = new SwarmWorld({ seed: 32, windowBytes: 1_000_000 });
    const seeds = [];
    for (let i = 0; i < 30; i++) seeds.push(await world.seeder(torrent));
    const host = await world.host({ downloadLimit: 200_000 });
    host.add(torrent, { peers: seeds.map((seed) => seed.address) });
    await world.clock.advance(15_000);
    let last = host.torrent.stats().downloadedBytes;
    for (let second = 0; second < 45; second++) {
      await world.clock.advance(1_000);
      const now = host.torrent.stats().downloadedBytes;
      // Blocks count when they are whole.
      assert(
        now - last > 90_000 && now - last < 340_000,
        `${now - last} bytes in second ${second}`,
      );
      last = now;
    }
    // Everybody was asked, and nobody was found wanting.
    const shares = seeds.map(({ torrent }) => torrent.stats().uploadedBytes);
    const mean = shares.reduce((a, b) => a + b) / shares.length;
    assert(Math.min(...shares) > mean / 2, `${shares}`);
    assertEquals(host.wire.sent.get(8), undefined, "requests taken back");
    world.assertWire();
  },
);

for (
  const [name, session, one] of [
    ["session", { uploadLimit: 100_000 }, {}],
    ["torrent", {}, { uploadLimit: 100_000 }],
    ["both", { uploadLimit: 100_000 }, { uploadLimit: 150_000 }],
  ] as const
) {
  Deno.test(
    `Session holds an upload limit: ${name}`,
    { permissions: "none" },
    async () => {
      const torrent = await simTorrent([["a.bin", 3_000_000]]);
      await using world = new SwarmWorld({ seed: 37 });
      const seed = await world.seeder(torrent, session, one);
      const hosts = [];
      for (let i = 0; i < 4; i++) {
        const host = await world.host({ pex: false });
        host.add(torrent, { peers: [seed.address] });
        hosts.push(host);
      }
      const given = () => seed.torrent.stats().uploadedBytes;
      await world.clock.advance(3000);
      let before = given();
      await world.clock.advance(30_000);
      const rate = (given() - before) / 30;
      assert(rate > 88_000 && rate < 108_000, `${rate} bytes a second`);
      if (name !== "torrent") seed.session.uploadLimit = 400_000;
      if (name !== "session") seed.torrent.uploadLimit = 400_000;
      await world.clock.advance(2000);
      before = given();
      await world.clock.advance(5000);
      const faster = (given() - before) / 5;
      assert(faster > 300_000 && faster < 440_000, `${faster} bytes a second`);
      // Nobody waited so long that a request was given up.
      for (const host of hosts) {
        assertEquals(host.torrent.stats().wastedBytes, 0);
      }
      seed.session.uploadLimit = seed.torrent.uploadLimit = Infinity;
      for (const { torrent } of hosts) {
        await world.run(torrent.completed, 20_000);
      }
      world.assertWire();
    },
  );
}

Deno.test(
  "Session with little memory completes",
  { permissions: "none" },
  async () => {
    const torrent = await simTorrent([["a.bin", 12_000_000]], {
      pieceLength: 1_048_576,
    });
    await using world = new SwarmWorld({ seed: 41, windowBytes: 1_000_000 });
    const seeds = [];
    for (let i = 0; i < 8; i++) seeds.push(await world.seeder(torrent));
    const host = await world.host({ maxBufferedBytes: 1_048_576 });
    host.add(torrent, { peers: seeds.map((seed) => seed.address) });
    let most = 0;
    await world.until(
      () => {
        most = Math.max(most, host.session.stats().bufferedBytes);
        return host.torrent.state === "seeding";
      },
      120_000,
      () => JSON.stringify(host.torrent.stats()),
    );
    assert(most <= 1.5 * 1_048_576, `${most}`);
    assertFiles(torrent, host.files);
  },
);

Deno.test("Session with little memory and a slow disk completes all the same", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent([["a.bin", 12_000_000]], {
    pieceLength: 1_048_576,
  });
  await using world = new SwarmWorld({ seed: 41, windowBytes: 2_000_000 });
  const seeds = [];
  for (let i = 0; i < 12; i++) seeds.push(await world.seeder(torrent));
  const host = await world.host({ maxBufferedBytes: 1_048_576 });
  const fileSystem = interceptFileSystem(
    host.files,
    injectFaults(({ operation }) =>
      operation === "write" ? { after: sleep(world.clock, 40) } : undefined
    ),
  );
  host.add(torrent, {
    fileSystem,
    peers: seeds.map((seed) => seed.address),
  });
  let most = 0;
  await world.until(
    () => {
      most = Math.max(most, host.session.stats().bufferedBytes);
      return host.torrent.state === "seeding";
    },
    120_000,
    () => JSON.stringify(host.torrent.stats()),
  );
  assert(most <= 1.5 * 1_048_576, `${most}`);
  // Blocks for which there was no room were asked for once more; few had none.
  const { wastedBytes } = host.torrent.stats();
  assert(wastedBytes > 0 && wastedBytes < 1_000_000, `${wastedBytes} wasted`);
  assertFiles(torrent, host.files);
});

Deno.test("Session keeps nothing of torrents that were removed", {
  permissions: "none",
}, async () => {
  await using world = new SwarmWorld();
  const host = await world.host();
  let closed = 0;
  const own = new MemoryFileSystem();
  own.close = () => void closed++;
  const torrents = [];
  for (let i = 0; i < 3; i++) {
    torrents.push(await simTorrent([[`${i}.bin`, 50_000]], { seed: i + 1 }));
  }
  const [first, second] = torrents.slice(0, 2).map(({ bytes }) =>
    host.session.add(bytes, { fileSystem: own })
  );
  await world.clock.advance(100);
  await world.run(host.session.remove(first!));
  assertEquals(closed, 0, "the other torrent uses it");
  await world.run(
    Promise.all([host.session.remove(second!), host.session.remove(second!)]),
  );
  assertEquals(closed, 1);
  assertEquals(host.session.stats().bufferedBytes, 0);
  // The same place again, also while it is being left.
  const again = host.session.add(torrents[0]!.bytes, { fileSystem: own });
  await world.clock.advance(100);
  const leaving = host.session.remove(again);
  host.session.add(torrents[2]!.bytes, { fileSystem: own });
  await world.run(leaving);
  await world.clock.advance(100);
  assertEquals(host.session.torrents.length, 1);
  assertEquals(host.torrent.state, "downloading");
  await world.run(host.session.close());
  assertEquals(closed, 2);
});

Deno.test("a listener that ends is told, and opened anew", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld();
  const host = await world.host();
  const ending = new AbortController();
  const events = host.session.events(ending);
  const leech = host.add(torrent);
  world.network.endListener(host.address);
  await world.clock.advance(2_000);
  await world.seeder(torrent, {}, { peers: [host.address] });
  await world.run(leech.completed);
  ending.abort();
  const told = (await Array.fromAsync(events)).flatMap((event) =>
    event.type === "listener"
      ? [event.error.message, event.address]
      : event.type === "listening"
      ? [event.type, event.local]
      : []
  );
  assertEquals(told, [
    "Cannot accept a connection",
    host.address,
    "listening",
    host.address,
  ]);
});
