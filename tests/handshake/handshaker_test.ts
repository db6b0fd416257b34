import { assert, assertEquals, assertRejects } from "@std/assert";
import type { PeerCandidate } from "../../_shared/address.ts";
import { writeAll } from "../../_shared/byte_conn.ts";
import {
  addressFilter,
  directionFilter,
  ExtensionBits,
  HandshakeError,
  Handshaker,
  type HandshakerEvent,
  IpSet,
  peerIdFilter,
} from "../../handshake/mod.ts";
import {
  BOB,
  connect,
  connected,
  failed,
  hello,
  infoHash,
  next,
  readAll,
  World,
} from "../support/handshake_world.ts";

const none = { permissions: "none" } as const;

Deno.test("two handshakers connect and see each other", none, async () => {
  await using world = new World(20);
  const extensions = ExtensionBits.of("extension-protocol", "dht");
  const bob = await world.bob({ extensions });
  const alice = await world.host("10.0.0.1");
  const candidate: PeerCandidate = { infoHash, address: BOB, source: "lpd" };
  connect(alice, candidate);
  const both = Promise.all([connected(alice), connected(bob)]);
  await world.clock.advance(200);
  const [a, b] = await both;
  assertEquals(a.peerId, bob.peerId);
  assertEquals(b.peerId, alice.peerId);
  assertEquals([a.direction, b.direction], ["outbound", "inbound"]);
  assertEquals(a.candidate, candidate);
  assertEquals(b.candidate, undefined);
  assertEquals(a.address, BOB);
  assertEquals(b.address.hostname, "10.0.0.1");
  assertEquals(a.infoHash, infoHash);
  assertEquals(b.wireInfoHash, infoHash);
  assertEquals(a.extensions.names(), ["extension-protocol"]);
  assertEquals(a.remoteExtensions.names(), ["extension-protocol", "dht"]);
  assertEquals(b.remoteExtensions.names(), ["extension-protocol", "fast"]);
  assertEquals(alice.stats().established, 1);
  assertEquals(alice.stats().connected, { inbound: 0, outbound: 1 });
  a.connection.close();
  assertEquals(alice.stats().established, 0);
  b.connection.close();
});

Deno.test("bytes after the handshake are not lost", none, async () => {
  for (const count of [1, 100, 70_000]) {
    await using world = new World();
    const bob = await world.bob();
    const after = new Uint8Array(count).fill(9);
    const connection = await world.dial("10.0.0.1");
    const writing = writeAll(
      connection,
      new Uint8Array([...hello(), ...after]),
    );
    const event = await connected(bob);
    const buffer = new Uint8Array(100_000);
    let length = 0;
    while (length < count) {
      length += (await event.connection.read(buffer.subarray(length)))!;
    }
    await writing;
    assertEquals(buffer.subarray(0, length), after);
    event.connection.close();
    connection.close();
  }
});

Deno.test(
  "accept errors are reported and do not end listening",
  none,
  async () => {
    await using world = new World();
    const bob = await world.bob();
    const cause = new Error("Too many open files");
    for (let i = 0; i < 3; i++) world.network.failAccept(BOB, cause);
    await world.clock.advance(1000);
    for (let i = 0; i < 3; i++) {
      const event = await failed(bob);
      assertEquals(event.reason, "accept-failed");
      assertEquals(event.error.cause, cause);
      assertEquals(event.address, BOB);
    }
    await world.dial("10.0.0.1", hello());
    assertEquals(await next(bob), { type: "listening", local: BOB });
    (await connected(bob)).connection.close();
    // It is told once.
    await world.dial("10.0.0.2", hello());
    (await connected(bob)).connection.close();
  },
);

Deno.test(
  "connections that are reset before they are accepted cost no time",
  none,
  async () => {
    await using world = new World();
    const bob = await world.bob();
    for (let i = 0; i < 50; i++) {
      const cause = Object.assign(new Error("Gone"), {
        name: "ConnectionReset",
      });
      world.network.failAccept(BOB, cause);
      assertEquals((await failed(bob)).error.cause, cause);
    }
    await world.dial("10.0.0.1", hello());
    (await connected(bob)).connection.close();
    assertEquals(world.clock.now(), 0);
  },
);

