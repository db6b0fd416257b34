import { assert, assertEquals, assertRejects } from "@std/assert";
import { writeAll } from "../../_shared/byte_conn.ts";
import type { ByteConnection } from "../../handshake/mod.ts";
import {
  BOB,
  connect,
  connected,
  failed,
  hello,
  infoHash,
  next,
  readAll,
  strangerId,
  World,
} from "../support/handshake_world.ts";

const none = { permissions: "none" } as const;

Deno.test("50 silent sockets do not delay the 51st", none, async () => {
  await using world = new World();
  const bob = await world.bob();
  const silent = [];
  for (let i = 0; i < 50; i++) silent.push(await world.dial(`10.1.0.${i}`));
  await world.dial("10.2.0.1", hello());
  const event = await connected(bob);
  assertEquals(world.clock.now(), 0);
  assertEquals(event.peerId, strangerId);
  assertEquals(bob.stats().pendingInbound, 50);
  await world.clock.advance(10_000);
  for (let i = 0; i < 50; i++) {
    assertEquals((await failed(bob)).reason, "handshake-timeout");
    assertEquals(await readAll(silent[i]!), 0);
  }
  assertEquals(bob.stats().failed, { "handshake-timeout": 50 });
  event.connection.close();
});

Deno.test(
  "a slow sender of single bytes is cut at the deadline",
  none,
  async () => {
    await using world = new World();
    const bob = await world.bob();
    const slow = await world.dial("10.0.0.9");
    const bytes = hello();
    for (let i = 0; i < 10; i++) {
      await writeAll(slow, bytes.subarray(i, i + 1));
      await world.clock.advance(1000);
    }
    assertEquals((await failed(bob)).reason, "handshake-timeout");
    slow.close();
  },
);

Deno.test("a flood pushes out the oldest, not the newest", none, async () => {
  await using world = new World();
  const bob = await world.bob({ maxPendingInbound: 3 });
  for (let i = 0; i < 3; i++) await world.dial(`10.1.0.${i}`);
  await world.clock.advance(0);
  await world.dial("10.2.0.1", hello());
  const first = await failed(bob);
  assertEquals(first.reason, "overloaded");
  assertEquals(first.address.hostname, "10.1.0.0");
  (await connected(bob)).connection.close();
  assertEquals(bob.stats().pendingInbound, 2);
});

Deno.test("a flood of one site pushes out its own", none, async () => {
  await using world = new World();
  const bob = await world.bob({ maxPendingInbound: 3 });
  const slow = await world.dial("10.2.0.1");
  for (let i = 0; i < 20; i++) await world.dial(`10.1.0.${i}`);
  await world.clock.advance(0);
  await writeAll(slow, hello());
  for (let i = 0; i < 18; i++) {
    assertEquals((await failed(bob)).address.hostname, `10.1.0.${i}`);
  }
  const event = await connected(bob);
  assertEquals(event.address.hostname, "10.2.0.1");
  event.connection.close();
});

Deno.test("who is refused pushes nobody out", none, async () => {
  await using world = new World();
  const bob = await world.bob({
    maxPendingInbound: 2,
    maxPendingInboundPerIp: 1,
  });
  const slow = await world.dial("10.2.0.1");
  await world.dial("10.1.0.1");
  for (let i = 0; i < 5; i++) await world.dial("10.1.0.1");
  await world.clock.advance(0);
  await writeAll(slow, hello());
  for (let i = 0; i < 5; i++) {
    assertEquals((await failed(bob)).reason, "too-many-from-ip");
  }
  (await connected(bob)).connection.close();
});

Deno.test("one address has few places and a rate", none, async () => {
  await using world = new World();
  const bob = await world.bob({
    encryption: "off",
    maxPendingInboundPerIp: 2,
    inboundPerIpPerSecond: 2,
  });
  for (let i = 0; i < 3; i++) await world.dial("10.1.0.1");
  assertEquals((await failed(bob)).reason, "too-many-from-ip");
  // Others are not concerned, but the burst of four ends.
  await world.dial("10.1.0.2", hello());
  (await connected(bob)).connection.close();
  await world.clock.advance(10_000);
  await failed(bob);
  await failed(bob);
  const reasons = [];
  for (let i = 0; i < 6; i++) {
    const bad = await world.dial("10.1.0.1", new Uint8Array([1]));
    reasons.push((await failed(bob)).reason);
    bad.close();
  }
  assertEquals(reasons, [
    ...Array(4).fill("protocol-mismatch"),
    ...Array(2).fill("too-many-from-ip"),
  ]);
});

Deno.test("loopback is free of the limits per address", none, async () => {
  await using world = new World();
  const address = { hostname: "127.0.0.1", port: 1000 };
  const options = { listen: address, maxPerIp: 1, maxPendingInboundPerIp: 1 };
  const open = await world.host("127.0.0.1", options);
  const shut = await world.host("127.0.0.1", {
    ...options,
    listen: { ...address, port: 1001 },
    exemptLoopback: false,
  });
  for (let i = 0; i < 3; i++) await world.dial("127.0.0.1", undefined, address);
  for (let i = 0; i < 2; i++) {
    await world.dial("127.0.0.1", undefined, { ...address, port: 1001 });
  }
  assertEquals((await failed(shut)).reason, "too-many-from-ip");
  assertEquals(open.stats().pendingInbound, 3);
});

