import { assert, assertEquals } from "@std/assert";
import { writeAll } from "../../_shared/byte_conn.ts";
import { ExtensionBits } from "../../handshake/mod.ts";
import {
  BOB,
  connect,
  connected,
  failed,
  hello,
  infoHash,
  readAll,
  strangerId,
  v2Hash,
  World,
} from "../support/handshake_world.ts";

const none = { permissions: "none" } as const;

Deno.test("an unknown info-hash is closed without a byte", none, async () => {
  await using world = new World();
  // Where encryption is understood, other first bytes could be a key.
  const bob = await world.bob({ encryption: "off" });
  const other = new Uint8Array(20).fill(7);
  const stranger = await world.dial("10.0.0.1", hello({ infoHash: other }));
  assertEquals((await failed(bob)).reason, "unknown-info-hash");
  assertEquals(await readAll(stranger), 0);
  // The same hash under another protocol is unknown too.
  const chat = await world.dial("10.0.0.1", hello({ protocol: "chat" }));
  assertEquals((await failed(bob)).reason, "protocol-mismatch");
  assertEquals(await readAll(chat), 0);
});

Deno.test(
  "any hash can be accepted, for all or some protocols",
  none,
  async () => {
    await using world = new World();
    const bob = await world.bob({ acceptAnyInfoHash: ["chat"] });
    const any = { hostname: "10.0.0.3", port: 1 };
    const carol = await world.host("10.0.0.3", {
      listen: any,
      acceptAnyInfoHash: true,
    });
    const other = new Uint8Array(20).fill(7);
    await world.dial("10.0.0.1", hello({ infoHash: other, protocol: "chat" }));
    const event = await connected(bob);
    assertEquals([event.protocol, event.infoHash], ["chat", other]);
    event.connection.close();
    await world.dial("10.0.0.1", hello({ infoHash: other }));
    assertEquals((await failed(bob)).reason, "unknown-info-hash");
    const alice = await world.host("10.0.0.1");
    connect(alice, { infoHash: other, address: any, protocol: "" });
    (await connected(carol)).connection.close();
    assertEquals((await connected(alice)).protocol, "");
  },
);

Deno.test(
  "the answer must be for the torrent and from the peer",
  none,
  async () => {
    await using world = new World();
    const listener = await world.network.transport(BOB.hostname).listen(BOB);
    const alice = await world.host("10.0.0.1", { encryption: "off" });
    const answers: [Uint8Array, string][] = [
      [hello({ infoHash: new Uint8Array(20) }), "info-hash-mismatch"],
      [hello({ peerId: new Uint8Array(20) }), "peer-id-mismatch"],
      [hello({ protocol: "chat" }), "protocol-mismatch"],
      [hello().subarray(0, 50), "connection-lost"],
      [hello({ peerId: alice.peerId }), "self"],
    ];
    for (const [answer, reason] of answers) {
      connect(alice, { infoHash, address: BOB, peerId: strangerId });
      const connection = (await listener.accept())!;
      await writeAll(connection, answer);
      if (answer.length < 68) connection.close();
      assertEquals((await failed(alice)).reason, reason);
      connection.close();
    }
    listener.close();
  },
);

Deno.test("we do not connect to ourselves twice", none, async () => {
  await using world = new World();
  const bob = await world.bob();
  connect(bob, { infoHash, address: BOB });
  const events = [await failed(bob), await failed(bob)];
  const inbound = events.find((event) => event.direction === "inbound")!;
  const outbound = events.find((event) => event.direction === "outbound")!;
  assertEquals(inbound.reason, "self");
  assert(["self", "connection-lost"].includes(outbound.reason));
  const attempts = world.network.attempts;
  connect(bob, { infoHash, address: BOB });
  assertEquals((await failed(bob)).reason, "self");
  assertEquals(world.network.attempts, attempts);
  connect(bob, { infoHash, address: { ...BOB, port: 7 }, peerId: bob.peerId });
  assertEquals((await failed(bob)).reason, "self");
});

Deno.test("the same address is dialled once a torrent", none, async () => {
  await using world = new World();
  const bob = await world.bob();
  const other = new Uint8Array(20).fill(9);
  bob.addTorrent(other);
  const alice = await world.host("10.0.0.1");
  const mapped = { hostname: "::ffff:10.0.0.2", port: BOB.port };
  connect(alice, { infoHash, address: BOB });
  connect(alice, { infoHash, address: mapped });
  assertEquals((await failed(alice)).reason, "duplicate-address");
  const first = await connected(alice);
  connect(alice, { infoHash, address: BOB });
  assertEquals((await failed(alice)).reason, "duplicate-address");
  connect(alice, { infoHash: other, address: BOB });
  (await connected(alice)).connection.close();
  first.connection.close();
  (await connected(bob)).connection.close();
  (await connected(bob)).connection.close();
  connect(alice, { infoHash, address: BOB });
  (await connected(alice)).connection.close();
});

