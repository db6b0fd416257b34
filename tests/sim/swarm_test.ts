/** Whole swarms: what must hold whatever the network does. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { createHash } from "node:crypto";
import type { ByteConnection } from "../../_shared/byte_conn.ts";
import { seededRandom } from "../../_shared/random.ts";
import { encodeBencode } from "../../bencode/mod.ts";
import { parseMetainfo } from "../../metainfo/mod.ts";
import {
  assertFiles,
  filled,
  type SimFiles,
  type SimHost,
  type SimTorrent,
  simTorrent,
  SwarmWorld,
} from "../../testing/mod.ts";
import { ints, WirePeer } from "../support/wire_peer.ts";

const FILES: SimFiles = [
  ["a.bin", 1_500_001],
  ["empty", 0],
  ["d/b.bin", 333_333],
  ["d/one", 1],
];

const isSeeding = ({ torrent }: SimHost) => torrent.state === "seeding";
const states = (hosts: readonly SimHost[]) => () =>
  JSON.stringify(hosts.map(({ torrent }) => torrent.stats()));

/** Leechers that know the seed and those before them. */
async function leechers(
  world: SwarmWorld,
  torrent: SimTorrent,
  count: number,
  first: SimHost,
  options: Parameters<SwarmWorld["host"]>[0] = {},
): Promise<SimHost[]> {
  const list: SimHost[] = [];
  for (let i = 0; i < count; i++) {
    const host = await world.host(options);
    host.add(torrent, { peers: [first, ...list].map((h) => h.address) });
    list.push(host);
  }
  return list;
}

/** What holds at every moment of every host. */
function assertInvariants(hosts: readonly SimHost[]): void {
  for (const { torrent, session, wire } of hosts) {
    const stats = torrent.stats();
    assert(stats.doneBytes <= stats.wantedBytes, "more done than wanted");
    assertEquals(stats.piecesDone, torrent.storage?.have.count ?? 0);
    assert(stats.wastedBytes <= stats.downloadedBytes, "waste came in");
    assert(session.stats().bufferedBytes <= 80 * 1024 * 1024);
    assert(wire.mostUnchoked <= 8, `${wire.mostUnchoked} unchoked`);
    assert(stats.seeds <= stats.peers);
  }
}

async function complete(
  world: SwarmWorld,
  hosts: readonly SimHost[],
  limitMs = 300_000,
): Promise<void> {
  await world.until(
    () => {
      assertInvariants(hosts);
      return hosts.every(isSeeding);
    },
    limitMs,
    states(hosts),
  );
}

for (const version of ["v1", "v2", "hybrid"] as const) {
  Deno.test(`a ${version} swarm: all complete, leechers trade`, {
    permissions: "none",
  }, async () => {
    const torrent = await simTorrent(FILES, { version });
    await using world = new SwarmWorld({ seed: version.length });
    const seed = await world.seeder(torrent, { uploadLimit: 400_000 });
    const hosts = await leechers(world, torrent, 6, seed);
    await complete(world, hosts);
    for (const { files } of hosts) assertFiles(torrent, files);
    const uploads = hosts.map(({ torrent }) => torrent.stats().uploadedBytes);
    assert(uploads.filter((bytes) => bytes > 0).length >= 3, `${uploads}`);
    // Who trades takes little from the seed.
    const given = seed.torrent.stats().uploadedBytes;
    assert(given < 4 * torrent.metainfo.totalLength, `${given}`);
    world.assertWire();
  });
}

for (const revelation of ["lazy", "super-seeding"] as const) {
  Deno.test(`a seed that reveals itself ${revelation}: all complete`, {
    permissions: "none",
  }, async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld({ seed: 43 });
    const seed = await world.seeder(
      torrent,
      { uploadLimit: 300_000 },
      { revelation },
    );
    const hosts = await leechers(world, torrent, 5, seed);
    await complete(world, hosts, 600_000);
    for (const { files } of hosts) assertFiles(torrent, files);
    world.assertWire();
  });
}

Deno.test("a swarm on a bad network: failing dials, dying connections", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld({ seed: 7, latencyMs: 60 });
  /** Dies after some bytes in one direction, as a lost link does. */
  const flaky = (connection: ByteConnection): ByteConnection => {
    let left = 100_000 + world.int(1_500_000);
    return {
      local: connection.local,
      remote: connection.remote,
      read: async (buffer) => {
        const length = await connection.read(buffer);
        left -= length ?? 0;
        if (left < 0) {
          connection.close();
          throw new Deno.errors.ConnectionReset("Connection reset");
        }
        return length;
      },
      write: (data) => connection.write(data),
      close: () => connection.close(),
      [Symbol.dispose]: () => connection.close(),
    };
  };
  const seed = await world.seeder(torrent, { uploadLimit: 500_000 });
  const hosts = await leechers(world, torrent, 5, seed, {
    wrap: flaky,
    refuses: () => world.int(3) === 0,
  });
  await complete(world, hosts, 900_000);
  for (const { files } of hosts) assertFiles(torrent, files);
  assert(hosts.some((host) => host.peersIn("disconnected").length > 0));
  assert(hosts.some((host) => host.peersIn("failed").length > 0));
  world.assertWire();
});