Deno.test("candidates that cannot be dialled fail at once", none, async () => {
  await using world = new World();
  const alice = await world.host("10.0.0.1");
  const address = BOB;
  const bad: PeerCandidate[] = [
    { infoHash, address: { ...BOB, port: 0 } },
    { infoHash, address: { ...BOB, port: 65536 } },
    { infoHash, address: { ...BOB, port: 1.5 } },
    { infoHash, address: { ...BOB, hostname: "" } },
    { infoHash, address: { ...BOB, hostname: "0.0.0.0" } },
    { infoHash, address: { ...BOB, hostname: "224.0.0.1" } },
    { infoHash, address: { ...BOB, hostname: "255.255.255.255" } },
    { infoHash, address: { ...BOB, hostname: "ff02::1" } },
    { infoHash: new Uint8Array(19), address },
    { infoHash, address, peerId: new Uint8Array(2) },
    { infoHash, address, protocol: "x".repeat(256) },
    { infoHash, address, protocol: "\u0100" },
  ];
  for (const candidate of bad) {
    connect(alice, candidate);
    const event = await failed(alice);
    assertEquals(event.reason, "invalid-candidate");
    assertEquals(event.candidate, candidate);
  }
  assertEquals(world.network.attempts, 0);
});

Deno.test("a removed torrent ends what is on its way", none, async () => {
  await using world = new World();
  const bob = await world.bob();
  const alice = await world.host("10.0.0.1", { maxHalfOpen: 1 });
  alice.addTorrent(infoHash);
  world.network.blackhole({ ...BOB, port: 1 });
  const outcomes = [1, BOB.port].map((port) =>
    alice.dial({ infoHash, address: { ...BOB, port } })
  );
  assertEquals(alice.removeTorrent(infoHash), true);
  assertEquals(alice.removeTorrent(infoHash), false);
  for (const outcome of await Promise.all(outcomes)) {
    assert(outcome.type === "failed");
    assertEquals(outcome.reason, "torrent-removed");
  }
  assertEquals(alice.stats().halfOpen, 0);
  const half = await world.dial("10.0.0.4", hello().subarray(0, 50));
  await world.clock.advance(0);
  bob.removeTorrent(infoHash);
  assertEquals((await failed(bob)).reason, "torrent-removed");
  half.close();
});

Deno.test("filters count at every stage and at run time", none, async () => {
  await using world = new World();
  const bob = await world.bob();
  const ban = addressFilter(new IpSet(["10.0.0.1"]));
  bob.filters.add(() => "allow").add(ban);
  let stranger = await world.dial("10.0.0.1", hello());
  let event = await failed(bob);
  assertEquals([event.reason, event.direction], ["blocked", "inbound"]);
  assertEquals(await readAll(stranger), 0);
  bob.filters.remove(ban);
  const noTransmission = peerIdFilter(["-TR"]);
  bob.filters.add(noTransmission);
  stranger = await world.dial("10.0.0.1", hello());
  assertEquals((await failed(bob)).reason, "blocked");
  stranger.close();
  bob.filters.remove(noTransmission);
  stranger = await world.dial("10.0.0.1", hello());
  (await connected(bob)).connection.close();
  bob.filters.add(directionFilter("outbound"));
  const attempts = world.network.attempts;
  connect(bob, { infoHash, address: { ...BOB, port: 1 } });
  event = await failed(bob);
  assertEquals([event.reason, event.direction], ["blocked", "outbound"]);
  assertEquals(world.network.attempts, attempts);
});

Deno.test("a DNS name cannot get round an address filter", none, async () => {
  await using world = new World();
  const bob = await world.bob();
  world.network.name("bob.example", BOB.hostname);
  const alice = await world.host("10.0.0.1");
  const address = { hostname: "bob.example", port: BOB.port };
  connect(alice, { infoHash, address });
  const event = await connected(alice);
  assertEquals(event.address, BOB);
  event.connection.close();
  (await connected(bob)).connection.close();
  alice.filters.add(addressFilter(new IpSet(["10.0.0.2"])));
  connect(alice, { infoHash, address });
  assertEquals((await failed(alice)).reason, "blocked");
  // Who left before it said anything is no failure.
  await world.clock.advance(1000);
  assertEquals([bob.stats().failed, bob.stats().pendingInbound], [{}, 0]);
});

