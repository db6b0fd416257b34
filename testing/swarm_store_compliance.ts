/**
 * What every store of a tracker's swarms must do.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { SwarmAnnounce } from "../tracker/swarm_store.ts";
import { testSwarmShares } from "./compliance/swarm_shares.ts";
import {
  hashOf,
  type OpenSwarmStore,
  peer,
  peersOf,
  say,
} from "./compliance/swarm_say.ts";

/**
 * Registers tests that every `SwarmStore` has to pass.
 *
 * @param name What the tests begin with.
 * @param open Opens an empty store.
 * @param permissions What the tests may do.
 */
export function testSwarmStore(
  name: string,
  open: OpenSwarmStore,
  permissions: Deno.PermissionOptions = "none",
): void {
  const test = (what: string, fn: () => Promise<void>) =>
    Deno.test({ name: `${name}: ${what}`, permissions, fn });

  testSwarmShares(test, open);

  test("peers see each other and not themselves", async () => {
    await using world = await open();
    const { store } = world;
    const first = await store.announce(say(1), world.now());
    assertEquals(peersOf(first), []);
    assertEquals([first.seeders, first.leechers], [0, 1]);
    const second = await store.announce(say(2, { seed: true }), world.now());
    assertEquals(peersOf(second), [peer(1)]);
    assertEquals([second.seeders, second.leechers], [1, 1]);
    const again = await store.announce(say(1), world.now());
    assertEquals(peersOf(again), [peer(2)]);
    assertEquals([again.seeders, again.leechers], [1, 1]);
    // Another port of one address is another peer.
    const third = await store.announce(
      say(1, { port: 7 }),
      world.now(),
    );
    assertEquals(peersOf(third).sort(), [peer(1), peer(2)]);
    // Another torrent is another swarm.
    const other = await store.announce(say(3, { torrent: 1 }), world.now());
    assertEquals(peersOf(other), []);
    const { torrents, seeders, leechers, peers4 } = await store.stats();
    assertEquals([torrents, seeders, leechers, peers4], [2, 1, 3, 4]);
  });

  test("the request is not kept and may begin anywhere", async () => {
    await using world = await open();
    const bytes = new Uint8Array(64);
    bytes.set(hashOf(5), 7);
    const request = say(1, { infoHash: bytes, infoHashOffset: 7 });
    const pending = world.store.announce(request, world.now());
    bytes.fill(0xee);
    request.ip0 = 9;
    request.port = 9;
    await pending;
    const answer = await world.store.announce(
      say(2, { torrent: 5 }),
      world.now(),
    );
    assertEquals(peersOf(answer), [peer(1)]);
  });

  test("started, completed and stopped", async () => {
    await using world = await open();
    const { store } = world;
    await store.announce(say(1, { event: "started" }), world.now());
    const scrape = async () => {
      const entry = await store.scrape(hashOf(0), 0, world.now());
      return [entry.seeders, entry.leechers, entry.downloads];
    };
    assertEquals(await scrape(), [0, 1, 0]);
    const done = say(1, { event: "completed", seed: true });
    assertEquals((await store.announce(done, world.now())).downloads, 1);
    assertEquals(await scrape(), [1, 0, 1]);
    await store.announce(done, world.now());
    assertEquals(await scrape(), [1, 0, 1], "a download counts once");
    await store.announce(say(1, { seed: false }), world.now());
    assertEquals(await scrape(), [0, 1, 1], "a seed can turn leecher");
    await store.announce(say(2), world.now());
    const gone = await store.announce(
      say(1, { event: "stopped" }),
      world.now(),
    );
    assertEquals(peersOf(gone), []);
    assertEquals([gone.seeders, gone.leechers], [0, 1]);
    await store.announce(say(9, { event: "stopped" }), world.now());
    assertEquals((await scrape()).slice(0, 2), [0, 1]);
    await store.announce(
      say(3, { event: "stopped", torrent: 8 }),
      world.now(),
    );
    assertEquals(
      (await store.stats()).torrents,
      1,
      "a farewell makes no swarm",
    );
    assertEquals(
      await store.scrape(hashOf(77), 0, world.now()),
      { seeders: 0, leechers: 0, downloads: 0 },
    );
  });

  test("a peer without a port is answered and not listed", async () => {
    await using world = await open();
    await world.store.announce(say(1), world.now());
    const answer = await world.store.announce(
      say(2, { port: 0 }),
      world.now(),
    );
    assertEquals(peersOf(answer), [peer(1)]);
    assertEquals([answer.seeders, answer.leechers], [0, 1]);
  });

  test("seeds get leechers first, leechers get both", async () => {
    await using world = await open();
    const { store } = world;
    for (let n = 1; n <= 20; n++) {
      await store.announce(say(n, { seed: n <= 10 }), world.now());
    }
    const isSeed = (text: string) => Number(text.split(" ")[1]) <= 11;
    const ask = async (seed: boolean, numWant: number) => {
      const answer = await store.announce(
        say(seed ? 1 : 11, { seed, numWant }),
        world.now(),
      );
      const peers = peersOf(answer);
      assertEquals(new Set(peers).size, peers.length, "nobody twice");
      assert(!peers.includes(peer(seed ? 1 : 11)), "not itself");
      return [peers.filter(isSeed).length, peers.length];
    };
    assertEquals(await ask(true, 8), [0, 8]);
    assertEquals(await ask(true, 10), [0, 10]);
    assertEquals(await ask(true, 12), [2, 12]);
    assertEquals(await ask(true, 200), [9, 19]);
    assertEquals(await ask(false, 8), [4, 8]);
    assertEquals(await ask(false, 200), [10, 19]);
    assertEquals(await ask(false, 1), [1, 1]);
    assertEquals(await ask(false, 0), [0, 0]);
  });

  test("answers name different peers of large swarms", async () => {
    await using world = await open();
    for (let n = 1; n <= 60; n++) {
      await world.store.announce(say(n), world.now());
    }
    const seen = new Set<string>();
    for (let round = 0; round < 60; round++) {
      const answer = await world.store.announce(
        say(1, { numWant: 5 }),
        world.now(),
      );
      assertEquals(answer.length4, 30);
      peersOf(answer).forEach((text) => seen.add(text));
    }
    assert(seen.size > 30, `${seen.size} of 59 named`);
  });

  test("families are kept apart unless both are wanted", async () => {
    await using world = await open();
    const { store } = world;
    const v6 = (n: number, more: Partial<SwarmAnnounce> = {}) =>
      say(n, {
        family: 6,
        ip0: 0x20010db8,
        ip1: 0,
        ip2: 0,
        ip3: n,
        ...more,
      });
    await store.announce(say(1), world.now());
    const six = await store.announce(v6(2), world.now());
    assertEquals(peersOf(six), []);
    assertEquals(six.leechers, 2, "figures count both");
    assertEquals(peersOf(await store.announce(v6(3), world.now())), [
      "2001:db8::2 3",
    ]);
    const both = await store.announce(
      v6(3, { bothFamilies: true }),
      world.now(),
    );
    assertEquals(peersOf(both), [peer(1), "2001:db8::2 3"]);
    const few = await store.announce(
      say(4, { bothFamilies: true, numWant: 2 }),
      world.now(),
    );
    assertEquals([few.length4, few.length6], [6, 18]);
    const { peers4, peers6 } = await store.stats();
    assertEquals([peers4, peers6], [2, 2]);
  });

  test("peers that are silent too long are gone", async () => {
    await using world = await open({ peerLifeMs: 100_000 });
    const { store } = world;
    await store.expire(world.now());
    await store.announce(say(1), world.now());
    await store.announce(say(2, { seed: true }), world.now());
    await store.announce(say(3, { torrent: 1 }), world.now());
    world.advance(60_000);
    await store.announce(say(1), world.now());
    world.advance(60_000);
    // Two minutes of expiring in small steps visit everything; the peer that
    // is still there announces meanwhile.
    for (let i = 0; i < 130; i++) {
      world.advance(1000);
      await store.expire(world.now());
      if (i % 50 === 0) await store.announce(say(1), world.now());
    }
    const answer = await store.announce(say(9), world.now());
    assertEquals(peersOf(answer), [peer(1)]);
    assertEquals(answer.seeders, 0);
    world.advance(6_000);
    assertEquals((await store.stats()).torrents, 1);
  });

  test("agrees with a naive model", async () => {
    await using world = await open();
    const { store } = world;
    const seed = 42;
    let state = seed;
    const random = (below: number) => {
      state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
      return ((state ^ (state >>> 13)) >>> 0) % below;
    };
    const model = new Map<number, Map<string, boolean>>();
    const downloads = new Map<number, number>();
    for (let i = 0; i < 1500; i++) {
      const torrent = random(8);
      const n = 1 + random(30);
      const isSeed = random(3) === 0;
      const event = ([undefined, "started", "completed", "stopped"] as const)[
        random(4)
      ];
      const answer = await store.announce(
        say(n, { torrent, seed: isSeed, event, numWant: 200 }),
        world.now(),
      );
      const swarm = model.get(torrent) ?? new Map<string, boolean>();
      model.set(torrent, swarm);
      const key = peer(n);
      if (event === "stopped") swarm.delete(key);
      else {
        if (event === "completed" && swarm.get(key) !== true) {
          downloads.set(torrent, (downloads.get(torrent) ?? 0) + 1);
        }
        swarm.set(key, isSeed);
      }
      const seeders = [...swarm.values()].filter(Boolean).length;
      assertEquals(answer.seeders, seeders);
      assertEquals(answer.leechers, swarm.size - seeders);
      assertEquals(
        peersOf(answer).sort(),
        event === "stopped"
          ? []
          : [...swarm.keys()].filter((other) => other !== key).sort(),
      );
      if (swarm.size === 0) {
        // What a store remembers of a swarm without peers is up to it.
        model.delete(torrent);
        downloads.set(torrent, answer.downloads);
        const entry = await store.scrape(hashOf(torrent), 0, world.now());
        downloads.set(torrent, entry.downloads);
      } else assertEquals(answer.downloads, downloads.get(torrent) ?? 0);
    }
    world.advance(6_000);
    const stats = await store.stats();
    const sizes = [...model.values()].map((swarm) => swarm.size);
    assertEquals(stats.torrents, sizes.length);
    assertEquals(stats.peers4, sizes.reduce((sum, size) => sum + size, 0));
  });
}
