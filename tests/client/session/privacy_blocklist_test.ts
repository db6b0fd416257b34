import { assert, assertEquals, assertRejects } from "@std/assert";
import { Blocklist } from "../../../client/session/privacy.ts";
import { HandshakeFilters, IpSet } from "../../../handshake/mod.ts";
import { HttpTrackerClient } from "../../../htracker/mod.ts";
import { assertFiles, simTorrent, SwarmWorld } from "../../../testing/mod.ts";
import { UdpTrackerClient } from "../../../utracker/mod.ts";
import { TrackerError } from "../../../_shared/announce.ts";
import { openDatagramSocket } from "../../../_shared/datagram.ts";

const none = { permissions: "none" } as const;
const FILES = [["a.bin", 400_000]] as const;

Deno.test("blocked peers neither get in nor are dialled", none, async () => {
  const torrent = await simTorrent(FILES);
  await using world = new SwarmWorld({ seed: 3 });
  const seed = await world.seeder(torrent);
  const host = await world.host({
    blocklist: new IpSet([seed.address.hostname]),
    // Another filter's word does not count against the list's.
    filter: new HandshakeFilters({
      filters: [() => "allow"],
      precedence: "allow",
    }),
  });
  host.add(torrent, { peers: [seed.address] });
  seed.torrent.addPeers([host.address]);
  await world.clock.advance(60_000);
  assertEquals(host.torrent.stats().peers, 0);
  assertEquals(host.torrent.stats().candidates, 0);
  assert(host.session.stats().handshakes.failed.blocked! > 0);
  host.session.blocklist = undefined;
  host.torrent.addPeers([seed.address]);
  host.session.downloadLimit = 20_000;
  await world.clock.advance(5000);
  assertEquals(host.torrent.stats().peers, 1);
  host.session.blocklist = new IpSet([seed.address.hostname]);
  await world.clock.advance(1000);
  assertEquals(host.torrent.stats().peers, 0);
  host.session.blocklist = undefined;
  host.session.downloadLimit = Infinity;
  host.torrent.addPeers([seed.address]);
  await world.run(host.torrent.completed, 60_000);
  assertFiles(torrent, host.files);
});

Deno.test({
  name: "Blocklist - sockets neither hear nor speak to those on the list",
  permissions: { net: ["127.0.0.1"] },
  async fn() {
    const list = new Blocklist(undefined);
    const hostname = "127.0.0.1";
    const open = list.sockets(openDatagramSocket);
    using a = await open({ hostname });
    using b = await openDatagramSocket({ hostname });
    const byte = (n: number) => Uint8Array.of(n);
    await b.send(byte(1), a.local);
    assertEquals((await a.receive())?.data[0], 1);
    list.ips = new IpSet([hostname]);
    await a.send(byte(2), b.local);
    await b.send(byte(3), a.local);
    const heard = a.receive().then((datagram) => datagram?.data[0]);
    list.ips = new IpSet(["127.0.0.2"]);
    await b.send(byte(4), a.local);
    // Loopback keeps the order: 3 was looked at with the one list or the other.
    assert([3, 4].includes((await heard)!));
    await a.send(byte(5), b.local);
    assertEquals((await b.receive())?.data[0], 5);
  },
});

Deno.test("trackers on the list are not asked", none, async () => {
  const ips = new IpSet(["192.0.2.0/24"]);
  const isBlocked = (ip: string) => ips.has(ip);
  const resolve = (name: string) =>
    Promise.resolve(
      name === "bad.example" ? ["198.51.100.1", "192.0.2.1"] : ["198.51.100.2"],
    );
  const asked: string[] = [];
  await using http = new HttpTrackerClient({
    isBlocked,
    resolve,
    fetch: (input) => {
      asked.push(`${input}`.replace(/\?.*/, ""));
      return Promise.resolve(
        new Response(null, {
          status: 302,
          headers: { location: "http://bad.example/announce" },
        }),
      );
    },
  });
  await using udp = new UdpTrackerClient({
    isBlocked,
    resolve: () => Promise.resolve(["192.0.2.1"]),
    openSocket: () => {
      throw new Error("No socket is needed");
    },
  });
  const request = {
    infoHash: new Uint8Array(20),
    peerId: new Uint8Array(20),
    port: 1,
    uploaded: 0,
    downloaded: 0,
    left: 1,
  };
  for (
    const [client, url] of [
      [http, "http://bad.example/announce"],
      [http, "http://192.0.2.9/announce"],
      [http, "http://good.example/announce"],
      [udp, "udp://bad.example:6969/announce"],
      [udp, "udp://192.0.2.9:6969"],
    ] as const
  ) {
    const error = await assertRejects(
      () => client.announce(url, request),
      TrackerError,
      "block list",
    );
    assertEquals(error.code, "forbidden-target");
  }
  assertEquals(asked, ["http://good.example/announce"]);
});