Deno.test("sources are piped in and peers piped out", none, async () => {
  await using world = new World();
  const bob = await world.bob();
  const alice = await world.host("10.0.0.1");
  const other = new Uint8Array(20).fill(9);
  bob.addTorrent(other);
  const source = (infoHash: Uint8Array) =>
    ReadableStream.from<PeerCandidate>([{ infoHash, address: BOB }]);
  await source(infoHash).pipeTo(alice.writable);
  await source(other).pipeTo(alice.sink());
  const seen: HandshakerEvent[] = [];
  await alice.readable.pipeTo(
    new WritableStream({
      write(event) {
        seen.push(event);
        if (event.type === "connected") event.connection.close();
        if (seen.length === 2) void alice.close();
      },
    }),
  );
  assertEquals(seen.map((event) => event.type), ["connected", "connected"]);
});

Deno.test("close ends everything and keeps what was taken", none, async () => {
  const world = new World();
  const bob = await world.bob();
  world.network.blackhole({ ...BOB, port: 1 });
  const taken = await world.dial("10.0.0.1", hello());
  const event = await connected(bob);
  const untaken = await world.dial(
    "10.0.0.2",
    hello({ peerId: new Uint8Array(20) }),
  );
  const silent = await world.dial("10.0.0.3");
  connect(bob, { infoHash, address: { ...BOB, port: 1 } });
  await world.clock.advance(1);
  const writer = bob.writable.getWriter();
  const closing = bob.close();
  assertEquals(bob.isClosed, true);
  await Promise.all([closing, bob.close()]);
  assertEquals(world.clock.pending, 0);
  assertEquals((await bob.readable.getReader().read()).done, true);
  const refused = await assertRejects(
    () => writer.write({ infoHash, address: BOB }),
    HandshakeError,
  );
  assertEquals(refused.code, "closed");
  await assertRejects(() => writer.closed, HandshakeError);
  await assertRejects(() => bob.sink().getWriter().closed, HandshakeError);
  connect(bob, { infoHash, address: BOB });
  assertEquals(await readAll(untaken), 68);
  assertEquals(await readAll(silent), 0);
  await writeAll(taken, new Uint8Array([1]));
  assertEquals(await event.connection.read(new Uint8Array(200)), 1);
  event.connection.close();
  await assertRejects(() => world.dial("10.0.0.4"));
});

Deno.test("the signal and leaving the loop close as well", none, async () => {
  await using world = new World();
  const abort = new AbortController();
  const bob = await world.bob({ signal: abort.signal });
  const events = Array.fromAsync(bob.events());
  abort.abort();
  assertEquals(await events, []);
  assertEquals(bob.isClosed, true);
  const reason = new Error("Enough");
  const error = await assertRejects(() =>
    Handshaker.open({ signal: AbortSignal.abort(reason) })
  );
  assertEquals(error, reason);
  const carol = await world.bob();
  connect(carol, { infoHash: new Uint8Array(1), address: BOB });
  for await (const event of carol.events()) {
    assertEquals(event.type, "failed");
    break;
  }
  assertEquals(carol.isClosed, true);
  const dave = await world.bob();
  await dave.readable.cancel();
  assertEquals(dave.isClosed, true);
});

Deno.test("nonsense in options and torrents is refused", none, async () => {
  for (const bad of [0, -1, NaN]) {
    await assertRejects(
      () => Handshaker.open({ maxHalfOpen: bad }),
      RangeError,
    );
  }
  const peerId = new Uint8Array(19);
  await assertRejects(() => Handshaker.open({ peerId }), RangeError);
  await using world = new World();
  const bob = await world.bob();
  const other = new Uint8Array(20).fill(9);
  const refused = [
    () => bob.addTorrent(new Uint8Array(32)),
    () => bob.addTorrent(other, { v2InfoHash: new Uint8Array(31) }),
    () => bob.addTorrent(other, { v2InfoHash: infoHash }),
    () => bob.addTorrent(other, { protocol: "x".repeat(256) }),
  ];
  for (const add of refused) {
    await assertRejects(() => Promise.resolve().then(add), RangeError);
  }
  assertEquals(bob.removeTorrent(other), false);
  bob.addTorrent(infoHash, { v2InfoHash: other });
  assertEquals(bob.removeTorrent(other), true);
  assertEquals(bob.removeTorrent(infoHash), false);
  await assertRejects(() => world.bob(), Deno.errors.AddrInUse);
});
