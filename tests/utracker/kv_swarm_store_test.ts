import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../_shared/random.ts";
import { newSwarmAnnounce } from "../../_shared/swarm_store.ts";
import { KvSwarmStore } from "../../utracker/mod.ts";
import { TempDir } from "../support/paths.ts";
import { testSwarmStore } from "../support/swarm_compliance.ts";

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
    a.close();
    b.close();
    const c = await open();
    const answer = await c.announce(say(3));
    assertEquals(answer.length4, 12);
    assertEquals(answer.leechers, 3);
    c.close();
  },
});

Deno.test({
  name: hasKv
    ? "a database at its cap takes no new peer and serves those it has"
    : "KvSwarmStore caps (skipped: needs --unstable-kv)",
  ignore: !hasKv,
  async fn() {
    const store = new KvSwarmStore({
      kv: await Deno.openKv(":memory:"),
      wallClock: Date.now,
      random: seededRandom(1),
      maxPeers: 20,
    });
    for (let n = 1; n <= 60; n++) {
      await store.announce({
        ...newSwarmAnnounce(),
        infoHash: new Uint8Array(20).fill(n % 30),
        ip0: n,
        port: n,
      });
    }
    const stats = await store.stats();
    assert(stats.peers4 <= 20, `${stats.peers4}`);
    assertEquals(stats.evicted, 40);
    const known = await store.scrape(new Uint8Array(20).fill(1), 0);
    assertEquals(known.leechers, 1);
    store.close();
  },
});
