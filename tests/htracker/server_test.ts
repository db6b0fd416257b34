import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../_shared/clock.ts";
import { decodeBencode, encodeBencode } from "../../bencode/mod.ts";
import {
  InfoHashList,
  SwarmService,
  type SwarmStore,
} from "../../tracker/mod.ts";
import {
  HttpTrackerClient,
  HttpTrackerServer,
  type HttpTrackerServerOptions,
  TrackerError,
} from "../../htracker/mod.ts";
import { REQUEST } from "../support/announce.ts";

const permissions: Deno.PermissionOptions = { net: ["127.0.0.1", "[::1]"] };
function serve(options: HttpTrackerServerOptions = {}): HttpTrackerServer {
  return HttpTrackerServer.open({
    listen: { hostname: "127.0.0.1", port: 0 },
    ...options,
  });
}

Deno.test({
  name: "client and server: announces and scrapes over loopback",
  permissions,
  async fn() {
    await using server = serve();
    await using client = new HttpTrackerClient();
    const first = await client.announce(server.url, {
      ...REQUEST,
      event: "started",
    });
    assertEquals([first.leechers, first.peers], [1, []]);
    assertEquals(first.intervalMs, 1_800_000);
    assertEquals(first.minIntervalMs, 60_000);
    assertEquals(first.externalIp, undefined, "loopback is nobody's address");
    const done = await client.announce(server.url, {
      ...REQUEST,
      port: 7,
      left: 0,
      event: "completed",
    });
    assertEquals(done.peers, [{ hostname: "127.0.0.1", port: 6881 }]);
    assertEquals([done.seeders, done.leechers, done.downloads], [1, 1, 1]);
    const found = await client.scrape(
      server.url,
      Array.from({ length: 60 }, (_, i) => new Uint8Array(20).fill(i)),
    );
    assertEquals(found.size, 60);
    assertEquals(found.get("01".repeat(20)), {
      seeders: 1,
      leechers: 1,
      downloads: 1,
    });
    await client.announce(server.url, { ...REQUEST, event: "stopped" });
    const passkey = server.url.replace("/announce", "/key/announce.php?x=1");
    const { leechers } = await client.announce(passkey, {
      ...REQUEST,
      port: 7,
      left: 0,
    });
    assertEquals(leechers, 0);
    assertEquals(server.stats(), {
      announces: 4,
      scrapes: 2,
      refused: 0,
      failures: 0,
      overloaded: 0,
    });
  },
});

Deno.test({
  name: "peers of both families, in both forms; the ip field is ignored",
  permissions,
  async fn() {
    let address = "203.0.113.7";
    await using server = serve({ proxyHeader: "X-Forwarded-For" });
    const ask = async (port: number, more = "") => {
      const response = await fetch(
        `${server.url}?info_hash=${"a".repeat(20)}&peer_id=${
          "b".repeat(20)
        }&port=${port}&left=1${more}`,
        { headers: { "x-forwarded-for": `6.6.6.6, ${address}` } },
      );
      assertEquals(response.status, 200);
      return decodeBencode(new Uint8Array(await response.arrayBuffer())) as Map<
        string,
        unknown
      >;
    };
    await ask(1, "&ip=9.9.9.9");
    address = "2001:db8::5";
    const six = await ask(2);
    assertEquals(six.get("peers"), new Uint8Array([203, 0, 113, 7, 0, 1]));
    assertEquals(six.get("peers6"), undefined);
    assertEquals((six.get("external ip") as Uint8Array).length, 16);
    address = "::ffff:203.0.113.8";
    const both = await ask(3);
    assertEquals((both.get("peers") as Uint8Array).length, 6);
    assertEquals((both.get("peers6") as Uint8Array).length, 18);
    assertEquals(both.get("external ip"), new Uint8Array([203, 0, 113, 8]));
    const long = await ask(3, "&compact=0");
    assertEquals(
      long.get("peers"),
      decodeBencode(encodeBencode([
        { ip: "203.0.113.7", "peer id": "b".repeat(20), port: 1 },
        { ip: "2001:db8::5", "peer id": "b".repeat(20), port: 2 },
      ])) as unknown,
    );
    const withoutIds = await ask(3, "&compact=0&no_peer_id=1&event=what&left=");
    assertEquals(
      withoutIds.get("peers"),
      decodeBencode(encodeBencode([
        { ip: "203.0.113.7", port: 1 },
        { ip: "2001:db8::5", port: 2 },
      ])) as unknown,
    );
    assertEquals((await ask(3, "&numwant=0")).get("peers"), new Uint8Array(0));
  },
});

