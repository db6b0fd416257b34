// Outcomes come back where they were asked for.
import { sleep } from "../../_shared/clock.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { HandshakeEvent, PeerCandidate } from "../../handshake/mod.ts";
import {
  BOB,
  connected,
  failed,
  hello,
  infoHash,
  next,
  World,
} from "../support/handshake_world.ts";

const none = { permissions: "none" } as const;
const at = (port: number): PeerCandidate => ({
  infoHash,
  address: { ...BOB, port },
});
const reason = (event: HandshakeEvent | undefined) =>
  event?.type === "failed" ? event.reason : event?.type;

Deno.test("dial returns what became of it", none, async () => {
  await using world = new World();
  const bob = await world.bob();
  const alice = await world.host("10.0.0.1");
  const event = await alice.dial(at(BOB.port));
  assert(event.type === "connected");
  assertEquals(event.candidate?.address, BOB);
  assertEquals(event.transport, "memory");
  const twice = await alice.dial(at(BOB.port));
  assert(twice.type === "failed");
  assertEquals([twice.reason, twice.fault], ["duplicate-address", "local"]);
  event.connection.close();
  (await connected(bob)).connection.close();
  const dead = await alice.dial(at(1));
  assert(dead.type === "failed");
  assertEquals([dead.reason, dead.fault], ["connect-failed", "remote"]);
  assertEquals(reason(await alice.dial(at(0))), "invalid-candidate");
  await alice.close();
  assertEquals(reason(await alice.dial(at(1))), "closed");
});

Deno.test("dial can be called off at every stage", none, async () => {
  await using world = new World();
  world.network.blackhole({ ...BOB, port: 1 });
  const mute = await world.network.transport("10.0.0.9").listen({
    hostname: "10.0.0.9",
    port: 6881,
  });
  const alice = await world.host("10.0.0.1", { maxHalfOpen: 2 });
  const stops = [1, 2, 3].map(() => new AbortController());
  const outcomes = [
    at(1),
    { infoHash, address: mute.local },
    at(3),
  ].map((candidate, i) => alice.dial(candidate, { signal: stops[i]!.signal }));
  await world.clock.advance(1);
  assertEquals([alice.stats().queued, alice.stats().halfOpen], [1, 2]);
  for (const stop of stops.toReversed()) stop.abort();
  assertEquals((await Promise.all(outcomes)).map(reason), [
    "aborted",
    "aborted",
    "aborted",
  ]);
  assertEquals([alice.stats().queued, alice.stats().halfOpen], [0, 0]);
  const signal = AbortSignal.abort();
  assertEquals(reason(await alice.dial(at(1), { signal })), "aborted");
  // The addresses are free again.
  assertEquals(reason(await alice.dial(at(3))), "connect-failed");
  mute.close();
});

Deno.test(
  "the dead leave their places to the living in time",
  none,
  async () => {
    await using world = new World();
    await world.bob();
    for (let port = 1; port <= 12; port++) {
      world.network.blackhole({ ...BOB, port });
    }
    const { port } = BOB;
    const alice = await world.host("10.0.0.1", {
      maxHalfOpen: 5,
      maxHalfOpenPerTorrent: 3,
    });
    const dead: (string | undefined)[] = [];
    for (let port = 1; port <= 12; port++) {
      void alice.dial(at(port)).then((event) => dead.push(reason(event)));
    }
    const outcome = alice.dial(at(port));
    // Three at once, two more after 2 s; each gives way 4 s after it began.
    await world.clock.advance(8_000);
    assertEquals(reason(await outcome), "connected");
    assertEquals(dead, Array(8).fill("connect-timeout"));
    // Who is in nobody's way is waited for.
    await world.clock.advance(4_000);
    assertEquals([dead.length, alice.stats().halfOpen], [8, 4]);
  },
);

Deno.test("closing settles every dial", none, async () => {
  await using world = new World();
  for (let port = 1; port < 9; port++) {
    world.network.blackhole({ ...BOB, port });
  }
  const alice = await world.host("10.0.0.1", { maxHalfOpen: 2 });
  const other = new Uint8Array(20).fill(5);
  alice.addTorrent(other);
  const outcomes = [1, 2, 3].map((port) => alice.dial(at(port)));
  const next = alice.dialNext(infoHash, () => at(4));
  const removed = alice.dial({ ...at(5), infoHash: other });
  alice.removeTorrent(other);
  assertEquals(reason(await removed), "torrent-removed");
  await alice.close();
  assertEquals((await Promise.all(outcomes)).map(reason), [
    "closed",
    "closed",
    "closed",
  ]);
  assertEquals(await next, undefined);
});

Deno.test("dialNext chooses when the turn has come", none, async () => {
  await using world = new World();
  const alice = await world.host("10.0.0.1", { connectsPerSecond: 1 });
  const order: string[] = [];
  const turn = (name: string, port: number) =>
    alice.dialNext(new Uint8Array(20).fill(name.charCodeAt(0)), () => {
      order.push(name);
      return port > 0 ? at(port) : undefined;
    });
  const outcomes = [
    turn("a", 1),
    turn("a", 2),
    turn("a", 4),
    turn("b", 3),
    turn("c", 0),
  ];
  assertEquals(order, ["a"]);
  await world.clock.advance(10_000);
  assertEquals(order, ["a", "a", "b", "c", "a"]);
  assertEquals((await Promise.all(outcomes)).map(reason), [
    "connect-failed",
    "connect-failed",
    "connect-failed",
    "connect-failed",
    undefined,
  ]);
  const odd = assertRejects(
    () =>
      alice.dialNext(infoHash, () => {
        throw new TypeError("Odd");
      }),
    TypeError,
    "Odd",
  );
  await world.clock.advance(1000);
  await odd;
  assertEquals(alice.stats().halfOpen, 0);
});

