// One connection with a peer a torrent, no matter who dials, and when.
import { assert, assertEquals } from "@std/assert";
import type { HandshakeConnected, Handshaker } from "../../handshake/mod.ts";
import {
  BOB,
  connect,
  connected,
  failed,
  hello,
  infoHash,
  next,
  World,
} from "../support/handshake_world.ts";

const none = { permissions: "none" } as const;
const ALICE = { hostname: "10.0.0.1", port: 6881 };
const id = (byte: number) => new Uint8Array(20).fill(byte);

/** Takes peers as a session does: a connection that ends is closed. */
function hold(handshaker: Handshaker): {
  open: Set<HandshakeConnected>;
  done: Promise<void>;
} {
  const open = new Set<HandshakeConnected>();
  const watch = async (event: HandshakeConnected) => {
    const buffer = new Uint8Array(9);
    try {
      while (await event.connection.read(buffer) !== null);
    } catch {
      // Closed on this side.
    }
    event.connection.close();
    open.delete(event);
  };
  const run = async () => {
    for await (const event of handshaker.events()) {
      if (event.type !== "connected") continue;
      open.add(event);
      void watch(event);
    }
  };
  return { open, done: run() };
}

// The lower listening port wins, as with libtorrent; of equal ones, where it
// leaves it to chance, the greater peer id. The time between the two must not
// matter, as the sides see different ones; the last cases are about the age
// from which a connection counts as old.
const OFFSETS = [0, 10, 50, 90, 100, 110, 200, 5000];
for (let offset = 9900; offset <= 10_200; offset += 10) OFFSETS.push(offset);
OFFSETS.push(60_000, 3_600_000);
const WINNERS: [number, number, number, "outbound" | "inbound"][] = [
  [1, 2, BOB.port, "inbound"],
  [2, 1, BOB.port, "outbound"],
  [1, 2, BOB.port - 1, "outbound"],
  [2, 1, BOB.port + 1, "inbound"],
];
for (const [low, high, port, winner] of WINNERS) {
  Deno.test(
    `of two connections both sides keep the same: port ${port}, ids ${low}, ${high}`,
    none,
    async () => {
      for (const offset of OFFSETS) {
        await using world = new World(50);
        const listen = { ...ALICE, port };
        const alice = await world.host(ALICE.hostname, {
          listen,
          peerId: id(low),
        });
        const bob = await world.bob({ peerId: id(high) });
        alice.addTorrent(infoHash);
        const sides = [hold(alice), hold(bob)] as const;
        connect(alice, { infoHash, address: BOB });
        await world.clock.advance(offset);
        connect(bob, { infoHash, address: listen });
        await world.clock.advance(2000);
        const counts = [alice, bob].map((side) => side.stats().established);
        assertEquals(counts, [1, 1], `offset ${offset}`);
        const [[a], [b]] = [[...sides[0].open], [...sides[1].open]];
        assertEquals(a!.direction, winner, `offset ${offset}`);
        assert(b!.direction !== winner, `offset ${offset}`);
        for (const event of [a!, b!]) event.connection.close();
        for (const side of [alice, bob]) await side.close();
        for (const { done } of sides) await done;
      }
    },
  );
}

Deno.test(
  "a candidate whose connection gives way is told of all the same",
  none,
  async () => {
    await using world = new World(50);
    const bob = await world.bob({ peerId: id(2) });
    const listen = { ...ALICE, port: BOB.port - 1 };
    const alice = await world.host(ALICE.hostname, { listen, peerId: id(1) });
    alice.addTorrent(infoHash);
    // Nobody takes the first before the second, which is to be kept, is there.
    connect(bob, { infoHash, address: listen });
    await world.clock.advance(1000);
    assertEquals(bob.stats().connected, { inbound: 0, outbound: 1 });
    connect(alice, { infoHash, address: BOB });
    await world.clock.advance(1000);
    const first = await failed(bob);
    assertEquals(first.reason, "duplicate-peer-id");
    assertEquals(first.direction, "outbound");
    assertEquals(first.candidate?.address, listen);
    const second = await connected(bob);
    assertEquals(second.direction, "inbound");
    const stats = bob.stats();
    assertEquals(stats.connected, { inbound: 1, outbound: 0 });
    assertEquals(stats.failed, { "duplicate-peer-id": 1 });
    assertEquals(stats.established, 1);
    // On the other side it is the inbound one.
    const other = await failed(alice);
    assertEquals([other.reason, other.direction, other.candidate], [
      "duplicate-peer-id",
      "inbound",
      undefined,
    ]);
    (await connected(alice)).connection.close();
    second.connection.close();
  },
);

