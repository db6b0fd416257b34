import { assert, assertEquals, assertThrows } from "@std/assert";
import { toHex } from "../../../_shared/bytes.ts";
import { randomInt, seededRandom } from "../../../_shared/random.ts";
import { encodeKrpc } from "../../../dht/krpc/encode.ts";
import {
  compareNodeDistance,
  randomNodeId,
  randomNodeIdNear,
} from "../../../dht/node_id.ts";
import type { PeerStoreOptions } from "../../../dht/node_options.ts";
import { PeerStore } from "../../../dht/server/peer_store.ts";

const none = { permissions: "none" } as const;
const MINUTE = 60_000;
const random = seededRandom(11);
const ownId = randomNodeId(random);
const infoHash = randomNodeId(random);

function makeStore(options: PeerStoreOptions = {}): PeerStore {
  return new PeerStore(ownId, random, options);
}

/** 64 addresses a /16, each of a /24 of its own. */
const ip = (n: number) =>
  new Uint8Array([20 + (n >> 6) % 100, n / 6400, n & 63, 1]);

Deno.test("peers come back until 30 minutes after their announce", none, () => {
  const store = makeStore();
  assertEquals(store.values(infoHash, 10, false, 0), undefined);
  assertEquals(store.announce(infoHash, ip(1), 6881, false, 0), "added");
  assertEquals(
    store.announce(infoHash, ip(2), 0x1ae2, false, 10 * MINUTE),
    "added",
  );
  assertEquals(
    store.announce(infoHash, ip(1), 6881, true, 10 * MINUTE),
    "updated",
  );
  const values = store.values(infoHash, 10, false, 40 * MINUTE - 1)!;
  assertEquals(values.map(toHex).sort(), ["140001011ae1", "140002011ae2"]);
  assertEquals(store.values(infoHash, 10, true, 20 * MINUTE)?.map(toHex), [
    "140002011ae2",
  ]);
  assertEquals(store.values(infoHash, 10, false, 40 * MINUTE), undefined);
  assertEquals([store.torrentCount, store.peerCount], [0, 0]);
});

Deno.test("expiry takes the right ones of several torrents", none, () => {
  const store = makeStore();
  const other = randomNodeId(random);
  for (let i = 0; i < 10; i++) {
    store.announce(infoHash, ip(i), 1, false, i * MINUTE);
    store.announce(other, ip(i), 1, false, 0);
  }
  store.expire(30 * MINUTE);
  assertEquals([store.torrentCount, store.peerCount], [1, 9]);
  store.expire(35 * MINUTE);
  assertEquals(store.peerCount, 4);
  store.expire(99 * MINUTE);
  assertEquals([store.torrentCount, store.peerCount], [0, 0]);
});

Deno.test(
  "peers in all torrents are bounded, the closest are kept",
  none,
  () => {
    const store = makeStore({ maxTotalPeers: 1000, maxPeers: 100 });
    const hash = (i: number) => randomNodeIdNear(ownId, i, random);
    const far = Array.from({ length: 10 }, () => hash(5));
    let n = 0;
    for (const infoHash of far) {
      for (let i = 0; i < 100; i++) {
        assertEquals(store.announce(infoHash, ip(n++), 1, false, 0), "added");
      }
    }
    assertEquals([store.peerCount, store.torrentCount], [1000, 10]);
    const farther = hash(2);
    assertEquals(store.accepts(farther, ip(60_000), 0), false);
    assertEquals(store.announce(farther, ip(n++), 1, false, 0), "full");
    const near = hash(40);
    assert(store.accepts(near, ip(60_000), 0));
    for (let i = 0; i < 100; i++) {
      assertEquals(store.announce(near, ip(n++), 1, false, 0), "added");
    }
    assertEquals(store.announce(near, ip(n++), 1, false, 0), "full");
    assertEquals([store.peerCount, store.torrentCount], [1000, 10]);
    assertEquals(store.values(near, 200, false, 0)?.length, 100);
  },
);

Deno.test("500 peers a torrent and no more; full means no token", none, () => {
  const store = makeStore();
  for (let i = 0; i < 500; i++) {
    assert(store.accepts(infoHash, ip(60_000), 0));
    assertEquals(store.announce(infoHash, ip(i), 1, false, 0), "added");
  }
  assertEquals(store.accepts(infoHash, ip(60_000), 0), false);
  assertEquals(store.announce(infoHash, ip(500), 1, false, 0), "full");
  assertEquals(store.announce(infoHash, ip(499), 1, true, 0), "updated");
  assertEquals(store.peerCount, 500);
  assert(store.accepts(infoHash, ip(60_000), 30 * MINUTE));
});

