import { assertEquals, assertThrows } from "@std/assert";
import { decodeBencode } from "../../bencode/mod.ts";
import {
  createHttpTrackerHandler,
  HttpTrackerClient,
  type HttpTrackerHandlerOptions,
} from "../../htracker/mod.ts";
import { SwarmService, SwarmTable } from "../../tracker/mod.ts";
import { REQUEST } from "../support/announce.ts";

function serviceOf(): SwarmService {
  return new SwarmService({ store: new SwarmTable() });
}

/** What a client at 203.0.113.1 is told its address is. */
async function addressSeen(
  options: Partial<HttpTrackerHandlerOptions>,
  headers: Record<string, string>,
): Promise<unknown> {
  const handler = createHttpTrackerHandler({
    service: serviceOf(),
    ...options,
  });
  const query = `info_hash=${"a".repeat(20)}&peer_id=${"b".repeat(20)}`;
  const response = await handler(
    new Request(`http://localhost/announce?${query}&port=1&left=1`, {
      headers,
    }),
    { remoteAddr: { hostname: "203.0.113.1" } },
  );
  const answer = decodeBencode(new Uint8Array(await response.arrayBuffer()));
  const ip = (answer as Map<string, unknown>).get("external ip");
  return ip === undefined ? response.status : String(ip);
}

Deno.test({
  name: "a site answers announces and scrapes below its base path",
  permissions: { net: ["127.0.0.1"] },
  async fn() {
    const service = serviceOf();
    const handler = createHttpTrackerHandler({ service, basePath: "/bt/" });
    await using site = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      handler,
    );
    const base = `http://127.0.0.1:${site.addr.port}`;
    await using client = new HttpTrackerClient();
    await client.announce(`${base}/bt/announce`, REQUEST);
    const { peers, leechers } = await client.announce(
      `${base}/bt/passkey/announce?x=1`,
      { ...REQUEST, port: 7 },
    );
    assertEquals(peers, [{ hostname: "127.0.0.1", port: 6881 }]);
    assertEquals(leechers, 2);
    const infoHash = new Uint8Array(20).map((_, i) => 0xff - 13 * i);
    await client.announce(`${base}/bt/announce`, { ...REQUEST, infoHash });
    const found = await client.scrape(`${base}/bt/announce`, [infoHash]);
    assertEquals(found.get(infoHash.toHex())?.leechers, 1);
    for (
      const [path, method, status] of [
        ["/announce", "GET", 404],
        ["/btannounce", "GET", 404],
        ["/scrape", "GET", 404],
        ["/bt/other", "GET", 404],
        ["/bt/announce", "POST", 405],
        ["/bt/announce", "HEAD", 200],
      ] as const
    ) {
      const response = await fetch(base + path, { method });
      await response.body?.cancel();
      assertEquals([path, response.status], [path, status]);
      assertEquals(response.headers.get("content-type"), "text/plain");
    }
    assertEquals((await service.stats()).announces, 3);
  },
});

Deno.test({
  name: "a proxy's header counts if it is named, and of it the last address",
  permissions: "none",
  async fn() {
    const named = { proxyHeader: "X-Forwarded-For" };
    const seen = (value: string) =>
      addressSeen(named, { "x-forwarded-for": value });
    const forged = { "x-forwarded-for": "9.9.9.9" };
    assertEquals(await addressSeen({}, forged), "203,0,113,1");
    assertEquals(await addressSeen(named, { forwarded: "x" }), "203,0,113,1");
    assertEquals(await seen("9.9.9.9"), "9,9,9,9");
    assertEquals(await seen("9.9.9.9, 8.8.8.8"), "8,8,8,8");
    assertEquals(await seen("8.8.8.8:1234"), "8,8,8,8");
    assertEquals(await seen("[2600::1]:1234"), await seen("2600::1"));
    assertEquals(await seen("[2600::1]"), "38,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1");
    assertEquals(await seen("::ffff:8.8.8.8"), "8,8,8,8");
    assertEquals(await seen("unknown"), 500);
  },
});

Deno.test({
  name: "a base path begins with a slash",
  permissions: "none",
  fn() {
    assertThrows(
      () =>
        createHttpTrackerHandler({ service: serviceOf(), basePath: "tracker" }),
      TypeError,
    );
  },
});

Deno.test({
  name: "a handler lets peers go that are not heard of, while it is asked",
  permissions: "none",
  async fn() {
    let expired = 0;
    const table = new SwarmTable();
    const service = new SwarmService({
      store: {
        announce: (request, now) => table.announce(request, now),
        scrape: (infoHash, offset) => table.scrape(infoHash, offset),
        expire: () => void expired++,
        stats: () => table.stats(),
        close() {},
      },
    });
    let now = 5;
    const clock = { now: () => now, schedule: () => () => {} };
    const handler = createHttpTrackerHandler({ service, clock });
    const ask = () =>
      handler(new Request("http://localhost/scrape"), {
        remoteAddr: { hostname: "127.0.0.1" },
      });
    await ask();
    now = 1004;
    await ask();
    assertEquals(expired, 0);
    now = 1005;
    await ask();
    await ask();
    assertEquals(expired, 1);
  },
});