Deno.test(
  "connecting and shaking hands have their own limits",
  none,
  async () => {
    await using world = new World(1000);
    const alice = await world.host("10.0.0.1", {
      connectTimeoutMs: 5000,
      handshakeTimeoutMs: 3000,
    });
    const hole = { hostname: "10.9.9.9", port: 1 };
    world.network.blackhole(hole);
    const silent = await world.network.transport(BOB.hostname).listen(BOB);
    connect(alice, { infoHash, address: hole });
    connect(alice, { infoHash, address: BOB });
    connect(alice, { infoHash, address: { ...BOB, port: 2 } });
    await world.clock.advance(4999);
    assertEquals((await failed(alice)).reason, "connect-failed");
    await world.clock.advance(1);
    const second = await failed(alice);
    const third = await failed(alice);
    assertEquals(
      [second.reason, third.reason].sort(),
      ["connect-timeout", "handshake-timeout"],
    );
    assertEquals(second.candidate?.infoHash, infoHash);
    assertEquals(alice.stats().halfOpen, 0);
    silent.close();
  },
);

Deno.test(
  "a transport that ignores the signal cannot outstay",
  none,
  async () => {
    await using world = new World();
    let finish: (connection: ByteConnection) => void = () => {};
    const [late] = world.network.pair(BOB, BOB);
    const alice = await world.host("10.0.0.1", {
      connectTimeoutMs: 100,
      transports: [{
        name: "deaf",
        connect: () => new Promise((resolve) => finish = resolve),
        listen: () => Promise.reject(new Error("No")),
      }],
    });
    connect(alice, { infoHash, address: BOB });
    await world.clock.advance(100);
    assertEquals((await failed(alice)).reason, "connect-timeout");
    finish(late);
    await world.clock.advance(0);
    await assertRejects(() => late.read(new Uint8Array(1)));
  },
);

Deno.test("half-open limits and the rate hold", none, async () => {
  await using world = new World();
  const alice = await world.host("10.0.0.1", {
    maxHalfOpen: 5,
    maxHalfOpenPerTorrent: 3,
    connectsPerSecond: 4,
    connectTimeoutMs: 60_000,
  });
  const other = new Uint8Array(20).fill(9);
  for (let i = 0; i < 20; i++) {
    const address = { hostname: `10.3.0.${i}`, port: 1 };
    world.network.blackhole(address);
    void alice.dial({ infoHash: i < 10 ? infoHash : other, address });
  }
  assertEquals(world.network.attempts, 4);
  assertEquals(alice.stats().queued, 16);
  await world.clock.advance(249);
  assertEquals(world.network.attempts, 4);
  await world.clock.advance(1);
  assertEquals(world.network.attempts, 5);
  await world.clock.advance(3_000);
  assertEquals([world.network.attempts, alice.stats().halfOpen], [5, 5]);
  // Then each gives way to another; the last have all the time there is.
  await world.clock.advance(27_000);
  assertEquals([world.network.attempts, alice.stats().halfOpen], [20, 5]);
  assertEquals(alice.stats().failed["connect-timeout"], 15);
  await world.clock.advance(45_000);
  assertEquals(alice.stats().failed["connect-timeout"], 20);
});

Deno.test("one torrent does not starve another", none, async () => {
  await using world = new World();
  const alice = await world.host("10.0.0.1", {
    connectsPerSecond: 1000,
    maxHalfOpenPerTorrent: 10,
  });
  const other = new Uint8Array(20).fill(9);
  for (let i = 0; i < 200; i++) {
    const address = { hostname: `10.3.0.${i}`, port: 1 };
    world.network.blackhole(address);
    void alice.dial({ infoHash, address });
  }
  assertEquals(world.network.attempts, 10);
  void alice.dial({ infoHash: other, address: BOB });
  assertEquals(world.network.attempts, 11);
});

Deno.test(
  "limits per IP count what is connected until it is closed",
  none,
  async () => {
    await using world = new World();
    const bob = await world.bob({ maxPerIp: 3, maxPerIpPerTorrent: 2 });
    const ids = [1, 2, 3, 4, 5].map((n) => new Uint8Array(20).fill(n));
    await world.dial("10.0.0.1", hello({ peerId: ids[0]! }));
    await world.dial("10.0.0.1", hello({ peerId: ids[1]! }));
    const a = await connected(bob);
    await connected(bob);
    await world.dial("10.0.0.1", hello({ peerId: ids[2]! }));
    assertEquals((await failed(bob)).reason, "too-many-from-ip");
    const other = new Uint8Array(20).fill(9);
    bob.addTorrent(other);
    await world.dial("10.0.0.1", hello({ infoHash: other, peerId: ids[2]! }));
    await connected(bob);
    await world.dial("10.0.0.1");
    assertEquals((await failed(bob)).reason, "too-many-from-ip");
    a.connection.close();
    a.connection.close();
    await world.dial("10.0.0.1", hello({ peerId: ids[3]! }));
    await connected(bob);
    assertEquals(bob.stats().established, 3);
  },
);

