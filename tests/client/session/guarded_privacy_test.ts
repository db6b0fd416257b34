import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Session } from "../../../client/session.ts";
import { GuardedPrivacy } from "../../../client/session/guarded_privacy.ts";
import { HttpTrackerClient } from "../../../htracker/mod.ts";
import { UdpTrackerClient, UdpTrackerServer } from "../../../utracker/mod.ts";
import { identifyPeerId, parseProxyUrl } from "../../../handshake/mod.ts";
import { SocksProxy } from "../../support/socks_proxy.ts";

const loopback = {
  permissions: { net: ["127.0.0.1", "0.0.0.0", "tracker.example"] },
};
const REQUEST = {
  infoHash: new Uint8Array(20),
  peerId: new Uint8Array(20),
  port: 1,
  uploaded: 0,
  downloaded: 0,
  left: 1,
};

Deno.test(
  "trackers are asked through SOCKS 5, and no name is looked up here",
  loopback,
  async () => {
    await using socks = new SocksProxy({ login: "user:pass" });
    const privacy = new GuardedPrivacy({ proxy: parseProxyUrl(socks.url) });
    const agents: (string | null)[] = [];
    await using web = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => {
        agents.push(request.headers.get("user-agent"));
        return new Response("d8:intervali900e5:peers0:e");
      },
    );
    await using http = new HttpTrackerClient(privacy.httpTrackers());
    const { port } = web.addr;
    await http.announce(`http://127.0.0.1:${port}/announce`, REQUEST);
    assertEquals(socks.requests, [`connect 127.0.0.1:${port}`]);
    // The built-in fetch would look this one up.
    await http.announce(`http://tracker.example:${port}/announce`, REQUEST);
    assertEquals(socks.requests[1], `connect tracker.example:${port}`);
    await using server = await UdpTrackerServer.open({
      listen: { hostname: "127.0.0.1", port: 0 },
    });
    const udpPort = server.locals[0]!.port;
    await using udp = new UdpTrackerClient(privacy.udpTrackers());
    const answer = await udp.announce(
      `udp://tracker.example:${udpPort}/announce`,
      REQUEST,
    );
    assert(answer.intervalMs > 0);
    assert(socks.requests.includes(`datagram tracker.example:${udpPort}`));
    privacy.close();
    assertMatch(agents[0]!, /^bip/);
  },
);

Deno.test(
  "an HTTP proxy leaves out what it cannot carry",
  loopback,
  async () => {
    const proxy = parseProxyUrl("http://127.0.0.1:9");
    const { options, tellsPort, ...rest } = new GuardedPrivacy({
      proxy,
      dht: {},
      lpd: {},
    });
    assertEquals([options.dht, options.lpd, tellsPort], [false, false, false]);
    assert(rest.resolveWeb !== undefined);
    const only = new GuardedPrivacy({
      proxy,
      proxyFor: ["trackers"],
      dht: {},
      lpd: {},
    });
    assertEquals([only.options.dht, only.options.lpd], [{}, {}]);
    assert(only.tellsPort && only.options.transports === undefined);
    await using udp = new UdpTrackerClient(only.udpTrackers());
    const error = await udp.announce("udp://tracker.example:1", REQUEST)
      .catch((error) => error);
    assertMatch(error.message, /an HTTP proxy carries no datagrams/);
  },
);

Deno.test(
  "a proxy carries uTP by SOCKS 5, while nothing is listened on",
  loopback,
  async () => {
    await using socks = new SocksProxy();
    const proxy = parseProxyUrl(socks.url);
    const { options, peers, tellsPort } = new GuardedPrivacy({ proxy });
    assertEquals([options.listen, tellsPort], [false, false]);
    using socket = await peers.openSocket!({});
    const to = { hostname: "127.0.0.1", port: 9 };
    await socket.send(Uint8Array.of(1), to);
    assertEquals(socks.requests[0], "associate 0.0.0.0:0");
    const listen = { hostname: "127.0.0.1", port: 0 };
    assertEquals(
      new GuardedPrivacy({ proxy, listen }).peers.openSocket,
      undefined,
    );
    const http = parseProxyUrl("http://127.0.0.1:9");
    assertEquals(
      new GuardedPrivacy({ proxy: http }).peers.openSocket,
      undefined,
    );
    const web = new GuardedPrivacy({ proxy, proxyFor: ["web"] });
    assertEquals([web.options.listen, web.tellsPort], [undefined, true]);
    assert(web.peers.openSocket !== undefined);
  },
);

Deno.test("without a proxy nothing changes", loopback, () => {
  const chosen = { dht: {}, lpd: {} };
  const privacy = new GuardedPrivacy(chosen);
  assertEquals(privacy.options, { ...chosen, fetch: undefined });
  assert(privacy.tellsPort);
  assertEquals(Object.values(privacy.httpTrackers()), [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(privacy.udpTrackers(), {});
});

Deno.test(
  "anonymous: no client, no version, no local discovery",
  loopback,
  async () => {
    const { options, userAgent } = new GuardedPrivacy({
      anonymous: true,
      lpd: {},
      portMap: {},
      dht: {},
    });
    assertEquals([options.lpd, options.portMap], [false, false]);
    assertEquals(options.clientVersion, "");
    assert(options.dht && options.dht.version!.length === 0);
    assertEquals(userAgent!.includes("bip"), false);
    const listen = { hostname: "127.0.0.1", port: 0 };
    await using named = await Session.open({ listen });
    await using session = await Session.open({ listen, anonymous: true });
    assertEquals(identifyPeerId(named.peerId)?.name !== undefined, true);
    assertEquals(identifyPeerId(session.peerId)?.name, undefined);
  },
);

Deno.test(
  "bound, UDP trackers are asked from the address of their IP version",
  {
    permissions: { net: ["127.0.0.1"], sys: ["networkInterfaces"] },
  },
  async () => {
    const privacy = new GuardedPrivacy({ bind: "127.0.0.1" });
    const { openSocket } = privacy.udpTrackers();
    using socket = await openSocket!(4);
    assertEquals(socket.local.hostname, "127.0.0.1");
    await assertRejects(() => openSocket!(6), Error, "no IPv6 address");
    privacy.close();
  },
);
