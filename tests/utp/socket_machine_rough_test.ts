import { assert, assertEquals } from "@std/assert";
import {
  createUtpPacket,
  encodeUtpPacket,
  type UtpHeader,
} from "../../utp/mod.ts";
import { UtpSocketMachine } from "../../utp/socket_machine.ts";
import { type LinkOptions, UtpWorld } from "./_link.ts";
import { tryDecodeUtpPacket } from "../../utp/packet.ts";

const none = { permissions: "none" } as const;
const MIB = 1_048_576;

function transfer(
  world: UtpWorld,
  bytes: number,
  back = 0,
  limitMs = 600_000,
): number {
  world.send(0, bytes, true);
  world.send(1, back, true);
  return world.run(
    limitMs,
    () =>
      world.got[1] === bytes && world.got[0] === back && world.a.isEnded &&
      world.b!.isEnded,
  );
}

Deno.test(
  "a clean link: nothing lost, nothing sent twice, both ends told",
  none,
  () => {
    const world = new UtpWorld(1, {
      delayMs: 20,
      rate: 2 * MIB,
      queue: 4 * MIB,
    });
    transfer(world, 8 * MIB, 100_000);
    assertEquals(world.got, [100_000, 8 * MIB]);
    const { resends, losses, timeouts, fastResends } = world.a.stats();
    assertEquals([resends, losses, timeouts, fastResends], [0, 0, 0, 0]);
    world.run(60_000);
    assertEquals([world.a.state, world.b!.state], ["closed", "closed"]);
    assertEquals([world.a.error, world.b!.error], [undefined, undefined]);
  },
);

Deno.test("alone it fills nine tenths of a link", none, () => {
  const rate = 1_250_000;
  const world = new UtpWorld(2, { delayMs: 25, rate, queue: rate });
  const bytes = 20 * MIB;
  const ms = transfer(world, bytes);
  assert(bytes / ms * 1000 > 0.9 * rate * 1444 / 1500, `${bytes / ms * 1000}`);
});

Deno.test("it keeps the delay that it adds near the target", none, () => {
  const world = new UtpWorld(3, { delayMs: 25, rate: 50_000, queue: 500_000 });
  transfer(world, 3 * MIB);
  const { losses, samplesAbove, samplesBelow } = world.a.stats();
  assertEquals(losses, 0);
  assert(samplesAbove + samplesBelow > 0);
  world.longestWait = 0;
  const more = new UtpWorld(3, { delayMs: 25, rate: 50_000, queue: 500_000 });
  more.send(0, 3 * MIB);
  more.run(20_000);
  more.longestWait = 0;
  more.run(20_000);
  assert(more.longestWait < 220, `${more.longestWait} ms`);
});

Deno.test("a path MTU of 1464 is found, which costs no window", none, () => {
  const world = new UtpWorld(4, {
    delayMs: 20,
    rate: 2 * MIB,
    queue: 4 * MIB,
    mtu: 1464,
  });
  transfer(world, 4 * MIB);
  const { losses, timeouts, fastResends } = world.a.stats();
  assertEquals([losses, timeouts], [0, 0]);
  assert(fastResends <= 10, `${fastResends}`);
  assert(world.a.mtu > 1400 && world.a.mtu <= 1464, `${world.a.mtu}`);
});

const ROUGH: readonly [string, LinkOptions, LinkOptions?][] = [
  ["loss of 2 %", { delayMs: 20, loss: 0.02 }],
  ["loss of 10 %", { delayMs: 20, loss: 0.1 }],
  ["reordering", { delayMs: 10, jitterMs: 30 }],
  ["duplicates", { delayMs: 10, duplicate: 0.3 }],
  ["all of it", { delayMs: 10, jitterMs: 20, loss: 0.05, duplicate: 0.1 }],
  ["a queue of 1500 bytes", { delayMs: 10, rate: 50_000, queue: 1500 }],
  ["tail drop", { delayMs: 10, rate: 500_000, queue: 20_000 }],
  ["1 MiB/s one way, 20 KiB/s the other", {
    delayMs: 20,
    rate: MIB,
    queue: MIB,
  }, {
    delayMs: 20,
    rate: 20_480,
    queue: 20_480,
  }],
];
for (const [name, ab, ba] of ROUGH) {
  Deno.test(`every byte arrives once and in order: ${name}`, none, () => {
    for (const seed of [1, 2, 3]) {
      const world = new UtpWorld(seed, ab, ba);
      transfer(world, 300_000, 20_000, 3_600_000);
      assertEquals(world.got, [20_000, 300_000], `${name}, seed ${seed}`);
    }
  });
}

