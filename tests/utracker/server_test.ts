import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../_shared/clock.ts";
import { seededRandom } from "../../_shared/random.ts";
import {
  formatPrometheus,
  KvSwarmStore,
  SwarmService,
  type SwarmStore,
  SwarmTable,
  TrackerStatsServer,
} from "../../tracker/mod.ts";
import {
  TrackerError,
  UdpTrackerClient,
  UdpTrackerServer,
} from "../../utracker/mod.ts";
import type { Clock } from "../../_shared/clock.ts";
import { REQUEST } from "../support/announce.ts";

const permissions: Deno.PermissionOptions = {
  net: ["127.0.0.1", "0.0.0.0", "[::1]", "[::]", "localhost"],
};
const LOOPBACK = { hostname: "127.0.0.1", port: 0 };
const urlOf = (server: UdpTrackerServer, host = "127.0.0.1") =>
  `udp://${host}:${server.locals[0]!.port}/announce`;

function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test({
  name:
    "client and server over loopback: announces, a large scrape, a thousand at once",
  permissions,
  async fn() {
    await using server = await UdpTrackerServer.open({ listen: LOOPBACK });
    await using client = new UdpTrackerClient({ timeoutMs: 20_000 });
    const url = urlOf(server);
    const first = await client.announce(url, { ...REQUEST, event: "started" });
    assertEquals([first.leechers, first.peers], [1, []]);
    const second = await client.announce(url, { ...REQUEST, port: 7, left: 0 });
    assertEquals(second.peers, [{ hostname: "127.0.0.1", port: 6881 }]);
    assertEquals([second.seeders, second.intervalMs], [1, 1_800_000]);
    const infoHashes = Array.from(
      { length: 74 * 2 + 1 },
      (_, i) => new Uint8Array(20).fill(i),
    );
    const scraped = await client.scrape(url, infoHashes);
    assertEquals(scraped.size, 149);
    assertEquals(scraped.get("01".repeat(20)), {
      seeders: 1,
      leechers: 1,
      downloads: 0,
    });
    const answers = await Promise.all(
      Array.from(
        { length: 1000 },
        // An address may have 32 peers of a torrent.
        (_, i) =>
          client.announce(url, {
            ...REQUEST,
            infoHash: new Uint8Array(20).fill(100 + (i >> 5)),
            port: 1000 + i,
          }),
      ),
    );
    assertEquals(answers.length, 1000);
    const stats = server.stats();
    assertEquals(stats.connects, 1, "one connection id served all");
    assert(stats.announces >= 1002 && stats.received === stats.sent);
    assertEquals((await server.service!.stats()).swarms.leechers, 1001);
  },
});

Deno.test({
  name: hasIpv6()
    ? "a name with addresses of both families is asked over both"
    : "a name with addresses of both families (skipped: no IPv6 here)",
  ignore: !hasIpv6(),
  permissions,
  async fn() {
    await using four = await UdpTrackerServer.open({ listen: LOOPBACK });
    const { port } = four.locals[0]!;
    await using six = await UdpTrackerServer.open({
      listen: { hostname: "::1", port },
      service: four.service,
    });
    await using client = new UdpTrackerClient({
      timeoutMs: 10_000,
      resolve: () => Promise.resolve(["127.0.0.1", "::1", "127.0.0.2"]),
    });
    const url = urlOf(four, "both.example");
    await client.announce(url, REQUEST);
    const { peers, leechers } = await client.announce(url, {
      ...REQUEST,
      port: 7,
    });
    assertEquals(leechers, 4);
    assertEquals(peers, [
      { hostname: "127.0.0.1", port: 6881 },
      { hostname: "::1", port: 6881 },
    ]);
    assertEquals(six.stats().announces, 2);
    // One of the two does not answer: the other is enough.
    await six.close();
    assertEquals((await client.announce(url, REQUEST)).peers.length, 1);
    assertEquals((await client.scrape(url, [REQUEST.infoHash])).size, 1);
  },
});