Deno.test(
  "a claim of a peer's id at another host keeps nobody away",
  none,
  async () => {
    await using world = new World();
    const bob = await world.bob({ peerId: id(2) });
    // Its port is the lower one: of two connections the one it opens is kept.
    const listen = { ...ALICE, port: BOB.port - 1 };
    const alice = await world.host(ALICE.hostname, { listen, peerId: id(1) });
    alice.addTorrent(infoHash);
    const impostor = await world.dial("10.9.9.9", hello({ peerId: id(1) }));
    const claimed = await connected(bob);
    await world.clock.advance(20_000);
    const event = await bob.dial({ infoHash, address: listen, peerId: id(1) });
    assert(event.type === "connected");
    assertEquals(bob.stats().established, 2);
    // Nor does it take the place afterwards.
    const again = await world.dial("10.9.9.8", hello({ peerId: id(1) }));
    const third = await connected(bob);
    assertEquals(bob.stats().established, 3);
    assertEquals(await event.connection.write(new Uint8Array(1)), 1);
    for (const one of [claimed, event, third]) one.connection.close();
    (await connected(alice)).connection.close();
    for (const one of [impostor, again]) one.close();
  },
);

Deno.test(
  "a claim of a peer's id at its own address does not keep it away",
  none,
  async () => {
    await using world = new World();
    const bob = await world.bob({ peerId: id(2) });
    // Of two connections that come at once the one it opens is kept.
    const listen = { ...ALICE, port: BOB.port - 1 };
    const alice = await world.host(ALICE.hostname, { listen, peerId: id(1) });
    alice.addTorrent(infoHash);
    const impostor = await world.dial(ALICE.hostname, hello({ peerId: id(1) }));
    const claimed = await connected(bob);
    await world.clock.advance(20_000);
    const event = await bob.dial({ infoHash, address: listen, peerId: id(1) });
    assert(event.type === "connected");
    assertEquals(bob.stats().established, 2);
    claimed.connection.close();
    assertEquals(bob.stats().established, 1);
    // It is still known.
    const again = await world.dial(ALICE.hostname, hello({ peerId: id(1) }));
    const { connection } = await connected(bob);
    assertEquals(bob.stats().established, 1);
    connection.close();
    event.connection.close();
    (await connected(alice)).connection.close();
    for (const one of [impostor, again]) one.close();
  },
);

Deno.test(
  "a connection that finds no place does not end another",
  none,
  async () => {
    await using world = new World();
    const bob = await world.bob({ peerId: id(2), maxPerIpPerTorrent: 1 });
    const listen = { ...ALICE, port: BOB.port - 1 };
    const alice = await world.host(ALICE.hostname, { listen, peerId: id(1) });
    alice.addTorrent(infoHash);
    connect(bob, { infoHash, address: listen });
    const event = await connected(bob);
    // Its host has the one place it gets already.
    const other = await world.dial(ALICE.hostname, hello({ peerId: id(9) }));
    assertEquals((await failed(bob)).reason, "too-many-from-ip");
    assertEquals(bob.stats().established, 1);
    assertEquals(
      await event.connection.write(new Uint8Array(1)),
      1,
      "the first is open",
    );
    // The same host gives up one place for the other.
    const again = await world.dial(ALICE.hostname, hello({ peerId: id(1) }));
    const second = await next(bob);
    assert(second.type === "connected");
    assertEquals(bob.stats().established, 1);
    for (const one of [event, second]) one.connection.close();
    (await connected(alice)).connection.close();
    for (const one of [other, again]) one.close();
  },
);
