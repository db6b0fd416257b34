import { assert, assertEquals, assertRejects } from "@std/assert";
import { toHex, writeUint32 } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import {
  newSwarmAnnounce,
  type SwarmAnnounce,
  type SwarmLimits,
} from "../../tracker/swarm_store.ts";
import { KvSwarmStore, type SwarmKv } from "../../tracker/mod.ts";
import { TempDir } from "../support/paths.ts";
import { testSwarmStore } from "../../testing/swarm_store_compliance.ts";

const hasKv = "openKv" in Deno;

if (hasKv) {
  testSwarmStore("KvSwarmStore", async (limits = {}) => {
    const kv = await Deno.openKv(":memory:");
    let now = 1_700_000_000_000;
    const store = new KvSwarmStore({
      kv,
      wallClock: () => now,
      random: seededRandom(1),
      ...limits,
    });
    return {
      store,
      now: () => now,
      advance: (ms) => now += ms,
      [Symbol.asyncDispose]: () => Promise.resolve(store.close()),
    };
  });
}

Deno.test({
  name: hasKv
    ? "two trackers share a database, and a restart loses no swarm"
    : "KvSwarmStore (skipped: needs --unstable-kv)",
  ignore: !hasKv,
  async fn() {
    await using dir = new TempDir();
    const path = dir.join("swarms.kv");
    const open = async () =>
      new KvSwarmStore({
        kv: await Deno.openKv(path),
        wallClock: Date.now,
        random: seededRandom(1),
      });
    const say = (n: number) => ({
      ...newSwarmAnnounce(),
      infoHash: new Uint8Array(20).fill(7),
      ip0: n,
      port: n,
    });
    const a = await open();
    const b = await open();
    await a.announce(say(1));
    assertEquals((await b.announce(say(2))).length4, 6);
    assertEquals((await a.announce(say(1))).length4, 6);
    assertEquals((await b.stats()).peers4, 2);
    await a.close();
    await b.close();
    const c = await open();
    const answer = await c.announce(say(3));
    assertEquals(answer.length4, 12);
    assertEquals(answer.leechers, 3);
    await c.close();
  },
});

/** Announces leecher `n` at 10.0.0.`n` of a torrent. */
function sayer(store: KvSwarmStore) {
  return (n: number, torrent: number, more: Partial<SwarmAnnounce> = {}) => {
    const infoHash = new Uint8Array(20);
    writeUint32(infoHash, 0, torrent);
    return store.announce({
      ...newSwarmAnnounce(),
      infoHash,
      ip0: 0x0a000000 + n,
      port: 1 + n,
      ...more,
    });
  };
}

async function withTwo(
  limits: SwarmLimits,
  action: (a: KvSwarmStore, b: KvSwarmStore) => Promise<void>,
): Promise<void> {
  await using dir = new TempDir();
  const open = async (seed: number) =>
    new KvSwarmStore({
      kv: await Deno.openKv(dir.join("swarms.kv")),
      wallClock: Date.now,
      random: seededRandom(seed),
      ...limits,
    });
  const a = await open(1);
  const b = await open(2);
  await action(a, b);
  await a.close();
  await b.close();
}

Deno.test({
  name: hasKv
    ? "two trackers at the same moment: nobody counts twice, nothing is lost"
    : "KvSwarmStore at the same moment (skipped: needs --unstable-kv)",
  ignore: !hasKv,
  fn: () =>
    withTwo({}, async (a, b) => {
      const [sayA, sayB] = [sayer(a), sayer(b)];
      // The same peer by both, many peers by both, downloads by both.
      const done = { event: "completed", seed: true } as const;
      await Promise.all(
        Array.from({ length: 20 }, (_, n) => [
          sayA(n, 1),
          sayB(n, 1),
          sayA(100 + n, 2, done),
          sayB(200 + n, 2, done),
        ]).flat(),
      );
      const hash = (torrent: number) => {
        const bytes = new Uint8Array(20);
        writeUint32(bytes, 0, torrent);
        return bytes;
      };
      assertEquals(await a.scrape(hash(1), 0), {
        seeders: 0,
        leechers: 20,
        downloads: 0,
      });
      assertEquals(await b.scrape(hash(2), 0), {
        seeders: 40,
        leechers: 0,
        downloads: 40,
      });
      // A peer that says so by both has completed it once.
      await sayA(1, 3);
      await Promise.all([sayA(1, 3, done), sayB(1, 3, done)]);
      assertEquals((await a.scrape(hash(3), 0)).downloads, 1);
      const { torrents, peers4 } = await a.stats();
      assertEquals([torrents, peers4], [3, 61]);
    }),
});