Deno.test("a thousand blocked candidates do not nest", none, async () => {
  await using world = new World();
  const alice = await world.host("10.0.0.1", {
    connectsPerSecond: Infinity,
    maxQueued: 5000,
  });
  alice.filters.add(() => "block");
  const outcomes = Array.from(
    { length: 5000 },
    (_, i) => alice.dial({ infoHash, address: { ...BOB, port: 1 + i } }),
  );
  await world.clock.advance(10);
  const reasons = (await Promise.all(outcomes)).map((outcome) =>
    outcome.type === "failed" && outcome.reason
  );
  assertEquals([...new Set(reasons)], ["blocked"]);
  assertEquals(alice.stats().failed.blocked, 5000);
  assertEquals([alice.stats().queued, alice.stats().halfOpen], [0, 0]);
});

Deno.test("no outcome of a stream is dropped", none, async () => {
  await using world = new World();
  const alice = await world.host("10.0.0.1", { connectsPerSecond: Infinity });
  const writer = alice.writable.getWriter();
  const writing = (async () => {
    for (let i = 0; i < 3000; i++) {
      await writer.write({ infoHash, address: { ...BOB, port: 1 + i } });
    }
  })();
  // Nobody takes them: the stream waits.
  await world.clock.advance(1000);
  const { "connect-failed": before = 0 } = alice.stats().failed;
  assert(before > 0 && before < 1500, `${before}`);
  const ports = new Set<number>();
  for (let i = 0; i < 3000; i++) {
    ports.add((await failed(alice)).candidate!.address.port);
  }
  await writing;
  assertEquals(ports.size, 3000);
});

Deno.test("the writable waits while the queue is full", none, async () => {
  await using world = new World();
  const alice = await world.host("10.0.0.1", { maxHalfOpen: 1, maxQueued: 2 });
  for (let i = 0; i < 5; i++) {
    world.network.blackhole({ ...BOB, port: 100 + i });
  }
  const writer = alice.writable.getWriter();
  let written = 0;
  const writing = (async () => {
    for (let i = 0; i < 5; i++) {
      await writer.write({ infoHash, address: { ...BOB, port: 100 + i } });
      written++;
    }
    await writer.close();
  })();
  await world.clock.advance(1);
  assertEquals([written, alice.stats().queued], [3, 2]);
  const refused = await alice.dial({
    infoHash,
    address: { ...BOB, port: 200 },
  });
  assert(refused.type === "failed");
  assertEquals([refused.reason, refused.fault], ["queue-full", "local"]);
  await world.clock.advance(4_000);
  assertEquals(written, 4);
  await world.clock.advance(4_000);
  await writing;
  assertEquals(alice.isClosed, false);
});

Deno.test(
  "peers that nobody takes stop dialling and accepting",
  none,
  async () => {
    await using world = new World();
    const bob = await world.bob({ maxWaiting: 2 });
    for (let i = 1; i <= 5; i++) {
      const peerId = new Uint8Array(20).fill(i);
      await world.dial(`10.1.0.${i}`, hello({ peerId }));
      await world.clock.advance(1);
    }
    const before = bob.stats().established;
    assert(before >= 2 && before <= 3, `${before}`);
    connect(bob, { infoHash, address: { ...BOB, port: 9 } });
    await world.clock.advance(10);
    assertEquals(bob.stats().failed, {});
    // A reader of one outcome need not wait for others to be taken.
    const dead = await bob.dial({ infoHash, address: { ...BOB, port: 8 } });
    assertEquals(dead.type, "failed");
    for (let i = 0; i < 6; i++) {
      const event = await next(bob);
      if (event.type === "connected") event.connection.close();
      else if (event.type === "failed") {
        assertEquals(event.candidate?.address.port, 9);
      }
      await world.clock.advance(1);
    }
    assertEquals(bob.stats().connected.inbound, 5);
    assertEquals(bob.stats().failed, { "connect-failed": 2 });
  },
);

Deno.test(
  "a source that writes nonsense does not hold up the others",
  none,
  async () => {
    await using world = new World();
    const alice = await world.host("10.0.0.1", {
      maxHalfOpen: 1,
      maxQueued: 1,
    });
    const address = { ...BOB, port: 100 };
    world.network.blackhole(address);
    const other = new Uint8Array(20).fill(7);
    connect(alice, { infoHash, address });
    connect(alice, { infoHash: other, address });
    const bad = { infoHash, address: { ...BOB, port: 0 } };
    const writers = [1, 2, 3].map(() => alice.sink().getWriter());
    let written = 0;
    const writing = writers.map((writer) =>
      writer.write(bad).then(() => written++)
    );
    await world.clock.advance(1);
    assertEquals(written, 0);
    alice.addTorrent(other);
    alice.removeTorrent(other);
    await world.clock.advance(1);
    assertEquals(written, 3);
    await Promise.all(writing);
  },
);