Deno.test(
  "descriptors are left to others once one was refused",
  none,
  async () => {
    await using world = new World();
    const bob = await world.bob();
    const silent = [];
    for (let i = 0; i < 60; i++) {
      silent.push(await world.dial(`10.0.${i}.9`));
      await world.clock.advance(1);
    }
    assertEquals(bob.stats().pendingInbound, 60);
    const full = Object.assign(new Error("Too many open files"), {
      code: "EMFILE",
    });
    world.network.failAccept(BOB, full);
    assertEquals((await failed(bob)).reason, "accept-failed");
    await world.clock.advance(1000);
    assertEquals(bob.stats().pendingInbound, 60 - 32 - 1);
    // New ones still get in, in the place of the oldest.
    const peer = await world.dial("10.1.1.1", hello());
    await world.clock.advance(1000);
    assertEquals(bob.stats().established, 1);
    for (const one of [...silent, peer]) one.close();
    await world.clock.advance(1000);
  },
);

Deno.test(
  "without descriptors a connection of little use gives way",
  none,
  async () => {
    await using world = new World();
    const open: { close(): void }[] = [];
    const bob = await world.bob({
      makeRoom: () => {
        open.shift()?.close();
        return true;
      },
    });
    const peers = [];
    for (let i = 0; i < 20; i++) {
      peers.push(await world.dial(`10.0.${i}.9`, hello()));
      open.push((await connected(bob)).connection);
    }
    const full = Object.assign(new Error("Too many open files"), {
      code: "EMFILE",
    });
    world.network.failAccept(BOB, full);
    assertEquals((await failed(bob)).reason, "accept-failed");
    await world.clock.advance(1000);
    // One more than fits waits to be let in.
    assertEquals([open.length, bob.stats().established], [7, 7]);
    peers.push(await world.dial("10.1.1.1", hello()));
    await world.clock.advance(1000);
    assertEquals((await next(bob)).type, "listening");
    open.push((await connected(bob)).connection);
    assertEquals(open.length, 7);
    for (const one of [...peers, ...open]) one.close();
  },
);

Deno.test(
  "a listener that ends is opened anew, and it is told",
  none,
  async () => {
    await using world = new World();
    const bob = await world.bob();
    world.network.endListener(BOB);
    await world.clock.advance(0);
    const event = await failed(bob);
    assertEquals([event.reason, event.fault], ["accept-failed", "local"]);
    await world.clock.advance(1000);
    assertEquals(await next(bob), { type: "listening", local: BOB });
    const peer = await world.dial("10.1.1.1", hello());
    const { connection } = await connected(bob);
    connection.close();
    peer.close();
  },
);

Deno.test(
  "dial goes by the next transport where one fails or is slow",
  none,
  async () => {
    for (const way of ["failing", "silent"]) {
      await using world = new World();
      const bob = await world.bob();
      const broken = {
        ...world.network.transport("10.0.0.1"),
        name: way,
        connect: () =>
          way === "failing"
            ? Promise.reject(new Error("unreachable"))
            : new Promise<never>(() => {}),
      };
      const alice = await world.host("10.0.0.1", {
        transports: [broken, world.network.transport("10.0.0.1")],
      });
      const outcome = alice.dial(at(BOB.port));
      await world.clock.advance(way === "failing" ? 0 : 300);
      const event = await outcome;
      assert(event.type === "connected");
      assertEquals(event.transport, "memory");
      assertEquals([alice.stats().halfOpen, alice.stats().established], [0, 1]);
      event.connection.close();
      (await connected(bob)).connection.close();
      assertEquals(alice.stats().established, 0);
    }
  },
);

Deno.test("dial: of two finished handshakes one is kept", none, async () => {
  await using world = new World(100);
  await world.bob();
  const alice = await world.host("10.0.0.1", {
    transports: [
      world.network.transport("10.0.0.1"),
      world.network.transport("10.0.0.1"),
    ],
  });
  const outcome = alice.dial(at(BOB.port));
  await world.clock.advance(2000);
  const event = await outcome;
  assert(event.type === "connected");
  assertEquals(alice.stats().established, 1);
  event.connection.close();
  assertEquals(alice.stats().established, 0);
});

Deno.test(
  "dial: what is called off leaves no trace on either side",
  none,
  async () => {
    await using world = new World(100);
    const bob = await world.bob();
    const inner = world.network.transport("10.0.0.1");
    const alice = await world.host("10.0.0.1", {
      transports: [{
        ...inner,
        name: "slow",
        connect: async (remote, options) => {
          const connection = await inner.connect(remote, options);
          await sleep(world.clock, 400);
          return connection;
        },
      }, inner],
      encryption: "prefer",
    });
    const outcome = alice.dial(at(BOB.port));
    await world.clock.advance(3000);
    const event = await outcome;
    assert(event.type === "connected");
    assertEquals([event.transport, world.network.attempts], ["memory", 2]);
    const { connected: ours, failed: fails, established } = alice.stats();
    assertEquals([ours.outbound, fails, established], [1, {}, 1]);
    const { connected: theirs, failed, pendingInbound } = bob.stats();
    assertEquals([theirs.inbound, failed, pendingInbound], [1, {}, 0]);
    event.connection.close();
    (await connected(bob)).connection.close();
  },
);