Deno.test({
  name: "what is not understood or not allowed is refused with a reason",
  permissions,
  async fn() {
    await using server = serve();
    await using client = new HttpTrackerClient();
    server.service.deny = new InfoHashList([REQUEST.infoHash]);
    const error = await assertRejects(
      () => client.announce(server.url, REQUEST),
      TrackerError,
    );
    assertEquals(
      [error.code, error.message, error.retryInMs],
      ["refused", "Torrent not served", Infinity],
    );
    server.service.deny = undefined;
    const text = async (path: string, init?: RequestInit) => {
      const response = await fetch(
        server.url.replace("/announce", path),
        init,
      );
      return `${response.status} ${await response.text()}`;
    };
    assertEquals(
      await text("/announce"),
      "200 d14:failure reason28:info_hash must have 20 bytes8:retry in5:nevere",
    );
    assert((await text("/scrape?x")).includes("info_hash is missing"));
    assert((await text("/")).startsWith("404"));
    assert((await text("/announce?" + "x".repeat(9000))).includes("longer"));
    assert((await text("/announce", { method: "POST" })).startsWith("405"));
    assertEquals(server.stats().refused, 6);
  },
});

Deno.test({
  name: "a store that fails costs an answer, not the tracker",
  permissions,
  async fn() {
    const broken: SwarmStore = {
      announce: () => Promise.reject(new Error("no disk")),
      scrape: () => {
        throw new Error("no disk");
      },
      expire: () => Promise.reject(new Error("no disk")),
      stats: () => ({
        torrents: 0,
        seeders: 0,
        leechers: 0,
        peers4: 0,
        peers6: 0,
        evicted: 0,
      }),
      close() {},
    };
    const service = new SwarmService({ store: broken });
    await using server = serve({ service });
    await using client = new HttpTrackerClient();
    for (
      const ask of [
        () => client.announce(server.url, REQUEST),
        () => client.scrape(server.url, [REQUEST.infoHash]),
      ]
    ) {
      const error = await assertRejects(ask, TrackerError);
      assertEquals([error.code, error.retryInMs], ["refused", 300_000]);
    }
    await service.expire(0);
    assertEquals((await service.stats()).failures, 3);
    assertEquals(server.stats().failures, 2);
  },
});

Deno.test({
  name: "more requests than a store can take are turned away",
  permissions,
  async fn() {
    let release = () => {};
    let asked = 0;
    const gate = new Promise<void>((resolve) => release = resolve);
    const service = new SwarmService({
      store: {
        announce: async () => {
          asked++;
          await gate;
          const none = new Uint8Array(0);
          const peers = { peers4: none, length4: 0, peers6: none, length6: 0 };
          return { seeders: 3, leechers: 0, downloads: 0, ...peers };
        },
        scrape: () => ({ seeders: 0, leechers: 0, downloads: 0 }),
        expire: () => {},
        stats: () => ({
          torrents: 0,
          seeders: 0,
          leechers: 0,
          peers4: 0,
          peers6: 0,
          evicted: 0,
        }),
        close: () => {},
      },
    });
    await using server = serve({ service, maxWaiting: 2 });
    await using client = new HttpTrackerClient();
    const answers = Array.from(
      { length: 3 },
      () =>
        client.announce(server.url, REQUEST).then(
          ({ seeders }) => seeders,
          ({ message, retryInMs }) => `${message} ${retryInMs}`,
        ),
    );
    assertEquals(
      await Promise.race(answers),
      "The tracker is overloaded 300000",
    );
    // Nor does such a store hold up the end.
    await using other = serve({
      service,
      clock: {
        now: systemClock.now,
        schedule: (_, callback) =>
          systemClock.schedule(systemClock.now() + 50, callback),
      },
    });
    const left = client.announce(other.url, REQUEST).catch(({ code }) => code);
    while (asked < 3) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await other.close();
    assertEquals(await left, "refused");
    release();
    const all = await Promise.all(answers);
    assertEquals(all.filter((answer) => answer === 3).length, 2);
    assertEquals(server.stats().overloaded, 1);
  },
});

Deno.test({
  name: "a server is closed by its signal, once",
  permissions,
  async fn() {
    const controller = new AbortController();
    const server = serve({ signal: controller.signal });
    const { url } = server;
    controller.abort();
    await server.close();
    await server.close();
    await using client = new HttpTrackerClient();
    const error = await assertRejects(
      () => client.announce(url, REQUEST),
      TrackerError,
    );
    assertEquals(error.code, "unreachable");
    await assertRejects(() =>
      Promise.resolve().then(() => serve({ signal: controller.signal }))
    );
  },
});
