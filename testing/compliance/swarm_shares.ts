import { assert, assertEquals } from "@std/assert";
import {
  hashOf,
  type OpenSwarmStore,
  peer,
  peersOf,
  say,
  type SwarmStoreWorld,
} from "./swarm_say.ts";

/** What every swarm store does at its caps, and against those who want all. */
export function testSwarmShares(
  test: (what: string, fn: () => Promise<void>) => void,
  open: OpenSwarmStore,
): void {
  test("a full torrent makes room for newcomers", async () => {
    await using world = await open({ maxPeersPerTorrent: 10 });
    for (let n = 1; n <= 40; n++) {
      await world.store.announce(say(n), world.now());
      world.advance(1000);
    }
    const last = await world.store.announce(say(40), world.now());
    assertEquals(last.leechers, 10);
    assertEquals(last.length4, 9 * 6);
    assertEquals((await world.store.stats()).evicted, 30);
  });

  const figures = async (world: SwarmStoreWorld) => {
    // Figures may be some seconds old.
    world.advance(6_000);
    return await world.store.stats();
  };
  /** Peers of a torrent, by a peer that asks and is not listed. */
  const listed = async (world: SwarmStoreWorld, torrent: number) =>
    peersOf(
      await world.store.announce(
        say(0xffff, { torrent, port: 0, numWant: 200 }),
        world.now(),
      ),
    );

  for (
    const [what, limits] of [
      ["peers", { maxPeers: 300 }],
      ["torrents", { maxTorrents: 100 }],
    ] as const
  ) {
    for (
      const [who, addresses] of [["one address", 1], ["many", 250]] as const
    ) {
      test(`a flood of random torrents from ${who} at the cap of ${what}`, async () => {
        await using world = await open(limits);
        const { store } = world;
        // Four honest swarms of 40.
        for (let n = 0; n < 160; n++) {
          await store.announce(
            say(1 + n, { torrent: n % 4, seed: n % 8 === 0 }),
            world.now(),
          );
        }
        await store.expire(world.now());
        let flood = 0;
        const attack = async (times: number) => {
          for (let i = 0; i < times; i++, flood++) {
            const ip0 = 0x01020300 + flood % addresses;
            await store.announce(
              say(flood, { torrent: 1000 + flood, ip0 }),
              world.now(),
            );
          }
        };
        for (let round = 0; round < 5; round++) {
          await attack(80);
          const { torrents, peers4 } = await figures(world);
          assert(peers4 <= 300, `${peers4} peers`);
          if (what === "torrents") assert(torrents <= 100, `${torrents}`);
        }
        const honest = async () => {
          let count = 0;
          for (let torrent = 0; torrent < 4; torrent++) {
            count += (await listed(world, torrent))
              .filter((text) => text.startsWith("10.")).length;
          }
          return count;
        };
        assert(await honest() >= 155, `${await honest()} of 160 are left`);
        // New honest peers get in, and stay while the flood goes on.
        for (let n = 0; n < 20; n++) {
          const answer = await store.announce(
            say(1000 + n, { torrent: n % 4 }),
            world.now(),
          );
          assert(answer.length4 > 0);
          await attack(5);
        }
        assert(await honest() >= 172, `${await honest()} of 180 are left`);
        const { torrents, peers4, evicted } = await figures(world);
        assert(peers4 <= 300 && evicted >= 300, `${peers4} ${evicted}`);
        assert(what === "peers" || torrents <= 100);
        // A new torrent of an honest peer gets in, too.
        await store.announce(say(2000, { torrent: 500 }), world.now());
        assertEquals((await listed(world, 500)).length, 1);
      });
    }
  }

  test("where a torrent has to go, a small one goes", async () => {
    await using world = await open({ maxTorrents: 16 });
    const { store } = world;
    for (let n = 0; n < 64; n++) {
      // Eight swarms of six, and then eight of two.
      const torrent = n < 48 ? n % 8 : 8 + n % 8;
      await store.announce(say(1 + n, { torrent }), world.now());
      world.advance(1000);
    }
    for (let n = 0; n < 6; n++) {
      const newcomer = say(100 + n, { torrent: 100 + n });
      await store.announce(newcomer, world.now());
      assertEquals((await listed(world, 100 + n)).length, 1);
      await store.announce({ ...newcomer, event: "stopped" }, world.now());
      await store.announce(say(200 + n, { torrent: 200 + n }), world.now());
      await store.announce(say(300 + n, { torrent: 200 + n }), world.now());
    }
    for (let torrent = 0; torrent < 8; torrent++) {
      assertEquals((await listed(world, torrent)).length, 6);
    }
    assert((await figures(world)).torrents <= 16);
  });

  test("one address cannot take a torrent over", async () => {
    await using world = await open({ maxPeersPerTorrent: 60 });
    const { store } = world;
    for (let n = 1; n <= 40; n++) await store.announce(say(n), world.now());
    for (let port = 1; port <= 300; port++) {
      await store.announce(say(0, { ip0: 0x01020304, port }), world.now());
    }
    const peers = await listed(world, 0);
    assertEquals(peers.length, 60);
    const honest = peers.filter((text) => text.startsWith("10."));
    assert(honest.length >= 38, `${honest.length} of 40 are left`);
    for (let n = 41; n <= 60; n++) await store.announce(say(n), world.now());
    const later = (await listed(world, 0))
      .filter((text) => text.startsWith("10."));
    assert(later.length >= 50, `${later.length} of 60 are left`);
  });

  /** A leecher at address `n` of a subnet that is `bits` wide. */
  const six = (prefix: number, bits: number, n: number, torrent: number) =>
    say(n, {
      family: 6,
      torrent,
      ip0: prefix,
      ip1: bits === 64 ? 7 : (7 << 16) + n,
      ip2: 0,
      ip3: bits === 64 ? n : 1,
    });

  for (const bits of [48, 64]) {
    for (const cap of ["maxTorrents", "maxPeers"] as const) {
      test(`one IPv6 /${bits} flushes nobody at ${cap}`, async () => {
        await using world = await open({ [cap]: 150 });
        const { store } = world;
        // Honest people, each from a /48 of its own, many with one provider.
        for (let n = 0; n < 90; n++) {
          const ip1 = n << 16;
          const honest = { ...six(0x20010db8, 64, n, n % 45), ip1 };
          await store.announce(honest, world.now());
        }
        for (let n = 0; n < 600; n++) {
          await store.announce(six(0x2a000000, bits, n, 1000 + n), world.now());
        }
        let left = 0;
        for (let torrent = 0; torrent < 45; torrent++) {
          const entry = await store.scrape(hashOf(torrent), 0, world.now());
          left += entry.leechers;
        }
        assert(left >= 88, `${left} of 90 are left`);
      });
    }
  }

  for (
    const [who, attacker] of [
      ["IPv4 address", (n: number) => say(0, { ip0: 0x01020304, port: 1 + n })],
      ["IPv6 /64", (n: number) => six(0x2a000000, 64, n, 0)],
    ] as const
  ) {
    test(`one ${who} has a small part of a torrent and of answers`, async () => {
      await using world = await open();
      const { store } = world;
      const isV4 = attacker(0).family === 4;
      const honest = (n: number) =>
        isV4 ? say(n) : six(0x20010000 + n, 64, n, 0);
      for (let n = 1; n <= 50; n++) {
        await store.announce(honest(n), world.now());
      }
      for (let n = 0; n < 300; n++) {
        await store.announce(attacker(n), world.now());
        world.advance(10);
      }
      const { leechers } = await store.scrape(hashOf(0), 0, world.now());
      assertEquals(leechers, 50 + 32);
      for (let n = 1; n <= 50; n += 7) {
        const asks = { ...honest(n), numWant: 50 };
        const peers = peersOf(await store.announce(asks, world.now()));
        const theirs = peers.filter((text) => /^(1\.2\.3|2a00:)/.test(text));
        assertEquals(peers.length, 50);
        assert(theirs.length <= 4, `${theirs.length} of 50`);
        const all = { ...honest(n), numWant: 200 };
        const named = peersOf(await store.announce(all, world.now()));
        assertEquals(named.length, 81, "who asks for all gets all");
      }
    });
  }

  test("one subnet has not all of a torrent either", async () => {
    await using world = await open();
    const { store } = world;
    for (let n = 1; n <= 30; n++) await store.announce(say(n), world.now());
    for (let n = 0; n < 400; n++) {
      const ip0 = 0x01020300 + n % 256;
      await store.announce(say(0, { ip0, port: 1 + n }), world.now());
    }
    const { leechers } = await store.scrape(hashOf(0), 0, world.now());
    assertEquals(leechers, 30 + 256);
    for (let n = 1; n <= 30; n += 5) {
      const answer = await store.announce(say(n), world.now());
      const honest = peersOf(answer).filter((text) => text.startsWith("10."));
      assertEquals(honest.length, 29);
    }
  });

  test("each family of a torrent has a cap of its own", async () => {
    await using world = await open({ maxPeersPerTorrent: 5 });
    for (let n = 1; n <= 10; n++) {
      await world.store.announce(say(n), world.now());
      const six = { family: 6, ip0: 0x20010db8, ip1: n } as const;
      await world.store.announce(say(n, six), world.now());
    }
    const { peers4, peers6 } = await figures(world);
    assertEquals([peers4, peers6], [5, 5]);
  });

  test("a peer that is not let in is not counted either", async () => {
    await using world = await open({ maxPeers: 4 });
    const { store } = world;
    const ip0 = 0x01020304;
    for (let n = 1; n <= 2; n++) await store.announce(say(n), world.now());
    for (let port = 1; port < 60; port++) {
      const answer = await store.announce(say(0, { ip0, port }), world.now());
      const { leechers } = await store.scrape(hashOf(0), 0, world.now());
      assertEquals(answer.leechers, leechers);
      assert(leechers <= 4);
    }
    const honest = (await listed(world, 0)).filter((t) => t.startsWith("10."));
    assertEquals(honest.sort(), [peer(1), peer(2)]);
    assertEquals((await figures(world)).leechers, 4);
  });
}