Deno.test({
  name: hasKv
    ? "two trackers at the same moment: caps hold for the sum"
    : "KvSwarmStore caps of two (skipped: needs --unstable-kv)",
  ignore: !hasKv,
  fn: () =>
    withTwo({ maxPeers: 60, maxPeersPerTorrent: 25 }, async (a, b) => {
      const [sayA, sayB] = [sayer(a), sayer(b)];
      for (let n = 0; n < 60; n += 2) {
        await Promise.all([sayA(n, 1), sayB(n + 1, 1)]);
      }
      const { leechers } = await sayA(7, 1, { port: 0 });
      assert(leechers >= 20 && leechers <= 27, `${leechers}`);
      for (let n = 100; n < 300; n += 2) {
        const ip0 = 0x01020304;
        await Promise.all([sayA(n, n, { ip0 }), sayB(n + 1, n + 1, { ip0 })]);
      }
      const stats = await b.stats();
      // What the other one enters at the moment may be too many.
      assert(stats.peers4 <= 66, `${stats.peers4} peers`);
      assert((await sayB(7, 1, { port: 0 })).leechers >= leechers - 1);
    }),
});

Deno.test({
  name: hasKv
    ? "records of downloads go with the swarms"
    : "KvSwarmStore records (skipped: needs --unstable-kv)",
  ignore: !hasKv,
  async fn() {
    const kv = await Deno.openKv(":memory:");
    const store = new KvSwarmStore({
      kv,
      wallClock: Date.now,
      random: seededRandom(1),
      maxPeers: 20,
    });
    const say = sayer(store);
    const done = { event: "completed", seed: true } as const;
    for (let n = 0; n < 100; n++) await say(1, n, { ...done, port: 1 + n });
    await say(2, 1000, done);
    await say(2, 1000, { event: "stopped" });
    const records = async () => {
      const keys: string[] = [];
      const list = kv.list({ prefix: ["bip-swarm", "downloads"] });
      for await (const { key } of list) keys.push(toHex(key[2] as Uint8Array));
      return keys;
    };
    const before = await records();
    assert(before.length >= 10 && before.length <= 20, `${before}`);
    // Those whose peers expired go with the next count.
    await kv.atomic().sum(["bip-swarm", "downloads", new Uint8Array(28)], 1n)
      .sum(["bip-swarm", "downloads", new Uint8Array(28).fill(255)], 1n)
      .commit();
    await store.stats();
    assertEquals(await records(), before);
    await store.close();
  },
});

Deno.test({
  name: hasKv
    ? "announces of one swarm share what is read and written"
    : "KvSwarmStore sharing (skipped: needs --unstable-kv)",
  ignore: !hasKv,
  async fn() {
    const inner = await Deno.openKv(":memory:");
    let [lists, commits] = [0, 0];
    const kv: SwarmKv = {
      get: (key) => inner.get(key),
      atomic() {
        commits++;
        return inner.atomic();
      },
      list(selector, options) {
        if (selector.prefix.length === 3) lists++;
        return inner.list(selector, options);
      },
      close: () => inner.close(),
    };
    const store = new KvSwarmStore({
      kv,
      wallClock: () => 1_700_000_000_000,
      random: seededRandom(1),
    });
    const enter = (from: number, to: number) =>
      Promise.all(
        Array.from({ length: to - from }, (_, n) =>
          sayer(store)(from + n, 1, { ip0: (from + n) << 12, numWant: 9 })),
      );
    const [first] = await enter(0, 60);
    assertEquals(first!.length4, 0);
    assertEquals([lists, commits <= 5], [1, true], `${commits} commits`);
    await enter(60, 200);
    assertEquals(lists, 2, "small swarms are read anew, for all who wait");
    await enter(0, 400);
    assertEquals(lists, 2, "large ones are remembered");
    const { leechers, length4 } = (await enter(0, 1))[0]!;
    assertEquals([leechers, length4], [400, 54]);
    assertEquals(commits <= 20, true, `${commits} commits`);
    await store.close();
  },
});

Deno.test({
  name: hasKv
    ? "a swarm whose writing failed is read again"
    : "KvSwarmStore failures (skipped: needs --unstable-kv)",
  ignore: !hasKv,
  async fn() {
    const inner = await Deno.openKv(":memory:");
    let isBroken = false;
    const store = new KvSwarmStore({
      kv: {
        get: (key) => inner.get(key),
        atomic() {
          if (isBroken) throw new Error("no disk");
          return inner.atomic();
        },
        list: (selector, options) => inner.list(selector, options),
        close: () => inner.close(),
      },
      wallClock: () => 1_700_000_000_000,
      random: seededRandom(1),
    });
    const say = sayer(store);
    await Promise.all(
      Array.from({ length: 150 }, (_, n) => say(n, 1, { ip0: n << 12 })),
    );
    isBroken = true;
    await assertRejects(() => say(200, 1, { ip0: 200 << 12 }), Error, "disk");
    isBroken = false;
    assertEquals((await say(0, 1, { ip0: 0 })).leechers, 150);
    await store.close();
  },
});