Deno.test("samples of peers are fair and fit into a datagram", none, () => {
  const store = makeStore();
  for (let i = 0; i < 500; i++) store.announce(infoHash, ip(i), 1, false, 0);
  const counts = new Map<string, number>();
  for (let round = 0; round < 400; round++) {
    const values = store.values(infoHash, 100, false, 0)!;
    assertEquals(new Set(values.map(toHex)).size, 100);
    for (const value of values) {
      counts.set(toHex(value), (counts.get(toHex(value)) ?? 0) + 1);
    }
  }
  assertEquals(counts.size, 500);
  // 80 expected, with a standard deviation of 8.
  for (const count of counts.values()) assert(count > 35 && count < 130);
  const bytes = encodeKrpc({
    type: "response",
    transactionId: new Uint8Array(8),
    id: ownId,
    ip: new Uint8Array(6),
    token: new Uint8Array(8),
    nodes: new Uint8Array(208),
    values: store.values(infoHash, 100, false, 0),
  });
  assert(bytes.length <= 1400, `${bytes.length}`);
});

Deno.test(
  "2000 torrents: the farthest makes room for a closer one only",
  none,
  () => {
    const maxTorrents = 50;
    const store = makeStore({ maxTorrents });
    const all: Uint8Array[] = [];
    for (let i = 0; i < 400; i++) {
      const hash = randomNodeIdNear(ownId, randomInt(random, 12), random);
      const accepted = store.accepts(hash, ip(60_000), 0);
      const result = store.announce(hash, ip(i), 1, false, 0);
      assertEquals(result, accepted ? "added" : "full");
      all.push(hash);
      assert(store.torrentCount <= maxTorrents);
      assertEquals(store.peerCount, store.torrentCount);
    }
    all.sort((a, b) => compareNodeDistance(ownId, a, b));
    all.forEach((hash, i) => {
      const found = store.values(hash, 1, false, 0) !== undefined;
      assertEquals(found, i < maxTorrents);
    });
  },
);

Deno.test("an address has its share, in a torrent and in all", none, () => {
  const store = makeStore({ maxPeersPerAddress: 10 });
  for (let port = 1; port <= 9; port++) {
    assertEquals(store.announce(infoHash, ip(1), port, false, port), "added");
  }
  // The latest ports count.
  const values = store.values(infoHash, 100, false, 10)!;
  assertEquals(values.map((value) => value[5]).sort(), [6, 7, 8, 9]);
  const results = Array.from(
    { length: 10 },
    () => store.announce(randomNodeId(random), ip(1), 1, false, 10),
  );
  assertEquals(results.filter((result) => result === "added").length, 6);
  assertEquals(store.announce(infoHash, ip(2), 1, false, 10), "added");
  // What expires counts no more.
  store.expire(31 * MINUTE);
  assertEquals(store.announce(infoHash, ip(1), 1, false, 31 * MINUTE), "added");
});

Deno.test("no subnet fills a torrent, or keeps others out of it", none, () => {
  const six = (a: number, b: number, c: number, d: number) => {
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setUint32(0, 0x2a000000 + a);
    new DataView(bytes.buffer).setUint32(4, (b << 16) + c);
    new DataView(bytes.buffer).setUint32(12, d);
    return bytes;
  };
  const crowds: ((n: number) => Uint8Array)[] = [
    (n) => six(7, 7, 7, n),
    (n) => six(7, 7, n, 1),
    (n) => six(7, n, 1, 1),
    (n) => new Uint8Array([99, 7, 7, n]),
    (n) => new Uint8Array([99, 7, n >> 8, n]),
  ];
  for (const [i, crowd] of crowds.entries()) {
    const store = makeStore();
    const honest = (n: number) =>
      i < 3 ? six((n + 1) << 16, 1, 1, 1) : new Uint8Array([n >> 2, n, n, 1]);
    for (let n = 4; n < 24; n++) {
      store.announce(infoHash, honest(n), 1, false, 0);
    }
    for (let n = 0; n < 1000; n++) {
      store.announce(infoHash, crowd(n), 1 + n % 4, false, 0);
    }
    if (i === 0) assertEquals(store.peerCount, 20 + 4, "a /64 is one address");
    for (let n = 24; n < 54; n++) {
      assert(store.accepts(infoHash, honest(n), 0));
      assertEquals(store.announce(infoHash, honest(n), 1, false, 0), "added");
    }
    const left = store.values(infoHash, 1000, false, 0)!
      .filter((value) => i < 3 ? value[1] !== 0 : value[0] !== 99);
    assertEquals(left.length, 50, `honest peers beside crowd ${i}`);
  }
});

Deno.test("no subnet takes all torrents", none, () => {
  const store = makeStore({ maxTorrents: 100, maxPeersPerAddress: 20 });
  for (let n = 0; n < 100; n++) {
    const far = randomNodeIdNear(ownId, 2, random);
    store.announce(far, ip(n), 1, false, 0);
  }
  let taken = 0;
  for (let n = 0; n < 400; n++) {
    const near = randomNodeIdNear(ownId, 40, random);
    const from = new Uint8Array([99, 7, 7, n]);
    if (store.announce(near, from, 1, false, 0) === "added") taken++;
  }
  assertEquals(taken, 40);
  assertEquals(store.torrentCount, 100);
});

