import { assert, assertEquals, assertThrows } from "@std/assert";
import { seededRandom } from "../../_shared/random.ts";
import { newSwarmAnnounce } from "../../tracker/swarm_store.ts";
import { SwarmTable } from "../../tracker/swarm_table.ts";
import { testSwarmStore } from "../../testing/swarm_store_compliance.ts";

const permissions = "none";

testSwarmStore("SwarmTable", (limits = {}) => {
  let now = 0;
  return Promise.resolve({
    store: new SwarmTable({ random: seededRandom(1), ...limits }),
    now: () => now,
    advance: (ms) => now += ms,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

/** Announces `n` of torrent `torrent`; returns the answer. */
function announcer(table: SwarmTable) {
  const request = newSwarmAnnounce();
  const hash = request.infoHash;
  return (
    torrent: number,
    ip: number,
    port: number,
    now: number,
    numWant = 0,
  ) => {
    for (let i = 0; i < 4; i++) hash[i] = torrent >>> (8 * i);
    request.ip0 = ip;
    request.port = port;
    request.seed = (ip & 3) === 0;
    request.numWant = numWant;
    return table.announce(request, now);
  };
}

Deno.test({
  name: "a flood of random torrents displaces itself, not honest swarms",
  permissions,
  fn() {
    for (const limits of [{ maxPeers: 2000 }, { maxTorrents: 1000 }]) {
      const table = new SwarmTable({ random: seededRandom(2), ...limits });
      const announce = announcer(table);
      for (let n = 0; n < 800; n++) announce(n % 100, 0x0a000000 + n, 5, 0);
      for (let n = 0; n < 100_000; n++) {
        announce(1000 + n, 0x01020304, 1 + n % 65535, 1000 + n / 100);
        const { torrents, peers4 } = table.stats();
        assert(peers4 <= (limits.maxPeers ?? Infinity));
        assert(torrents <= (limits.maxTorrents ?? Infinity));
      }
      let honest = 0;
      for (let torrent = 0; torrent < 100; torrent++) {
        const hash = new Uint8Array(20);
        hash[0] = torrent;
        const { seeders, leechers } = table.scrape(hash, 0);
        honest += seeders + leechers;
      }
      assert(honest >= 790, `${honest} of 800 honest peers are left`);
      assert(table.stats().evicted > 90_000);
    }
  },
});

Deno.test({
  name: "one address cannot take a torrent over",
  permissions,
  fn() {
    const table = new SwarmTable({
      random: seededRandom(3),
      maxPeersPerTorrent: 200,
    });
    const announce = announcer(table);
    for (let n = 0; n < 100; n++) announce(1, 0x0a000000 + n, 5, 0);
    for (let port = 1; port < 20_000; port++) announce(1, 0x01020304, port, 0);
    const answer = announce(1, 0x0a000000, 5, 0, 200);
    let honest = 0;
    for (let at = 0; at < answer.length4; at += 6) {
      if (answer.peers4[at] === 10) honest++;
    }
    assert(honest >= 97, `${honest} of 99 honest peers are left`);
  },
});

Deno.test({
  name: "a million peers of 100,000 torrents take less than 200 MiB",
  permissions,
  fn() {
    const table = new SwarmTable({ random: seededRandom(4) });
    const announce = announcer(table);
    for (let n = 0; n < 1_000_000; n++) {
      // Scattered: every torrent grows in small steps.
      announce(n * 7919 % 100_000, 0x0a000000 + n, 1 + n % 65535, n / 1000);
    }
    const { torrents, peers4, evicted, bytes } = table.stats();
    assertEquals([torrents, peers4, evicted], [100_000, 1_000_000, 0]);
    assert(bytes! < 200 * 2 ** 20, `${bytes} bytes`);
    // And all of it can be let go.
    for (let i = 0; i < 130; i++) table.expire(10_000_000 + 1000 * i);
    assertEquals(table.size, 0);
    assertEquals(table.stats().torrents, 0);
    for (let n = 0; n < 1000; n++) announce(n, n + 1, 1, 10_200_000);
    assertEquals(table.size, 1000);
  },
});

Deno.test({
  name: "swarms of ever other sizes do not make the table grow",
  permissions,
  fn() {
    const maxPeers = 20_000;
    const table = new SwarmTable({
      random: seededRandom(5),
      maxPeers,
      peerLifeMs: 60_000,
    });
    const announce = announcer(table);
    const sizes: number[] = [];
    for (let order = 0; order < 10; order++) {
      const now = 1_000_000 * order;
      // All that was there has expired.
      for (let i = 0; i < 130; i++) table.expire(now + 1000 * i);
      assertEquals(table.size, 0);
      const size = 1 << order;
      for (let n = 0; n < maxPeers; n++) {
        const torrent = Math.trunc(n / size) + maxPeers * order;
        announce(torrent, 0x0a000000 + n, 1 + n % 65535, now + 130_000);
      }
      assertEquals(table.size, maxPeers);
      sizes.push(table.stats().bytes!);
      // Nobody was lost or mixed up on the way.
      const { length4, leechers, seeders } = announce(
        maxPeers * order,
        0x0a000000,
        1,
        now + 130_000,
        200,
      );
      assertEquals(leechers + seeders, size);
      assertEquals(length4, 6 * Math.min(200, size - 1));
    }
    assert(Math.max(...sizes) < 1.6 * sizes[0]!, `${sizes}`);
  },
});

Deno.test({
  name: "limits that make no sense are refused",
  permissions,
  fn() {
    for (const maxPeers of [0, -1, NaN, 2 ** 31]) {
      assertThrows(
        () => new SwarmTable({ random: seededRandom(1), maxPeers }),
        RangeError,
      );
    }
  },
});