Deno.test("clocks that run apart cost no throughput", none, () => {
  const rate = 500_000;
  for (const skew of [-0.0005, 0.0005]) {
    const world = new UtpWorld(
      5,
      { delayMs: 20, rate, queue: rate },
      undefined,
      skew,
    );
    const ms = transfer(world, 10 * MIB);
    assert(
      10 * MIB / ms * 1000 > 0.6 * rate,
      `${skew}: ${10 * MIB / ms * 1000}`,
    );
  }
});

Deno.test(
  "a reader that stops shuts the window, and opens it again",
  none,
  () => {
    const world = new UtpWorld(6, { delayMs: 5 });
    world.reads = false;
    world.send(0, 4 * MIB, true);
    world.run(120_000);
    assertEquals(world.got[1], 0);
    assertEquals([world.a.state, world.b!.state], ["connected", "connected"]);
    assert(world.b!.readable <= MIB);
    world.reads = true;
    world.run(60_000, () => world.got[1] === 4 * MIB);
    assertEquals(world.got[1], 4 * MIB);
  },
);

Deno.test("a peer that falls silent is given up", none, () => {
  const dead = new UtpWorld(7, { loss: 1 });
  dead.run(60_000);
  assertEquals(dead.a.state, "closed");
  assertEquals(dead.a.error?.code, "timed-out");
});

function packetOf(header: Partial<UtpHeader>, payload?: Uint8Array) {
  const bytes = encodeUtpPacket({
    type: "data",
    connectionId: 0,
    timestamp: 0,
    timestampDifference: 0,
    windowSize: 100_000,
    seqNr: 1,
    ackNr: 0,
    ...header,
  }, payload);
  return tryDecodeUtpPacket(bytes, createUtpPacket())!;
}

Deno.test("an unconfirmed connection dies at its first timeout", none, () => {
  const syn = packetOf({ type: "syn", connectionId: 7, seqNr: 1 });
  const machine = new UtpSocketMachine({ connectionId: 7, seqNr: 9, syn }, 0);
  const out = new Uint8Array(1500);
  let sent = 0;
  for (let now = 0; machine.state !== "closed" && now < 60_000; now += 10) {
    machine.handleTimeout(now);
    while (machine.poll(out, now) > 0) sent++;
  }
  assertEquals(machine.state, "closed");
  assert(sent <= 2, `${sent} datagrams to whom the SYN names`);
});

Deno.test("a RESET with an impossible ack changes nothing", none, () => {
  const world = new UtpWorld(8, {});
  transfer(world, 1000, 0, 100);
  const machine = new UtpSocketMachine({ connectionId: 5, seqNr: 100 }, 0);
  machine.receive(packetOf({ type: "reset", connectionId: 5, ackNr: 99 }), 1);
  assertEquals(machine.state, "connecting");
  machine.receive(packetOf({ type: "reset", connectionId: 5, ackNr: 100 }), 1);
  assertEquals([machine.state, machine.error?.code], ["closed", "refused"]);
});

Deno.test(
  "acks of what was never sent, and SYNs again, are dropped",
  none,
  () => {
    const world = new UtpWorld(9, {});
    world.send(0, 1000);
    world.run(1000, () => world.got[1] === 1000);
    const before = world.a.stats();
    world.a.receive(packetOf({ type: "state", ackNr: 30_000 }), world.now);
    world.a.receive(packetOf({ type: "syn" }), world.now);
    assertEquals(world.a.stats().dropped, before.dropped + 2);
    assertEquals(world.a.state, "connected");
  },
);