Deno.test("the same peer is connected once a torrent", none, async () => {
  await using world = new World();
  const bob = await world.bob();
  const second = { ...BOB, port: 6882 };
  const twin = await world.host(BOB.hostname, {
    listen: second,
    peerId: bob.peerId,
  });
  twin.addTorrent(infoHash);
  const alice = await world.host("10.0.0.1");
  connect(alice, { infoHash, address: BOB });
  const first = await connected(alice);
  connect(alice, { infoHash, address: second });
  assertEquals((await failed(alice)).reason, "duplicate-peer-id");
  // Now the second address is known to be the same peer.
  const attempts = world.network.attempts;
  connect(alice, { infoHash, address: second });
  assertEquals((await failed(alice)).reason, "duplicate-address");
  const address = { ...BOB, port: 1 };
  connect(alice, { infoHash, address, peerId: bob.peerId });
  assertEquals((await failed(alice)).reason, "duplicate-peer-id");
  assertEquals(world.network.attempts, attempts);
  first.connection.close();
  connect(alice, { infoHash, address: second });
  (await connected(alice)).connection.close();
});

Deno.test(
  "a hybrid torrent answers to both hashes and upgrades",
  none,
  async () => {
    await using world = new World();
    const bob = await world.host(BOB.hostname, { listen: BOB });
    bob.addTorrent(infoHash, { v2InfoHash: v2Hash });
    const truncated = v2Hash.slice(0, 20);
    const alice = await world.host("10.0.0.1");

    // An old peer speaks v1.
    connect(alice, { infoHash, address: BOB });
    let [a, b] = [await connected(alice), await connected(bob)];
    assertEquals(a.wireInfoHash, infoHash);
    assertEquals(b.wireInfoHash, infoHash);
    assert(!b.extensions.has("v2-upgrade"));
    assert(a.remoteExtensions.has("v2-upgrade"));
    a.connection.close();
    b.connection.close();

    // A v2 peer calls it by the other hash.
    connect(alice, { infoHash: truncated, address: BOB });
    [a, b] = [await connected(alice), await connected(bob)];
    assertEquals(b.wireInfoHash, truncated);
    assertEquals(b.infoHash, infoHash);
    a.connection.close();
    b.connection.close();

    // A hybrid peer offers the upgrade and gets it.
    alice.addTorrent(infoHash, { v2InfoHash: truncated });
    connect(alice, { infoHash, address: BOB });
    [a, b] = [await connected(alice), await connected(bob)];
    for (const event of [a, b]) {
      assertEquals(event.infoHash, infoHash);
      assertEquals(event.wireInfoHash, truncated);
      assert(event.extensions.has("v2-upgrade"));
      event.connection.close();
    }
  },
);

Deno.test("the v2 bit changes nothing for a v1 torrent", none, async () => {
  await using world = new World();
  const bob = await world.bob();
  const extensions = ExtensionBits.of("v2-upgrade", "fast");
  const stranger = await world.dial("10.0.0.1", hello({ extensions }));
  const event = await connected(bob);
  assertEquals(event.wireInfoHash, infoHash);
  assertEquals(event.extensions.names(), ["fast"]);
  assertEquals(event.remoteExtensions.names(), ["v2-upgrade", "fast"]);
  event.connection.close();
  stranger.close();
  // Nor may an answer move a v1 torrent to another hash.
  const listener = await world.network.transport("10.0.0.3").listen({
    hostname: "10.0.0.3",
    port: 1,
  });
  connect(bob, { infoHash, address: listener.local });
  const connection = (await listener.accept())!;
  await writeAll(
    connection,
    hello({ extensions, infoHash: v2Hash.slice(0, 20) }),
  );
  assertEquals((await failed(bob)).reason, "info-hash-mismatch");
  connection.close();
  listener.close();
});

Deno.test("a torrent may have extension bits of its own", none, async () => {
  await using world = new World();
  const extensions = ExtensionBits.of("fast", "dht");
  const bob = await world.bob({ extensions });
  bob.addTorrent(infoHash, { extensions: extensions.without("dht") });
  const alice = await world.host("10.0.0.1", { extensions });
  connect(alice, { infoHash, address: BOB });
  const event = await connected(alice);
  assertEquals(event.remoteExtensions.names(), ["fast"]);
  event.connection.close();
});