Deno.test({
  name: "the client says what is wrong with a tracker",
  permissions,
  async fn() {
    const silent = await import("node:dgram").then(({ createSocket }) => {
      const socket = createSocket("udp4");
      return new Promise<typeof socket>((resolve) =>
        socket.bind(0, "127.0.0.1", () => resolve(socket))
      );
    });
    const url = `udp://127.0.0.1:${silent.address().port}`;
    await using client = new UdpTrackerClient({
      timeoutMs: 100,
      resolve: (name) =>
        name === "empty.example"
          ? Promise.resolve([])
          : Promise.reject(new Error("no such name")),
    });
    const code = async (promise: Promise<unknown>) =>
      (await assertRejects(() => promise, TrackerError)).code;
    assertEquals(await code(client.announce(url, REQUEST)), "timeout");
    assertEquals(
      await code(client.scrape(url, [REQUEST.infoHash])),
      "timeout",
    );
    for (const name of ["empty.example", "none.example"]) {
      assertEquals(
        await code(client.announce(`udp://${name}:1`, REQUEST)),
        "unreachable",
      );
    }
    assertEquals(
      await code(client.announce("udp://none.example", REQUEST)),
      "invalid-url",
    );
    await assertRejects(
      () => client.announce(url, { ...REQUEST, infoHash: new Uint8Array(1) }),
      RangeError,
    );
    for (
      const host of [
        "239.192.152.143",
        "255.255.255.255",
        "0.0.0.0",
        "[ff02::1]",
      ]
    ) {
      const target = `udp://${host}:6771/announce`;
      assertEquals(
        await code(client.announce(target, REQUEST)),
        "forbidden-target",
      );
      assertEquals(
        await code(client.scrape(target, [REQUEST.infoHash])),
        "forbidden-target",
      );
    }
    const controller = new AbortController();
    const aborted = client.announce(url, REQUEST, {
      signal: controller.signal,
    });
    controller.abort("enough");
    assertEquals(await aborted.catch((reason) => reason), "enough");
    const pending = code(client.announce(url, REQUEST));
    const closing = client.close();
    assert(client.close() === closing);
    await closing;
    assertEquals(await pending, "closed");
    assertEquals(await code(client.announce(url, REQUEST)), "closed");
    assertEquals(client.stats().pending, 0);
    silent.close();
  },
});

Deno.test({
  name: "the server answers by a handler, and by a store that takes time",
  permissions,
  async fn() {
    await using client = new UdpTrackerClient({ timeoutMs: 10_000 });
    await using handled = await UdpTrackerServer.open({
      listen: LOOPBACK,
      handler: {
        announce: ({ urlData }, { hostname }) =>
          urlData === "/announce" && hostname === "127.0.0.1"
            ? { interval: 100, seeders: 1, leechers: 2, peers: [] }
            : "not you",
        scrape: () => undefined,
      },
    });
    const { intervalMs } = await client.announce(urlOf(handled), REQUEST);
    assertEquals(intervalMs, 100_000);
    assertEquals(handled.service, undefined);
    const refused = await assertRejects(
      () => client.announce(urlOf(handled) + "?x", REQUEST),
      TrackerError,
    );
    assertEquals([refused.code, refused.message], ["refused", "not you"]);

    if (!("openKv" in Deno)) return;
    const store = new KvSwarmStore({
      kv: await Deno.openKv(":memory:"),
      wallClock: Date.now,
      random: seededRandom(1),
    });
    const slow = await UdpTrackerServer.open({
      listen: LOOPBACK,
      service: new SwarmService({ store }),
    });
    await Promise.all(
      Array.from(
        { length: 20 },
        (_, i) => client.announce(urlOf(slow), { ...REQUEST, port: i + 1 }),
      ),
    );
    const { leechers, peers } = await client.announce(urlOf(slow), REQUEST);
    assertEquals([leechers, peers.length], [21, 20]);
    const found = await client.scrape(urlOf(slow), [REQUEST.infoHash]);
    assertEquals(found.get("01".repeat(20))?.leechers, 21);
    await slow.close();
    store.close();
  },
});

Deno.test({
  name: "a store that is behind costs answers, and does not hold up the end",
  permissions,
  async fn() {
    const { now } = systemClock;
    const hurried: Clock = {
      now,
      schedule: (at, callback) =>
        systemClock.schedule(now() + (at - now()) / 50, callback),
    };
    let asked = 0;
    const table = new SwarmTable({ random: seededRandom(1) });
    const store: SwarmStore = {
      announce: (request, now) => table.announce(request, now),
      scrape: () => {
        asked++;
        return new Promise(() => {});
      },
      expire: () => {},
      stats: () => table.stats(),
      close: () => {},
    };
    const server = await UdpTrackerServer.open({
      listen: LOOPBACK,
      service: new SwarmService({ store }),
      clock: hurried,
    });
    await using client = new UdpTrackerClient({ timeoutMs: 500 });
    const hashes = Array.from(
      { length: 20 * 74 },
      () => new Uint8Array(20).fill(1),
    );
    await assertRejects(
      () => client.scrape(urlOf(server), hashes),
      TrackerError,
    );
    // 13 of 74 each; the others are dropped before anything is asked.
    assertEquals(asked, 13 * 74);
    assertEquals(server.stats().overloaded, 7);
    const start = now();
    await server.close();
    assert(now() - start < 2000);
  },
});