Deno.test("peers that vanish do not keep others from completing", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld({ seed: 3 });
  const seed = await world.seeder(torrent, { uploadLimit: 150_000 });
  const hosts = await leechers(world, torrent, 6, seed);
  await world.until(
    () => hosts.every(({ torrent }) => torrent.stats().piecesDone > 4),
    120_000,
  );
  for (const gone of hosts.splice(0, 3)) await world.run(gone.session.close());
  assertEquals(hosts.length, 3);
  await complete(world, hosts);
  for (const { files } of hosts) assertFiles(torrent, files);
  world.assertWire();
});

Deno.test("the seed leaves when one copy is out: the swarm goes on", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld({ seed: 11 });
  const seed = await world.seeder(torrent, { uploadLimit: 300_000 });
  const hosts = await leechers(world, torrent, 4, seed);
  const { pieceCount } = torrent.metainfo;
  await world.until(() => {
    for (let i = 0; i < pieceCount; i++) {
      if (!hosts.some(({ torrent }) => torrent.storage?.have.has(i))) {
        return false;
      }
    }
    return true;
  }, 120_000);
  await world.run(seed.session.close());
  assert(!hosts.every(isSeeding));
  await complete(world, hosts);
  world.assertWire();
});

Deno.test(
  "a peer that sends bad data is banned and named, innocents are kept",
  {
    permissions: "none",
  },
  async () => {
    const torrent = await simTorrent(FILES);
    await using world = new SwarmWorld({ seed: 5 });
    const bad = filled(torrent);
    const handle = bad.open(["sim", "a.bin"], { write: true });
    for (let at = 0; at < 1_500_001; at += 32768) {
      handle.write(new Uint8Array(100), at + 17);
    }
    const liar = await world.host({ files: bad, uploadLimit: 200_000 });
    liar.watch(
      liar.session.add(torrent.bytes, { fileSystem: bad, seedMode: true }),
    );
    const seeds = [
      await world.seeder(torrent, { uploadLimit: 200_000 }),
      await world.seeder(torrent, { uploadLimit: 200_000 }),
    ];
    const host = await world.host();
    host.add(torrent, { peers: [liar, ...seeds].map((h) => h.address) });
    await complete(world, [host]);
    assertFiles(torrent, host.files);
    assertEquals([...new Set(host.peersIn("banned"))], [liar.address.hostname]);
    assertGreater(host.torrent.stats().wastedBytes, 0);
    // Banned for good: also when it connects by itself.
    const fromLiar = () =>
      host.peersIn("connected").filter((name) => name === liar.address.hostname)
        .length;
    const before = fromLiar();
    liar.torrent.addPeers([host.address]);
    await world.clock.advance(60_000);
    assertEquals(fromLiar(), before);
  },
);

Deno.test("bad data from ever new peers spoils no more than a piece each", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent([["a.bin", 2_000_000]], {
    pieceLength: 65_536,
  });
  await using world = new SwarmWorld({ seed: 6 });
  const bad = filled(torrent);
  const handle = bad.open(["a.bin"], { write: true });
  for (let at = 0; at < 2_000_000; at += 16_384) {
    handle.write(new Uint8Array(100), at + 17);
  }
  const seed = await world.seeder(torrent, { uploadLimit: 100_000 });
  const host = await world.host();
  const address = async () => {
    const liar = await world.host({ files: bad });
    liar.session.add(torrent.bytes, { fileSystem: bad, seedMode: true });
    return liar.session.local!;
  };
  const liars = [];
  for (let i = 0; i < 6; i++) liars.push(await address());
  host.add(torrent, { peers: [seed.address, ...liars] });
  // For each that is banned another one comes.
  for (let seconds = 0; seconds < 45 && !isSeeding(host); seconds++) {
    await world.clock.advance(1_000);
    const banned = new Set(host.peersIn("banned")).size;
    for (; liars.length < banned + 6;) {
      liars.push(await address());
      host.torrent.addPeers([liars.at(-1)!]);
    }
  }
  assert(isSeeding(host), states([host])());
  assertFiles(torrent, host.files);
  assert(!host.peersIn("banned").includes(seed.address.hostname));
  const { wastedBytes } = host.torrent.stats();
  assert(wastedBytes < 65_536 * (liars.length + 12), `${wastedBytes}`);
});

Deno.test(
  "a slow peer does not hold up the end",
  { permissions: "none" },
  async () => {
    const torrent = await simTorrent([["a.bin", 4_000_000]]);
    await using world = new SwarmWorld({ seed: 13 });
    const slow = await world.seeder(torrent, { uploadLimit: 3_000 });
    const fast = await world.seeder(torrent, { uploadLimit: 400_000 });
    const host = await world.host();
    host.add(torrent, { peers: [slow.address, fast.address] });
    await complete(world, [host], 60_000);
    // 4 MB at 400 kB/s take 10 s; the slow one alone would need 20 minutes.
    assert(world.clock.now() < 16_000, `${world.clock.now()}`);
    const { wastedBytes } = host.torrent.stats();
    assert(wastedBytes < 300_000, `${wastedBytes} wasted`);
    assertFiles(torrent, host.files);
    world.assertWire();
  },
);