Deno.test("loopback has no share", none, () => {
  const store = makeStore({ maxPeersPerAddress: 10 });
  const loopback = new Uint8Array([127, 0, 0, 1]);
  for (let port = 1; port <= 100; port++) {
    store.announce(infoHash, loopback, port, false, 0);
  }
  assertEquals(store.peerCount, 100);
});

Deno.test("filters count addresses of seeds and of others", none, () => {
  const store = makeStore();
  for (let i = 0; i < 100; i++) {
    store.announce(infoHash, ip(i), 1, i < 30, 0);
    store.announce(infoHash, ip(i), 2, i < 30, 0);
  }
  for (let round = 0; round < 2; round++) {
    const { seeds, peers } = store.scrape(infoHash, 0)!;
    assertEquals(Math.round(seeds.estimate() / 5) * 5, 30);
    assert(Math.abs(peers.estimate() - 70) < 6);
    assert(seeds.has(ip(3)) && peers.has(ip(77)));
  }
  assertEquals(store.scrape(ownId, 0), undefined);
});

Deno.test("samples of info-hashes are kept for six hours", none, () => {
  const store = makeStore();
  assertEquals(store.sampleInfohashes(0), {
    interval: 21_600,
    count: 0,
    samples: new Uint8Array(0),
  });
  const hashes = Array.from({ length: 60 }, () => randomNodeId(random));
  store.announce(hashes[0]!, ip(0), 1, false, 0);
  // While everything fits, everything is told.
  assertEquals(store.sampleInfohashes(1).samples, hashes[0]);
  for (const [i, hash] of hashes.entries()) {
    store.announce(hash, ip(i), 1, false, 0);
  }
  const first = store.sampleInfohashes(2);
  assertEquals([first.count, first.samples.length], [60, 400]);
  const known = new Set(hashes.map(toHex));
  const parts = (bytes: Uint8Array) =>
    Array.from(
      { length: 20 },
      (_, i) => toHex(bytes.subarray(20 * i, 20 * i + 20)),
    );
  assertEquals(new Set(parts(first.samples)).size, 20);
  for (const part of parts(first.samples)) assert(known.has(part));
  // They are there still.
  for (let now = 0; now < 21_600_002; now += 1_000_000) {
    for (const [i, hash] of hashes.entries()) {
      store.announce(hash, ip(i), 1, false, now);
    }
  }
  assertEquals(store.sampleInfohashes(21_600_000).samples, first.samples);
  const next = store.sampleInfohashes(21_600_002).samples;
  assert(toHex(next) !== toHex(first.samples));
});

Deno.test("stored bytes are copies", none, () => {
  const store = makeStore();
  const hash = infoHash.slice();
  const address = ip(1);
  store.announce(hash, address, 1, false, 0);
  hash.fill(0);
  address.fill(0);
  assertEquals(store.values(infoHash, 1, false, 0)?.map(toHex), [
    "140001010001",
  ]);
  assertEquals(store.sampleInfohashes(0).samples, infoHash);
});

Deno.test("a random course of events keeps the counts right", none, () => {
  const seed = 99;
  console.log(`seed ${seed}`);
  const rng = seededRandom(seed);
  const store = new PeerStore(ownId, rng, {
    maxTorrents: 20,
    maxPeers: 15,
    maxPeersPerAddress: 12,
  });
  const hashes = Array.from({ length: 40 }, () => randomNodeId(rng));
  let now = 0;
  for (let step = 0; step < 20_000; step++) {
    now += randomInt(rng, 10_000);
    const hash = hashes[randomInt(rng, 40)]!;
    const address = ip(randomInt(rng, 30));
    store.announce(hash, address, 1 + randomInt(rng, 6), false, now);
    if (step % 7 === 0) store.values(hash, 5, false, now);
    if (step % 300 === 0) store.setOwnId(randomNodeId(rng));
    if (step % 100 !== 0) continue;
    let peers = 0;
    const perAddress = new Map<string, number>();
    store.expire(now);
    for (const hash of hashes) {
      const values = store.values(hash, 1000, false, now) ?? [];
      assert(values.length <= 15);
      peers += values.length;
      for (const value of values) {
        const key = toHex(value.subarray(0, 4));
        perAddress.set(key, (perAddress.get(key) ?? 0) + 1);
      }
    }
    assertEquals(store.peerCount, peers);
    assert(store.torrentCount <= 20);
    for (const count of perAddress.values()) assert(count <= 12);
  }
});

Deno.test("options of the peer store are checked", none, () => {
  assertThrows(() => makeStore({ maxPeers: 0 }), RangeError, "maxPeers");
});