Deno.test({
  name: "a server is closed by its signal, and a taken port is told",
  permissions,
  async fn() {
    const controller = new AbortController();
    const server = await UdpTrackerServer.open({
      listen: LOOPBACK,
      signal: controller.signal,
    });
    await assertRejects(() => UdpTrackerServer.open({ listen: server.locals }));
    controller.abort();
    await server.close();
    if ("listenDatagram" in Deno) {
      // With node:dgram the port is free only some time later.
      const again = await UdpTrackerServer.open({ listen: server.locals });
      await again.close();
    }
    await assertRejects(() =>
      UdpTrackerServer.open({ listen: LOOPBACK, signal: controller.signal })
    );
  },
});

Deno.test({
  name:
    "garbage and forgeries in the stream: the honest are served, nothing grows",
  permissions,
  async fn() {
    const service = new SwarmService({
      store: new SwarmTable({ random: seededRandom(1), maxPeers: 500 }),
    });
    await using server = await UdpTrackerServer.open({
      listen: LOOPBACK,
      service,
    });
    const { port } = server.locals[0]!;
    const { createSocket } = await import("node:dgram");
    const noise = createSocket("udp4");
    const random = seededRandom(9);
    let sending = true;
    const flood = (async () => {
      for (let i = 0; sending; i++) {
        const data = random(new Uint8Array(i % 120));
        if (data.length > 12 && i % 3) data.set([0, 0, 0, i % 3], 8);
        noise.send(data, port, "127.0.0.1");
        if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve));
      }
    })();
    await using client = new UdpTrackerClient({ timeoutMs: 60_000 });
    for (let n = 0; n < 40; n++) {
      await Promise.all(
        Array.from({ length: 25 }, (_, i) =>
          client.announce(urlOf(server), {
            ...REQUEST,
            infoHash: random(new Uint8Array(20)),
            port: 2000 + 25 * n + i,
          })),
      );
    }
    sending = false;
    await flood;
    noise.close();
    const { swarms, announces } = await service.stats();
    assert(announces >= 1000);
    assert(swarms.leechers <= 500);
    assert(server.stats().invalid + server.stats().badConnectionIds > 100);
  },
});

Deno.test({
  name: "figures are served as JSON and for Prometheus",
  permissions,
  async fn() {
    await using server = await UdpTrackerServer.open({ listen: LOOPBACK });
    await using figures = TrackerStatsServer.open({
      listen: LOOPBACK,
      read: async () => ({
        ...(await server.service!.stats() as unknown as Record<string, number>),
        udp: { ...server.stats() },
        http: undefined,
      }),
    });
    const base = `http://127.0.0.1:${figures.local.port}`;
    const json = await (await fetch(`${base}/stats`)).json();
    assertEquals(json.udp.received, 0);
    assertEquals(json.swarms.torrents, 0);
    const metrics = await fetch(`${base}/metrics`);
    assert(metrics.headers.get("content-type")!.startsWith("text/plain"));
    const text = await metrics.text();
    for (const line of text.trimEnd().split("\n")) {
      assert(
        /^(# (TYPE [a-z0-9_]+ (gauge|counter)|HELP .+\.)|[a-z0-9_]+ \d+)$/
          .test(line),
        line,
      );
    }
    assert(text.includes("\nbip_tracker_udp_bad_connection_ids_total 0\n"));
    // Figures that never come do not hold up the end.
    const slow = TrackerStatsServer.open({
      listen: LOOPBACK,
      read: () => new Promise(() => {}),
    });
    const { port } = slow.local;
    const pending = fetch(`http://127.0.0.1:${port}/stats`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await slow.close();
    const { status, body } = await pending;
    assertEquals(status, 500);
    await body?.cancel();
    const missing = await fetch(`${base}/x`);
    assertEquals(missing.status, 404);
    await missing.body?.cancel();
    assertEquals(
      formatPrometheus({ a: { bC: 1, d: undefined } }),
      "# HELP bip_tracker_a_b_c_total Counts a.bC.\n" +
        "# TYPE bip_tracker_a_b_c_total counter\nbip_tracker_a_b_c_total 1\n",
    );
  },
});