Deno.test("a peer that unchokes and sends nothing is worked around", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent([["a.bin", 1_000_000]]);
  await using world = new SwarmWorld({ seed: 17 });
  /** Lets requests through, but no block of 16 KiB comes out. */
  const mute = (connection: ByteConnection): ByteConnection => ({
    local: connection.local,
    remote: connection.remote,
    read: (buffer) => connection.read(buffer),
    write: (data) =>
      data.length > 8000
        ? Promise.resolve(data.length)
        : connection.write(data),
    close: () => connection.close(),
    [Symbol.dispose]: () => connection.close(),
  });
  const silent = await world.seeder(torrent, { wrap: mute });
  const slow = await world.seeder(torrent, { uploadLimit: 30_000 });
  const host = await world.host();
  host.add(torrent, { peers: [silent.address, slow.address] });
  await complete(world, [host], 110_000);
  assertFiles(torrent, host.files);
});

Deno.test("slots rotate: twelve leechers of one seed all get their turn", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent([["a.bin", 3_000_000]]);
  await using world = new SwarmWorld({ seed: 19 });
  const seed = await world.seeder(torrent, { uploadLimit: 100_000 });
  const hosts: SimHost[] = [];
  for (let i = 0; i < 12; i++) {
    const host = await world.host({ pex: false });
    host.add(torrent, { peers: [seed.address] });
    hosts.push(host);
  }
  await world.until(
    // More than what the allowed-fast set gives for nothing.
    () => hosts.every(({ torrent }) => torrent.stats().piecesDone > 8),
    240_000,
    states(hosts),
  );
  assert(!hosts.some(isSeeding));
  assertGreater(seed.wire.chokes, 0);
  assert(seed.wire.mostUnchoked <= 8, `${seed.wire.mostUnchoked}`);
  await complete(world, hosts, 600_000);
  world.assertWire();
});

Deno.test(
  "a thousand peers connect: caps hold",
  { permissions: "none" },
  async () => {
    const torrent = await simTorrent([["a.bin", 100_000]]);
    await using world = new SwarmWorld({ seed: 23 });
    const seed = await world.seeder(torrent, {
      maxPeersPerTorrent: 60,
      uploadSlots: 8,
    });
    const peers = [];
    for (let i = 0; i < 1000; i++) {
      peers.push(
        await WirePeer.dial(world, seed.address, {
          infoHash: torrent.metainfo.infoHash,
          id: i,
          onOpen: (peer) => peer.send(2),
          // Slots of those who ask for nothing do not count.
          onMessage: ([id], peer) => {
            if (id === 1 || id === 7) peer.send(6, ints(0, 0, 16_384));
          },
        }),
      );
      if (i % 50 === 0) {
        assert(seed.torrent.stats().peers <= 60);
        assert(seed.wire.unchoked <= 8);
      }
    }
    await world.clock.advance(30_000);
    assertEquals(seed.torrent.stats().peers, 60);
    assert(seed.wire.mostUnchoked <= 8, `${seed.wire.mostUnchoked}`);
    assertEquals(peers.filter(({ ended }) => !ended).length, 60);
    // One that leaves makes room for one.
    peers.find(({ ended }) => !ended)!.close();
    await world.clock.advance(1000);
    const late = await WirePeer.dial(world, seed.address, {
      infoHash: torrent.metainfo.infoHash,
      id: 5000,
    });
    await world.clock.advance(1000);
    assert(!late.ended);
    for (const peer of [...peers, late]) peer.close();
  },
);

Deno.test("a hundred thousand tiny pieces: time and memory stay sane", {
  permissions: "none",
}, async () => {
  const pieceCount = 100_000;
  const pieceLength = 64;
  const bytes = seededRandom(9)(new Uint8Array(pieceCount * pieceLength));
  const pieces = new Uint8Array(pieceCount * 20);
  for (let i = 0; i < pieceCount; i++) {
    const piece = bytes.subarray(i * pieceLength, (i + 1) * pieceLength);
    pieces.set(createHash("sha1").update(piece).digest(), i * 20);
  }
  const file = encodeBencode({
    info: {
      length: bytes.length,
      name: "tiny",
      "piece length": pieceLength,
      pieces,
    },
  });
  const torrent: SimTorrent = {
    bytes: file,
    metainfo: parseMetainfo(file),
    content: new Map([["tiny", bytes]]),
  };
  await using world = new SwarmWorld({ seed: 29 });
  const seed = await world.seeder(torrent);
  seed.truths.clear();
  const host = await world.host();
  const started = performance.now();
  host.add(torrent, { peers: [seed.address] });
  host.truths.clear();
  await world.until(() => isSeeding(host), 600_000, states([host]));
  assertFiles(torrent, host.files);
  const seconds = (performance.now() - started) / 1000;
  assert(seconds < 60, `${seconds} s`);
});
