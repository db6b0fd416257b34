import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../_shared/clock.ts";
import { openDatagramSocket } from "../../_shared/datagram.ts";
import {
  Handshaker,
  parseProxyUrl,
  proxyDatagrams,
  ProxyError,
  proxyTransport,
  tcpTransport,
} from "../../handshake/mod.ts";
import { SocksProxy } from "../support/socks_proxy.ts";

const loopback = { permissions: { net: ["127.0.0.1", "0.0.0.0"] } };

Deno.test(
  "proxyTransport() shakes hands through SOCKS 5",
  loopback,
  async () => {
    await using proxy = new SocksProxy({ login: "user:pass" });
    const infoHash = new Uint8Array(20).fill(7);
    await using bob = await Handshaker.open({
      listen: { hostname: "127.0.0.1", port: 0 },
    });
    bob.addTorrent(infoHash);
    await using alice = await Handshaker.open({
      transports: [proxyTransport(parseProxyUrl(proxy.url), tcpTransport)],
    });
    const { port } = bob.local!;
    const address = { hostname: "peer.example", port };
    const outcome = await alice.dial({ infoHash, address });
    assert(outcome.type === "connected");
    using _connection = outcome.connection;
    assertEquals(outcome.peerId, bob.peerId);
    assert(proxy.requests.includes(`connect peer.example:${port}`));
  },
);

Deno.test("a proxy's fault is none of the peer's", loopback, async () => {
  await using proxy = new SocksProxy({ login: "user:pass" });
  const dial = async (url: string, port: number) => {
    await using alice = await Handshaker.open({
      transports: [proxyTransport(parseProxyUrl(url), tcpTransport)],
      encryption: "off",
    });
    const outcome = await alice.dial({
      infoHash: new Uint8Array(20),
      address: { hostname: "127.0.0.1", port },
    });
    assert(outcome.type === "failed");
    assert(!`${outcome.error.message}`.includes("secret"));
    return [outcome.reason, outcome.fault];
  };
  const wrong = proxy.url.replace("user:pass", "user:secret");
  assertEquals(await dial(wrong, 9), ["proxy-failed", "local"]);
  using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr as Deno.NetAddr;
  free.close();
  assertEquals(await dial(proxy.url, port), ["connect-failed", "remote"]);
  const nobody = `socks5://user:secret@127.0.0.1:${port}`;
  assertEquals(await dial(nobody, 9), ["proxy-failed", "local"]);
});

Deno.test(
  "a proxy that says nothing ends with the signal",
  loopback,
  async () => {
    using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = silent.addr as Deno.NetAddr;
    const accepted = silent.accept();
    const through = proxyTransport(
      parseProxyUrl(`http://127.0.0.1:${port}`),
      tcpTransport,
    );
    const stop = new AbortController();
    const target = { hostname: "192.0.2.1", port: 1 };
    const dial = through.connect(target, { signal: stop.signal });
    using conn = await accepted;
    await conn.read(new Uint8Array(1000));
    stop.abort(new Error("enough"));
    await assertRejects(() => dial, Error, "enough");
    assertEquals(await conn.read(new Uint8Array(1)), null);
  },
);

Deno.test(
  "proxyDatagrams() through a relay, again after it ended",
  loopback,
  async () => {
    // Its relay's address is its own, whatever it says.
    await using proxy = new SocksProxy({ relayHost: [192, 0, 2, 1] });
    let now = 0;
    const clock = { ...systemClock, now: () => now };
    const open = proxyDatagrams(parseProxyUrl(proxy.url), {
      transport: tcpTransport,
      openSocket: openDatagramSocket,
      clock,
    });
    using echo = await openDatagramSocket({ hostname: "127.0.0.1" });
    const loop = (async () => {
      for (let got = await echo.receive(); got; got = await echo.receive()) {
        await echo.send(got.data, got.from);
      }
    })();
    using socket = await open({});
    const { port } = echo.local;
    await socket.send(Uint8Array.of(1), { hostname: "echo.example", port });
    const first = await socket.receive();
    assertEquals([...first!.data], [1]);
    assertEquals(first!.from, echo.local);
    assertEquals(proxy.requests, [
      "associate 0.0.0.0:0",
      `datagram echo.example:${port}`,
    ]);
    // Until the end of the relay is seen, datagrams are lost as on any network.
    proxy.drop();
    const gone = async () => {
      while (true) await socket.send(Uint8Array.of(2), echo.local);
    };
    await assertRejects(gone, ProxyError, "provides no UDP relay");
    now += 10_000;
    await socket.send(Uint8Array.of(3), echo.local);
    assertEquals([...(await socket.receive())!.data], [3]);
    const waiting = socket.receive();
    socket.close();
    assertEquals(await waiting, undefined);
    await assertRejects(() => socket.send(Uint8Array.of(4), echo.local));
    echo.close();
    await loop;
  },
);
